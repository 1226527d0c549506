"""`make lighthouse`: what Lighthouse says of the catalog, a course and a status page on a phone.

Fails when a category falls below `AT_LEAST`. Its reports are kept as HTML beside each other.

A status page is somebody's own: robots.txt keeps search engines out, which Lighthouse would count
against it. So it is not asked whether it can be crawled.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.gallery.demo_site import chromium, demo_site
from tests.gallery.walk import enroll, sign_up

AT_LEAST = 95
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
FOLDER = Path("build/lighthouse")
PROGRAM = "scripts/lighthouse/node_modules/.bin/lighthouse"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    low = []
    with demo_site() as (address, _pay):
        status, cookie = _status_page(address)
        pages = {"catalog": f"{address}/", "course": f"{address}/courses/full-stack-development/"}
        for name, url in {**pages, "status": status}.items():
            scores = _scores(name, url, cookie if name == "status" else "")
            print(f"{name:8}", *(f"{category} {score}" for category, score in scores.items()))
            low += [f"{name} {c}" for c, score in scores.items() if score < AT_LEAST]
    if low:
        raise SystemExit(f"below {AT_LEAST}: {', '.join(low)}")


def _status_page(address: str) -> tuple[str, str]:
    """The status page of a new enrollment, and the cookies of whom it belongs to."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_context(base_url=address).new_page()
        sign_up(page)
        enroll(page, "basic-programming")
        cookies = page.context.cookies()
        url = page.url
        browser.close()
    said = "; ".join(f"{c.get('name')}={c.get('value')}" for c in cookies)
    return url, said


def _scores(name: str, url: str, cookie: str) -> dict[str, int]:
    report = FOLDER / name
    asked = [
        PROGRAM,
        url,
        "--quiet",
        f"--only-categories={','.join(CATEGORIES)}",
        "--output=json",
        "--output=html",
        f"--output-path={report}",
        f"--chrome-path={chromium()}",
        "--chrome-flags=--headless=new --no-sandbox --disable-gpu",
    ]
    if cookie:
        asked.append(f"--extra-headers={json.dumps({'Cookie': cookie})}")
        asked.append("--skip-audits=is-crawlable")
    subprocess.run(asked, check=True)
    said = json.loads(Path(f"{report}.report.json").read_text())["categories"]
    return {category: round(100 * said[category]["score"]) for category in CATEGORIES}


if __name__ == "__main__":
    main()
