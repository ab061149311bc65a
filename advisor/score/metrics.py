"""Metrics: what a prediction is worth, per example and over many. Knows nothing of models or of intervals."""

import difflib
import importlib
import importlib.util
import json
import re
import string
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import LCSseq

from advisor.task import Example

Floats = NDArray[np.float64]
Statistics = tuple[float, ...]


@dataclass(frozen=True)
class Metric:
    """A metric on the scale 0 to 100.

    `score` rates one text. `statistics` gives the same text's additive statistics (k floats), and `aggregate` turns sums
    of them, shape (b, k), into b figures: means, micro and macro F1 are all functions of such sums, so that a bootstrap is
    one matrix product. An example passes at `passing` or more.
    """

    name: str
    score: Callable[[str, Example], float]
    statistics: Callable[[str, Example], Statistics]
    aggregate: Callable[[Floats], Floats]
    passing: float


@dataclass(frozen=True)
class Scored:
    """What one example got. `score` is None where the system gave no text: unscored, which is not a zero."""

    id: str
    score: float | None
    statistics: Statistics = ()


def score_all(metric: Metric, texts: Sequence[str | None], examples: Sequence[Example]) -> tuple[Scored, ...]:
    """Score one text per example; a text that is None stays unscored."""
    return tuple(
        Scored(example.id, None)
        if text is None
        else Scored(example.id, metric.score(text, example), metric.statistics(text, example))
        for text, example in zip(texts, examples, strict=True)
    )


def floors(metric: Metric, examples: Sequence[Example], contexts: Mapping[str, str] | None = None) -> dict[str, float]:
    """What the metric gives for no work at all: copying the input, always the commonest output, copying the context.

    `contexts` maps example ids to the context that a system would see; the third floor is there only with it.
    """
    if not examples:
        return {}
    commonest = Counter(example.output for example in examples).most_common(1)[0][0]
    texts = {
        "copying the input": [example.input for example in examples],
        "the commonest output": [commonest] * len(examples),
    }
    if contexts:
        texts["copying the context"] = [contexts.get(example.id, "") for example in examples]
    return {name: _aggregate(metric, score_all(metric, given, examples)) for name, given in texts.items()}


def resolve(name: str, labels: Sequence[str] = (), folder: Path | None = None) -> Metric:
    """The metric of a name in `METRICS`, or of a python path `package.module:function`.

    The function takes (text, example) and returns 0 to 100; its module is looked for in `folder` first.

    Raises:
        ValueError: no such metric, nothing to import, or `macro_f1` without labels.
    """
    if ":" in name:
        return _mean(name, _imported(name, folder), passing=50)
    if name in METRICS:
        return METRICS[name](tuple(labels))
    near = difflib.get_close_matches(name.lower().replace("-", "_"), METRICS, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(METRICS)}, or package.module:function."
    raise ValueError(f"there is no metric {name!r}. {hint}")


def _imported(path: str, folder: Path | None) -> Callable[[str, Example], float]:
    module_name, _, attribute = path.partition(":")
    file = folder / (module_name.replace(".", "/") + ".py") if folder else None
    try:
        if folder and file and file.is_file():
            # Loaded from its file, not by name: two tasks may both have a `scoring.py`.
            spec = importlib.util.spec_from_file_location(f"_metric_{module_name.replace('.', '_')}", file)
            assert spec and spec.loader
            module = importlib.util.module_from_spec(spec)
            sys.path.insert(0, str(folder))
            try:
                spec.loader.exec_module(module)
            finally:
                sys.path.remove(str(folder))
        else:
            module = importlib.import_module(module_name)
        function = getattr(module, attribute)
        if not callable(function):
            raise TypeError(f"{attribute} is not a function")
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a person's module may raise anything, and end the program
        raise ValueError(f"the metric {path!r} cannot be imported: {type(error).__name__}: {error}") from error

    def score(text: str, example: Example) -> float:
        try:
            value = float(function(text, example))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            what = f"{type(error).__name__}: {error}"
            raise ValueError(f"the metric {path!r} fails on example {example.id}: {what}") from error
        if not 0 <= value <= 100:
            raise ValueError(f"the metric {path!r} gave {value} for example {example.id}, not 0 to 100")
        return value

    return score


def _aggregate(metric: Metric, scored: Sequence[Scored]) -> float:
    return float(metric.aggregate(np.array([one.statistics for one in scored], dtype=float).sum(0, keepdims=True))[0])


def _ratio(part: Floats, whole: Floats, empty: float | Floats = 0.0) -> Floats:
    """part / whole, and `empty` where there is nothing to divide by."""
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), empty)


def _mean(name: str, score: Callable[[str, Example], float], passing: float) -> Metric:
    """A metric whose figure over many examples is the mean of their scores."""
    return Metric(name, score, lambda t, e: (score(t, e), 1.0), lambda sums: _ratio(sums[:, 0], sums[:, 1]), passing)


def _best(compare: Callable[[str, str], float]) -> Callable[[str, Example], float]:
    """Score a text against each accepted answer, and keep the best."""
    return lambda text, example: 100 * max(compare(text, answer) for answer in example.answers)


