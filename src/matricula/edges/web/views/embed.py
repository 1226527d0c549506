"""The enroll button for other sites: its script, and the page that explains it."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import quote_etag
from django.views.decorators.http import condition

from matricula.catalog import queries as catalog
from matricula.catalog.queries import Filters
from matricula.edges.web.guard import page
from matricula.kernel.errors import NotFound

_SCRIPT = Path(__file__).resolve().parent.parent / "static" / "embed" / "v1.js"
# The address stays and what it holds may grow, so it is asked for anew after an hour.
_KEPT = "public, max-age=3600, stale-while-revalidate=86400"


@cache
def _script() -> tuple[bytes, str]:
    """The script and its ETag."""
    content = _SCRIPT.read_bytes()
    return content, quote_etag(sha256(content).hexdigest()[:16])


def _etag(request: HttpRequest) -> str:  # noqa: ARG001 - the same for everybody
    return _script()[1]


@page("GET", personal=False)
@condition(etag_func=_etag)
def script(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - the same for everybody
    """The script, for pages of any origin."""
    response = HttpResponse(_script()[0], content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = _KEPT
    response["Access-Control-Allow-Origin"] = "*"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@page("GET")
def guide(request: HttpRequest) -> HttpResponse:
    """How a course's button comes onto another site: the lines to copy, and the button itself.
    Without `?course=` for the first course of the catalog."""
    asked = request.GET.get("course", "")
    if asked:
        course = catalog.find_course(asked)
    else:
        found = catalog.browse(Filters(), limit=1).courses
        if not found:
            raise NotFound
        course = found[0]
    context = {
        "course": course,
        "site": settings.ENVIRONMENT.base_url,
        "script_path": reverse("embed_script"),
        "origins": settings.ENVIRONMENT.allowed_origins,
    }
    return render(request, "embed/guide.html", context)
