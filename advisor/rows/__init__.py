"""How rows come in: files of every kind that people keep examples in, to examples."""