# Text


def words(text: str) -> list[str]:
    """Lower-cased words as SQuAD's scorer sees them: no punctuation, no articles.

    It differs where that script would compare nothing: text of articles alone keeps them (the answer "A"), of
    punctuation alone stays as it is; punctuation is Unicode's; each Chinese or Japanese character is a word (as in MLQA).
    """
    lower = re.sub(r"([\u3040-\u30ff\u3400-\u9fff])", r" \1 ", text.lower())
    kept = "".join(c for c in lower if c not in string.punctuation and not unicodedata.category(c).startswith("P"))
    words = kept.split()
    return [word for word in words if word not in ("a", "an", "the")] or words or lower.split()


def _same_text(text: str, answer: str) -> float:
    """Equal but for white space; case and punctuation count, since SQL, code and ids live in them."""
    return float(text.split() == answer.split())


def _same_label(text: str, label: str) -> float:
    """Equal but for outer white space. 'Card arrival.' is not `card_arrival`: the consumer looks the label up."""
    return float(text.strip() == label.strip())


def _contains(text: str, answer: str) -> float:
    """Whether the answer's words stand in the text, whole and in a row ('24' is not in '1924')."""
    return float(f" {' '.join(words(answer))} " in f" {' '.join(words(text))} ")


def _f1(common: float, given: float, wanted: float) -> float:
    return 2 * common / (given + wanted) if given + wanted else 1.0


def _token_f1(text: str, answer: str) -> float:
    """F1 over the bags of words (Rajpurkar et al. 2016)."""
    given, wanted = Counter(words(text)), Counter(words(answer))
    return _f1((given & wanted).total(), given.total(), wanted.total())


def _rouge_l(text: str, answer: str) -> float:
    """F1 of the longest common subsequence of words (Lin 2004); on ASCII the words of Google's rouge-score, no stemming."""
    given, wanted = (re.findall(r"[^\W_]+|[\u3040-\u30ff\u3400-\u9fff]", t.lower()) for t in (text, answer))
    return _f1(LCSseq.similarity(given, wanted), len(given), len(wanted))


def _chrf_counts(text: str, answer: str) -> Statistics:
    given, wanted = "".join(text.split()), "".join(answer.split())
    counts: list[float] = []
    for n in range(1, 7):
        ours, theirs = (Counter(t[i : i + n] for i in range(len(t) - n + 1)) for t in (given, wanted))
        counts += [ours.total() if theirs else 0, theirs.total(), (ours & theirs).total()]
    return tuple(counts)


def _chrf_of(sums: Floats) -> Floats:
    """chrF2 from summed counts (given, wanted, common) of character 1- to 6-grams, as sacrebleu 2 computes it."""
    given, wanted, common = (sums[:, i::3] for i in range(3))
    orders = ((given > 0) & (wanted > 0)).sum(1)
    precision = _ratio(np.where(wanted > 0, _ratio(common, given), 0).sum(1), orders)
    recall = _ratio(np.where(given > 0, _ratio(common, wanted), 0).sum(1), orders)
    return 100 * _ratio(5 * precision * recall, 4 * precision + recall)


def _chrf_best(text: str, example: Example) -> Statistics:
    candidates = [_chrf_counts(text, answer) for answer in example.answers]
    return max(candidates, key=lambda counts: float(_chrf_of(np.array([counts]))[0]))


def _chrf_score(text: str, example: Example) -> float:
    return float(_chrf_of(np.array([_chrf_best(text, example)]))[0])


def _tokens_13a(text: str) -> list[str]:
    """Lower-cased tokens of mteval-v13a, the tokens in which SARI is published."""
    text = re.sub(r"([\{-\~\[-\` -\&\(-\+\:-\@\/])", r" \1 ", f" {text.lower()} ")
    text = re.sub(r"([^0-9])([\.,])", r"\1 \2 ", text)
    text = re.sub(r"([\.,])([^0-9])", r" \1 \2", text)
    return re.sub(r"([0-9])(-)", r"\1 \2 ", text).split()


def _sari(text: str, example: Example) -> float:
    """SARI (Xu et al. 2016) of a rewriting of the input: mean of F1 of what it adds and keeps, precision of what it deletes.

    As Hugging Face `evaluate` computes it (0/0 is 1, so that the one right rewriting gets 100), but deleting nothing
    where an answer deletes something is 0, as in the paper: otherwise copying the input would score near 60. No text
    at all is 0 too, unless that is an answer.
    """
    source, given, *answers = map(_tokens_13a, (example.input, text, *example.answers))
    if not given and all(answers):
        return 0.0
    parts = [0.0, 0.0, 0.0]
    for n in range(1, 5):
        old, new, *wanted = (Counter(zip(*(t[i:] for i in range(n)), strict=False)) for t in (source, given, *answers))
        parts = [sum(pair) for pair in zip(parts, _sari_grams(old, new, wanted), strict=True)]
    return 100 * sum(parts) / 12


