"""axe-core on a page: https://github.com/dequelabs/axe-core/blob/develop/doc/rule-descriptions.md"""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

STANDARD = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_axe = Axe()


def violations(page: Page) -> list[str]:
    """What the page breaks: the rule and the elements, one line each."""
    found = _axe.run(page, options={"runOnly": list(STANDARD)}).response["violations"]
    return [
        f"{page.url} {rule['id']}: {node['html'][:160]}" for rule in found for node in rule["nodes"]
    ]
