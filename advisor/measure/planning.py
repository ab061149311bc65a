"""What a budget buys on this machine: how many examples to measure on and to learn from, and what paths then cost."""

import time
from collections.abc import Sequence

import retrieval
import trainers
from advisor import system
from advisor.data.kinds import sort_of
from advisor.data.outputs import most_tokens
from advisor.decide import costs as costing
from advisor.decide.costs import Sizes, Work
from advisor.errors import InputError, Problem
from advisor.models.endpoint import Endpoint
from advisor.models.local import tunes, weights
from advisor.models.protocol import Model
from advisor.models.spending import Spent
from advisor.paths import questions
from advisor.runtime.bench import LEAST_PAIRS, Purse
from advisor.runtime.rerank import OWN
from advisor.runtime.settings import Budget
from advisor.score import sets
from advisor.task import Split, Task
from retrieval.chunking import BUDGET, split
from retrieval.search.searching import SearchSettings

DIAGNOSIS, CHOICE, TRAINING = 0.4, 0.15, 0.45  # shares of what the proof leaves of the budget
ENDLESS = 1e9  # seconds, with which everything is bought that there is
USUAL = trainers.Speed(1500.0, 500.0, 500.0)  # tokens a second, by which a budget of tokens alone is shared out
OVERHEAD = 45.0  # seconds for loading, profiling, timing and the check for forgetting
LEAST = 0.4  # of the budget that the proof leaves, however large the test
MOST_MEASURED, CHECKED = 400, (24, 64)  # examples to measure on; the fewest and the most to choose on
ASKED = (48, 96)  # the fewest and the most to measure on where all systems are asked about all
ROUND = 32  # examples that a first round has
EPOCHS, ROWS = 3, 32  # times that rows are seen at the most, and how many rows at the least
SHORT_ROWS = 128  # that a short tuning sees, two windows of batches; where rows are few, they are seen several times
LEAST_SHORT, LEAST_FOLD = 48, 12  # rows that tell something of learning, and examples that do of what was learned
UNKNOWN_ROW = (40, 200)  # tokens of an input and an output, where there are no rows
SHOTS = 2 * system.SHOTS  # at most in a prompt
FITTING = 0.12  # of the same, for fitting an embedder, where there are documents; taken from the others by halves
INSTRUCTING = (0.1, 0.25)  # of the same, for choosing among the task's instructions, and where others are proposed
SIZING = 0.05  # of the same, for encoding passages of two further sizes
PASSED = 9  # texts encoded in the time that a pair takes: three texts, forward and back
EVERYTHING = 0.1  # of the budget, at most, to try all documents in the prompt
PASSES = 4  # over those documents: to probe, to choose, and in two parts for the sealed test
PASSAGE_TOKENS = 80  # of the one passage that a tuned system reads, until it is counted
TIMED, TYPICAL = 32, 700  # texts whose encoding is timed, and their characters
ASSUMED = trainers.Speed(2000.0, 100.0, 0.0)  # tokens a second of an endpoint that must not be asked


