"""Files of rows of every kind: what they hold, how large they may be, and what is told of those that are not read."""

import gzip
import io
import json
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from advisor.rows import files
from advisor.rows.examples import read_inputs

from .conftest import pairs, written

ROWS = [{"input": "a", "output": "b"}, {"input": "c\nd", "output": "001"}]
WANTED = [("a", "b"), ("c\nd", "001")]
CSV = 'input,output\na,b\n"c\nd",001\n'
Sheets = Mapping[str, Sequence[Sequence[str | float | bool]]]


def xlsx(sheets: Sheets, hidden: Sequence[str] = ()) -> bytes:
    """A workbook, its cells written in place."""
    kind = "http://schemas.openxmlformats.org"
    office, main = f"{kind}/officeDocument/2006/relationships", f"{kind}/spreadsheetml/2006/main"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{kind}/package/2006/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{kind}/package/2006/relationships"><Relationship Id="r" '
        f'Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        + "".join(
            f'<sheet name="{name}" sheetId="{at}" r:id="r{at}" state="{"hidden" if name in hidden else "visible"}"/>'
            for at, name in enumerate(sheets, 1)
        )
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{kind}/package/2006/relationships">'
        + "".join(
            f'<Relationship Id="r{at}" Type="{office}/worksheet" Target="worksheets/sheet{at}.xml"/>'
            for at, _ in enumerate(sheets, 1)
        )
        + "</Relationships>",
    }
    for at, rows in enumerate(sheets.values(), 1):
        body = "".join(
            f'<row r="{row}">{"".join(_cell(f"{chr(65 + column)}{row}", cell) for column, cell in enumerate(cells))}</row>'
            for row, cells in enumerate(rows, 1)
        )
        parts[f"xl/worksheets/sheet{at}.xml"] = f'<worksheet xmlns="{main}"><sheetData>{body}</sheetData></worksheet>'
    return packed(parts)


def _cell(place: str, value: str | float | bool) -> str:
    if value == "":
        return ""
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{value}</t></is></c>'
    return f'<c r="{place}" t="{"b" if isinstance(value, bool) else "n"}"><v>{float(value):.15g}</v></c>'


def ods(sheets: Sheets) -> bytes:
    """The same as OpenDocument."""
    kind = "urn:oasis:names:tc:opendocument:xmlns"
    body = "".join(
        f'<table:table table:name="{name}">'
        + "".join(
            "<table:table-row>"
            + "".join(
                f'<table:table-cell office:value-type="string"><text:p>{cell}</text:p></table:table-cell>'
                for cell in cells
            )
            + "</table:table-row>"
            for cells in rows
        )
        + "</table:table>"
        for name, rows in sheets.items()
    )
    content = (
        f'<office:document-content xmlns:office="{kind}:office:1.0" xmlns:table="{kind}:table:1.0" '
        f'xmlns:text="{kind}:text:1.0"><office:body><office:spreadsheet>{body}</office:spreadsheet></office:body>'
        "</office:document-content>"
    )
    manifest = f'<manifest:manifest xmlns:manifest="{kind}:manifest:1.0"/>'
    return packed(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": manifest,
            "content.xml": content,
        }
    )


