"""Social cards: a picture of each course, typeset like our papers (`orders/documents.py`)."""

from __future__ import annotations

import json
import unicodedata
from importlib import resources

import typst

from matricula.edges.web import art

LONGEST_SUMMARY = 160
# As Unicode's names of letters begin.
_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC", "DEVANAGARI")
POINTS_TO_PIXELS = 72.0  # per inch: a point is a pixel


def draw(slug: str, title: str, summary: str, site_name: str) -> bytes:
    """A PNG of 1200 by 630 pixels: the course's art, title and summary; art alone where our fonts
    lack the title's script. Texts are data, never markup."""
    card = {
        "art": art.draw(slug),
        "title": title if _is_printable(title) else "",
        "summary": _shortened(summary) if _is_printable(summary) else "",
        "site": site_name,
    }
    fonts = resources.files("matricula.orders") / "printing" / "fonts"
    template = resources.files("matricula.edges.web") / "printing" / "card.typ"
    with resources.as_file(template) as source, resources.as_file(fonts) as font_path:
        png: bytes = typst.compile(
            str(source),
            root=str(source.parent),
            font_paths=[str(font_path)],
            ignore_system_fonts=True,
            format="png",
            ppi=POINTS_TO_PIXELS,
            sys_inputs={"card": json.dumps(card)},
        )
    return png


def _is_printable(text: str) -> bool:
    """Whether the fonts of `orders/printing` have all of its letters."""
    return all(
        unicodedata.name(letter, "").startswith(_SCRIPTS) for letter in text if letter.isalpha()
    )


def _shortened(text: str) -> str:
    if len(text) <= LONGEST_SUMMARY:
        return text
    return text[: LONGEST_SUMMARY - 1].rsplit(" ", 1)[0] + "…"
