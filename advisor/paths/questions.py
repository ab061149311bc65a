"""The questions that search is tuned on: those of rows where they tell what is right, else written by the task's model.

Says what writing them takes; what is done with them is not known here.
"""

from collections.abc import Sequence

from advisor.models.endpoint import Endpoint
from advisor.models.protocol import Model
from advisor.models.spending import Spent
from advisor.runtime import prompts
from advisor.runtime.runtime import Runtime
from advisor.system import Decoding, ModelRef, System
from advisor.task import Example, Task
from retrieval.holding import holder
from retrieval.tune.questions import Question
from retrieval.tune.tuning import asked_about

LEAST = 10  # questions to choose by
FEW = 3  # documents that an answer may stand in
TYPICAL = 16  # tokens of such a question
TEMPLATE = 10  # tokens of a request that are nobody's text


def judging(task: Task) -> tuple[Example, ...]:
    """The rows by which searching is chosen: development, or all that there are where nothing is measured on them."""
    return task.split.choose or (() if task.split.compare else task.split.train)


def of_rows(task: Task, examples: Sequence[Example]) -> list[Question]:
    """Questions with the documents that they name; where too few do, with the answers that stand in few documents, for
    "yes" stands in too many to tell which is right."""
    if sum(bool(example.gold) for example in examples) >= LEAST:
        return [Question(e.input, dict.fromkeys(e.gold, 1)) for e in examples]
    most = max(FEW, len(task.documents) // 50)
    documents = [holder(document.title, document.text) for document in task.documents]
    told = [e for e in examples if 0 < sum(holds(e.answers) for holds in documents) <= most]
    return [Question(e.input, accepted=e.answers) for e in told] if len(told) >= LEAST else []


def written(runtime: Runtime, texts: Sequence[str]) -> list[str]:
    """A question about each text, by the task's model."""
    writer = System(
        ModelRef(runtime.model.name, runtime.model.fingerprint), prompts.ASK, decoding=Decoding(max_tokens=48)
    )
    asked = [Example(str(i), prompts.quoted(text), "") for i, text in enumerate(texts)]
    return [(made.text or "").strip() for made in runtime.predict(writer, asked, "questions about passages")]


def writing(task: Task, model: Model) -> Spent:
    """About what it takes to have the questions written; nothing where those of rows will do."""
    if not task.documents or of_rows(task, judging(task)):
        return Spent()
    texts = [f"{prompts.ASK} {prompts.quoted(passage.titled)}" for passage in asked_about(task.documents)]
    thought = model.habits.thought if isinstance(model, Endpoint) else 0
    read, made = sum(model.count(texts)) + TEMPLATE * len(texts), (TYPICAL + thought) * len(texts)
    usd = model.meter.priced(read, made) if isinstance(model, Endpoint) else 0.0
    return Spent(len(texts), read, made, usd)
