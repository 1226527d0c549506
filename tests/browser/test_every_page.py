"""Every page in every state that the walk knows: light and dark, on a phone and on a desk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Page

from tests.browser.accessibility import OF_THE_LOOK, violations
from tests.browser.conftest import OpenPage
from tests.browser.fitting import misfits
from tests.gallery.walk import walk
from tests.support.paid_sites import PaidSite, running_paid_site

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
Scheme = Literal["light", "dark"]
# Each page is loaded once and looked at in each look; what only a look can change is asked in all.
LOOKS: tuple[tuple[int, Scheme, tuple[str, ...]], ...] = (
    (360, "light", ()),
    (360, "dark", OF_THE_LOOK),
    (1280, "light", OF_THE_LOOK),
    (1280, "dark", ()),
)
HEIGHT = 740


@pytest.fixture(scope="module")
def paid_site() -> Iterator[PaidSite]:
    with running_paid_site() as paid:
        yield paid


@pytest.fixture
def live_site(paid_site: PaidSite) -> str:
    return paid_site.site.url


@pytest.mark.timeout(900)
def test_every_page_fits_is_accessible_and_asks_nobody_else(
    open_page: OpenPage, paid_site: PaidSite, troubles: list[str]
) -> None:
    page = open_page()
    elsewhere = others_asked(page, paid_site)
    found, names = [], []
    for name in walk(page, paid_site.sandbox.pay):
        names.append(name)
        for width, scheme, rules in LOOKS:
            look_at(page, width, scheme)
            broken = [*violations(page, rules), *misfits(page)]
            found += [f"{name} {width} {scheme}: {line}" for line in broken]
        look_at(page, 768, "light")
        found += [f"{name} 768: {line}" for line in misfits(page)]
    assert not found, "\n".join(found)
    assert len(names) == len(set(names))
    assert elsewhere == []
    # A refusal is a page with a status of its own, which the console tells of.
    assert [
        line for line in troubles if "the server responded with a status of 4" not in line
    ] == []


def look_at(page: Page, width: int, scheme: Scheme) -> None:
    page.set_viewport_size({"width": width, "height": HEIGHT})
    # Without motion: colours that are still on their way have the contrast of neither look.
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")


def others_asked(page: Page, paid_site: PaidSite) -> list[str]:
    """The addresses that pages ask for elsewhere. The payment page alone loads the gateway's form,
    which is not ours to serve."""
    ours = (paid_site.site.url, paid_site.sandbox.account.base_url, "data:", "blob:")
    asked: list[str] = []
    page.on(
        "request",
        lambda request: None if request.url.startswith(ours) else asked.append(request.url),
    )
    return asked
