"""What every template may print."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from matricula.kernel import correlation
from matricula.notifications import queries as notifications

FRAGMENT = "X-Fragment"


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
    }


def bell(request: HttpRequest) -> dict[str, Any]:
    """How many messages the signed-in person has not read; asked for only by pages that show it."""

    def count() -> int:
        user = getattr(request, "user", None)
        if user is None or not user.is_authenticated:
            return 0
        return notifications.unread_count(user.pk)

    return {"unread": SimpleLazyObject(count)}
