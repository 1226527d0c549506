"""Lines that people write, and what is left of them."""

# ruff: noqa: RUF001, E501 - letters of every script

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st

from matricula.kernel.text import clean_line, visible_line

INVISIBLE = ["\u200b", "\u200b\u2060\ufeff", "\u202e", "\u3164", "\u2800", "\x00", "\xad", "\ufe0f",
             "\u200d\u200c", "\u0301", "\u115f\u1160", "\U000e0041", "\ue000", "\ud800"]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("  Ada \t\n Lovelace\u2003", "Ada Lovelace"),
        ("Ada\u200b Love\u00adlace\ufeff", "Ada Lovelace"),
        ("\u202egnp.exe\u202c", "gnp.exe"),
        ("\u2066Ada\u2069 \x07L\x1b[31m", "Ada L[31m"),
        ("Rene\u0301", "René"),
        ("Ada\u200dLovelace", "AdaLovelace"),
    ],
)
def test_a_line_has_only_what_is_seen(written: str, line: str) -> None:
    assert clean_line(written) == line


@pytest.mark.parametrize(
    "line",
    ["می\u200cخواهم", "क्\u200dष", "ന\u0d4d\u200d", "👩\u200d💻", "❤\ufe0f\u200d🔥", "葛\U000e0100城",
     "Łódź", "O’Brien", "محمد", "תמר", "ꦗꦮ", "山田 太郎", "김철수"],
)  # fmt: skip
def test_what_a_script_needs_stays(line: str) -> None:
    assert clean_line(line) == unicodedata.normalize("NFC", line)


@pytest.mark.parametrize("text", INVISIBLE)
def test_a_text_that_shows_nothing_is_refused(text: str) -> None:
    assert clean_line(text) == ""
    if text.strip():
        with pytest.raises(ValueError, match="seen"):
            visible_line(text)


@for_any(st.text(max_size=40))
def test_a_clean_line_stays_as_it_is(text: str) -> None:
    line = clean_line(text)
    assert clean_line(line) == line
    assert "\n" not in line
