"""Enrolling, and what becomes of it, as JSON."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema
from pydantic import Field, StringConstraints

from matricula.catalog import search
from matricula.edges.api import enrollment_schemas as schemas
from matricula.edges.api import idempotent
from matricula.edges.api.answers import answer, to_json
from matricula.edges.api.authentication import SignedIn, active_person
from matricula.edges.api.checkout_input import terms_of, url_errors
from matricula.edges.api.enrollment_json import (
    REFUSALS,
    enrollment,
    events_url,
    no_sums,
    order_sums,
    own_enrollment,
    place,
    retry_after,
    session,
)
from matricula.edges.api.schemas import Problem
from matricula.edges.metrics import ENROLLMENTS
from matricula.enrollments import queries
from matricula.enrollments.queries import EnrollmentRecord
from matricula.enrollments.states import STATUS_OF, Stage, Status
from matricula.flows import cancel as cancelling
from matricula.flows import enroll as enrolling
from matricula.flows import extend as extending
from matricula.flows import pay, payment_status
from matricula.flows.enroll import AlreadyAnswered, Application, Keyed, Receipt
from matricula.kernel import ids
from matricula.kernel.errors import DomainError, FieldError, Guidance, ValidationFailed
from matricula.orders import queries as orders
from matricula.orders.queries import OrderRecord

router = Router(tags=["Enrollments"], auth=SignedIn())


class ListQuery(Schema):
    status: Status | None = None
    cursor: Annotated[str, StringConstraints(max_length=500)] | None = None
    limit: int = Field(queries.PAGE, ge=1, le=100)


@router.post(
    "/enrollments/initialize",
    response={
        201: schemas.InitializeAnswer,
        200: schemas.InitializeAnswer,
        202: schemas.QueuedAnswer,
        402: Problem,
        403: Problem,
        503: Problem,
        **REFUSALS,
    },
)
def initialize(request: HttpRequest, payload: schemas.Initialize) -> HttpResponse:
    """Enrolls the person in a free course, or holds a seat in a paid one and opens its payment.
    Where seats are given in order of arrival, 202 answers with a place in line.
    Send an Idempotency-Key: repeated with the same key, the first answer comes again."""
    person_id: UUID = request.auth  # type: ignore[attr-defined]  # set by SignedIn
    key = idempotent.key_of(request)
    keyed = None
    if key is not None:
        keyed = Keyed(
            key, idempotent.print_of(request), lambda made: to_json(receipt_answer(made, key)[0])
        )
    try:
        receipt = enrolling.enroll(_application(person_id, payload), keyed)
    except AlreadyAnswered as repeated:
        ENROLLMENTS.labels("replayed").inc()
        return idempotent.replay(repeated.answer)
    except DomainError as error:
        ENROLLMENTS.labels(error.code).inc()
        return idempotent.remember_refusal(request, person_id, key, error)
    if receipt.stage is Stage.REQUESTED:
        ENROLLMENTS.labels("queued").inc()
        return answer(_queued(receipt, key), 202)
    ENROLLMENTS.labels("enrolled" if receipt.is_new else "pending").inc()
    made, is_complete = receipt_answer(receipt, key)
    response = answer(made, 201 if receipt.is_new else 200)
    if receipt.order_id is not None and receipt.is_new and is_complete:
        return idempotent.remember(request, person_id, key, response)
    return response


@router.get("/enrollments", response={200: schemas.EnrollmentList, **REFUSALS})
def list_enrollments(request: HttpRequest, filters: Query[ListQuery]) -> HttpResponse:
    """The person's enrollments, newest first."""
    person = active_person(request)
    before = None
    if filters.cursor is not None:
        (last,) = search.read_cursor(filters.cursor, str)
        before = ids.from_text("enr", last)
    found = queries.list_of_person(
        person.pk,
        status=filters.status,
        before=before,
        limit=filters.limit + 1,
    )
    page = found[: filters.limit]
    more = len(found) > filters.limit
    standings = payment_status.of_enrollments(record.id for record in page)
    return answer(
        schemas.EnrollmentList(
            items=[
                enrollment(record, standings.get(record.id, payment_status.FREE)) for record in page
            ],
            next_cursor=search.make_cursor(ids.to_text("enr", page[-1].id)) if more else None,
        )
    )


