"""What tests of rows begin with."""

from pathlib import Path

from advisor.rows.examples import Rows, read_rows


def written(tmp_path: Path, name: str, content: str | bytes) -> Rows:
    """The rows of a file of that name with that content."""
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_rows(path, name)


def pairs(rows: Rows) -> list[tuple[str, str]]:
    """Inputs and outputs of rows in which nothing is wrong."""
    assert rows.problems == []
    return [(one.input, one.output) for one in rows.examples]
