"""Every regular expression in the product was reviewed for the work that a long text costs.

A pattern that can be entered at many places and runs far from each of them takes time that grows
with the square of the text. A new use is reviewed and then counted here.
"""

from __future__ import annotations

import ast
from pathlib import Path

import matricula

_ROOT = Path(matricula.__file__).parent
_CALLS = frozenset(
    {"compile", "findall", "finditer", "fullmatch", "match", "search", "split", "sub", "subn"}
)
# The file, how many expressions it holds, and why a long text costs no more than its length.
REVIEWED = {
    "catalog/slugs.py": 2,  # one class of letters
    "catalog/words.py": 5,  # classes and parts that no two beginnings share
    "config/logs.py": 1,  # begins with one of a few words
    "edges/limits.py": 2,  # whole paths, bounded by the server
    "edges/live/routes.py": 2,  # our own routes; whole paths
    "edges/web/kept.py": 2,  # a fixed length; our own pages
    "kernel/correlation.py": 1,  # whole, 64 letters
    "kernel/text.py": 3,  # single letters
    "notifications/rendering.py": 2,  # staff's letters; runs of white space are entered once
    "payments/providers/razorpay/mapping.py": 1,  # whole, 64 letters
    "payments/providers/razorpay/provider.py": 1,  # whole, 64 letters
    "pricing/gstin.py": 1,  # whole, 15 letters
    "runtime/cluster.py": 1,  # the operator's settings
    "support/mail.py": 1,  # a line of a mail, of which 256 kB are read
}


def count_expressions(source: str) -> int:
    return sum(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
        and node.func.attr in _CALLS
        for node in ast.walk(ast.parse(source))
    )


def test_every_regular_expression_was_reviewed() -> None:
    sources = {path: path.read_text() for path in _ROOT.rglob("*.py")}
    found = {
        str(path.relative_to(_ROOT)): count
        for path, source in sources.items()
        if (count := count_expressions(source))
    }
    assert found == REVIEWED
    hidden = [p for p, s in sources.items() if "from re import" in s or "import re as" in s]
    assert hidden == []


def test_a_new_expression_is_noticed() -> None:
    assert count_expressions("import re\nre.sub(r'<[^>]*>', '', text)") == 1
