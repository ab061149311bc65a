"""Passages on disk: built, brought up to date, repaired."""