def packed(parts: Mapping[str, str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return file.getvalue()


def of_arrow(rows: Sequence[Mapping[str, object]]) -> bytes:
    file = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(list(rows)), file)
    return file.getvalue()


TABLE = [["input", "output"], ["a", "b"], ["c\nd", "001"]]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("train.jsonl", "".join(json.dumps(row) + "\n" for row in ROWS)),
        ("train.json", "".join(json.dumps(row) + "\n" for row in ROWS)),
        ("train.json", json.dumps(ROWS)),
        ("train.json", "\ufeff" + json.dumps(ROWS, indent=2).replace("\n", "\r\n")),
        ("train.json", "".join(json.dumps(row, indent=1) + "\n" for row in ROWS)),
        ("train.json", json.dumps({"version": 1, "data": ROWS})),
        ("TRAIN.CSV", CSV),
        ("train.csv.gz", gzip.compress(CSV.encode())),
        ("train.jsonl.gz", gzip.compress("".join(json.dumps(row) + "\n" for row in ROWS).encode())),
        ("train.json.gz", gzip.compress(json.dumps(ROWS, indent=1).encode())),
        ("train.xlsx", xlsx({"Sheet1": TABLE})),
        ("train.parquet", of_arrow(ROWS)),
    ],
)  # fmt: skip
def test_every_kind_of_file_gives_the_same_rows(tmp_path: Path, name: str, content: str | bytes) -> None:
    assert pairs(written(tmp_path, name, content)) == WANTED


def test_open_document_sheets_are_read_too(tmp_path: Path) -> None:
    sheets = {"Cover": [["Ann"]], "S": [["input", "output"], ["a", "001"]]}
    assert pairs(written(tmp_path, "train.ods", ods(sheets))) == [("a", "001")]


def test_rows_of_an_array_are_placed_by_line_or_by_number(tmp_path: Path) -> None:
    rows = [*ROWS, {"input": "e"}, 5]
    spread = written(tmp_path, "train.json", "[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")
    assert [one.row for one in spread.examples] == [2, 3]
    assert [problem.line for problem in spread.problems] == [4, 5]
    close = written(tmp_path, "train.json", json.dumps(rows))
    assert [one.id for one in close.examples] == ["1", "2"]
    assert [problem.line for problem in close.problems] == [3, 4]


@pytest.mark.parametrize(
    ("content", "line", "fragment"),
    [
        ('[\n{"input": "a", "output": "b"},\n{"input": "c" "output": "d"}\n]', 3, "not valid JSON"),
        ('[\n{"input": "a", "output": "b"},\n{"input": "c", "output": NaN}\n]', 3, "NaN"),
        ('[\n{"input": "a", "output": "b"}\n{"input": "c", "output": "d"}\n]', 2, "neither a comma"),
        ('[\n{"input": "a", "output": "b"},\n', 3, "not valid JSON"),
        ('[{"input": "a", "output": "b"}] and more', 1, "neither a comma"),
        ('{"train": [{"input": "a"}], "test": [{"input": "b"}]}', 1, "several lists of rows: 'train', 'test'"),
    ],
)
def test_json_that_is_broken_is_told_by_line(tmp_path: Path, content: str, line: int, fragment: str) -> None:
    (problem,) = written(tmp_path, "train.json", content).problems
    assert (problem.line, fragment in problem.what) == (line, True)
    assert problem.do


def test_turns_under_an_unknown_key_are_no_rows(tmp_path: Path) -> None:
    (problem,) = written(tmp_path, "train.json", '{"talk": [{"role": "user", "content": "a"}], "output": "b"}').problems
    assert (problem.field, "'talk'" in problem.what) == ("input", True)


def test_cells_of_a_spreadsheet_are_text_as_a_person_reads_them(tmp_path: Path) -> None:
    cells = [["input", "output"], ["a", 1], ["b", 0.5], ["c", True], ["d", "1.0"], ["e", 1e14], ["f", "NA"]]
    assert [output for _, output in pairs(written(tmp_path, "train.xlsx", xlsx({"S": cells})))] == [
        "1", "0.5", "TRUE", "1.0", "100000000000000", "NA",
    ]  # fmt: skip


def test_of_several_sheets_the_first_that_names_input_and_output_is_read(tmp_path: Path) -> None:
    cover, other = [["Author", "Ann"], ["Date", "2024"]], [["input", "output"], ["x", "y"]]
    rows = written(tmp_path, "train.xlsx", xlsx({"Cover": cover, "Data": TABLE, "Old": other}))
    assert pairs(rows) == WANTED
    assert [one.message for one in rows.findings] == ["the sheet 'Data' is read; not read: 'Cover', 'Old'"]
    assert pairs(written(tmp_path, "train.xlsx", xlsx({"Old": other, "Data": TABLE}, hidden=["Old"]))) == WANTED
    (problem,) = written(tmp_path, "train.xlsx", xlsx({"Cover": cover, "More": cover})).problems
    assert "'Cover', 'More'" in problem.what


