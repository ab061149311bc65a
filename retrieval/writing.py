"""One form for what can be written in several: how documents are kept, and how texts are compared. Knows no words."""

import re
import unicodedata

# Unicode's Default_Ignorable_Code_Point but for the two joiners: soft hyphen, zero-width space, marks of direction,
# selectors of variants, fillers, tags
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_JOINING = "\u0600-\u0dff\u0f00-\u109f\u1780-\u18af"  # Arabic, Syriac, scripts of India, Burmese, Khmer, Mongolian
_EMOJI = "\u2190-\u2bff\U0001f000-\U0001faff"
_IDLE_JOINER = re.compile(f"(?<![{_JOINING}{_EMOJI}])[\u200c\u200d]")

# ligatures, Hebrew and Arabic presentation forms, full and half width, squared units, Roman numerals, mathematical
# letters; and digits that are raised or lowered after a letter: after a digit they are no digits of its number
_FORMS = re.compile(
    "[\u2103\u2109\u2113\u2116\u2160-\u217f\u3300-\u33ff\ufb00-\ufdff\ufe70-\ufefc\uff00-\uffef\U0001d400-\U0001d7ff]+"
    "|(?<=[^\\W\\d_])[\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u2080-\u2089]+"
)
_OPTIONAL = re.compile(  # Hebrew points, Arabic harakat and tatweel, joiners within words
    "[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u0652\u0656-\u065f\u0670"
    f"\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed]|(?<=[{_JOINING}])[\u200c\u200d]"
)
_SIGNS = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2212\ufe63", "-"),
    **dict.fromkeys("\u2018\u2019\u02bc\u055a", "'"),
    **{"\u066b": ".", "\u066c": ",", "\u0149": "'n"},  # of Arabic numbers; the Afrikaans article
}
_SIGN = re.compile(f"[{''.join(_SIGNS)}]")
_SPACED_THOUSANDS = re.compile("[\u00a0\u2009\u202f](?<=[0-9].)(?=[0-9]{3}(?![0-9]))")
_DIGIT = re.compile(r"[^\D0-9]")
# Latin letters, punctuation and signs of money that are compared as they stand but for their case
_COMMON = re.compile(
    "[\\x00-\\x7f\xa0-\xac\xae-\xb1\xb4-\xb8\xba-\u012f\u0131-\u02ff\u1e00-\u1eff\u2010-\u2029\u20a0-\u20cf]*"
)
_ACCENT = re.compile("[\u0300-\u036f\u0653-\u0655\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]")


def clean(text: str) -> str:
    """The text in NFC and without invisible characters, as documents are kept and answers compared.

    Joiners (ZWJ, ZWNJ) stay after letters of scripts that use them, such as Arabic and Devanagari, and between emoji.
    """
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _IDLE_JOINER.sub("", _INVISIBLE.sub("", text)))


def plain(text: str) -> str:
    """The clean text in its own case, each letter in one form.

    "ﬁ" is "fi", "ｱ" is "ア", "CO₂" is "CO2" (and "10²" not "102"); digits of any script, dashes and apostrophes are those of
    ASCII. What is optional in writing is gone: Arabic harakat and tatweel, Hebrew points, joiners within words.
    """
    if text.isascii():
        return text
    text = unicodedata.normalize("NFC", text)
    if not _COMMON.fullmatch(text):
        text = _FORMS.sub(lambda form: unicodedata.normalize("NFKC", form[0]), clean(text))
        text = _OPTIONAL.sub("", unicodedata.normalize("NFC", text))
        text = _DIGIT.sub(lambda digit: str(unicodedata.decimal(digit[0])), text)
    return _SIGN.sub(lambda sign: _SIGNS[sign[0]], _SPACED_THOUSANDS.sub(",", text))


def compared(text: str) -> str:
    """The plain text as its words are compared: in lower case (Unicode's caseless matching)."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFC", plain(text).casefold())
    return folded.replace("i\u0307", "i")  # of the Turkish capital İ


def folded(text: str) -> str:
    """The text as it is compared, without accents: the marks of Latin, Greek and Cyrillic letters and the Arabic hamza.

    Vowel signs, such as those of Devanagari and Thai, are no accents.
    """
    text = compared(text)
    if text.isascii():
        return text
    return unicodedata.normalize("NFC", _ACCENT.sub("", unicodedata.normalize("NFD", text)))
