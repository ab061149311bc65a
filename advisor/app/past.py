"""The commands that look back at runs that are done, and load no model."""

from pathlib import Path
from typing import Annotated

import typer

from advisor.app.flags import Common, command

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