def test_rows_of_a_sheet_are_placed_where_a_person_sees_them(tmp_path: Path) -> None:
    rows = written(tmp_path, "train.xlsx", xlsx({"S": [[""], [""], ["input", "output"], ["a", "b"], [""], ["c", ""]]}))
    assert [one.row for one in rows.examples] == [4]
    assert [(problem.line, problem.field) for problem in rows.problems] == [(6, "output")]


def test_parquet_keeps_lists_and_objects_and_knows_missing_values(tmp_path: Path) -> None:
    said = [{"role": "user", "content": "Hi", "name": None}, {"role": "assistant", "content": "Hello", "name": None}]
    rows = written(tmp_path, "train.parquet", of_arrow([{"messages": said, "score": float("nan"), "picture": b"\x89"}]))
    assert pairs(rows) == [("Hi", "Hello")]
    assert [one.message for one in rows.findings] == ["1 row has 'picture', not used"]


def test_parquet_without_its_library_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (problem,) = written(tmp_path, "train.parquet", of_arrow(ROWS)).problems
    assert "advisor[parquet]" in problem.do


@pytest.mark.parametrize(
    ("name", "content", "fragment"),
    [
        ("train.xlsx", b"PK\x03\x04", "damaged"),
        ("train.ods", b"words", "damaged"),
        ("train.xlsx", packed({"a": "b"}), "damaged"),
        ("train.parquet", b"PAR1", "damaged"),
        ("train.jsonl.gz", b"words", "not whole gzip"),
        ("train.csv.gz", gzip.compress(CSV.encode())[:-9], "not whole gzip"),
        ("train.xlsx", xlsx({"S": []}), "has no cells"),
        ("train.zip", b"PK", "ends in .zip"),
        ("train.txt", b"a", "ends in .txt"),
        ("train.tar.gz", b"a", "ends in .tar.gz"),
        ("train", b"a", "ends in nothing"),
    ],
)
def test_a_file_that_is_not_read_is_named_with_what_to_do(
    tmp_path: Path, name: str, content: bytes, fragment: str
) -> None:
    rows = written(tmp_path, name, content)
    (problem,) = rows.problems
    assert (Path(problem.where).name, fragment in problem.what) == (name, True)
    assert problem.do


def test_what_is_too_large_once_unpacked_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_UNPACKED", 2**20)
    packed_twice = gzip.compress(b'{"input": "' + b"a" * 2**21 + b'", "output": "b"}')
    assert len(packed_twice) < 10_000
    assert "more than 1 MB" in written(tmp_path, "train.jsonl.gz", packed_twice).problems[0].what
    assert "more than 1 MB" in read_inputs(packed_twice).problems[0].what


def test_a_sheet_with_a_cell_in_its_last_corner_eats_no_memory(tmp_path: Path) -> None:
    cells = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    whole = io.BytesIO(xlsx({"S": []}))
    with zipfile.ZipFile(whole) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    parts[sheet] = parts[sheet].replace("<sheetData>", f"<sheetData>{cells}")
    (problem,) = written(tmp_path, "train.xlsx", packed(parts)).problems
    assert "large" in problem.what or "more than" in problem.what


def test_inputs_may_be_packed_or_an_array() -> None:
    assert [one.input for one in read_inputs(gzip.compress(b'{"input": "a"}')).examples] == ["a"]
    assert [one.input for one in read_inputs(b'["a",\n {"input": "b"}]').examples] == ["a", "b"]
    assert "gzip" in read_inputs(b"\x1f\x8bwords").problems[0].what
