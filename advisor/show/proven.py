"""What stands beside the figures of the sealed test, worded once for the terminal and the report."""

from collections.abc import Iterator

from advisor.decide.reasons import PROMPTED, prompts_tried
from advisor.measure.figures import Clean
from advisor.measure.proof import Result
from advisor.show.blocks import Text
from advisor.show.words import figure, finalists, gain, narrowed, opened, span, valid
from advisor.system import TUNING

# What keeping the best of several by one test does: Dwork et al., "The reusable holdout" (Science 349, 2015).
LUCK = (
    "Of several systems that were measured on one test, the one that looks best owes a part of that to luck: its score and "
    "gain are likely too high, the more so the more systems there were, and no interval here allows for that. Only examples "
    "that no system was measured on yet would tell by how much."
)


def beside(result: Result) -> Iterator[Text]:
    """How often the test was opened before, the clean part of it, the form of the texts, and what tuning made forget."""
    if told := opened(result):
        others = result.opened_before.systems
        yield Text(f"{told} {LUCK}" if others else told, "warning" if others else "soft")
    if result.path in TUNING and result.runner_up in PROMPTED and result.runner_up_verdict == "better":
        yield Text(f"{result.runner_up} is the best {prompts_tried(result.instructions)}.", "soft")
    if result.clean:
        yield _clean(result.clean)
    forms = [
        f"{label} {valid(shares)}" for name, label in finalists(result).items() if (shares := result.valid.get(name))
    ]
    if forms:
        yield Text(f"Valid output: {'; '.join(forms)}.")
    if result.seeds:
        told = " and ".join(figure(score) for score in result.seeds.values())
        what = "tuned with one seed as built, and with another"
        apart = "How far they lie apart is in no interval here"
        yield Text(f"Two seeds: {told} on the development examples, {what}. {apart}.")
    if lost := result.forgetting:
        yield Text(
            f"Forgetting: tuning moved the model by {figure(lost.divergence, 3)} nats per token on text that the base "
            f"wrote; on {lost.questions:,} general questions it scored {figure(lost.before)} before and "
            f"{figure(lost.after)} after."
        )
    if told := narrowed(result):
        yield Text(f"{told} Keep the model as it was for anything else.", "warning")


def _clean(clean: Clean) -> Text:
    if not clean.items:
        text = (
            "A training row is near every test example: what was learned can't be told from what was learned by heart."
        )
        return Text(text, "warning")
    gained = f", {gain(clean.gain[1])} {span(clean.gain)} over the baseline" if clean.gain else ""
    return Text(
        f"On the {clean.items:,} test examples that no training row is near it scores {figure(clean.test)}{gained}."
    )
