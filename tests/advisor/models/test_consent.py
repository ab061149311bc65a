"""Nothing leaves the machine before the person agreed to it."""

import pytest

from advisor import address
from advisor.errors import InputError
from advisor.models import consent
from advisor.models.endpoint import Endpoint

from .conftest import requests

ELSEWHERE = address.parse_address("https://models.example/v1#tiny")


def test_without_consent_nothing_is_sent_and_the_message_says_what_would_be(tmp_path):
    with pytest.raises(InputError, match=r"inputs.*would be sent to https://models.example/v1.*--yes") as refused:
        consent.require(ELSEWHERE, runs=tmp_path, ask=lambda question: False)
    assert refused.value.exit_code == 2
    with pytest.raises(InputError):
        Endpoint(ELSEWHERE).generate(requests(1)).__next__()


def test_consent_is_asked_once_and_remembered_for_that_endpoint(tmp_path):
    asked: list[str] = []
    agree = {"runs": tmp_path, "ask": lambda question: not asked.append(question)}
    consent.require(ELSEWHERE, **agree)
    consent.require(ELSEWHERE, **agree)
    assert len(asked) == 1 and "https://models.example/v1" in asked[0]
    consent.require(address.parse_address("https://other.example/v1#tiny"), **agree)
    assert len(asked) == 2


def test_consent_comes_from_a_flag_or_the_answers_and_a_no_stands(tmp_path):
    never = {"ask": lambda question: pytest.fail("asked")}
    consent.require(ELSEWHERE, yes=True, runs=tmp_path / "a", **never)
    consent.require(ELSEWHERE, may_leave="yes", runs=tmp_path / "b", **never)
    consent.require(ELSEWHERE, runs=tmp_path / "b", **never)
    with pytest.raises(InputError, match="may not leave"):
        consent.require(ELSEWHERE, yes=True, may_leave="no", runs=tmp_path / "b", **never)
