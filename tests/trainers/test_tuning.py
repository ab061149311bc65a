import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

from trainers import LanguageModel, Row, Tuned, TuneSettings, Turn, adapted, generate, likelihoods, load, render, tune
from trainers.engine.layers import fused
from trainers.loading import take_off
from trainers.tuning import loss_sum

SETTINGS = TuneSettings(epochs=4, batch=4, rank=4, evaluations=4, learning_rate=2e-3)


def logits(lm: LanguageModel, row: Row):
    with torch.inference_mode():
        return lm.model(input_ids=torch.tensor([row.shared + row.own])).logits.clone()


def right(rows: Sequence[Row]):
    def evaluate(lm: LanguageModel) -> float:
        made = generate(lm, [replace(row, target=()) for row in rows], max_tokens=4)
        wanted = [lm.tokenizer.decode(row.target, skip_special_tokens=True) for row in rows]
        return 100 * sum(m.text == wanted[m.index] for m in made) / len(rows)

    return evaluate


@pytest.mark.parametrize("model", ["smollm2", "neox"])
def test_loss_and_gradients_with_a_shared_prefix_are_those_of_transformers(model: str, taught: list[Row], request):
    lm = request.getfixturevalue(model)
    rows = taught[-4:]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False)
        peft = get_peft_model(lm.model, config)

    def gradients(loss):
        loss.backward()
        grads = [p.grad.clone() for p in peft.parameters() if p.requires_grad]
        peft.zero_grad()
        return grads

    def own_loss(row: Row):
        """transformers' mean loss on the target, as a sum."""
        before = row.shared + row.own
        labels = torch.tensor([[-100] * len(before) + list(row.target)])
        return peft(input_ids=torch.tensor([before + row.target]), labels=labels).loss * len(row.target)

    try:
        tuned = replace(lm, model=peft)
        with fused(peft):
            losses = [loss_sum(tuned, rows)]
            losses.append(loss_sum(tuned, [Row((), row.shared + row.own, row.target) for row in rows]))
            ours = [gradients(loss) for loss in losses]
        whole = sum(map(own_loss, rows))
        expected = gradients(whole)
        assert [loss.item() for loss in losses] == pytest.approx([whole.item()] * 2, rel=1e-4)
        norm = max(g.norm() for g in expected)
        for given in ours:
            assert max((a - b).norm() for a, b in zip(given, expected, strict=True)) < 1e-3 * norm
    finally:
        take_off(peft)


def test_tuning_learns_keeps_the_base_as_it_was_and_its_adapter_loads_with_peft(
    smollm2: LanguageModel, taught: list[Row], tmp_path: Path, capfd
):
    before = logits(smollm2, taught[0])
    rng = torch.get_rng_state()
    tuned = tune(smollm2, taught, right(taught), SETTINGS, tmp_path)
    assert torch.equal(torch.get_rng_state(), rng)
    assert tuned.losses[-1] < tuned.losses[0] / 3
    assert torch.equal(logits(smollm2, taught[0]), before)
    assert not any(parameter.requires_grad for parameter in smollm2.model.parameters())
    with adapted(smollm2, tuned.folder) as lm:
        assert lm.adapter == tuned.fingerprint
        moved = logits(lm, taught[0])
        assert right(taught)(lm) == max(score for _, score in tuned.scores)
    assert not torch.equal(moved, before)
    assert torch.equal(logits(smollm2, taught[0]), before)
    plain = PeftModel.from_pretrained(smollm2.model, str(tuned.folder)).eval()
    assert torch.equal(logits(replace(smollm2, model=plain), taught[0]), moved)
    take_off(plain)
    assert capfd.readouterr() == ("", "")


