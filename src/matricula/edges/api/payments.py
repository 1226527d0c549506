"""Paying for an enrollment, as JSON."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from ninja import Router

from matricula.edges.api import enrollment_schemas as schemas
from matricula.edges.api import idempotent
from matricula.edges.api.answers import answer
from matricula.edges.api.authentication import SignedIn, active_person_id
from matricula.edges.api.enrollment_json import (
    REFUSALS,
    access_url,
    enrollment,
    failure,
    own_enrollment,
    retry_after,
    session,
)
from matricula.edges.api.schemas import Problem
from matricula.enrollments import queries as enrollments
from matricula.enrollments.queries import EnrollmentRecord
from matricula.flows import pay, payment_status, refund, settle, withdraw
from matricula.kernel import ids
from matricula.kernel.errors import IllegalState
from matricula.orders import queries as orders
from matricula.payments import queries as payments
from matricula.payments.errors import AmountMismatch, GatewayRefused, SignatureInvalid
from matricula.payments.port import HandBack

router = Router(tags=["Payments"], auth=SignedIn())
_GATEWAY = {502: Problem, 503: Problem}


@router.get(
    "/enrollments/{enrollment_id}/payment-status",
    response={200: schemas.PaymentStatusAnswer, **REFUSALS},
)
def get_payment_status(request: HttpRequest, enrollment_id: str) -> HttpResponse:
    """Where the enrollment and its payment stand."""
    return answer(_status(own_enrollment(request, enrollment_id)))


@router.post(
    "/enrollments/{enrollment_id}/verify-payment",
    response={200: schemas.PaymentStatusAnswer, **REFUSALS, **_GATEWAY},
)
def verify_payment(
    request: HttpRequest, enrollment_id: str, payload: schemas.HandBack
) -> HttpResponse:
    """Hands over what the gateway's checkout gave the browser. It is verified, the payment is
    fetched from the gateway, and what that says decides."""
    record = own_enrollment(request, enrollment_id)

    def work() -> HttpResponse:
        order = orders.of_enrollment(record.id)
        payment = payments.of_order(order.id) if order is not None else None
        if payment is None:
            raise IllegalState(_("Nothing is to be paid for this enrollment."))
        if payload.razorpay_order_id != payment.provider_order_id:
            raise SignatureInvalid
        given = HandBack(
            payload.razorpay_payment_id, payload.razorpay_order_id, payload.razorpay_signature
        )
        settle.hand_back(payment, given)
        if payments.is_quarantined(payment.provider, given.payment_id):
            raise AmountMismatch
        return answer(_status(enrollments.of_person(record.person_id, record.id)))

    return idempotent.over_several(request, record.person_id, work)


@router.post(
    "/enrollments/{enrollment_id}/retry-payment",
    response={200: schemas.SessionAnswer, **REFUSALS, **_GATEWAY},
)
def retry_payment(request: HttpRequest, enrollment_id: str) -> HttpResponse:
    """Another attempt: the same gateway order, a new try."""
    person_id = active_person_id(request)
    wanted = ids.from_text("enr", enrollment_id)
    found = pay.retry(wanted, person_id)
    if found.is_refused:
        raise GatewayRefused(found.payment.failure_detail)
    made = session(found)
    return answer(schemas.SessionAnswer(payment_session=made, retry_after=retry_after(found)))


@router.post("/enrollments/{enrollment_id}/refund", response={200: schemas.Enrollment, **REFUSALS})
def refund_enrollment(
    request: HttpRequest, enrollment_id: str, payload: schemas.CancelRequest | None = None
) -> HttpResponse:
    """Gives the enrollment up for what the refund policy gives back now."""
    person_id = active_person_id(request)
    wanted = ids.from_text("enr", enrollment_id)
    reason = payload.reason if payload else ""

    def work() -> HttpResponse:
        record = refund.refund_by_policy(wanted, person_id, actor_id=person_id, reason=reason)
        return answer(enrollment(record, payment_status.of_enrollment(record.id)))

    return idempotent.once(request, person_id, work)


@router.post(
    "/enrollments/{enrollment_id}/withdraw", response={200: schemas.Enrollment, **REFUSALS}
)
def withdraw_enrollment(request: HttpRequest, enrollment_id: str) -> HttpResponse:
    """Withdraws from the contract, as a consumer in Europe may: all that was paid goes back. Ask
    the person to confirm before."""
    person_id = active_person_id(request)
    wanted = ids.from_text("enr", enrollment_id)

    def work() -> HttpResponse:
        record = withdraw.withdraw(wanted, person_id)
        return answer(enrollment(record, payment_status.of_enrollment(record.id)))

    return idempotent.once(request, person_id, work)


def _status(record: EnrollmentRecord) -> schemas.PaymentStatusAnswer:
    standing = payment_status.of_enrollment(record.id)
    payment = standing.payment
    charge = payments.latest_charge(payment.id) if payment is not None else None
    done_at = record.confirmed_at if payment is None else payment.completed_at
    return schemas.PaymentStatusAnswer(
        enrollment_id=ids.to_text("enr", record.id),
        enrollment_status=record.status,
        stage=record.stage.value,
        payment_status=standing.status,
        payment_id=ids.to_text("pay", payment.id) if payment is not None else None,
        razorpay_payment_id=charge.provider_payment_id if charge is not None else None,
        completed_at=done_at,
        course_access_url=access_url(record.course_id),
        failure=failure(record, standing),
    )
