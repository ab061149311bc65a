"""Files of rows of every kind to records; what a row means is known in `formats` and `tables`."""

import gzip
import importlib.util
import io
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from advisor import texts
from advisor.errors import InputError, Problem
from advisor.rows import cells, formats, tables
from advisor.rows.conversations import are_messages
from advisor.rows.formats import Record
from advisor.rows.names import keys
from advisor.rows.tables import Table
from advisor.rows.values import Value, is_json, read_values
from retrieval.documents import Refused
from retrieval.read import apart

MOST_UNPACKED = 256 * 2**20  # bytes of a file once it is unpacked
GZIP = b"\x1f\x8b"
SAVE = "Save its rows as JSON Lines (.jsonl), CSV, Excel (.xlsx) or Parquet"
OTHERS = {  # endings under which people keep rows, and that are not read
    ".txt": "Name it .csv or .jsonl if that is what it holds",
    ".zip": "Unpack it", ".7z": "Unpack it", ".tar": "Unpack it", ".tgz": "Unpack it",
    ".bz2": "Unpack it", ".xz": "Unpack it", ".zst": "Unpack it",
    ".arrow": SAVE, ".feather": SAVE, ".avro": SAVE, ".xml": SAVE, ".html": SAVE, ".docx": SAVE, ".numbers": SAVE,
    ".pkl": SAVE, ".sqlite": SAVE, ".db": SAVE,
}  # fmt: skip
REFUSED = {
    "size": ("more than can be read at once (256 MB of text, 4 million cells, 2 million rows)", "Split it"),
    "locked": ("locked by a password", "Save it without one"),
    "damaged": ("damaged, or not what its name says", "Open it in a program that shows it, and save it again"),
}
Where = str | Path


@dataclass
class Source:
    """The records of a file (plain texts where only inputs are wanted), what is wrong in it, and what a person should know
    of how it was read: kinds and messages."""

    records: list[Record] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)


def read(path: Path) -> Source:
    """The records of a file, by the ending of its name. Never raises."""
    ending = ending_of(path.name)
    if ending not in READERS:
        what = f"ends in {ending or 'nothing'}, and rows are not read from such files"
        return Source(problems=[Problem(what, path, do=OTHERS.get(ending, SAVE))])
    if not path.is_file():
        return Source(problems=texts.read_text(path)[1])
    try:
        return READERS[ending](path)
    except InputError as error:
        return Source(problems=list(error.problems))
    except Refused as error:
        do = error.do[:1].upper() + error.do[1:]
        return Source(problems=[Problem(f"can't be read: {error.reason}", path, do=do)])
    except OSError as error:
        do = "Check the name, and that you may read the file"
        return Source(problems=[Problem(f"can't be read: {error.strerror or error}", path, do=do)])


def read_inputs(raw: bytes, where: str) -> Source:
    """Inputs to predict for: JSON Lines or an array, in which texts may stand alone, or a CSV with a header."""
    try:
        unpacked = _unpacked(io.BytesIO(raw), where) if raw.startswith(GZIP) else raw
        text, problems = texts.decoded(unpacked, where)
        first = text.lstrip().partition("\n")[0]
        headed = any(keys(tuple(first.split(separator))).asked for separator in cells.SEPARATORS)
        if headed and not problems and not is_json(first):
            return _table(text, where, wanted=False)
        return _of_values(read_values(text, where, problems, plain=True), where, problems)
    except InputError as error:
        return Source(problems=list(error.problems))


def ending_of(name: str) -> str:
    """The ending of a file's name in lower case, `.gz` with the one before it."""
    ends = [end.lower() for end in Path(name).suffixes]
    return "".join(ends[-2:] if ends[-1:] == [".gz"] else ends[-1:])


def _text(path: Path) -> tuple[str, list[Problem]]:
    if not path.name.lower().endswith(".gz"):
        return texts.read_text(path)
    with path.open("rb") as packed:
        return texts.decoded(_unpacked(packed, path), path)


