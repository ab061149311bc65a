import pytest

from trainers import LanguageModel, Row, Writer, generate
from trainers.engine import batching


def texts(lm: LanguageModel, rows: list[Row]) -> list[str]:
    return [made.text for made in sorted(generate(lm, rows, max_tokens=12), key=lambda made: made.index)]


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_rows_enter_as_others_leave_and_their_texts_do_not_change(
    at_once: int, smollm2: LanguageModel, asked: list[Row], monkeypatch
):
    rows = [*asked, *asked]
    alone = [texts(smollm2, [row])[0] for row in asked]
    monkeypatch.setattr(batching, "ROWS", at_once)
    assert texts(smollm2, rows) == alone * 2


def test_rows_that_arrive_while_it_runs_are_written_too(smollm2: LanguageModel, asked: list[Row]):
    writer = Writer(smollm2, asked, None, 12)
    writer.add(0, asked[0])
    assert not writer.batch.step() + writer.batch.step()
    writer.add(1, asked[1])
    written = {made.index: made.text for made in writer.batch.step()}
    writer.add(2, asked[2])
    while writer.batch.busy:
        written |= {made.index: made.text for made in writer.batch.step()}
    assert [written[i] for i in range(3)] == texts(smollm2, asked)


def test_long_rows_are_read_in_several_passes(smollm2: LanguageModel, asked: list[Row], monkeypatch):
    whole = texts(smollm2, asked)
    monkeypatch.setattr(batching, "READ_TOKENS", 5)
    assert texts(smollm2, asked) == whole
