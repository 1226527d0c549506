"""Values in words, and the weight of what a first visit loads."""

from __future__ import annotations

import gzip
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from django.template import Context, Template
from django.test import Client
from django.utils import translation

from matricula.edges.web import art, urls, words
from matricula.kernel.money import Money
from matricula.seats.queries import Availability

STATIC = Path(urls.__file__).parent / "static" / "matricula"


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Money(29_990_050, "INR"), "₹2,99,900.50"),
        (Money(299_900, "INR"), "₹2,999.00"),
        (Money(1_234_567, "USD"), "$12,345.67"),
        (Money(1500, "JPY"), "¥1,500"),
        (Money(1250, "KWD"), "KWD1.250"),
    ],
)
def test_money_is_grouped_and_exact(amount: Money, text: str) -> None:
    assert words.money(amount).replace("\N{NO-BREAK SPACE}", "") == text


def test_seats_are_counted_in_words() -> None:
    assert words.seats(Availability(None, 0, 9)) == "Unlimited seats"
    assert words.seats(Availability(5, 2, 2)) == "1 seat left"
    assert words.seats(Availability(5, 0, 1)) == "4 seats left"
    assert words.seats(Availability(5, 2, 3)) == "No seats left"


def test_languages_have_names_and_unknown_codes_stay() -> None:
    assert words.language("hi") == "Hindi"
    assert words.language("zz-nonsense-code") == "zz-nonsense-code"
    assert words.language("") == ""


def test_all_art_is_well_formed_and_small() -> None:
    drawings = {art.draw(f"course-{number}") for number in range(60)}
    assert len(drawings) == 60
    for drawing in drawings:
        ET.fromstring(drawing)  # noqa: S314 - our own drawing
        assert len(drawing) < 6000


def test_the_style_sheet_stays_light() -> None:
    assert len(gzip.compress((STATIC / "site.css").read_bytes())) < 6 * 1024


def test_a_first_view_of_a_course_weighs_under_30_kb(guest: Client) -> None:
    html = guest.get("/courses/basic-programming/").content
    files = loaded_by(html.decode(), STATIC.parent)
    assert {file.name for file in files} >= {"site.css", "icon.svg"}
    parts = [html, *(file.read_bytes() for file in files)]
    assert sum(len(gzip.compress(part)) for part in parts) < 30_000


def loaded_by(html: str, root: Path) -> set[Path]:
    """The static files a page loads, and the modules that those import."""
    found: set[Path] = set()
    ahead = {
        root / name
        for name in re.findall(r'(?:href|src)="/static/(?:[0-9a-f]{12}/)?(matricula/[^"]+)"', html)
    }
    while ahead:
        file = ahead.pop().resolve()
        if file not in found:
            found.add(file)
            text = file.read_text() if file.suffix == ".js" else ""
            imported = re.findall(r'^import\b[^;]*?"(\.[^"]+)"', text, re.MULTILINE)
            ahead |= {file.parent / name for name in imported}
    return found


def test_a_fixed_text_is_said_in_the_language_of_each_reader() -> None:
    found = Template('{% load i18n %}{% translate "Sign in" %}')
    said = []
    for code in ("en", "es", "en"):
        with translation.override(code):
            said.append(found.render(Context()))
    assert said == ["Sign in", "Iniciar sesión", "Sign in"]
