"""The catalog: searched, narrowed and sorted by its address alone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from typing import cast
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from matricula.catalog import queries as catalog
from matricula.catalog.queries import Facets, Filters, Sort
from matricula.edges.web import kept, offers, tags, words
from matricula.edges.web.guard import page, visitor_id
from matricula.flows import offer as flow
from matricula.flows.offer import CourseOffer

PAGE_SIZE = 24
LONGEST_SEARCH = 120
# Shown to those whose search found nothing.
OTHERS = 3
# Categories and languages change with the seasons: each process looks once a minute.
FACETS_LIFETIME = 60


@dataclass(frozen=True)
class Chip:
    """A filter that is on, and the address without it."""

    label: str
    url: str


@page("GET", is_shared=True)
def browse(request: HttpRequest) -> HttpResponse:
    """The list of courses, searched, narrowed and sorted. Unknown values change nothing; a cursor
    we never gave is an unknown page.
    """
    filters = _filters(request)
    visitor = visitor_id(request)
    found = catalog.browse(filters, cursor=request.GET.get("cursor") or None, limit=PAGE_SIZE)
    listed = flow.offers_of(found.courses, visitor)
    others = [] if listed or not _chips(filters) else _others(visitor)
    facets = facets_at(int(time.monotonic() // FACETS_LIFETIME))
    context = {
        "cards": [offers.card_of(offer) for offer in listed],
        "others": [offers.card_of(offer) for offer in others],
        "seat_words": words.seat_words(),
        "filters": filters,
        "chips": _chips(filters),
        "count": _count(len(found.courses), is_all=not found.next_cursor),
        "sorts": _sorts(),
        "categories": facets.categories,
        "languages": [(code, words.language(code)) for code in facets.languages],
        "suggestion": found.suggestion,
        "next_url": _page_url(filters, found.next_cursor) if found.next_cursor else "",
        "first_url": _page_url(filters) if request.GET.get("cursor") else "",
    }
    html = render_to_string("catalog/browse.html", context, request)
    known = {offer.course.id: offer for offer in (*listed, *others)}
    return kept.SharedPage(html, known, partial(_changes, known))


def _changes(
    known: Mapping[UUID, CourseOffer], person_id: UUID, courses: frozenset[UUID]
) -> dict[str, str]:
    """The cards of the courses that somebody has to do with, and of those that ask something of
    people, as this person sees them: one query, none where there is no such course."""
    theirs = [offer for id_, offer in known.items() if id_ in courses or offer.course.has_rules]
    if not theirs:
        return {}
    return {
        tags.card(offers.card_of(ours)): tags.card(offers.card_of(offer))
        for ours, offer in zip(theirs, flow.offers_again(theirs, person_id), strict=True)
    }


@lru_cache(maxsize=1)
def facets_at(minute: int) -> Facets:  # noqa: ARG001 - the cache's key
    """What the catalog can be narrowed by, read anew when the minute changes."""
    return catalog.facets()


def _others(visitor: UUID | None) -> list[CourseOffer]:
    found = catalog.browse(Filters(sort="soonest"), limit=OTHERS)
    return flow.offers_of(found.courses, visitor)


def _count(shown: int, *, is_all: bool) -> str:
    """How many courses this page has; that there are more is said where they are."""
    if not is_all:
        return ngettext("%(count)d course and more", "%(count)d courses and more", shown) % {
            "count": shown
        }
    return ngettext("%(count)d course", "%(count)d courses", shown) % {"count": shown}


def _sorts() -> list[tuple[str, str]]:
    return [
        ("", _("Best match")),
        ("soonest", _("Starting soonest")),
        ("cheapest", _("Price, lowest first")),
        ("newest", _("Newest first")),
    ]


def _chips(filters: Filters) -> list[Chip]:
    """What is on, each with its way off. The order of the list is no filter."""
    labels = {
        "search": f"“{filters.search}”",
        "category": filters.category,
        "language": words.language(filters.language),
        "price": _("Free") if filters.price == "free" else _("Paid"),
    }
    return [
        Chip(label, _address({**asdict(filters), name: ""}))
        for name, label in labels.items()
        if getattr(filters, name)
    ]


def _filters(request: HttpRequest) -> Filters:
    asked = {name: request.GET.get(name, "") for name in asdict(Filters())}
    price = asked["price"] if asked["price"] in {"free", "paid"} else ""
    sort = asked["sort"] if asked["sort"] in {"newest", "soonest", "cheapest"} else ""
    return Filters(
        search=asked["search"].strip()[:LONGEST_SEARCH],
        category=asked["category"],
        language=asked["language"],
        price=price,  # type: ignore[arg-type]
        sort=cast("Sort", sort),
    )


def _page_url(filters: Filters, cursor: str | None = None) -> str:
    return _address({**asdict(filters), "cursor": cursor or ""})


def _address(asked: Mapping[str, str]) -> str:
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{reverse('catalog')}?{query}" if query else reverse("catalog")
