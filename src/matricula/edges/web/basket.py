"""The cart: courses that a browser has put aside, in its session. It promises no seat."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpRequest

from matricula.catalog import queries as catalog
from matricula.catalog.queries import CoursePlan
from matricula.flows.cart import MOST_COURSES

_KEY = "cart"


def slugs(request: HttpRequest) -> list[str]:
    return list(request.session.get(_KEY, []))


def add(request: HttpRequest, slug: str) -> bool:
    """Puts a course into the cart; False when it is full."""
    known = slugs(request)
    if slug not in known:
        if len(known) >= MOST_COURSES:
            return False
        request.session[_KEY] = [*known, slug]
    return True


def remove(request: HttpRequest, slugs_: Sequence[str]) -> None:
    request.session[_KEY] = [slug for slug in slugs(request) if slug not in set(slugs_)]


def courses(request: HttpRequest) -> list[CoursePlan]:
    """The courses in the cart, in one query; what does not exist any more is taken out, and what
    has another address since is kept by that one."""
    wanted = slugs(request)
    if not wanted:
        return []
    found = catalog.courses_by_slug(wanted)
    courses = {found[slug].slug: found[slug] for slug in wanted if slug in found}
    if list(courses) != wanted:
        request.session[_KEY] = list(courses)
    return list(courses.values())
