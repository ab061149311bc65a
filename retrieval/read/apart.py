"""Reads a file in a process of its own, which hostile or damaged content may bring down without harm to the run."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from retrieval.documents import Refused

LIMITED = Path(__file__).with_name("limited.py")
MOST_SECONDS = 900  # by the clock, on a machine that may be busy; the program limits its own work to less


def extracted(program: Path, file: Path, errors: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """What the function `extract` of `program` returns for `file`, under the limits of `limited.py`.

    errors: what is wrong, and what to do, where it returns an `error` alone.

    Raises `Refused` for these and where it gives up or takes too long, and `OSError`.
    """
    file.open("rb").close()  # that it is not there, or closed to us, is told by the usual error
    # -P, since the folder of the program holds modules whose names others may mean
    command = [sys.executable, "-P", str(LIMITED), str(program), str(file)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=MOST_SECONDS, check=True)
        said: dict[str, Any] = json.loads(done.stdout)
    except subprocess.TimeoutExpired as error:
        raise Refused(f"takes more than {MOST_SECONDS} seconds to read", "split it, or take it out") from error
    except (subprocess.CalledProcessError, ValueError) as error:
        do = "open it in a program that shows it and save it again, split it, or take it out"
        raise Refused("so damaged or so large that its reader gave up on it", do) from error
    if told := said.get("error"):
        raise Refused(*errors[told])
    return said
