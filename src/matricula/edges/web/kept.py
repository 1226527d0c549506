"""Pages that are the same for everybody, kept in this process for a second.

When a course opens, thousands look at the same page in the same second. One of them has it made,
the others get a copy with what is their own put in. Guests: the correlation id, and the token of
its forms. Those who are signed in get a copy of another page, made for `ANYBODY` who is signed in,
by a request that nobody's name, session or cookies can be read from; their own are also their
reference, what the bell counts, and whatever the page says is different for those who have to do
with a course it shows (`SharedPage`). That is read anew for each of them, by one query.

What is seen in a copy is at most twice `PAGES_KEPT_FOR` old (seconds, in the settings; 0
keeps nothing). Staff, whoever has a cart or something to be told, and whoever has just done
something (`acted`) has the page made for them; so has whoever asks for a part of a page after an
event. See docs/adr/0046 and 0066.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from http import HTTPStatus
from threading import Lock
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.utils.translation import get_language

from matricula.edges.web.context import FRAGMENT
from matricula.flows.dealings import dealings_with
from matricula.kernel import correlation, ids
from matricula.notifications.queries import MOST_COUNTED

MOST = 256
LONGEST_QUERY = 200
ACTED = "matricula_acted"
# Only an id of our own making is sure to stand nowhere else in a page.
_OURS = re.compile(r"[0-9a-f]{24}")
_TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="([A-Za-z0-9]+)"')
# As `page.html` prints them.
_BELL = '<span class="count"%s><span data-unread>%s</span>'
_SILENT_BELL = _BELL % (" hidden", 0)

Make = Callable[[HttpRequest], HttpResponse]
# How a page changes for this person, who has to do with these of its courses: texts of the page,
# and what they see in their place. None: it has to be made for them.
Changes = Callable[[UUID, frozenset[UUID]], Mapping[str, str] | None]


class _Anybody:
    """Somebody who is signed in, and of whom nothing is known. Nobody has this id."""

    pk = uuid4()
    is_authenticated = True
    is_staff = False


ANYBODY: Any = _Anybody()
_REFERENCE = ids.to_text("usr", ANYBODY.pk)


class NotTheSame(Exception):
    """This page cannot be made for anybody."""


class SharedPage(HttpResponse):
    """A page that is the same for all who are signed in, guests apart, and that says which courses
    it shows: `changes` says what is different for those who have to do with one of them."""

    def __init__(self, content: str, courses: Iterable[UUID], changes: Changes) -> None:
        super().__init__(content)
        self.courses = frozenset(courses)
        self.changes = changes


class Key(NamedTuple):
    path: str
    query: str
    language: str | None
    signed_in: bool


@dataclass
class _Page:
    body: bytes
    content_type: str
    correlation_id: bytes
    token: bytes | None
    began: float  # making it: what it shows was read after that
    courses: frozenset[UUID] = frozenset()
    changes: Changes | None = None
    is_renewed: bool = False  # somebody makes the next one


_pages: dict[Key, _Page] = {}
_lock = Lock()


def answer(request: HttpRequest, make: Make) -> HttpResponse:
    """The page as `make` gives it, or a copy of one made for others a moment ago."""
    if settings.PAGES_KEPT_FOR and _is_plain(request):
        if settings.SESSION_COOKIE_NAME not in request.COOKIES:
            return _for_guest(request, make)
        person_id = _who_is_like_others(request)
        if person_id is not None:
            return _for_person(request, person_id, make)
    return make(request)


def is_for_anybody(request: HttpRequest) -> bool:
    """Whether the page is made for all who are signed in. A view raises `NotTheSame` where they
    would see other pages by more than `SharedPage` can say."""
    return request.user is ANYBODY


def acted(response: HttpResponse) -> None:
    """After somebody did something: what they see next is made for them, until every page is
    younger than that."""
    if settings.PAGES_KEPT_FOR:
        response.set_cookie(
            ACTED,
            "1",
            max_age=math.ceil(2 * settings.PAGES_KEPT_FOR) + 1,
            samesite="Lax",
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
        )


def _is_plain(request: HttpRequest) -> bool:
    known = {
        settings.CSRF_COOKIE_NAME,
        settings.LANGUAGE_COOKIE_NAME,
        settings.SESSION_COOKIE_NAME,
    }
    is_short = len(request.META.get("QUERY_STRING", "")) <= LONGEST_QUERY
    return request.method == "GET" and is_short and known.issuperset(request.COOKIES)


def _who_is_like_others(request: HttpRequest) -> UUID | None:
    """The person, unless their pages have more of their own than `_marks`."""
    user = request.user
    if not user.is_authenticated or user.is_staff:
        return None
    has_more = request.session.get("cart") or "_messages" in request.session
    return None if has_more else user.pk


def _for_guest(request: HttpRequest, make: Make) -> HttpResponse:
    key = _key_of(request, signed_in=False)
    if FRAGMENT not in request.headers:
        page = _take(key)
        if page is not None:
            return _copy(page, request)
    began = time.monotonic()
    response = make(request)
    if _can_be_kept(response):
        _keep(key, _page_of(response, began))
    return response


def _for_person(request: HttpRequest, person_id: UUID, make: Make) -> HttpResponse:
    key = _key_of(request, signed_in=True)
    if FRAGMENT in request.headers:
        response = make(request)
        acted(response)  # or the page would show again what was before the event
        return response
    page = _take(key) or _made_for_anybody(key, request, make)
    if page is None or page.changes is None:
        return make(request)
    own = dealings_with(page.courses, person_id)
    changes = page.changes(person_id, own.courses)
    if changes is None:
        return make(request)
    return _copy(page, request, {**changes, **_marks(person_id, own.unread)})


def _marks(person_id: UUID, unread: int) -> dict[str, str]:
    """What every page has of the person's own."""
    marks = {_REFERENCE: ids.to_text("usr", person_id)}
    if unread:
        marks[_SILENT_BELL] = _BELL % ("", unread if unread <= MOST_COUNTED else f"{MOST_COUNTED}+")
    return marks


