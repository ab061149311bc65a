"""Models of sentence-transformers: the embedded one behind the embedder protocol, and a cross-encoder."""

import contextlib
import json
import os
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import CrossEncoder, SentenceTransformer

from retrieval import Embedder, EmbedderUnavailable, cross_encoder, encoders, load_embedder
from retrieval.embedder import located


def test_vectors_have_unit_length_and_close_meanings_are_close(minilm: Embedder) -> None:
    vectors = minilm(["A cat sits on the mat.", "A kitten is on the rug.", "Interest rates rose."])
    assert vectors.shape == (3, 384) and vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.3


def test_a_text_is_encoded_once(minilm: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    first = minilm(["one text", "another", "one text"])
    for name in ("encode_document", "encode_query"):
        monkeypatch.setattr(SentenceTransformer, name, lambda *_, **__: pytest.fail("encoded again"))
    assert np.array_equal(minilm(["another", "one text"], query=True), first[[1, 0]])
    assert minilm([]).shape == (0, 384)


def test_what_was_encoded_before_an_interruption_is_not_encoded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoders, "KEPT_EVERY", 2)
    texts = ["a longer text", "a text", "some other text", "one more"]
    encode, encoded = SentenceTransformer.encode_document, []

    def noted(model: SentenceTransformer, some: list[str], **settings: Any) -> np.ndarray:
        encoded.append(some)
        return encode(model, some, **settings)

    def interrupted(model: SentenceTransformer, some: list[str], **settings: Any) -> np.ndarray:
        if encoded:
            raise KeyboardInterrupt
        return noted(model, some, **settings)

    monkeypatch.setattr(SentenceTransformer, "encode_document", interrupted)
    with pytest.raises(KeyboardInterrupt):
        load_embedder(cache=tmp_path / "vectors.sqlite")(texts)
    monkeypatch.setattr(SentenceTransformer, "encode_document", noted)
    vectors = load_embedder(cache=tmp_path / "vectors.sqlite")(texts)
    assert list(map(len, encoded)) == [2, 2] and sorted(text for some in encoded for text in some) == sorted(texts)
    assert np.allclose(vectors, load_embedder()(texts), atol=1e-5)


def test_of_a_text_that_is_longer_than_the_model_reads_nothing_is_cut_off(minilm: Embedder) -> None:
    start = "The tenant pays the rent on the first day of every month. " * 40  # some 500 tokens, where 256 are read
    cats, rates = (start + 60 * end for end in ("Cats sleep on the mat. ", "Interest rates rose. "))
    one, other, start_only = minilm([cats, rates, start])
    assert np.linalg.norm(one) == pytest.approx(1, abs=1e-5)
    assert one @ other < 0.97 and one @ start_only < 0.97
    about_cats, about_rates = minilm(["cats on a mat", "the interest rate"], query=True)
    assert one @ about_cats > other @ about_cats + 0.1
    assert other @ about_rates > one @ about_rates + 0.1


def test_a_long_text_is_the_mean_of_its_halves_by_their_lengths(minilm: Embedder) -> None:
    words = [f"{animal} {i}" for i in range(60) for animal in ("otter", "heron", "lynx")]
    text = " ".join(words)
    cut = text.index(" ", len(text) // 2)
    halves = minilm([text[:cut], text[cut:]])
    mean = cut * halves[0] + (len(text) - cut) * halves[1]
    assert np.allclose(minilm([text])[0], mean / np.linalg.norm(mean), atol=1e-5)


@pytest.mark.parametrize(
    "text", ["租户在每月的第一天支付租金。" * 40, "ผู้เช่าชำระค่าเช่าในวันแรกของทุกเดือน" * 30, "x" * 4000]
)
def test_texts_without_spaces_are_read_to_their_end(minilm: Embedder, text: str) -> None:
    one, other = minilm([text, text + "Cats sleep on the mat. " * 30])
    assert one @ other < 0.97


def test_short_texts_are_what_the_model_makes_of_them(minilm: Embedder) -> None:
    model = SentenceTransformer(located("minilm"), device="cpu")
    texts = ["A cat.", "The tenant pays the rent on the first day of every month. " * 19]  # up to 249 tokens
    assert np.allclose(minilm(texts), model.encode(texts, normalize_embeddings=True), atol=1e-5)


def test_loading_is_silent_offline_and_gives_the_same_fingerprint(
    minilm: Embedder, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("went to the network"))
    assert load_embedder().fingerprint == minilm.fingerprint
    assert "".join(capfd.readouterr()) == ""


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EmbedderUnavailable, match="nothing-here"):
        load_embedder(str(tmp_path / "nothing-here"))
    with pytest.raises(EmbedderUnavailable, match="no embedding model"):
        load_embedder(str(tmp_path))


def test_without_a_network_a_hub_model_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    started = time.monotonic()
    with pytest.raises(EmbedderUnavailable, match="hub id that this machine can fetch"):
        load_embedder("nobody/no-such-model")
    assert time.monotonic() - started < 30  # fetching would go on for more than a minute
    assert "".join(capfd.readouterr()) == ""


