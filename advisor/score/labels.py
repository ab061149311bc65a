"""Metrics of labels."""

import numpy as np

from advisor.score.metric import Floats, Metric, Statistics, best, ratio
from advisor.task import Example
from advisor.texts import clean


def same_label(text: str, label: str) -> float:
    """Equal but for outer white space and what Unicode holds for equal: the consumer looks the label up.

    'Card arrival.' is not `card_arrival`.
    """
    return float(clean(text).strip() == clean(label).strip())


def macro_f1(labels: tuple[str, ...]) -> Metric:
    """F1 of each label, averaged over the labels that occur as answer or prediction (scikit-learn's default).

    A text that is no label counts against its row's label only.
    """
    if not labels:
        raise ValueError("macro_f1 needs the task's labels. Name them in labels.json")
    place = {label: i for i, label in enumerate(dict.fromkeys(clean(label).strip() for label in labels))}

    def statistics(text: str, example: Example) -> Statistics:
        right, given, wanted = counts = np.zeros((3, len(place)))
        said, *answers = (clean(one).strip() for one in (text, *example.answers))
        answer = said if said in answers else answers[0]
        for row, label in ((given, said), (wanted, answer)):
            if label in place:
                row[place[label]] = 1
        right[:] = given * wanted
        return tuple(counts.ravel().tolist())

    def aggregate(sums: Floats) -> Floats:
        right, given, wanted = np.split(sums, 3, axis=1)
        return 100 * ratio(ratio(2 * right, given + wanted).sum(1), (given + wanted > 0).sum(1))

    return Metric("macro_f1", best(same_label), statistics, aggregate, 100)
