"""Checks that files and functions stay short. Exits with 1 when one is over a hard limit."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE_SOFT, FILE_HARD, FUNCTION_HARD = 300, 500, 40  # lines


def main() -> int:
    """Prints what is too long; the exit status."""
    too_long: list[str] = []
    for path in _sources("src", "sandbox"):
        lines = len(path.read_text().splitlines())
        if lines > FILE_HARD:
            too_long.append(f"{path.relative_to(ROOT)}: {lines} lines, at most {FILE_HARD}")
        elif lines > FILE_SOFT:
            print(f"warning: {path.relative_to(ROOT)}: {lines} lines, better {FILE_SOFT}")
    for path in _sources("src", "sandbox", "tests"):
        too_long.extend(_long_functions(path))
    print("\n".join(too_long) or "sizes: no file or function is too long")
    return 1 if too_long else 0


def _sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def _long_functions(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_HARD:
                place = f"{path.relative_to(ROOT)}:{node.lineno}"
                yield f"{place}: {node.name} has {lines} lines, at most {FUNCTION_HARD}"


if __name__ == "__main__":
    sys.exit(main())
