"""Probing: systems with one part switched, made and run on the same development examples. What they showed is a Diagnosis."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import NormalDist

import numpy as np

from advisor.decide.gaps import BOTH, SIDES, Shown
from advisor.errors import CannotError, DroppedOut, InputError
from advisor.measure.diagnosis import Diagnosis, Placebo, Probe, gain_over, gaps_of, shares
from advisor.measure.forecast import Rungs, in_full
from advisor.measure.placebo import Tried, placebos
from advisor.measure.race import Answers, Entry, race
from advisor.measure.validity import validity
from advisor.models.endpoint import Endpoint
from advisor.models.local import tunes
from advisor.paths.classifier import classifier, has_labels
from advisor.paths.finetuning import SHORT, tuned
from advisor.paths.prompting import Prompt, constrained, fewest, held, oracle, prompted, retrieving
from advisor.runtime import grounding
from advisor.runtime.bench import Bench
from advisor.runtime.grounding import Use
from advisor.score.metric import Scored, beside, floors, over_all
from advisor.score.statistics import interval, rating
from advisor.system import PATH_NAMES, RETRIEVING, TUNING, Context, Prediction, System
from advisor.task import Example

# Each tuning that is tried in short: its path, its name, and the gap that it closes.
SHORT_TUNINGS = (("finetuning", "short tuning", "behaviour"), ("rag+finetuning", "short tuning on passages", BOTH))
ALL = 100.0  # where an example passes, unless the metric is overlap with a reference
HELD = ", constrained"  # ends the name of an arm that is held to the form of outputs
SPARED = {"fixed shots", "constrained", "all documents", "oracle context"}  # arms left out where the purse is brief
TIMED = 3  # answers by which it is told how long one takes
PLAIN = "zero-shot"  # the arm that answers all that is asked: gains are over it


def entered(benches: Sequence[Bench]) -> dict[str, Entry]:
    """What is probed of every model: of the first all, of others what can be built for them, told apart by the model's name.
    Gaps are those of the first."""
    first, *others = benches
    entries, told = probed(first), _briefly([bench.model for bench in benches])
    for bench in others:
        own = {name: entry for name, entry in probed(bench).items() if entry.path not in ("", "classifier")}
        entries |= {
            f"{name} · {told[bench.model]}": replace(entry, gap="", before=f"{entry.before} · {told[bench.model]}")
            for name, entry in own.items()
        }
    return entries


def _briefly(models: Sequence[str]) -> dict[str, str]:
    """The names of models without the address or the folder, where these tell them apart."""
    brief = {model: (model.split("#")[1] if "#" in model else model.rsplit("/", 1)[-1]) for model in models}
    return brief if len(set(brief.values())) == len(brief) else {model: model for model in models}


def probed(bench: Bench) -> dict[str, Entry]:
    """What is probed, by name: the untuned, then the classifier, then short tunings, without passages and, where there are
    documents, with them; each as it was tuned and held to the form of the task's outputs where they have one."""
    task, entries = bench.task, {}
    closes = {PLAIN: "none", "constrained": "format", "similar shots, constrained": "instruction"}
    for name, arm in prompted(bench).items():
        entries[name] = Entry("prompting", closes.get(name, "instruction"), arm, bench)
    if task.documents:
        entries |= {name: Entry("rag", "knowledge", arm, bench) for name, arm in retrieving(bench).items()}
        entries["oracle context"] = Entry("", "retrieval", oracle, bench)
    if task.split.train and has_labels(task):
        entries["classifier"] = Entry("classifier", "", lambda part: classifier(part, "probes/classifier"), bench)
    if task.split.train and tunes(bench.runtime.model) and (bench.purse.folds or not task.split.folds):
        for path, name, gap in SHORT_TUNINGS[: 2 if task.documents else 1]:
            short, before = _shortly_tuned(path), PLAIN if path == "finetuning" else fewest(bench)
            entries[name] = Entry(path, gap, short, bench.short, before)
            if constrained(bench):
                entries[f"{name}{HELD}"] = Entry(path, gap, held(short), bench.short, before)
    return _briefest(entries) if bench.purse.brief else entries


