"""Words with values in them, as they are kept in the database: how it was said and of what, not the
sentence, so that whoever reads it later reads it in their own language.

Kept words are JSON: `["said", "Complete first: %(titles)s.", {"titles": "Algebra"}]` names a way of
saying (`words.WAYS`) and what it was said of. A text that a later release says differently is read
as it was said, in English.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias, cast

from django.utils.functional import Promise

from matricula.kernel import words
from matricula.kernel.errors import Words

Kept: TypeAlias = "str | int | list[Kept] | dict[str, Kept]"

_ROW, _MOMENT = "row", "at"


def _parts(lazy_words: Any) -> tuple[Any, ...]:
    """What lazy words are made of: the function, its arguments. By the protocol of pickling, the
    one way in which they show it."""
    return cast("tuple[Any, ...]", lazy_words.__reduce__()[1][:2])


_NAMES = {_parts(way())[0]: name for name, way in words.WAYS.items()}


def kept(said: object) -> Kept:
    """Words, or a value in them, as JSON. What we do not know how to say again is kept as it reads
    now."""
    if isinstance(said, Promise):
        way, of = _parts(said)
        return [_NAMES[way], *map(kept, of)] if way in _NAMES else str(said)
    if isinstance(said, Mapping):
        return {name: kept(value) for name, value in said.items()}
    if isinstance(said, tuple):
        return [_ROW, *map(kept, said)]
    if isinstance(said, datetime):
        return [_MOMENT, said.isoformat()]
    return said if isinstance(said, int) else str(said)


def read_back(it: Kept) -> Words:
    """What was kept of words. They are put into the reader's language when they are read."""
    return cast("Words", _value(it))


def _value(it: Kept) -> object:
    if isinstance(it, dict):
        return {name: _value(value) for name, value in it.items()}
    if not isinstance(it, list):
        return it
    name, *of = it
    if name == _ROW:
        return tuple(map(_value, of))
    if name == _MOMENT:
        return datetime.fromisoformat(cast("str", of[0]))
    return words.WAYS[cast("str", name)](*map(_value, of))
