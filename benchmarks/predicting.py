"""The sides of the prediction benchmark that run on transformers' models, and the tuning that all sides start from."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import trainers
from benchmarks.workload import MODEL, Conversation, rows
from trainers import Constraint, Generation, Row


class Tuner:
    """Makes the model that is predicted with."""

    def tune(self, conversations: Sequence[Conversation], folder: Path) -> str:
        """Tune on the conversations and write base and adapter as one bf16 model, so that all sides have the same weights."""
        import torch
        from peft import PeftModel

        lm = trainers.load(MODEL)
        settings = trainers.TuneSettings(epochs=1, evaluations=1)
        with tempfile.TemporaryDirectory() as work:
            adapter = trainers.tune(lm, rows(lm, conversations), lambda _: 0.0, settings, Path(work)).folder
            exact = trainers.load(MODEL, "float32")
            merged = PeftModel.from_pretrained(exact.model, adapter).merge_and_unload()
        merged.to(torch.bfloat16).save_pretrained(folder)
        lm.tokenizer.save_pretrained(folder)
        return str(folder)


class Ours:
    """Our loops."""

    def __init__(self, model: str) -> None:
        self.lm = trainers.load(model)

    def rows(self, conversations: Sequence[Conversation]) -> list[Row]:
        """The conversations as token rows, which every side is given."""
        return rows(self.lm, conversations)

    def decode(self, tokens: Sequence[Sequence[int]]) -> list[str]:
        """The texts of token ids."""
        return [str(self.lm.tokenizer.decode(ids, skip_special_tokens=True)) for ids in tokens]

    def longest(self, texts: Sequence[str]) -> int:
        """The most tokens that one of the texts has, its end included."""
        return max(len(self.lm.tokenizer(text, add_special_tokens=False).input_ids) for text in texts) + 1

    def made(self, asked: Sequence[Row], max_tokens: int, constraint: Constraint | None = None) -> list[Generation]:
        """What is generated for each row."""
        return sorted(trainers.generate(self.lm, asked, constraint, max_tokens), key=lambda one: one.index)

    def texts(self, asked: Sequence[Row], max_tokens: int) -> list[str]:
        """The text for each row."""
        return [one.text for one in self.made(asked, max_tokens)]

    def labels(self, asked: Sequence[Row], labels: Sequence[str]) -> list[str]:
        """The best label for each row."""
        return trainers.choose(self.lm, asked, labels)

    def singly(self, asked: Sequence[Row], max_tokens: int) -> list[str]:
        """The text for each row, one row at a time."""
        return [self.texts([row], max_tokens)[0] for row in asked]


class Generate:
    """transformers' `generate`, greedy, rows of like length together, padded on the left."""

    def __init__(self, model: str, dtype: str) -> None:
        self.lm = trainers.load(model, dtype)

    def texts(self, asked: Sequence[Row], max_tokens: int, batch: int) -> list[str]:
        """The text for each row."""
        order = sorted(range(len(asked)), key=lambda i: len(asked[i].own))
        made: dict[int, str] = {}
        for start in range(0, len(order), batch):
            piece = order[start : start + batch]
            made |= zip(piece, self._generate([asked[i] for i in piece], max_tokens), strict=True)
        return [made[i] for i in range(len(asked))]

    def stops(self) -> frozenset[int]:
        """The tokens that end a text."""
        listed = self.lm.model.generation_config.eos_token_id
        return frozenset({self.lm.tokenizer.eos_token_id, *(listed if isinstance(listed, list) else [listed])} - {None})

    def _generate(self, asked: Sequence[Row], max_tokens: int) -> list[str]:
        import torch

        tokenizer, device = self.lm.tokenizer, self.lm.model.device
        prompts = [[*row.shared, *row.own] for row in asked]
        width = max(map(len, prompts))
        ids = torch.tensor([[tokenizer.pad_token_id] * (width - len(p)) + p for p in prompts], device=device)
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=device)
        settings: dict[str, Any] = {"eos_token_id": sorted(self.stops()), "pad_token_id": tokenizer.pad_token_id}
        with torch.inference_mode():
            made = self.lm.model.generate(
                ids, attention_mask=mask, do_sample=False, max_new_tokens=max_tokens, **settings
            )
        return list(map(str, tokenizer.batch_decode(made[:, width:], skip_special_tokens=True)))
