"""Each kind of file: real files, written by python-docx and fpdf2, and broken ones."""

import io
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import docx
import pytest
from fpdf import FPDF

from retrieval import Document, Unreadable, read
from retrieval.read import apart, markup, pdf, rows


def one(path: Path, content: bytes | str) -> Document:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    documents, problems = read(path)
    assert not problems and len(documents) == 1, problems
    return documents[0]


def refused(path: Path, content: bytes | str) -> Unreadable:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    documents, problems = read(path)
    assert not documents and len(problems) == 1, documents
    assert problems[0].do
    return problems[0]


# Markdown and text


def test_front_matter_is_metadata_and_its_title_the_title(tmp_path: Path) -> None:
    text = "---\ntitle: Leave\ndraft: false\ndate: 2026-03-01\ntags: [a, b]\n---\n# Heading\n\nText."
    document = one(tmp_path / "a.md", text)
    assert (document.title, document.text) == ("Leave", "# Heading\n\nText.")
    assert document.metadata == {"draft": "false", "date": "2026-03-01"}


def test_what_only_looks_like_front_matter_is_text(tmp_path: Path) -> None:
    number = "---\na: 0x" + "f" * 9000 + "\n---\nText"  # of more digits than Python writes
    for text in ("---\nno: [end\n", "---\n: : :\n---\nText", "---\njust words\n---\nText", number):
        document = one(tmp_path / "a.md", text)
        assert (document.text, document.metadata) == (text, {})


def test_a_comment_in_code_is_no_title(tmp_path: Path) -> None:
    assert one(tmp_path / "a.md", "```\n# comment\n```\n\n## Real\n").title == "Real"


# reStructuredText

HANDBOOK = """
Pump controller
===============

.. a comment that nobody sees

Installing
~~~~~~~~~~

Ask :ref:`the guide <guide>`, then press ``#`` |thrice|.

.. code-block:: sh
   :caption: in a shell

   # not a heading
   ~~~

.. tip-of-our-own:: Wear gloves.
   :class: loud

   They are in the :kbd:`red` box.

=====  ====
Kind   Days
=====  ====
new    25
=====  ====

- a scale of 10\\ :sup:`6`, :math:`x^2`
- .. image:: pump.png
     :alt: the pump from above
"""


def test_restructured_text_keeps_headings_tables_code_and_what_docutils_does_not_know(tmp_path: Path) -> None:
    document = one(tmp_path / "a.rst", HANDBOOK)
    assert (document.title, document.plain) == ("Pump controller", False)
    assert document.text.split("\n\n") == [
        "# Pump controller",
        "## Installing",
        "Ask the guide, then press # |thrice|.",
        "```\n# not a heading\n~~~\n```",
        "Wear gloves.",
        "They are in the red box.",
        "| Kind | Days |\n| --- | --- |\n| new | 25 |",
        "- a scale of 10^6, x^2\n- the pump from above",
    ]


