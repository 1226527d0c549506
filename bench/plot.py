"""Draws the kept figures: how far each is from what it is to reach, as one SVG beside them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

FILE = "figures.svg"
_ROW, _LEFT, _WIDTH, _RIGHT, _TOP = 26, 300, 420, 170, 56
_LEAST, _MOST = 0.1, 10.0  # times what is to be reached
_REACHED, _MISSED = "#2f7d4f", "#b3412c"


def draw(folder: Path) -> None:
    """Writes the plot of every result in the folder."""
    files = sorted(folder.glob("*.json"), key=_order)
    figures = [
        figure
        for file in files
        for figure in json.loads(file.read_text())["figures"]
        if figure["target"] is not None
    ]
    (folder / FILE).write_text(_svg(figures))


def _order(file: Path) -> tuple[int, str]:
    """By number, p4 before p10; what has none comes last."""
    number = re.search(r"\d+", file.stem)
    return (int(number.group()) if number else 1000, file.stem)


def _svg(figures: Sequence[Mapping[str, Any]]) -> str:
    height = _TOP + _ROW * len(figures) + 12
    at_target = _LEFT + _place(1.0)
    rows = [_row(figure, _TOP + _ROW * number) for number, figure in enumerate(figures)]
    box = f"0 0 {_LEFT + _WIDTH + _RIGHT} {height}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" font-family="sans-serif"',
        ' font-size="13" role="img">',
        "<title>Benchmarks: measured, beside what is to be reached</title>",
        '<rect width="100%" height="100%" fill="#fff"/>',
        '<text x="12" y="22" font-size="15">How far beyond its target each figure is',
        "(logarithmic; right of the line: reached)</text>",
        *rows,
        f'<path d="M{at_target:.1f} {_TOP - 16}V{height - 8}" stroke="#333"/>',
        f'<text x="{at_target:.1f}" y="{_TOP - 20}" text-anchor="middle">target</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _row(figure: Mapping[str, Any], top: int) -> str:
    target = figure["target"]
    value = figure["ratio"] if target["of_ratio"] else figure["value"]
    unit = "x" if target["of_ratio"] else figure["unit"]
    good = _goodness(value, target["bound"], at_most=target["at_most"])
    begin, end = sorted([_LEFT + _place(1.0), _LEFT + _place(good)])
    color = _REACHED if figure["is_reached"] else _MISSED
    sign = "≤" if target["at_most"] else "≥"
    words = f"{value:,.3g} {unit} (to reach: {sign} {target['bound']:g})"
    return (
        f'<text x="{_LEFT - 10}" y="{top + 14}" text-anchor="end">{escape(figure["name"])}</text>'
        f'<rect x="{begin:.1f}" y="{top}" width="{max(2.0, end - begin):.1f}" height="18"'
        f' fill="{color}"/>'
        f'<text x="{_LEFT + _WIDTH + 8}" y="{top + 14}">{escape(words)}</text>'
    )


def _goodness(value: float, bound: float, *, at_most: bool) -> float:
    """1 is just reached; twice as good is 2."""
    if at_most:
        return _MOST if value <= 0 else (bound / value if bound > 0 else _LEAST)
    return value / bound


def _place(good: float) -> float:
    share = math.log(min(max(good, _LEAST), _MOST) / _LEAST) / math.log(_MOST / _LEAST)
    return share * _WIDTH