def _made_for_anybody(key: Key, request: HttpRequest, make: Make) -> _Page | None:
    """The page for all who are signed in; None where this request can make none."""
    if not _OURS.fullmatch(correlation.current()):
        return None
    began = time.monotonic()
    try:
        response = make(_nobodys(request))
    except NotTheSame:
        page = _Page(b"", "", b"", None, began)
    else:
        if not _can_be_kept(response) or not isinstance(response, SharedPage):
            return None
        page = _page_of(response, began)
        page.courses, page.changes = response.courses, response.changes
    _keep(key, page)
    return page


def _nobodys(request: HttpRequest) -> HttpRequest:
    """The same request, from somebody signed in of whom nothing is known."""
    theirs = copy(request)
    theirs.user = ANYBODY
    theirs.session = {}  # type: ignore[assignment]
    theirs.COOKIES = {}
    theirs._messages = []  # type: ignore[attr-defined]  # noqa: SLF001 - where Django looks
    return theirs


def _key_of(request: HttpRequest, *, signed_in: bool) -> Key:
    return Key(request.path, request.META.get("QUERY_STRING", ""), get_language(), signed_in)


def _can_be_kept(response: HttpResponse) -> bool:
    is_whole = response.status_code == HTTPStatus.OK and not response.cookies
    return is_whole and _OURS.fullmatch(correlation.current()) is not None


def _take(key: Key) -> _Page | None:
    """The page while it is young. Who finds it old makes the next one, and the others have the old
    one meanwhile, for as long again at most."""
    lifetime: float = settings.PAGES_KEPT_FOR
    now = time.monotonic()
    with _lock:
        page = _pages.get(key)
        if page is None or now >= page.began + 2 * lifetime:
            return None
        if now < page.began + lifetime or page.is_renewed:
            return page
        page.is_renewed = True
        return None


def _page_of(response: HttpResponse, began: float) -> _Page:
    token = _TOKEN.search(response.content)
    return _Page(
        response.content,
        response["Content-Type"],
        correlation.current().encode(),
        token.group(1) if token else None,
        began,
    )


def _keep(key: Key, page: _Page) -> None:
    with _lock:
        known = _pages.pop(key, page)
        _pages[key] = page if page.began >= known.began else known
        if len(_pages) > MOST:
            del _pages[next(iter(_pages))]


def _copy(
    page: _Page, request: HttpRequest, changes: Mapping[str, str] | None = None
) -> HttpResponse:
    body = page.body.replace(page.correlation_id, correlation.current().encode())
    if page.token is not None:
        body = body.replace(page.token, get_token(request).encode())
    for ours, theirs in (changes or {}).items():
        body = body.replace(ours.encode(), theirs.encode())
    return HttpResponse(body, content_type=page.content_type)
