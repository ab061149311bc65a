"""How good advice from answers alone is, cross-validated by study on the published comparisons.

Each study is left out once (in ten groups) and advised on from the others, through the same `recommend` that a person
asks, among the paths that it measured: what it did not try is no rival there, and what it measured it could do. A case is a
hit when the first in the ranking is within 2 points of its best.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from advisor.answers import UNKNOWN
from advisor.decide.cases import SMALLEST_GAIN, Case, load_cases
from advisor.decide.recommendation import Recommendation, recommend
from advisor.decide.rules import load_rules
from advisor.system import PATH_NAMES


@dataclass(frozen=True)
class Advice:
    """What was advised on a case by all other studies, and how it turned out."""

    case: Case
    given: Recommendation

    @property
    def stated(self) -> list[tuple[float, bool]]:
        """For each path measured, likeliest first: the probability given, and whether it was within reach."""
        return [(e.probability, e.path in self.case.won) for e in self.given.ranking if e.path in self.case.scores]

    @property
    def cheapest(self) -> bool:
        """Whether the first measured path in the ranking was the cheapest of those within 2 points of the best."""
        first = next(e.path for e in self.given.ranking if e.path in self.case.scores)
        return first == self.case.won[0]

    @property
    def hit(self) -> bool:
        """Whether the first measured path in the ranking was within 2 points of the best."""
        return self.stated[0][1]


def cross_validate(cases: Sequence[Case], folds: int = 10, seed: int = 0) -> list[Advice]:
    """Advice on every case from the studies of the other folds."""
    studies = sorted({case.study for case in cases})
    fold = dict(zip(studies, np.random.default_rng(seed).permutation(len(studies)) % folds, strict=True))
    advice = []
    for k in range(folds):
        known = tuple(case for case in cases if fold[case.study] != k)
        for case in cases:
            if fold[case.study] == k:
                untried = {path: "not measured there" for path in PATH_NAMES if path not in case.scores}
                given = recommend(
                    case.told, {}, load_rules(), cases=known, infeasible=untried, feasible=frozenset(case.scores)
                )
                advice.append(Advice(case, given))
    return advice


Pairs = Sequence[tuple[float, bool]]
FEWEST = 5  # studies, of which a bootstrap says something


def calibration(stated: Pairs, studies: Sequence[str], bins: int = 5) -> tuple[float, float, list[tuple[float, ...]]]:
    """Brier score, expected calibration error, and for each bin the mean stated, the share that was true with its 95 %
    interval (bootstrap over studies, which stray together) and how many there are. A bin with fewer than `FEWEST` studies
    is counted with the next towards the middle."""
    p, true = np.array([s for s, _ in stated]), np.array([t for _, t in stated], dtype=float)
    which = np.minimum((p * bins).astype(int), bins - 1)
    names, at = np.unique(studies, return_inverse=True)
    middle = bins // 2
    for b in (*range(middle), *range(bins - 1, middle, -1)):
        if len(set(at[which == b])) < FEWEST:
            which[which == b] += 1 if b < middle else -1
    times = np.random.default_rng(0).multinomial(len(names), np.full(len(names), 1 / len(names)), 2000)[:, at]
    table = []
    for b in sorted(set(which)):
        inside = which == b
        weights = times[:, inside]
        shares = (weights @ true[inside]) / np.maximum(weights.sum(axis=1), 1)
        lo, hi = np.percentile(shares[weights.sum(axis=1) > 0], (2.5, 97.5))
        table.append((float(p[inside].mean()), float(true[inside].mean()), float(lo), float(hi), int(inside.sum())))
    return float(((p - true) ** 2).mean()), sum(abs(r[0] - r[1]) * r[-1] for r in table) / len(p), table


def dearest(case: Case) -> bool:
    """Always the dearest path measured."""
    return max(case.scores, key=PATH_NAMES.index) in case.won


def folk(case: Case) -> bool:
    """Facts: retrieval. Labels with examples: a classifier. Form or style: tuning. Else a prompt."""
    answers = case.answers
    trains = answers["train_examples"] in (UNKNOWN,) or float(answers["train_examples"]) >= SMALLEST_GAIN * 50
    wish = ["prompting", "finetuning", "rag", "rag+finetuning", "classifier"]
    if answers["needs_private_or_fresh_facts"] == "yes":
        wish = ["rag", "rag+finetuning", *wish]
    elif answers["output_kind"] == "label" and trains:
        wish = ["classifier", "finetuning", *wish]
    elif "yes" in (answers["strict_format"], answers["style_matters"]) and trains:
        wish = ["finetuning", *wish]
    return next(path for path in wish if path in case.scores) in case.won


def main() -> None:
    """Print the table, then one JSON line."""
    cases = load_cases()
    runs = [cross_validate(cases, seed=seed) for seed in range(3)]
    advice = [one for run in runs for one in run]
    sizes = {study: sum(case.study == study for case in cases) for study in {case.study for case in cases}}
    each = [float(np.mean([one.hit for one in run])) for run in runs]
    by_study = float(np.average([one.hit for one in advice], weights=[1 / sizes[one.case.study] for one in advice]))
    first = calibration([one.stated[0] for one in advice], [one.case.study for one in advice])
    whole = [one for one in advice if len(one.case.scores) == 4]
    four = calibration(
        [pair for one in whole for pair in one.stated], [one.case.study for one in whole for _ in range(4)]
    )
    sure = [one for one in advice if one.given.path]
    decided = float(np.mean([one.hit for one in sure]))
    unsure = float(np.mean([one.hit for one in advice if not one.given.path]))
    cheapest = float(np.mean([one.cheapest for one in advice]))
    references = {f.__name__: float(np.mean([f(case) for case in cases])) for f in (dearest, folk)}

    print(f"{len(cases)} comparisons of {len(sizes)} studies, by study in ten folds, three times")
    print(f"  within 2 points of the best   {np.mean(each):.3f}   (each study alike {by_study:.3f})")
    print(f"  the cheapest of those         {cheapest:.3f}")
    print(*(f"  {name:28}  {value:.3f}\n" for name, value in references.items()), sep="", end="")
    print(
        f"  decided in                    {len(sure) / len(advice):.3f}, then right in {decided:.3f}, else {unsure:.3f}"
    )
    for what, (brier, error, table) in {"first path": first, "all paths, where four were measured": four}.items():
        print(f"  {what}, stated against true: Brier {brier:.3f}, calibration error {error:.3f}")
        for said, true, lo, hi, n in table:
            outside = "" if lo <= said <= hi else "   outside"
            print(f"    stated {said:.2f}  true {true:.2f} [{lo:.2f}, {hi:.2f}]  n {n}{outside}")
    figures = {"hit": float(np.mean(each)), "hit_by_study": by_study, "cheapest": cheapest, **references}
    figures |= {"decided": len(sure) / len(advice), "hit_decided": decided, "hit_undecided": unsure}
    figures |= {"brier": first[0], "ece": first[1], "brier_four": four[0], "ece_four": four[1]}
    print(json.dumps({"bench": "decide", "cases": len(cases), **{k: round(v, 4) for k, v in figures.items()}}))


if __name__ == "__main__":
    main()
