"""Buying without an account, and what the link in the mail afterwards opens."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth import login
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from matricula.accounts import guests as accounts
from matricula.accounts.actions import limit_guests
from matricula.catalog import queries as catalog
from matricula.edges.web import checkout_form, guest_form, offers, reminding, visits, words
from matricula.edges.web.checkout_form import CheckoutForm
from matricula.edges.web.guard import SeeOther, page, visitor_id
from matricula.edges.web.guest_form import GuestForm
from matricula.edges.web.views.enrolling import OK, UNPROCESSABLE, cohort_wish, refused
from matricula.enrollments import queries as enrollments
from matricula.enrollments.errors import CourseNotAvailable
from matricula.enrollments.queries import EnrollmentRecord
from matricula.enrollments.states import LIVE, Stage
from matricula.flows import cart, guests
from matricula.flows import offer as offering
from matricula.flows import withdraw as withdrawing
from matricula.flows.cart import Wish
from matricula.flows.offer import CohortOffer, CourseOffer
from matricula.kernel import ids
from matricula.kernel.errors import DomainError, NotFound

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@page("GET", "POST")
def check_out(request: HttpRequest, slug: str) -> HttpResponse:
    """The confirmation of a paid course for somebody without an account."""
    if visitor_id(request) is not None:
        return SeeOther(reverse("enroll", args=[slug]))
    offer = offering.offer_of(catalog.course_at(slug), None)
    if not offering.is_paid(offer.course, offer.at):
        raise NotFound
    if offer.refusal is not None or offer.chosen is None:
        return refused(request, offer.course, offer.refusal or CourseNotAvailable())
    guest = guest_form.read(request)
    form = checkout_form.read(request, [offer.course], None, guest.values["email"])
    guest.check(form)
    if form.is_agreed:
        bought = _buy(request, offer, form, guest)
        if bought is not None:
            return bought
    return _confirmation(request, offer, offer.chosen, form, guest)


def _buy(
    request: HttpRequest, offer: CourseOffer, form: CheckoutForm, guest: GuestForm
) -> HttpResponse | None:
    """Where the purchase leads; None when the guest has to mend what was filled in."""
    cohort_id = cohort_wish(offer.course, request.POST.get("cohort", ""))
    try:
        limit_guests(request)
        with transaction.atomic():  # a purchase that is refused leaves no guest behind
            person_id = guest.make().pk
            reminding.remember(form.values, person_id)
            placed = cart.buy(
                person_id,
                [Wish(offer.course.slug, cohort_id)],
                codes=form.codes,
                terms=form.terms(),
            )
    except DomainError as error:
        return None if guest.note(error) else refused(request, offer.course, error)
    visits.remember_guest(request, placed.order_id)
    return SeeOther(visits.payment_url(placed.order_id) + "?now=1")


def _confirmation(
    request: HttpRequest,
    offer: CourseOffer,
    chosen: CohortOffer,
    form: CheckoutForm,
    guest: GuestForm,
) -> HttpResponse:
    context: dict[str, Any] = {
        **checkout_form.context_of(form, [offer.course], {offer.course.id: chosen.plan.starts_at}),
        "course": offer.course,
        "price": offers.price_of(offer),
        "intakes": [],
        "chosen": chosen.plan,
        "chosen_reference": ids.to_text("coh", chosen.plan.id),
        "seats": words.seats(chosen.seats),
        "duration": words.weeks(offer.course.duration_weeks),
        "access": words.days(offer.course.access_days),
        "guest": guest,
        "is_guest": True,
        "login_url": offers.login_url(reverse("enroll", args=[offer.course.slug])),
    }
    status = UNPROCESSABLE if form.is_sent else OK
    return render(request, "enrolling/confirm.html", context, status=status)


@page("GET", "POST")
def claim(request: HttpRequest, token: str) -> HttpResponse:
    """The link of the mail: makes the account, or joins what was bought to the one signed in to."""
    guest = accounts.read_token(token)
    person_id = visitor_id(request)
    has_account = accounts.account_of(guest.guest_email) is not None
    errors: list[str] = []
    if request.method == "POST" and person_id is not None:
        return _join(request, token)
    if request.method == "POST" and not has_account:
        try:
            person = guests.claim(token, request.POST.get("password", ""))
        except DomainError as error:
            errors = [str(entry.message) for entry in error.guidance.errors] or [error.detail]
        else:
            login(request, person, backend=BACKEND)
            messages.success(request, _("Your account is ready, and your courses are open."))
            return SeeOther(reverse("my_courses"))
    context = {
        "email": guest.guest_email,
        "has_account": has_account,
        "is_signed_in": person_id is not None,
        "login_url": offers.login_url(request.path),
        "errors": errors,
        "withdrawals": _withdrawals(token, guest.pk),
    }
    return visits.keep_link_private(render(request, "guests/claim.html", context))


def _withdrawals(token: str, guest_id: UUID) -> list[dict[str, Any]]:
    """What of the guest's purchases can be withdrawn from, until when, and the way there."""
    bought = enrollments.list_of_person(guest_id)
    rights = [(record, withdrawing.withdrawable(record)) for record in bought]
    return [
        {
            "title": record.course_title,
            "url": reverse("guest_withdraw", args=[token, ids.to_text("enr", record.id)]),
            "ends_at": right.ends_at,
        }
        for record, right in rights
        if right is not None
    ]


def _join(request: HttpRequest, token: str) -> HttpResponse:
    person_id = visitor_id(request)
    if person_id is None:
        raise NotFound
    joined = [enrollments.of_person(person_id, found) for found in guests.join(token, person_id)]
    kept = [record for record in joined if record.stage in LIVE]
    if kept:
        words_ = ngettext(
            "%(count)d course was joined to your account.",
            "%(count)d courses were joined to your account.",
            len(kept),
        )
        messages.success(request, words_ % {"count": len(kept)})
    for record in joined:
        if record.stage not in LIVE:
            messages.info(request, _not_kept(record))
    return SeeOther(reverse("my_courses"))


def _not_kept(record: EnrollmentRecord) -> str:
    words_ = _("%(title)s was not joined, since it had ended.")
    if record.stage is Stage.REFUNDED:
        words_ = _("You could not be given %(title)s a second time: its money goes back.")
    return words_ % {"title": record.course_title}
