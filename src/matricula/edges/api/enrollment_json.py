"""Enrollments, orders and payment sessions in the API's shapes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest

from matricula.edges.api import enrollment_schemas as schemas
from matricula.edges.api.authentication import active_person_id
from matricula.edges.api.schemas import Problem
from matricula.enrollments import queries
from matricula.enrollments.queries import EnrollmentRecord
from matricula.enrollments.states import Stage, Status
from matricula.flows import withdraw
from matricula.flows.pay import Session
from matricula.flows.payment_status import PaymentStatus, Standing
from matricula.kernel import clock, ids
from matricula.kernel.money import Money
from matricula.orders import documents
from matricula.orders.queries import LineRecord, OrderRecord
from matricula.payments import queries as payments
from matricula.payments.queries import RefundRecord
from matricula.payments.states import PaymentState
from matricula.pricing.values import Quote
from matricula.waitingroom import queries as waitingroom
from matricula.waitingroom.rules import Place, expected_wait, poll_after

REFUSALS: dict[int, Any] = {400: Problem, 401: Problem, 404: Problem, 409: Problem, 422: Problem}
# After so many seconds a gateway order that could not be made at once is worth asking for again.
RETRY_AFTER = 2


def own_enrollment(request: HttpRequest, enrollment_id: str) -> EnrollmentRecord:
    """The person's own enrollment; somebody else's is not found, like one that never was."""
    person_id = active_person_id(request)
    return queries.of_person(person_id, ids.from_text("enr", enrollment_id))


def sums(original: Money, discount: Money, net: Money, tax: Money, total: Money) -> dict[str, Any]:
    """A price broken down, in major and in minor units."""
    named = {
        "original_amount": original,
        "discount_applied": discount,
        "final_amount": net,
        "tax_amount": tax,
        "total_payable": total,
    }
    return {name: amount.major for name, amount in named.items()} | {
        f"{name}_minor": amount.minor for name, amount in named.items()
    }


def sums_of(row: OrderRecord | LineRecord) -> dict[str, Any]:
    return sums(row.original, row.discount, row.net, row.tax, row.total)


def no_sums() -> dict[str, Any]:
    """Of what is free."""
    zero = Money.zero(settings.CURRENCY)
    return {
        **sums(zero, zero, zero, zero, zero),
        "currency": zero.currency,
        "tax_lines": [],
    }


def order_sums(order: OrderRecord) -> dict[str, Any]:
    """The sums of an order with its taxes by head."""
    taxes = [
        _tax(tax["head"], Decimal(tax["percent"]), Money(tax["amount_minor"], order.currency))
        for tax in order.tax_lines
    ]
    return {**sums_of(order), "currency": order.currency, "tax_lines": taxes}


def quote_sums(quote: Quote) -> dict[str, Any]:
    """The sums of a quote with its taxes by head."""
    return {
        **sums(quote.original, quote.discount, quote.net, quote.tax, quote.total),
        "currency": quote.currency,
        "tax_lines": [_tax(tax.head, tax.percent, tax.amount) for tax in quote.tax_lines],
    }


def session(found: Session | None) -> schemas.PaymentSession | None:
    """The session, once the gateway has the order."""
    if found is None or found.payment.provider_order_id is None:
        return None
    payment_id = ids.to_text("pay", found.payment.id)
    return schemas.PaymentSession(
        provider=found.payment.provider,
        payment_id=payment_id,
        razorpay_order_id=found.payment.provider_order_id,
        razorpay_key=found.public_key,
        amount=found.payment.amount.major,
        amount_minor=found.payment.amount.minor,
        currency=found.payment.amount.currency,
        payment_url=f"{settings.ENVIRONMENT.base_url}/pay/{payment_id}/",
        expires_at=found.expires_at,
    )


def retry_after(found: Session | None) -> int | None:
    """When to ask for the session again; not where the gateway has refused."""
    if found is None or found.is_ready or found.is_refused:
        return None
    return RETRY_AFTER


def enrollment(record: EnrollmentRecord, standing: Standing) -> schemas.Enrollment:
    """An enrollment with where its money stands."""
    enrollment_id = ids.to_text("enr", record.id)
    return schemas.Enrollment(
        id=enrollment_id,
        enrollment_id=enrollment_id,
        status=record.status,
        stage=record.stage.value,
        course=schemas.CourseName(
            id=ids.to_text("crs", record.course_id), title=record.course_title
        ),
        course_slug=record.course_slug,
        cohort_id=ids.to_text("coh", record.cohort_id),
        cohort_name=record.cohort_name,
        cohort_starts_at=record.cohort_starts_at,
        payment_status=standing.status,
        order_id=ids.to_text("ord", standing.order.id) if standing.order else None,
        hold_expires_at=record.hold_expires_at if record.status is Status.PENDING else None,
        requested_at=record.requested_at,
        confirmed_at=record.confirmed_at,
        ended_at=record.ended_at,
        access_expires=record.access_expires_at,
        reason=record.reason or None,
        metadata=dict(record.metadata),
        withdraw_until=_withdraw_until(standing),
        swapped_from=_reference(record.swapped_from_id),
        swapped_to=_reference(record.swapped_to_id),
        events_url=events_url(record.id),
        course_access_url=access_url(record.course_id),
        **(
            (place_in_line(waitingroom.place_of(record.id)) or {})
            if record.stage is Stage.REQUESTED
            else {}
        ),
    )


def _place_of(record: EnrollmentRecord) -> dict[str, Any]:
    waits = record.stage is Stage.REQUESTED
    return (place_in_line(waitingroom.place_of(record.id)) if waits else None) or {}


def place_in_line(found: Place | None) -> dict[str, Any] | None:
    """Where a waiting ticket stands; None for one that does not wait."""
    if found is None:
        return None
    at = clock.now()
    return {
        "position": found.position,
        "expected_wait": expected_wait(found, at),
        "poll_after": poll_after(found, at),
    }


def _withdraw_until(standing: Standing) -> datetime | None:
    if standing.order is None or standing.line is None:
        return None
    return withdraw.ends(standing.order, standing.line)


def _reference(enrollment_id: UUID | None) -> str | None:
    return None if enrollment_id is None else ids.to_text("enr", enrollment_id)


def failure(record: EnrollmentRecord, standing: Standing) -> schemas.Failure | None:
    """Why it did not work out, or not yet, and the way on."""
    payment = standing.payment
    if (
        record.stage is Stage.PAYMENT_PENDING
        and standing.status is PaymentStatus.FAILED
        and payment
    ):
        return schemas.Failure(
            code=payment.failure_code or "payment_failed",
            detail=payment.failure_detail or "The payment failed. Nothing was charged.",
            retry_url=f"/pay/{ids.to_text('pay', payment.id)}/",
        )
    if record.stage not in {Stage.FAILED, Stage.EXPIRED}:
        return None
    code = "enrollment_expired" if record.stage is Stage.EXPIRED else "illegal_state"
    code = waitingroom.refusal_code(record.id) or code
    retry_url = f"/courses/{record.course_slug}/enroll/"
    return schemas.Failure(code=code, detail=record.reason, retry_url=retry_url)


def order(row: OrderRecord) -> schemas.Order:
    """An order with its lines, refunds and papers."""
    payment = payments.of_order(row.id)
    order_id = ids.to_text("ord", row.id)
    is_live = payment is not None and payment.state is not PaymentState.CANCELLED
    return schemas.Order(
        id=order_id,
        state=row.state,
        placed_at=row.placed_at,
        paid_at=row.paid_at,
        lines=[_line(line) for line in row.lines],
        coupon_codes=list(row.coupon_codes),
        payment_id=ids.to_text("pay", payment.id) if payment and is_live else None,
        refunds=_refunds(payments.refunds_of_order(row.id)),
        documents=[
            schemas.OrderDocument(
                id=ids.to_text("inv", paper.id),
                kind=paper.kind,
                serial=paper.serial,
                issued_at=paper.issued_at,
                url=f"/orders/{order_id}/documents/{ids.to_text('inv', paper.id)}.pdf",
            )
            for paper in documents.documents_of(row.id)
        ],
        **order_sums(row),
    )


def events_url(enrollment_id: UUID) -> str:
    return f"/api/v1/enrollments/{ids.to_text('enr', enrollment_id)}/events"


def access_url(course_id: UUID) -> str:
    return f"/api/v1/courses/{ids.to_text('crs', course_id)}/access"


def _line(line: LineRecord) -> schemas.OrderLine:
    return schemas.OrderLine(
        enrollment_id=ids.to_text("enr", line.enrollment_id),
        course=schemas.CourseName(id=ids.to_text("crs", line.course_id), title=line.title),
        cohort_name=line.cohort_name,
        **sums_of(line),
    )


def _refunds(rows: Sequence[RefundRecord]) -> list[schemas.OrderRefund]:
    return [
        schemas.OrderRefund(
            id=ids.to_text("rfd", row.id),
            state=row.state.value,
            amount=row.amount.major,
            amount_minor=row.amount.minor,
            requested_at=row.requested_at,
            completed_at=row.completed_at,
        )
        for row in rows
    ]


def _tax(head: str, percent: Decimal, amount: Money) -> schemas.TaxLine:
    return schemas.TaxLine(name=head, rate=percent, amount=amount.major, amount_minor=amount.minor)
