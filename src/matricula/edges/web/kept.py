"""Pages that are the same for every guest, kept in this process for a second.

When a course opens, thousands who have not signed in look at the same page in the same second. One
of them has it made, the others get a copy with what is their own put in: the correlation id, and
the token of its forms. What a guest sees is at most twice `GUEST_PAGES_KEPT_FOR` old (seconds, in
the settings; 0 keeps nothing). Whoever has a session, a cart for instance, is no such guest.

A part of a page that our scripts ask for after an event is always made anew, and is kept.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from threading import Lock

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.utils.translation import get_language

from matricula.edges.web.context import FRAGMENT
from matricula.kernel import correlation

MOST = 256
LONGEST_QUERY = 200
# Only an id of our own making is sure to stand nowhere else in a page.
_OURS = re.compile(r"[0-9a-f]{24}")
_TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="([A-Za-z0-9]+)"')

Key = tuple[str, str, str | None]


@dataclass
class _Page:
    body: bytes
    content_type: str
    correlation_id: bytes
    token: bytes | None
    began: float  # making it: what it shows was read after that
    is_renewed: bool = False  # somebody makes the next one


_pages: dict[Key, _Page] = {}
_lock = Lock()


def answer(request: HttpRequest, make: Callable[[], HttpResponse]) -> HttpResponse:
    """The page as `make` gives it, or a copy of one made for another guest a moment ago."""
    lifetime: float = settings.GUEST_PAGES_KEPT_FOR
    if not lifetime or not _is_for_guests(request):
        return make()
    key = (request.path, request.META.get("QUERY_STRING", ""), get_language())
    if FRAGMENT not in request.headers:
        page = _take(key, lifetime)
        if page is not None:
            return _copy(page, request)
    began = time.monotonic()
    response = make()
    if _can_be_kept(response):
        _keep(key, response, began)
    return response


def _is_for_guests(request: HttpRequest) -> bool:
    unimportant = {settings.CSRF_COOKIE_NAME, settings.LANGUAGE_COOKIE_NAME}
    is_short = len(request.META.get("QUERY_STRING", "")) <= LONGEST_QUERY
    return request.method == "GET" and is_short and unimportant.issuperset(request.COOKIES)


def _can_be_kept(response: HttpResponse) -> bool:
    is_plain = response.status_code == HTTPStatus.OK and not response.cookies
    return is_plain and _OURS.fullmatch(correlation.current()) is not None


def _take(key: Key, lifetime: float) -> _Page | None:
    """The page while it is young. Who finds it old makes the next one, and the others have the old
    one meanwhile, for as long again at most."""
    now = time.monotonic()
    with _lock:
        page = _pages.get(key)
        if page is None or now >= page.began + 2 * lifetime:
            return None
        if now < page.began + lifetime or page.is_renewed:
            return page
        page.is_renewed = True
        return None


def _keep(key: Key, response: HttpResponse, began: float) -> None:
    token = _TOKEN.search(response.content)
    page = _Page(
        response.content,
        response["Content-Type"],
        correlation.current().encode(),
        token.group(1) if token else None,
        began,
    )
    with _lock:
        _pages.pop(key, None)
        _pages[key] = page
        if len(_pages) > MOST:
            del _pages[next(iter(_pages))]


def _copy(page: _Page, request: HttpRequest) -> HttpResponse:
    body = page.body.replace(page.correlation_id, correlation.current().encode())
    if page.token is not None:
        body = body.replace(page.token, get_token(request).encode())
    return HttpResponse(body, content_type=page.content_type)