def test_restructured_text_reads_nothing_else_and_runs_nothing(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the,secret")
    (tmp_path / "docutils.conf").write_text("[general]\nfile_insertion_enabled: yes\n")
    named = secret.as_posix()
    asked = [
        f".. include:: {named}",
        f".. raw:: html\n   :file: {named}",
        f".. csv-table:: T\n   :file: {named}",
        f".. literalinclude:: {named}",
        f".. image:: {named}\n   :loading: embed",
        f".. figure:: {named}\n   :scale: 50",
        ".. raw:: html\n\n   <script>alert(1)</script>",
        ".. role:: py(raw)\n   :format: html",
    ]
    text = one(tmp_path / "a.rst", "Open.\n\n" + "\n\n".join(asked) + "\n").text
    assert text.startswith("Open.") and "the,secret" not in text


def test_restructured_text_in_another_encoding_says_so(tmp_path: Path) -> None:
    document = one(tmp_path / "a.rst", "Größe\n-----\n\nÜber 3 m².\n".encode("utf-16"))
    assert (document.title, document.text) == ("Größe", "# Größe\n\nÜber 3 m².")
    assert document.metadata == {"encoding": "utf-16"}


def test_a_plain_text_is_left_as_it_stands(tmp_path: Path) -> None:
    text = "Title\n~~~~~\n\n# 1 is a number\n"
    document = one(tmp_path / "notes.txt", text)
    assert (document.title, document.text, document.plain) == ("notes", text, True)


# HTML

PAGE = """<!doctype html><html><head><title>Leave - Acme</title><style>p {}</style></head><body>
<nav><a href="/">Home</a></nav><main><h1>Annual <i>leave</i></h1>
<p>You have 25&nbsp;days,<br>and <b>bank</b> holidays.</p><script>alert("# no")</script><p hidden>Ignore this.</p>
<h2>How to ask</h2><ol><li>Write<ul><li>to your lead</ul><li><p>Wait</ol>
<table><caption>Days</caption><tr><th>Kind<th>Years<th>Days</tr>
<tr><td rowspan=2>Annual<td>0|1<td>25<tr><td>5<td>30</table>
<pre># not a heading
ls</pre><div># neither is this</div></main><footer>Legal</footer></body></html>"""


def test_a_page_becomes_markdown_without_what_nobody_sees(tmp_path: Path) -> None:
    document = one(tmp_path / "leave.html", PAGE)
    assert document.title == "Annual leave"
    assert document.text.split("\n\n") == [
        "# Annual leave",
        "You have 25 days,\nand bank holidays.",
        "## How to ask",
        "1. Write\n  - to your lead\n2. Wait",
        "Days",
        "| Kind | Years | Days |\n| --- | --- | --- |\n| Annual | 0\\|1 | 25 |\n| Annual | 5 | 30 |",
        "```\n# not a heading\nls\n```",
        "\\# neither is this",
    ]


PARTS = """<html><head><title>Marina</title></head><body><h2><button type=button>May I live aboard?</button></h2>
<div hidden="until-found">With a permit.</div><details><summary>Is there power?</summary>Yes.</details><button>Save</button
><button>Undo</button><label>Berth</label><select><optgroup><option>A<option>B</select><fieldset><legend>Size</legend><input
type=submit value="Send it"><textarea>12 m</textarea></fieldset><dialog>A notice.</dialog><nav><a>Fees</a></nav><p
aria-hidden=true>Seen.<figure><img alt="a map"><figcaption>The map.</figcaption></figure><svg><title>icon</title><text>North</text>
</svg><math><mi>E</mi><mo>=</mo><mn>3</mn><annotation>TeX</annotation></math><p>10<sup>6</sup> m<sup>2</sup>, CO<sub>2</sub></p>
<my-note>Own element.</my-note><p hidden>No 1</p><p style="color: red; DISPLAY : none">No 2</p><p style="visibility:hidden">No 3
<noscript>No 4</noscript><template>No 5</template><datalist><option>No 6</datalist><iframe>No 7</iframe></body></html>"""


def test_text_is_kept_whatever_element_it_stands_in_unless_it_is_hidden(tmp_path: Path) -> None:
    document = one(tmp_path / "faq.html", PARTS)
    assert document.title == "May I live aboard?"
    assert document.text.split("\n\n") == [
        "## May I live aboard?",
        "With a permit.",
        "Is there power?",
        "Yes.",
        "Save Undo Berth\n- A\n- B",
        "Size",
        "Send it",
        "12 m",
        "A notice.",
        "Fees",
        "Seen.",
        "a map",
        "The map.",
        "North",
        "E=3",
        "10^6 m2, CO2",
        "Own element.",
    ]


def test_a_page_with_a_title_alone_is_searched_by_it(tmp_path: Path) -> None:
    document = one(tmp_path / "a.html", "<title>Herons nest\n on pylons</title><body><img></body>")
    assert (document.title, document.text) == ("Herons nest on pylons", "")
    assert "no text" in refused(tmp_path / "b.html", "<title> </title><p>&#8203;&shy;</p>").reason


def test_invisible_characters_are_gone_and_letters_composed(tmp_path: Path) -> None:
    page = "<title>Fo&shy;rm</title><p>Wärme&shy;pumpen&#8203;förderung im Cafe&#x301;, &#x915;&#x94d;&#x200d;&#x937;"
    document = one(tmp_path / "a.html", page)
    assert (document.title, document.text) == ("Form", "Wärmepumpenförderung im Café, क्‍ष")
    row = one(tmp_path / "a.jsonl", '{"id": 1, "title": "T\\u00ad", "text": "\\ufeffsoft\\u00adly"}')
    assert (row.title, row.text) == ("T", "softly")


def test_a_table_that_lays_out_the_page_is_text(tmp_path: Path) -> None:
    document = one(tmp_path / "a.htm", "<table><tr><td><table><tr><td>a<td>b<tr><td>c<td>d</table><td>side</table>")
    assert document.text == "| a | b |\n| --- | --- |\n| c | d |\n\nside"


def test_a_page_says_its_encoding_itself(tmp_path: Path) -> None:
    page = '<?xml version="1.0" encoding="utf-8"?><html><head><title>Café</title></head><body><p>Où?</p></body></html>'
    document = one(tmp_path / "a.xhtml", page)
    assert (document.title, document.text) == ("Café", "Où?")


def test_elements_are_followed_to_a_depth_and_no_further(tmp_path: Path) -> None:
    assert one(tmp_path / "a.html", "<div>" * 1500 + "deep").text == "deep"
    assert "deep" in refused(tmp_path / "b.html", "<div>" * 100_000 + "text").reason


def test_a_cell_that_spans_millions_takes_no_memory(tmp_path: Path) -> None:
    cell = "<td rowspan=65000 colspan=99999>" + "x" * 90
    rows = "<tr><td>a" * 30_000
    assert len(one(tmp_path / "a.html", f"<table><tr>{cell * 30}{rows}</table>").text) < 20_000_000


def test_an_element_of_thousands_of_attributes_and_a_page_of_millions_of_elements_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = " ".join(f"a{number}" for number in range(100_000))
    started = time.process_time()
    assert "1,000 attributes" in refused(tmp_path / "a.html", f"<p {names}>text").reason
    assert time.process_time() - started < 5  # 20 seconds and more where they are kept
    monkeypatch.setattr(markup, "MOST_PARTS", 500)
    for part in ("<p>text" * 2, "<p a>text"):
        assert "500 elements and attributes" in refused(tmp_path / "b.html", part * 250).reason


def test_rows_in_rows_and_lists_in_lists_do_not_multiply_the_text(tmp_path: Path) -> None:
    row = "<tr><td>a<td><div>"
    assert one(tmp_path / "a.html", f"<table>{row * 300}{'x' * 1000}</table>").text.count("x" * 1000) == 1
    for lists in ("<ul>" * 900 + "<li>", "<ul>" * 900 + "<p>"):
        assert len(one(tmp_path / "b.html", lists + "x<br>" * 1000).text) < 100_000


def test_cells_are_repeated_so_often_in_a_page_and_not_in_each_table(tmp_path: Path) -> None:
    cell = "<td rowspan=65000>" + "x" * 99
    table = f"<table><tr>{cell * 1000}{'<tr><td>a' * 100}</table>"
    assert len(one(tmp_path / "a.html", table * 4).text) < 15_000_000


# DOCX


@pytest.fixture
def word() -> io.BytesIO:
    document = docx.Document()
    document.add_heading("Staff handbook", 0)
    document.add_heading("Leave", 1)
    document.add_paragraph("You have 25 days.")
    document.add_paragraph("Ask early.", style="List Bullet")
    document.add_heading("Parental", 2)
    table = document.add_table(rows=3, cols=2)
    for row, cells in zip(table.rows, [("Parent", "Weeks"), ("birth", "26"), ("other", "8")], strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    content = io.BytesIO()
    document.save(content)
    return content


def test_a_word_file_keeps_headings_lists_and_tables(tmp_path: Path, word: io.BytesIO) -> None:
    document = one(tmp_path / "handbook.docx", word.getvalue())
    assert document.title == "Staff handbook"
    assert document.text == (
        "# Staff handbook\n\n# Leave\n\nYou have 25 days.\n- Ask early.\n\n## Parental\n\n"
        "| Parent | Weeks |\n| --- | --- |\n| birth | 26 |\n| other | 8 |"
    )


def zipped(**parts: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name.replace("__", "/") + ".xml", part)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no zip archive"),
        (b"PK\x03\x04 broken", "no zip archive"),
        (zipped(readme=b"<a/>"), "without a Word document"),
        (zipped(word__styles=b"<a/>"), "document"),
        (zipped(word__document=b"<a>"), "damaged"),
        (zipped(word__document=b"0" * (33 * 2**20)), "unpacks to more than 32 MB"),
        (zipped(word__document=b"<a/>" * 2_100_000), "unpacks to more than 32 MB or 2,000,000 tags"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "encrypted, or a .doc file of old"),
    ],
)
def test_a_word_file_that_is_none_says_why(tmp_path: Path, content: bytes, reason: str) -> None:
    assert reason in refused(tmp_path / "a.docx", content).reason


