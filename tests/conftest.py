"""What tests of every package need: code that a hostile folder brings, which tells whether it was run."""

from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Trap:
    """Code that writes `file` where it is run: as `source`, and unpickled as an object."""

    file: Path

    @property
    def source(self) -> str:
        return f"open({str(self.file)!r}, 'a').write('ran')\n"

    @property
    def sprung(self) -> bool:
        return self.file.exists()

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, (self.source,)


@pytest.fixture
def trap(tmp_path_factory: pytest.TempPathFactory) -> Trap:
    return Trap(tmp_path_factory.mktemp("trap") / "sprung")
