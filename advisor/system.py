"""The one idea: a system is parts. Values only; the runtime is what runs them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from typing import Any, Literal

from trainers.rendering import Turn

PATH_NAMES = ("prompting", "classifier", "rag", "finetuning", "rag+finetuning")  # in the order of cost
RETRIEVING, TUNING = ("rag", "rag+finetuning"), ("finetuning", "rag+finetuning")  # those that need documents, and tune
LEARNING = ("classifier", *TUNING)  # those that need examples to train on
PASSAGES = 3  # retrieved by default
SHOTS = 4


@dataclass(frozen=True)
class ModelRef:
    """A model by name, with the hash of the base's weights. `adapter` is a folder within the run folder ("" for none)."""

    name: str
    fingerprint: str = ""
    adapter: str = ""
    adapter_fingerprint: str = ""


@dataclass(frozen=True)
class Shot:
    """One example shown in the prompt."""

    input: str
    output: str


@dataclass(frozen=True)
class Shots:
    """Examples in the prompt: the `fixed` ones, or the `k` training examples nearest to the input."""

    kind: Literal["none", "fixed", "similar"] = "none"
    k: int = 0
    fixed: tuple[Shot, ...] = ()


@dataclass(frozen=True)
class Context:
    """Passages in the prompt: `k` retrieved ones, `all` that there are, or (oracle) those that hold the answer."""

    kind: Literal["none", "retrieved", "all", "oracle"] = "none"
    k: int = PASSAGES


@dataclass(frozen=True)
class Decoding:
    """How text is made: freely, or only one of `labels`, or only JSON that follows `schema`."""

    kind: Literal["free", "constrained"] = "free"
    labels: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    max_tokens: int = 128


@dataclass(frozen=True)
class Abstain:
    """What is said in place of an answer: `text`, where the passages support none, by a cosine under `below`."""

    text: str
    below: float


@dataclass(frozen=True)
class System:
    """A model with everything around it; exactly what `artifact/system.json` holds."""

    model: ModelRef
    instruction: str = ""
    shots: Shots = field(default_factory=Shots)
    context: Context = field(default_factory=Context)
    decoding: Decoding = field(default_factory=Decoding)
    abstain: Abstain | None = None
    kind: Literal["system"] = "system"


@dataclass(frozen=True)
class Classifier:
    """Sentence embeddings and a linear head: `head` is a file within the run folder. `between`: what stands between the
    labels that it writes ("" in a JSON array); None where it gives one."""

    head: str
    embedder: str
    fingerprint: str
    between: str | None = None
    kind: Literal["classifier"] = "classifier"


@dataclass(frozen=True)
class Incumbent:
    """The stored predictions, by example id, of the pipeline that runs today."""

    predictions: Mapping[str, str]


Buildable = System | Classifier  # what a path builds, and `system.json` holds
Predictor = System | Classifier | Incumbent


@dataclass(frozen=True)
class Request:
    """One conversation to be answered by a model."""

    turns: tuple[Turn, ...]
    decoding: Decoding


@dataclass(frozen=True)
class Usage:
    """Tokens in, tokens out, and the seconds that an example took of its batch."""

    prompt_tokens: int = 0
    generated_tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Prediction:
    """What a system gave for one example. `text` is None, and `error` says why, where it gave nothing: unscored.

    Where it `abstained`, its text says so and is scored as any other: right where the example wants just that. `cut`: it
    was cut off at the limit, and is what there is of it.
    """

    text: str | None
    error: str | None = None
    passages: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    abstained: bool = False
    cut: bool = False


def digest(value: Any) -> str:
    """A short hash of a value of dataclasses, mappings and plain values, the same on every machine."""
    text = json.dumps(value, sort_keys=True, default=lambda v: asdict(v) if is_dataclass(v) else str(v))  # type: ignore[arg-type]
    return hashlib.sha256(text.encode()).hexdigest()[:16]
