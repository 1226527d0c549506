"""Words to search queries: prefixes for PostgreSQL's full-text search, the nearest wording for
typing errors, and opaque cursors. Pure.
"""

from __future__ import annotations

import base64
import binascii
import json
import unicodedata
from collections.abc import Iterable
from typing import Any

from rapidfuzz import fuzz, process, utils

from matricula.kernel.errors import NotFound
from matricula.kernel.words import said

MOST_WORDS = 12
LONGEST_WORD = 60  # PostgreSQL refuses words beyond two thousand bytes
# Below this likeness (of 100) a suggestion looks random rather than helpful.
LEAST_LIKENESS = 72


def to_tsquery(words: str) -> str | None:
    """The query that finds every word as a prefix, or None when there is no word in the text.

    Only letters, their marks, digits and underscores come through, so no operator of the query
    language can. PostgreSQL folds the case, as it did for what is searched.
    """
    found = [word[:LONGEST_WORD] for word in _words(words)[:MOST_WORDS]]
    return " & ".join(f"{word}:*" for word in found) or None


def nearest_wording(words: str, titles: Iterable[str]) -> str | None:
    """The words of the titles nearest to what was typed, or None when nothing is near.

    Each word typed is replaced by the likeliest word that occurs in a title.
    """
    vocabulary = {word for title in titles for word in _words(title.casefold())}
    wording = []
    for word in _words(words.casefold())[:MOST_WORDS]:
        match = process.extractOne(
            word,
            vocabulary,
            scorer=fuzz.ratio,
            processor=utils.default_process,
            score_cutoff=LEAST_LIKENESS,
        )
        if match is None:
            return None
        wording.append(match[0])
    return " ".join(wording) or None


def make_cursor(*values: str | int) -> str:
    """A place in a list, as text that is only for giving back."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def read_cursor(cursor: str, *types: type) -> list[Any]:
    """The values inside a cursor. Raises NotFound when we never made it."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        values = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise NotFound(said("There is no such page.")) from error
    if (
        not isinstance(values, list)
        or [type(value) for value in values] != list(types)
        or any(isinstance(value, int) and not 0 <= value < 2**31 for value in values)
        or any(isinstance(value, str) and not _is_storable(value) for value in values)
    ):
        raise NotFound(said("There is no such page."))
    return values


def _words(text: str) -> list[str]:
    """The words of a text in any script. Combining marks belong to their letters: without them
    Hindi and Tamil would fall to pieces."""
    return "".join(
        letter if unicodedata.category(letter)[0] in "LMN" or letter == "_" else " "
        for letter in text
    ).split()


def _is_storable(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
