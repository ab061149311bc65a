"""A run with every kind of value in it, whose every text from data and models is the same."""

from dataclasses import replace
from typing import Any

from advisor.data.outputs import Outputs
from advisor.data.profiling import Lengths, Profile
from advisor.decide.costs import Cost
from advisor.decide.flips import Change
from advisor.decide.gaps import Gap, Shown
from advisor.decide.rates import usual
from advisor.decide.reasons import Reason
from advisor.decide.recommendation import Ranked, Recommendation, Similar
from advisor.decide.worth import BreakEven, MoreExamples, Stop
from advisor.measure.diagnosis import Diagnosis, Probe
from advisor.measure.figures import Answered, Clean, Compared
from advisor.measure.forgetting import Forgetting
from advisor.measure.ledger import Opened
from advisor.measure.proof import Result
from advisor.paths.abstaining import Abstaining, Trade
from advisor.runtime.built import Asked
from advisor.runtime.finder import Fitted, Search, Tried
from advisor.runtime.grounding import Recall, Use
from advisor.runtime.instructions import LISTED, OWN, Candidate, Instructions
from advisor.score.metric import Scored
from advisor.show.gathered import RunFiles
from advisor.task import Finding
from retrieval import SearchSettings

HOSTILE = "<script>alert(1)</script> a|b `code` ``` [x](javascript:alert(1)) ![i](http://evil.example/i.png) [red]r[/] \x1b[2J\n# head\n\n- item"
RANKED = [("rag", 0.93, 25.4), ("rag+finetuning", 0.61, 24.1), ("finetuning", 0.11, 7.5), ("prompting", 0.04, 2.2)]
GAPS = {"none": 0.19, "format": 0.0, "instruction": 0.05, "knowledge": 0.33, "retrieval": 0.03, "behaviour": 0.26,
        "capability": 0.14}  # fmt: skip


def instructions(text: str) -> Instructions:
    """Three that were tried, of which the second won."""
    own, listed, proposed = (
        Scored("1", 35.2, (35.2, 1.0)),
        Scored("1", 41.4, (41.4, 1.0)),
        Scored("1", 12.0, (12.0, 1.0)),
    )
    tried = (
        Candidate(text, OWN, 35.2, (own,)),
        Candidate(text, LISTED, 41.4, (listed,)),
        Candidate(text, text, 12.0, (proposed,)),
    )
    return Instructions(tried, 1, "without examples", text)


