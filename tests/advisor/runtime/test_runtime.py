from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

import trainers
from advisor import runfolder
from advisor.errors import DroppedOut
from advisor.models.local import LocalModel
from advisor.models.protocol import Model
from advisor.runtime.finder import Search, over_documents
from advisor.runtime.runtime import TUNED, Runtime, Tuning
from advisor.runtime.store import Store
from advisor.system import Context, Decoding, ModelRef, Prediction, Request, System
from advisor.task import Example, Retrieval
from trainers import Row, Tuned

from ..conftest import Words


class Echo:
    """A model that gives back what it is asked, two at a time, and notes it."""

    name = fingerprint = "echo"
    can = frozenset({"generate"})

    def __init__(self) -> None:
        self.asked: list[str] = []

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Prediction]]:
        for i, request in enumerate(requests):
            self.asked.append(request.turns[-1].text)
            failed = request.turns[-1].text == "fail"
            yield i, Prediction(None, "no") if failed else Prediction(request.turns[-1].text.upper())

    def batches(self, requests: Sequence[Request]) -> Sequence[Sequence[int]]:
        return [range(i, min(i + 2, len(requests))) for i in range(0, len(requests), 2)]


class LocalEcho(Echo, LocalModel):
    """The same, as a model whose batches are computed whole."""

    def __init__(self) -> None:
        Echo.__init__(self)

    name = fingerprint = "echo"

    def adapted(self, folder: Path | None):
        return nullcontext(self)


SYSTEM = System(ModelRef("echo", "echo"), "Say it.")


def examples(*texts: str) -> list[Example]:
    return [Example(str(i), text, "") for i, text in enumerate(texts)]


def of(model: Model, folder: Path) -> Runtime:
    """A runtime without documents."""
    folder.mkdir(parents=True, exist_ok=True)
    finder = over_documents((), folder, Retrieval(), Search(), Words())
    return Runtime(model, folder, Store(folder.parent / "answers.sqlite"), Words(), finder)


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return of(Echo(), tmp_path / "runs" / "one")  # type: ignore[arg-type]


def test_what_was_asked_before_is_not_asked_again_in_any_run(runtime: Runtime, tmp_path: Path):
    assert [p.text for p in runtime.predict(SYSTEM, examples("a", "b", "c"))] == ["A", "B", "C"]
    other = of(Echo(), tmp_path / "runs" / "two")  # type: ignore[arg-type]
    assert [p.text for p in other.predict(SYSTEM, examples("c", "d"))] == ["C", "D"]
    assert other.model.asked == ["d"] and (other.store.computed, other.store.known) == (1, 1)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "changed",
    [
        replace(SYSTEM, instruction="Shout it."),
        replace(SYSTEM, decoding=Decoding(max_tokens=5)),
        replace(SYSTEM, model=ModelRef("echo", "echo", adapter_fingerprint="tuned")),
    ],
)
def test_a_changed_part_is_asked_anew(changed: System, runtime: Runtime):
    runtime.predict(SYSTEM, examples("a"))
    runtime.predict(changed, examples("a"))
    assert runtime.model.asked == ["a", "a"]  # type: ignore[attr-defined]


def test_all_documents_stand_in_every_prompt_and_none_is_named_as_found(zoo, keeper: Runtime):
    made = keeper.predict(replace(SYSTEM, context=Context("all")), zoo.split.test)
    assert all(one.passages == () for one in made)
    shared = {request.turns[0] for request in keeper.model.asked}  # type: ignore[attr-defined]
    assert len(shared) == 1
    (turn,) = shared
    assert turn.shared and all(document.text in turn.text for document in zoo.documents)


def test_a_query_is_searched_once(zoo, keeper: Runtime, monkeypatch):
    searched: list[str] = []
    whole = keeper.finder.index.search
    monkeypatch.setattr(
        keeper.finder.index, "search", lambda queries, k, **how: searched.extend(queries) or whole(queries, k)
    )
    first = keeper.finder.passages(Context("retrieved", 2), zoo.split.test[:3])
    again = keeper.finder.passages(Context("retrieved", 2), zoo.split.test)
    assert again[:3] == first and len(searched) == len(zoo.split.test)


def test_fresh_passes_the_store_over(runtime: Runtime):
    runtime.predict(SYSTEM, examples("a"))
    replace(runtime, fresh=True).predict(SYSTEM, examples("a"))
    assert runtime.model.asked == ["a", "a"]  # type: ignore[attr-defined]


def test_a_failure_is_tried_again(runtime: Runtime):
    for _ in range(2):
        assert runtime.predict(SYSTEM, examples("fail", "a"))[0].error == "no"
    assert runtime.model.asked == ["fail", "a", "fail"]  # type: ignore[attr-defined]


def test_a_local_batch_that_was_cut_off_is_computed_whole_as_if_it_had_not_been(runtime: Runtime):
    runtime.predict(SYSTEM, examples("a", "c", "d"))
    watched = []
    local = replace(runtime, model=LocalEcho(), watch=lambda what, done, total: watched.append((done, total)))
    assert [p.text for p in local.predict(SYSTEM, examples("a", "b", "c", "d"))] == ["A", "B", "C", "D"]
    assert local.model.asked == ["a", "b"]  # type: ignore[attr-defined]
    assert watched == [(2, 4), (3, 4), (4, 4)]


def tuned_on(runtime: Runtime, monkeypatch: pytest.MonkeyPatch, rows: list[Example]) -> tuple[list[Row], list[float]]:
    """What a tuning of a model with room for twenty words is handed, and the ratings that it got; nothing is trained."""
    handed: list[Row] = []
    rated: list[float] = []

    def render(lm: object, turns: Sequence[trainers.Turn]) -> Row:
        return Row((), (1,) * sum(len(turn.text.split()) for turn in turns), ())

    def tune(lm, rows, evaluate, settings, folder, on_step, trunk) -> Tuned:
        handed.extend(rows)
        rated.append(evaluate(lm))
        return Tuned(folder, "tuned", ((1, 0.0),), (), 7)

    monkeypatch.setattr(trainers, "render", render)
    monkeypatch.setattr(trainers, "tune", tune)
    monkeypatch.setattr(trainers, "template_fault", lambda lm: "")
    monkeypatch.setattr(trainers, "preflight", lambda lm, rows: {})
    model = LocalModel("m", SimpleNamespace(context=20, fingerprint="m"))  # type: ignore[arg-type]
    settings = trainers.TuneSettings()
    replace(runtime, model=model).tune(SYSTEM, rows, lambda texts: 50.0, (), settings, "build", "probes")
    return handed, rated


def test_rows_that_do_not_fit_the_context_are_left_out_of_a_tuning_and_counted(runtime: Runtime, monkeypatch):
    rows = examples("one two", "word " * 30, "three")
    handed, rated = tuned_on(runtime, monkeypatch, rows)
    assert [len(row.own) for row in handed] == [4, 3]
    assert rated == [0.0]  # there is nothing to choose a checkpoint by, so nothing is asked
    tuning = runfolder.read(runtime.folder / "build" / TUNED, Tuning)
    assert (tuning.too_long, tuning.tokens) == (1, 7)
    with pytest.raises(DroppedOut, match="no row fits the model's context of 20 tokens"):
        tuned_on(runtime, monkeypatch, rows[1:2])
