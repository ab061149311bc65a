"""How searching is measured and chosen."""