def test_half_a_word_file_is_refused(tmp_path: Path, word: io.BytesIO) -> None:
    assert "zip" in refused(tmp_path / "a.docx", word.getvalue()[:3000]).reason


TYPES = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
NAMES = f'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:r="{TYPES}"'


def with_parts(content: io.BytesIO, **parts: str) -> bytes:
    """A DOCX with other parts in the place of its own; `body` is that of its document."""
    if body := parts.pop("body", ""):
        parts["word/document.xml"] = f"<w:document {NAMES}><w:body>{body}</w:body></w:document>"
    changed = io.BytesIO()
    with zipfile.ZipFile(content) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in parts:
                new.writestr(name, old.read(name))
        for name, part in parts.items():
            new.writestr(name, part)
    return changed.getvalue()


def test_a_document_that_hides_under_another_name_is_not_unpacked(tmp_path: Path, word: io.BytesIO) -> None:
    target = f'<Relationship Id="a" Type="{TYPES}/officeDocument" Target="word/big.bin"/>'
    relations = (
        f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{target}</Relationships>'
    )
    big = f"<w:document {NAMES}><w:body>{'<w:p/>' * 10}</w:body></w:document>"
    document = one(tmp_path / "a.docx", with_parts(word, **{"word/big.bin": big, "_rels/.rels": relations}))
    assert document.title == "Staff handbook"  # what stands where Word writes it


