"""Waiting for a full course: the list's page, leaving it, and the page of an offered seat."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from matricula.catalog import queries as catalog
from matricula.catalog.queries import CoursePlan
from matricula.edges.web import checkout_form, queueing, reminding, suggested
from matricula.edges.web.checkout_form import CheckoutForm
from matricula.edges.web.guard import SeeOther, page, person_of
from matricula.edges.web.views.enrolling import cohort_wish, refused
from matricula.edges.web.visits import payment_url
from matricula.enrollments import queries as enrollments
from matricula.enrollments.queries import EnrollmentRecord
from matricula.enrollments.states import Stage
from matricula.flows import accept as accepting
from matricula.flows import offer as offering
from matricula.flows import standing as standings
from matricula.flows import swap
from matricula.flows import waitlist as flow
from matricula.flows.accept import Acceptance
from matricula.flows.offer import CourseOffer
from matricula.flows.standing import Standing
from matricula.flows.waitlist import Wish
from matricula.kernel import clock, events, ids
from matricula.kernel.errors import DomainError, NotFound
from matricula.waitlist import queries as waiting
from matricula.waitlist.models import LARGEST_PARTY
from matricula.waitlist.queries import EntryRecord, OfferRecord
from matricula.waitlist.states import OfferState

OK, UNPROCESSABLE = 200, 422


@page("GET", "POST")
@login_required
def waitlist(request: HttpRequest, slug: str) -> HttpResponse:
    """GET shows where one stands, or how to join; POST joins. Sending it twice joins once."""
    course, person_id = catalog.course_at(slug), person_of(request).pk
    cohort_id = cohort_wish(course, _sent(request, "cohort"))
    given_up = _given_up(request)
    if request.method == "POST":
        return _join(request, course, cohort_id, given_up)
    found = _standing(person_id, course, cohort_id)
    offer = _offer(course, person_id, cohort_id, given_up)
    if found is not None and (found.entry.is_open or not offer.can_wait):
        return _show(request, found)
    if offer.can_wait:
        return _invite(request, offer, found, given_up)
    return redirect("course", slug=slug)


@page("GET")
@login_required
def place(request: HttpRequest, reference: str) -> HttpResponse:
    """Where one place stands, or what became of it."""
    return _show(
        request, standings.of_entry(person_of(request).pk, ids.from_text("wtl", reference))
    )


def _sent(request: HttpRequest, name: str) -> str:
    return request.POST.get(name, "") or request.GET.get(name, "")


def _given_up(request: HttpRequest) -> EnrollmentRecord | None:
    """The enrollment that one would give up for the seat, if one is named. Raises NotFound."""
    reference = _sent(request, "replaces")
    if not reference:
        return None
    return enrollments.of_person(person_of(request).pk, ids.from_text("enr", reference))


def _offer(
    course: CoursePlan, person_id: UUID, cohort_id: UUID | None, given_up: EnrollmentRecord | None
) -> CourseOffer:
    """The course as this visitor sees it without what they would give up, in the cohort meant."""
    apart_from = [] if given_up is None else [given_up.id]
    return offering.offer_of(course, person_id, apart_from=apart_from, cohort_id=cohort_id)


def _standing(person_id: UUID, course: CoursePlan, cohort_id: UUID | None) -> Standing | None:
    try:
        return standings.in_course(person_id, course.id, cohort_id)
    except NotFound:
        return None


def _show(request: HttpRequest, standing: Standing) -> HttpResponse:
    # The events before what they tell of: the page may be newer than it says, never older.
    happened = events.of_subject(standing.entry.id)
    person_id = standing.entry.person_id
    standing = standings.of_entry(person_id, standing.entry.id)
    shown = queueing.waiting_of(standing)
    context = {
        "course": standing.course,
        "cohort": standing.cohort,
        "waiting": shown,
        "given_up": _to_give_up(standing.entry),
        "is_in_elsewhere": any("because" in told.data for told in happened),
        "has_other_lists": shown.can_wish and waiting.lists_of(person_id) > 1,
        "live": queueing.live_of(shown, happened),
        "look_again": queueing.LOOK_AGAIN if shown.is_open else 0,
        "alternatives": suggested.instead_of(standing.course, person_id),
    }
    return render(request, "waitlists/standing.html", context)


def _to_give_up(entry: EntryRecord) -> EnrollmentRecord | None:
    """What the person has that is given up once the seat is there."""
    if entry.replaces_id is None or not entry.is_open:
        return None
    kept = enrollments.led_to([entry.replaces_id]).get(entry.replaces_id)
    return enrollments.of_person(entry.person_id, kept) if kept is not None else None


def _invite(
    request: HttpRequest,
    offer: CourseOffer,
    before: Standing | None,
    given_up: EnrollmentRecord | None,
    error: str = "",
) -> HttpResponse:
    largest = offer.waitlist.largest_party if offer.waitlist is not None else 1
    capacity = offer.chosen.seats.capacity if offer.chosen is not None else None
    largest = 1 if given_up is not None else min(largest, capacity or largest)
    context = {
        "course": offer.course,
        "cohort": offer.chosen.plan if offer.chosen is not None else None,
        "cohort_reference": ids.to_text("coh", offer.chosen.plan.id) if offer.chosen else "",
        "length": offer.waitlist.length if offer.waitlist is not None else 0,
        "sizes": range(1, largest + 1),
        "is_paid": offering.is_paid(offer.course, offer.at),
        "given_up": given_up,
        "given_up_is_paid": given_up is not None and swap.is_paid_for(given_up),
        "given_up_reference": ids.to_text("enr", given_up.id) if given_up is not None else "",
        "has_other_lists": waiting.lists_of(person_of(request).pk) > 0,
        "before": queueing.waiting_of(before) if before is not None else None,
        "error": error,
    }
    return render(request, "waitlists/join.html", context, status=UNPROCESSABLE if error else OK)


def _join(
    request: HttpRequest,
    course: CoursePlan,
    cohort_id: UUID | None,
    given_up: EnrollmentRecord | None,
) -> HttpResponse:
    sent = request.POST.get("party_size", "1")
    is_number = sent.isascii() and sent.isdigit() and 1 <= int(sent[:4]) <= LARGEST_PARTY
    wish = Wish(
        person_of(request).pk,
        course.id,
        cohort_id,
        int(sent) if is_number else 0,
        replaces=given_up.id if given_up is not None else None,
        leaves_others="leave_others" in request.POST,
    )
    offer = _offer(course, wish.person_id, cohort_id, given_up)
    if not is_number and offer.can_wait:
        return _invite(request, offer, None, given_up, _("Choose how many seats you want."))
    try:
        standing, _is_new = flow.join(wish)
    except DomainError as error:
        if error.guidance.errors and offer.can_wait:
            return _invite(request, offer, None, given_up, str(error.guidance.errors[0].message))
        return refused(request, course, error)
    return SeeOther(reverse("waitlist_place", args=[ids.to_text("wtl", standing.entry.id)]))


@page("POST")
@login_required
def change_wish(request: HttpRequest, reference: str) -> HttpResponse:
    """Says whether other lists are left once one is in."""
    entry_id, person_id = ids.from_text("wtl", reference), person_of(request).pk
    standing = standings.of_entry(person_id, entry_id)
    try:
        flow.change_wish(
            person_id,
            entry_id,
            replaces=standing.entry.replaces_id,
            leaves_others="leave_others" in request.POST,
        )
    except DomainError as error:
        return refused(request, standing.course, error)
    messages.success(request, _("Noted."))
    return SeeOther(reverse("waitlist_place", args=[reference]))


@page("POST")
@login_required
def leave(request: HttpRequest, reference: str) -> HttpResponse:
    """Gives the place up, and a seat that is offered with it. Sending it twice leaves once."""
    entry_id, person_id = ids.from_text("wtl", reference), person_of(request).pk
    standing = standings.of_entry(person_id, entry_id)
    if standing.entry.is_open:
        flow.leave(person_id, entry_id, actor_id=person_id)
        messages.success(request, _("You left the waitlist."))
    else:
        messages.info(request, _("This place in the waitlist had ended already."))
    return SeeOther(reverse("course", args=[standing.course.slug]))


@page("GET", "POST")
@login_required
def offer(request: HttpRequest, reference: str) -> HttpResponse:
    """GET shows the seat and what is agreed to; POST takes it. Sending it twice takes it once."""
    key = request.GET.get("key", "") or request.POST.get("key", "")
    found, entry = accepting.find_offer(ids.from_text("off", reference), person_of(request).pk, key)
    course = accepting.course_of(found, entry)
    if request.method == "POST" and "update" not in request.POST:
        return _accept(request, found, entry, course, key)
    return _show_offer(request, found, entry, course, key)


def _show_offer(  # noqa: PLR0917 - what the page is made of
    request: HttpRequest,
    found: OfferRecord,
    entry: EntryRecord,
    course: CoursePlan,
    key: str,
    form: CheckoutForm | None = None,
) -> HttpResponse:
    person = person_of(request)
    cohort = next(plan for plan in course.cohorts if plan.id == entry.cohort_id)
    context = {
        "course": course,
        "cohort": cohort,
        "offer": found,
        "is_open": found.state is OfferState.OPEN,
        "is_own": found.number == 1,
        "is_mine": _is_taken_by(found, person.pk),
        "key": key,
        "entry_reference": ids.to_text("wtl", entry.id),
    }
    if offering.is_paid(course, clock.now()) and found.state is OfferState.OPEN:
        form = form or checkout_form.read(request, [course], person.pk, person.email)
        context |= checkout_form.context_of(form, [course], {course.id: cohort.starts_at})
    is_wrong = form is not None and form.is_sent
    return render(
        request, "waitlists/offer.html", context, status=UNPROCESSABLE if is_wrong else OK
    )


def _is_taken_by(found: OfferRecord, person_id: UUID) -> str:
    """Where the seat is seen by whoever took it; empty for others."""
    if found.enrollment_id is None:
        return ""
    try:
        enrollments.of_person(person_id, found.enrollment_id)
    except NotFound:
        return ""
    return reverse("enrollment", args=[ids.to_text("enr", found.enrollment_id)])


def _accept(
    request: HttpRequest, found: OfferRecord, entry: EntryRecord, course: CoursePlan, key: str
) -> HttpResponse:
    person = person_of(request)
    form = None
    acceptance = Acceptance(found.id, person.pk, key)
    if offering.is_paid(course, clock.now()) and found.state is OfferState.OPEN:
        form = checkout_form.read(request, [course], person.pk, person.email)
        if not form.is_agreed:
            return _show_offer(request, found, entry, course, key, form)
        reminding.remember(form.values, person.pk)
        coupon = form.values["coupon"] or None
        acceptance = Acceptance(found.id, person.pk, key, coupon, form.terms())
    try:
        receipt = accepting.accept(acceptance)
    except DomainError as error:
        if form is not None and form.note(error):
            return _show_offer(request, found, entry, course, key, form)
        return refused(request, course, error)
    if receipt.order_id is not None and receipt.stage is Stage.PAYMENT_PENDING:
        return SeeOther(payment_url(receipt.order_id) + "?now=1")
    if receipt.is_new:
        messages.success(request, _("Enrolled Successfully!"))
    return SeeOther(reverse("enrollment", args=[ids.to_text("enr", receipt.enrollment_id)]))
