"""From the course page to enrolled: one page to confirm on, one form."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from matricula.accounts.errors import EmailUnverified
from matricula.catalog import queries as catalog
from matricula.catalog.queries import CoursePlan
from matricula.edges.web import checkout_form, offers, reminding, requirements, suggested, words
from matricula.edges.web.checkout_form import CheckoutForm
from matricula.edges.web.guard import SeeOther, page, person_of, visitor_id
from matricula.edges.web.views.errors import error_page
from matricula.edges.web.visits import payment_url
from matricula.enrollments.errors import AlreadyEnrolled
from matricula.enrollments.states import Stage
from matricula.flows import desk
from matricula.flows import offer as offering
from matricula.flows.applications import Application
from matricula.flows.offer import CourseOffer
from matricula.kernel import clock, ids
from matricula.kernel.errors import Action, DomainError, NotFound

OK, UNPROCESSABLE = 200, 422


@page("GET", "POST")
@login_required
def enroll(request: HttpRequest, slug: str) -> HttpResponse:
    """GET shows what is agreed to; POST agrees. Sending it twice books once."""
    course = catalog.course_at(slug)
    if request.method == "POST" and "update" not in request.POST:
        return _enroll(request, course)
    return _confirm(request, offering.offer_of(course, person_of(request).pk))


def _confirm(
    request: HttpRequest, offer: CourseOffer, form: CheckoutForm | None = None
) -> HttpResponse:
    is_held = offer.live is not None and offer.live.stage is Stage.VALIDATED
    if offer.live is not None and not is_held:
        return redirect(offers.enrollment_url(offer))
    if offer.refusal is not None and not is_held:
        return refused(request, offer.course, _with_words(offer, offer.refusal))
    sent = request.POST if request.method == "POST" else request.GET
    wished = cohort_wish(offer.course, sent.get("cohort", ""))
    person = person_of(request)
    joinable = offers.joinable_cohorts(offer)
    if is_held and offer.live is not None:  # its cohort was chosen with the ticket
        wished = offer.live.cohort_id
        joinable = [c for c in offer.cohorts if c.plan.id == wished]
    chosen = next((c for c in joinable if c.plan.id == wished), offer.chosen)
    if chosen is None:
        raise NotFound
    context = {
        "course": offer.course,
        "price": offers.price_of(offer),
        "intakes": [
            intake for intake in offers.intakes_of(offer) if intake.choose_url and not is_held
        ],
        "is_line": chosen.seats.by_turn and not is_held,
        "is_paid": offering.is_paid(offer.course, offer.at),
        "hold_minutes": settings.ENVIRONMENT.hold_seconds // 60,
        "chosen": chosen.plan,
        "chosen_reference": ids.to_text("coh", chosen.plan.id),
        "seats": words.seats(chosen.seats),
        "duration": words.weeks(offer.course.duration_weeks),
        "access": words.days(offer.course.access_days),
        "wish_failed": wished is not None and chosen.plan.id != wished,
    }
    if context["is_paid"] and not context["is_line"]:
        form = form or checkout_form.read(request, [offer.course], person.pk, person.email)
        starts = {offer.course.id: chosen.plan.starts_at}
        context |= checkout_form.context_of(form, [offer.course], starts)
    return render(request, "enrolling/confirm.html", context, status=_status_of(form))


def _status_of(form: CheckoutForm | None) -> int:
    return UNPROCESSABLE if form is not None and form.is_sent else OK


def _enroll(request: HttpRequest, course: CoursePlan) -> HttpResponse:
    cohort_id = cohort_wish(course, request.POST.get("cohort", ""))
    person = person_of(request)
    application = Application(person.pk, course=course.slug, cohort_id=cohort_id)
    form = None
    offer = offering.offer_of(course, person.pk) if offering.is_paid(course, clock.now()) else None
    if offer is not None and not _joins_line(offer, cohort_id):
        form = checkout_form.read(request, [course], person.pk, person.email)
        if not form.is_agreed and (offer.live is None or offer.live.stage is Stage.VALIDATED):
            return _confirm(request, offer, form)
        application = replace(
            application,
            coupon_code=form.values["coupon"] or None,
            terms=form.terms(),
        )
        reminding.remember(form.values, person.pk)
    try:
        receipt = desk.enroll(application)
    except AlreadyEnrolled as error:
        # Sent twice, or from a second tab: the first one counts, and nobody is scolded.
        messages.info(request, _("Your seat was already booked. Nothing was booked twice."))
        return SeeOther(reverse("enrollment", args=[error.guidance.extra["enrollment_id"]]))
    except DomainError as error:
        if form is not None and form.note(error):
            return _confirm(request, offering.offer_of(course, person.pk), form)
        return refused(request, course, error)
    if receipt.order_id is not None and receipt.stage is Stage.PAYMENT_PENDING:
        return SeeOther(payment_url(receipt.order_id) + "?now=1")
    if receipt.is_new and receipt.stage is not Stage.REQUESTED:
        messages.success(request, _("Enrolled Successfully!"))
    return SeeOther(reverse("enrollment", args=[ids.to_text("enr", receipt.enrollment_id)]))


def _joins_line(offer: CourseOffer, cohort_id: UUID | None) -> bool:
    """Whether the cohort's seats are given in order of arrival: it is paid for after the turn."""
    if offer.live is not None:
        return False
    wished = next((c for c in offer.cohorts if c.plan.id == cohort_id), offer.chosen)
    return wished is not None and wished.seats.by_turn


def refused(request: HttpRequest, course: CoursePlan, error: DomainError) -> HttpResponse:
    """The failure page, with what can be done about this course and what could be taken instead."""
    here = reverse("course", args=[course.slug])
    actions = [requirements.leading_back(way, course.slug) for way in error.guidance.actions]
    if isinstance(error, EmailUnverified):
        actions.append(Action(_("Confirm your e-mail address"), reverse("account_email")))
    if request.method == "POST":
        actions.append(Action(_("Enrollment Failed - Try Again"), request.path))
    actions.append(Action(_("Back to %(course)s") % {"course": course.title}, here))
    error.guidance = replace(error.guidance, actions=actions)
    return error_page(request, error, suggested.instead_of(course, visitor_id(request)))


def _with_words(offer: CourseOffer, refusal: DomainError) -> DomainError:
    """The refusal with the exact dates and reasons that the course page gives."""
    guidance = refusal.guidance
    if offer.can_wait or offer.waits_in is not None:
        here = reverse("waitlist", args=[offer.course.slug])
        guidance = replace(guidance, actions=[Action(_("Join the waitlist"), here)])
    return type(refusal)(offers.why_not(offer), guidance)


def cohort_wish(course: CoursePlan, reference: str) -> UUID | None:
    """The cohort asked for; None when none was. Raises NotFound for one of another course."""
    if not reference:
        return None
    cohort_id = ids.from_text("coh", reference)
    if cohort_id not in {plan.id for plan in course.cohorts}:
        raise NotFound
    return cohort_id
