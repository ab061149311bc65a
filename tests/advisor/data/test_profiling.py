"""What a profile says about data whose faults are known."""

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from time import process_time
from typing import Any

import jsonschema
import numpy as np
import pytest
from numpy.typing import NDArray

from advisor.data.outputs import infer_schema
from advisor.data.profiling import Profile, derived_answers, near_test, profile, signals
from advisor.data.splitting import split
from advisor.data.taskfolder import checker
from advisor.rows.conversations import OFFERED
from advisor.task import Example, Finding, Split, Task
from retrieval.documents import Document, Unreadable
from trainers.rendering import Turn

ANIMALS = ("cat", "dog", "owl", "fox", "hen", "elk", "bee", "ant", "cow", "pig")


def words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def rows(*pairs: tuple[str, str], file: str = "train.jsonl") -> tuple[Example, ...]:
    return tuple(Example(f"{file}-{i}", *pair, row=i, file=file) for i, pair in enumerate(pairs, start=1))


def task(*pairs: tuple[str, str], test: Sequence[tuple[str, str]] = (), **parts: Any) -> Task:
    made = Task("t", Path(), split=Split(train=rows(*pairs), test=rows(*test, file="test.jsonl")))
    return replace(made, **parts)


def found(seen: Profile, kind: str) -> Finding:
    (only,) = [one for one in seen.findings if one.kind == kind]
    return only


def kind_of(*outputs: str, **parts: Any) -> str:
    return profile(task(*((f"question {i}", output) for i, output in enumerate(outputs)), **parts), words).outputs.kind


def test_a_profile_counts_examples_and_tokens_and_is_written_as_json() -> None:
    pairs = [(" ".join(["word"] * n), "yes it is") for n in range(1, 102)]
    seen = profile(task(*pairs, test=[("other", "no")], documents=(Document("d", "four words of text"),)), words)
    assert seen.examples == {"train": 101, "choose": 0, "compare": 0, "test": 1}
    assert asdict(seen.tokens["input"]) == {"median": 51, "p95": 96, "max": 101, "total": 5151}
    assert seen.tokens["document"].total == 4
    json.dumps(asdict(seen), allow_nan=False)


def test_one_row_is_enough_and_none_does_no_harm() -> None:
    one = profile(task(("What is the capital of France?", "Paris")), words)
    assert one.outputs.kind == "short_answer"
    assert one.near_test_share is None
    none = profile(task(), words)
    assert none.examples["train"] == 0
    assert derived_answers(task(), none)["train_examples"] == 0
    json.dumps([asdict(one), asdict(none), signals(none)], allow_nan=False)


def test_system_turns_that_differ_are_told_with_how_many_rows_have_each() -> None:
    def said(*systems: str) -> list[Finding]:
        made = [
            replace(row, turns=tuple(Turn("system", text) for text in filter(None, (system, f"{OFFERED} {row.id}"))))
            for row, system in zip(rows(*((f"question {i}", "yes") for i in range(len(systems)))), systems, strict=True)
        ]
        seen = profile(Task("t", Path(), split=Split(train=tuple(made[:-1]), test=tuple(made[-1:]))), words)
        return [one for one in seen.findings if one.kind == "system_turn"]

    (finding,) = said("Be brief.", "Be kind.", "Be brief.", "")
    assert finding.rows == (2, 4)
    assert finding.severity == "warning"
    assert "2 rows “Be brief.”, 1 row “Be kind.”, 1 row none" in finding.message
    assert said("Be brief.", "Be brief.") == []
    (many,) = said(*map(str, range(9)))
    assert "1 row “0”" in many.message and "and 4 others" in many.message


def test_what_was_noticed_while_rows_were_read_is_in_the_profile() -> None:
    noticed = Finding("unused_key", "note", "2 rows have 'x', not used", "train.jsonl", (1, 2))
    assert noticed in profile(task(("a", "b"), findings=(noticed,)), words).findings


