"""The metric of numbers: right by value, within a tolerance, whatever way they are written."""

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import numpy as np

from advisor.score.metric import Metric, Statistics, ratio
from advisor.score.overlap import same_text
from advisor.task import Example
from advisor.texts import plain

WITHIN = " within "  # stands between the metric's name and its tolerance: "number within 0.5", "number within 5%"
LONGEST = 64  # characters of a number with its unit
LARGEST = 1e15  # beyond it a text of digits is a key of something, and float figures are no longer exact

# Digits in groups of thousands (of two in India) or in one go, with a point before the decimals; a comma before them only
# where it can separate no thousands. No zero before other digits: codes and telephone numbers are no quantities.
_DIGITS = r"""
    [1-9]\d{0,2} (?: (?P<mark>[,']) \d{2,3} (?: (?P=mark) \d{2,3} )* (?<=\d{3}) ) (?: \.\d+ )?
  | [1-9]\d{0,2} (?: \.\d{3} )+ ,\d+
  | (?: [1-9]\d* | 0 ) , (?: \d{1,2} | \d{4,} ) | 0,\d{3}
  | (?: [1-9]\d* | 0 ) (?: \.\d* )? | \.\d+
"""
_NUMBER = re.compile(
    rf"""
    (?P<sign>[-+]?) \s? (?P<before>[^\w\s.,+-]?) \s? (?P<digits>{_DIGITS}) (?P<power> e[-+]?\d{{1,2}} )?
    \s? (?P<after> [^\d\s.,;|()+-] [^\d\s,;|]{{0,14}} )?
    """,
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True)
class Number:
    """A number, and what it is of: a unit or a currency, "" for none."""

    value: Decimal
    unit: str


def read_number(text: str) -> Number | None:
    """The number that a whole text is, in any script's digits, with at most one unit or currency sign; None for any other.

    "1,465.03", "1 465" with a narrow space and "1.465,03" are one number; "1,465" is one thousand and more.
    """
    if len(text) > LONGEST:
        return None
    match = _NUMBER.fullmatch(plain(text).strip())
    if not match or (match["before"] and (match["after"] or unicodedata.category(match["before"]) != "Sc")):
        return None
    digits = re.sub(r"[^\d.,]", "", match["digits"])
    if match["mark"] or "," not in digits:
        digits = digits.replace(",", "")
    else:
        digits = digits.replace(".", "").replace(",", ".")
    value = Decimal(match["sign"] + digits + (match["power"] or ""))
    return Number(value, match["before"] or match["after"] or "") if abs(value) <= LARGEST else None


def number(tolerance: str = "") -> Metric:
    """Right (100) where the number is the answer's, give or take the tolerance: an amount ("0.5"), or a share of the answer
    ("5%"); "" for none. Another unit than the answer's is wrong, none is not. Text that is no number scores 0.

    Beside it stand the mean absolute error, in the unit of the answers, and how many texts gave no number to take it of,
    if any.
    Raises ValueError for a tolerance that is none.
    """
    share, amount = _tolerance(tolerance)

    def statistics(text: str, example: Example) -> Statistics:
        """Right, the error, whether there is one, 1."""
        given = read_number(text)
        rows = []
        for answer in example.answers:
            wanted = read_number(answer)
            if wanted is None or given is None or given.unit not in ("", wanted.unit):
                rows.append((100 * same_text(text, answer), 0.0, 0.0, 1.0))
                continue
            error = abs(given.value - wanted.value)
            right = error <= (amount * abs(wanted.value) if share else amount)
            rows.append((100.0 * right, float(error), 1.0, 1.0))
        return max(rows, key=lambda row: (row[0], row[2], -row[1]))

    beside = {
        "mean absolute error": lambda sums: ratio(sums[:, 1], sums[:, 2], np.nan),
        "without a number": lambda sums: np.where(sums[:, 3] > sums[:, 2], sums[:, 3] - sums[:, 2], np.nan),
    }
    return Metric(
        f"number{WITHIN}{tolerance}" if tolerance else "number",
        lambda text, example: statistics(text, example)[0],
        statistics,
        lambda sums: ratio(sums[:, 0], sums[:, 3]),
        100,
        beside,
    )


def _tolerance(text: str) -> tuple[bool, Decimal]:
    """Whether it is a share, and how large it is."""
    share = text.endswith("%")
    try:
        value = Decimal(text.removesuffix("%") if text else "0") / (100 if share else 1)
        if 0 <= value <= LARGEST:
            return share, value
    except InvalidOperation:  # of what is no number, or is NaN
        pass
    raise ValueError(f"{text!r} is no tolerance. Write number{WITHIN}0.5, or number{WITHIN}5%")