def plan(
    task: Task, model: Model, embedder: retrieval.Embedder, budget: Budget, speed: trainers.Speed | None = None
) -> Purse:
    """What the budget buys for this task, from a short timing of the model (default), or as if it had that speed. A budget
    of tokens alone buys the same on every machine.

    Raises InputError when an endpoint's cap does not cover the smallest measurement.
    """
    timed = speed or model.measure()
    if isinstance(model, Endpoint):
        return _of_requests(task, model, budget, timed)
    speed = timed if budget.tokens is None or budget.seconds < ENDLESS else USUAL
    parts = task.split
    examples = parts.train or parts.compare
    one, limit = sizes(task, model), most_tokens(_tokens(task, model)[1])
    seconds = min(budget.seconds, ENDLESS)
    if budget.tokens is not None:  # as if the tokens were run at the speed of training
        seconds = min(seconds, budget.tokens / speed.train)
    shown = PASSAGE_TOKENS if task.documents else SHOTS * (one.own + one.wanted)  # by about half the probes
    writes = (one.wanted + limit) / 2  # a model that was not tuned often goes on to the limit
    per_example = (one.own + shown / 2) / speed.prefill + writes / speed.decode
    rate = encoded(embedder, task.documents) if task.documents else 0.0
    reading = _reading(task, speed, rate)
    # Three systems at the most ask the model about the test: where there are four finalists, one is a classifier.
    proven = (
        4 if task.documents else 3
    )  # with passages a tuning without them may be the runner-up, beside the best untuned
    proof = (proven * one.own + shown) / speed.prefill + ((proven - 1) * one.wanted + writes) / speed.decode + reading
    seconds = max(LEAST * seconds, seconds - len(parts.test) * proof - OVERHEAD)
    choosing = _instructing(task) * seconds  # among instructions
    seconds -= choosing
    row = per_row(task, model)
    pairs, sizes_tried = _searching(task, rate, seconds)
    less = FITTING / 2 if pairs else 0.0
    rows, epochs = shared_out((TRAINING - less) * seconds * speed.train / row, len(examples))
    learned = row + (row - one.passages if task.documents else 0)  # tuned in short with passages and without
    short, folds = _shortly(parts, rows, epochs, DIAGNOSIS / 2 * seconds * speed.train / learned)
    probes = (9 if task.documents else 6) + _has_form(task)  # the tuned model is tried held to it, too
    probes += 2 * (choosing > 0)  # so is the chosen instruction, beside the task's own
    left = (DIAGNOSIS - less) * seconds - max(1, folds) * short * learned / speed.train
    each = probes * per_example
    measure = min(MOST_MEASURED, len(parts.compare))
    if folds:  # where rows are few, those of the folds that a tuning in short is covered for
        measure = min(measure, sum(fold < folds for fold in parts.folds))
    choose = _within(CHOICE * seconds / (2 * each + reading), CHECKED, len(parts.choose))
    room = int(min(model.context, EVERYTHING * seconds * speed.prefill / PASSES))
    counted = speed is USUAL
    racing = max(0.0, left * each / (each + reading))  # what is read again takes its share of the rest
    tries = int(choosing / (per_example + reading))
    asked = (measure, choose, short, rows, epochs, limit, timed, room, pairs, sizes_tried, folds, racing, counted)
    brief = 2 * racing < ROUND * each
    return Purse(*asked, brief, tries=tries, proposing=choosing)


