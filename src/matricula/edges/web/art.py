"""Course art: a small abstract print for each course, the same every time for the same slug.

Only figures worked out from the slug's digest reach the drawing, never the slug itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

WIDTH, HEIGHT = 320, 200
# Paper, ink, and two colours that sit well on both.
PALETTES = (
    ("#efe6d6", "#22385a", "#c2583c", "#8fa8bf"),
    ("#e6eae0", "#1d3c34", "#d0912b", "#86a589"),
    ("#f1e3dc", "#4b2035", "#b44d58", "#d5a794"),
    ("#e5e6ea", "#2a2d44", "#6d79b8", "#c9a24d"),
    ("#ece5d3", "#37352c", "#7d8c4f", "#c47b4a"),
    ("#dfe8e8", "#16404a", "#3f8f92", "#dd9b6a"),
)

Palette = tuple[str, str, str, str]


class _Dice:
    """An endless row of small numbers, fixed by its seed."""

    def __init__(self, seed: str) -> None:
        self._bytes = self._stream(seed.encode())

    def upto(self, limit: int) -> int:
        """A number from 0 to `limit` - 1."""
        return (next(self._bytes) * 256 + next(self._bytes)) % limit

    @staticmethod
    def _stream(seed: bytes) -> Iterator[int]:
        block = seed
        while True:
            block = hashlib.blake2b(block, digest_size=32).digest()
            yield from block


def draw(slug: str) -> str:
    """The course's art as an SVG document of about 1 to 3 KB."""
    dice = _Dice(slug)
    palette = PALETTES[dice.upto(len(PALETTES))]
    motif = MOTIFS[dice.upto(len(MOTIFS))]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{palette[0]}"/>'
        f"{''.join(motif(dice, palette))}</svg>"
    )


def _tiles(dice: _Dice, palette: Palette) -> Iterator[str]:
    """Quarter circles, turned at random, in a grid."""
    size = 40
    for row in range(HEIGHT // size):
        for column in range(WIDTH // size):
            x, y, colour = column * size, row * size, palette[1 + dice.upto(3)]
            kind = dice.upto(7)
            if kind == 0:
                yield f'<circle cx="{x + 20}" cy="{y + 20}" r="11" fill="{colour}"/>'
            elif kind == 1:
                yield f'<rect x="{x}" y="{y}" width="{size}" height="{size}" fill="{colour}"/>'
            elif kind > 2:  # noqa: PLR2004 - one in seven stays empty
                turn = 90 * dice.upto(4)
                yield (
                    f'<path d="M{x} {y}h{size}a{size} {size} 0 0 1-{size} {size}z" '
                    f'fill="{colour}" transform="rotate({turn} {x + 20} {y + 20})"/>'
                )


def _rings(dice: _Dice, palette: Palette) -> Iterator[str]:
    """Two sets of rings that meet."""
    for colour, x in ((palette[3], 40 + dice.upto(80)), (palette[1], 200 + dice.upto(90))):
        y, gap = 30 + dice.upto(140), 13 + dice.upto(6)
        for step in range(1, 9):
            yield (
                f'<circle cx="{x}" cy="{y}" r="{step * gap}" fill="none" '
                f'stroke="{colour}" stroke-width="{gap // 3}"/>'
            )
        yield f'<circle cx="{x}" cy="{y}" r="{gap - 4}" fill="{palette[2]}"/>'


def _skyline(dice: _Dice, palette: Palette) -> Iterator[str]:
    """Columns of different heights under a sun."""
    yield (
        f'<circle cx="{60 + dice.upto(200)}" cy="{50 + dice.upto(30)}" r="{26 + dice.upto(16)}" '
        f'fill="{palette[2]}"/>'
    )
    for column in range(16):
        height = 24 + dice.upto(110)
        colour = palette[(1, 3, 1)[dice.upto(3)]]
        yield (
            f'<path d="M{column * 20 + 2} {HEIGHT}v-{height}a8 8 0 0 1 16 0v{height}z" '
            f'fill="{colour}"/>'
        )


def _hills(dice: _Dice, palette: Palette) -> Iterator[str]:
    """Layers of hills, one before the other, and a moon."""
    yield (
        f'<circle cx="{40 + dice.upto(240)}" cy="{40 + dice.upto(24)}" r="{16 + dice.upto(14)}" '
        f'fill="{palette[2]}"/>'
    )
    for layer, (colour, opacity) in enumerate(
        ((palette[3], "0.55"), (palette[3], "1"), (palette[2], "0.9"), (palette[1], "1"))
    ):
        base = 92 + layer * 27
        rise = [base - 22 + dice.upto(44) for _ in range(4)]
        yield (
            f'<path d="M0 {rise[0]}C60 {rise[1] - 30} 100 {rise[1] + 30} 160 {rise[2]}'
            f'S260 {rise[3] - 20} {WIDTH} {rise[3]}V{HEIGHT}H0z" '
            f'fill="{colour}" opacity="{opacity}"/>'
        )


def _weave(dice: _Dice, palette: Palette) -> Iterator[str]:
    """Bands that cross over and under."""
    for row in range(5):
        yield (
            f'<rect x="0" y="{row * 40 + 8}" width="{WIDTH}" height="24" '
            f'fill="{palette[(3, 1)[dice.upto(2)]]}"/>'
        )
    for column in range(8):
        colour = palette[(2, 3, 2)[dice.upto(3)]]
        for row in range(5):
            if (row + column) % 2 == 0:
                yield (
                    f'<rect x="{column * 40 + 8}" y="{row * 40 - 8}" width="24" height="56" '
                    f'rx="3" fill="{colour}"/>'
                )


MOTIFS: tuple[Callable[[_Dice, Palette], Iterator[str]], ...] = (
    _tiles,
    _rings,
    _skyline,
    _hills,
    _weave,
)
