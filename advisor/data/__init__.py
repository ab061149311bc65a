"""How a task comes in: its folder, its rows, what is wrong with them, and what they say."""
