"""What a budget buys on this machine: how many examples to measure on and to learn from, and what paths then cost."""

from dataclasses import asdict

import trainers
from advisor import system
from advisor.errors import InputError, Problem
from advisor.models import local
from advisor.models.endpoint import Endpoint
from advisor.models.spending import Spent
from advisor.paths import questions
from advisor.runtime.purse import LEAST_PAIRS, PASSAGE_TOKENS, Budget, Plan
from advisor.runtime.rerank import OWN
from advisor.runtime.runtime import Runtime
from advisor.task import Task
from retrieval import SearchSettings
from retrieval.chunking import BUDGET

DIAGNOSIS, CHOICE, TRAINING = 0.4, 0.15, 0.45  # shares of what the proof leaves of the budget
OVERHEAD = 45.0  # seconds for loading, profiling, timing and the check for forgetting
LEAST = 0.4  # of the budget that the proof leaves, however large the test
MEASURED, CHECKED = (48, 96), (24, 64)  # the fewest and the most examples to measure on, and to choose on
EPOCHS = 3
SHORT_ROWS = 160  # of the short tuning
SHOTS = 2 * system.SHOTS  # at most in a prompt
SMALL = 0.5  # of the speed of writing, where few texts are written at once
FITTING = 0.12  # of the same, for fitting an embedder, where there are documents; taken from the others by halves
SIZING = 0.05  # of the same, for encoding passages of two further sizes
PASSED = 9  # texts encoded in the time that a pair takes: three texts, forward and back
EVERYTHING = 0.1  # of the budget, at most, to try all documents in the prompt
PASSES = 4  # over those documents: to probe, to choose, and in two parts for the sealed test


