"""Tables as people export them: a line of data never passes for a header, a header never for a row."""

from pathlib import Path

import pytest

from advisor.rows.examples import Rows, read_inputs

from .conftest import pairs, written

NEWS = [
    ("1", "Polls open", "Voters in the north went to the polls at dawn."),
    ("2", "Late goal", "The goalkeeper saved a penalty in the last minute."),
    ("1", "Treaty", "The treaty was signed in the capital on Monday."),
    ("2", "Record", "The striker scored twice, and the crowd went wild."),
    ("1", "Vote", "Parliament voted on the budget after a long night."),
    ("2", "Final", "The final was moved to Sunday because of the rain."),
]


def read(tmp_path: Path, content: str | bytes, name: str = "train.csv") -> Rows:
    return written(tmp_path, name, content)


def table(*rows: tuple[str, ...], separator: str = ",") -> str:
    return "".join(separator.join(f'"{cell}"' for cell in row) + "\n" for row in rows)


def test_a_table_without_a_header_loses_no_row(tmp_path: Path) -> None:
    class_first = read(tmp_path, table(*((row[0], row[2]) for row in NEWS)))
    text_first = read(tmp_path, table(*((row[2], row[0]) for row in NEWS)))
    assert pairs(class_first) == pairs(text_first) == [(row[2], row[0]) for row in NEWS]
    (finding,) = class_first.findings
    assert finding.message == "no header: read column 1 as output, column 2 as input"
    assert [one.row for one in class_first.examples] == [1, 2, 3, 4, 5, 6]


def test_class_title_and_description_without_a_header(tmp_path: Path) -> None:
    wanted = [(f"{title}\n\n{text}", label) for label, title, text in NEWS]
    assert pairs(read(tmp_path, table(*NEWS))) == wanted
    assert pairs(read(tmp_path, table(*((title, text, label) for label, title, text in NEWS)))) == wanted
    assert pairs(read(tmp_path, table(("Class Index", "Title", "Description"), *NEWS))) == wanted


def test_rows_that_are_numbered_have_the_number_as_their_id(tmp_path: Path) -> None:
    rows = read(tmp_path, table(*((str(at), text, label) for at, (label, _, text) in enumerate(NEWS, 7))))
    assert pairs(rows) == [(text, label) for label, _, text in NEWS]
    assert [one.id for one in rows.examples] == ["7", "8", "9", "10", "11", "12"]
    two = read(tmp_path, table(*((str(at), text) for at, (_, _, text) in enumerate(NEWS, 7))))
    assert "which are input and output" in two.problems[0].what


def test_a_header_of_other_names_is_seen_by_what_stands_below(tmp_path: Path) -> None:
    many = [(label, f"{text[:-1]} ({at}).") for at in range(4) for label, _, text in NEWS]
    rows = read(tmp_path, table(("Wortlaut", "Ressort"), *((text, label) for label, text in many)))
    assert pairs(rows) == [(text, label) for label, text in many]
    assert rows.findings[0].message == "read 'Wortlaut' as input, 'Ressort' as output"
    words = [("sport" if label == "2" else "world", text) for label, text in many]
    for header in (("Ressort", "Wortlaut"), ("Ressort", "text"), ("label", "Wortlaut")):
        assert pairs(read(tmp_path, table(header, *words))) == [(text, label) for label, text in words]


def test_where_both_readings_are_possible_both_are_shown(tmp_path: Path) -> None:
    rows = read(tmp_path, "dog,Hund\ncat,Katze\ncow,Kuh\n")
    (problem,) = rows.problems
    assert not rows.examples
    assert (problem.line, "dog, Hund" in problem.what) == (1, True)
    assert "as a header it names 2 columns of the rows below, as a row it is the first of them" in problem.what
    assert "input,output" in problem.do
    assert "may be a header" in read(tmp_path, "article,Artikel\ncat,Katze\n").problems[0].what
    short = read(tmp_path, 'Hi there,greeting\n"The sky is blue, I think.",fact\nMy dog barks all day long.,fact\n')
    assert "may be a header or a row (Hi there, greeting)" in short.problems[0].what


def test_a_first_row_that_is_like_the_others_is_no_header(tmp_path: Path) -> None:
    asked = "Where is my parcel today?,question\nI lost my key.,statement\nWho called me yesterday?,question\n"
    rows = read(tmp_path, asked + asked.replace(" my ", " your ").replace("called", "rang"))
    assert len(pairs(rows)) == 6
    assert pairs(rows)[0] == ("Where is my parcel today?", "question")


def test_a_label_that_stands_again_below_makes_the_first_line_a_row(tmp_path: Path) -> None:
    rows = [("otter", "animal"), ("oak", "plant"), ("heron", "animal"), ("elm", "plant"), ("lynx", "animal")]
    assert pairs(read(tmp_path, table(*rows))) == rows


def test_two_separators_that_cut_alike_are_told_apart_by_the_person(tmp_path: Path) -> None:
    rows = "Yes, it is.;1\nNo, it is not.;2\nYes, I am.;1\nNo, not I.;2\n"
    (problem,) = read(tmp_path, rows).problems
    assert "',' or by ';'" in problem.what
    assert pairs(read(tmp_path, f"sep=;\n{rows}"))[0] == ("Yes, it is.", "1")
    decimals = read(tmp_path, "".join(f"Tower {at} is high.;{at},5\n" for at in range(4)))
    assert pairs(decimals) == [(f"Tower {at} is high.", f"{at},5") for at in range(4)]


