"""Instructions proposed by GEPA itself, with test doubles for the two models."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest

from advisor.errors import CannotError, InputError, OutsideError
from advisor.paths import proposing
from advisor.paths.instructing import choose
from advisor.runtime.bench import Bench
from advisor.system import Prediction, Request
from advisor.task import Split

from ..conftest import Reader
from .conftest import CLEAR, HALF, Told

pytest.importorskip("gepa")


class Proposer(Reader):
    """A model that says how an instruction is to be better."""

    name = "proposer"
    fingerprint = "proposer"

    def __init__(self, says: Callable[[int], str] = lambda n: f"Better:\n```\n{(HALF, CLEAR)[n > 0]}\n```") -> None:
        super().__init__()
        self.says = says

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Prediction]]:
        for i, request in enumerate(requests):
            self.asked.append(request)
            yield i, Prediction(self.says(len(self.asked) - 1))

    @property
    def read(self) -> str:
        """All that it was shown."""
        return "\n".join(request.turns[-1].text for request in self.asked)


@pytest.fixture
def alone(several: Bench) -> Bench:
    """A bench whose task lists nothing beside its own instruction."""
    return replace(several, task=replace(several.task, instructions=()), purse=replace(several.purse, tries=320))


def test_what_is_proposed_from_failures_is_judged_by_examples_that_the_proposer_never_saw(alone: Bench, capsys):
    proposer = Proposer()
    chosen = choose(alone, proposer)
    assert chosen.chosen.text == CLEAR and chosen.chosen.by == "proposer" and chosen.chosen.score == 100
    assert {one.text: one.score for one in chosen.tried}[HALF] < 100 and not chosen.note
    judged = {one.id for one in chosen.chosen.scored}
    assert len(judged) == 20 and len({one.id for one in chosen.own.scored} ^ judged) == 0
    shown = {row.id for row in alone.task.split.seen if row.input in proposer.read}
    assert shown and not shown & judged and all(id_.startswith("choose") for id_ in shown | judged)
    assert "Wanted was: burrow" in proposer.read and "Scored 0 of 100" in proposer.read
    assert not any(row.input in proposer.read for row in alone.task.split.test)
    assert capsys.readouterr().out == ""  # the library prints by itself


def test_proposing_begins_with_the_best_that_is_listed(several: Bench):
    proposer = Proposer(lambda n: f"```\n{CLEAR}\n```")
    listed = replace(several, task=replace(several.task, instructions=(HALF,)), purse=replace(several.purse, tries=320))
    chosen = choose(listed, proposer)
    assert HALF in proposer.asked[0].turns[-1].text and chosen.chosen.text == CLEAR
    assert [one.by for one in chosen.tried] == ["the task's own", "listed in the task", "proposer"]


def test_answers_stay_within_the_purse_and_are_not_asked_again_when_it_goes_on(alone: Bench):
    proposer = Proposer(lambda n: f"```\nGuess {n}.\n```")
    first = choose(alone, proposer)
    asked, proposed = len(alone.runtime.model.asked), len(proposer.asked)  # type: ignore[attr-defined]
    assert first.place == 0 and 0 < asked <= alone.purse.tries and proposed > 1
    assert choose(alone, proposer) == first
    assert (len(alone.runtime.model.asked), len(proposer.asked)) == (asked, proposed)  # type: ignore[attr-defined]


def test_a_proposer_whose_time_is_up_is_not_asked(alone: Bench):
    proposer = Proposer()
    chosen = choose(replace(alone, purse=replace(alone.purse, proposing=0.0)), proposer)
    assert not proposer.asked and [one.by for one in chosen.tried] == ["the task's own"]


def failing(error: Exception) -> Proposer:
    """A proposer that proposes once and fails after that."""

    def says(n: int) -> str:
        if n:
            raise error
        return f"```\n{HALF}\n```"

    return Proposer(says)


def test_a_proposer_without_budget_left_ends_it_with_what_there_is_and_that_is_said(alone: Bench):
    proposer = failing(CannotError("the budget is spent"))
    chosen = choose(alone, proposer)
    assert chosen.chosen.text == HALF and chosen.note == "the proposer stopped early: the budget is spent"
    assert len(proposer.asked) == 2  # the library would ask again
    with pytest.raises(OutsideError, match="refused"):
        choose(replace(alone, seed=1), failing(OutsideError("the key was refused")))


def test_a_model_that_can_not_be_asked_ends_the_run_as_it_does_elsewhere(alone: Bench, monkeypatch):
    answered = Told.generate

    def spent(model: Told, requests: Sequence[Request]) -> Iterator[tuple[int, Prediction]]:
        if len(model.asked) > 30:
            raise CannotError("the budget is spent")
        return answered(model, requests)

    monkeypatch.setattr(Told, "generate", spent)
    with pytest.raises(CannotError, match="the budget is spent"):
        choose(alone, Proposer())


def test_where_rows_are_few_no_proposer_is_asked_and_what_is_listed_is_compared(several: Bench):
    few = several.task.split.choose
    task = replace(several.task, split=Split(few, few, few, folds=(0, 1) * 20))
    proposer = Proposer()
    chosen = choose(replace(several, task=task), proposer)
    assert chosen.chosen.text == CLEAR and not proposer.asked
    assert chosen.note == "the proposer was not asked: rows are few, and each is measured on"


def test_without_the_library_a_person_is_told_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "gepa", None)
    with pytest.raises(InputError, match=r"task.yaml: proposer: needs gepa. pip install 'advisor\[gepa\]'"):
        proposing.require(tmp_path / "task.yaml")