def _briefest(entries: Mapping[str, Entry]) -> dict[str, Entry]:
    """The arms that tell most: without those that others are seldom worse than, and of an untuned one that is tried free and held to
    the form the held one, of a tuned one the free; and where there are documents, none that is tuned without them."""
    tuned = {name for name, entry in entries.items() if entry.path in TUNING}
    reading = {name for name in tuned if entries[name].path in RETRIEVING}
    spared = {name for name in entries if f"{name}{HELD}" in entries and name not in tuned}
    spared |= {name for name in tuned if name.endswith(HELD) or (reading and name not in reading)}
    return {name: entry for name, entry in entries.items() if name not in (spared | SPARED)}


def _shortly_tuned(path: str) -> Prompt:
    """The arm of a path tuned in short, which is done once for all that are made of it: once for each fold."""
    systems: dict[str, System] = {}

    def made(bench: Bench) -> System:
        try:
            if bench.apart not in systems:
                systems[bench.apart] = tuned(bench, path, SHORT, evaluations=1)
        except InputError as error:  # rows that can't be learned from: whoever asks for tuning has to mend them
            raise DroppedOut(str(error)) from error
        return systems[bench.apart]

    return made


def diagnose(bench: Bench, *others: Bench, notes: Sequence[str] = (), timed: bool = False) -> Diagnosis:
    """Run the probes on the development examples set aside for comparing paths; with the benches of `others`, models are
    compared. `notes`: what else a reader of the figures should know. `timed`: also find out how long an answer takes.

    One that can't be made or asked drops out, and the others go on. Raises CannotError where the plain one does.
    """
    task, runtime = bench.task, bench.runtime
    entries = entered([bench, *others])
    bench_of = {one.model: one for one in (bench, *others)}

    def rungs(scored: Mapping[str, Sequence[Scored]]) -> dict[str, Rungs]:
        tuned = {name: entries[name] for name in scored if entries[name].path in TUNING}
        return {
            name: _rungs(bench_of[one.bench.model], scored[name], scored.get(one.before, scored[PLAIN]))
            for name, one in tuned.items()
        }

    def outlook(scored: Mapping[str, Sequence[Scored]]) -> dict[str, tuple[float, float]]:
        return {name: in_full(one) for name, one in rungs(scored).items()}

    floored = floors(bench.metric, bench.comparing, task.split.train, _contexts(bench, bench.comparing))
    raced = race(bench, entries, PLAIN, outlook, floored)
    if PLAIN in raced.dropped:
        raise CannotError(f"nothing can be measured: {raced.dropped[PLAIN]}")
    probes = [_probe(name, entries[name], answers) for name, answers in raced.answers.items()]
    if timed:
        probes = [replace(probe, latency_ms=_latency(entries[probe.name])) for probe in probes]
    asked = bench.comparing[: raced.rounds[-1].examples]
    left = bench.purse.racing - sum(one.seconds for one in raced.rounds)
    everyone = bench.comparing[: raced.rounds[0].examples]
    tried = placebos(bench, entries, raced.stayed, PLAIN, everyone, left)
    shown = {name: entry.arm(bench) for name, entry in entries.items() if entry.gap in ("knowledge", "retrieval")}
    contexts = {name: one.context for name, one in shown.items() if isinstance(one, System)}
    gap_of = gaps_of(bench.metric, probes, everyone, tunes(runtime.model))
    floored = {name: scored[: len(asked)] for name, scored in floored.items()}
    return Diagnosis(
        metric=task.metric,
        examples=len(asked),
        floors={name: over_all(bench.metric, scored) for name, scored in floored.items()},
        probes=tuple(probes),
        gap_of=gap_of,
        gaps=shares(gap_of),
        rungs=_best_rungs(probes, rungs({name: answers.scored for name, answers in raced.answers.items()})),
        notes=(
            *notes,
            *_circumstances(bench),
            *(f"{name} dropped out: {why}" for name, why in raced.dropped.items()),
            *_gapped(probes),
            *_cut(probes),
        ),
        recall=grounding.recall(runtime.finder, asked) if task.documents else (),
        use=tuple(_use(bench, probe, contexts[probe.name], asked) for probe in probes if probe.name in contexts),
        folds=len({task.split.fold_of[example.id] for example in asked}) if task.split.folds else 0,
        ruled_out=_ruled_out(entries, probes, raced.dropped),
        floored=floored,
        shown=_shown(everyone, gap_of, {one.id: a.text for one, a in _pairs(raced.answers[PLAIN])}),
        rows=(bench.short.purse.rows, bench.purse.rows),
        rounds=raced.rounds,
        placebos=tuple(_placebo(one, {probe.name: probe for probe in probes}) for one in tried),
        groups={e.id: task.split.groups[e.id] for e in asked if e.id in task.split.groups},
    )


