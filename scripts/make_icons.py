"""Draws the app's icons from our mark: .venv/bin/python scripts/make_icons.py

Needs Chromium (scripts/browser.sh). The files are committed, so that nobody needs it to run.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

STATIC = Path(__file__).resolve().parent.parent / "src/matricula/edges/web/static/matricula"
# A launcher may cut a maskable icon down to a circle of 80 % (https://www.w3.org/TR/appmanifest/).
SAFE = 0.62
GREEN = "#14604a"


def main() -> None:
    mark = (STATIC / "icon.svg").read_text()
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page()
        for size in (192, 512):
            draw(page, mark, size, STATIC / f"icon-{size}.png")
        draw(page, mark, 180, STATIC / "icon-180.png", back=GREEN)
        draw(page, mark, 512, STATIC / "icon-maskable-512.png", back=GREEN, part=SAFE)
        browser.close()


def draw(
    page: Page, mark: str, size: int, target: Path, *, back: str = "transparent", part: float = 1
) -> None:
    """One icon: the mark in the middle of a square, as large as `part` of it."""
    page.set_viewport_size({"width": size, "height": size})
    style = f"margin:0;display:grid;place-items:center;height:100vh;background:{back}"
    page.set_content(f'<body style="{style}">{mark}</body>')
    page.locator("svg").evaluate("(svg, width) => svg.setAttribute('width', width)", size * part)
    page.screenshot(path=target, omit_background=True)


if __name__ == "__main__":
    main()
