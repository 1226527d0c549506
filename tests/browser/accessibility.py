"""axe-core on a page: https://github.com/dequelabs/axe-core/blob/develop/doc/rule-descriptions.md"""

from __future__ import annotations

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

STANDARD = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
# What the colour scheme and the width can change where nothing else is another.
OF_THE_LOOK = ("color-contrast", "target-size")

# `evaluate` itself would wait for ever.
_RUN = """(options) => Promise.race([
  axe.run(options).then((results) => results.violations),
  new Promise((_, fail) => setTimeout(() => fail(new Error("axe did not end")), 60_000)),
])"""


def violations(page: Page, rules: tuple[str, ...] = ()) -> list[str]:
    """What the page breaks of the standard, or of these rules alone: the rule and the elements, one
    line each."""
    if page.evaluate("() => !window.axe"):
        page.evaluate(AXE_SCRIPT)
    wanted = {"type": "rule", "values": list(rules)} if rules else list(STANDARD)
    options = {"runOnly": wanted, "resultTypes": ["violations"]}
    found: list[dict[str, Any]] = page.evaluate(_RUN, options)
    return [
        f"{page.url} {rule['id']}: {node['html'][:160]}" for rule in found for node in rule["nodes"]
    ]
