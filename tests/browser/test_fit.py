"""What a phone needs beside what `test_every_page.py` asks of each page."""

from __future__ import annotations

import pytest

from tests.browser.conftest import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def test_on_a_phone_the_price_and_the_button_stay_in_sight(open_page: OpenPage) -> None:
    page = open_page(width=360)
    page.goto("/courses/basic-programming/")
    top = 0.0
    for place in (0, 400, 10_000):
        page.evaluate("(y) => window.scrollTo({top: y, behavior: 'instant'})", place)
        box = page.locator(".buy").bounding_box()
        assert box is not None
        top = box["y"]
        assert top > 0
        assert top + box["height"] <= 741
    # ... and hide nothing that stands at the end of the page.
    foot = page.locator(".reference").bounding_box()
    assert foot is not None
    assert foot["y"] + foot["height"] <= top