def test_the_kind_of_output_is_seen_without_being_told() -> None:
    assert kind_of(*["spam", "ham"] * 20) == "label"
    assert kind_of('{"a": 1}', '{"b": [2]}', "[]") == "json"
    assert kind_of("SELECT name FROM users", "with t as (select 1) select * from t;") == "sql"
    assert kind_of("Select the blue button.", "With pleasure, Sir.") == "short_answer"
    assert kind_of("def f(x):\n    return x + 1", "import os\nprint(os.getcwd())") == "code"
    assert kind_of("Paris", "In 1924", "Marie Curie and her husband") == "short_answer"
    assert kind_of(*[str(i % 97) for i in range(200)]) == "short_answer"
    assert (
        kind_of("The contract ends after two years, unless both parties agree in writing that it goes on.")
        == "long_answer"
    )


def test_what_the_task_declares_goes_before_what_its_outputs_look_like() -> None:
    assert kind_of("spam", "ham", labels=("spam", "ham", "eggs")) == "label"
    assert kind_of("{}", schema={"type": "object"}) == "json"
    assert kind_of("a politer way to say it", metric="sari") == "style"


def test_saying_the_input_again_in_other_words_is_style() -> None:
    pairs = [
        (f"give me the damn {animal} right now you fool", f"please give me the {animal} now") for animal in ANIMALS
    ]
    assert profile(task(*pairs), words).outputs.kind == "style"


def test_rows_of_another_form_are_named_where_one_form_rules() -> None:
    pairs = [(f"q{i}", f"It is a {animal}.") for i, animal in enumerate(ANIMALS * 2)]
    pairs[6] = ("q6", "- an owl\n- a hen")
    seen = profile(task(*pairs), words)
    assert seen.outputs.consistency == pytest.approx(0.95)
    assert found(seen, "other_form").rows == (7,)
    assert found(seen, "other_form").message.startswith("1 row does not have the common form (one line")


def test_json_keys_come_with_how_often_they_are_there_and_their_types() -> None:
    seen = profile(task(("a", '{"day": "Monday", "people": 2}'), ("b", '{"day": null}')), words)
    assert [asdict(key) for key in seen.outputs.keys] == [
        {"name": "day", "share": 1.0, "types": ("string", "null")},
        {"name": "people", "share": 0.5, "types": ("integer",)},
    ]


def test_repeats_and_near_repeats_are_named_once() -> None:
    long = "please tell me whether the small hotel by the river still has a double room free on the second of May"
    seen = profile(
        task(("a b", "x"), ("A  b", "X"), (long, "y"), (f"{long}, dear", "z"), (f"{long}, dear", "z")), words
    )
    assert found(seen, "duplicate").rows == (2, 5)
    assert found(seen, "duplicate").message == "2 rows repeat the input and output of an earlier row"
    assert found(seen, "near_duplicate").rows == (4,)
    assert (seen.duplicate_share, seen.near_duplicate_share) == (0.4, 0.2)


def test_two_outputs_for_one_input_contradict_each_other_unless_one_is_accepted() -> None:
    made = task(
        ("is it?", "yes"), ("Is  it?", "no"), ("why?", "so"), ("why?", "thus"), labels=("yes", "no", "so", "thus")
    )
    train = list(made.split.train)
    train[3] = replace(train[3], accepted=("so",))
    seen = profile(replace(made, split=Split(train=tuple(train))), words)
    assert found(seen, "contradiction").rows == (1, 2)
    assert seen.contradiction_share == 0.5


def test_two_rewritings_of_one_input_do_not_contradict_each_other() -> None:
    seen = profile(task(("go away", "please leave"), ("go away", "would you leave"), metric="sari"), words)
    assert seen.contradiction_share == 0


def test_overlap_of_training_and_test_is_told_apart_as_equal_and_near() -> None:
    long = "please tell me whether the small hotel by the river still has a double room free on the second of May"
    seen = profile(task(("same", "x"), (long, "y"), ("else", "z"), test=[("Same", "x"), (f"{long}, dear", "y")]), words)
    assert (found(seen, "equal_to_test").rows, found(seen, "near_test").rows) == ((1,), (2,))
    assert (seen.equal_test_share, seen.near_test_share) == (0.5, 1.0)


