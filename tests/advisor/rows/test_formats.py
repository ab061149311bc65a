"""Rows of the formats that people bring: every key read by its documented meaning, or told."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from advisor.rows.examples import Rows, read_inputs, read_rows
from advisor.rows.names import keys
from advisor.task import Example
from trainers.rendering import Turn

Row = Mapping[str, Any]


def read(tmp_path: Path, *rows: Row, **options: Any) -> Rows:
    path = tmp_path / "train.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_rows(path, path.name, **options)


def example(tmp_path: Path, row: Row, **options: Any) -> Example:
    rows = read(tmp_path, row, **options)
    assert rows.problems == []
    (made,) = rows.examples
    return made


def told(tmp_path: Path, *rows: Row) -> list[tuple[str, tuple[int, ...]]]:
    made = read(tmp_path, *rows)
    assert made.problems == []
    assert {finding.kind for finding in made.findings} <= {"unused_key"}
    return [(finding.message, finding.rows) for finding in made.findings]


def chat(*said: Mapping[str, Any], **more: Any) -> Row:
    return {"messages": list(said), **more}


USER = {"role": "user", "content": "How warm is it in Lodz?"}
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"town": "Lodz"}'}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": '{"celsius": 15}'}
ANSWER = {"role": "assistant", "content": "It is 15 degrees."}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
CALLED = '{"name":"weather","arguments":{"town":"Lodz"}}'


@pytest.mark.parametrize(
    ("row", "input"),
    [
        ({"instruction": "Add", "input": "1 2", "output": "3"}, "Add\n\n1 2"),
        ({"instruction": "Who?", "context": "Ann did.", "response": "3"}, "Who?\n\nAnn did."),
        ({"instruction": "Who?", "context": "", "response": "3"}, "Who?"),
        ({"question": "Who?", "context": "Ann did.", "answer": "3"}, "Who?\n\nAnn did."),
        ({"question": "Who?", "passage": "Ann did.", "answer": "3"}, "Who?\n\nAnn did."),
        ({"question": "Who?", "text": "Ann did.", "answer": "3"}, "Who?\n\nAnn did."),
        ({"instruction": "Add", "input": "1 2", "context": "in base 3", "output": "3"}, "Add\n\n1 2\n\nin base 3"),
        ({"premise": "It rains.", "hypothesis": "It is wet.", "label": 3}, "It rains.\n\nIt is wet."),
        ({"title": "Polls", "description": "They went.", "Class Index": 3}, "Polls\n\nThey went."),
        ({"article": "Long.", "highlights": "3"}, "Long."),
        ({"Frage": "Wer?", "Antwort": "3"}, "Wer?"),
        ({"pregunta": "¿Quién?", "respuesta": "3"}, "¿Quién?"),
        ({"Réponse": "3", "question": "Qui ?"}, "Qui ?"),
    ],
)  # fmt: skip
def test_what_is_asked_is_instruction_input_and_context_together(tmp_path: Path, row: Row, input: str) -> None:
    made = read(tmp_path, row)
    assert (made.problems, made.findings) == ([], [])
    assert [(one.input, one.output) for one in made.examples] == [(input, "3")]


def test_each_key_that_is_not_used_is_told_with_its_rows(tmp_path: Path) -> None:
    row = {"instruction": "Who?", "context": "Ann.", "response": "Ann"}
    rows = [row | {"category": "closed_qa"}, row, row | {"category": "open_qa", "source": None}, row | {"n": 0}]
    assert told(tmp_path, *rows) == [
        ("2 rows have 'category', not used", (1, 3)),
        ("1 row has 'n', not used", (4,)),
    ]


def test_of_very_many_unused_keys_the_commonest_are_named_and_the_rest_counted(tmp_path: Path) -> None:
    messages = told(tmp_path, *({"input": "a", "output": "b", f"key{at}": 1} for at in range(100)))
    assert len(messages) == 21
    assert messages[-1][0] == "80 rows have 80 more keys that are not used"


def test_one_of_several_outputs_is_taken_and_the_others_are_told(tmp_path: Path) -> None:
    assert told(tmp_path, {"text": "a", "label": "b", "category": "c"}) == [("1 row has 'category', not used", (1,))]


def test_history_is_earlier_turns(tmp_path: Path) -> None:
    earlier = (Turn("user", "I am Ben."), Turn("assistant", "Hello."), Turn("user", "Well?"), Turn("assistant", "Yes."))
    row = {"instruction": "Who am I?", "input": "", "output": "Ben", "system": "Be brief."}
    made = example(tmp_path, row | {"history": [["I am Ben.", "Hello."], ["Well?", "Yes."]]})
    assert made.turns == (Turn("system", "Be brief."), *earlier)
    assert example(tmp_path, row | {"history": []}).turns == (Turn("system", "Be brief."),)
    as_messages = [{"role": turn.role, "content": turn.text} for turn in earlier]
    assert example(tmp_path, row | {"history": as_messages}).turns[1:] == earlier
    (problem,) = read(tmp_path, row | {"history": ["I am Ben."]}).problems
    assert (problem.field, problem.line) == ("history", 1)


def test_sharegpt_with_system_tools_and_calls(tmp_path: Path) -> None:
    said = [
        {"from": "human", "value": "How warm?"},
        {"from": "function_call", "value": CALLED},
        {"from": "observation", "value": "15"},
        {"from": "gpt", "value": "15 degrees."},
    ]
    row = {"conversations": said, "system": "Be brief.", "tools": json.dumps([TOOL["function"]])}
    made = example(tmp_path, row)
    system, tools, *turns = made.turns
    assert system == Turn("system", "Be brief.")
    assert tools.text.splitlines()[1:] == ['{"name":"weather","parameters":{"type":"object"}}']
    assert turns == [Turn("user", "How warm?"), Turn("assistant", CALLED)]
    assert (made.input, made.output) == ("Result: 15", "15 degrees.")
    assert example(tmp_path, row | {"conversations": said[:2]}).output == CALLED


def test_earlier_tool_turns_are_context(tmp_path: Path) -> None:
    made = example(tmp_path, chat(USER, CALLING, RESULT, ANSWER, tools=[TOOL]))
    assert made.turns[0].role == "system"
    assert '"weather"' in made.turns[0].text
    assert made.turns[1:] == (Turn("user", USER["content"]), Turn("assistant", CALLED))
    assert (made.input, made.output) == ('Result of weather: {"celsius": 15}', "It is 15 degrees.")


def test_a_final_call_is_the_output_as_json(tmp_path: Path) -> None:
    assert example(tmp_path, chat(USER, CALLING)).output == CALLED
    two = {**CALLING, "tool_calls": [CALL, {**CALL, "id": "c2"}]}
    assert json.loads(example(tmp_path, chat(USER, two)).output) == [json.loads(CALLED)] * 2
    legacy = {"role": "assistant", "content": None, "function_call": CALL["function"]}
    assert example(tmp_path, chat(USER, legacy, functions=[TOOL["function"]])).output == CALLED
    custom = {"id": "c", "type": "custom", "custom": {"name": "weather", "input": '{"town": "Lodz"}'}}
    assert example(tmp_path, chat(USER, {**CALLING, "tool_calls": [custom]})).output == CALLED
    odd = {**CALLING, "tool_calls": [{**CALL, "function": {"name": "weather", "arguments": "Lodz"}}]}
    assert example(tmp_path, chat(USER, odd)).output == '{"name":"weather","arguments":"Lodz"}'


def test_text_beside_a_call_stays_in_earlier_turns_and_is_told_in_the_last(tmp_path: Path) -> None:
    calling = {**CALLING, "content": "Let me look."}
    made = example(tmp_path, chat(USER, calling, RESULT, ANSWER))
    assert made.turns[-1] == Turn("assistant", f"Let me look.\n\n{CALLED}")
    assert example(tmp_path, chat(USER, calling)).output == CALLED
    assert told(tmp_path, chat(USER, calling)) == [("1 row has text beside the call of a tool, not used", (1,))]


def test_results_of_parallel_calls_are_one_turn(tmp_path: Path) -> None:
    calls = [CALL, {"id": "c2", "type": "function", "function": {"name": "clock", "arguments": "{}"}}]
    results = [RESULT, {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "noon"}]}]
    made = example(tmp_path, chat(USER, {**CALLING, "tool_calls": calls}, *results, ANSWER, parallel_tool_calls=True))
    assert made.input == 'Result of weather: {"celsius": 15}\nResult of clock: noon'
    legacy = {"role": "function", "name": "clock", "content": "noon"}
    assert example(tmp_path, chat(USER, CALLING, legacy, ANSWER)).input == "Result of clock: noon"


def test_tools_follow_the_system_turn_and_say_when_they_are_called_one_at_a_time(tmp_path: Path) -> None:
    system = {"role": "developer", "content": "You know the weather."}
    made = example(tmp_path, chat(system, USER, CALLING, tools=[TOOL], parallel_tool_calls=False))
    assert made.turns[0] == Turn("system", "You know the weather.")
    assert made.turns[1].text.endswith("Call one at a time.")
    assert not told(tmp_path, chat(system, USER, CALLING, tools=[TOOL], parallel_tool_calls=False))


def test_what_has_weight_zero_is_not_learned(tmp_path: Path) -> None:
    first, last = {"role": "assistant", "content": "Warm.", "weight": 1}, {**ANSWER, "weight": 0}
    rows = read(tmp_path, chat(USER, {**first, "weight": 0}, USER, ANSWER), chat(USER, first, USER, last))
    assert [one.output for one in rows.examples] == ["It is 15 degrees.", "Warm."]
    assert [one.message for one in rows.findings] == ["1 row has turns after the one to learn, not used"]
    (problem,) = read(tmp_path, chat(USER, last)).problems
    assert "weight is 0" in problem.what


def test_turns_after_the_last_answer_are_told(tmp_path: Path) -> None:
    assert told(tmp_path, chat(USER, ANSWER, USER)) == [("1 row has turns after the one to learn, not used", (1,))]


def test_a_refusal_is_an_answer_and_parts_are_text(tmp_path: Path) -> None:
    refusal = {"role": "assistant", "content": None, "refusal": "I can't."}
    assert example(tmp_path, chat(USER, refusal)).output == "I can't."
    parts = [{"type": "text", "text": "How "}, {"type": "text", "text": "warm?"}]
    made = example(tmp_path, chat({"role": "user", "content": parts}, ANSWER))
    assert made.input == "How warm?"
    picture = {"role": "user", "content": [*parts, {"type": "image_url", "image_url": {"url": "data:"}}]}
    (problem,) = read(tmp_path, chat(picture, ANSWER)).problems
    assert (problem.field, "'image_url'" in problem.what) == ("messages[0]", True)


def test_names_tell_several_people_apart_and_are_told_otherwise(tmp_path: Path) -> None:
    ann, ben = ({"role": "user", "name": name, "content": "Hi."} for name in ("Ann", "Ben"))
    made = example(tmp_path, chat(ann, {**ANSWER, "audio": {"id": "x"}}, ben, ANSWER))
    assert (made.turns[0].text, made.input) == ("Ann: Hi.", "Ben: Hi.")
    assert told(tmp_path, chat(ann, ANSWER)) == [("1 row has 'messages[].name', not used", (1,))]
    assert example(tmp_path, chat(ann, ANSWER)).input == "Hi."


def test_keys_of_messages_and_of_requests_that_are_not_read_are_told(tmp_path: Path) -> None:
    row = chat(USER, {**ANSWER, "reasoning_content": "Hm."}, model="m", temperature=0.5, metadata={})
    messages = [message for message, _ in told(tmp_path, row)]
    assert messages == [
        "1 row has 'messages[].reasoning_content', not used",
        "1 row has 'model', not used",
        "1 row has 'temperature', not used",
    ]


def test_a_label_beside_a_conversation_is_told_not_taken_for_the_answer(tmp_path: Path) -> None:
    assert example(tmp_path, chat(USER, ANSWER, USER, category="weather")).output == ANSWER["content"]
    assert "1 row has 'category', not used" in [m for m, _ in told(tmp_path, chat(USER, ANSWER, USER, category="w"))]
    assert example(tmp_path, chat(USER, label="weather")).output == "weather"


BETTER = [{"role": "assistant", "content": "Good."}]
WORSE = [{"role": "assistant", "content": "Bad."}]


@pytest.mark.parametrize(
    ("row", "worse"),
    [
        ({"input": {"messages": [USER], "parallel_tool_calls": True}, "preferred_output": BETTER, "non_preferred_output": WORSE}, "non_preferred_output"),
        ({"prompt": USER["content"], "chosen": "Good.", "rejected": "Bad."}, "rejected"),
        ({"prompt": [USER], "chosen": BETTER, "rejected": WORSE}, "rejected"),
        ({"prompt": USER["content"], "chosen": [USER, *BETTER], "rejected": [USER, *WORSE]}, "rejected"),
        ({"chosen": [USER, *BETTER], "rejected": [USER, *WORSE]}, "rejected"),
        ({"instruction": USER["content"], "input": "", "chosen": "Good.", "rejected": "Bad."}, "rejected"),
        ({"conversations": [{"from": "human", "value": USER["content"]}], "chosen": {"from": "gpt", "value": "Good."},
          "rejected": {"from": "gpt", "value": "Bad."}}, "rejected"),
    ],
)  # fmt: skip
def test_of_two_outputs_the_preferred_is_wanted_and_the_other_told(tmp_path: Path, row: Row, worse: str) -> None:
    made = example(tmp_path, row)
    assert (made.input, made.output, made.turns) == (USER["content"], "Good.", ())
    assert told(tmp_path, row) == [(f"1 row has '{worse}', not used", (1,))]


def test_a_conversation_that_stands_there_twice_is_refused(tmp_path: Path) -> None:
    (problem,) = read(tmp_path, {"input": {"messages": [USER, ANSWER]}, "messages": "other"}).problems
    assert problem.field == "messages"


def test_outputs_that_are_marked_as_unwanted_are_refused(tmp_path: Path) -> None:
    for row in (
        {"prompt": "a", "completion": "b", "label": False},
        {"instruction": "a", "output": "b", "kto_tag": False},
    ):
        (problem,) = read(tmp_path, row).problems
        assert "not a wanted one" in problem.what
    assert told(tmp_path, {"prompt": "a", "completion": "b", "label": True}) == []


SQUAD = {"id": "q1", "title": "Stalls", "context": "Ann runs it.", "question": "Who runs it?"}


def test_squad_as_the_hub_has_it(tmp_path: Path) -> None:
    row = {**SQUAD, "answers": {"text": ["Ann", "Ann", "ann"], "answer_start": [0, 0, 0]}}
    made = example(tmp_path, row)
    assert (made.id, made.input, made.output) == ("q1", "Who runs it?\n\nAnn runs it.", "Ann")
    assert made.accepted == ("ann",)
    assert [message for message, _ in told(tmp_path, row)] == [
        "1 row has 'answers.answer_start', not used",
        "1 row has 'title', not used",
    ]


@pytest.mark.parametrize(
    "more",
    [
        {"answers": {"text": [], "answer_start": []}},
        {"answers": []},
        {"answers": [{"text": "Ann", "answer_start": 0}], "is_impossible": True},
        {"answer": ""},
        {"answer": None},
        {"output": ""},
    ],
)
def test_rows_without_an_answer_want_the_text_that_says_so(tmp_path: Path, more: Row) -> None:
    assert example(tmp_path, {**SQUAD, **more}, unanswered="I don't know.").output == "I don't know."
    (problem,) = read(tmp_path, {**SQUAD, **more}).problems
    assert problem.line == 1
    assert "abstain" in problem.do or "null" in problem.what


def test_squad_as_it_is_published(tmp_path: Path) -> None:
    questions = [
        {"id": "a", "question": "Who?", "answers": [{"text": "Ann", "answer_start": 0}], "is_impossible": False},
        {"id": "b", "question": "When?", "answers": [], "plausible_answers": [], "is_impossible": True},
    ]
    paragraphs = [
        {"context": "Ann did.", "qas": questions},
        {"context": "Ben did.", "qas": [{**questions[0], "id": "c"}]},
    ]
    path = tmp_path / "train.json"
    path.write_text(json.dumps({"version": "v2.0", "data": [{"title": "T", "paragraphs": paragraphs}]}))
    rows = read_rows(path, path.name, unanswered="No.")
    assert rows.problems == []
    assert [(one.id, one.row, one.input, one.output) for one in rows.examples] == [
        ("a", 1, "Who?\n\nAnn did.", "Ann"), ("b", 2, "When?\n\nAnn did.", "No."), ("c", 3, "Who?\n\nBen did.", "Ann"),
    ]  # fmt: skip
    assert "'version', which stands beside the rows, is not used" in [one.message for one in rows.findings]


def test_lists_of_answers_are_all_right_and_other_lists_are_json(tmp_path: Path) -> None:
    made = example(tmp_path, {"question": "Who?", "answer": ["Ann", "Anna"]})
    assert (made.output, made.accepted) == ("Ann", ("Anna",))
    assert example(tmp_path, {"text": "a", "labels": ["x", "y"]}).output == '["x","y"]'
    assert example(tmp_path, {"input": [USER], "ideal": ["Ann", "Anna"]}).accepted == ("Anna",)


def test_an_object_that_python_printed_is_refused(tmp_path: Path) -> None:
    row = {**SQUAD, "answers": "{'text': array(['Ann'], dtype=object)}"}
    assert "as Python prints it" in read(tmp_path, row).problems[0].what


@pytest.mark.parametrize(
    "row",
    [
        {"input": "How warm?"},
        {"question": "How warm?"},
        {"prompt": "How warm?", "rejected": "Bad."},
        {"messages": [{"role": "user", "content": "How warm?"}]},
        {"messages": [{"role": "user", "content": "How warm?"}, ANSWER]},
        {"input": {"messages": [{"role": "user", "content": "How warm?"}]}},
        {"conversations": [{"from": "human", "value": "How warm?"}]},
        {"instruction": "How warm?", "input": "", "output": "15"},
    ],
)
def test_inputs_are_read_from_the_same_formats_without_outputs(row: Row) -> None:
    given = read_inputs(json.dumps(row).encode())
    assert given.problems == []
    assert [one.input for one in given.examples] == ["How warm?"]


def test_inputs_keep_their_context_turns_and_tools() -> None:
    rows: Sequence[Row] = [
        {"question": "Who?", "context": "Ann did."},
        chat(USER, CALLING, RESULT, tools=[TOOL]),
        {"instruction": "Who am I?", "history": [["I am Ben.", "Hello."]], "mood": "glad"},
    ]
    given = read_inputs("\n".join(map(json.dumps, rows)).encode())
    assert [one.input for one in given.examples] == [
        "Who?\n\nAnn did.",
        'Result of weather: {"celsius": 15}',
        "Who am I?",
    ]
    assert [len(one.turns) for one in given.examples] == [0, 3, 2]
    assert [one.message for one in given.findings] == ["1 row has 'mood', not used"]


def test_names_are_known_in_any_case_and_with_signs_in_them() -> None:
    assert keys(("Class Index", "TITLE", "Description")).asked == ("TITLE", "Description")
    assert keys(("system_prompt", "question", "response")).system == "system_prompt"
    assert keys(("foo", "bar")) == keys(())