def test_a_note_that_is_shown_without_end_is_refused(tmp_path: Path, word: io.BytesIO) -> None:
    long = "x" * 1_000_000
    note = f'<w:footnote w:id="7"><w:p><w:r><w:t>{long}</w:t></w:r></w:p></w:footnote>'
    notes = f"<w:footnotes {NAMES}>{note}</w:footnotes>"
    body = '<w:p><w:r><w:footnoteReference w:id="7"/></w:r></w:p>' * 100
    content = with_parts(word, body=body, **{"word/footnotes.xml": notes})
    assert "64 million characters" in refused(tmp_path / "a.docx", content).reason


def test_word_files_with_entities_or_depth_without_end_are_refused(tmp_path: Path, word: io.BytesIO) -> None:
    laughs = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n + 1} "' + f"&a{n};" * 10 + '">' for n in range(9))
    document = f"<!DOCTYPE a [{laughs}]><w:document {NAMES}><w:body>&a9;</w:body></w:document>"
    content = with_parts(word, **{"word/document.xml": document})
    assert "damaged" in refused(tmp_path / "a.docx", content).reason
    deep = "<w:smartTag>" * 20_000 + "</w:smartTag>" * 20_000
    assert "too deep" in refused(tmp_path / "b.docx", with_parts(word, body=f"<w:p>{deep}</w:p>")).reason


def test_a_word_file_fetches_nothing_from_outside_itself(tmp_path: Path, word: io.BytesIO) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    entity = f'<!DOCTYPE a [<!ENTITY a SYSTEM "{secret.as_uri()}">]>'
    body = "<w:p><w:r><w:t>Open. &a;</w:t></w:r></w:p>"
    document = f"{entity}<w:document {NAMES}><w:body>{body}</w:body></w:document>"
    assert one(tmp_path / "a.docx", with_parts(word, **{"word/document.xml": document})).text == "Open."


# PDF

Draw = Callable[[FPDF], None]


def printed(*pages: Draw, **settings: str) -> bytes:
    made = FPDF()
    made.set_font("helvetica", size=12)
    if settings:
        made.set_encryption(**settings)
    for draw in pages:
        made.add_page()
        draw(made)
    return bytes(made.output())


def says(*lines: str, bookmark: str = "", level: int = 0) -> Draw:
    def draw(made: FPDF) -> None:
        if bookmark:
            made.start_section(bookmark, level)
        for line in lines:
            made.cell(text=line, new_x="LMARGIN", new_y="NEXT")

    return draw


def picture(made: FPDF) -> None:
    from PIL import Image

    made.image(Image.new("RGB", (20, 20), "red"))


def test_a_pdf_keeps_its_pages_and_bookmarks(tmp_path: Path) -> None:
    content = printed(
        says("1. Leave", "It goes on", bookmark="Leave"), says("here.", bookmark="Parental", level=1), says("End.")
    )
    document = one(tmp_path / "handbook.pdf", content)
    assert document.title == "handbook"
    assert document.text == "# Leave\nIt goes on\n\n## Parental\nhere.\n\nEnd."
    assert [document.page(document.text.index(word)) for word in ("Leave", "here", "End")] == [1, 2, 3]


