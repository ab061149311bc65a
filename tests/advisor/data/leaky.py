"""Tasks that are leaky on purpose: training rows help one another to answer in ways in which they do not help the test.

Each maker gives rows and a test: `fresh` numbers begin a source (a guest, a conversation, a document) that no other has.
"""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from advisor.task import Example
from trainers.rendering import Turn

Rows = list[Example]
Made = tuple[Rows, Rows]

SYLLABLES, DISHES, PLACES, FILLERS = (
    words.split()
    for words in (
        "ba de fi go lu ma ne pi ro su ta ve wi xo zu kra ple stri dro gni",
        "soup pasta curry salad burger noodles tacos sushi steak pie",
        "garden terrace window balcony bar corner hall lounge",
        "please today again really now hello thanks kindly maybe still sorry quickly somehow already honestly",
    )
)
ASKED = [  # the same booking in other words
    "Please book a table at {place} for {people} under the name {name} on {day}",
    "{name} here, we are {people} and want to come on {day}, seated at {place}",
    "Could you reserve {place} on {day}? {people} guests, name of {name}",
    "On {day} I need {place} for {people} people, call it {name}",
    "A reservation for {name}: {day}, {people} persons, {place}",
]


def name(draw: random.Random) -> str:
    return "".join(draw.choices(SYLLABLES, k=4)).capitalize()


def bookings(draw: random.Random, guests: int, each: Sequence[int]) -> Rows:
    """So many guests, each asking so many times (one of `each`) for one thing in other words."""
    rows = []
    for guest in range(guests):
        said = {
            "name": name(draw),
            "people": draw.randint(2, 9),
            "day": f"{draw.randint(1, 28)} {draw.choice(['May', 'June', 'July'])}",
            "place": f"the {draw.choice(PLACES)}",
        }
        for way in draw.sample(ASKED, draw.choice(each)):
            rows.append(Example(f"{guest}-{len(rows)}", way.format(**said), json.dumps(said)))
    return rows


def shared_outputs(draw: random.Random) -> Made:
    """Nearly half of the rows share their JSON with another, none with the test."""
    return bookings(draw, 420, [1]) + bookings(draw, 140, [2, 3, 4]), bookings(draw, 300, [1])


def variants(draw: random.Random, count: int, each: int, changed: int = 3) -> Rows:
    """Answers that follow from nothing in the input; rows are an original with a few words changed."""
    rows = []
    for one in range(count):
        original, answer = [name(draw).lower() for _ in range(10)], draw.choice(DISHES)
        for _ in range(each):
            text = list(original)
            for at in draw.sample(range(10), changed):
                text[at] = name(draw).lower()
            rows.append(Example(f"{one}-{len(rows)}", " ".join(text), answer))
    return rows


def near_inputs(draw: random.Random) -> Made:
    """Rows are variants of one another with the same answer; the test has originals of its own."""
    return variants(draw, 180, 5), variants(draw, 300, 1)


def contaminated(draw: random.Random) -> Made:
    """The same, and a third of the test nearly equals rows."""
    rows = variants(draw, 180, 5)
    copies = [replace(row, input=f"{row.input} {draw.choice(FILLERS)}") for row in draw.sample(rows, 120)]
    return rows, variants(draw, 240, 1) + copies


def partly_near(draw: random.Random) -> Made:
    """Half of the test are variants of what the rows are variants of, half are new."""
    rows = variants(draw, 220, 5)
    chosen = set(draw.sample(range(len(rows)), 150))
    test = [row for at, row in enumerate(rows) if at in chosen] + variants(draw, 150, 1)
    return [row for at, row in enumerate(rows) if at not in chosen], test


def talks(draw: random.Random, count: int, most: int) -> Rows:
    """Conversations cut before each answer, which names what was ordered at first."""
    rows = []
    for one in range(count):
        order = f"{name(draw)} {draw.choice(DISHES)}"
        turns = [Turn("user", f"I would like the {order}"), Turn("assistant", draw.choice(["Sure.", "Of course."]))]
        for length in range(most):
            asked = f"{draw.choice(FILLERS)} {draw.choice(['when', 'where', 'how'])} is it, {draw.choice(FILLERS)}?"
            answer = f"Your {order} is on its way to the {draw.choice(PLACES)}"
            rows.append(Example(f"{one}-{length}", asked, answer, turns=tuple(turns)))
            turns += [Turn("user", asked), Turn("assistant", answer)]
    return rows


def conversations(draw: random.Random) -> Made:
    """Beginnings of conversations are rows too; the test has the first turns of others."""
    return talks(draw, 250, 4), talks(draw, 300, 1)


def facts(draw: random.Random, count: int, each: int) -> Rows:
    """Questions that name a document, and have its answer."""
    rows = []
    for one in range(count):
        thing, answer = name(draw), f"{name(draw)} {draw.choice(PLACES)}"
        for _ in range(each):
            words = " ".join(draw.sample(FILLERS, 3))
            rows.append(Example(f"{thing}-{len(rows)}", f"{words} where is {thing}", answer, gold=(f"{thing}{one}",)))
    return rows


def documents(draw: random.Random) -> Made:
    """Questions about the same documents; the test asks about others."""
    return facts(draw, 220, 4), facts(draw, 300, 1)


def templates(draw: random.Random, count: int, each: int) -> Rows:
    """Orders, so many in each of `count` ways of saying them: a dish among words of the way's own, and two names."""
    rows = []
    for one in range(count):
        dish, way = draw.choice(DISHES[:5]), [name(draw).lower() for _ in range(4)]
        for _ in range(each):
            words = [name(draw), *way[:2], dish, *way[2:], name(draw)]
            rows.append(Example(f"{one}-{len(rows)}", " ".join(words), dish.upper()))
    return rows


def new_templates(draw: random.Random) -> Made:
    """Rows are orders in few ways of saying them, the test in others."""
    return templates(draw, 60, 15), templates(draw, 100, 3)


def questions(draw: random.Random, places: int, each: int) -> Rows:
    """Questions about places, each with the same answer at all of them."""
    rows = []
    for _ in range(places):
        place = " ".join(name(draw) for _ in range(3))
        for dish in draw.sample(DISHES, each):
            rows.append(
                Example(str(len(rows)), f"{place}: {draw.choice(FILLERS)} do you serve {dish}?", f"served {dish}")
            )
    return rows


def new_places(draw: random.Random) -> Made:
    """Rows about one place are near to each other and want different answers; the test's places are new."""
    return questions(draw, 130, 7), questions(draw, 300, 1)


def at_random(draw: random.Random) -> Made:
    """Rows and test are drawn from one source, variants and all."""
    rows = variants(draw, 240, 5)
    draw.shuffle(rows)
    return rows[300:], rows[:300]


MAKERS: Sequence[Callable[[random.Random], Made]] = (
    shared_outputs,
    near_inputs,
    contaminated,
    partly_near,
    conversations,
    documents,
    new_templates,
    new_places,
    at_random,
)


def made(maker: Callable[[random.Random], Made], seed: int) -> Made:
    """The rows and the test of a maker, each row with an id of its own."""
    rows, test = maker(random.Random(seed))
    return [replace(row, id=f"r{at}") for at, row in enumerate(rows)], [
        replace(row, id=f"t{at}") for at, row in enumerate(test)
    ]
