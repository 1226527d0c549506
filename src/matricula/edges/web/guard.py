"""What every view starts with: its methods, who is asking, and how long the answer may be kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect
from django.http.response import HttpResponseRedirectBase
from django.urls import reverse
from django.utils.cache import add_never_cache_headers

from matricula.accounts.models import Person
from matricula.catalog.errors import CourseMoved
from matricula.edges.web import kept
from matricula.edges.web.views.errors import error_page
from matricula.kernel.errors import AuthenticationRequired, MethodNotAllowed

View = Callable[..., HttpResponse]


class SeeOther(HttpResponseRedirectBase):
    """After a form was sent: look there, with GET."""

    status_code = 303


def page(*methods: str, personal: bool = True, is_shared: bool = False) -> Callable[[View], View]:
    """Lets only these methods through, answers others with our own page, and keeps pages made for
    a signed-in person out of every cache, so that going back never shows an old state. A view that
    is not `personal` is the same for everybody; nobody is looked up for it. One that `is_shared` is
    the same for all guests, and nearly so for all others: it is made once a second (`kept.py`).
    """
    allowed = {*methods, "HEAD"} if "GET" in methods else set(methods)

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method not in allowed:
                response = error_page(request, MethodNotAllowed())
                response["Allow"] = ", ".join(sorted(allowed))
                return response

            def make(asked: HttpRequest) -> HttpResponse:
                return view(asked, *args, **kwargs)

            try:
                response = kept.answer(request, make) if is_shared else make(request)
            except CourseMoved as moved:
                return _moved(request, moved)
            if personal and request.user.is_authenticated:
                add_never_cache_headers(response)
                if request.method == "POST":
                    kept.acted(response)
            return response

        return guarded

    return guard


def _moved(request: HttpRequest, moved: CourseMoved) -> HttpResponse:
    """The same page at the course's present address. Asked anew each time, since a course may get
    an address back that it had: two redirects kept by a browser would lead in a circle."""
    match = request.resolver_match
    assert match is not None  # noqa: S101 - a view was found
    address = reverse(match.view_name, kwargs={**match.kwargs, "slug": moved.slug})
    if query := request.META.get("QUERY_STRING"):
        address += f"?{query}"
    # 308 has a form sent again, with all that is in it.
    is_read = request.method in {"GET", "HEAD"}
    response = HttpResponsePermanentRedirect(address, preserve_request=not is_read)
    response["Cache-Control"] = "no-cache"
    return response


def visitor_id(request: HttpRequest) -> UUID | None:
    """The signed-in person's id, or None for a guest."""
    return request.user.pk if request.user.is_authenticated else None


def person_of(request: HttpRequest) -> Person:
    """The signed-in person. Raises AuthenticationRequired for a guest."""
    if not isinstance(request.user, Person):
        raise AuthenticationRequired
    return request.user
