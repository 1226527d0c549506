"""What every template may print."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from matricula.kernel import correlation

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
