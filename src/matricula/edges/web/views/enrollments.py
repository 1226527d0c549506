"""The status page of an enrollment, and giving it up. Both are its owner's alone."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from matricula.catalog import queries as catalog
from matricula.edges.web import bills, progress, sharing, suggested, waiting, words
from matricula.edges.web.guard import SeeOther, page, person_of
from matricula.edges.web.progress import money_words
from matricula.enrollments import queries as enrollments
from matricula.enrollments.queries import EnrollmentRecord
from matricula.enrollments.states import Stage
from matricula.flows import cancel as cancelling
from matricula.flows import extend as extending
from matricula.flows import payment_status, refund
from matricula.flows import withdraw as withdrawing
from matricula.flows.offer import is_paid
from matricula.flows.payment_status import PaymentStatus, Standing
from matricula.flows.refund import Refundable
from matricula.kernel import clock, events, ids
from matricula.kernel.errors import DomainError, IllegalState, NotFound
from matricula.orders import policy
from matricula.orders import queries as orders
from matricula.payments import queries as payments
from matricula.payments.queries import RefundRecord


@page("GET")
@login_required
def status(request: HttpRequest, reference: str) -> HttpResponse:
    """Where the enrollment stands, how it came there, and what can be done."""
    enrollment_id, person_id = ids.from_text("enr", reference), person_of(request).pk
    # The events before what they tell of: the page may be newer than it says, never older.
    happened = events.of_subject(enrollment_id)
    record = enrollments.of_person(person_id, enrollment_id)
    course = catalog.courses_by_id([record.course_id])[record.course_id]
    cohort = next((plan for plan in course.cohorts if plan.id == record.cohort_id), None)
    summary = progress.summary_of(record)
    standing = payment_status.of_enrollment(enrollment_id)
    context = {
        "summary": summary,
        "live": progress.live_of(summary, happened),
        "hold": progress.hold_of(record),
        "alternatives": [] if summary.is_live else suggested.instead_of(course, person_id),
        "share": sharing.share_of(record.course_slug, record.course_title)
        if summary.is_enrolled
        else None,
        "suggested": suggested.beside(course.id, person_id) if summary.is_enrolled else [],
        "steps": progress.steps_of(record, standing),
        "seat": progress.seat_words(record),
        "history": progress.history_of(happened),
        "cohort": cohort,
        "line": waiting.standing_of(record, is_paid(course, clock.now())),
        "other_intakes": summary.is_enrolled and len(course.cohorts) > 1,
        "successor": ids.to_text("enr", record.swapped_to_id) if record.swapped_to_id else "",
        "pay_url": _pay_url(record, standing),
        "order_url": reverse("order", args=[ids.to_text("ord", standing.order.id)])
        if standing.order is not None
        else "",
        "payment": money_words(standing),
        "failure": _failure(record, standing),
        "refunds": bills.refunds_in_words(_refunds(standing)),
        "withdraw": withdrawing.withdrawable(record, standing.order) if standing.order else None,
    }
    return render(request, "enrollments/status.html", context)


def _failure(record: EnrollmentRecord, standing: Standing) -> str:
    """Why the payment of a seat that is still held failed; empty when it did not."""
    if record.stage is not Stage.PAYMENT_PENDING or standing.payment is None:
        return ""
    if standing.status is not PaymentStatus.FAILED:
        return ""
    return words.stored(standing.payment.failure_detail) or _("The bank gave no reason.")


def _refunds(standing: Standing) -> list[RefundRecord]:
    paid = standing.payment is not None and standing.payment.completed_at is not None
    return payments.refunds_of_order(standing.order.id) if paid and standing.order else []


def _pay_url(record: EnrollmentRecord, standing: Standing) -> str:
    """Where a payment that is due is made; empty when none is. A seat come by in line has its
    checkout first."""
    if record.stage is Stage.VALIDATED:
        return reverse("enroll", args=[record.course_slug])
    if record.stage is not Stage.PAYMENT_PENDING or standing.payment is None:
        return ""
    return reverse("pay", args=[ids.to_text("pay", standing.payment.id)])


@page("POST")
@login_required
def more_time(request: HttpRequest, reference: str) -> HttpResponse:
    """Holds the seat for a full hold time from now."""
    try:
        extending.extend_hold(ids.from_text("enr", reference), person_of(request).pk)
        messages.success(request, _("Your seat is held longer now."))
    except NotFound:
        raise
    except DomainError as error:
        messages.info(request, error.detail)
    return SeeOther(reverse("enrollment", args=[reference]))


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
            record = cancelling.cancel(enrollment_id, person_id, actor_id=person_id, reason=reason)
        except IllegalState:
            messages.info(request, _("This enrollment had ended already. Nothing was changed."))
        else:
            messages.success(request, _ended_words(record))
        return SeeOther(here)
    record = enrollments.of_person(person_id, enrollment_id)
    summary = progress.summary_of(record)
    if not summary.can_cancel:
        return redirect(here)
    context = {
        "summary": summary,
        "longest_reason": cancelling.LONGEST_REASON,
        "offer": _refund_offer(refund.refundable(record)),
        "together": _together(record),
        "withdraw": _withdrawal_offer(record),
    }
    return render(request, "enrollments/cancel.html", context)


def _ended_words(record: EnrollmentRecord) -> str:
    if record.confirmed_at is None and record.hold_expires_at is None:
        return _("You have left the line.")
    if record.stage is Stage.REFUNDED:
        return _("Cancelled. Your seat was given back and your money is on its way.")
    return _("Cancelled. Your seat was given back.")


def _refund_offer(found: Refundable | None) -> dict[str, str] | None:
    """What the policy gives back now, and until when; None for what was not paid for."""
    if found is None or found.order.paid_at is None:
        return None
    end = policy.step_ends_at(
        policy.read(found.line.policy),
        at=clock.now(),
        paid_at=found.order.paid_at,
        starts_at=found.line.cohort_starts_at,
    )
    return {
        "amount": words.money(found.amount),
        "paid": words.money(found.line.total),
        "percent": str(found.percent),
        "until": words.moment(end) if end is not None else "",
        "is_nothing": "" if found.amount else "1",
        "is_gone": "1" if found.percent and not found.amount else "",
    }


def _withdrawal_offer(record: EnrollmentRecord) -> dict[str, str] | None:
    """What withdrawing gives back, where somebody may withdraw."""
    right = withdrawing.withdrawable(record)
    return None if right is None else {"amount": words.money(right.amount)}


def _together(record: EnrollmentRecord) -> list[str]:
    """The other courses of a checkout that is not paid yet: they are given up with this one."""
    if record.stage is not Stage.PAYMENT_PENDING:
        return []
    order = orders.of_enrollment(record.id)
    lines = order.lines if order is not None else ()
    return [line.title for line in lines if line.enrollment_id != record.id]
