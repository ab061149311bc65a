"""Prints, as JSON, what the function `extract` of the program named first gives for the file named second.

This is no part of the process that reads documents, since a hostile file of a few kilobytes can ask for any amount of memory
and time, and a damaged one may bring a library down; so neither it nor what it runs imports anything of this package, whose
own imports would take longer than most files.
"""

import json
import runpy
import sys

MOST_MEMORY, MOST_SECONDS = 2 * 2**30, 120  # bytes and seconds of work, where the operating system can hold it to them


def _limit() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    for what, limit in ((resource.RLIMIT_AS, MOST_MEMORY), (resource.RLIMIT_CPU, MOST_SECONDS)):
        _, most = resource.getrlimit(what)
        resource.setrlimit(what, (limit if most == resource.RLIM_INFINITY else min(limit, most), most))


if __name__ == "__main__":
    _limit()
    json.dump(runpy.run_path(sys.argv[1])["extract"](sys.argv[2]), sys.stdout)
