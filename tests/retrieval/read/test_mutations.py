"""Documents that were damaged by chance, always the same ones: each ends in text or in a reason, never in an error."""

import io
import random
import runpy
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from fpdf import FPDF

from retrieval import read, split
from retrieval.read import formats
from retrieval.words import terms

TIMES = 200
IN_PROCESS_OF_ITS_OWN = 8  # files of a format whose reader is a process: 200 of them would take minutes

MARKDOWN = (
    "---\ntitle: Leave\n---\n# Annual leave\n\n25 days.\n\n| Kind | Days |\n| --- | --- |\n| new | 25 |\n\n```\ncode\n```\n"
    * 3
)
TEXT = "Leave\n=====\n\nYou have 25 days, 1,000 € and मेला.\r\n~~~\n東京 ไทย é\n"
RST = (
    "Leave\n=====\n\n.. note:: Ask 25 days.\n   Early.\n\n.. include:: x\n\n=== ===\nA   B\n=== ===\n1   2\n=== ===\n\n"
    "+---+---+\n| a | b |\n+---+---+\n\n* :ref:`one <two>` |sub| [1]_ ``code``::\n\n    literal\n\n.. |sub| replace:: text\n.. [1] Note\n"
)
HTML = (
    "<!doctype html><html><head><title>Leave</title></head><body><main><h1>Annual</h1><p>25&nbsp;days<br><b>and</b></p>"
    "<table><tr><td rowspan=2>a<td colspan=3>b<tr><td>c</table><ul><li>x<ol><li>y</ol></ul><pre>code</pre>"
    "<select><option>o</select><svg><text>t</text></svg></main></body></html>"
)
CSV = 'id;title;text\n1;Leave;"25 days; or ""more"""\n2;Pets;Dogs\n'
JSONL = '{"_id": "a", "title": "Leave", "text": "25 days \\u00e9", "metadata": {"n": 1}}\n{"id": 7, "text": "x"}\n'
ODD = [
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\n\n",
    b"<",
    b"]]>",
    b'"',
    b"{",
    b"\\ud800",
    b"&#xd800;",
    b"\xcc\x81",
    b"\xe2\x80\x8b",
]


def word_file() -> bytes:
    """A small one: Word's own would spend the time of this test on its hundreds of styles."""
    schemas = "http://schemas.openxmlformats.org"
    relation = f"{schemas}/officeDocument/2006/relationships"
    types = "application/vnd.openxmlformats-officedocument.wordprocessingml"
    cell = "<w:tc><w:p><w:r><w:t>Kind</w:t></w:r></w:p></w:tc>"
    heading = '<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>Leave</w:t></w:r></w:p>'
    link = '<w:p><w:hyperlink w:anchor="a"><w:r><w:rPr><w:b/></w:rPr><w:t>25 days</w:t></w:r></w:hyperlink></w:p>'
    body = f"{heading}{link}<w:tbl>{f'<w:tr>{cell * 2}</w:tr>' * 2}</w:tbl>"
    styles = '<w:style w:type="paragraph" w:styleId="Heading1"><w:name w:val="heading 1"/></w:style>'
    names = f'xmlns:w="{schemas}/wordprocessingml/2006/main" xmlns:r="{relation}"'
    target = f'<Relationship Id="a" Type="{relation}/officeDocument" Target="word/document.xml"/>'
    kind = f'<Override PartName="/word/document.xml" ContentType="{types}.document.main+xml"/>'
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{schemas}/package/2006/content-types">{kind}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{schemas}/package/2006/relationships">{target}</Relationships>',
        "word/document.xml": f"<w:document {names}><w:body>{body}</w:body></w:document>",
        "word/styles.xml": f"<w:styles {names}>{styles}</w:styles>",
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return content.getvalue()


def pdf_file() -> bytes:
    made = FPDF()
    made.set_font("helvetica", size=12)
    made.add_page()
    made.start_section("Leave")
    made.cell(text="You have 25 days.")
    return bytes(made.output())


SOUND: dict[str, Callable[[], bytes]] = {
    ".md": MARKDOWN.encode,
    ".txt": TEXT.encode,
    ".html": HTML.encode,
    ".csv": CSV.encode,
    ".jsonl": JSONL.encode,
    ".rst": RST.encode,
    ".docx": word_file,
    ".pdf": pdf_file,
}
APART = (".rst", ".docx", ".pdf")


def mutated(content: bytes, draw: random.Random) -> bytes:
    """One to eight small damages."""
    for _ in range(draw.randint(1, 8)):
        at = draw.randrange(len(content) + 1)
        end = min(len(content), at + draw.choice((1, 3, 30)))
        change = draw.choice(("flip", "cut", "repeat", "insert", "end"))
        if change == "flip":
            content = content[:at] + bytes(draw.randrange(256) for _ in content[at:end]) + content[end:]
        elif change == "cut":
            content = content[:at] + content[end:]
        elif change == "repeat":
            content = content[:at] + content[at:end] * draw.choice((2, 50)) + content[end:]
        elif change == "insert":
            content = content[:at] + draw.choice(ODD) * draw.choice((1, 100)) + content[at:]
        elif draw.random() < 0.2:
            content = content[:at]
    return content


def within(content: bytes, draw: random.Random) -> bytes:
    """An archive that is whole, with one of its parts damaged."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(changed, "w") as new:
        hit = draw.choice([*old.namelist(), *["word/document.xml"] * 9])
        for name in old.namelist():
            new.writestr(name, mutated(old.read(name), draw) if name == hit else old.read(name))
    return changed.getvalue()


@pytest.mark.parametrize("suffix", SOUND)
def test_sound_documents_are_read(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"sound{suffix}").write_bytes(SOUND[suffix]())
    documents, problems = read(tmp_path)
    assert not problems and all("25 days" in document.text for document in documents[:1])


@pytest.mark.parametrize("suffix", SOUND)
def test_a_damaged_document_ends_in_text_or_in_a_reason(tmp_path: Path, suffix: str) -> None:
    draw, sound = random.Random(suffix), SOUND[suffix]()
    for number in range(IN_PROCESS_OF_ITS_OWN if suffix in APART else TIMES):
        damage = within if suffix == ".docx" and number % 2 else mutated
        file = tmp_path / f"{number}{suffix}"
        file.write_bytes(damage(sound, draw))
        documents, problems = read(file)
        assert documents or problems
        assert all((document.text.strip() or document.title) for document in documents)
        assert all(problem.reason and problem.do for problem in problems)
        for passage in split(documents):
            terms(passage.worded)


@pytest.mark.parametrize(("suffix", "program"), [(".rst", formats.RST), (".docx", formats.WORD)])
def test_programs_that_read_damaged_documents_end_in_html_or_in_a_reason(
    tmp_path: Path, suffix: str, program: Path
) -> None:
    extract = runpy.run_path(str(program))["extract"]
    draw, sound, file = random.Random(program.name), SOUND[suffix](), tmp_path / "damaged"
    for number in range(TIMES):
        damage = within if suffix == ".docx" and number % 2 else mutated
        content = damage(sound, draw)
        file.write_bytes(content if suffix == ".docx" else content.decode(errors="replace").encode())
        assert set(extract(str(file))) in ({"html"}, {"error"})