def test_the_lines_that_every_page_repeats_and_page_numbers_are_left_out(tmp_path: Path) -> None:
    pages = [says("Acme handbook", f"Section {n}", f"Only page {n} says this.", f"Page {n} of 5") for n in range(1, 6)]
    document = one(tmp_path / "a.pdf", printed(*pages))
    assert document.text.split("\n\n") == [f"Section {n}\nOnly page {n} says this." for n in range(1, 6)]


def test_a_line_of_hundreds_of_digits_is_no_page_number(tmp_path: Path) -> None:
    def draw(made: FPDF) -> None:
        made.set_font_size(2)
        says(f"{made.page}23456789 " * 30, f"Only page {made.page}.")(made)

    assert one(tmp_path / "a.pdf", printed(*[draw] * 5)).text.count("23456789") == 150


def test_a_bookmark_has_an_end(tmp_path: Path) -> None:
    assert one(tmp_path / "a.pdf", printed(says("Text.", bookmark="b" * 5000))).text == f"# {'b' * 300}\nText."


def test_a_sentence_goes_on_over_the_end_of_a_page(tmp_path: Path) -> None:
    document = one(tmp_path / "a.pdf", printed(says("The fee is"), says("25 euros.")))
    assert (document.text, document.pages) == ("The fee is\n25 euros.", (0, 11))


def test_a_pdf_that_only_forbids_copying_is_read_and_one_with_a_password_is_not(tmp_path: Path) -> None:
    assert one(tmp_path / "a.pdf", printed(says("Open."), owner_password="x")).text == "Open."
    locked = printed(says("Closed."), owner_password="x", user_password="y")
    assert "password" in refused(tmp_path / "b.pdf", locked).reason


def test_pictures_of_pages_are_told_beside_what_could_be_read(tmp_path: Path) -> None:
    scan = refused(tmp_path / "scan.pdf", printed(picture, picture))
    assert scan.reason == "no text layer on pages 1-2, only pictures" and "ocrmypdf" in scan.do
    (tmp_path / "mixed.pdf").write_bytes(printed(says("Text."), picture, says("More."), picture, picture))
    [document], [problem] = read(tmp_path / "mixed.pdf")
    assert document.text == "Text.\n\nMore." and problem.reason == "no text layer on pages 2, 4-5, only pictures"
    assert "no text" in refused(tmp_path / "blank.pdf", printed(says())).reason


def test_a_damaged_pdf_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"%PDF-1.7 nothing", b"hello", printed(says("Text."))[:300]):
        assert "damaged" in refused(tmp_path / "a.pdf", content).reason


def test_a_pdf_that_takes_too_long_or_brings_its_reader_down_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = printed(says("Text."))
    with monkeypatch.context() as changed:
        changed.setattr(apart, "MOST_SECONDS", 0.001)
        assert "seconds" in refused(tmp_path / "a.pdf", content).reason
    (tmp_path / "crash.py").write_text("import os\n\ndef extract(file):\n    os.abort()")
    monkeypatch.setattr(pdf, "PROGRAM", tmp_path / "crash.py")
    assert "gave up" in refused(tmp_path / "a.pdf", content).reason


# CSV and JSON Lines


def test_a_csv_is_a_table(tmp_path: Path) -> None:
    document = one(tmp_path / "fees.csv", 'Kind;Fee\r\nAdult;"5,50"\r\n\r\nChild | baby;0\r\n')
    assert (document.id, document.title) == ("fees.csv", "fees")
    assert document.text == "| Kind | Fee |\n| --- | --- |\n| Adult | 5,50 |\n| Child \\| baby | 0 |"
    assert one(tmp_path / "a.tsv", "a, b\tc\n1\t2\n").text == "| a, b | c |\n| --- | --- |\n| 1 | 2 |"


