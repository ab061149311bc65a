"""`python -m advisor` is the `advisor` command."""

from advisor.app.cli import main

main()