def a_run(text: str = "plain text") -> RunFiles:
    """A full run with that text."""
    return RunFiles(
        folder="runs/x",
        task=Asked(
            name=text, folder=text, description=text, instruction=text, metric="token_f1", labels=(), model=text,
            endpoint=None, model_fingerprint="cd34", seed=7, command=f"advisor run {text}",
            versions={"torch": "2.13.0"}, machine="x86, 2 cores", fingerprint="ab12", left_out=(text,),
            flags={"path": "rag"},
        ),
        profile=Profile(
            examples={"train": 300, "test": 400}, documents=5513,
            tokens={"input": Lengths(17, 40, 90, 5000)}, outputs=Outputs("short_answer", text, 0.97), labels={},
            duplicate_share=0.0, near_duplicate_share=0.0, contradiction_share=0.0, equal_test_share=None,
            near_test_share=None, answers_in_documents=0.84, answers_in_gold=None, gold_share=0.0,
            findings=(Finding("duplicate", "warning", text, text, tuple(range(3, 40))),), metric="token_f1",
        ),
        search=Search(
            k=4, by=text, questions=93, measure="ndcg@10", trials=(Tried(text, 0.8123, True),),
            embedder=Fitted(412, "embedders/a", 0.8123, 0.8456, True, SearchSettings(), 4, 41.0),
        ),
        diagnosis=Diagnosis(
            metric="token_f1", examples=96, floors={"copying the input": 3.4, text: 11.2},
            probes=tuple(
                Probe(n, "rag", "", v, v - 6.1, v + 5.9, 95, 1, 12.5, 40321, {}, {}, valid={"json": 0.875})
                for n, v in (("zero-shot", 28.4), ("similar shots", 33.3), ("retrieved context", 53.7), (text, 81.2))
            ),
            gap_of={}, gaps=GAPS, notes=(text,), recall=(Recall(3, 0.62, 0.71),),
            use=(Use(text, 0.64, 0.83, None, 1234.4),), instructions=instructions(text),
        ),
        instructions=instructions(text),
        recommendation=Recommendation(
            verdict="recommended",
            gap=Gap("both", {gap: share for gap, share in GAPS.items() if gap != "none"}, True, (), {"knowledge": Shown("7", text, text, None)}),
            path="rag", certainty=0.93, enough=0.8, provisional=None, gain_over="baseline",
            ranking=tuple(
                Ranked(
                    p, q, g, (g - 4, g + 4.3), Cost("an index", 131, 612, 0.0, 26.5, {"cleaning": 8.25, "reruns": 7.0}, 1.25, 0.0567, 13.0, True), text, q, 50.2, (46.7, 51.6, 56.9),
                    "prompting", (13.3, 17.9, 22.6),
                )
                for p, q, g in [*RANKED, ("classifier", 0.0, -31.7)]
            ),
            reasons=(Reason(text, "fresh-facts", 4.0, text),), would_change=(Change({"facts_change": "often"}, "rag", 0.71),),
            next=text,
            cases=(Similar("c", text, f"https://example.org/a {text}", text, {"rag": 61.5}, ("rag",), 0.87),),
            answers={"output_kind": "json", "train_examples": 5000.0}, origin={"output_kind": "said"},
            rates=usual({"hour_usd": 77.5}, "cpu"), break_even=BreakEven("rag", "prompting", 17.9, 150.0, 4321, 29),
            stop=Stop(1.9, 34.6, 2165.0), more_examples=MoreExamples(100, 1.7, 104.0, {"finetuning": (0.4, 2.6, 5.8)}, 12.17),
        ),
        abstaining=Abstaining(text, 0.417, 58, (Trade(0.417, 0.92, 0.36, 0.04, 0.51),)),
        result=Result(
            run="runs/x", path="rag", provisional=False, forced=False, runner_up="prompting", metric="token_f1",
            baseline=28.1, test=54.4, gain=(22.9, 26.3, 29.6), verdict="better", runner_up_score=33.5,
            gain_over_runner_up=(17.2, 20.9, 24.8), runner_up_verdict="better", test_items=400,
            unscored={"baseline": 3, "runner_up": 0, "test": 0},
            intervals={"baseline": (24.3, 28.1, 31.8), "runner_up": (29.7, 33.5, 37.1), "test": (50.2, 54.4, 58.6)},
            p_corrected={"baseline": 0.0}, tokens={"baseline": 77}, answered={"test": Answered(371, 0.9275, 57.7, 231)},
            clean=Clean(397, 54.1, (21.7, 25.9, 30.1)), forgetting=Forgetting(0.021, 90.0, 87.5, 40),
            examples=(Compared(text, text, text, None, text, None, 100.0),), ledger="5feb12ee", trained_tokens=98765,
            seconds={"profile": 3.2, "build": 108.0}, opened_before=Opened(12, 9),
            valid={"baseline": {"json": 0.625, "schema": 0.5}, "test": {"json": 0.9996, "schema": 0.98}},
        ),
    )  # fmt: skip


def untested(**parts: Any) -> Result:
    """The result of a run without a test."""
    result = a_run().result
    assert result
    nothing = dict.fromkeys(("baseline", "test", "gain", "verdict", "runner_up_score", "gain_over_runner_up", "clean"))
    empty = {"test_items": 0, "unscored": {}, "intervals": {}, "tokens": {}, "examples": (), "answered": None}
    of_test = {"opened_before": Opened(), "valid": {}, "beside": {}}
    return replace(result, **nothing, **empty, **of_test, runner_up_verdict=None, rows=62, **parts)
