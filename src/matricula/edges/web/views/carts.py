"""The cart: several courses, one payment."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from matricula.accounts import guests
from matricula.accounts.actions import limit_guests
from matricula.catalog import queries as catalog
from matricula.catalog.queries import CoursePlan
from matricula.edges.web import basket, checkout_form, guest_form, offers, reminding, visits
from matricula.edges.web.checkout_form import CheckoutForm
from matricula.edges.web.guard import SeeOther, page, person_of, visitor_id
from matricula.edges.web.guest_form import GuestForm
from matricula.enrollments.errors import CorequisitesNotMet, CourseNotAvailable
from matricula.flows import cart as flow
from matricula.flows import offer as offering
from matricula.flows import quote as quotes
from matricula.flows.cart import Wish
from matricula.flows.checkout import Placed
from matricula.flows.offer import CourseOffer
from matricula.kernel import ids
from matricula.kernel.errors import DomainError
from matricula.orders import queries as orders
from matricula.orders.queries import OrderRecord
from matricula.orders.states import OrderState
from matricula.pricing.errors import CurrencyMismatch

OK, CONFLICT, UNPROCESSABLE = 200, 409, 422


@page("GET", "POST")
def cart(request: HttpRequest) -> HttpResponse:
    """GET shows what is in it and what it costs; POST buys all of it, or none."""
    courses = basket.courses(request)
    if not courses:
        return render(request, "carts/empty.html")
    person_id = visitor_id(request)
    found = offering.offers_of(courses, person_id)
    gone = _unavailable(found)
    courses = [course for course in courses if course.id not in gone]
    if not courses:
        lines = [_line(offer, (), gone) for offer in found]
        return render(request, "carts/cart.html", {"lines": lines})
    guest = guest_form.read(request) if person_id is None else None
    email = guest.values["email"] if guest else getattr(request.user, "email", "")
    form = checkout_form.read(request, courses, person_id, email)
    if guest is not None:
        guest.check(form)
    problem = ""
    if form.is_agreed:
        try:
            placed = _buy(request, [course.slug for course in courses], form, guest)
        except DomainError as error:
            is_of_a_field = (guest or form).note(error)
            problem = "" if is_of_a_field else error.detail
        else:
            basket.remove(request, [course.slug for course in courses])
            return SeeOther(_next(placed))
    context = _context(form, found, gone, guest) | {"problem": problem}
    status = UNPROCESSABLE if form.is_sent else OK
    return render(request, "carts/cart.html", context, status=CONFLICT if problem else status)


def _unavailable(found: list[CourseOffer]) -> dict[UUID, str]:
    """The courses that this checkout leaves out, with the reason: nobody can enroll in them any
    more, or their currency is another than that of the courses before them."""
    gone: dict[UUID, str] = {}
    kept: list[CoursePlan] = []
    for offer in found:
        if isinstance(offer.refusal, CourseNotAvailable):
            gone[offer.course.id] = offers.why_not(offer)
            continue
        try:
            quotes.currency_of([*kept, offer.course])
        except CurrencyMismatch as error:
            gone[offer.course.id] = error.detail
        else:
            kept.append(offer.course)
    return gone


def _context(
    form: CheckoutForm,
    found: list[CourseOffer],
    gone: Mapping[UUID, str],
    guest: GuestForm | None,
) -> dict[str, Any]:
    bought = [offer for offer in found if offer.course.id not in gone]
    starts = {
        offer.course.id: offer.chosen.plan.starts_at if offer.chosen else None for offer in bought
    }
    in_cart = {offer.course.id for offer in bought}
    return {
        **checkout_form.context_of(form, [offer.course for offer in bought], starts),
        "lines": [_line(offer, in_cart, gone) for offer in found],
        "guest": guest,
        "is_guest": guest is not None,
        "login_url": offers.login_url(reverse("cart")),
    }


def _buy(
    request: HttpRequest, slugs: Sequence[str], form: CheckoutForm, guest: GuestForm | None
) -> Placed:
    wishes = [Wish(slug) for slug in slugs]
    person_id = visitor_id(request)
    if guest is None and person_id is not None:
        reminding.remember(form.values, person_id)
        return flow.buy(person_id, wishes, codes=form.codes, terms=form.terms())
    assert guest is not None  # noqa: S101 - whoever is not signed in is a guest
    limit_guests(request)
    with transaction.atomic():  # a purchase that is refused leaves no guest behind
        guest_id = guest.make().pk
        reminding.remember(form.values, guest_id)
        placed = flow.buy(guest_id, wishes, codes=form.codes, terms=form.terms())
    visits.remember_guest(request, placed.order_id)
    return placed


def _next(placed: Placed) -> str:
    if placed.payment_id is None:
        return reverse("order", args=[ids.to_text("ord", placed.order_id)])
    return reverse("pay", args=[ids.to_text("pay", placed.payment_id)]) + "?now=1"


@page("GET")
@login_required
def again(request: HttpRequest, reference: str) -> HttpResponse:
    """Back to the checkout of an order that was not finished, as it was: one course's own page, or
    the cart with all of them. What is filled in is read from the order there."""
    order = orders.find(ids.from_text("ord", reference), person_of(request).pk)
    if order.state is not OrderState.EXPIRED:
        return SeeOther(reverse("order", args=[reference]))
    return _to_checkout(request, order, reference, "enroll")


@page("GET")
def again_as_guest(request: HttpRequest, token: str, reference: str) -> HttpResponse:
    """The same for a guest, by the link of their mail."""
    guest = guests.read_token(token)
    order = orders.find(ids.from_text("ord", reference), guest.pk)
    if order.state is not OrderState.EXPIRED:
        return visits.keep_link_private(SeeOther(reverse("guest_claim", args=[token])))
    visits.remember_guest(request, order.id)
    return visits.keep_link_private(_to_checkout(request, order, reference, "guest_checkout"))


def _to_checkout(
    request: HttpRequest, order: OrderRecord, reference: str, of_one: str
) -> HttpResponse:
    slugs = [line.course_slug for line in order.lines]
    if len(slugs) == 1:
        return SeeOther(f"{reverse(of_one, args=slugs)}?again={reference}")
    for slug in slugs:
        basket.add(request, slug)
    return SeeOther(f"{reverse('cart')}?again={reference}")


@page("POST")
def add(request: HttpRequest) -> HttpResponse:
    """Puts a course into the cart. Raises CurrencyMismatch beside courses of another currency."""
    course = catalog.find_course(request.POST.get("course", "")[:120])
    quotes.currency_of([*_payable(basket.courses(request)), course])
    if basket.add(request, course.slug):
        messages.success(request, _("%(title)s is in your cart.") % {"title": course.title})
    else:
        messages.info(request, _("Your cart is full. Buy what is in it first."))
    return SeeOther(reverse("cart"))


@page("POST")
def remove(request: HttpRequest) -> HttpResponse:
    """Takes a course out of the cart."""
    basket.remove(request, [request.POST.get("course", "")])
    return SeeOther(reverse("cart"))


def _payable(courses: Sequence[CoursePlan]) -> list[CoursePlan]:
    """The first course that is paid, which gives a cart its currency; none where all are free."""
    return [course for course in courses if course.price is not None][:1]


def _line(
    offer: CourseOffer, in_cart: Collection[UUID], gone: Mapping[UUID, str]
) -> dict[str, Any]:
    return {
        "course": offer.course,
        "price": offers.price_of(offer),
        "cohort": offer.chosen.plan if offer.chosen else None,
        "unavailable": gone.get(offer.course.id, ""),
        "trouble": ""
        if offer.course.id in gone or _comes_together(offer, in_cart)
        else _trouble(offer),
    }


def _comes_together(offer: CourseOffer, in_cart: Collection[UUID]) -> bool:
    """Whether all it lacks is a course that is in the cart too."""
    lacking = {course_id for course_id, _title in offer.missing_together}
    return isinstance(offer.refusal, CorequisitesNotMet) and lacking <= set(in_cart)


def _trouble(offer: CourseOffer) -> str:
    """Why this one cannot be bought now, and what to do; empty when it can."""
    if offer.live is not None and offer.live.is_pending:
        return _("A checkout of it is open already: finish or cancel that first.")
    if offer.live is not None:
        return _("You have this course already. Remove it to buy the rest.")
    why = offers.why_not(offer)
    return _("%(why)s Remove it to buy the rest.") % {"why": why} if why else ""
