"""What the files of a run folder hold, read back for the report."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args, get_type_hints

from advisor import runfolder
from advisor.data.profiling import Profile
from advisor.decide.recommendation import Recommendation
from advisor.errors import InputError, Problem
from advisor.measure.diagnosis import Diagnosis
from advisor.measure.proof import Result
from advisor.paths.abstaining import Abstaining
from advisor.runtime.built import Asked
from advisor.runtime.finder import Search
from advisor.runtime.instructions import Instructions


@dataclass(frozen=True)
class RunFiles:
    """What the files of a run folder hold; None for what is not there."""

    folder: str
    task: Asked | None = None
    profile: Profile | None = None
    search: Search | None = None
    instructions: Instructions | None = None
    diagnosis: Diagnosis | None = None
    recommendation: Recommendation | None = None
    abstaining: Abstaining | None = None
    result: Result | None = None


FILES: Mapping[str, type] = {
    name: get_args(kind)[0] for name, kind in get_type_hints(RunFiles).items() if name != "folder"
}


def gather(folder: Path) -> RunFiles:
    """What a run folder holds. Raises InputError where that is nothing to report, or what no run of this version wrote."""
    values: dict[str, object] = {}
    problems: list[Problem] = []
    for name, kind in FILES.items():
        if (path := folder / f"{name}.json").is_file():
            try:
                values[name] = runfolder.read(path, kind)
            except InputError as error:
                problems += error.problems
    if not problems and not {"profile", "diagnosis", "recommendation", "result"} & set(values):
        advice = "Give a run folder (runs/...) that `advisor run` or `advisor ask` wrote"
        problems.append(Problem("there is nothing to report here", folder, do=advice))
    if problems:
        raise InputError(problems)
    result = values.get("result")
    named = (
        result.run if isinstance(result, Result) else str(folder)
    )  # as the run calls it, from wherever it is looked at
    return RunFiles(named, **values)  # type: ignore[arg-type]  # each is of the type in FILES
