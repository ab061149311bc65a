"""What runs a system: prompts, passages, weights and stored answers, within what may be spent."""
