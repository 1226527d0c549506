"""`make screenshots`: a picture of every page, at three widths, and of every letter, at two, light
and dark, into a folder.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

from tests.gallery.demo_site import Pay, chromium, demo_site
from tests.gallery.letters import letters
from tests.gallery.walk import walk

WIDTHS = (360, 768, 1280)
LETTER_WIDTHS = (360, 640)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
HEIGHT = 740
_EVERY_PICTURE = """() => Promise.all([...document.images].map((image) => {
  image.loading = "eager";
  return image.decode().catch(() => {});
}))"""


def main() -> None:
    asked = _arguments()
    with demo_site() as (address, pay), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        folder = Path(asked.folder)
        folder.mkdir(parents=True, exist_ok=True)
        count = 0
        page = _page(browser, address, asked.language)
        for name, widths in _shown(page, pay, asked):
            if asked.only and not any(part in name for part in asked.only.split(",")):
                continue
            for width in widths:
                for scheme in asked.schemes.split(","):
                    _picture(page, folder, f"{name}-{width}-{scheme}", width, scheme)
                    count += 1
        browser.close()
    print(f"{count} pictures in {folder}")


def _shown(
    page: Page, pay: Pay, asked: argparse.Namespace
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """What is shown, with the widths it is looked at."""
    widths = tuple(int(width) for width in asked.widths.split(","))
    if not asked.letters:
        yield from ((name, widths) for name in walk(page, pay))
    yield from ((name, LETTER_WIDTHS) for name in letters(page, asked.language))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="screenshots", description=__doc__)
    parser.add_argument("folder", nargs="?", default="build/screenshots")
    parser.add_argument("--only", default="", help="parts of names, comma-separated")
    parser.add_argument("--letters", action="store_true", help="no pages")
    parser.add_argument("--language", default="en", help="the browser's, like ar")
    parser.add_argument("--widths", default=",".join(map(str, WIDTHS)))
    parser.add_argument("--schemes", default=",".join(SCHEMES))
    return parser.parse_args()


def _page(browser: Browser, address: str, language: str) -> Page:
    context = browser.new_context(base_url=address, locale=language, service_workers="block")
    page = context.new_page()
    page.set_default_timeout(30_000)
    return page


def _picture(
    page: Page, folder: Path, name: str, width: int, scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": HEIGHT})
    # The whole page is the screen, so that what is fixed to its foot stands there, and every
    # picture that comes late is fetched.
    height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": width, "height": max(HEIGHT, height)})
    page.evaluate(_EVERY_PICTURE)
    page.screenshot(path=folder / f"{name}.png", animations="disabled")


if __name__ == "__main__":
    main()