def _pairs(answers: Answers) -> Iterable[tuple[Scored, Prediction]]:
    return zip(answers.scored, answers.made, strict=True)


def _shown(examples: Sequence[Example], gap_of: Mapping[str, str], plain: Mapping[str, str | None]) -> dict[str, Shown]:
    """The first example of each gap, with what the plain prompt gave; one of two gaps stands for both where it is the first."""
    shown: dict[str, Shown] = {}
    for e in examples:
        for gap in SIDES.get(gap_of[e.id], (gap_of[e.id],)):
            shown.setdefault(gap, Shown(e.id, e.input, e.output, plain.get(e.id)))
    return shown


def _probe(name: str, entry: Entry, answers: Answers) -> Probe:
    bench, metric, scored = entry.bench, entry.bench.metric, answers.scored
    split = bench.task.split
    score = interval(metric, scored, bench.seed, split.groups, folded=bool(split.folds))
    used, model = [prediction.usage for prediction in answers.made], entry.bench.runtime.model
    read, written = sum(one.prompt_tokens for one in used), sum(one.generated_tokens for one in used)
    return Probe(
        name=name,
        path=entry.path,
        gap=entry.gap,
        value=score.value or 0.0,
        lo=score.lo,
        hi=score.hi,
        n=score.n,
        unscored=score.unscored,
        seconds=round(sum(u.seconds for u in used), 2),
        tokens=read + written,
        scores={one.id: one.score for one in scored},
        statistics={one.id: tuple(one.statistics) for one in scored},
        cut=tuple(one.id for one, answer in _pairs(answers) if answer.cut),
        valid=validity(bench.task, answers.made),
        beside=beside(metric, scored),
        model=entry.bench.model,
        usd_per_1000=1000 * model.meter.priced(read, written) / len(used) if isinstance(model, Endpoint) else None,
        written=written,
    )


def _placebo(tried: Tried, probes: Mapping[str, Probe]) -> Placebo:
    bench = tried.entry.bench
    probe = replace(_probe(f"{tried.of}, {tried.what}", tried.entry, tried.answers), path="", gap="")
    gain = gain_over(bench.metric, probes[tried.of], probe, bench.seed, bench.task.split.groups)
    return Placebo(tried.of, tried.what, probe, gain)


def _latency(entry: Entry) -> float:
    """The milliseconds that an answer takes, asked for alone: the median of a few, once the first has warmed up."""
    bench = entry.bench.first
    system, took = entry.arm(bench), []
    for example in entry.bench.comparing[: TIMED + 1]:
        since = time.perf_counter()
        bench.runtime.predict(system, [example], "time of an answer", keep=False)
        took.append(1000 * (time.perf_counter() - since))
    return round(float(np.median(took[1:])), 1)


def _best_rungs(probes: Sequence[Probe], rungs: Mapping[str, Rungs]) -> dict[str, Rungs]:
    """The rungs of each path that was tuned in short: of the best of its models and decodings."""
    best: dict[str, Probe] = {}
    for probe in probes:
        if probe.path in TUNING and (probe.path not in best or probe.value > best[probe.path].value):
            best[probe.path] = probe
    return {path: rungs[probe.name] for path, probe in best.items()}


