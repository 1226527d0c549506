"""The cart: several courses, one payment."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from matricula.catalog import queries as catalog
from matricula.edges.web import basket, checkout_form, guest_form, offers, visits
from matricula.edges.web.guard import SeeOther, page, visitor_id
from matricula.flows import cart as flow
from matricula.flows import offer as offering
from matricula.flows.cart import Wish
from matricula.flows.checkout import Placed
from matricula.kernel import ids
from matricula.kernel.errors import DomainError


@page("GET", "POST", personal=True)
def cart(request: HttpRequest) -> HttpResponse:
    """GET shows what is in it and what it costs; POST buys all of it, or none."""
    courses = basket.courses(request)
    person_id = visitor_id(request)
    email = getattr(request.user, "email", "") if person_id is not None else ""
    if not courses:
        return render(request, "carts/empty.html")
    form = checkout_form.read(request, courses, person_id, email)
    guest = guest_form.read(request) if person_id is None else None
    problem = ""
    if request.method == "POST" and "confirm" in request.POST and form.is_valid:
        try:
            placed = _buy(request, form, guest)
        except DomainError as error:
            problem = _(error.detail)
            if guest is not None:
                guest.note(error)
        else:
            basket.remove(request, [course.slug for course in courses])
            return SeeOther(_next(placed))
    found = offering.offers_of(courses, person_id)
    context: dict[str, Any] = {
        **checkout_form.context_of(form, courses),
        "lines": [_line(offer) for offer in found],
        "problem": problem,
        "guest": guest,
        "is_guest": guest is not None,
        "login_url": offers.login_url(reverse("cart")),
    }
    return render(request, "carts/cart.html", context, status=409 if problem else 200)


def _buy(
    request: HttpRequest,
    form: checkout_form.CheckoutForm,
    guest: guest_form.GuestForm | None,
) -> Placed:
    wishes = [Wish(slug) for slug in basket.slugs(request)]
    terms = form.terms(request)
    person_id = visitor_id(request)
    if guest is None and person_id is not None:
        return flow.buy(person_id, wishes, codes=form.codes, terms=terms)
    assert guest is not None  # noqa: S101 - whoever is not signed in is a guest
    with transaction.atomic():  # a purchase that is refused leaves no guest behind
        placed = flow.buy(guest.make().pk, wishes, codes=form.codes, terms=terms)
    visits.remember_guest(request, placed.order_id)
    return placed


def _next(placed: Placed) -> str:
    if placed.payment_id is None:
        return reverse("order", args=[ids.to_text("ord", placed.order_id)])
    return reverse("pay", args=[ids.to_text("pay", placed.payment_id)]) + "?now=1"


@page("POST")
def add(request: HttpRequest) -> HttpResponse:
    """Puts a course into the cart."""
    course = catalog.find_course(request.POST.get("course", "")[:120])
    if basket.add(request, course.slug):
        messages.success(request, _("%(title)s is in your cart.") % {"title": course.title})
    else:
        messages.info(request, _("Your cart is full. Buy what is in it first."))
    return SeeOther(reverse("cart"))


@page("POST")
def remove(request: HttpRequest) -> HttpResponse:
    basket.remove(request, [request.POST.get("course", "")])
    return SeeOther(reverse("cart"))


def _line(offer: offering.CourseOffer) -> dict[str, Any]:
    return {
        "course": offer.course,
        "price": offers.price_of(offer),
        "trouble": _trouble(offer),
    }


def _trouble(offer: offering.CourseOffer) -> str:
    """Why this one cannot be bought now; empty when it can."""
    if offer.live is not None:
        pending = _("A checkout of it is open already: finish or cancel that first.")
        return pending if offer.live.is_pending else _("You have this course already.")
    return offers.why_not(offer)
