"""The status page of an enrollment, and giving it up. Both are its owner's alone."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from matricula.catalog import queries as catalog
from matricula.edges.web import offers, progress, words
from matricula.edges.web.guard import SeeOther, page, person_of
from matricula.edges.web.progress import money_words
from matricula.enrollments import queries as enrollments
from matricula.enrollments.queries import EnrollmentRecord
from matricula.enrollments.states import Stage
from matricula.flows import cancel as cancelling
from matricula.flows import payment_status, refund
from matricula.flows.offer import alternatives
from matricula.flows.payment_status import Standing
from matricula.kernel import events, ids
from matricula.kernel.errors import IllegalState


@page("GET")
@login_required
def status(request: HttpRequest, reference: str) -> HttpResponse:
    """Where the enrollment stands, how it came there, and what can be done."""
    enrollment_id, person_id = ids.from_text("enr", reference), person_of(request).pk
    record = enrollments.of_person(person_id, enrollment_id)
    course = catalog.courses_by_id([record.course_id])[record.course_id]
    cohort = next((plan for plan in course.cohorts if plan.id == record.cohort_id), None)
    summary = progress.summary_of(record)
    standing = payment_status.of_enrollment(enrollment_id)
    others = [] if summary.is_live else alternatives(course, person_id)
    context = {
        "summary": summary,
        "alternatives": [offers.card_of(other) for other in others],
        "steps": progress.steps_of(record),
        "seat": progress.seat_words(record),
        "history": progress.history_of(events.of_subject(enrollment_id)),
        "cohort": cohort,
        "pay_url": _pay_url(record, standing),
        "order_url": reverse("order", args=[ids.to_text("ord", standing.order.id)])
        if standing.order is not None
        else "",
        "payment": money_words(standing),
    }
    return render(request, "enrollments/status.html", context)


def _pay_url(record: EnrollmentRecord, standing: Standing) -> str:
    """Where a payment that is due is made; empty when none is."""
    if record.stage is not Stage.PAYMENT_PENDING or standing.payment is None:
        return ""
    return reverse("pay", args=[ids.to_text("pay", standing.payment.id)])


@page("GET", "POST")
@login_required
def cancel(request: HttpRequest, reference: str) -> HttpResponse:
    """GET asks whether it is meant; POST cancels. Sending it twice cancels once."""
    enrollment_id = ids.from_text("enr", reference)
    person_id = person_of(request).pk
    here = reverse("enrollment", args=[reference])
    if request.method == "POST":
        reason = request.POST.get("reason", "").strip()
        try:
            cancelling.cancel(enrollment_id, person_id, actor_id=person_id, reason=reason)
        except IllegalState:
            messages.info(request, _("This enrollment had ended already. Nothing was changed."))
        else:
            messages.success(request, _("Cancelled. Your seat was given back."))
        return SeeOther(here)
    record = enrollments.of_person(person_id, enrollment_id)
    summary = progress.summary_of(record)
    offer = refund.refundable(record)
    if not summary.can_cancel:
        return redirect(here)
    context = {
        "summary": summary,
        "longest_reason": cancelling.LONGEST_REASON,
        "refund": words.money(offer.amount) if offer is not None else "",
        "paid": words.money(offer.line.total) if offer is not None else "",
        "is_paid": offer is not None,
    }
    return render(request, "enrollments/cancel.html", context)
