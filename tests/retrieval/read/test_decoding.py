"""Bytes to text."""

import random

import pytest

from retrieval.read.decoding import Undecodable, decode

GERMAN = "Die Kündigungsfrist beträgt drei Monate. Größere Änderungen müssen schriftlich erfolgen; über Ausnahmen entscheidet der Vorstand."
RUSSIAN = "Срок уведомления составляет три месяца. Большие изменения должны быть письменными, об исключениях решает правление."
JAPANESE = "解約の通知期間は三か月です。大きな変更は書面で行う必要があります。例外は理事会が決定します。お問い合わせは窓口までお願いいたします。"
CHINESE = "通知期限为三个月。较大的变更必须以书面形式进行，例外情况由董事会决定。"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "cp1252"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        (JAPANESE, "shift_jis"),
        (JAPANESE, "euc_jp"),
        (CHINESE, "gb18030"),
    ],
)
def test_an_encoding_that_is_sure_is_found_and_named(text: str, encoding: str) -> None:
    decoded, name = decode(text.encode(encoding))
    assert decoded == text and name != "utf-8"
    assert decode((text + "\n").encode(encoding) * 4000)[0] == (text + "\n") * 4000


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_is_read_as_its_mark_says(encoding: str) -> None:
    assert decode("Zoë\r\nсрок\r字\r\r\n\n".encode(encoding)) == ("Zoë\nсрок\n字\n\n\n", encoding.removesuffix("-sig"))


def test_an_encoding_that_is_not_sure_is_refused_with_what_it_could_be() -> None:
    french = "L'été dernier, les élèves ont reçu leurs diplômes à l'école, même ceux qui étaient en congé."
    with pytest.raises(Undecodable, match=r"not UTF-8: byte 2 is 0xe9, and could be .*cp1252"):
        decode(french.encode("cp1252"))


@pytest.mark.parametrize(
    ("content", "reason", "at"),
    [
        (b"one\ntwo \xff", "not UTF-8: byte 8 is 0xff", 8),
        (b"\xff\xfea\0b", "not UTF-16: byte 4 is 0x62", 4),
        (b"text\0text", "a NUL at byte 4", 4),
        (random.Random(0).randbytes(5000).replace(b"\0", b""), "not UTF-8", None),
    ],
)
def test_what_is_no_text_is_refused(content: bytes, reason: str, at: int | None) -> None:
    with pytest.raises(Undecodable, match=reason) as error:
        decode(content)
    assert at in (None, error.value.at)
