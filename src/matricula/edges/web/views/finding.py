"""For search engines and social sites: the map of the site, what they may read, and cards."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from matricula.catalog import queries as catalog
from matricula.edges.web import cards
from matricula.edges.web.guard import page
from matricula.edges.web.structured import absolute
from matricula.kernel.errors import NotFound

# At most 50,000 addresses a file (https://www.sitemaps.org/protocol.html).
PER_FILE = 20_000
KEPT = "public, max-age=3600"
CARD_KEPT = "public, max-age=86400"
# What is somebody's own, does something, or says nothing to a stranger.
PRIVATE = (
    "/accounts/",
    "/api/",
    "/cart/",
    "/console/",
    "/demo/",
    "/embed/",
    "/enrollments/",
    "/guests/",
    "/learn/",
    "/me/",
    "/offline/",
    "/orders/",
    "/pay/",
    "/support/",
    "/unsubscribe/",
    "/waitlist/",
    "/*/enroll/",
    "/*/guest/",
    "/*/waitlist/",
    "/*?search=",
    "/*?cursor=",
)


@page("GET", personal=False)
def robots(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - the same for everybody
    """RFC 9309."""
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in PRIVATE)]
    lines += ["", f"Sitemap: {absolute('sitemap')}", ""]
    response = HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")
    response["Cache-Control"] = KEPT
    return response


@page("GET", personal=False)
def sitemap(request: HttpRequest) -> HttpResponse:
    """Every page a stranger may find: the catalog and the listed courses. With very many of them
    it names several files."""
    files = max(1, -(-catalog.count_listed() // PER_FILE))
    if files == 1:
        return _urls(request, 1)
    locations = [absolute("sitemap_part", str(number)) for number in range(1, files + 1)]
    return _xml(request, "finding/sitemaps.xml", {"locations": locations})


@page("GET", personal=False)
def sitemap_part(request: HttpRequest, number: int) -> HttpResponse:
    """One file of several. Raises NotFound beyond the last."""
    return _urls(request, number)


def _urls(request: HttpRequest, number: int) -> HttpResponse:
    slugs = catalog.listed_slugs(start=(number - 1) * PER_FILE, limit=PER_FILE)
    if number != 1 and not slugs:
        raise NotFound
    locations = [absolute("catalog")] if number == 1 else []
    locations += [absolute("course", slug) for slug in slugs]
    return _xml(request, "finding/sitemap.xml", {"locations": locations})


def _xml(request: HttpRequest, template: str, context: dict[str, list[str]]) -> HttpResponse:
    response = render(request, template, context, content_type="application/xml")
    response["Cache-Control"] = KEPT
    return response


@lru_cache(maxsize=64)
def _card(slug: str, title: str, summary: str, site_name: str) -> bytes:
    return cards.draw(slug, title, summary, site_name)


@page("GET", personal=False)
def card(request: HttpRequest, slug: str) -> HttpResponse:  # noqa: ARG001 - the same for everybody
    """The picture that social sites show beside a link to the course."""
    course = catalog.course_at(slug)
    picture = _card(course.slug, course.title, course.summary, settings.SITE_NAME)
    response = HttpResponse(picture, content_type="image/png")
    response["Cache-Control"] = CARD_KEPT
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
