"""What paths cost, what spending more is worth and what would change the choice, worded once for the terminal and the report."""

from collections.abc import Iterator, Mapping

from advisor.decide.flips import SCORE, Change
from advisor.decide.recommendation import Recommendation
from advisor.decide.worth import BreakEven, MoreExamples, Stop
from advisor.show.blocks import Section, Table, Text, table
from advisor.show.words import NOTHING, amount, answered, duration, figure, gain, span

RATES: Mapping[str, str] = {
    "hour_usd": "USD for an hour of somebody's work",
    "label_minutes": "minutes to label an example",
    "mend_minutes": "minutes to mend a wrong answer",
    "requests_per_day": "requests a day, where nobody said",
    "machine_hour_usd": "USD for an hour of the machine",
    "prompt_usd": "USD per million tokens read",
    "completion_usd": "USD per million tokens written",
}
FELT = 0.5  # points that more examples must give to be spoken of


def costs(advice: Recommendation) -> Table:
    """A line for each path that can be taken: building, a person's hours, serving and upkeep, as far as they are known."""
    entries = [one for one in advice.ranking if one.possible]
    known = {
        ">build": [duration(one.cost.build_seconds) for one in entries],
        ">hours": [figure(one.cost.hours) for one in entries],
        ">USD per 1,000": [_usd(one.cost.per_1000) for one in entries],
        ">upkeep a year": [_unit(one.cost.upkeep_hours, "h") for one in entries],
    }
    told = {name: cells for name, cells in known.items() if set(cells) != {NOTHING}}
    rows = zip([one.path for one in entries], *told.values(), strict=True)
    return table("|".join(["path", *told]), *rows)


def worth(advice: Recommendation) -> Iterator[Text]:
    """When the first path is earned back, when to stop finding out, what more examples give."""
    if advice.break_even:
        yield Text(_break_even(advice.break_even))
    if advice.stop:
        yield Text(_stop(advice.stop))
    if advice.more_examples:
        yield Text(_more(advice.more_examples, advice.leading))


def section(advice: Recommendation) -> Section:
    """All that is known of costs, and what it was reckoned with."""
    entries = [one for one in advice.ranking if one.possible]
    kinds = list(dict.fromkeys(kind for one in entries for kind in one.cost.hours_of))
    people = [
        (one.path, *(figure(one.cost.hours_of.get(kind)) for kind in kinds), figure(one.cost.hours)) for one in entries
    ]
    machines = [
        (
            one.path,
            duration(one.cost.build_seconds),
            _usd(one.cost.usd),
            figure(one.cost.tokens_per_request, 0),
            _unit(one.cost.seconds_per_request, "s"),
            _usd(one.cost.per_1000),
            "measured" if one.cost.measured else "estimated",
        )
        for one in entries
        if one.cost.build_seconds is not None
    ]
    rates = advice.rates.known if advice.rates else {}
    used = [
        (RATES[name], amount(one.value), ", ".join(filter(None, (one.source, one.date))))
        for name, one in rates.items()
        if name not in advice.answers  # how many requests come, where that was said
    ]
    what = (
        "Hours are a person's, within a year; those that you did not say are assumptions. A gain of one point saves one wrong "
        "answer in a hundred requests."
    )
    head = "path|>build|>USD to build|>tokens per request|>time per request|>USD per 1,000|requests"
    tables = (
        costs(advice),
        table("|>".join(["path", *kinds, "hours in all"]), *people),
        *((table(head, *machines),) if machines else ()),
        table("reckoned with|>figure|from", *used),
    )
    return Section("Costs of each path", (Text(what, "soft"), *worth(advice), *tables))


def change(one: Change, advice: Recommendation) -> str:
    """What an answer, price or score given otherwise would lead to."""
    given = " and ".join(_otherwise(name, value, advice) for name, value in one.when.items())
    return f"{one.path} (probability {figure(one.probability, 2)}) if {given}"


def _otherwise(name: str, value: str | float, advice: Recommendation) -> str:
    """A thing as it is not, beside how it is."""
    was = advice.answers.get(name)
    path = name.removesuffix(SCORE)
    if path != name and not isinstance(value, str) and (measured := advice.of(path).measured) is not None:
        more = value - measured
        return f"{path} scored {figure(abs(more), 0)} points {'more' if more > 0 else 'less'} than measured"
    if was is None and advice.rates and name in advice.rates.known:
        was = advice.rates.known[name].value
    return f"{name} were {answered(value)}" + ("" if was is None or isinstance(was, str) else f", not {answered(was)}")


def _usd(value: float | None) -> str:
    """Money in three digits."""
    return NOTHING if value is None else amount(value)


def _unit(value: float | None, unit: str) -> str:
    return NOTHING if value is None else f"{amount(value)} {unit}"


def _work(hours: float) -> str:
    """Hours of somebody's work, at least one."""
    return f"{hours:,.0f} hour{'s' * (hours >= 1.5)} of somebody's work"


def _break_even(one: BreakEven) -> str:
    if one.requests is None or one.days is None:
        return f"{one.path} is not earned back over {one.over}, at {gain(one.gain)} points expected"
    after = f"{one.requests:,} requests ({one.days:,} day{'s' * (one.days != 1)} at {one.a_day:,.0f} a day)"
    return f"{one.path} is earned back over {one.over} after {after}, at {gain(one.gain)} points expected"


def _stop(one: Stop) -> str:
    if one.hours < 1:
        return "stop finding out: to know for sure which path is best is worth less than an hour of somebody's work in a year"
    most = f"{_work(one.hours)} ({one.usd:,.0f} USD) in a year"
    return f"stop rule: to know for sure which path is best is worth at most {most}; spend no more on finding out"


def _more(one: MoreExamples, leading: str) -> str:
    """What they are expected to give each path; what that saves is told of the first one alone, which is the one to be built."""
    what = f"{one.examples} more examples ({figure(one.hours)} hours to label, {one.usd:,.0f} USD)"
    felt = {path: ends for path, ends in one.gains.items() if ends[1] >= FELT}
    if not felt:
        return f"{what} would hardly raise any path that learns"
    told = [f"{path} {gain(ends[1])} {span(ends)}" for path, ends in felt.items()]
    if leading in felt:
        told.append(f"for {leading} {figure(felt[leading][1] * one.point_hours, 0)} hours of mending less in a year")
    elif leading in one.gains:
        told.append(f"{leading} hardly anything")
    else:
        told.append(f"{leading} learns from none")
    return f"{what} are expected to give {'; '.join(told)}"
