"""The course page and the course's art."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache, partial

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from matricula.edges import languages
from matricula.edges.web import art as drawing
from matricula.edges.web import (
    costs,
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


@page("GET", same_for_guests=True)
def course(request: HttpRequest, slug: str) -> HttpResponse:
    """Everything about one course, and the enroll control."""
    visitor = visitor_id(request)
    offer = flow.find_offer(slug, visitor)
    others = suggested.instead_of(offer.course, visitor) if offer.button in offers.DEAD_ENDS else []
    share = sharing.share_of(offer.course.slug, offer.course.title)
    context = {
        "offer": offer,
        "course": offer.course,
        "seat_words": words.seat_words(),
        "price": offers.price_of(offer),
        "cost": costs.of_offer(offer, visitor),
        "meter": offers.meter_of(offer),
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
        "alternatives": others,
        "share": share,
        "canonical": sharing.canonical_of(share.url, request.GET.get(languages.PARAMETER, "")),
        "json_ld": partial(structured.course_json_ld, offer),
        "suggested": suggested.beside(
            offer.course.id, visitor, but=[other.course_id for other in others]
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
