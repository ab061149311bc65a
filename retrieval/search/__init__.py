"""Queries to passages: by words, by spelling, by meaning, mixed and read again."""
