"""The truth table: every path that a situation allows, built within a budget in tokens and scored on the test; and what
handing out the first passage scores there, where there are documents.

What is there is kept; an interrupted call goes on where it stopped. It gives way to all other work, so what it took is
counted in seconds of processor time. Each line of `truth.jsonl` holds what a path got on each test row, so that regret can be
cross-fitted.
"""

import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import chdir, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from advisor import flow
from advisor.paths import PATHS, infeasible
from advisor.paths.prompting import baseline
from advisor.runtime.settings import Settings, parse_budget
from advisor.score.metric import COPIED, Scored, floors, score_all
from advisor.score.statistics import rating
from advisor.system import Buildable
from benchmarks import flags
from benchmarks.decisions.situations import HELD_OUT, TASKS, Situation, laid_out, situations

TABLE = Path(__file__).with_name("truth.jsonl")
BUDGET = "300ktok"  # ten minutes of tuning at 500 tokens a second
BASELINE = "baseline"
Value = TypeVar("Value")


@dataclass(frozen=True)
class Worth:
    """What a path is worth in a situation: its `score` on the test; for each row of it what it adds to the metric's sums, None
    where it gave no text; seconds of processor time to build it and to answer the test; and the day."""

    situation: str
    path: str
    metric: str
    score: float
    sums: tuple[tuple[float, ...] | None, ...]
    built: float
    tested: float
    day: str


_WORTH = TypeAdapter(Worth)


def table() -> list[Worth]:
    """What is known."""
    lines = TABLE.read_text(encoding="utf-8").splitlines() if TABLE.is_file() else []
    return [_WORTH.validate_json(line) for line in lines]


def worth(run: flow.Run, situation: Situation, path: str) -> Worth:
    """Build a path as a run would, and ask it about the whole test, whose opening is no news here."""
    bench, test = run.bench, run.task.split.test
    system, built = _timed(lambda: _built(run, path))
    made, tested = _timed(lambda: bench.runtime.predict(system, test, f"{situation.name} · {path}"))
    scored = score_all(bench.metric, [one.text for one in made], test)
    return _worth(run, situation, path, scored, built, tested)


def copied(run: flow.Run, situation: Situation) -> Worth:
    """What the first passage that is found is worth as an answer."""
    bench, test = run.bench, run.task.split.test
    found, tested = _timed(lambda: bench.runtime.finder.search([example.input for example in test], 1))
    contexts = {e.id: row[0].text if row else "" for e, row in zip(test, found, strict=True)}
    return _worth(
        run, situation, COPIED, floors(bench.metric, test, run.task.split.train, contexts)[COPIED], 0.0, tested
    )


def _worth(
    run: flow.Run, situation: Situation, path: str, scored: Sequence[Scored], built: float, tested: float
) -> Worth:
    sums = tuple(None if one.score is None else tuple(round(x, 3) for x in one.statistics) for one in scored)
    score = round(rating(run.bench.metric, scored), 2)
    return Worth(situation.name, path, run.task.metric, score, sums, built, tested, time.strftime("%Y-%m-%d"))


def _built(run: flow.Run, path: str) -> Buildable:
    return baseline(run.bench) if path == BASELINE else PATHS[path](run.bench)


def _timed(work: Callable[[], Value]) -> tuple[Value, float]:
    since = time.process_time()
    value = work()
    return value, round(time.process_time() - since, 1)


def opened(situation: Situation, data: Path, folder: Path) -> flow.Run:
    """The run of a situation, its run folder under `folder`, where the current directory must be."""
    return flow.opened(laid_out(situation, data, folder / "tasks"), Settings(budget=parse_budget(BUDGET)))


def give_way() -> None:
    """Let all other work go first, that of other sessions too, which Linux may weigh as groups (sched(7), autogroup)."""
    os.nice(19)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text("19", encoding="ascii")


def main() -> None:
    """Fill the table; with --held-out also for the tasks that nothing is fitted on."""
    asked = flags.given("decisions", __doc__, **{"held-out": {"action": "store_true"}})
    give_way()
    data, folder = asked.data.resolve(), asked.folder.resolve()
    known = {(one.situation, one.path) for one in table()}
    for situation in situations(data, HELD_OUT if asked.held_out else TASKS):
        with chdir(folder):
            run = opened(situation, data, folder)
            out = infeasible(run.task, run.model)
            wanted = [
                BASELINE,
                *(path for path in PATHS if path not in out),
                *([COPIED] if situation.documents else []),
            ]
            for path in wanted:
                if (situation.name, path) in known:
                    continue
                one = copied(run, situation) if path == COPIED else worth(run, situation, path)
                with TABLE.open("a", encoding="utf-8") as file:
                    file.write(_WORTH.dump_json(one).decode() + "\n")
                took = f"built {one.built:.0f} s, tested {one.tested:.0f} s"
                print(f"{one.situation:28} {one.path:20} {one.score:6.1f}   {took}", file=sys.stderr)


if __name__ == "__main__":
    main()