def plan(task: Task, runtime: Runtime, budget: Budget, speed: trainers.Speed | None = None) -> Plan:
    """What the budget buys for this task, from a short timing of the model (default), or as if it had that speed.

    Raises InputError when an endpoint's cap does not cover the smallest measurement.
    """
    speed = speed or runtime.model.measure()
    if isinstance(runtime.model, Endpoint):
        return _of_requests(task, runtime, runtime.model, budget, speed)
    split = task.split
    examples = split.train or split.compare
    prompt, answer = _tokens(task, runtime)
    limit = _limit(answer)
    seconds = budget.seconds
    if budget.tokens is not None:  # as if the tokens were run at the speed of training
        seconds = budget.tokens / speed.train
    own, wanted = sum(prompt) / len(prompt), sum(answer) / len(answer)
    shown = PASSAGE_TOKENS if task.documents else SHOTS * (own + wanted)  # by about half the probes
    writes = (wanted + limit) / 2  # a model that was not tuned often goes on to the limit
    per_example = (own + shown / 2) / speed.prefill + writes / speed.decode
    reading = _reading(task, runtime, speed)
    proof = len(split.test) * ((3 * own + shown) / speed.prefill + (2 * wanted + writes) / speed.decode + reading)
    seconds = max(LEAST * seconds, seconds - proof - OVERHEAD)
    instruction = runtime.model.count([task.instruction])[0] / trainers.TuneSettings().batch  # run once a batch
    per_row = own + wanted + instruction + (PASSAGE_TOKENS if task.documents else 0)
    pairs, sizes = _searching(task, runtime, seconds)
    less = FITTING / 2 if pairs else 0.0
    learned = (TRAINING - less) * seconds * speed.train / per_row
    rows = int(min(len(examples), max(32, learned / 2)))
    epochs = int(min(EPOCHS, max(1, learned // max(1, rows))))
    short = min(SHORT_ROWS, rows)
    probes = 8 if task.documents else 6
    left = (DIAGNOSIS - less) * seconds - short * per_row / speed.train
    measure = _within(left / (probes * per_example + reading), MEASURED, len(split.compare))
    choose = _within(CHOICE * seconds / (2 * probes * per_example + reading), CHECKED, len(split.choose))
    room = int(min(runtime.model.context, EVERYTHING * seconds * speed.prefill / PASSES))
    return Plan(measure, choose, short, rows, epochs, limit, asdict(speed), room, pairs, sizes)


def _reading(task: Task, runtime: Runtime, speed: trainers.Speed) -> float:
    """Seconds to read again what was found for a question, before any of it is shown."""
    if not (task.documents and task.retrieval.rerank):
        return 0.0
    if task.retrieval.rerank == OWN:
        return SearchSettings().read * BUDGET / speed.prefill
    return SearchSettings().read / runtime.finder.rate  # as if a cross-encoder were of the embedder's size


def _searching(task: Task, runtime: Runtime, seconds: float) -> tuple[int, int]:
    """How many pairs an embedder can be fitted on, with all documents encoded again (0 where that is too few), and how
    many sizes of passages can be tried; one, where most documents are one passage."""
    if not task.documents:
        return 0, 1
    named = sum(bool(row.gold) for row in task.split.train)
    rate, pieces = runtime.finder.rate, runtime.finder.pieces()
    once = pieces / rate  # seconds to encode all
    pairs = int(rate * (FITTING * seconds - once) / PASSED)
    long = pieces > 1.2 * len(task.documents)
    sizes = 3 if long and 2 * once < SIZING * seconds else 1
    return min(pairs, named) if min(pairs, named) >= LEAST_PAIRS else 0, sizes


def _of_requests(task: Task, runtime: Runtime, model: Endpoint, budget: Budget, speed: trainers.Speed) -> Plan:
    """The plan where nothing is trained, and every request takes time, tokens and perhaps money."""
    _, answer = _tokens(task, runtime)
    limit, probes = _limit([2 * n for n in answer]), _asking(task)  # estimates may be half of what is written
    one, written = expected(task, runtime, 1), questions.writing(task, runtime)
    shares = [(one.prompt_tokens / speed.prefill + limit / speed.decode) / budget.seconds]  # of the budget
    shares += [one.tokens / budget.tokens] if budget.tokens else []
    shares += [one.usd / budget.usd] if budget.usd else []
    fewest = min(MEASURED[0], len(task.split.compare))
    if not model.meter.fits(least := written + expected(task, runtime, probes * fewest)):
        what = f"measuring on only {fewest} examples takes about {least}"
        raise InputError(Problem(what, "--budget", do="Give a larger one"))
    others = written.requests + 3 * len(task.split.test)
    left = max(LEAST, 1 - others * max(shares)) / max(shares)  # in requests
    measure = _within(DIAGNOSIS * left / probes, MEASURED, len(task.split.compare))
    choose = _within(CHOICE * left / (2 * probes), CHECKED, len(task.split.choose))
    requests = measure + choose + len(task.split.test)  # each sends all documents anew
    room = EVERYTHING / (requests * max(shares)) * (one.prompt_tokens + limit)
    return Plan(measure, choose, 0, 0, 0, limit, asdict(speed), int(min(runtime.model.context, room)))


def expected(task: Task, runtime: Runtime, requests: int) -> Spent:
    """About what so many requests to an endpoint take; about half of them show four shots or, with documents, a passage."""
    prompt, answer = _tokens(task, runtime)
    own, wanted = sum(prompt) / len(prompt), sum(answer) / len(answer)
    shown = PASSAGE_TOKENS if task.documents else 2 * (own + wanted)
    read = requests * (runtime.model.count([task.instruction])[0] + own + shown)
    usd = runtime.model.meter.priced(read, requests * wanted) if isinstance(runtime.model, Endpoint) else 0.0
    return Spent(requests, round(read), round(requests * wanted), usd)


def whole_run(task: Task, runtime: Runtime, plan: Plan) -> Spent:
    """About what a whole run takes of an endpoint: questions about passages, where search is tuned on such, probes,
    choosing, and the sealed test for three systems."""
    requests = _asking(task) * (plan.measure + plan.choose) + 3 * len(task.split.test)
    return questions.writing(task, runtime) + expected(task, runtime, requests)


def costs(task: Task, runtime: Runtime, plan: Plan) -> dict[str, dict[str, object]]:
    """What each path that the model can serve takes: seconds to build, tokens of a request, USD to build."""
    prompt, answer = _tokens(task, runtime)
    own, wanted = sum(prompt) / len(prompt), sum(answer) / len(answer)
    instruction = runtime.model.count([task.instruction])[0]
    passages = PASSAGE_TOKENS if task.documents else 0
    shown = 2 * SHOTS * (own + wanted) + 5 * passages  # of the five or so systems to choose among
    choosing = plan.choose * ((5 * own + shown) / plan.speed["prefill"] + 5 * _writing(plan))
    usd = expected(task, runtime, 5 * plan.choose).usd
    whole = instruction + own + wanted
    table = {
        "prompting": (choosing, whole + 4 * (own + wanted), usd),
        "classifier": (5.0, 0.0, 0.0),
        "rag": (choosing, whole + passages, usd),
    }
    if local.tunes(runtime.model):
        table["finetuning"] = (_tuning_seconds(task, runtime, plan, 0), whole, 0.0)
        table["rag+finetuning"] = (_tuning_seconds(task, runtime, plan, passages), whole + passages, 0.0)
    return {
        path: {"build_seconds": round(build), "tokens_per_request": round(tokens), "usd": round(usd, 4)}
        for path, (build, tokens, usd) in table.items()
    }


def tuning(task: Task, runtime: Runtime, plan: Plan, passages: int = 0) -> trainers.Cost:
    """What the training of the plan takes, with so many tokens of passages in each prompt: tokens, seconds, memory."""
    prompt, answer = _tokens(task, runtime)
    shared = (0,) * runtime.model.count([task.instruction])[0]
    rows = [
        trainers.Row(shared, (0,) * (prompt[i % len(prompt)] + passages), (0,) * (answer[i % len(answer)] + 1))
        for i in range(plan.rows)
    ]
    settings = trainers.TuneSettings(epochs=plan.epochs)
    return trainers.tuning_cost(runtime.lm, rows, settings, trainers.Speed(**plan.speed))


def _tuning_seconds(task: Task, runtime: Runtime, plan: Plan, passages: int) -> float:
    """The training, and the checks in between."""
    prompt, _ = _tokens(task, runtime)
    once = (sum(prompt) / len(prompt) + passages) / plan.speed["prefill"] + _writing(plan)
    checks = trainers.TuneSettings().evaluations * plan.choose * once
    return tuning(task, runtime, plan, passages).seconds + checks


def _writing(plan: Plan) -> float:
    """Seconds to write one text of a set to choose on, some of which go on to the limit."""
    return plan.max_tokens / (SMALL * plan.speed["decode"])


def _tokens(task: Task, runtime: Runtime) -> tuple[list[int], list[int]]:
    """Tokens of the own part (template included) and of the output, over up to 200 examples."""
    examples = (task.split.train or task.split.compare)[:200]
    asked = runtime.model.count([" ".join([t.text for t in e.turns] + [e.input]) for e in examples])
    return [n + 10 for n in asked], runtime.model.count([example.output for example in examples])


def _limit(answer: list[int]) -> int:
    """The most tokens to write, from those of the wanted outputs."""
    return round(min(512, max(16, 1.3 * max(answer) + 8)))


def _asking(task: Task) -> int:
    """How many systems are asked without tuning any."""
    return 10 if task.documents else 5


def _within(wanted: float, bounds: tuple[int, int], there: int) -> int:
    return min(there, int(min(bounds[1], max(bounds[0], wanted))))
