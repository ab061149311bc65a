import subprocess
import sys

import trainers


def test_every_public_name_is_there():
    assert all(hasattr(trainers, name) for name in trainers.__all__)
    assert list(trainers.__all__) == sorted(trainers.__all__, key=lambda name: (name.islower(), name))


def test_importing_loads_neither_torch_nor_scikit_learn():
    heavy = "{'torch', 'transformers', 'peft', 'sklearn'}"
    done = subprocess.run([sys.executable, "-c", f"import sys, trainers; print({heavy} & set(sys.modules))"],
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stdout.strip() == "set()"
