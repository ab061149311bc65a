"""Nothing leaves the machine, and no key is used, before the person agreed to it."""

import pytest

from advisor import address
from advisor.address import Address
from advisor.errors import InputError
from advisor.models.consent import require
from advisor.models.endpoint import Endpoint
from advisor.system import Decoding, Request
from trainers.rendering import Turn

ELSEWHERE = address.parse_address("https://models.example/v1#tiny")
NEVER = {"ask": lambda question: pytest.fail("asked")}


def with_key(name: str, host: str = "https://models.example/v1") -> Address:
    return address.parse_address(f"{host}#tiny#{name}")


class Person:
    """Agrees to whatever they are asked, and keeps the questions."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, question: str) -> bool:
        self.asked.append(question)
        return True


@pytest.mark.parametrize(
    ("host", "here"),
    [("localhost", True), ("127.0.0.1", True), ("127.9.9.9", True), ("[::1]", True), ("10.0.0.1", False),
     ("0.0.0.0", False), ("localhost.example", False), ("models.example", False), ("2130706433", False)],
)  # fmt: skip
def test_only_loopback_is_on_this_machine(host, here):
    assert address.parse_address(f"http://{host}:8000/v1#tiny").on_this_machine is here


def test_without_consent_nothing_is_sent_and_the_message_says_what_would_be():
    with pytest.raises(InputError, match=r"inputs.*would be sent to https://models.example/v1.*--yes") as refused:
        require(ELSEWHERE, ask=lambda question: False)
    assert refused.value.exit_code == 2
    with pytest.raises(InputError):
        next(Endpoint(ELSEWHERE).generate([Request((Turn("user", "?"),), Decoding())]))


def test_consent_is_asked_once_for_each_endpoint_and_remembered_outside_the_runs(tmp_path, monkeypatch, config):
    monkeypatch.chdir(tmp_path)
    person = Person()
    require(ELSEWHERE, ask=person)
    require(ELSEWHERE, **NEVER)
    assert len(person.asked) == 1 and "https://models.example/v1" in person.asked[0]
    require(address.parse_address("https://other.example/v1#tiny"), ask=person)
    assert len(person.asked) == 2
    assert not list(tmp_path.iterdir()) and [file.name for file in config.iterdir()] == ["agreed.jsonl"]


def test_what_was_agreed_to_for_one_purpose_stands_for_no_other():
    require(ELSEWHERE, ask=Person())
    person = Person()
    require(ELSEWHERE, purpose="vectors", ask=person)
    assert len(person.asked) == 1 and "vectors" in person.asked[0]


def test_the_name_of_the_key_is_shown_and_another_is_asked_for_anew():
    person = Person()
    require(ELSEWHERE, ask=person)
    require(with_key("A_KEY"), ask=person)
    require(with_key("B_KEY"), ask=person)
    require(with_key("A_KEY"), **NEVER)
    assert ["A_KEY" in asked for asked in person.asked] == [False, True, False]
    assert "the key in $B_KEY would be sent to https://models.example/v1" in person.asked[2]
    require(with_key("A_KEY", "https://other.example/v1"), ask=person)
    assert len(person.asked) == 4


def test_a_key_needs_consent_on_loopback_too_but_inputs_do_not():
    require(address.parse_address("http://localhost:8000/v1#tiny"), **NEVER)
    person = Person()
    require(with_key("SOME_SECRET", "http://localhost:8000/v1"), ask=person)
    [asked] = person.asked
    assert asked.startswith("the key in $SOME_SECRET would be sent to http://localhost:8000/v1")


def test_who_types_address_and_key_on_the_command_line_agrees_to_the_key_not_to_what_leaves():
    require(with_key("MY_KEY", "http://localhost:8000/v1"), typed=True, **NEVER)
    require(with_key("MY_KEY", "http://localhost:8000/v1"), **NEVER)
    with pytest.raises(InputError, match="inputs"):
        require(with_key("MY_KEY"), typed=True, ask=lambda question: False)


def test_a_flag_agrees_and_is_remembered_and_a_no_stands():
    require(with_key("A_KEY"), yes=True, **NEVER)
    require(with_key("A_KEY"), **NEVER)
    with pytest.raises(InputError, match="may not leave"):
        require(with_key("A_KEY"), yes=True, forbidden=True, **NEVER)


@pytest.mark.parametrize(
    "odd",
    ["http://localhost\\.evil.example/v1", "http://evil.example\t/v1", "http://\u24d7ost/v1", "http://a b/v1",
     "http://host/\u202egpj.v1", "http://localhost\\@evil.example/", "http://host/v1\x1b[2K"],
)  # fmt: skip
def test_an_address_that_could_be_read_in_two_ways_is_none(odd):
    with pytest.raises(ValueError, match="endpoint:"):
        address.parse_address({"endpoint": odd, "name": "tiny"})
