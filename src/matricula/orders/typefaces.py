"""Which typefaces a paper needs: one folder of `printing/fonts` for each script, loaded only where
the paper has characters of it. Made by `scripts/make_fonts.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

BASE = "base"  # Latin, Greek, Cyrillic and Devanagari
BASE_FAMILIES = ("Noto Sans", "Noto Sans Devanagari")


@dataclass(frozen=True)
class Typeface:
    """A script's folder, the family in it, and its characters as ranges that include both ends."""

    folder: str
    family: str
    ranges: tuple[tuple[int, int], ...]

    def draws(self, character: str) -> bool:
        point = ord(character)
        return any(first <= point <= last for first, last in self.ranges)


_ARABIC = ((0x600, 0x6FF), (0x750, 0x77F), (0x8A0, 0x8FF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFC))
_GEORGIAN = ((0x10A0, 0x10FF), (0x1C90, 0x1CBF), (0x2D00, 0x2D2D))
_ETHIOPIC = ((0x1200, 0x139F), (0x2D80, 0x2DDE), (0xAB01, 0xAB2E))
_MYANMAR = ((0x1000, 0x109F), (0xA9E0, 0xA9FE), (0xAA60, 0xAA7F))
_HANGUL = ((0x1100, 0x11FF), (0x3130, 0x318F), (0xA960, 0xA97F), (0xAC00, 0xD7FF))
_KANA = ((0x3040, 0x30FF), (0x31F0, 0x31FF))
_CJK = (
    *_HANGUL,
    (0x2E80, 0x312F),
    (0x3190, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFE30, 0xFE4F),
    (0xFF00, 0xFFEF),
    (0x20000, 0x3FFFF),
)
_EMOJI = (
    (0x2190, 0x21FF),
    (0x2300, 0x27BF),
    (0x2900, 0x297F),
    (0x2B00, 0x2BFF),
    (0x1F000, 0x1FAFF),
)

TYPEFACES = (
    Typeface("arabic", "Noto Sans Arabic", _ARABIC),
    Typeface("armenian", "Noto Sans Armenian", ((0x530, 0x58F), (0xFB13, 0xFB17))),
    Typeface("bengali", "Noto Sans Bengali", ((0x980, 0x9FF),)),
    Typeface("ethiopic", "Noto Sans Ethiopic", _ETHIOPIC),
    Typeface("georgian", "Noto Sans Georgian", _GEORGIAN),
    Typeface("gujarati", "Noto Sans Gujarati", ((0xA80, 0xAFF),)),
    Typeface("gurmukhi", "Noto Sans Gurmukhi", ((0xA00, 0xA7F),)),
    Typeface("hebrew", "Noto Sans Hebrew", ((0x590, 0x5FF), (0xFB1D, 0xFB4F))),
    Typeface("kannada", "Noto Sans Kannada", ((0xC80, 0xCFF),)),
    Typeface("khmer", "Noto Sans Khmer", ((0x1780, 0x17FF), (0x19E0, 0x19FF))),
    Typeface("lao", "Noto Sans Lao", ((0xE80, 0xEFF),)),
    Typeface("malayalam", "Noto Sans Malayalam", ((0xD00, 0xD7F),)),
    Typeface("meetei", "Noto Sans MeeteiMayek", ((0xAAE0, 0xAAFF), (0xABC0, 0xABFF))),
    Typeface("myanmar", "Noto Sans Myanmar", _MYANMAR),
    Typeface("odia", "Noto Sans Oriya", ((0xB00, 0xB7F),)),
    Typeface("olchiki", "Noto Sans Ol Chiki", ((0x1C50, 0x1C7F),)),
    Typeface("sinhala", "Noto Sans Sinhala", ((0xD80, 0xDFF),)),
    Typeface("tamil", "Noto Sans Tamil", ((0xB80, 0xBFF),)),
    Typeface("telugu", "Noto Sans Telugu", ((0xC00, 0xC7F),)),
    Typeface("thaana", "Noto Sans Thaana", ((0x780, 0x7BF),)),
    Typeface("thai", "Noto Sans Thai", ((0xE00, 0xE7F),)),
    Typeface("tibetan", "Noto Serif Tibetan", ((0xF00, 0xFFF),)),
    Typeface("cjk", "Noto Sans CJK SC", _CJK),
    Typeface("emoji", "Noto Emoji", _EMOJI),
)
_JAPANESE = Typeface("cjk", "", _KANA)
_KOREAN = Typeface("cjk", "", _HANGUL)


def needed(paper: Mapping[str, Any]) -> tuple[Typeface, ...]:
    """The typefaces beyond the base that the texts of this paper need."""
    # Everything below stands in the base.
    foreign = {character for text in _texts(paper) for character in text if character >= "\u0530"}
    return tuple(face for face in TYPEFACES if any(map(face.draws, foreign)))


def language(paper: Mapping[str, Any]) -> str:
    """Whose forms of shared ideographs are drawn: "ja" beside kana, "ko" beside Hangul, else
    "zh". Papers without ideographs are in English."""
    characters = {character for text in _texts(paper) for character in text}
    if any(map(_JAPANESE.draws, characters)):
        return "ja"
    return "ko" if any(map(_KOREAN.draws, characters)) else "zh"


def _texts(value: Any) -> Iterable[str]:
    """Every text in a paper's content, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for member in value.values():
            yield from _texts(member)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _texts(member)
