"""What is known beforehand, as data. This file makes the folder a package, so that an installed copy finds it."""
