"""The words of a text, as search compares them: one folding and one tokenizer, for what courses say
and for what visitors type. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from anyascii import anyascii

# Raise it whenever the same text gives other words than before: `matricula migrate` then rebuilds
# the search index of every course.
VERSION = 1
LONGEST_WORD = 60
# Scripts written without spaces, and Korean, whose words are compounds: a visitor may type any part
# of a run of letters, so each run is indexed as its windows of three letters.
WINDOW = 3
_MOST_JOINED = 5

_APOSTROPHES = dict.fromkeys(map(ord, "’‘‛ʼʻʹʾʿ′`´＇"), "'")  # noqa: RUF001 - all that people type
# Accents of Latin, Greek and Cyrillic, points of Hebrew and Arabic with the tatweel, nuktas, and
# what nobody sees. The vowel signs of Indian scripts are marks too, but without them words fall to
# pieces.
_DROPPED = re.compile(
    "[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a"
    "\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u0730-\u074a\u093c\u09bc"
    "\u0a3c\u0abc\u0b3c\u0cbc\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f"
    "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)
_LATIN = re.compile(
    "[\u00c0-\u02af\u1d00-\u1dbf\u1e00-\u1eff\u2c60-\u2c7f\ua720-\ua7ff\uab30-\uab6f]"
)
_FOREIGN_DIGIT = re.compile(r"[^\D0-9]")
# Letters that are written one way or the other: Arabic and Persian forms, and the two kana.
_SAME_LETTERS = str.maketrans("ٱةىیکھہە", "اهييكههه") | {
    katakana: katakana - 0x60 for katakana in range(0x30A1, 0x30F7)
}
_UNSPACED = re.compile(
    "([\u0e00-\u0eff\u0f00-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff"
    "\u3400-\u9fff\ua960-\ua97f\ud7b0-\ud7ff\U00020000-\U000323af]+)"
)
# Inside Node.js, CI/CD, don't or e-commerce: each part is a word, and so is the whole.
_JOINERS = "'./_&@:·⁄‐‑\\-"  # noqa: RUF001 - NFKD gives them
_JOINER = frozenset(_JOINERS.replace("\\", "")) | {"+", "#"}
# C++, C# and A+ are words of their own, the plus in A+B is not.
_PART = re.compile(rf"[^{_JOINERS}+#]+(?:(?:\+{{1,3}}|#)(?![^{_JOINERS}+#\d]))?")


@dataclass(frozen=True)
class Word:
    """One word of a text. `parts` are what it consists of; `joined` is it in one piece, and empty
    where that says nothing more."""

    parts: tuple[Part, ...]
    joined: str = ""


@dataclass(frozen=True)
class Part:
    """Letters that stand together. `windows` overlap: whoever has all of them has the part; the
    first letters of the last are as good as all of it."""

    text: str
    windows: tuple[str, ...] = ()


def fold(text: str) -> str:
    """The text without what people leave out: case, accents, the width of letters, apostrophes of
    another shape."""
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES)).casefold()
    text = _DROPPED.sub("", unicodedata.normalize("NFKD", text)).translate(_SAME_LETTERS)
    text = _FOREIGN_DIGIT.sub(lambda digit: str(unicodedata.decimal(digit[0])), text)
    return _LATIN.sub(lambda letter: anyascii(letter[0]).lower(), text)


def words_of(text: str) -> Iterator[Word]:
    """The words of a text in any script, in order."""
    kept = (
        letter if unicodedata.category(letter)[0] in "LMN" or letter in _JOINER else " "
        for letter in fold(text)
    )
    for run in "".join(kept).split():
        pieces = _PART.findall(run)
        parts = tuple(part for piece in pieces for part in _parts(piece))
        if not parts:
            continue
        is_joined = 1 < len(pieces) <= _MOST_JOINED and not any(part.windows for part in parts)
        yield Word(parts, "".join(pieces)[:LONGEST_WORD] if is_joined else "")


def whole(text: str) -> str:
    """The text as one key, which finds a title that has no words at all, and a title typed in full
    before those that merely contain it. Empty for an empty text."""
    kept = "".join(
        letter if unicodedata.category(letter)[0] != "C" else " " for letter in fold(text)
    )
    return " ".join(kept.split())[:100]


def _parts(piece: str) -> Iterator[Part]:
    for text in filter(None, _UNSPACED.split(piece)):
        if _UNSPACED.match(text):
            letters = _letters(text)
            last = max(1, len(letters) - WINDOW + 1)
            yield Part(text, tuple("".join(letters[n : n + WINDOW]) for n in range(last)))
        else:
            yield Part(text[:LONGEST_WORD])


def endings(part: Part) -> tuple[str, ...]:
    """The windows that are shorter for standing at the end of the part: by them its last letters
    are found too."""
    letters = _letters(part.text)
    first = max(1, len(letters) - WINDOW + 1)
    return tuple("".join(letters[n:]) for n in range(first, len(letters)))


def _letters(text: str) -> list[str]:
    """The letters with their marks; a Korean syllable is one letter, however far it is typed."""
    letters: list[str] = []
    for letter in text:
        is_mark = unicodedata.category(letter)[0] == "M" or "\u1160" <= letter <= "\u11ff"
        if is_mark and letters:
            letters[-1] += letter
        else:
            letters.append(letter)
    return letters