def test_embeddings_find_overlap_in_other_words() -> None:
    class Embed:
        fingerprint = "two directions"

        def __call__(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
            return np.array([[1, 0] if "room" in text else [0, 1] for text in texts], dtype=np.float32)

    made = task(("a room?", "yes"), ("food?", "no"), test=[("got any room left?", "yes")])
    assert profile(made, words).near_test_share == 0
    seen = profile(made, words, Embed())
    assert seen.near_test_share == 1
    assert found(seen, "near_test").rows == (1,)


def test_every_test_row_that_a_training_row_is_near_is_counted() -> None:
    long = "we would like a table for four people by the window at eight tonight please"
    asked = [(f"{long} {name}", "yes") for name in ANIMALS[:8]]
    made = task((long, "yes"), ("what is on the menu?", "no"), test=[*asked, ("is there any parking?", "no")])
    assert near_test(made.split.train, made.split.test) == set(range(8))
    assert profile(made, words).near_test_share == pytest.approx(8 / 9)


def test_what_was_said_before_counts_for_nearness() -> None:
    made = task(("yes please", "ok"), test=[("yes please", "ok"), ("yes please", "ok")])
    first, second = made.split.test
    said = (Turn("user", "do you want the large blue tent with two doors?"),)
    assert near_test(made.split.train, (replace(first, turns=said), second)) == {1}


def test_answers_are_looked_for_in_the_documents_and_in_the_one_named() -> None:
    documents = (Document("d1", "It was founded in 1924 by Ada."), Document("d2", "Nothing here.", title="Lisbon"))
    made = task(("when?", "1924"), ("who?", "Ada"), ("where?", "Lisbon"), ("why?", "money"), documents=documents)
    gold = [("d1",), ("d2",), (), ()]
    train = tuple(replace(row, gold=ids) for row, ids in zip(made.split.train, gold, strict=True))
    made = replace(made, split=Split(train=train))
    seen = profile(made, words)
    assert (seen.answers_in_documents, seen.answers_in_gold, seen.gold_share) == (0.75, 0.5, 0.5)
    assert found(seen, "not_in_documents").rows == (4,)
    assert found(seen, "not_in_gold").rows == (2,)
    answers = derived_answers(made, seen)
    assert answers["needs_private_or_fresh_facts"] == "yes"
    assert answers["documents_available"] == "yes"
    assert answers["corpus_tokens"] == 9


def test_an_answer_stands_in_a_document_by_its_words() -> None:
    documents = (
        Document("d1", "Built in 1924, in the north."),
        Document("d2", "No room is free"),
        Document("d3", "now."),
    )
    answers = ("24", "no", "free now", "1,924", "the North")
    made = task(*((f"question {i}?", answer) for i, answer in enumerate(answers)), documents=documents)
    seen = profile(made, words)
    assert found(seen, "not_in_documents").rows == (1, 3)


def test_answers_are_looked_for_by_the_words_of_every_script() -> None:
    documents = (Document("de", "Zuständig: Stadt\u00adwerke Elmen\u200bbach."), Document("hi", "यह मेला है।"))
    pairs = ("wer?", "Stadtwerke Elmenbach"), ("क्या?", "मेला"), ("और?", "माला"), ("wo?", "bach de")
    made = task(*pairs, documents=documents)
    assert found(profile(made, words), "not_in_documents").rows == (3, 4)


def test_labels_are_counted_and_rare_and_unseen_ones_named() -> None:
    pairs = [(f"text {i} on {animal}", "common") for i, animal in enumerate(ANIMALS * 2)] + [("odd", "rare")]
    made = task(*pairs, labels=("common", "rare", "never"))
    seen = profile(made, words)
    assert seen.labels == {"common": 20, "rare": 1, "never": 0}
    assert found(seen, "rare_label").rows == (21,)
    assert "never" in found(seen, "unseen_label").message
    assert found(seen, "unbalanced_labels").severity == "warning"
    assert derived_answers(made, seen)["num_labels"] == 3


def test_labels_that_are_alike_are_named_by_row_and_kept_apart() -> None:
    outputs = ["billing", "returns"] * 10 + ["Billing", "retunrs", "billing\u200b"]
    seen = profile(task(*((f"text {i}", output) for i, output in enumerate(outputs))), words)
    messages = {one.rows: one.message for one in seen.findings if one.kind == "alike_labels"}
    assert messages == {
        (21, 23): r"2 rows have the label 'Billing' or 'billing\u200b', where 10 have 'billing': alike but for case, "
        "invisible characters, and kept as they are",
        (22,): "1 row has the label 'retunrs', where 10 have 'returns': alike but for one letter, and kept as they are",
    }
    assert len(seen.labels) == 5


def test_rows_with_several_labels_are_counted_by_label() -> None:
    sets = [["a", "b"], ["b"], ["c"], ["b", "a"], ["c", "a"]] * 6
    pairs = [(f"text {i}", ";".join(own)) for i, own in enumerate(sets)]
    pairs += [("text 0", "b;a"), ("text 1", "a"), ("text new", "B;rare")]
    made = task(*pairs)
    seen = profile(made, words)
    assert seen.labels == {"a": 20, "b": 19, "c": 12, "B": 1, "rare": 1}
    assert seen.outputs.form == "labels, more than one a row: text with ';' between"
    assert (seen.outputs.kind, derived_answers(made, seen)["num_labels"]) == ("label", 5)
    assert found(seen, "contradiction").rows == (2, 32)  # "b;a" is "a;b"
    assert found(seen, "rare_label").rows == (33,)
    assert found(seen, "alike_labels").rows == (33,)


def test_numbers_are_told_as_numbers_and_asked_as_short_answers() -> None:
    pairs = [(f"flat {i}", f"{300 + 7 * i} EUR") for i in range(30)]
    made = task(*pairs, ("flat x", "on request"), metric="number within 5%")
    seen = profile(made, words)
    assert seen.metric == "number within 5%"
    assert (seen.outputs.form, seen.outputs.unit) == ("a number, in EUR", "EUR")
    assert derived_answers(made, seen)["output_kind"] == "short_answer"
    assert found(seen, "other_form").rows == (31,)


def test_an_empty_set_is_an_answer() -> None:
    sets = [["a"], [], ["b", "a"], ["b"], []] * 5
    seen = profile(task(*((f"q{i}", json.dumps(own)) for i, own in enumerate(sets))), words)
    assert seen.labels == {"a": 10, "b": 10}
    assert not [one for one in seen.findings if one.kind == "empty_output"]


def test_labels_that_no_training_row_has_are_told_where_they_stand() -> None:
    pairs = [(f"text {i} on {animal}", "odd" if i % 2 else "even") for i, animal in enumerate(ANIMALS * 3)]
    made = task(*pairs, test=[("a", "even"), ("b", "rare"), ("c", "rarer")])
    made = replace(made, split=replace(made.split, compare=rows(("d", "odd"), ("e", "rare"), file="more.jsonl")))
    told = {one.file: one for one in profile(made, words).findings if one.kind == "unknown_label"}
    assert {file: one.rows for file, one in told.items()} == {"more.jsonl": (2,), "test.jsonl": (2, 3)}
    assert told["test.jsonl"].message.startswith("2 rows have a label that no training row has")
    named = replace(made, labels=("even", "odd", "rare", "rarer"))
    assert not [one for one in profile(named, words).findings if one.kind == "unknown_label"]


@pytest.mark.parametrize("own", ["NFC", "NFD"])
def test_labels_that_are_named_in_decomposed_letters_are_those_of_the_rows(own: str) -> None:
    sets = [["café", "thé"], ["thé"], ["lait", "café"], ["café"], ["lait"]] * 6
    pairs = [(f"text {i}", unicodedata.normalize(own, "; ".join(one))) for i, one in enumerate(sets)]
    labels = tuple(unicodedata.normalize("NFD", label) for label in ("café", "thé", "lait"))
    made = task(*pairs, labels=labels, test=[("a", "thé; café")])
    seen = profile(made, words)
    assert seen.outputs.between == "; " and seen.outputs.consistency == 1
    assert not [one for one in seen.findings if one.kind in ("unseen_label", "unknown_label", "other_form")]
    assert not any(map(checker(labels, None, "; "), [row.output for row in made.split.seen]))


def test_of_several_labels_one_that_no_training_row_has_is_told() -> None:
    sets = [["odd", "tame"], ["even"], ["tame"], ["tame", "even"], ["odd"]] * 6
    pairs = [(f"text {i}", ", ".join(own)) for i, own in enumerate(sets)]
    made = task(*pairs, test=[("a", "even, odd"), ("b", "odd, rare"), ("c", "")])
    told = [one for one in profile(made, words).findings if one.kind == "unknown_label"]
    assert [(one.file, one.rows) for one in told] == [("test.jsonl", (2,))]


def test_empty_and_overlong_outputs_are_named() -> None:
    pairs = [(f"q{i}", f"the {animal}") for i, animal in enumerate(ANIMALS * 3)]
    pairs[3], pairs[8] = ("q3", "..."), ("q8", "word " * 100)
    seen = profile(task(*pairs), words)
    assert found(seen, "empty_output").rows == (4,)
    assert found(seen, "overlong_output").rows == (9,)


def test_findings_name_the_rows_of_each_file_apart() -> None:
    both = (*rows(("a", "x"), file="one.csv"), *rows(("a", "x"), ("b", "y"), ("b", "y"), file="two.csv"))
    seen = profile(Task("t", Path(), split=Split(train=both)), words)
    assert [(one.file, one.rows) for one in seen.findings if one.kind == "duplicate"] == [("two.csv", (1, 3))]


def test_documents_that_are_empty_or_repeated_are_named_by_line() -> None:
    texts = ("a text", " ", "A  text")
    documents = tuple(Document(str(i), text, file="corpus.jsonl", line=i) for i, text in enumerate(texts, start=1))
    titled = Document("4", "", "Title", "corpus.jsonl", 4)
    seen = profile(task(("q", "a"), documents=(*documents, titled)), words)
    assert (found(seen, "empty_document").rows, found(seen, "duplicate_document").rows) == ((2,), (3,))
    assert found(seen, "title_only").rows == (4,)


def test_documents_that_can_not_be_read_are_told_by_kind_and_so_are_rows_that_name_them() -> None:
    lost = [Unreadable("corpus.jsonl", line, f"the document '{line}' has no text", "fill it") for line in (7, 9)]
    made = task(("q", "a"), ("r", "b"), documents=(Document("d", "text"),))
    train = tuple(replace(row, gold=(id_,)) for row, id_ in zip(made.split.train, ("d", "7"), strict=True))
    seen = profile(replace(made, split=Split(train=train), unreadable=tuple(lost)), words)
    told = found(seen, "unreadable_document")
    assert (told.file, told.severity) == ("corpus.jsonl:7, corpus.jsonl:9", "warning")
    assert told.message.endswith("the document has no text")
    assert found(seen, "gold_not_there").rows == (2,)


def test_outputs_of_the_sealed_test_are_not_looked_at() -> None:
    first, second = (profile(task(("a", "x"), test=[("b", output)]), words) for output in ("x", '{"secret": 1}'))
    assert first == second


def test_what_the_data_tells_need_not_be_asked() -> None:
    made = task(*((f"book {i}", json.dumps({"day": "Monday", "people": i})) for i in range(3)))
    assert derived_answers(made, profile(made, words)) == {
        "documents_available": "no",
        "train_examples": 3.0,
        "output_kind": "json",
        "num_labels": 2.0,
        "strict_format": "yes",
    }


def test_an_inferred_schema_accepts_the_outputs_it_came_from_and_nothing_else() -> None:
    values = [
        {"intent": ("book", "cancel")[i % 2], "name": f"guest {i}", **({"people": i / (1 + i % 2)} if i % 3 else {})}
        for i in range(40)
    ]
    outputs = [json.dumps({**value, "tags": [{"at": i}] if i % 5 else []}) for i, value in enumerate(values)]
    schema = infer_schema(outputs)
    jsonschema.Draft202012Validator.check_schema(schema)
    for output in outputs:
        jsonschema.validate(json.loads(output), schema)
    assert schema["required"] == ["intent", "name", "tags"]
    assert schema["properties"]["intent"]["enum"] == ["book", "cancel"]
    assert "enum" not in schema["properties"]["name"]
    valid = jsonschema.Draft202012Validator(schema).is_valid
    assert valid({"intent": "book", "name": "somebody new", "tags": []})
    assert not valid({"intent": "eat", "name": "x", "tags": []})
    assert not valid({"intent": "book", "name": "x", "tags": [], "extra": 1})


def test_a_schema_stays_open_where_new_keys_keep_coming() -> None:
    schema = infer_schema([json.dumps({"call": "f", f"argument {i}": i}) for i in range(40)])
    assert schema["additionalProperties"] is True
    assert infer_schema(["no JSON", ""]) == {}
    assert infer_schema(['{"a": null}', '{"a": {"b": 1}}'])["properties"]["a"]["type"] == ["null", "object"]


def test_a_large_task_is_profiled_in_seconds() -> None:
    rng = np.random.default_rng(0)
    vocabulary = [f"word{i}" for i in range(5000)]
    texts = [" ".join(rng.choice(vocabulary, 30)) for _ in range(5500)]
    documents = tuple(Document(str(i), text) for i, text in enumerate(texts))
    pairs = [(f"{' '.join(rng.choice(vocabulary, 12))}?", text[-20:]) for text in texts[:4000]]
    start = process_time()  # of this process: other work on the machine does not count
    seen = profile(task(*pairs[:3600], test=pairs[3600:], documents=documents), words)
    assert process_time() - start < 60
    assert seen.documents == 5500


def test_rows_over_the_models_context_are_told_with_their_numbers_and_what_to_do() -> None:
    long = "word " * 300
    made = task(("short", "yes"), (long, "no"), test=[("short", "no"), (long, "no"), (long, "no")])
    turned = replace(made.split.train[0], id="t", row=3, turns=(Turn("assistant", long),))
    made = replace(made, instruction="Say it.", split=replace(made.split, train=(*made.split.train, turned)))
    told = [one for one in profile(made, words, None, 256).findings if one.kind == "over_context"]
    assert [(one.file, one.rows) for one in told] == [("train.jsonl", (2, 3)), ("test.jsonl", (2, 3))]
    assert all(one.severity == "warning" and "context of 256 tokens" in one.message for one in told)
    assert "shorten them, leave them out, or name a model with a longer context" in told[0].message
    assert not [one for one in profile(made, words, None, 1000).findings if one.kind == "over_context"]
    longer = replace(made, instruction="word " * 700)
    assert next(one.rows for one in profile(longer, words, None, 1000).findings if one.kind == "over_context") == (2, 3)
    wordy = task(("short", "yes"), ("other", long))  # an answer is given room for the longest
    assert [one.rows for one in profile(wordy, words, None, 400).findings if one.kind == "over_context"] == [(1, 2)]


@pytest.mark.parametrize(
    ("count", "severity", "told"),
    [
        (0, "warning", ("with 0 rows nothing is measured", "16 would do", "100 to set a test aside")),
        (1, "warning", ("with 1 row nothing",)),
        (15, "warning", ("16 would do",)),
        (16, "note", ("16 rows are few", "folds", "no test is set aside: 100 would do")),
        (99, "note", ("99 rows are few",)),
        (100, "note", ("75 rows are few",)),
    ],
)
def test_how_many_rows_would_do_is_said_where_they_are_few(count: int, severity: str, told: tuple[str, ...]) -> None:
    given = [Example(str(i), f"{ANIMALS[i % 10]} {i * 7919} {ANIMALS[i // 10]}", str(i), row=i) for i in range(count)]
    finding = found(profile(Task("t", Path(), split=split(given)), words), "few_rows")
    assert finding.severity == severity and all(text in finding.message for text in told)
    assert ("100" in finding.message) is (count < 100)


def test_where_rows_are_many_nothing_is_said_of_their_number() -> None:
    given = [Example(str(i), f"{ANIMALS[i % 10]} {i * 7919} {ANIMALS[i // 40]}", str(i), row=i) for i in range(400)]
    assert "few_rows" not in {one.kind for one in profile(Task("t", Path(), split=split(given)), words).findings}


def test_without_a_row_the_kind_of_output_is_known_only_where_it_is_declared() -> None:
    assert "output_kind" not in profile(task(), words).derived
    declared = profile(task(labels=("yes", "no")), words)
    assert declared.derived["output_kind"] == "label"
    assert not declared.labels["yes"] and "unseen_label" not in {one.kind for one in declared.findings}
