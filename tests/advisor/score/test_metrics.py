"""Metrics. Figures from elsewhere: sacrebleu 2.6.0, rouge-score 0.1.2, scikit-learn, Hugging Face `evaluate` (SARI)."""

import json
import unicodedata

import numpy as np
import pytest
from sklearn.metrics import f1_score

from advisor.score.fields import fields, parse_json
from advisor.score.metric import Metric, floors, over_all, score_all
from advisor.score.metrics import METRICS, resolve
from advisor.task import Example


def example(output: str, *accepted: str, input: str = "", id: str = "1") -> Example:
    return Example(id, input, output, tuple(accepted))


def score(name: str, text: str, *answers: str, input: str = "") -> float:
    return resolve(name).score(text, example(*answers, input=input))


def figure(metric: Metric, texts: list[str], answers: list[str]) -> float:
    rows = [example(answer, id=str(i)) for i, answer in enumerate(answers)]
    sums = np.sum([one.statistics for one in score_all(metric, texts, rows)], axis=0, keepdims=True)
    return float(metric.aggregate(sums)[0])


@pytest.mark.parametrize("name", METRICS)
def test_the_wanted_output_gets_100_and_its_aggregate_too(name: str) -> None:
    wanted = {"json_field_f1": '{"a": 1}'}.get(name, "yes sir")
    metric = resolve(name, labels=("yes sir", "no"))
    row = example(wanted, input="yes my dear sir")
    assert metric.score(wanted, row) == pytest.approx(100)
    assert metric.aggregate(np.array([metric.statistics(wanted, row)]))[0] == pytest.approx(100)
    assert metric.score("", row) < 50


@pytest.mark.parametrize("name", METRICS)
def test_the_best_accepted_answer_counts(name: str) -> None:
    if name == "sari":  # all answers are its references together
        return
    right, other = ('{"a": 1}', '{"b": 2}') if name == "json_field_f1" else ("forty two", "no")
    metric = resolve(name, labels=("forty two", "no"))
    assert metric.score(right, example(other, right)) == pytest.approx(100)


def test_exact_match_forgives_white_space_and_nothing_else() -> None:
    assert score("exact_match", " SELECT a\n FROM b ", "SELECT a FROM b") == 100
    assert score("exact_match", "select a from b", "SELECT a FROM b") == 0
    assert score("exact_match", "a+b", "ab") == 0


def test_token_f1_is_squads() -> None:
    assert score("token_f1", "The Eiffel Tower!", "eiffel tower") == 100
    # given {in, paris, france}, wanted {paris}: precision 1/3, recall 1
    assert score("token_f1", "in Paris, France", "Paris") == pytest.approx(50)
    assert score("token_f1", "", "Paris") == 0


def test_an_answer_that_is_an_article_or_a_sign_is_still_compared() -> None:
    assert score("token_f1", "A", "A") == 100
    assert score("token_f1", "the", "A") == 0
    assert score("token_f1", "<", ">") == 0


def test_words_are_found_in_other_scripts() -> None:
    assert 0 < score("token_f1", "北京市", "北京") < 100
    assert score("rouge_l", "Это дом", "это дом") == 100


def test_a_number_of_another_sign_or_point_is_wrong() -> None:
    pairs = [
        ("9.1 mm", "91 mm"),
        ("-56 °C", "56 °C"),
        ("1.10", "1.1"),
        ("24/7", "247"),
        ("-$5", "$5"),
        ("3,5 l", "35 l"),
    ]
    for answer, wrong in (*pairs, *((wrong, answer) for answer, wrong in pairs)):
        assert score("token_f1", wrong, answer) == score("contains_answer", f"It is {wrong}.", answer) == 0
        assert score("token_f1", answer, answer) == score("contains_answer", f"It is {answer}.", answer) == 100
    assert score("token_f1", "1000 men", "1,000 men") == score("token_f1", "−5 °C", "-5°C") == 100


def test_token_f1_gives_nothing_for_other_numbers_as_drop_does() -> None:
    assert score("token_f1", "24 days", "25 days") == 0
    # given {24, may, 1999}, wanted {25, may, 1999}: one number is right, so 2 of 3 words are
    assert score("token_f1", "24 May 1999", "25 May 1999") == pytest.approx(200 / 3)
    assert score("token_f1", "some days", "25 days") == 50


def test_token_f1_is_squads_on_apostrophes_abbreviations_and_articles_and_not_on_hyphens() -> None:
    assert score("token_f1", "dont", "Don't!") == score("token_f1", "US", "the U.S.") == 100
    assert score("token_f1", "a well known man", "well-known man") == 100  # 50 where "wellknown" is one word
    assert score("token_f1", "C", "C++") == 0


