"""The mail a demo installation would have sent. Not there outside demo mode."""

from __future__ import annotations

import email
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from matricula.edges import letters
from matricula.edges.web.guard import page
from matricula.kernel.errors import NotFound

MOST_SHOWN = 100
# What Django's file backend writes after each message of a file.
_SEPARATOR = b"\n" + b"-" * 79 + b"\n"


@dataclass(frozen=True)
class Letter:
    """A message as it is shown."""

    subject: str
    sender: str
    recipient: str
    date: str
    body: str
    html: str = ""


@page("GET")
def mailbox(request: HttpRequest) -> HttpResponse:
    """The newest files with their messages' subjects and recipients."""
    files = sorted(_files(), key=lambda file: file.stat().st_mtime_ns, reverse=True)[:MOST_SHOWN]
    context = {"files": [{"name": file.name, "letters": _letters(file)} for file in files]}
    return render(request, "demo/mailbox.html", context)


@page("GET")
def message(request: HttpRequest, name: str) -> HttpResponse:
    """The messages of one file. Only names that the folder lists are opened."""
    file = next((file for file in _files() if file.name == name), None)
    if file is None:
        raise NotFound(_("There is no such message."))
    return render(request, "demo/message.html", {"letters": _letters(file), "name": name})


@page("GET")
def content(request: HttpRequest, name: str, number: int) -> HttpResponse:  # noqa: ARG001
    """The HTML part of a message, alone and without rights: its styles are its own."""
    file = next((file for file in _files() if file.name == name), None)
    found = _letters(file) if file is not None else []
    if number >= len(found) or not found[number].html:
        raise NotFound(_("There is no such message."))
    return letters.alone(found[number].html)


@page("GET")
def kinds(request: HttpRequest) -> HttpResponse:
    """Every kind of letter, to be looked at."""
    _files()
    return render(request, "demo/letters.html", {"kinds": letters.kinds()})


@page("GET")
def kind(request: HttpRequest, kind: str, part: str) -> HttpResponse:
    """One of them, as HTML or text."""
    _files()
    return letters.answer(kind, part, request.GET.get("language", ""))


def _files() -> list[Path]:
    """The files of the mail folder. Raises NotFound outside demo mode."""
    folder = getattr(settings, "EMAIL_FILE_PATH", None)
    if not settings.ENVIRONMENT.demo or folder is None:
        raise NotFound
    path = Path(folder)
    return [file for file in path.iterdir() if file.is_file()] if path.is_dir() else []


def _letters(file: Path) -> list[Letter]:
    parts = file.read_bytes().split(_SEPARATOR)
    return [_letter(part) for part in parts if part.strip()]


def _letter(raw: bytes) -> Letter:
    parsed = email.message_from_bytes(raw, policy=policy.default)
    body = parsed.get_body(("plain", "html")) if isinstance(parsed, EmailMessage) else None
    rich = parsed.get_body(("html",)) if isinstance(parsed, EmailMessage) else None
    return Letter(
        subject=str(parsed["Subject"] or ""),
        sender=str(parsed["From"] or ""),
        recipient=str(parsed["To"] or ""),
        date=str(parsed["Date"] or ""),
        body=str(body.get_content()) if body is not None else "",
        html=str(rich.get_content()) if rich is not None else "",
    )
