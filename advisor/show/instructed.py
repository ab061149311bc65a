"""Which instructions were tried and which was chosen, worded for the terminal and the report."""

from advisor.runtime.instructions import Candidate, Instructions
from advisor.show.blocks import Block, Section, Text, table
from advisor.show.words import NOTHING, figure

PLACES = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def told(instructions: Instructions) -> str:
    """How many were tried and which was chosen, in one line; "" where only the task's own was there."""
    count, place = len(instructions.tried), instructions.place
    if count < 2:
        return ""
    score = figure(instructions.chosen.score, 0)
    if not place:
        return f"{count} instructions tried; your own stays: {score}"
    which = f"the {PLACES[place]}" if place < len(PLACES) else f"number {place + 1}"
    return f"{count} instructions tried; {which} chosen: {score} against {figure(instructions.own.score, 0)}"


def section(instructions: Instructions) -> Section:
    """All that were tried, with who wrote each."""
    note: list[Block] = [Text(f"{_sentence(instructions.note)}.", "warning")] if instructions.note else []
    if line := told(instructions):
        head = f"{line}, asked {instructions.how}. The baseline says your own."
        rows = [_row(one) for one in instructions.tried]
        chosen = frozenset({instructions.place})
        tried = table("by|instruction|>examples|>score", *rows, chosen=chosen)
        return Section("Instructions", (Text(head), tried, *note))
    return Section("Instructions", tuple(note))


def _row(one: Candidate) -> tuple[str, ...]:
    return one.by, one.text.strip() or NOTHING, f"{len(one.scored):,}", figure(one.score)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
