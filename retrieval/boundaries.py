"""Where a text may be cut: between sentences, lines, words, and the letters of scripts that are written without spaces."""

import re

# Thai, Lao, Burmese, Khmer, Chinese and Japanese, with their punctuation
_SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
)
# what must not begin a line: closing punctuation, small kana, and the vowels and tones written after their letter
_NEVER_FIRST = (
    "、。，．！？；：）」』】〉》〕｝］…ー々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ\u3099-\u309e\u30fd\u30fe"
    "\uff61\uff63-\uff65\uff9e\uff9f\u0e2f-\u0e3a\u0e45-\u0e4e\u0eb0-\u0ebc\u0ec6-\u0ecd"
    "\u102b-\u103e\u1056-\u1059\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u17b4-\u17d3\u17dd"
)
# what must not end one: opening brackets, vowels written before their letter, and signs that stack the next letter
_NEVER_LAST = "（「『【〈《〔｛［\u0e40-\u0e44\u0ec0-\u0ec4\u1039\u17d2"

SPACELESS = re.compile(f"[{_SPACELESS}]")
SENTENCE = re.compile(
    r"(?:(?<=[.!?])|(?<=[.!?][\"'”’)\]]))"
    r"(?<![\s.(]\w\.)(?<!\b(?:Dr|Mr|St|No|cf|vs)\.)(?<!\b(?:Mrs|Fig)\.)\s+"  # not after "e.g." or "J."
    r"|(?<=[。！？।؟۔])(?![」』）”])|(?<=[。！？][」』）”])"
    r"|\n(?=[ \t]*(?:[-*+|>]|\d{1,9}[.)])[ \t])"  # an item of a list, a row of a table, a quotation
)
LINE = re.compile(r"\n")
WORD = re.compile(r"\s+")
CHARACTER = re.compile(f"(?<=[{_SPACELESS}])(?<![{_NEVER_LAST}])(?=[{_SPACELESS}])(?![{_NEVER_FIRST}])")