def _sari_grams(old: Counter[Any], new: Counter[Any], wanted: Sequence[Counter[Any]]) -> tuple[float, float, float]:
    def over(part: float, whole: float) -> float:
        return part / whole if whole else 1.0

    def mean_share(part: Counter[Any], whole: Counter[Any]) -> float:
        return over(sum(part[gram] / whole[gram] for gram in part), len(whole))

    def harmonic(p: float, r: float) -> float:
        return 2 * p * r / (p + r) if p + r else 0.0

    every = sum(wanted, Counter[Any]())
    olds, news = (Counter({gram: n * len(wanted) for gram, n in c.items()}) for c in (old, new))
    kept, keepable, deleted, deletable = olds & news, olds & every, olds - news, olds - every
    good = kept & every
    added, addable = set(new) - set(old), set(every) - set(old)
    keep = harmonic(mean_share(good, kept), over(good.total(), keepable.total()))
    delete = mean_share(deleted - every, deleted) if deleted or not deletable else 0.0
    add = harmonic(over(len(added & addable), len(added)), over(len(added & addable), len(addable)))
    return keep, delete, add


# JSON


def parse_json(text: str) -> Any:
    """Parse a whole text as a machine consumer would: nothing before or after it, no code fence, no NaN.

    Raises:
        ValueError: it is not JSON, or nested too deep.
    """

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    try:
        return json.loads(text, parse_constant=refuse)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def fields(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every field as (path such as `a.b[0]`, value as JSON); an empty list or object inside is a field, at the root none.

    Numbers compare by value (1 and 1.0 are equal), everything else by type and value.
    """
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from fields(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value:
        for i, inner in enumerate(value):
            yield from fields(inner, f"{path}[{i}]")
    elif path or not isinstance(value, dict | list):
        whole = isinstance(value, float) and value.is_integer()
        yield path, json.dumps(int(value) if whole else value)


def _json_counts(text: str, example: Example) -> Statistics:
    """(fields right, given, wanted, row's F1, 1) against the best answer. Text that does not parse misses every field."""
    given = _json_fields(text)
    rows: list[Statistics] = []
    for answer in example.answers:
        wanted = _json_fields(answer)
        right, total = len(given[0] & wanted[0]), len(given[0]) + len(wanted[0])
        row = 200 * right / total if total else 100 * float(given == wanted)
        rows.append((right, len(given[0]), len(wanted[0]), row, 1))
    return max(rows, key=lambda row: row[3])


def _json_fields(text: str) -> tuple[frozenset[tuple[str, str]], str]:
    """A text's fields and the kind of its root; no fields and the text itself where it does not parse."""
    try:
        value = parse_json(text)
        return frozenset(fields(value)), type(value).__name__
    except (ValueError, RecursionError):
        return frozenset(), text.strip() or "nothing"


def _json_of(sums: Floats) -> Floats:
    """Micro F1 over the fields of all rows; over rows without any field, the share of rows that are right."""
    right, given, wanted, rows_right, rows = sums.T
    return _ratio(200 * right, given + wanted, _ratio(rows_right, rows))


# Labels


def _macro_f1(labels: tuple[str, ...]) -> Metric:
    """F1 of each label, averaged over the labels that occur as answer or prediction (scikit-learn's default).

    A text that is no label counts against its row's label only.
    """
    if not labels:
        raise ValueError("macro_f1 needs the task's labels. Name them in labels.json")
    place = {label.strip(): i for i, label in enumerate(labels)}

    def statistics(text: str, example: Example) -> Statistics:
        right, given, wanted = counts = np.zeros((3, len(place)))
        answers = [answer.strip() for answer in example.answers]
        said = text.strip()
        answer = said if said in answers else answers[0]
        for row, label in ((given, said), (wanted, answer)):
            if label in place:
                row[place[label]] = 1
        right[:] = given * wanted
        return tuple(counts.ravel().tolist())

    def aggregate(sums: Floats) -> Floats:
        right, given, wanted = np.split(sums, 3, axis=1)
        return 100 * _ratio(_ratio(2 * right, given + wanted).sum(1), (given + wanted > 0).sum(1))

    return Metric("macro_f1", _best(_same_label), statistics, aggregate, 100)


_MEANS: Mapping[str, tuple[Callable[[str, Example], float], float]] = {
    "exact_match": (_best(_same_text), 100),
    "token_f1": (_best(_token_f1), 50),
    "contains_answer": (_best(_contains), 100),
    "label_accuracy": (_best(_same_label), 100),
    "rouge_l": (_best(_rouge_l), 50),
    "sari": (_sari, 50),
}


def _plain(metric: Metric, labels: tuple[str, ...]) -> Metric:
    """The builder of a metric that needs no labels."""
    return metric


METRICS: Mapping[str, Callable[[tuple[str, ...]], Metric]] = {
    **{name: partial(_plain, _mean(name, score, passing)) for name, (score, passing) in _MEANS.items()},
    "macro_f1": _macro_f1,
    "json_field_f1": partial(
        _plain, Metric("json_field_f1", lambda t, e: _json_counts(t, e)[3], _json_counts, _json_of, 100)
    ),
    "chrf": partial(_plain, Metric("chrf", _chrf_score, _chrf_best, _chrf_of, 50)),
}