def test_all_weights_can_be_tuned_and_the_model_loads_with_transformers(neox, taught: list[Row], tmp_path: Path):
    before = logits(neox, taught[0])
    settings = replace(SETTINGS, full=True, learning_rate=1e-2, weight_decay=0.01)
    tuned = tune(neox, taught, lambda lm: -float(loss_sum(lm, taught).detach()), settings, tmp_path)
    assert tuned.losses[-1] < tuned.losses[0] / 2
    assert torch.equal(logits(neox, taught[0]), before)
    assert not any(parameter.requires_grad for parameter in neox.model.parameters())
    loaded = replace(neox, model=AutoModelForCausalLM.from_pretrained(tuned.folder, dtype=torch.float32).eval())
    targets = sum(len(row.target) for row in taught)
    assert float(loss_sum(loaded, taught).detach()) / targets < tuned.losses[0] / 2


def test_the_adapter_kept_is_that_of_the_end_whatever_the_callback_said_before(
    neox: LanguageModel, taught: list[Row], tmp_path: Path
):
    seen = []
    answers = iter([1.0, 3.0, 2.0, 3.0])

    def evaluate(lm: LanguageModel) -> float:
        seen.append(logits(lm, taught[0]))
        return next(answers)

    tuned = tune(neox, taught, evaluate, replace(SETTINGS, patience=9), tmp_path)
    assert [score for _, score in tuned.scores] == [1, 3, 2, 3]
    with adapted(neox, tuned.folder) as lm:
        assert (logits(lm, taught[0]) - seen[3]).abs().max() < 1e-5
        assert (logits(lm, taught[0]) - seen[1]).abs().max() > 1e-3


def test_when_patience_is_spent_the_rate_falls_and_tuning_ends(neox: LanguageModel, taught: list[Row], tmp_path: Path):
    told = []
    settings = replace(SETTINGS, epochs=8, evaluations=8, patience=2)
    tuned = tune(neox, taught, lambda lm: 5.0, settings, tmp_path, lambda progress: told.append(progress.steps))
    assert [step for step, _ in tuned.scores] == [2, 4, 6, 8] and told == [16] * 5 + [8] * 3


def test_a_longer_tuning_goes_on_from_the_trunk_of_a_short_one_to_the_same_end(neox, taught: list[Row], tmp_path: Path):
    rows, settings = [*taught, *taught][:12], replace(SETTINGS, batch=1, epochs=2, evaluations=1)

    def tuned(folder: str, rows: Sequence[Row], epochs: int, trunk: str, rank: int = 4) -> tuple[list[object], int]:
        steps: list[int] = []
        chosen = replace(settings, epochs=epochs, rank=rank)
        made = tune(
            neox,
            rows,
            lambda lm: 1.0,
            chosen,
            tmp_path / folder,
            lambda p: steps.append(p.step),
            tmp_path / "trunks" / trunk,
        )
        return summary(made), steps[0]

    whole, _ = tuned("whole", rows, 2, "none.pt")
    short, first = tuned("short", rows[:8], 1, "trunk.pt")
    assert (len(short[0]), first) == (8, 1)
    assert tuned("long", rows, 2, "trunk.pt") == (whole, 7)  # of 8 steps the last two had a falling rate
    # By now the trunk is that of the long one, which is no beginning of these:
    assert tuned("other", rows[:6], 1, "trunk.pt")[1] == 1
    assert tuned("again", rows[:8], 1, "trunk.pt") == (short, 1)
    assert tuned("wider", rows, 2, "trunk.pt", rank=2)[1] == 1


def test_a_callback_that_cannot_rate_still_leaves_an_adapter(neox: LanguageModel, taught: list[Row], tmp_path: Path):
    tuned = tune(neox, taught, lambda lm: float("nan"), SETTINGS, tmp_path)
    assert (tuned.folder / "adapter_config.json").is_file()


def test_rows_that_cannot_be_learned_from_are_named(neox: LanguageModel, taught: list[Row], tmp_path: Path):
    for rows, told in [
        ([], "none"),
        ([taught[0], replace(taught[0], target=())], r"\{1: 'no token to learn"),
        ([replace(taught[0], own=(5,) * 300), taught[0]], r"\{0: .* do not fit the model's context of 256: 2 of"),
    ]:
        with pytest.raises(ValueError, match=told):
            tune(neox, rows, lambda lm: 0.0, SETTINGS, tmp_path)


def summary(tuned: Tuned) -> list[object]:
    return [list(tuned.losses), [list(pair) for pair in tuned.scores], tuned.fingerprint, tuned.tokens]


