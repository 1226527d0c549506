"""Words to PostgreSQL's full-text search, on both sides: what a course is found by, and what finds
it; the nearest wording for typing errors. Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process, utils

from matricula.catalog import words
from matricula.catalog.words import Part, Word

MOST_WORDS = 12
MOST_WINDOWS = 30
LONGEST_QUERY = 500  # letters; what comes after them finds nothing more
# PostgreSQL refuses a tsvector beyond a mebibyte, and keeps no place beyond 16383.
MOST_BYTES = 700_000
MOST_PLACES = 8
LAST_PLACE = 16_383
# Below this likeness (of 100) a suggestion looks random rather than helpful.
LEAST_LIKENESS = 72


@dataclass(frozen=True)
class Query:
    """What was typed, as three texts of type tsquery. `prefixes` finds: every word as a prefix.
    `exact` and `title` rank: courses that have the very words, and one that is called just that."""

    prefixes: str
    exact: str
    title: str


def to_query(typed: str) -> Query | None:
    """The query for what was typed, or None when there is nothing in it."""
    typed = typed[:LONGEST_QUERY]
    key = words.whole(typed)
    if not key:
        return None
    title = _lexeme(f"={key}")
    found = list(words.words_of(typed))[:MOST_WORDS]
    if not found:
        return Query(title, title, title)
    return Query(
        " & ".join(_term(word, ":*") for word in found),
        " & ".join(_term(word, "") for word in found),
        title,
    )


def to_index(title: str, summary: str, rest: str) -> str:
    """What a course is found by, as text of type tsvector: title before summary before the rest."""
    places = {f"={words.whole(title)}": ["1A"]}
    weighed = (
        (lexeme, weight)
        for text, weight in ((title, "A"), (summary, "B"), (rest, "C"))
        for word in words.words_of(text)
        for lexeme in _lexemes(word)
    )
    left = MOST_BYTES
    for place, (lexeme, weight) in enumerate(weighed, 1):
        known = places.setdefault(lexeme, [])
        if not known:
            left -= len(lexeme.encode()) + 24
            if left < 0:
                del places[lexeme]
                break
        if len(known) < MOST_PLACES:
            known.append(f"{min(place, LAST_PLACE)}{weight}")
    return " ".join(f"{_lexeme(text)}:{','.join(found)}" for text, found in places.items())


def source_of(texts: Sequence[str]) -> str:
    """The mark of an index made of these texts: the version of the folding and their digest, which
    `sql/index.sql` works out the same way."""
    digest = hashlib.md5("\x1f".join(texts).encode(), usedforsecurity=False)
    return f"{words.VERSION}:{digest.hexdigest()}"


def nearest_wording(typed: str, titles: Iterable[str]) -> str | None:
    """The words of the titles nearest to what was typed, or None when nothing is near.

    Each word typed is replaced by the likeliest word that occurs in a title.
    """
    vocabulary = {key: word for title in titles for key, word in _spelled(title)}
    wording = []
    for key, _ in _spelled(typed[:LONGEST_QUERY])[:MOST_WORDS]:
        match = process.extractOne(
            key,
            vocabulary.keys(),
            scorer=fuzz.ratio,
            processor=utils.default_process,
            score_cutoff=LEAST_LIKENESS,
        )
        if match is None:
            return None
        wording.append(vocabulary[match[0]])
    return " ".join(wording) or None


def _spelled(text: str) -> list[tuple[str, str]]:
    """The words of the text: as they are compared, and as they are written."""
    found = []
    for spelling in text.casefold().split():
        parts = [part.text for word in words.words_of(spelling) for part in word.parts]
        if parts:
            found.append(("".join(parts), spelling.strip(',;:!?()[]{}"“”«»…')))
    return found


def _lexemes(word: Word) -> Iterable[str]:
    for part in word.parts:
        yield from (*part.windows, *words.endings(part)) if part.windows else (part.text,)
    if word.joined:
        yield word.joined


def _term(word: Word, suffix: str) -> str:
    apart = " & ".join(_lexeme(text) + suffix for part in word.parts for text in _sought(part))
    if not word.joined:
        return apart
    return f"({apart} | {_lexeme(word.joined)}{suffix})"


def _sought(part: Part) -> Sequence[str]:
    return part.windows[:MOST_WINDOWS] or (part.text,)


def _lexeme(text: str) -> str:
    """Quoted, so that nothing in it is an operator."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
