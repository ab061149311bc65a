"""The decision benchmark: what the advisor would build, beside what every path is worth."""
