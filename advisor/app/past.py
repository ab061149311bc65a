"""The commands that look back at runs that are done, and load no model."""

from pathlib import Path
from typing import Annotated

import typer

from advisor.app.flags import Common, command
from advisor.errors import InputError, Problem

FAILED = 1  # exit code: something does not hold


@command
def verify(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="a run folder, runs/...")], *, common: Common
) -> int:
    """Compute a run's figures again from its per-example files, and check its report, its files and the ledger."""
    from advisor.measure import verification
    from advisor.show import report
    from advisor.show.gathered import gather
    from advisor.show.verified import verified

    value = verification.verify(run, lambda form: report.render(gather(run), form), allow_code=common.allow_code)
    common.show(value, verified(value))
    return 0 if value.holds else FAILED


@command
def runs(
    pair: Annotated[
        list[Path] | None, typer.Argument(metavar="[RUN RUN]", help="two run folders, side by side")
    ] = None,
    *,
    common: Common,
) -> None:
    """The runs of this folder, with what was forecast beside what was measured; or two of them side by side."""
    from advisor.measure import history, pairing
    from advisor.show import listed

    if pair and len(pair) != 2:
        raise InputError(Problem(f"{len(pair)} run folders were given", "runs", do="Give two, or none"))
    if pair:
        two = pairing.pair(*pair)
        common.show(two, listed.compared(two))
    else:
        all_of_them = history.history()
        common.show(all_of_them, listed.listed(all_of_them))