def test_words_that_differ_in_their_marks_are_others() -> None:
    for metric in ("token_f1", "rouge_l", "contains_answer"):
        assert [score(metric, "माला", "मेला"), score(metric, "ปา", "ปู"), score(metric, "か", "が")] == [0, 0, 0]
        assert score(metric, "مُحَمَّد", "محمد") == 100
    assert score("rouge_l", "👎", "👍") == 0


@pytest.mark.parametrize("name", METRICS)
def test_what_unicode_holds_for_equal_is_equal(name: str) -> None:
    wanted = {"json_field_f1": '{"ciudad": "Málaga", "días": ["é"]}'}.get(name, "Málaga é")
    given = unicodedata.normalize("NFD", wanted).replace("l", "l\u00ad\u200b")
    metric = resolve(name, labels=("no", unicodedata.normalize("NFD", wanted), wanted))
    assert metric.score(given, example(wanted, input="Ma lage")) == pytest.approx(100)
    assert metric.aggregate(np.array([metric.statistics(given, example(wanted))]))[0] == pytest.approx(100)


def test_contains_answer_wants_whole_words_in_a_row() -> None:
    assert score("contains_answer", "It was in 1924, I think.", "24") == 0
    assert score("contains_answer", "It has 24 judges.", "24") == 100
    assert score("contains_answer", "York is new.", "New York") == 0
    assert score("contains_answer", "It takes 35 to -5 days.", "3.5", "5") == 0
    assert score("contains_answer", "हिन्दा", "हिन्दी") == 0


def test_nothing_contains_an_empty_answer_but_no_text() -> None:
    assert score("contains_answer", " ", "") == 100
    assert score("contains_answer", "I don't know.", "") == 0


def test_a_label_that_a_program_would_not_find_is_wrong() -> None:
    assert score("label_accuracy", "card_arrival\n", "card_arrival") == 100
    for chatty in ("card arrival.", "Card_arrival", "The intent is card_arrival"):
        assert score("label_accuracy", chatty, "card_arrival") == 0


def test_macro_f1_is_scikit_learns() -> None:
    labels = ["a", "b", "c", "never", "nowhere"]
    rng = np.random.default_rng(0)
    wanted, given = (list(rng.choice(labels[:3], 60, p=[0.7, 0.2, 0.1])) for _ in range(2))
    given[0] = "never"  # predicted only: a label with F1 0
    expected = 100 * f1_score(wanted, given, average="macro")
    assert figure(resolve("macro_f1", labels), given, wanted) == pytest.approx(expected)


def test_a_text_that_is_no_label_counts_against_its_rows_label_only() -> None:
    # a: 1 of 2 found, F1 2/3; b: F1 1
    assert figure(resolve("macro_f1", "ab"), ["a", "banana", "b"], ["a", "a", "b"]) == pytest.approx(100 * 5 / 6)


def test_macro_f1_without_labels_says_what_it_needs() -> None:
    with pytest.raises(ValueError, match="labels"):
        resolve("macro_f1")


def test_json_fields_are_compared_by_path() -> None:
    value: dict[str, object] = {"a": {"b": [1, "x"]}, "c": [], "d": None}
    assert dict(fields(value)) == {"a.b[0]": "1", "a.b[1]": '"x"', "c": "[]", "d": "null"}
    # 1 field right of 2 given and 3 wanted
    assert score("json_field_f1", '{"a": 1, "z": 0}', '{"a": 1, "b": 2, "c": 3}') == pytest.approx(40)
    assert score("json_field_f1", '{"b": 2.0, "a": "1"}', '{"a": "1", "b": 2}') == 100
    assert score("json_field_f1", '{"a": true}', '{"a": 1}') == 0


def test_json_f1_over_rows_is_micro_and_empty_against_empty_adds_no_field() -> None:
    texts = ['{"a": 1}', "{}", '{"a": 1, "b": 2}', "no JSON"]
    wanted = ['{"a": 1, "b": 2, "c": 3}', "{}", '{"a": 1, "b": 0}', '{"a": 1}']
    # 2 fields right of 3 given and 6 wanted
    assert figure(resolve("json_field_f1"), texts, wanted) == pytest.approx(100 * 4 / 9)
    assert [score("json_field_f1", *pair) for pair in zip(texts, wanted, strict=True)] == [50, 100, 50, 0]


def test_rows_without_any_field_still_count() -> None:
    assert figure(resolve("json_field_f1"), ["{}", "sorry"], ["{}", "{}"]) == 50
    assert score("json_field_f1", "[]", "{}") == 0


@pytest.mark.parametrize(
    "text", ['```json\n{"a": 1}\n```', '{"a": 1} Anything else?', "{'a': 1}", '{"a": NaN}', "", "[" * 100_000]
)
def test_text_that_a_program_could_not_parse_scores_0(text: str) -> None:
    assert score("json_field_f1", text, '{"a": 1}') == 0
    with pytest.raises(ValueError, match=r".*"):
        parse_json(text)


