from peft import LoraConfig, get_peft_model

from trainers import LanguageModel, Row, TuneSettings, Turn, divergence, tune
from trainers.loading import take_off

PROMPTS = [[Turn("user", "Say hi.")], [Turn("user", "What is 2 + 2?")]]


def test_an_adapter_that_changes_nothing_has_not_moved(smollm2: LanguageModel, tmp_path):
    model = get_peft_model(smollm2.model, LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM"))
    model.save_pretrained(tmp_path)
    take_off(model)
    assert divergence(smollm2, tmp_path, PROMPTS, max_tokens=8) < 1e-6


def test_more_tuning_moves_further(smollm2: LanguageModel, taught: list[Row], tmp_path):
    moved = []
    for epochs in (1, 4):
        settings = TuneSettings(epochs=epochs, batch=4, rank=4, evaluations=1)
        tuned = tune(smollm2, taught, lambda lm: 0.0, settings, tmp_path / str(epochs))
        moved.append(divergence(smollm2, tuned.folder, PROMPTS, max_tokens=8))
    assert 0 < moved[0] < moved[1]


def test_nothing_asked_is_nothing_forgotten(smollm2: LanguageModel, taught: list[Row], tmp_path):
    tuned = tune(smollm2, taught[:2], lambda lm: 0.0, TuneSettings(epochs=1, rank=2, evaluations=1), tmp_path)
    assert divergence(smollm2, tuned.folder, []) == 0.0
