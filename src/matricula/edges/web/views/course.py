"""The course page and the course's art."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache, partial
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from matricula.catalog import queries as catalog
from matricula.edges import languages
from matricula.edges.web import art as drawing
from matricula.edges.web import (
    costs,
    kept,
    offers,
    requirements,
    sharing,
    structured,
    suggested,
    waiting,
    words,
)
from matricula.edges.web.guard import page, visitor_id
from matricula.edges.web.visits import payment_url
from matricula.enrollments.errors import CorequisitesNotMet
from matricula.enrollments.states import Stage
from matricula.flows import offer as flow
from matricula.flows import openings
from matricula.flows.offer import ButtonState, CourseOffer
from matricula.orders import queries as orders

ART_LIFETIME = 365 * 86_400


@page("GET", is_shared=True)
def course(request: HttpRequest, slug: str) -> HttpResponse:
    """Everything about one course, and the enroll control."""
    visitor = visitor_id(request)
    offer = flow.offer_of(catalog.course_at(slug), visitor)
    cost, around = costs.of_offer(offer, visitor), suggested.around(offer, visitor)
    if kept.is_for_anybody(request) and not _is_same_for_all(offer, cost, around):
        raise kept.NotTheSame
    share = sharing.share_of(offer.course.slug, offer.course.title)
    context = {
        "offer": offer,
        "course": offer.course,
        "seat_words": words.seat_words(),
        "price": offers.price_of(offer),
        "cost": cost,
        "meter": offers.meter_of(offer),
        "drop": waiting.drop_of(offer),
        "can_add": _can_add(offer),
        "can_buy_as_guest": _can_buy_as_guest(offer),
        "control": _control(offer),
        "why": offers.why_not(offer),
        "can_be_told": openings.can_open(offer),
        "enrollment_url": offers.enrollment_url(offer),
        "alternatives": around.instead,
        "share": share,
        "canonical": sharing.canonical_of(share.url, request.GET.get(languages.PARAMETER, "")),
        "json_ld": partial(structured.course_json_ld, offer),
        "suggested": around.beside,
        "intakes": offers.intakes_of(offer),
        "requirements": requirements.of_offer(offer),
        "language": words.language(offer.course.language),
        "duration": words.weeks(offer.course.duration_weeks),
        "access": words.days(offer.course.access_days),
        "seats": words.seats(offer.chosen.seats) if offer.chosen else "",
        "is_low": bool(offer.chosen and offers.is_low(offer.chosen.seats.left)),
        "login_url": offers.login_url(request.path),
    }
    html = render_to_string("catalog/course.html", context, request)
    changes = partial(_changes, offer.course.id, around)
    return kept.SharedPage(html, {offer.course.id, *around.course_ids}, changes)


def _can_add(offer: CourseOffer) -> bool:
    """Whether it can be put into the cart: also what must be taken together with another course."""
    fits = offer.is_open or isinstance(offer.refusal, CorequisitesNotMet)
    return fits and not offer.takes_tickets


def _can_buy_as_guest(offer: CourseOffer) -> bool:
    is_guest = offer.button is ButtonState.LOGIN_REQUIRED
    return is_guest and not offer.takes_tickets and flow.is_paid(offer.course, offer.at)


def _is_same_for_all(offer: CourseOffer, cost: costs.Cost | None, around: suggested.Around) -> bool:
    """Whether all who have nothing to do with these courses see the same, but for `_changes`."""
    if offer.course.has_rules or (cost is not None and cost.has_coupon):
        return False
    return offer.button not in offers.DEAD_ENDS or suggested.same_instead(offer.course, around)


def _changes(
    course_id: UUID, around: suggested.Around, person_id: UUID, courses: frozenset[UUID]
) -> dict[str, str] | None:
    """Whoever has to do with the course or one that is suggested, or would be suggested another,
    has a page of their own."""
    if courses or not suggested.same_beside(course_id, person_id, around):
        return None
    return {}


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