def _rungs(bench: Bench, tuned: Sequence[Scored], before: Sequence[Scored]) -> Rungs:
    """From what a short tuning scored, and the arm that it was before on those of its examples that this one answered."""
    full, short, metric = bench.purse, bench.short.purse, bench.metric
    asked, answered = {one.id for one in before}, {one.id for one in tuned}
    gained = rating(metric, [one for one in tuned if one.id in asked])
    gained -= rating(metric, [one for one in before if one.id in answered])
    now = rating(metric, tuned)
    score = interval(metric, tuned, bench.seed, bench.task.split.groups, folded=bool(bench.task.split.folds))
    sd = (score.hi - score.lo) / (2 * NormalDist().inv_cdf(0.975))
    more = full.rows * full.epochs / (short.rows * short.epochs)
    return Rungs(now - gained, now, more, sd, overlap=metric.passing < ALL)


def _circumstances(bench: Bench) -> list[str]:
    """What a reader of the figures should know of how they came about."""
    split, documents, notes = bench.task.split, bench.task.documents, []
    if split.folds:
        notes.append(
            f"rows are few: each was answered by what was made without its fold, one of {len(set(split.folds))}. Intervals say "
            "what other rows would change, widened because scores in folds hang together; what is built learns from all rows"
            + (", and how documents are searched was chosen on the same rows" if documents else "")
        )
    if bench.purse.brief:
        notes.append("the budget is short: of prompts only those that tell most were tried")
    if not tunes(bench.runtime.model):
        notes.append("the model can't be tuned here: what counts as a gap of capability may be one of behaviour")
    elif split.folds and not bench.purse.folds:
        notes.append("a short tuning was not measured: the budget does not cover one for each of enough folds")
    return notes


def _gapped(probes: Sequence[Probe]) -> list[str]:
    """What is said of systems that gave no text too often."""
    counts = {probe.name: (probe.unscored, probe.n + probe.unscored) for probe in probes if probe.misses}
    return [
        f"{name} gave no text for {n} of {of} examples: too many for it to be recommended"
        for name, (n, of) in counts.items()
    ]


def _cut(probes: Sequence[Probe]) -> list[str]:
    """What is said of answers that stayed cut off."""
    told = ", ".join(f"{probe.name} {len(probe.cut)}" for probe in probes if probe.cut)
    return [f"cut off at the limit, at one twice as large too, and scored as they stand: {told}"] if told else []


def _ruled_out(entries: Mapping[str, Entry], probes: Sequence[Probe], dropped: Mapping[str, str]) -> dict[str, str]:
    """Paths of which no system could be asked, or all gave no text too often, each with the reason; and where the shortest
    prompt of all did, every path that asks the model and was not measured: it would not answer those examples either."""
    answering = {probe.path for probe in probes if not probe.misses}
    reasons: dict[str, str] = {}
    for name, entry in entries.items():
        if entry.path not in ("", *answering):
            reasons.setdefault(entry.path, dropped.get(name, f"{name} gave no text for too many of the examples"))
    if any(probe.name == PLAIN and probe.misses for probe in probes):
        why = "not measured, and zero-shot, with the shortest prompt of all, gave no text for too many of the examples"
        asking = [path for path in PATH_NAMES if path not in ("classifier", *answering)]
        reasons = {**dict.fromkeys(asking, why), **reasons}
    return reasons


def _use(bench: Bench, probe: Probe, context: Context, asked: Sequence[Example]) -> Use:
    examples = [example for example in asked if probe.scores.get(example.id) is not None]
    right = [(probe.scores[example.id] or 0.0) >= bench.metric.passing for example in examples]
    passages = bench.runtime.finder.passages(context, examples)
    return grounding.use(probe.name, passages, examples, right, probe.tokens / probe.n)


def _contexts(bench: Bench, asked: Sequence[Example]) -> dict[str, str] | None:
    if not bench.task.documents:
        return None
    rows = bench.runtime.finder.search([example.input for example in asked], 1)
    return {e.id: row[0].text if row else "" for e, row in zip(asked, rows, strict=True)}