def test_a_csv_with_texts_has_a_document_a_row(tmp_path: Path) -> None:
    (tmp_path / "faq.csv").write_text('ID,Title,Text,Area\n7,Pets,"Dogs,\nand cats.",house\n,,x,\n8,T,a,b,c\n')
    documents, [missing, wide] = read(tmp_path / "faq.csv")
    assert [(d.id, d.title, d.text, d.line) for d in documents] == [("7", "Pets", "Dogs,\nand cats.", 2)]
    assert documents[0].metadata == {"area": "house"}
    assert (missing.line, missing.reason) == (4, "no id") and wide.line == 5 and "more cells" in wide.reason
    (tmp_path / "a.csv").write_text("text\nfirst\nsecond\n")
    documents, _ = read(tmp_path / "a.csv")
    assert [d.id for d in documents] == ["a.csv#2", "a.csv#3"]


def test_a_csv_that_opens_a_quotation_and_never_closes_it_is_refused(tmp_path: Path) -> None:
    problem = refused(tmp_path / "a.csv", 'a,b\n1,2\n"3,4\n5,6\n')
    assert "not valid CSV" in problem.reason and problem.line == 3


def test_a_csv_with_more_cells_than_memory_should_hold_is_read_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MOST_CELLS", 4)
    (tmp_path / "a.csv").write_text("id,text\n1,a\n2,b\n3,c\n4,d\n")
    documents, [problem] = read(tmp_path / "a.csv")
    assert [document.id for document in documents] == ["1", "2"]
    assert problem.line == 4 and "left out" in problem.reason


def test_names_that_every_passage_repeats_have_an_end(tmp_path: Path) -> None:
    long = "x" * 100_000
    assert one(tmp_path / "a.jsonl", f'{{"id": 1, "text": "x", "title": "{long}"}}').title == long[:1000]
    assert one(tmp_path / "a.md", f"---\ntitle: {long[:9000]}\n---\ntext").title == long[:1000]
    assert "more than 1,000" in refused(tmp_path / "b.jsonl", f'{{"id": "{long}", "text": "x"}}').reason


def test_a_row_with_a_title_alone_is_a_document_and_one_without_both_is_told(tmp_path: Path) -> None:
    rows = '{"id": 1, "title": "Herons", "text": ""}\n{"id": 2, "title": "Otters"}\n{"id": 3, "text": " \\u200b"}\n'
    (tmp_path / "c.jsonl").write_text(rows + '{"id": 4, "text": 5}\n{"id": 5, "title": null, "text": "x"}')
    documents, problems = read(tmp_path / "c.jsonl")
    assert [(d.id, d.title, d.text) for d in documents] == [("1", "Herons", ""), ("2", "Otters", ""), ("5", "", "x")]
    assert [(p.line, p.reason) for p in problems] == [
        (3, "the document '3' has no text"),
        (4, "the text of document '4' is not a string"),
    ]


def test_the_other_keys_of_a_row_are_metadata(tmp_path: Path) -> None:
    row = '{"_id": "a", "text": "x", "year": 2024, "open": true, "tags": ["t"], "metadata": {"url": "u", "n": null}}'
    assert one(tmp_path / "c.jsonl", row).metadata == {"url": "u", "year": "2024", "open": "true"}


def test_a_line_of_hundreds_of_megabytes_is_told_and_the_next_is_read(tmp_path: Path) -> None:
    with (tmp_path / "c.jsonl").open("wb") as file:
        file.write(b'{"_id": "a", "text": "')
        file.truncate(200 * 2**20)  # a hole in the file: read as zeros, kept nowhere
        file.seek(0, io.SEEK_END)
        file.write(after := b'"}\n{"_id": "b", "text": "x"}\n{"_id": "c\xff"}')
    [document], [long, encoding] = read(tmp_path / "c.jsonl")
    assert (document.id, document.line) == ("b", 2)
    assert (long.line, long.reason) == (1, "a line of more than 64 MB")
    assert encoding.line == 3 and f"byte {200 * 2**20 + after.index(0xFF)} " in encoding.reason


def test_a_row_of_more_objects_than_memory_should_hold_is_told_and_the_next_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MOST_BRACKETS", 9)
    row = '{"id": 1, "text": "x", "a": [[], {}, [], {}, [], {}, [], {}]}'
    (tmp_path / "c.jsonl").write_text(row + '\n{"id": 2, "text": "y"}')
    [document], [problem] = read(tmp_path / "c.jsonl")
    assert document.id == "2" and (problem.line, problem.reason) == (1, "more than 9 objects and lists")


def test_a_text_of_hundreds_of_megabytes_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "a.txt").open("wb") as file:
        file.truncate(200 * 2**20)
    [problem] = read(tmp_path / "a.txt")[1]
    assert problem.reason == "more than 64 MB of text"