@pytest.mark.parametrize("moment", ["on_step", "evaluate"])
def test_an_interrupted_run_ends_as_an_uninterrupted_one(moment: str, neox, taught: list[Row], tmp_path: Path):
    calls = []

    def evaluate(lm: LanguageModel, stop: bool = False) -> float:
        calls.append(1)
        if stop and len(calls) == 3:
            raise KeyboardInterrupt
        return -float((logits(lm, taught[0]) ** 2).mean())

    def on_step(progress) -> None:
        if progress.step == 5:
            raise KeyboardInterrupt

    settings = replace(SETTINGS, patience=9)
    whole = tune(neox, taught, evaluate, settings, tmp_path / "whole")
    calls.clear()
    with pytest.raises(KeyboardInterrupt):
        if moment == "on_step":
            tune(neox, taught, evaluate, settings, tmp_path / "cut", on_step)
        else:
            tune(neox, taught, lambda lm: evaluate(lm, stop=True), settings, tmp_path / "cut")
    steps = []
    resumed = tune(neox, taught, evaluate, settings, tmp_path / "cut", lambda progress: steps.append(progress.step))
    assert steps[0] == 5
    assert summary(resumed) == summary(whole)


def test_a_checkpoint_of_other_rows_or_settings_is_not_taken_up(neox, taught: list[Row], tmp_path: Path):
    tune(neox, taught, lambda lm: 1.0, SETTINGS, tmp_path / "reused")
    for rows, settings in [(taught[:6], SETTINGS), (taught, replace(SETTINGS, seed=1))]:
        again = tune(neox, rows, lambda lm: 1.0, settings, tmp_path / "reused")
        fresh = tune(neox, rows, lambda lm: 1.0, settings, tmp_path / f"fresh-{settings.seed}-{len(rows)}")
        assert summary(again) == summary(fresh)


KILLED = """
import json, os, signal, sys
from pathlib import Path
import torch
from trainers import Row, TuneSettings, load, tune
torch.set_num_threads(1)
lm = load("smollm2")
rows = [Row((1, 9, 10), (20 + i, 30), (40 + i % 2, 2)) for i in range(6)]
def on_step(progress):
    if sys.argv[2] == "kill" and progress.step == 4:
        os.kill(os.getpid(), signal.SIGKILL)
settings = TuneSettings(epochs=2, batch=2, rank=2, evaluations=3, patience=9)
tuned = tune(lm, rows, lambda lm: float(len(rows)), settings, Path(sys.argv[1]), on_step)
print(json.dumps([tuned.losses, tuned.scores, tuned.fingerprint, tuned.tokens]))
"""


def test_a_killed_process_started_again_ends_as_an_uninterrupted_one(tmp_path: Path):
    def run(folder: str, kill: str, hashing: str) -> subprocess.Popen[str]:
        environment = os.environ | {"PYTHONHASHSEED": hashing}
        command = [sys.executable, "-c", KILLED, str(tmp_path / folder), kill]
        return subprocess.Popen(command, stdout=-1, stderr=-1, text=True, env=environment)

    whole, killed = run("whole", "", "1"), run("cut", "kill", "2")
    told, noise = whole.communicate()
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    again, _ = run("cut", "", "3").communicate()
    assert json.loads(again) == json.loads(told)
    assert noise == ""


def test_each_evaluation_rates_the_weights_as_they_then_are(tmp_path: Path):
    """In bfloat16, where predicting keeps reordered weights, the adapter's added."""
    lm = load("smollm2")
    turns = [Turn("user", "What colour is the door?")]
    rows = [render(lm, [*turns, Turn("assistant", "Quite blue.")])] * 6
    rated: list[float] = []

    def evaluate(tuned: LanguageModel) -> float:
        rated.extend(likelihoods(tuned, [render(lm, turns)], "Quite blue."))
        return rated[-1]

    tune(lm, rows, evaluate, TuneSettings(epochs=1, batch=2, evaluations=3, patience=9), tmp_path)
    assert rated == sorted(set(rated)) and len(rated) == 3
