"""The mail a demo installation would have sent, as text. Not there outside demo mode."""

from __future__ import annotations

import email
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

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
        raise NotFound("There is no such message.")
    return render(request, "demo/message.html", {"letters": _letters(file)})


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
    return Letter(
        subject=str(parsed["Subject"] or ""),
        sender=str(parsed["From"] or ""),
        recipient=str(parsed["To"] or ""),
        date=str(parsed["Date"] or ""),
        body=str(body.get_content()) if body is not None else "",
    )
