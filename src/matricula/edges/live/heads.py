"""The head of an answer, with the headers that Django's middleware gives to every other."""

from __future__ import annotations

from functools import cache

from csp.utils import build_policy
from django.conf import settings
from django.http import HttpResponse
from django.utils.translation import get_language

from matricula.edges.live.requests import Message, Ready, Scope
from matricula.edges.middleware import HEADER, PERMISSIONS_POLICY
from matricula.kernel import correlation


def start(head: HttpResponse | Ready, scope: Scope) -> Message:
    """The ASGI message that begins the answer."""
    usual = _usual(get_language() or settings.LANGUAGE_CODE, scope.get("scheme") == "https")
    if isinstance(head, Ready):
        headers = [
            *usual,
            *named(),
            (b"content-type", head.content_type.encode()),
            (b"content-length", str(len(head.content)).encode()),
        ]
    else:
        own = [(name.lower().encode(), text.encode()) for name, text in head.items()]
        named_here = {name for name, _ in own}
        cookies = [morsel.OutputString().encode() for morsel in head.cookies.values()]
        headers = [
            *(pair for pair in usual if pair[0] not in named_here),
            *named(),
            *own,
            *((b"set-cookie", cookie) for cookie in cookies),
        ]
    return {"type": "http.response.start", "status": head.status_code, "headers": headers}


def named() -> list[tuple[bytes, bytes]]:
    """The one header that also the opening of a WebSocket has."""
    return [(HEADER.lower().encode(), correlation.current().encode())]


@cache
def _usual(language: str, secure: bool) -> list[tuple[bytes, bytes]]:
    headers = {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": settings.X_FRAME_OPTIONS,
        "Referrer-Policy": settings.SECURE_REFERRER_POLICY,
        "Cross-Origin-Opener-Policy": settings.SECURE_CROSS_ORIGIN_OPENER_POLICY,
        "Content-Security-Policy": build_policy(),
        "Permissions-Policy": PERMISSIONS_POLICY,
        "Cache-Control": "no-store",  # all of this is somebody's, or of this moment
        "Vary": "Authorization, Cookie, Accept-Language",
        "Content-Language": language,
    }
    if secure and settings.SECURE_HSTS_SECONDS:
        headers["Strict-Transport-Security"] = f"max-age={settings.SECURE_HSTS_SECONDS}"
    return [(name.lower().encode(), text.encode()) for name, text in headers.items()]