def shared_out(seen: float, there: int) -> tuple[int, int]:
    """Rows and epochs of a tuning that sees so many rows, repeats counted, of those that are `there`: more rows before more
    than two epochs."""
    rows = int(min(there, max(ROWS, seen / 2)))
    return rows, int(min(EPOCHS, max(1, seen // max(1, rows))))


def per_row(task: Task, model: Model) -> float:
    """Tokens that are computed to learn from a row once; the instruction is run once a batch."""
    one = sizes(task, model)
    return one.own + one.wanted + one.instruction / trainers.TuneSettings().batch + one.passages


def _shortly(split: Split, rows: int, epochs: int, affordable: float) -> tuple[int, int]:
    """How many rows a short tuning sees, and where rows are few, on how many folds it is measured at the most: each is a tuning,
    and as many rows as are `affordable` are seen in all of them; twice as many, on as few folds as can be, where it would not be
    measured otherwise. 0 folds where even that has too few rows or examples to tell anything."""
    if not split.folds:
        return min(SHORT_ROWS, rows), 0
    most, count = min(SHORT_ROWS, rows * epochs), len(set(split.folds))
    enough = min(CHECKED[0], len(split.compare))
    fewest = next(n for n in range(1, count + 1) if sum(fold < n for fold in split.folds) >= enough)
    for short in (most, min(most, rows)):
        if (folds := min(count, int(affordable / max(1, short)))) >= fewest:
            return short, folds
    if rows * fewest <= 2 * affordable:
        return min(most, rows), fewest
    short = int(min(most, rows, 2 * affordable))
    told = short >= LEAST_SHORT and split.folds.count(0) >= LEAST_FOLD
    return (short, 1) if told else (min(most, rows), 0)


def encoded(embedder: retrieval.Embedder, documents: Sequence[retrieval.Document]) -> float:
    """Passages that are encoded in a second, from one short timing."""
    texts = [f"{document.title} {document.text}"[:TYPICAL] for document in documents[:TIMED]]
    embedder(texts[:1])  # loaded
    since = time.perf_counter()
    embedder([f"{time.time_ns()} {text}" for text in texts])  # such as no cache knows
    return len(texts) / (time.perf_counter() - since)


def _reading(task: Task, speed: trainers.Speed, rate: float) -> float:
    """Seconds to read again what was found for a question, before any of it is shown."""
    if not (task.documents and task.retrieval.rerank):
        return 0.0
    if task.retrieval.rerank == OWN:
        return SearchSettings().read * BUDGET / speed.prefill
    return SearchSettings().read / rate  # as if a cross-encoder were of the embedder's size


def _searching(task: Task, rate: float, seconds: float) -> tuple[int, int]:
    """How many pairs an embedder can be fitted on, with all documents encoded again (0 where that is too few), and how
    many sizes of passages can be tried; one, where most documents are one passage. `rate`: passages encoded a second."""
    if not task.documents:
        return 0, 1
    # What learned from every row could be measured on none.
    named = 0 if task.split.folds else sum(bool(row.gold) for row in task.split.train)
    pieces = len(split(task.documents))
    once = pieces / rate  # seconds to encode all
    pairs = int(rate * (FITTING * seconds - once) / PASSED)
    long = pieces > 1.2 * len(task.documents)
    sizes_tried = 3 if long and 2 * once < SIZING * seconds else 1
    return min(pairs, named) if min(pairs, named) >= LEAST_PAIRS else 0, sizes_tried


def _of_requests(task: Task, model: Endpoint, budget: Budget, speed: trainers.Speed) -> Purse:
    """The purse where nothing is trained, and every request takes time, tokens and perhaps money."""
    _, answer = _tokens(task, model)
    limit, probes = most_tokens([2 * n for n in answer]), _asking(task)  # estimates may be half of what is written
    most, one, written = limit + model.habits.thought, expected(task, model, 1), questions.writing(task, model)
    seconds = min(budget.seconds, ENDLESS)
    shares = [(one.prompt_tokens / speed.prefill + most / speed.decode) / seconds]  # of the budget
    shares += [one.tokens / budget.tokens] if budget.tokens else []
    shares += [one.usd / budget.usd] if budget.usd else []
    fewest = min(ASKED[0], len(task.split.compare))
    if not model.meter.fits(least := written + expected(task, model, probes * fewest)):
        what = f"measuring on only {fewest} examples takes about {least}"
        raise InputError(Problem(what, "--budget", do="Give a larger one"))
    others = written.requests + 3 * len(task.split.test)
    left = max(LEAST, 1 - others * max(shares)) / max(shares)  # in requests
    tries = int(_instructing(task) * left)
    left -= tries
    measure = _within(DIAGNOSIS * left / probes, ASKED, len(task.split.compare))
    choose = _within(CHOICE * left / (2 * probes), CHECKED, len(task.split.choose))
    requests = max(1, measure + choose + len(task.split.test))  # each sends all documents anew
    room = int(min(model.context, EVERYTHING / (requests * max(shares)) * (one.prompt_tokens + most)))
    return Purse(measure, choose, 0, 0, 0, limit, speed, room, tries=tries, proposing=_instructing(task) * seconds)


def expected(task: Task, model: Model, requests: int) -> Spent:
    """About what so many requests to an endpoint take; about half of them show four shots or, with documents, a passage."""
    one = sizes(task, model)
    shown = one.passages or 2 * (one.own + one.wanted)
    thought = model.habits.thought if isinstance(model, Endpoint) else 0
    read, written = requests * (one.instruction + one.own + shown), requests * (one.wanted + thought)
    usd = model.meter.priced(read, written) if isinstance(model, Endpoint) else 0.0
    return Spent(requests, round(read), round(written), usd)


def whole_run(task: Task, model: Model, purse: Purse) -> Spent:
    """About what a whole run takes of an endpoint: questions about passages, where search is tuned on such, instructions,
    probes, choosing, and the sealed test for three systems."""
    among = purse.tries if task.proposer else min(purse.tries, (1 + len(task.instructions)) * purse.choose)
    requests = among + _asking(task) * (purse.measure + purse.choose) + 3 * len(task.split.test)
    return questions.writing(task, model) + expected(task, model, requests)


def work(task: Task, model: Model, purse: Purse) -> dict[str, Work]:
    """What machines do for each path that the model can serve."""
    one, speed = sizes(task, model), purse.speed
    writing = costing.writing_seconds(purse.max_tokens, speed.decode)
    choosing = costing.choosing_seconds(one, purse.choose, speed.prefill, writing)
    usd = expected(task, model, costing.CHOICES * purse.choose).usd
    if not tunes(model):
        return costing.work_of(one, choosing, usd, None, speed.prefill, speed.decode)
    plain, reading = (_tuning_seconds(task, model, purse, passages, writing) for passages in (0.0, one.passages))
    return costing.work_of(one, choosing, usd, (plain, reading), speed.prefill, speed.decode)


def tuning(task: Task, model: Model, purse: Purse, passages: float = 0.0) -> trainers.Cost:
    """What the training of the purse takes, with so many tokens of passages in each prompt: tokens, seconds, memory."""
    prompt, answer = _tokens(task, model)
    shared, more = (0,) * model.count([task.instruction])[0], round(passages)
    rows = [
        trainers.Row(shared, (0,) * (prompt[i % len(prompt)] + more), (0,) * (answer[i % len(answer)] + 1))
        for i in range(purse.rows)
    ]
    settings = trainers.TuneSettings(epochs=purse.epochs)
    return trainers.tuning_cost(weights(model), rows, settings, purse.speed)


def _tuning_seconds(task: Task, model: Model, purse: Purse, passages: float, writing: float) -> float:
    """The training, and the checks in between."""
    once = (sizes(task, model).own + passages) / purse.speed.prefill + writing
    checked = 0 if task.split.folds else purse.choose  # where all rows train, there is nothing to check on
    checks = (trainers.TuneSettings().evaluations + 2 * _has_form(task)) * checked * once
    return tuning(task, model, purse, passages).seconds + checks


def sizes(task: Task, model: Model) -> Sizes:
    """Typical tokens of a request for the task."""
    prompt, answer = _tokens(task, model)
    instruction = model.count([task.instruction])[0]
    passages = float(PASSAGE_TOKENS if task.documents else 0)
    return Sizes(instruction, sum(prompt) / len(prompt), sum(answer) / len(answer), passages)


def _tokens(task: Task, model: Model) -> tuple[list[int], list[int]]:
    """Tokens of the own part (template included) and of the output, over up to 200 examples."""
    examples = (task.split.train or task.split.compare)[:200]
    if not examples:
        return [UNKNOWN_ROW[0]], [UNKNOWN_ROW[1]]
    asked = model.count([" ".join([t.text for t in e.turns] + [e.input]) for e in examples])
    return [n + 10 for n in asked], model.count([example.output for example in examples])


def _has_form(task: Task) -> bool:
    """Whether outputs are labels, one a row, or JSON, so that decoding may be held to that."""
    sort = sort_of(task)
    return sort.kind == "json" or (sort.kind == "label" and sort.between in (None, sets.ARRAY))


def _asking(task: Task) -> int:
    """How many systems are asked without tuning any."""
    return (10 if task.documents else 5) + 2 * (_instructing(task) > 0)


def _instructing(task: Task) -> float:
    """The share of what the proof leaves that goes into choosing an instruction."""
    listed, proposed = INSTRUCTING
    return proposed if task.proposer else listed if task.instructions else 0.0


def _within(wanted: float, bounds: tuple[int, int], there: int) -> int:
    return min(there, int(min(bounds[1], max(bounds[0], wanted))))
