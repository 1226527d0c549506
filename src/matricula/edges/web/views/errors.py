"""Every failure as a page: what happened, what can be done instead, and the id to quote.

These pages are also shown when the database is away, so they touch neither the person nor the
session: no context processor runs, and their template shows no account.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _

from matricula.edges import problems
from matricula.edges.web.context import site
from matricula.edges.web.suggested import Suggested
from matricula.kernel import correlation
from matricula.kernel.errors import (
    Action,
    DomainError,
    InternalError,
    MalformedRequest,
    NotFound,
    PermissionDenied,
)

UNAUTHENTICATED, UNAVAILABLE = 401, 503


def error_page(
    request: HttpRequest, error: DomainError, instead: Sequence[Suggested] = ()
) -> HttpResponse:
    """The failure as a page with its status, and what could be taken instead. Never raises for want
    of a database."""
    context = {
        **site(request),
        "status": error.status,
        "title": error.title,
        "detail": error.detail,
        "field_errors": error.guidance.errors,
        "alternatives": instead or error.guidance.alternatives,
        "actions": [*error.guidance.actions, *_ways_on(request, error)],
        "retry_after": error.guidance.retry_after,
    }
    response = HttpResponse(render_to_string("errors/page.html", context), status=error.status)
    if error.guidance.retry_after is not None:
        response["Retry-After"] = str(error.guidance.retry_after)
    add_never_cache_headers(response)
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """Django's handler400."""
    return _answer(request, MalformedRequest())


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """Django's handler403."""
    return _answer(request, PermissionDenied())


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """Django's handler404."""
    return _answer(
        request, NotFound(_("The address may be mistyped, or what stood here has moved."))
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500: also for what a middleware raises, such as a session that cannot be read
    while the database is away."""
    raised = sys.exc_info()[1]
    known = problems.as_domain_error(raised) if isinstance(raised, Exception) else InternalError()
    return _answer(request, known)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    """What becomes of a form without the token that ties it to this browser."""
    return _answer(
        request,
        PermissionDenied(
            _(
                "This form is no longer valid: it was open for a long time, you signed in or out"
                " meanwhile, or cookies are blocked. Nothing was changed. Open the page again and"
                " send the form from there."
            )
        ),
    )


def _answer(request: HttpRequest, error: DomainError) -> HttpResponse:
    if request.path.startswith("/api/"):
        return problems.respond(error)
    return error_page(request, error)


def _ways_on(request: HttpRequest, error: DomainError) -> list[Action]:
    """The ways on that any failure leaves."""
    here = request.get_full_path()
    ways = []
    if error.status == UNAUTHENTICATED:
        target = f"{reverse('account_login')}?{urlencode({'next': here})}"
        ways.append(Action(_("Sign in"), target))
    elif error.retryable:
        # A link repeats reading, never a form: what was sent is not sent again unasked.
        ways.append(Action(_("Try again"), here))
    ways.append(Action(_("Browse all courses"), reverse("catalog")))
    asking = f"{reverse('support')}?{urlencode({'ref': correlation.current()})}"
    ways.append(Action(_("Contact support"), asking))
    return ways
