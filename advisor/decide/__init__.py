"""What is believed: rules, published cases and measurements as one recommendation. Sees no model and no file of a task."""
