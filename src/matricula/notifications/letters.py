"""A letter before it has a shape: what it says, once, for both of its parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Action:
    """The one thing to do next. `path` is on this site and begins with a slash."""

    label: str
    path: str


@dataclass(frozen=True)
class Attachment:
    """A file made when the letter is sent: `source` names who makes it, `reference` which."""

    name: str
    source: str
    reference: str


@dataclass(frozen=True)
class Letter:
    """What a person is told. Texts are plain, in the reader's language.

    `summary` is the first paragraph, and all that the app shows; `paragraphs` follow the facts, and
    `closing` stands below the action.
    """

    subject: str
    heading: str
    summary: str
    facts: Sequence[tuple[str, str]] = ()
    paragraphs: Sequence[str] = ()
    action: Action | None = None
    closing: Sequence[str] = ()
    attachments: Sequence[Attachment] = ()
    greeting: str = ""
