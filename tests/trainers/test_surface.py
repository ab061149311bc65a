import ast
import subprocess
import sys
from pathlib import Path

import pytest

import trainers

# What others hold before a model is loaded: values and what they are made from.
LIGHT = [
    "Cost",
    "LanguageModel",
    "ModelMissing",
    "Progress",
    "Row",
    "Speed",
    "TuneSettings",
    "Tuned",
    "Turn",
    "ask_hub",
    "locate",
    "render",
    "tuning_cost",
]


def test_every_public_name_is_there():
    assert all(hasattr(trainers, name) for name in trainers.__all__)
    assert list(trainers.__all__) == sorted(trainers.__all__, key=lambda name: (name.islower(), name))
    assert set(trainers.__all__) <= set(dir(trainers))


def test_names_are_loaded_from_where_the_type_checker_is_told_that_they_stand():
    told = next(node for node in ast.parse(Path(trainers.__file__).read_text()).body if isinstance(node, ast.If))
    homes = {alias.name: node.module for node in told.body for alias in node.names}
    assert sorted(homes) == sorted(trainers.__all__)
    for name, module in homes.items():
        assert getattr(trainers, name).__module__ == module


def test_a_name_that_is_not_there_is_an_error():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = trainers.nonsense


@pytest.mark.parametrize("names", [[], LIGHT])
def test_importing_and_the_plain_values_load_neither_torch_nor_scikit_learn(names: list[str]):
    heavy = "{'torch', 'transformers', 'peft', 'sklearn'}"
    code = f"import sys, trainers; [getattr(trainers, name) for name in {names}]; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