def _unpacked(packed: IO[bytes], where: Where) -> bytes:
    """What gzip packed. Raises InputError where it is damaged, or more than fits."""
    try:
        with gzip.GzipFile(fileobj=packed) as stream:
            unpacked = stream.read(MOST_UNPACKED + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(Problem(f"is not whole gzip: {error}", where, do="Pack it again, or unpack it")) from error
    if len(unpacked) > MOST_UNPACKED:
        what = f"holds more than {MOST_UNPACKED // 2**20} MB once it is unpacked"
        raise InputError(Problem(what, where, do="Unpack it, if you trust it, and split it"))
    return unpacked


def _json_file(path: Path) -> Source:
    text, problems = _text(path)
    return _of_values(read_values(text, path, problems), path, problems)


def _of_values(values: Sequence[Value], where: Where, problems: list[Problem]) -> Source:
    """Objects as records; the rows in the one list of a single object, and the questions in SQuAD's articles, each alone."""
    told: list[tuple[str, str]] = []
    if len(values) == 1 and isinstance(values[0][1], dict):
        values, aside = _inside(values[0], where)
        told = [("unused_key", f"{key!r}, which stands beside the rows, is not used") for key in aside]
    rows = [(place, row) for place, value in values for row in formats.questions(value)]
    if len(rows) > len(values):
        rows = [(number, row) for number, (_, row) in enumerate(rows, 1)]
    records = []
    for place, row in rows:
        if isinstance(row, dict | str):
            flat = formats.flat(row) if isinstance(row, dict) else {"input": row}
            records.append(Record(place, flat, tuple(flat)))
        else:
            problems.append(Problem(f"is {texts.kind(row)}, not an object", where, place, do="Write one object a row"))
    return Source(records, problems, told)


def _inside(value: Value, where: Where) -> tuple[list[Value], list[str]]:
    """The rows that the one object of a file holds in a list, and its other keys; the object itself where it is a row.

    Raises InputError where it has several such lists.
    """
    place, row = value
    known = keys(tuple(row))
    lists = [key for key, inner in row.items() if isinstance(inner, list) and inner and isinstance(inner[0], dict)]
    alone = any(are_messages(row[key]) for key in lists) or formats.questions(row) != [row]
    if known.asked or known.messages or known.preferred or alone or not lists:
        return [value], []
    if len(lists) > 1:
        do = f"Write each to a file of its own, such as with: jq -c '.{lists[0]}[]'"
        raise InputError(Problem(f"holds several lists of rows: {_listed(lists)}", where, place, do=do))
    return list(enumerate(row[lists[0]], 1)), [key for key in row if key != lists[0]]


def _table_file(path: Path) -> Source:
    text, problems = _text(path)
    return Source(problems=problems) if problems else _table(text, path)


def _table(text: str, where: Where, wanted: bool = True) -> Source:
    problems: list[Problem] = []
    try:
        lines, separator = cells.lines_of(text, where, problems)
        return _of_table(tables.understood(lines, where, wanted=wanted, separator=separator), problems)
    except InputError as error:
        return Source(problems=problems or list(error.problems))


def _of_table(table: Table, problems: Sequence[Problem] = ()) -> Source:
    told = [("columns", table.told)] if table.told else []
    return Source(list(table.records), [*problems, *table.problems], told)


def _sheet_file(path: Path) -> Source:
    """The first sheet that names input and output in its first line, or the only one with two lines and columns."""
    said = apart.extracted(Path(__file__).with_name("sheets.py"), path, REFUSED)
    sheets = {}
    for sheet in said["sheets"]:
        numbered = enumerate(sheet["rows"], sheet["first"])
        sheets[sheet["name"]] = [(line, row) for line, row in numbered if any(cell.strip() for cell in row)]
    large = [name for name, lines in sheets.items() if len(lines) > 1 and len(lines[0][1]) > 1]
    named = [name for name in large if tables.complete(sheets[name][0][1])]
    chosen = named[:1] or (large if len(large) == 1 else list(sheets)[: len(sheets) == 1])
    if not chosen:
        what = f"has no sheet that is surely the table: {_listed(sheets)}" if sheets else "has no cells"
        raise InputError(Problem(what, path, do=tables.NAMED + " of the sheet that is"))
    source = _of_table(tables.understood(sheets[chosen[0]], path))
    if others := [name for name in sheets if name not in chosen]:
        source.told.append(("other_sheets", f"the sheet {chosen[0]!r} is read; not read: {_listed(others)}"))
    return source


def _listed(names: Iterable[str]) -> str:
    shown = [repr(texts.clipped(name, 40)) for name in names]
    return ", ".join(shown[:10]) + (f" and {len(shown) - 10:,} more" if len(shown) > 10 else "")


def _parquet_file(path: Path) -> Source:
    if importlib.util.find_spec("pyarrow") is None:
        raise InputError(Problem("is Parquet, which needs pyarrow", path, do="pip install 'advisor[parquet]'"))
    said = apart.extracted(Path(__file__).with_name("parquet.py"), path, REFUSED)
    return _of_values(list(enumerate(said["rows"], 1)), path, [])


READERS: Mapping[str, Callable[[Path], Source]] = {
    **{end + packed: _json_file for end in (".jsonl", ".ndjson", ".json") for packed in ("", ".gz")},
    **{end + packed: _table_file for end in (".csv", ".tsv") for packed in ("", ".gz")},
    **dict.fromkeys((".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"), _sheet_file),
    ".parquet": _parquet_file,
}
