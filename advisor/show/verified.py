"""What `verify` found, in words."""

from advisor.measure.verification import Verification
from advisor.show.blocks import Block, Section, Text, table
from advisor.show.words import NOTHING

SHOWN, LONGEST = 50, 200  # problems, and characters of what is there


def verified(value: Verification) -> Section:
    """Whether a run holds, and all that does not."""
    looked = value.checked
    count = (
        f"{looked.figures:,} figures computed again, {looked.files:,} files and {looked.ledger_lines:,} lines of the "
        "ledger checked"
    )
    blocks: list[Block] = [Text(count, "soft"), *(Text(note, "warning") for note in value.notes)]
    if value.holds:
        return Section("verify", (*blocks, Text(f"{value.run} holds", "good")))
    told = Text(f"{value.run} does not hold: {len(value.problems):,} differences", "bad")
    rows = [(p.file, p.field, _cell(p.there), _cell(p.should)) for p in value.problems[:SHOWN]]
    more = [Text(f"and {len(value.problems) - SHOWN:,} more")] if len(value.problems) > SHOWN else []
    return Section("verify", (*blocks, told, table("file|where|is there|should be", *rows), *more))


def _cell(value: object) -> str:
    text = NOTHING if value in (None, "") else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
