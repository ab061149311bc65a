from collections.abc import Iterator
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from advisor import answers
from advisor.answers import KEYS, UNKNOWN
from advisor.app import ask
from advisor.data import reading

UP, DOWN, ENTER = "\x1b[A", "\x1b[B", "\r"


@pytest.fixture
def keys() -> Iterator[PipeInput]:
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        yield pipe


def test_enter_alone_leaves_everything_unknown(keys: PipeInput) -> None:
    keys.send_text(ENTER * len(KEYS))
    assert ask.ask({}) == dict.fromkeys(KEYS, UNKNOWN)


def test_what_is_known_or_follows_is_not_asked(keys: PipeInput) -> None:
    known: dict[str, str | float] = {"output_kind": "json", "documents_available": "no", "train_examples": 0.0,
                                     "needs_private_or_fresh_facts": "no", "latency_or_volume_sensitive": "no"}  # fmt: skip
    keys.send_text("Turn it into JSON" + ENTER + "7" + ENTER + ENTER + UP * 2 + ENTER + ENTER * 2 + "2.5" + ENTER)
    found = ask.ask(known)
    asked = {
        "description": "Turn it into JSON",
        "num_labels": 7.0,
        "style_matters": UNKNOWN,
        "base_capability": "medium",
        "max_cost_per_1000": 2.5,
    }
    assert found == {**dict.fromkeys(KEYS, UNKNOWN), **known, **asked}  # what follows is inferred, not said


def test_hours_are_asked_for_where_they_can_change_what_is_recommended(keys: PipeInput) -> None:
    open_to = {"output_kind": "json", "train_examples": 700.0, "documents_available": "no", "base_capability": "low",
               "needs_private_or_fresh_facts": "no", "tunes_same_model": "yes", "requests_per_day": 30.0}  # fmt: skip
    known: dict[str, str | float] = {**{name: UNKNOWN for name in KEYS if not name.endswith("_hours")}, **open_to}
    keys.send_text("40" + ENTER)  # of tuning alone: there are no documents to search
    found = ask.ask(known)
    assert (found["tuning_hours"], found["retrieval_hours"]) == (40.0, UNKNOWN)
    assert ask.ask({**known, "requests_per_day": 1e6})["tuning_hours"] == UNKNOWN


def test_a_number_is_checked_as_it_is_typed(keys: PipeInput) -> None:
    known = {name: UNKNOWN for name in KEYS if name != "train_examples"}
    keys.send_text("many" + ENTER + "\x7f" * 4 + "5k" + ENTER)
    assert ask.ask(known)["train_examples"] == 5000.0
    assert "not a number" in str(ask.problem("train_examples", "many"))
    assert ask.problem("train_examples", "1,200") is True


def test_breaking_off_passes(keys: PipeInput) -> None:
    keys.send_text("\x03")
    with pytest.raises(KeyboardInterrupt):
        ask.ask({})


def test_the_file_replays_the_answers(tmp_path: Path) -> None:
    given: answers.Answers = {**dict.fromkeys(KEYS, UNKNOWN), "description": 'Say "yes": or no', "output_kind": "label", "corpus_tokens": 1e15,
                              "documents_available": "yes", "facts_change": "never", "max_cost_per_1000": 0.0000125}  # fmt: skip
    ask.write(given, tmp_path / "answers.yaml")
    assert answers.read_answers(tmp_path / "answers.yaml") == given
    assert KEYS["facts_change"].question in (tmp_path / "answers.yaml").read_text()


def test_without_a_terminal_every_flag_is_named() -> None:
    text = ask.needs_terminal()
    assert "--answers FILE" in text
    assert all(f"--{name.replace('_', '-')}" in text for name in KEYS)


def test_the_task_file_to_go_on_with_is_read_as_a_task_with_the_answers(tmp_path: Path) -> None:
    given = {**dict.fromkeys(KEYS, UNKNOWN), "output_kind": "json", "facts_change": "often", "train_examples": 200.0,
             "description": "Bookings: as JSON"}  # fmt: skip
    ask.write_task(given, tmp_path / "task" / "task.yaml")
    task = reading.load_task(tmp_path / "task")
    assert (task.metric, task.description) == ("json_field_f1", "Bookings: as JSON")
    said = {name: value for name, value in task.answers.items() if value != UNKNOWN}
    assert said == {"output_kind": "json", "facts_change": "often", "train_examples": 200.0}
    ask.write_task(dict.fromkeys(KEYS, UNKNOWN), tmp_path / "bare" / "task.yaml")
    assert set(reading.load_task(tmp_path / "bare").answers.values()) == {UNKNOWN}
