"""Published comparisons as model: the fit against independent algebra, and what it does with the unknown."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from advisor.answers import UNKNOWN, parse
from advisor.decide import cases as module
from advisor.decide.cases import Case, Floats, fit, load_cases, nearest, similarity
from advisor.decide.rules import Rule, load_rules
from advisor.system import PATH_NAMES

RAG, TUNING = PATH_NAMES.index("rag"), PATH_NAMES.index("finetuning")


def belief(answers: dict[str, str | float], rules: tuple[Rule, ...]) -> Floats:
    """What is believed of a task of which only the answers are known."""
    return fit(load_cases(), rules).belief(answers, answers)


def test_the_shipped_cases_are_whole() -> None:
    assert len(load_cases()) == 331
    assert len({case.id for case in load_cases()}) == 331
    assert len({case.study for case in load_cases()}) == 107
    for case in load_cases():
        parse(case.answers)
        assert len(case.scores) >= 2 and set(case.scores) <= set(PATH_NAMES) and case.won and case.source


def test_a_tie_within_two_points_has_two_winners_the_cheaper_first() -> None:
    case = replace(load_cases()[0], scores={"finetuning": 80.0, "prompting": 78.0, "rag": 77.9})
    assert case.won == ("prompting", "finetuning")


def test_a_case_is_most_like_itself() -> None:
    for case in load_cases()[::40]:
        (first, alike), *_ = nearest(case.answers, 3)
        assert first.answers == case.answers or alike == pytest.approx(1.0)
    ranked = [alike for _, alike in nearest(load_cases()[0].answers, 331)]
    assert ranked == sorted(ranked, reverse=True) and ranked[-1] >= 0 and ranked[0] <= 1


def test_similarity_counts_only_what_is_known_here() -> None:
    assert similarity(parse({}), parse({"strict_format": "yes"})) == 0.5
    assert similarity(parse({"strict_format": "yes"}), parse({"strict_format": "no", "num_labels": 3})) == 0
    assert similarity(parse({"strict_format": "yes"}), parse({})) == 0.5
    assert similarity(parse({"num_labels": 9}), parse({"num_labels": 99})) == pytest.approx(np.exp(-1))


def test_the_fit_equals_gaussian_conditioning_done_the_long_way(monkeypatch: pytest.MonkeyPatch) -> None:
    known: tuple[Case, ...] = load_cases()[:40]
    monkeypatch.setattr(module, "DRAWS", 40_000)
    model = fit.__wrapped__(known, (), 3)
    features = module.features(model.rows)
    rows = [(i, PATH_NAMES.index(path)) for i, case in enumerate(known) for path in case.scores]
    prior = np.zeros((len(rows), len(rows)))
    before = np.full((4, features.shape[1]), module.FEATURE_SD)
    before[:, 0], before[3] = module.GAIN_SD, before[3] * module.TOGETHER
    before[3, 0] = module.GAIN_SD * module.TOGETHER
    design = np.array([np.outer(module.PARTS[p], features[i]).ravel() for i, p in rows])
    prior = design @ np.diag(before.ravel() ** 2) @ design.T
    for a, (i, p) in enumerate(rows):
        for b, (j, q) in enumerate(rows):
            shared = module.PARTS[p] * module.PARTS[q]
            if known[i].study == known[j].study:
                prior[a, b] += shared @ module.STUDY_SD**2
            if i == j:
                doubt = module.DOUBT if module.DOUBTFUL & set(known[i].tags) else 1
                prior[a, b] += doubt * (shared @ module.CASE_SD**2) + 1e4 + module.SCORE_SD**2 * (p == q)
    scores = np.array([max(s, max(c.scores.values()) - module.CLIP) for c in known for s in c.scores.values()])
    expected = before.ravel() ** 2 * (design.T @ np.linalg.solve(prior, scores))
    effects = model.effects.mean(axis=0).ravel()
    error = model.effects.std(axis=0).ravel() / 200
    assert np.abs(effects - expected).max() < 5 * error.max()


def test_documents_with_private_facts_favour_retrieval() -> None:
    with_facts = belief(parse({"documents_available": "yes", "needs_private_or_fresh_facts": "yes"}), load_rules())
    without = belief(parse({"documents_available": "yes", "needs_private_or_fresh_facts": "no"}), load_rules())
    assert with_facts.mean(0)[RAG] > without.mean(0)[RAG] + 5
    assert with_facts.mean(0)[RAG] > with_facts.mean(0)[TUNING]


@pytest.mark.parametrize(
    ("name", "values"), [("needs_private_or_fresh_facts", ("yes", "no")), ("base_capability", ("low", "high"))]
)
def test_an_unknown_lies_between_the_known_and_is_no_narrower(name: str, values: tuple[str, str]) -> None:
    others = {"documents_available": "yes", "output_kind": "short_answer", "strict_format": "no", "style_matters": "no"}
    rules = ()
    unknown, *known = (belief(parse({**others, name: value}), rules) for value in (UNKNOWN, *values))
    low, high = sorted(b.mean(0)[RAG] for b in known)
    assert low < unknown.mean(0)[RAG] < high
    assert unknown[:, RAG].var() > min(b[:, RAG].var() for b in known)


def test_a_rule_that_no_case_speaks_of_keeps_its_weight() -> None:
    rules = tuple(rule for rule in load_rules() if rule.id == "tight-latency-speaks-against-passages")
    model = fit(load_cases(), rules)
    assert model.weights.mean() == pytest.approx(rules[0].weight, abs=0.1)
    answers = parse({})
    moved = model.belief(answers, {"max_latency_ms": 100}).mean(0) - model.belief(answers, answers).mean(0)
    assert moved[RAG] == pytest.approx(rules[0].weight, abs=0.15)
    assert np.abs(np.delete(moved, RAG)).max() == 0


def test_eighteen_copies_in_one_study_weigh_less_than_eighteen_studies() -> None:
    case = replace(load_cases()[0], scores={"prompting": 50.0, "finetuning": 70.0})
    one = fit(tuple(replace(case, id=str(i)) for i in range(18)), ())
    many = fit(tuple(replace(case, id=str(i), study=str(i)) for i in range(18)), ())
    gain = [e.belief(case.answers, case.answers).mean(0)[TUNING] for e in (one, many)]
    assert 0 < gain[0] < gain[1] < 25


def test_the_same_seed_gives_the_same_belief() -> None:
    first = belief(parse({}), load_rules())
    fit.cache_clear()
    assert np.array_equal(first, belief(parse({}), load_rules()))


def test_importing_needs_neither_torch_nor_sklearn() -> None:
    code = "import sys, advisor.decide.recommendation; sys.exit(bool({'torch', 'sklearn', 'scipy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
