"""The sections of a report on how documents are searched, what was found in them, and when it says that it does not know."""

from advisor.measure.diagnosis import Diagnosis
from advisor.measure.proof import Result
from advisor.paths.abstaining import Abstaining
from advisor.runtime.finder import Search
from advisor.show.blocks import Block, Section, Text, table
from advisor.show.words import duration, figure, finalists, percent


def chosen(search: Search) -> Section:
    """How documents are searched, and what else was tried."""
    how = (
        f"Chosen on {search.questions:,} development questions by {search.by}; {search.measure}, 0 to 1. "
        f"{search.k} passages find nearly all that ten do."
    )
    taken = frozenset(i for i, one in enumerate(search.trials) if one.chosen)
    tried = table(f"tried|>{search.measure}", *((t.what, figure(t.score, 3)) for t in search.trials), chosen=taken)
    blocks: list[Block] = [Text(how), tried]
    if one := search.embedder:
        kept = "kept" if one.kept else "not kept: the gain is no more than its standard error"
        fitted = f"fitted on {one.pairs:,} pairs of questions and documents in {duration(one.seconds)}"
        scores = f"{figure(one.before, 3)} → {figure(one.after, 3)}"
        blocks.append(Text(f"The embedding model was {fitted}: {scores}, so it was {kept}."))
    return Section("How documents are searched", tuple(blocks))


def retrieved(diagnosis: Diagnosis) -> Section:
    """How much of what answers is found, and what systems made of it."""
    what = (
        "An answer is there where the words of an accepted output stand in a row in a passage. "
        f"Shares of {diagnosis.examples:,} development examples."
    )
    depths = [(f"first {one.k}", percent(one.answer), percent(one.gold)) for one in diagnosis.recall]
    uses = [
        (
            u.system,
            percent(u.there),
            percent(u.right_with),
            percent(u.right_without),
            figure(u.tokens, 0),
        )
        for u in diagnosis.use
    ]
    blocks = (
        Text(what, "soft"),
        table("passages|>the answer is there|>named documents found", *depths),
        table("system|>the answer is there|>right with it there|>right without|>tokens per request", *uses),
    )
    return Section("What was retrieved, and what became of it", blocks)


def abstention(abstaining: Abstaining, result: Result | None) -> Section:
    """When it says that it does not know, and what other thresholds would do."""
    if not abstaining.questions:
        always = "It always answers: there are no development examples to set a threshold on."
        return Section("When it says that it does not know", (Text(always, "warning"),))
    what = (
        f"It says “{abstaining.text}” where the support, the cosine of the input with the nearest passage, is under "
        f"{figure(abstaining.below, 3)}: the highest threshold that withholds at most 5 % of the right answers. Measured "
        f"on {abstaining.questions:,} development examples; refused are the same questions with the passages that hold "
        "their answer taken out."
    )
    rows = [
        (
            figure(t.below, 3),
            percent(t.answered),
            percent(t.wrong),
            percent(t.withheld),
            percent(t.refused),
        )
        for t in abstaining.trades
    ]
    chosen = frozenset(i for i, one in enumerate(abstaining.trades) if one.below == abstaining.below)
    head = ">threshold|>answered|>of those wrong|>right answers withheld|>unanswerable refused"
    told = []
    for name, one in (result.answered or {}).items() if result else ():
        assert result
        share = f"{one.items:,} of {result.test_items:,} examples ({percent(one.share)})"
        told.append(
            Text(
                f"On the sealed test {finalists(result)[name]} answered {share}; over those it scores "
                f"{figure(one.score)} and {one.right:,} are right. The scores above count what it says in place of an "
                "answer as any other text."
            )
        )
    return Section("When it says that it does not know", (Text(what), table(head, *rows, chosen=chosen), *told))
