"""Values as words: what the terminal and the report say. Computes nothing."""