@router.get("/enrollments/{enrollment_id}", response={200: schemas.Enrollment, **REFUSALS})
def get_enrollment(request: HttpRequest, enrollment_id: str) -> HttpResponse:
    """One enrollment of the person."""
    return answer(_with_money(own_enrollment(request, enrollment_id)))


@router.post("/enrollments/{enrollment_id}/cancel", response={200: schemas.Enrollment, **REFUSALS})
def cancel_enrollment(
    request: HttpRequest, enrollment_id: str, payload: schemas.CancelRequest | None = None
) -> HttpResponse:
    """Gives the enrollment up: the seat goes back, access ends."""
    person = active_person(request)
    reason = payload.reason if payload else ""
    wanted = ids.from_text("enr", enrollment_id)

    def work() -> HttpResponse:
        record = cancelling.cancel(wanted, person.pk, actor_id=person.pk, reason=reason)
        return answer(_with_money(record))

    return idempotent.once(request, person.pk, work)


@router.post(
    "/enrollments/{enrollment_id}/extend-hold", response={200: schemas.Enrollment, **REFUSALS}
)
def extend_hold(request: HttpRequest, enrollment_id: str) -> HttpResponse:
    """Holds the seat for a full hold time from now."""
    person = active_person(request)
    wanted = ids.from_text("enr", enrollment_id)

    def work() -> HttpResponse:
        return answer(_with_money(extending.extend_hold(wanted, person.pk)))

    return idempotent.once(request, person.pk, work)


def _with_money(record: EnrollmentRecord) -> schemas.Enrollment:
    return enrollment(record, payment_status.of_enrollment(record.id))


def _application(person_id: UUID, payload: schemas.Initialize) -> Application:
    errors = url_errors(payload)
    if (payload.course_id is None) == (payload.cohort_id is None):
        errors.append(FieldError("course_id", "Name either a course or a cohort."))
    if errors:
        raise ValidationFailed(guidance=Guidance(errors=errors))
    return Application(
        person_id=person_id,
        course=payload.course_id,
        cohort_id=ids.from_text("coh", payload.cohort_id) if payload.cohort_id else None,
        coupon_code=payload.coupon_code or None,
        metadata=payload.metadata,
        terms=terms_of(payload),
    )


def receipt_answer(receipt: Receipt, key: str | None) -> tuple[schemas.InitializeAnswer, bool]:
    """The answer, and whether it is complete: one whose gateway order is still being made is
    not.
    """
    enrollment_id = ids.to_text("enr", receipt.enrollment_id)
    order = orders.read(receipt.order_id) if receipt.order_id is not None else None
    found = None
    if order is not None and receipt.stage is Stage.PAYMENT_PENDING:
        found = pay.session_for(order, receipt.hold_expires_at)
    made = schemas.InitializeAnswer(
        enrollment_id=enrollment_id,
        status=STATUS_OF[receipt.stage],
        stage=receipt.stage.value,
        payment_required=found is not None,
        hold_expires_at=receipt.hold_expires_at,
        payment_session=session(found),
        retry_after=retry_after(found),
        idempotency_key=key or enrollment_id,
        course=schemas.CourseName(
            id=ids.to_text("crs", receipt.course.id), title=receipt.course.title
        ),
        order_id=ids.to_text("ord", order.id) if order is not None else None,
        user=_buyer(order),
        events_url=events_url(receipt.enrollment_id),
        **(order_sums(order) if order is not None else no_sums()),
    )
    return made, found is None or found.is_ready


def _queued(receipt: Receipt, key: str | None) -> schemas.QueuedAnswer:
    """Where the ticket stands; one that was served in this instant is next."""
    enrollment_id = ids.to_text("enr", receipt.enrollment_id)
    return schemas.QueuedAnswer(
        enrollment_id=enrollment_id,
        status=STATUS_OF[receipt.stage],
        stage=receipt.stage.value,
        course=schemas.CourseName(
            id=ids.to_text("crs", receipt.course.id), title=receipt.course.title
        ),
        idempotency_key=key or enrollment_id,
        events_url=events_url(receipt.enrollment_id),
        **(place(receipt.enrollment_id) or {"position": 1, "expected_wait": 1, "poll_after": 1}),
    )


def _buyer(order: OrderRecord | None) -> schemas.BuyerName | None:
    """For prefilling the gateway's form; where nothing is paid there is none."""
    if order is None:
        return None
    return schemas.BuyerName(
        full_name=order.buyer_name, email=order.buyer_email, phone=order.buyer_phone
    )
