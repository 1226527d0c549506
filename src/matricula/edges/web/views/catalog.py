"""The catalog, the course page and the course's art."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import lru_cache
from typing import Literal, cast
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from matricula.catalog import queries as catalog
from matricula.catalog.queries import Facets, Filters
from matricula.edges import languages
from matricula.edges.web import art as drawing
from matricula.edges.web import offers, requirements, sharing, structured, suggested, waiting, words
from matricula.edges.web.guard import page, visitor_id
from matricula.edges.web.visits import payment_url
from matricula.enrollments.errors import CorequisitesNotMet
from matricula.enrollments.states import Stage
from matricula.flows import offer as flow
from matricula.flows import openings
from matricula.flows.offer import ButtonState, CourseOffer
from matricula.orders import queries as orders

PAGE_SIZE = 24
LONGEST_SEARCH = 120
ART_LIFETIME = 365 * 86_400
# Categories and languages change with the seasons: each process looks once a minute.
FACETS_LIFETIME = 60


@page("GET")
def browse(request: HttpRequest) -> HttpResponse:
    """The list of courses, searched and narrowed. Unknown filter values narrow nothing; a cursor
    we never gave is an unknown page.
    """
    filters = _filters(request)
    found = catalog.browse(filters, cursor=request.GET.get("cursor") or None, limit=PAGE_SIZE)
    shown = flow.offers_of(found.courses, visitor_id(request))
    facets = facets_at(int(time.monotonic() // FACETS_LIFETIME))
    context = {
        "cards": [offers.card_of(offer) for offer in shown],
        "seat_words": words.seat_words(),
        "filters": filters,
        "is_narrowed": filters != Filters(),
        "categories": facets.categories,
        "languages": [(code, words.language(code)) for code in facets.languages],
        "suggestion": found.suggestion,
        "next_url": _page_url(filters, found.next_cursor) if found.next_cursor else "",
        "first_url": _page_url(filters) if request.GET.get("cursor") else "",
    }
    return render(request, "catalog/browse.html", context)


@page("GET")
def course(request: HttpRequest, slug: str) -> HttpResponse:
    """Everything about one course, and the enroll control."""
    visitor = visitor_id(request)
    offer = flow.find_offer(slug, visitor)
    others = flow.alternatives(offer.course, visitor) if offer.button in offers.DEAD_ENDS else []
    share = sharing.share_of(offer.course.slug, offer.course.title)
    context = {
        "offer": offer,
        "course": offer.course,
        "seat_words": words.seat_words(),
        "price": offers.price_of(offer),
        "drop": waiting.drop_of(offer),
        "can_add": not offer.takes_tickets
        and (offer.is_open or isinstance(offer.refusal, CorequisitesNotMet)),
        "can_buy_as_guest": offer.button is ButtonState.LOGIN_REQUIRED
        and not offer.takes_tickets
        and flow.is_paid(offer.course, offer.at),
        "control": _control(offer),
        "why": offers.why_not(offer),
        "can_be_told": openings.can_open(offer),
        "enrollment_url": offers.enrollment_url(offer),
        "alternatives": [offers.card_of(other) for other in others],
        "share": share,
        "canonical": sharing.canonical_of(share.url, request.GET.get(languages.PARAMETER, "")),
        "json_ld": structured.course_json_ld(offer),
        "suggested": suggested.beside(
            offer.course.id, visitor, but=[other.course.id for other in others]
        ),
        "intakes": offers.intakes_of(offer),
        "requirements": requirements.of_offer(offer),
        "language": words.language(offer.course.language),
        "duration": words.weeks(offer.course.duration_weeks),
        "access": words.days(offer.course.access_days),
        "seats": words.seats(offer.chosen.seats) if offer.chosen else "",
        "is_low": bool(offer.chosen and offers.is_low(offer.chosen.seats.left)),
        "login_url": offers.login_url(request.path),
    }
    return render(request, "catalog/course.html", context)


def _control(offer: CourseOffer) -> offers.Control:
    """The enroll control; what waits for its payment leads straight to it."""
    control = offers.control_of(offer)
    if offer.live is None or offer.live.stage is not Stage.PAYMENT_PENDING:
        return control
    order = orders.of_enrollment(offer.live.id)
    if order is None:
        return control
    return replace(control, label=_("Continue to payment"), url=payment_url(order.id))


@lru_cache(maxsize=512)
def _drawing(slug: str) -> str:
    return drawing.draw(slug)


@page("GET", personal=False)
def art(request: HttpRequest, slug: str) -> HttpResponse:  # noqa: ARG001 - the same for everybody
    """The course's art. Any slug has one, so it says nothing about which courses exist."""
    response = HttpResponse(_drawing(slug), content_type="image/svg+xml")
    response["Cache-Control"] = f"public, max-age={ART_LIFETIME}, immutable"
    return response


@lru_cache(maxsize=1)
def facets_at(minute: int) -> Facets:  # noqa: ARG001 - the cache's key
    """What the catalog can be narrowed by, read anew when the minute changes."""
    return catalog.facets()


def _filters(request: HttpRequest) -> Filters:
    price: Literal["", "free", "paid"] = ""
    if (asked := request.GET.get("price")) in {"free", "paid"}:
        price = cast("Literal['free', 'paid']", asked)
    return Filters(
        search=request.GET.get("search", "").strip()[:LONGEST_SEARCH],
        category=request.GET.get("category", ""),
        language=request.GET.get("language", ""),
        price=price,
    )


def _page_url(filters: Filters, cursor: str | None = None) -> str:
    asked = {
        "search": filters.search,
        "category": filters.category,
        "language": filters.language,
        "price": filters.price,
        "cursor": cursor or "",
    }
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{reverse('catalog')}?{query}" if query else reverse("catalog")
