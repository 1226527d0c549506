"""What every template may print."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import get_language

from matricula.edges import languages
from matricula.kernel import correlation, ids
from matricula.notifications import queries as notifications

FRAGMENT = "X-Fragment"


def _person(request: HttpRequest) -> str:
    """The signed-in person's reference; empty for a guest. Reads the session when it is printed."""
    return ids.to_text("usr", request.user.pk) if request.user.is_authenticated else ""


def _alternates(request: HttpRequest) -> list[tuple[str, str]]:
    """This page in each language, by hreflang. x-default speaks the reader's own."""
    address = f"{settings.ENVIRONMENT.base_url}{request.path}"
    found = [
        (code, f"{address}?{urlencode({languages.PARAMETER: code})}")
        for code, _name in settings.LANGUAGES
        if code != languages.PSEUDO
    ]
    return [*found, ("x-default", address)]


def site(request: HttpRequest) -> dict[str, Any]:
    """The site's name and address, whether it is a demo, and the request's correlation id.

    A fragment is a page that a script of ours reads, to take a part of it over: what was said to
    the person once must not be spent on it.

    Touches neither database nor session: error pages use it too.
    """
    return {
        "site_name": settings.SITE_NAME,
        "base_url": settings.ENVIRONMENT.base_url,
        "demo": settings.ENVIRONMENT.demo,
        "correlation_id": correlation.current(),
        "is_fragment": FRAGMENT in request.headers,
        "language_name": dict(settings.LANGUAGES).get(get_language() or "", ""),
        "here": request.get_full_path(),
        "alternates": partial(_alternates, request),
        "person_reference": partial(_person, request),
    }


def bell(request: HttpRequest) -> dict[str, Any]:
    """How many messages the signed-in person has not read; asked for only by pages that show it."""

    def count() -> int:
        user = getattr(request, "user", None)
        if user is None or not user.is_authenticated:
            return 0
        return notifications.unread_count(user.pk)

    return {"unread": SimpleLazyObject(count)}
