"""The instruction that prompts say, chosen on the examples to choose on before paths are compared. Knows no path.

Where rows are few all of them are asked, and each fold goes by what the rows of the others say (`Bench.saying`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import ceil, log2

from advisor.models.protocol import Model
from advisor.paths import proposing
from advisor.paths.arms import predictions
from advisor.paths.finetuning import reading
from advisor.paths.prompting import Prompt, baseline, constrained, held
from advisor.runtime.bench import Bench
from advisor.runtime.instructions import LISTED, OWN, Candidate, Instructions, only_own
from advisor.score.metric import Scored, score_all
from advisor.score.statistics import rating
from advisor.system import System
from advisor.task import Example, Task

LEAST = 8  # examples, on fewer of which no instruction is chosen


def choose(bench: Bench, proposer: Model | None = None) -> Instructions:
    """Choose among the task's own instruction, those that it lists, and those that a proposer makes of the best of them.

    What a proposer sees failing and what its proposals are judged by are different halves of the examples. Where rows are
    few each is measured on, and none is left to show it.
    """
    writers, tries, examples, notes = _writers(bench.task), bench.purse.tries, bench.choosing, []
    if proposer:
        half = examples[::2][: tries // 8]
        few = "rows are few, and each is measured on" if bench.task.split.folds else ""
        if not (why := few or _lacking(half, examples[::2])):
            return _chosen(bench, *_improved(bench, _halved(bench, writers, half, tries // 4), proposer, half))
        notes.append(f"the proposer was not asked: {why}")
    if len(writers) > 1:
        if not (why := _lacking(examples[: tries // _rounds(bench, writers) // len(writers)], examples)):
            return _chosen(bench, _halved(bench, writers, examples, tries), "; ".join(notes))
        notes.append(f"{len(writers)} instructions were not compared: {why}")
    return only_own(bench.task, "; ".join(notes))


def _chosen(bench: Bench, tried: tuple[Candidate, ...], note: str) -> Instructions:
    made = Instructions(tried, how=_how(bench), note=note)
    return replace(made, place=tried.index(made.best(bench.metric, {one.id for one in bench.choosing})))


def _lacking(asked: Sequence[Example], there: Sequence[Example]) -> str:
    """Why so few of the examples that are there tell too little, "" where they do not."""
    if len(asked) >= LEAST:
        return ""
    return "the budget covers too few answers" if len(there) >= LEAST else "there are too few examples to choose on"


def _writers(task: Task) -> dict[str, str]:
    """Who wrote each instruction: the task's own, the first, and those that it lists beside it."""
    own = task.own_instruction
    listed = (text.strip() for text in task.instructions)
    return {own: OWN} | {text: LISTED for text in listed if text != own.strip()}


def _halved(bench: Bench, writers: Mapping[str, str], examples: Sequence[Example], tries: int) -> tuple[Candidate, ...]:
    """What each instruction scored. Sequential halving (Karnin, Koren and Somekh 2013, ICML): each round has the same part
    of the answers, and the better half of those beside the task's own, which is asked all, goes on."""
    scored: dict[str, tuple[Scored, ...]] = dict.fromkeys(writers, ())
    (own, *others), done, rounds = list(writers), 0, _rounds(bench, writers)
    for _ in range(rounds):
        part = examples[done : done + tries // rounds // (1 + len(others))]
        for text in (own, *others):
            scored[text] += _asked(bench, text, part)
        done += len(part)
        others = sorted(others, key=lambda text: -rating(bench.metric, scored[text]))[: ceil(len(others) / 2)]
    return tuple(_candidate(bench, text, by, scored[text]) for text, by in writers.items())


def _rounds(bench: Bench, writers: Mapping[str, str]) -> int:
    """How often half of them leave; where rows are few, none does, since each fold chooses among all."""
    return 1 if bench.task.split.folds else max(1, ceil(log2(len(writers))))


def _improved(
    bench: Bench, tried: tuple[Candidate, ...], proposer: Model, judging: Sequence[Example]
) -> tuple[tuple[Candidate, ...], str]:
    """What was tried with what the proposer makes of the best of it, all of these and the task's own asked all; and what
    stopped the proposer, "" for nothing."""
    best = Instructions(tried).best(bench.metric, {one.id for one in judging}).text
    failing = bench.choosing[1::2][: len(judging)]
    calls = bench.purse.tries // 2 - len(judging)  # the last proposal may be asked all when no call is left
    proposed, note = proposing.proposed(
        bench, lambda text: _saying(text)(bench), best, proposer, failing, judging, calls
    )
    writers = {one.text: one.by for one in tried} | {text: proposer.name for text in proposed}
    asked = {text: _asked(bench, text, judging) for text in (tried[0].text, best, *proposed)}
    again = (_candidate(bench, text, by, asked[text]) for text, by in writers.items() if text in asked)
    kept = {one.text: one for one in tried}
    return tuple((kept | {one.text: one for one in again}).values()), note


def _asked(bench: Bench, text: str, examples: Sequence[Example]) -> tuple[Scored, ...]:
    made = predictions(bench, _saying(text), examples, "instructions")
    return score_all(bench.metric, [one.text for one in made], examples)


def _candidate(bench: Bench, text: str, by: str, scored: tuple[Scored, ...]) -> Candidate:
    return Candidate(text, by, rating(bench.metric, scored), scored)


def _saying(text: str) -> Prompt:
    """The arm by which an instruction is judged: a passage where there are documents, held to the form where that can be
    had, so that neither lacking facts nor a wrong form hides what it is worth."""

    def made(bench: Bench) -> System:
        base = reading if bench.task.documents else baseline
        return replace(held(base)(bench), instruction=text)

    return made


def _how(bench: Bench) -> str:
    """What instructions were asked with, in words."""
    told = {
        "without examples": True,
        "with retrieved passages": bool(bench.task.documents),
        "held to the form": constrained(bench) is not None,
        "in each fold chosen by the rows of the others": bool(bench.task.split.folds),
    }
    return ", ".join(what for what, holds in told.items() if holds)