def test_texts_that_stand_there_twice_are_no_labels(tmp_path: Path) -> None:
    assert pairs(read(tmp_path, table(*((row[2], row[0]) for row in NEWS * 2)))) == [(r[2], r[0]) for r in NEWS * 2]


def test_columns_that_pandas_numbered_are_a_header(tmp_path: Path) -> None:
    rows = read(tmp_path, table(("0", "1"), *((text, title) for _, title, text in NEWS)))
    assert pairs(rows) == [(text, title) for _, title, text in NEWS]


def test_more_columns_are_used_by_their_names_and_the_others_told(tmp_path: Path) -> None:
    content = (
        ",id,question,context,answer,accepted,gold,source\n"
        '0,a,Who?,Ann did.,Ann,"[""Anna""]",d1,web\n'
        "1,b,When?,,Monday,,,web\n"
    )
    rows = read(tmp_path, content)
    assert pairs(rows) == [("Who?\n\nAnn did.", "Ann"), ("When?", "Monday")]
    assert (rows.examples[0].id, rows.examples[0].accepted, rows.examples[0].gold) == ("a", ("Anna",), ("d1",))
    assert [one.message for one in rows.findings] == [
        "2 rows have 'column 1', not used",
        "2 rows have 'source', not used",
    ]


def test_alpaca_as_a_table_is_read_as_its_rows_are(tmp_path: Path) -> None:
    content = (
        "instruction,input,output,system,history\n"
        'Add,1 2,3,Be brief.,"[[""Hi"", ""Hello""]]"\n'
        "Name a city.,,Oslo,Be brief.,\n"
    )
    rows = read(tmp_path, content)
    assert pairs(rows) == [("Add\n\n1 2", "3"), ("Name a city.", "Oslo")]
    assert [turn.text for turn in rows.examples[0].turns] == ["Be brief.", "Hi", "Hello"]


def test_conversations_may_stand_in_cells(tmp_path: Path) -> None:
    said = '[{""role"": ""user"", ""content"": ""Hi""}, {""role"": ""assistant"", ""content"": ""Hello""}]'
    assert pairs(read(tmp_path, f'id,messages\n1,"{said}"\n')) == [("Hi", "Hello")]


def test_cells_are_text_as_they_stand(tmp_path: Path) -> None:
    odd = ["NA", "None", "null", "001", "1e5", "TRUE", "-5", "30,5", "=1+1", "nan", "N/A", " x "]
    content = "input;output\n" + "".join(f"{cell};{cell}\n" for cell in odd)
    assert pairs(read(tmp_path, content)) == [(cell, cell) for cell in odd]


@pytest.mark.parametrize(
    "content",
    [
        'sep=;\r\nFrage;Antwort\r\n"Wie hoch?\r\nIn Metern.";30,5\r\n',
        '\ufeffFrage;Antwort;\r\n"Wie hoch?\nIn Metern.";30,5;\r\n;;\r\n',
        'Frage\tAntwort\n"Wie hoch?\nIn Metern."\t30,5\n',
        'Frage|Antwort\n"Wie hoch?\nIn Metern."|30,5\n',
        '"sep=,"\n"Frage","Antwort"\n"Wie hoch?\nIn Metern.","30,5"\n\n',
    ],
)
def test_what_spreadsheets_write_is_read(tmp_path: Path, content: str) -> None:
    assert pairs(read(tmp_path, content)) == [("Wie hoch?\nIn Metern.", "30,5")]


def test_lines_are_counted_from_the_file_s_first(tmp_path: Path) -> None:
    rows = read(tmp_path, 'sep=;\nFrage;Antwort\n"a\nb";c\nd\ne;f\n')
    assert [one.row for one in rows.examples] == [3, 6]
    assert [problem.line for problem in rows.problems] == [5]


def test_quotes_are_text_in_a_tsv_that_has_no_quoted_cells(tmp_path: Path) -> None:
    assert pairs(read(tmp_path, 'text\tlabel\n"Hi" she said\tx\n5" pipe\ty\n', "train.tsv")) == [
        ('"Hi" she said', "x"),
        ('5" pipe', "y"),
    ]


@pytest.mark.parametrize(
    ("content", "line", "fragment"),
    [
        ("text,text,label\na,b,c\n", 1, "two columns 'text'"),
        ("input,output\na,b\ninput,output\nc,d\n", 3, "repeats the header"),
        ("input,output\na,b\nc\n", 3, "has 1 cells, the header has 2"),
        (table(*((row[0], row[2]) for row in NEWS)) + "x\n", 7, "has 1 cells, the first line has 2"),
        (table(*((f"Who won the {row[1]}?", row[2]) for row in NEWS)), 1, "no header and 2 columns"),
        ("id,input\n1,a\n", 1, "has the columns id, input"),
        (table(*((row[2], *row, row[1]) for row in NEWS)), 1, "no header and 5 columns"),
    ],
)
def test_a_table_that_does_not_fit_is_told_by_line(tmp_path: Path, content: str, line: int, fragment: str) -> None:
    rows = read(tmp_path, content)
    assert [(problem.line, fragment in problem.what) for problem in rows.problems] == [(line, True)]
    assert rows.problems[0].do


def test_inputs_may_come_as_a_table_with_a_header() -> None:
    given = read_inputs(b"id,question,context\n7,Who?,Ann did.\n8,When?,\n")
    assert given.problems == []
    assert [(one.id, one.input) for one in given.examples] == [("7", "Who?\n\nAnn did."), ("8", "When?")]
    assert [one.input for one in read_inputs(b"text\nHi\nthere\n").examples] == ["Hi", "there"]
    assert [one.input for one in read_inputs(b'"text"\n"there"\n').examples] == ["text", "there"]
