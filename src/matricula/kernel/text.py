"""Lines of text that people write about themselves and their courses: names, titles. Pure."""

from __future__ import annotations

import re
import unicodedata

_JOINERS = "\u200c\u200d"
# Persian, Indian and other scripts spell words with them; emoji are put together by them.
_TAKES_JOINER = re.compile(
    "[\u0620-\u08ff\u0900-\u0dff\u0f00-\u0fff\u1000-\u109f\u1780-\u18af\ufb50-\ufdff\ufe70-\ufefc]"
)
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_TAKES_SELECTOR = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
# Signs that are seen, though Unicode counts them among the format characters.
_SEEN = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2")
# And what is not seen, though it counts as a letter, a mark or a symbol.
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\u180b\u180c\u180d\u180f")


def clean_line(text: str) -> str:
    """The text as one line, composed (NFC), white space collapsed, without what nobody sees:
    control characters, zero-width ones, those that turn the direction of the text around. Joiners
    stay where a script or an emoji needs them. Empty when nothing visible is left."""
    kept: list[str] = []
    for letter in text:
        if letter.isspace():
            kept.append(" ")
        elif _is_seen(letter, kept[-1] if kept else ""):
            kept.append(letter)
    line = unicodedata.normalize("NFC", " ".join("".join(kept).split()))
    return line if any(unicodedata.category(letter)[0] in "LNPS" for letter in line) else ""


def visible_line(text: str) -> str:
    """As `clean_line`. Raises ValueError for a text that is not empty, but shows nothing."""
    line = clean_line(text)
    if not line and text.strip():
        raise ValueError("Use letters that can be seen.")
    return line


def _is_seen(letter: str, before: str) -> bool:
    """Whether the letter shows, or changes how the one before it looks."""
    is_symbol = bool(before) and unicodedata.category(before) in {"So", "Sk"}
    if letter in _JOINERS:
        return is_symbol or before == "\ufe0f" or bool(_TAKES_JOINER.match(before))
    if _SELECTORS.match(letter):
        return is_symbol or bool(_TAKES_SELECTOR.match(before))
    if letter in _UNSEEN:
        return False
    is_format = unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Co"}
    return not is_format or letter in _SEEN