TEXTS = ["The pool opens at seven in the morning and closes at nine in the evening.", "Dogs are welcome."]


def test_a_cross_encoder_gives_what_its_head_gives_of_any_size(tmp_path: Path) -> None:
    """A real one, untrained: MiniLM with a new head."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        made = CrossEncoder(located("minilm"), num_labels=1, device="cpu").eval()
        made.model.classifier.weight.mul_(100)
        made.model.classifier.bias.fill_(7)  # of no sigmoid
        pairs = made.tokenizer(
            [["When does the pool open?", text] for text in TEXTS], padding=True, return_tensors="pt"
        )
        logits = made.model(**pairs).logits[:, 0]
    made.save(str(tmp_path / "made"))
    scores = cross_encoder(str(tmp_path / "made"))("When does the pool open?", TEXTS)
    assert scores == pytest.approx(logits.tolist(), abs=0.01)


def test_a_cross_encoder_that_tells_classes_apart_is_refused(tmp_path: Path) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        CrossEncoder(located("minilm"), num_labels=2).save(str(tmp_path / "made"))
    with pytest.raises(ValueError, match="gives 2 scores"):
        cross_encoder(str(tmp_path / "made"))


def copied(name: str, folder: Path) -> Path:
    """A model's folder once more, its weights not doubled."""

    def put(source: str, target: str) -> None:
        (os.symlink if source.endswith(".safetensors") else shutil.copyfile)(source, target)

    return Path(shutil.copytree(name, folder, copy_function=put))


def change(file: Path, **changed: object) -> None:
    value = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**value, **changed}), encoding="utf-8")


CHANGES = {
    "1_Pooling/config.json": {"pooling_mode_mean_tokens": False, "pooling_mode_cls_token": True},
    "config.json": {"layer_norm_eps": 0.1},
    "sentence_bert_config.json": {"max_seq_length": 64},
    "tokenizer_config.json": {"do_lower_case": False},
    "config_sentence_transformers.json": {"prompts": {"query": "question: ", "document": ""}},
}


def test_an_embedder_is_told_by_what_it_holds_not_by_its_name(minilm: Embedder, tmp_path: Path) -> None:
    same = copied(located("minilm"), tmp_path / "same")
    assert load_embedder(str(same)).fingerprint == minilm.fingerprint
    seen = {minilm.fingerprint}
    for file, changed in CHANGES.items():
        other = copied(located("minilm"), tmp_path / file.replace("/", "-"))
        change(other / file, **changed)
        seen.add(load_embedder(str(other)).fingerprint)
    assert len(seen) == 1 + len(CHANGES)


def test_so_is_a_cross_encoder(tmp_path: Path) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        CrossEncoder(located("minilm"), num_labels=1).save(str(tmp_path / "made"))
    first, copy = (
        cross_encoder(str(folder)) for folder in (tmp_path / "made", copied(str(tmp_path / "made"), tmp_path / "copy"))
    )
    assert first.fingerprint == copy.fingerprint
    change(tmp_path / "copy" / "tokenizer_config.json", do_lower_case=False)
    assert cross_encoder(str(tmp_path / "copy")).fingerprint != first.fingerprint


def edit(file: Path, **more: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **more}) if file.exists() else json.dumps(more))


def with_pickled_weights(folder: Path, trap: object) -> None:
    """The loader is asked, by the model's own settings, to read pickles whatever they hold."""
    (folder / "model.safetensors").unlink()
    torch.save({"weights": trap}, folder / "pytorch_model.bin")
    edit(folder / "sentence_bert_config.json", model_args={"weights_only": False, "trust_remote_code": True})


def with_a_module_of_its_own(folder: Path, trap: Any) -> None:
    (folder / "mine.py").write_text(f"{trap.source}\nfrom sentence_transformers.models import Transformer as Mine\n")
    modules = json.loads((folder / "modules.json").read_text())
    (folder / "modules.json").write_text(json.dumps([{**modules[0], "type": "mine.Mine"}, *modules[1:]]))


def with_an_architecture_of_its_own(folder: Path, trap: Any) -> None:
    (folder / "mine.py").write_text(f"{trap.source}\nfrom transformers import BertConfig as C, BertModel as M\n")
    edit(folder / "config.json", model_type="mine", auto_map={"AutoConfig": "mine.C", "AutoModel": "mine.M"})


@pytest.mark.parametrize(
    "spoil", [with_pickled_weights, with_a_module_of_its_own, with_an_architecture_of_its_own], ids=lambda f: f.__name__
)
def test_a_folder_with_a_model_runs_no_code(
    tmp_path: Path, trap: Any, spoil: Callable[[Path, Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(located("minilm"), folder)
    spoil(folder, trap)
    monkeypatch.setattr("builtins.input", lambda question: "y")  # nobody is asked whether it may
    with pytest.raises(EmbedderUnavailable, match="no embedding model"):
        load_embedder(str(folder))
    with contextlib.suppress(ValueError):  # it may do without what is foreign
        cross_encoder(str(folder))
    assert not trap.sprung
