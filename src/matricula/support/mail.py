"""A reply to a mail, as it comes in: who wrote it, to which address, and what is new in it. Pure.

A reply carries what it answers along, below or above, quoted or not. Our mails begin with a line of
their own (`MARKER`); whatever stands from there on is ours and is cut off.
"""

from __future__ import annotations

import email
import hashlib
import html
import re
from dataclasses import dataclass
from email import policy
from email.message import Message
from email.utils import getaddresses

from matricula.support.rules import LONGEST_KEY, LONGEST_MESSAGE

MARKER = "-=-=-=-=-=-"
_SHORTENED = "\n[…]"
_MOST_NAMES = 5
# Where a mail program says which address the mail came to, the surest first.
_TO = ("X-Original-To", "Delivered-To", "To", "Cc")
# How programs announce what they quote: "On Monday Lea wrote:", and the head of the mail itself.
_ANNOUNCED = re.compile(r"^(>.*|.*:|-{2,}.*|_{5,}|\*?[A-Z][\w-]{1,11}:\*? .*|)$")
_AUTOMATIC_PRECEDENCE = frozenset({"bulk", "junk", "list", "auto_reply"})


@dataclass(frozen=True)
class Reply:
    """`key` is the same for the same mail, delivered twice. `text` is empty when nothing new was
    written; files that came along are not kept, and named at its end."""

    senders: tuple[str, ...]
    recipients: tuple[str, ...]
    key: str
    text: str
    is_automatic: bool


def read(raw: bytes, recipient: str = "") -> Reply:
    """Never raises, whatever the bytes are. `recipient` is the envelope's, when it is known."""
    message = email.message_from_bytes(raw, policy=policy.compat32)
    text, files = _parts(message)
    named = [recipient, *_addresses(message, *_TO)]
    return Reply(
        senders=tuple(_addresses(message, "From")),
        recipients=tuple(address.lower() for address in named if address),
        key=_key(message, raw),
        text=_with_names(_new_words(text), files),
        is_automatic=_is_automatic(message),
    )


def _addresses(message: Message, *names: str) -> list[str]:
    found = [str(value) for name in names for value in message.get_all(name, [])]
    return [address for _, address in getaddresses(found) if "@" in address]


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
    try:
        return content.decode(part.get_content_charset("utf-8"), "replace")
    except (LookupError, ValueError):
        return content.decode("utf-8", "replace")


def _text_of(markup: str) -> str:
    """To be read by staff as text: it is escaped wherever it is shown."""
    markup = re.sub(r"(?is)<(style|script|head)\b.*?</\1>", "", markup)
    markup = re.sub(r"\s+", " ", markup)
    markup = re.sub(r"(?i)<br\b[^>]*>|</(p|div|tr|li|h\d|blockquote)>", "\n", markup)
    return html.unescape(re.sub(r"<[^>]*>", "", markup)).replace("\xa0", " ")


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
