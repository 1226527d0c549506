"""A reply to a mail, as it comes in: who wrote it, to which address, and what is new in it. Pure.

A reply carries what it answers along, below or above, quoted or not. Our mails begin with a line of
their own (`MARKER`); whatever stands from there on is ours and is cut off.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from dataclasses import dataclass
from email.message import Message
from email.utils import getaddresses

from lxml import etree

from matricula.kernel import foreign_mail
from matricula.support.rules import LONGEST_KEY, LONGEST_MESSAGE

MARKER = "-=-=-=-=-=-"
_SHORTENED = "\n[…]"
_MOST_NAMES = 5
# Where a mail program says which address the mail came to, the surest first.
_TO = ("X-Original-To", "Delivered-To", "To", "Cc")
# How programs announce what they quote: "On Monday Lea wrote:", and the head of the mail itself.
_ANNOUNCED = re.compile(r"^(>.*|.*:|-{2,}.*|_{5,}|\*?[A-Z][\w-]{1,11}:\*? .*|)$")
_AUTOMATIC_PRECEDENCE = frozenset({"bulk", "junk", "list", "auto_reply"})


# Not charsets of mail: decoding these two takes time that grows with the square of the length.
_SLOW_CODECS = frozenset({"idna", "punycode"})
_UNREAD_ELEMENTS = frozenset({"head", "script", "style"})
_BLOCKS = frozenset(
    {"p", "div", "tr", "li", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote"},
)


@dataclass(frozen=True)
class Head:
    """Who wrote to whom. `key` is the same for the same mail, delivered twice."""

    senders: tuple[str, ...]
    recipients: tuple[str, ...]
    key: str
    is_automatic: bool


def read_head(raw: bytes, recipient: str = "") -> Head:
    """Reads the header fields only. Never raises, whatever the bytes are. `recipient` is the
    envelope's, when it is known."""
    message = foreign_mail.read_head(raw)
    named = [recipient, *_addresses(message, *_TO)]
    return Head(
        senders=tuple(_addresses(message, "From")),
        recipients=tuple(address.lower() for address in named if address),
        key=_key(message, raw),
        is_automatic=_is_automatic(message),
    )


def read_text(raw: bytes) -> str:
    """What the sender wrote, without what they quote; empty when nothing new was written. Files
    are not kept, and named at its end. Never raises; reads no more than
    `foreign_mail.MAX_BYTES`."""
    message = foreign_mail.read_whole(raw)
    if message is None:
        return ""
    text, files = _parts(message)
    return _with_names(_new_words(text), files)


def _addresses(message: Message, *names: str) -> list[str]:
    found = [str(value) for name in names for value in message.get_all(name, [])]
    try:
        return [address for _, address in getaddresses(found) if "@" in address]
    except RecursionError:  # comments nested a thousand deep
        return []


def _key(message: Message, raw: bytes) -> str:
    named = str(message.get("Message-ID", "")).strip().encode(errors="replace") or raw
    return f"mail:{hashlib.sha256(named).hexdigest()}"[:LONGEST_KEY]


def _is_automatic(message: Message) -> bool:
    """Written by a program (RFC 3834, section 5): such a mail is never taken for a person's word,
    and never answered."""
    submitted = str(message.get("Auto-Submitted", "no")).partition(";")[0].strip().lower()
    return (
        submitted != "no"
        or str(message.get("Precedence", "")).strip().lower() in _AUTOMATIC_PRECEDENCE
        or str(message.get("Return-Path", "")).strip() == "<>"
        or any(name in message for name in ("List-Id", "X-Autoreply", "X-Autorespond"))
        or message.get_content_type() == "multipart/report"
    )


def _parts(message: Message) -> tuple[str, list[str]]:
    """The plain text, else the text of the HTML; and the names of files."""
    plain, rich, files = "", "", list[str]()
    for part in message.walk():
        if part.is_multipart():
            continue
        name = part.get_filename()
        if name or part.get_content_disposition() == "attachment":
            files.append(" ".join(str(name or part.get_content_type()).split())[:100])
        elif part.get_content_type() == "text/plain":
            plain = plain or _decoded(part)
        elif part.get_content_type() == "text/html":
            rich = rich or _decoded(part)
    return plain if plain.strip() else _text_of(rich), files


def _decoded(part: Message) -> str:
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    charset = part.get_content_charset("utf-8")
    try:
        is_slow = codecs.lookup(charset).name in _SLOW_CODECS
        return content.decode("utf-8" if is_slow else charset, "replace")
    except (LookupError, ValueError):
        return content.decode("utf-8", "replace")


class _Text:
    """Collects the text of an HTML document, a line for each block (an lxml parser target)."""

    def __init__(self) -> None:
        self._lines: list[list[str]] = [[]]
        self._unread = 0

    def start(self, tag: str, _attributes: object) -> None:
        self._unread += tag in _UNREAD_ELEMENTS
        if tag == "br":
            self._lines.append([])

    def end(self, tag: str) -> None:
        self._unread -= tag in _UNREAD_ELEMENTS
        if tag in _BLOCKS:
            self._lines.append([])

    def data(self, text: str) -> None:
        if not self._unread:
            self._lines[-1].append(text)

    def close(self) -> str:
        return "\n".join(" ".join("".join(line).split()) for line in self._lines)


def _text_of(markup: str) -> str:
    """To be read by staff as text: it is escaped wherever it is shown."""
    text = _Text()
    parser = etree.HTMLParser(target=text)
    try:
        parser.feed(_clean(markup))
        parser.close()
    except etree.LxmlError:  # an empty document; what was read so far counts
        pass
    return text.close()


def _new_words(text: str) -> str:
    """What stands above our mail; without the announcement of a quotation at its end."""
    lines = _clean(text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    ours = next((n for n, line in enumerate(lines) if MARKER in line), None)
    lines = [line.rstrip() for line in lines[:ours]]
    is_quoted = ours is not None or any(line.startswith(">") for line in lines)
    while lines and is_quoted and _ANNOUNCED.match(lines[-1].strip()):
        lines.pop()
    return "\n".join(lines).strip()


def _with_names(text: str, files: list[str]) -> str:
    """Staff sees that there were files, and can ask for what they show."""
    names = "".join(f"\n[{_clean(name)}]" for name in files[:_MOST_NAMES])
    room = LONGEST_MESSAGE - len(names)
    if len(text) > room:
        text = text[: room - len(_SHORTENED)].rstrip() + _SHORTENED
    return (text + names).strip()


def _clean(text: str) -> str:
    """Without what cannot be stored."""
    text = text.replace("\x00", "")
    return "".join("\ufffd" if "\ud800" <= letter <= "\udfff" else letter for letter in text)
