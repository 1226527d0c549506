"""What may be said, and how much of it. Pure."""

from __future__ import annotations

from datetime import timedelta

from matricula.kernel.errors import (
    FieldError,
    Guidance,
    IllegalState,
    RateLimited,
    ValidationFailed,
    Words,
)
from matricula.kernel.text import clean_line
from matricula.kernel.words import said

LONGEST_MESSAGE = 4_000
LONGEST_SUBJECT = 120
LONGEST_KEY = 64
MOST_MESSAGES = 200  # in one conversation: its page shows them all
MOST_OPEN = 5  # of one person
MOST_OPEN_OF_GUEST = 3  # of one address
MOST_A_MINUTE = 10  # by the person, in one conversation
KEPT_FOR = timedelta(days=730)  # after it was closed
LINK_DAYS = 90


def message_text(content: str) -> str:
    """The message as it is kept: lines end in one way, and nothing stands around it.

    Raises ValidationFailed, with `content` as the field.
    """
    text = content.replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(text) > LONGEST_MESSAGE:
        raise _wrong("content", said("Write at most %(most)d characters.", most=LONGEST_MESSAGE))
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise _wrong("content", said("It holds characters that cannot be stored."))
    if not clean_line(text):
        raise _wrong("content", said("Write what happened."))
    return text


def subject_of(subject: str, text: str) -> str:
    """What it is about, in one line: as given, else how the message begins."""
    line = next(filter(None, map(clean_line, [subject, *text.split("\n")])), "")
    if len(line) <= LONGEST_SUBJECT:
        return line
    whole_words = line[: LONGEST_SUBJECT - 1].rpartition(" ")[0]
    return (whole_words or line[: LONGEST_SUBJECT - 1]) + "…"


def check_room(last_number: int) -> None:
    """Raises IllegalState when the conversation is as long as it may get."""
    if last_number >= MOST_MESSAGES:
        raise IllegalState(
            said("This conversation has become very long. Please begin another one.")
        )


def check_open(count: int, most: int) -> None:
    """Raises RateLimited when so many conversations are open that no other may be begun."""
    if count >= most:
        raise RateLimited(
            said(
                "You have %(count)d open conversations with us. Please write in one of them, or "
                "close one first.",
                count=count,
            ),
            Guidance(retry_after=3600),
        )


def check_pace(in_last_minute: int) -> None:
    """Raises RateLimited when the person writes faster than anybody can read."""
    if in_last_minute >= MOST_A_MINUTE:
        raise RateLimited(said("Too many messages at once."), Guidance(retry_after=60))


def _wrong(field: str, message: Words) -> ValidationFailed:
    return ValidationFailed(guidance=Guidance(errors=[FieldError(field, message)]))
