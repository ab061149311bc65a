"""What the keys of a row, or the columns of a table, mean by their names. Knows no values.

The names are those that documented formats use: Alpaca and ShareGPT as LLaMA-Factory's data/README.md describes them, Dolly,
SQuAD, OpenAI's chat and preference rows, the data set types of TRL, OpenOrca, GLUE, AG News, and what tables call theirs.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

Names = tuple[str, ...]

# Of each meaning the likelier name first; names of one group are read together, in their order.
INPUT: Sequence[Names] = (
    ("input",), ("question",), ("prompt",), ("query",),
    ("premise", "hypothesis"), ("sentence1", "sentence2"), ("question1", "question2"),
    ("title", "description"), ("title", "content"), ("title", "text"), ("title", "body"), ("subject", "body"),
    ("text",), ("message",), ("sentence",), ("source",), ("utterance",), ("review",), ("comment",), ("content",), ("body",),
)  # fmt: skip
CONTEXT: Names = ("context", "passage", "paragraph", "article", "document", "story", "background")
OUTPUT: Names = (
    "output", "answer", "answers", "completion", "label", "labels", "response", "target", "category", "categories",
    "intent", "class", "class_index", "sentiment", "topic", "tag", "tags", "emotion", "rating", "stars", "score",
    "reply", "summary", "highlights", "translation", "ideal",
)  # fmt: skip
SINGLE: Mapping[str, Names] = {
    "id": ("id",),
    "accepted": ("accepted",),
    "gold": ("gold",),
    "messages": ("messages", "conversations", "conversation"),
    "preferred": ("preferred_output", "chosen"),
    "system": ("system", "system_prompt"),
    "history": ("history",),
    "impossible": ("is_impossible",),
    "parallel": ("parallel_tool_calls",),
}
TOOLS: Names = ("tools", "functions")
SAME: Mapping[str, str] = {
    word: name
    for name, words in {
        "input": "eingabe entree entrada invoer 输入 入力",
        "output": "ausgabe sortie salida saida uitvoer 输出 出力",
        "question": "frage pregunta domanda pergunta vraag pytanie вопрос 问题 質問",
        "answer": "antwort reponse respuesta risposta resposta antwoord odpowiedz ответ 答案 回答",
        "instruction": "anweisung instruccion istruzione instrucao",
        "context": "kontext contexte contexto contesto контекст 上下文",
        "text": "texte texto testo tekst текст 文本",
        "message": "nachricht mensaje messaggio mensagem bericht сообщение",
        "label": "etikett etiquette etiqueta etichetta rotulo etykieta метка 标签",
        "category": "kategorie categorie categoria kategoria категория 类别",
        "class": "klasse classe clase",
    }.items()
    for word in words.split()
}


@dataclass(frozen=True)
class Keys:
    """Which keys of a row mean what, "" and () where none does.

    asked: what the model is asked, to be joined in this order: instruction, input, context. output: what is wanted.
    verdict: whether the output is a wanted one (true) or not (false), as in KTO's rows. The others are named as the
    formats name them; `preferred` of two outputs is the better one, `impossible` says that a question has no answer.
    """

    asked: Names = ()
    output: str = ""
    verdict: str = ""
    id: str = ""
    accepted: str = ""
    gold: str = ""
    messages: str = ""
    preferred: str = ""
    system: str = ""
    history: str = ""
    impossible: str = ""
    parallel: str = ""
    tools: Names = ()


@lru_cache(maxsize=4096)
def keys(names: Names) -> Keys:
    """What these keys or columns mean; upper case, spaces and signs in them do not matter."""
    there: dict[str, str] = {}
    for name in names:
        there.setdefault(_plain(name), name)
    asked = _asked(there)
    output = _first(there, OUTPUT)
    single = {meaning: _first(there, known) for meaning, known in SINGLE.items()}
    verdict = there.get("kto_tag", "")
    if not verdict and "prompt" in there and output == there.get("completion"):
        verdict = there.get("label", "")
    return Keys(asked, output, verdict, tools=tuple(there[name] for name in TOOLS if name in there), **single)


def _asked(there: Mapping[str, str]) -> Names:
    group = next((group for group in INPUT if all(name in there for name in group)), ())
    context = (*CONTEXT, "text") if group in (("question",), ("query",)) else CONTEXT
    beside = _first(there, context)
    instruction = there.get("instruction", "")
    return tuple(filter(None, (instruction, *(there[name] for name in group), beside)))


def _first(there: Mapping[str, str], known: Sequence[str]) -> str:
    return next((there[name] for name in known if name in there), "")


def _plain(name: str) -> str:
    """A name in lower case, without accents and with `_` for spaces and signs; in English where it is a known word."""
    letters = "".join(c for c in unicodedata.normalize("NFKD", name.lower()) if not unicodedata.combining(c))
    plain = re.sub(r"[\W_]+", "_", letters).strip("_")
    return SAME.get(plain, plain)
