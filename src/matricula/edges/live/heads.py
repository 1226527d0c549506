"""The head of an answer, with the headers that Django's middleware gives to every other."""

from __future__ import annotations

from functools import cache

from csp.utils import build_policy
from django.conf import settings
from django.http import HttpResponse
from django.utils.translation import get_language

from matricula.edges.live.requests import Message, Scope
from matricula.edges.middleware import HEADER, PERMISSIONS_POLICY
from matricula.kernel import correlation


def start(head: HttpResponse, scope: Scope) -> Message:
    """The ASGI message that begins the answer."""
    usual = _usual(scope.get("scheme") == "https")
    own = [(name.lower().encode(), text.encode()) for name, text in head.items()]
    named_here = {name for name, _ in own}
    if not named_here.isdisjoint(usual):
        usual = {name: text for name, text in usual.items() if name not in named_here}
    return {
        "type": "http.response.start",
        "status": head.status_code,
        "headers": [
            *usual.items(),
            (b"content-language", (get_language() or settings.LANGUAGE_CODE).encode()),
            *named(),
            *own,
            *((b"set-cookie", morsel.OutputString().encode()) for morsel in head.cookies.values()),
        ],
    }


def named() -> list[tuple[bytes, bytes]]:
    """The one header that also the opening of a WebSocket has."""
    return [(HEADER.lower().encode(), correlation.current().encode())]


@cache
def _usual(secure: bool) -> dict[bytes, bytes]:
    headers = {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": settings.X_FRAME_OPTIONS,
        "Referrer-Policy": settings.SECURE_REFERRER_POLICY,
        "Cross-Origin-Opener-Policy": settings.SECURE_CROSS_ORIGIN_OPENER_POLICY,
        "Content-Security-Policy": build_policy(),
        "Permissions-Policy": PERMISSIONS_POLICY,
        "Cache-Control": "no-store",  # all of this is somebody's, or of this moment
        "Vary": "Authorization, Cookie, Accept-Language",
    }
    if secure and settings.SECURE_HSTS_SECONDS:
        headers["Strict-Transport-Security"] = f"max-age={settings.SECURE_HSTS_SECONDS}"
    return {name.lower().encode(): text.encode() for name, text in headers.items()}
