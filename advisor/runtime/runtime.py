"""The one owner of what is heavy: weights, adapters, index, vectors and stored predictions. It alone runs a `System`."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import retrieval
import trainers
from advisor import runfolder
from advisor.errors import CannotError, DroppedOut, InputError, Problem
from advisor.models.local import LocalModel, weights
from advisor.models.protocol import Model
from advisor.runtime import prompts
from advisor.runtime.finder import Finder
from advisor.runtime.store import Store
from advisor.score import sets
from advisor.system import Classifier, Context, Incumbent, Prediction, Predictor, Request, System, digest
from advisor.task import Example
from advisor.thoughts import without
from retrieval.watching import Watch, unwatched

TUNED, TRUNK = "tuned.json", "trunk.pt"  # beside an adapter
Conversation = tuple[tuple[trainers.Turn, ...], tuple[str, ...]]  # turns, and the ids of the passages found


@dataclass(frozen=True)
class Tuning:
    """What a tuning left beside its adapter: the score at each evaluation, by step, the tokens computed, how many rows
    were left out because they do not fit the model's context, and the seconds that it took with all checks in between."""

    scores: tuple[tuple[int, float], ...]
    tokens: int
    too_long: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class Runtime:
    """Runs systems for one run folder.

    model: the one that systems are made for; `others` are those that further systems were made for, and may be asked as well.
    folder: the run folder, where adapters lie. store: answers computed before. embedder: for shots by similarity and
    classifiers. finder: of passages. pool: the examples that shots are taken from. fresh: whether answers are computed
    again that the store has.
    """

    model: Model
    folder: Path
    store: Store
    embedder: retrieval.Embedder
    finder: Finder
    pool: tuple[Example, ...] = ()
    fresh: bool = False
    watch: Watch = unwatched
    others: tuple[Model, ...] = ()

    def of(self, model: Model) -> "Runtime":
        """The same for systems of another of its models."""
        every = (self.model, *self.others)
        return replace(self, model=model, others=tuple(one for one in every if one is not model))

    def model_of(self, system: System) -> Model:
        """The model that a system was made for."""
        return next((one for one in (self.model, *self.others) if one.name == system.model.name), self.model)

    @property
    def lm(self) -> trainers.LanguageModel:
        """The base's weights. Raises CannotError for an endpoint, which has none here."""
        return weights(self.model)

    @cached_property
    def _pool_vectors(self) -> NDArray[np.float32]:
        return self.embedder([example.input for example in self.pool])

    def predict(
        self, system: Predictor, examples: Sequence[Example], what: str = "predict", *, keep: bool = True
    ) -> list[Prediction]:
        """What the system gives for each example, in their order. With `keep`, answers come from the store where it has
        them, and go there."""
        if isinstance(system, Incumbent):
            return of_incumbent(system, examples)
        if isinstance(system, Classifier):
            return self._classify(system, examples)
        if system.abstain is None:
            return self._answer(system, examples, what, keep)
        shown = self.finder.passages(replace(system.context, kind="retrieved"), examples)
        supports = self.finder.support(examples, shown)
        given = [i for i, support in enumerate(supports) if support >= system.abstain.below]
        made = dict(zip(given, self._answer(system, [examples[i] for i in given], what, keep), strict=True))
        for i in set(range(len(examples))) - set(given):
            made[i] = Prediction(system.abstain.text, passages=tuple(p.id for p in shown[i]), abstained=True)
        return [replace(made[i], scores={"support": support}) for i, support in enumerate(supports)]

    def stream(self, system: Predictor, example: Example) -> Iterator[str]:
        """The system's text for one example, in the pieces in which it comes."""
        prediction = self.predict(system, [example], keep=False)[0]
        yield prediction.text if prediction.text is not None else f"({prediction.error})"

    def tune(
        self,
        system: System,
        examples: Sequence[Example],
        rate: Callable[[Sequence[str | None]], float],
        choose: Sequence[Example],
        settings: trainers.TuneSettings,
        folder: str,
        short: str,
    ) -> System:
        """The system with its model tuned on examples, rendered as the system renders them, in `folder` of the run folder; it
        goes on from the trunk of the tuning in the folder `short`, where that began with the same rows.

        `rate` gives the score of the texts for `choose`; tuning ends early where it rises no more. Examples that do not fit
        the model's context are left out. Raises DroppedOut where none does.
        """
        conversations = self._conversations(system, examples)
        rows = [
            trainers.render(self.lm, prompts.with_answer(turns, example.output))
            for (turns, _), example in zip(conversations, examples, strict=True)
        ]
        fitting = [i for i, row in enumerate(rows) if row.tokens <= self.lm.context]
        if not fitting:
            raise DroppedOut(f"no row fits the model's context of {self.lm.context} tokens")
        rows, examples, too_long = [rows[i] for i in fitting], [examples[i] for i in fitting], len(rows) - len(fitting)
        if fault := trainers.template_fault(self.lm):
            raise InputError(Problem(fault, self.model.name, do="Use the model with the tokenizer that it came with"))
        if faults := trainers.preflight(self.lm, rows):
            raise InputError([Problem(what, examples[i].file, examples[i].row) for i, what in faults.items()])

        def evaluate(lm: trainers.LanguageModel) -> float:
            if not choose:  # of one checkpoint
                return 0.0
            made = self._generate(LocalModel(self.model.name, lm), system, choose, "check", keep=False)
            return rate([prediction.text for prediction in made])

        def on_step(progress: trainers.Progress) -> None:
            known = progress.score if choose else None
            score = "" if known is None else f" · development score {known:.1f}"
            figures = {"loss": progress.loss, "score": known, "done": progress.step, "of": progress.steps}
            runfolder.progress(self.folder, step="training", arm=folder, **figures)
            self.watch(f"training · loss {progress.loss:.2f}{score}", progress.step, progress.steps)

        since = time.perf_counter()
        trunk = self.folder / short / TRUNK
        tuned = trainers.tune(self.lm, rows, evaluate, settings, self.folder / folder, on_step, trunk)
        runfolder.write(
            self.folder / folder / TUNED,
            Tuning,
            Tuning(tuned.scores, tuned.tokens, too_long, round(time.perf_counter() - since, 2)),
        )
        ref = replace(system.model, adapter=f"{folder}/adapter", adapter_fingerprint=tuned.fingerprint)
        return replace(system, model=ref)

    @contextmanager
    def _with_adapter(self, system: System) -> Iterator[Model]:
        model, adapter = self.model_of(system), system.model.adapter
        if not isinstance(model, LocalModel):
            yield model
            return
        with model.adapted(runfolder.within(self.folder, adapter) if adapter else None) as model:
            yield model

    def _answer(self, system: System, examples: Sequence[Example], what: str, keep: bool) -> list[Prediction]:
        with self._with_adapter(system) as model:
            return self._generate(model, system, examples, what, keep)

    def _generate(
        self, model: Model, system: System, examples: Sequence[Example], what: str, keep: bool
    ) -> list[Prediction]:
        conversations = self._conversations(system, examples)
        requests = [Request(turns, system.decoding) for turns, _ in conversations]
        made_by = [self.model_of(system).fingerprint, system.model.adapter_fingerprint]
        keys = [digest([made_by, request]) for request in requests] if keep else []
        known = {} if self.fresh or not keep else self.store.get(keys)
        answers = {i: known[key] for i, key in enumerate(keys) if key in known}
        work = []  # planned from all requests, whatever the store has: the same however often it is cut off
        for batch in model.batches(requests):
            missing = [i for i in batch if i not in answers]
            work.append(list(batch) if missing and isinstance(model, LocalModel) else missing)
        done = len(requests) - sum(map(len, work))
        self.store.count(len(requests) - done, done)
        self.watch(what, done, len(requests))
        for asked in work:
            for j, prediction in model.generate([requests[i] for i in asked]):
                answers[asked[j]] = prediction
                if keep:
                    self.store.put(keys[asked[j]], prediction)
                self.watch(what, done := done + 1, len(requests))
        return [replace(answers[i], passages=shown) for i, (_, shown) in enumerate(conversations)]

    def _conversations(self, system: System, examples: Sequence[Example]) -> list[Conversation]:
        """The turns for each example and the ids of the passages found for it."""
        passages = self.finder.passages(system.context, examples)
        shots = self._shots(system, examples)
        retrieved = system.context.kind != "all"
        return [
            (prompts.turns(system, example, beside, shown), tuple(passage.id for passage in shown if retrieved))
            for example, beside, shown in zip(examples, shots, passages, strict=True)
        ]

    def _shots(self, system: System, examples: Sequence[Example]) -> list[list[prompts.Shown]]:
        if system.shots.kind == "none":
            return [[] for _ in examples]
        if system.shots.kind == "fixed":
            texts = [Example("", shot.input, shot.output) for shot in system.shots.fixed]
            own = system.context.kind in ("retrieved", "oracle")  # passages that a shot is shown with
            beside = self.finder.passages(Context("retrieved", system.context.k) if own else Context(), texts)
            return [[(e.input, e.output, p) for e, p in zip(texts, beside, strict=True)] for _ in examples]
        near = self.embedder([example.input for example in examples], query=True) @ self._pool_vectors.T
        chosen: list[list[prompts.Shown]] = []
        for example, row in zip(examples, near, strict=True):
            order = [i for i in np.argsort(-row, kind="stable") if self.pool[i].input != example.input]
            nearest_last = reversed(order[: system.shots.k])
            chosen.append([(self.pool[i].input, self.pool[i].output, ()) for i in nearest_last])
        return chosen

    def _classify(self, system: Classifier, examples: Sequence[Example]) -> list[Prediction]:
        try:
            head = trainers.load_head(runfolder.within(self.folder, system.head))
        except ValueError as error:
            raise CannotError(f"the classifier can't be read ({error}); run it again") from error
        if system.embedder != self.embedder.fingerprint:
            raise CannotError("the classifier was built on another embedding model than the one that is installed")
        vectors = self.embedder([example.input for example in examples])
        if system.between is None:
            labels, probabilities = head.predict(vectors)
        else:
            several, probabilities = head.predict_sets(vectors)
            labels = [sets.written(own, system.between) for own in several]
        return [
            Prediction(label, scores={name: float(p) for name, p in zip(head.labels, row, strict=True)})
            for label, row in zip(labels, probabilities, strict=True)
        ]


def of_incumbent(system: Incumbent, examples: Sequence[Example]) -> list[Prediction]:
    """What the pipeline that runs today has given for each example, without thoughts."""
    missing = "the incumbent has no prediction for this example"
    texts = [system.predictions.get(example.id) for example in examples]
    return [Prediction(None, missing) if text is None else Prediction(without(text)) for text in texts]