def test_rouge_l_is_googles() -> None:
    assert score("rouge_l", "The cat sat on the mat.", "A cat sat on a mat.") == pytest.approx(66.66666666666666)
    assert score("rouge_l", "Die Beitragszahlungen", "Die Beitraege zahlen") == pytest.approx(40)
    assert score("rouge_l", "The company's well-known 2 men don't", "A company's men won't") == pytest.approx(
        53.333333333333336
    )


def test_chrf_is_sacrebleus_for_a_text_and_for_many() -> None:
    assert score("chrf", "The cat sat on the mat.", "A cat sat on a mat.") == pytest.approx(55.77074553591104)
    assert score("chrf", "Die Beitragszahlungen", "Die Beitraege zahlen", "Zahlungen") == pytest.approx(
        62.1402903403194
    )
    corpus = figure(resolve("chrf"), ["The cat sat on the mat.", "ab"], ["A cat sat on a mat.", "abc"])
    assert corpus == pytest.approx(54.619884819859024)


def test_sari_is_the_published_one() -> None:
    # the example in the documentation of huggingface/evaluate, metrics/sari, after Xu et al.'s own
    answers = (
        "About 95 species are currently known .",
        "About 95 species are now accepted .",
        "95 species are now accepted .",
    )
    source = "About 95 species are currently accepted ."
    assert score("sari", "About 95 you now get in .", *answers, input=source) == pytest.approx(26.953601953601954)


def test_copying_the_input_gets_nothing_for_deleting_nothing() -> None:
    # n-grams of the input kept, of which wanted, and wanted at all. 1: 4, 3, 3 gives F1 6/7; 2: 3, 1, 1 gives 1/2; 3: 2, 0,
    # 0 and 4: 1, 0, 0 give precision 0 and recall 0/0 = 1, so 0. Added: nothing for 1, 3 and 4, where nothing is wanted
    # either for 1 and 4 (1 each); "are right" is wanted for 2 and "you are right" for 3 (0 each). Deleted: 0.
    source, wanted = "you are damn right", "you are right"
    assert score("sari", source, wanted, input=source) == pytest.approx(100 * (6 / 7 + 1 / 2 + 2) / 12)


def test_a_system_that_gave_no_text_is_unscored_not_zero() -> None:
    rows = [example("a", id="1"), example("b", id="2")]
    first, second = score_all(resolve("exact_match"), [None, "x"], rows)
    assert (first.id, first.score, second.score) == ("1", None, 0)


def test_floors_say_what_no_work_gets() -> None:
    rows = [example("yes", input="yes", id="1"), example("yes", id="2"), example("no", id="3")]
    metric = resolve("exact_match")
    found = {name: over_all(metric, scored) for name, scored in floors(metric, rows, (), {"3": "no"}).items()}
    assert found["copying the input"] == pytest.approx(100 / 3)
    assert found["the commonest output"] == pytest.approx(200 / 3)
    assert found["copying the context"] == pytest.approx(100 / 3)
    assert floors(resolve("exact_match"), [], []) == {}


def test_a_metric_of_ones_own_gives_0_to_100_or_its_fault_is_told() -> None:
    metric = resolve("scoring:half", own=lambda path: lambda text, example: {"": 101, "x": 50}[text])
    assert metric.score("x", example("y")) == 50
    with pytest.raises(ValueError, match="gave 101"):
        metric.score("", example("y"))
    with pytest.raises(ValueError, match="fails on example 1: KeyError"):
        metric.score("z", example("y"))
    with pytest.raises(ValueError, match="can't be loaded here"):
        resolve("scoring:half")


def test_a_row_is_rated_once() -> None:
    rated: list[str] = []
    metric = resolve("scoring:f", own=lambda path: lambda text, example: rated.append(text) or 70)
    scored = score_all(metric, ["a", None, "b"], [example("", id=i) for i in "123"])
    assert rated == ["a", "b"]
    assert [(one.score, one.statistics) for one in scored] == [(70, (70, 1)), (None, ()), (70, (70, 1))]


@pytest.mark.parametrize("name", METRICS)
def test_what_rates_at_once_says_what_score_and_statistics_say(name: str) -> None:
    metric, row = resolve(name, labels=("a", "b")), example("a", input="a b")
    for text in ("a", "b", "a b", ""):
        assert metric.rate(text, row) == (metric.score(text, row), metric.statistics(text, row))


def test_an_unknown_metric_is_answered_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="Did you mean rouge_l"):
        resolve("ROUGE-L")
    with pytest.raises(ValueError, match="Known: exact_match"):
        resolve("quality")


@pytest.mark.parametrize("name", METRICS)
def test_statistics_can_be_written_as_json(name: str) -> None:
    metric = resolve(name, labels=("a",))
    figures = [metric.score("a", example("a")), *metric.statistics("a", example("a"))]
    assert json.loads(json.dumps(figures)) == figures
