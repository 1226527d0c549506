"""Which language an answer is in, wherever it is given: pages, JSON and the live edge.

What the address asks for counts first, then what was chosen on this device, then what the browser
prefers. See docs/adr/0054.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation.trans_real import parse_accept_lang_header

GetResponse = Callable[[HttpRequest], HttpResponse]
PARAMETER = "lang"
PSEUDO = "en-xa"  # for demos and tests, and not among those offered
REMEMBERED_FOR = 365 * 86_400
# The console is written in English; a half of it in another language would help nobody.
_CONSOLE = "/console/"
_WORDLESS = ("image/", "text/javascript", "text/css", "application/pdf")
_REMEMBER = "matricula.language"


def is_known(code: str) -> bool:
    """Whether the site can be read in it."""
    return code in _codes()


@cache
def _codes() -> frozenset[str]:
    return frozenset(code for code, _name in settings.LANGUAGES)


def choose(asked: str, chosen: str, accepted: str) -> str:
    """The language for somebody whose address asks for one, who has chosen one before, and whose
    browser sent this Accept-Language header; each may be empty."""
    for code in (asked, chosen):
        if is_known(code):
            return code
    for code, _weight in parse_accept_lang_header(accepted.lower()):
        for candidate in (code, code.split("-")[0]):
            if is_known(candidate):
                return candidate
    return settings.LANGUAGE_CODE


def remember(response: HttpResponse, code: str) -> None:
    """Keeps the choice on this device."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        code,
        max_age=REMEMBERED_FOR,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
    )


class Languages:
    """Answers each request in its language."""

    def __init__(self, get_response: GetResponse) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        code = settings.LANGUAGE_CODE
        if not request.path.startswith(_CONSOLE):
            code = choose(
                request.GET.get(PARAMETER, ""),
                request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, ""),
                request.headers.get("Accept-Language", ""),
            )
        with translation.override(code):
            response = self._get_response(request)
        if not response.get("Content-Type", "").startswith(_WORDLESS):
            response.setdefault("Content-Language", code)
            patch_vary_headers(response, ["Accept-Language", "Cookie"])
        if known := request.META.get(_REMEMBER):
            remember(response, known)
        return response


def _remember_theirs(request: HttpRequest, user: Any, **_signal: object) -> None:
    """Somebody signs in on a device where no language was chosen: theirs is."""
    is_new = user.language not in ("", translation.get_language())
    if is_new and settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
        request.META[_REMEMBER] = user.language


user_logged_in.connect(_remember_theirs, dispatch_uid=_REMEMBER)
