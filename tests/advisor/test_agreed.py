"""What a person agreed to lies in their configuration folder, wherever they are."""

import io
import json
import sys
from pathlib import Path

import pytest

from advisor.agreed import FILE, Matter, agrees, config_folder
from advisor.errors import InputError

ONE, OTHER = Matter("code", "1"), Matter("code", "2")


def test_what_is_agreed_to_is_asked_once_and_a_no_is_asked_again(config: Path):
    asked: list[str] = []
    assert not agrees([ONE], "Really?", ask=lambda question: False)
    assert agrees([ONE], "Really?", ask=lambda question: not asked.append(question))
    assert agrees([ONE], "Really?", ask=lambda question: pytest.fail("asked"))
    assert not agrees([ONE, OTHER], "Both?", ask=lambda question: False)
    assert asked == ["Really? [y/N] "]
    assert len((config / FILE).read_text().split()) > 1


def test_lines_that_are_cut_short_or_odd_agree_to_nothing_and_cost_no_other(config: Path):
    assert agrees([ONE], "", yes=True)
    with (config / FILE).open("a") as file:
        file.write('\n[1]\n{"purpose": "code"}\n{"purpose": "code", "about": "2"')
    assert not agrees([OTHER], "", ask=lambda question: False)
    assert agrees([OTHER], "", yes=True)
    assert agrees([ONE, OTHER], "", ask=lambda question: pytest.fail("asked"))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"ADVISOR_CONFIG": "/a", "XDG_CONFIG_HOME": "/b"}, Path("/a")),
        ({"XDG_CONFIG_HOME": "/b"}, Path("/b/advisor")),
        ({}, Path("/home/me/.config/advisor")),
        ({"XDG_CONFIG_HOME": "b"}, Path("/home/me/.config/advisor")),
        ({"ADVISOR_CONFIG": "a"}, None),
        ({"HOME": "here"}, None),
    ],
)
def test_the_configuration_folder_is_the_users_never_the_current_one(monkeypatch, given, expected):
    for name, value in {"ADVISOR_CONFIG": "", "XDG_CONFIG_HOME": "", "HOME": "/home/me", **given}.items():
        monkeypatch.setenv(name, value)
    assert config_folder() == expected


def test_without_a_folder_to_remember_it_in_a_flag_agrees_for_this_time_and_an_answer_is_an_error(
    tmp_path, monkeypatch
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ADVISOR_CONFIG", str(tmp_path / "file" / "config"))
    assert agrees([ONE], "", yes=True)
    assert not agrees([ONE], "", ask=lambda question: False)
    with pytest.raises(InputError, match="ADVISOR_CONFIG"):
        agrees([ONE], "", ask=lambda question: True)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("typed", "agreed"), [("y\n", True), ("Yes\n", True), ("\n", False), ("", False), ("n\n", False)]
)
def test_in_a_terminal_the_question_stands_as_it_is(monkeypatch, typed, agreed):
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    monkeypatch.setattr(sys, "stderr", shown := Terminal())
    assert agrees([ONE], "Run \x1b[8mevil\u202e.py?") is agreed
    assert shown.getvalue() == "Run \\x1b[8mevil\\u202e.py? [y/N] "


def test_where_there_is_no_terminal_nobody_agrees(monkeypatch, config):
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert not agrees([ONE], "Really?")
    assert not list(config.iterdir())


def test_what_is_kept_says_when(config: Path):
    agrees([ONE], "", yes=True)
    [line] = (config / FILE).read_text().split("\n")[1:]
    assert json.loads(line).keys() == {"purpose", "about", "at"}
