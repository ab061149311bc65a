"""The runs of a folder: what each forecast and what was measured, and how forecasts did over all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from advisor import runfolder
from advisor.decide.cases import SMALLEST_GAIN
from advisor.decide.recommendation import Recommendation
from advisor.errors import InputError
from advisor.measure.figures import Triple
from advisor.measure.proof import Result
from advisor.runtime.built import Asked
from advisor.score.statistics import wilson
from advisor.score.verdicts import Verdict

State = Literal["finished", "unfinished", "from answers", "foreign"]


@dataclass(frozen=True)
class PastRun:
    """One run folder, and what it came to. Only of a `finished` one all is known; `why` says what is the matter with others.

    `certainty`: the probability stated of the path that was built. `forecast`: the gain expected of it, in points over
    `gain_over`, with its 90 % interval; `gain`: the one measured over the baseline, with its 95 % interval. `inside`: whether
    that lies in the forecast's interval; None where they are not of one thing. `at`: when it was done, as ISO 8601 has it.
    `seconds`: of all its steps.
    """

    run: str
    state: State
    why: str = ""
    task: str = ""
    path: str = ""
    provisional: bool = False
    verdict: Verdict | None = None
    certainty: float | None = None
    gain_over: str = ""
    forecast: Triple | None = None
    gain: Triple | None = None
    inside: bool | None = None
    gain_over_runner_up: Triple | None = None
    at: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class Share:
    """How many of how many, and the 95 % interval (Wilson) of that share of 1; None of none."""

    count: int
    of: int
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class Calibration:
    """How forecasts did: how many held the gain measured later; and beside the `certainty` that was stated, on the average,
    of being within the smallest gain worth having of the best path, how often a path was so of its runner-up (`level`)."""

    covered: Share
    level: Share
    certainty: float | None


@dataclass(frozen=True)
class History:
    """The runs of a folder, in the order in which they were done."""

    runs: tuple[PastRun, ...]
    calibration: Calibration


def history(runs: Path = runfolder.RUNS) -> History:
    """All run folders, and whatever else lies there as one, each as what it is."""
    found = sorted(runs.iterdir()) if runs.is_dir() else []
    past = sorted((past_run(one) for one in found if one.is_dir()), key=lambda one: (one.at, one.run))
    return History(tuple(past), calibration(past))


def past_run(folder: Path) -> PastRun:
    """What a folder holds; what can't be read is foreign."""
    name = str(folder)
    if folder.is_symlink():
        return PastRun(name, "foreign", "is a link, which no run makes")
    task, advice, result = folder / "task.json", folder / "recommendation.json", folder / "result.json"
    if not task.is_file():
        answers = advice.is_file()
        why = "a recommendation from answers alone" if answers else "there is no task.json"
        return PastRun(name, "from answers" if answers else "foreign", why)
    try:
        asked, at = runfolder.read(task, Asked), max(runfolder.times(folder).values(), default="")
        if not result.is_file() or not advice.is_file():
            return PastRun(name, "unfinished", _done(folder), asked.name, at=at)
        return _finished(folder, asked, runfolder.read(advice, Recommendation), runfolder.read(result, Result))
    except InputError as error:
        problem = error.problems[0]
        return PastRun(name, "foreign", f"{Path(str(problem.where)).name} {problem.what}")


def calibration(runs: Sequence[PastRun]) -> Calibration:
    """How the forecasts of runs did, of those that a sealed test measured."""
    inside = [one.inside for one in runs if one.inside is not None]
    compared = [(one.gain_over_runner_up[1], one.certainty) for one in runs if one.gain_over_runner_up]
    stated = [certainty for _, certainty in compared if certainty is not None]
    level = [gain >= -SMALLEST_GAIN for gain, _ in compared]
    return Calibration(_share(inside), _share(level), sum(stated) / len(stated) if stated else None)


def _finished(folder: Path, asked: Asked, advice: Recommendation, result: Result) -> PastRun:
    believed = next((one for one in advice.ranking if one.path == result.path), None)
    forecast = (believed.interval[0], believed.expected_gain, believed.interval[1]) if believed else None
    comparable = forecast and result.gain and advice.gain_over == "baseline"
    return PastRun(
        run=str(folder),
        state="finished",
        task=asked.name,
        path=result.path,
        provisional=result.provisional,
        verdict=result.verdict,
        certainty=believed.probability if believed else None,
        gain_over=advice.gain_over,
        forecast=forecast,
        gain=result.gain,
        inside=forecast[0] <= result.gain[1] <= forecast[2] if comparable and forecast and result.gain else None,
        gain_over_runner_up=result.gain_over_runner_up,
        at=runfolder.times(folder).get("result", ""),
        seconds=round(sum(result.seconds.values()), 2),
    )


def _done(folder: Path) -> str:
    """How far an unfinished run came."""
    steps = list(runfolder.times(folder))
    return f"done: {', '.join(steps)}" if steps else "no step is done"


def _share(ones: Sequence[bool]) -> Share:
    share = sum(ones) / max(1, len(ones))
    return Share(sum(ones), len(ones), wilson(share, share * (1 - share), len(ones)) if ones else None)
