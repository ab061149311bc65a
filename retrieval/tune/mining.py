"""What an embedder can be fitted on: questions with texts mined by search. Knows no model but the index's own."""

from collections.abc import Sequence

from retrieval.holding import holds
from retrieval.index.index import Index
from retrieval.tune.questions import Question

LOOKED = 20  # passages looked through for one that looks right and is not


def mined(index: Index, questions: Sequence[Question]) -> list[tuple[str, str, str]]:
    """Each question with a passage that answers it, and the first one found that only looks right.

    The first is of a right document: one that holds an accepted answer, if there is one, else the first found. The second
    is of none, holds no accepted answer and is not word for word the first. Questions without both are left out.
    """
    made = []
    for question, hits in zip(questions, index.search([q.text for q in questions], LOOKED), strict=True):
        wanted = [id for id, grade in question.right.items() if grade > 0]
        looked = [hit.passage for hit in hits]
        right = [one for one in looked if one.document in wanted] + [p for id in wanted for p in index.passages.of(id)]
        right.sort(key=lambda one: not holds(one.titled, question.accepted))
        told = {one.titled for one in right}
        others = (one for one in looked if one.document not in question.right and one.titled not in told)
        wrong = next((one for one in others if not holds(one.titled, question.accepted)), None)
        if right and wrong:
            made.append((question.text, right[0].titled, wrong.titled))
    return made
