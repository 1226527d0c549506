"""Enrolling, and what becomes of it, as JSON."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema
from pydantic import Field

from matricula.edges.api import enrollment_schemas as schemas
from matricula.edges.api import idempotent, initializing
from matricula.edges.api.answers import answer
from matricula.edges.api.authentication import SignedIn, active_person_id
from matricula.edges.api.enrollment_json import (
    REFUSALS,
    enrollment,
    own_enrollment,
)
from matricula.edges.api.schemas import Cursor, Problem
from matricula.edges.metrics import ENROLLMENTS
from matricula.enrollments import queries
from matricula.enrollments.queries import EnrollmentRecord
from matricula.enrollments.states import Status
from matricula.flows import cancel as cancelling
from matricula.flows import desk, payment_status
from matricula.flows import extend as extending
from matricula.flows import swap as swapping
from matricula.flows.applications import AlreadyAnswered
from matricula.kernel import cursors, ids
from matricula.kernel.errors import DomainError

router = Router(tags=["Enrollments"], auth=SignedIn())


class ListQuery(Schema):
    status: Status | None = None
    cursor: Cursor | None = None
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
    try:
        application = initializing.application(person_id, payload)
    except DomainError as error:
        ENROLLMENTS.labels(error.code).inc()
        return idempotent.remember_refusal(request, person_id, key, error)
    keyed = initializing.keyed(key, idempotent.print_of(request)) if key is not None else None
    try:
        receipt = desk.enroll(application, keyed)
    except (AlreadyAnswered, DomainError) as outcome:
        return initializing.refused(outcome)
    return initializing.answered(person_id, receipt, keyed)


@router.get("/enrollments", response={200: schemas.EnrollmentList, **REFUSALS})
def list_enrollments(request: HttpRequest, filters: Query[ListQuery]) -> HttpResponse:
    """The person's enrollments, newest first."""
    person_id = active_person_id(request)
    before = None
    if filters.cursor is not None:
        (last,) = cursors.read(filters.cursor, str)
        before = ids.from_text("enr", last)
    found = queries.list_of_person(
        person_id,
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
            next_cursor=cursors.make(ids.to_text("enr", page[-1].id)) if more else None,
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
    person_id = active_person_id(request)
    reason = payload.reason if payload else ""
    wanted = ids.from_text("enr", enrollment_id)

    def work() -> HttpResponse:
        record = cancelling.cancel(wanted, person_id, actor_id=person_id, reason=reason)
        return answer(_with_money(record))

    return idempotent.once(request, person_id, work)


@router.post(
    "/enrollments/{enrollment_id}/swap",
    response={200: schemas.Enrollment, 403: Problem, **REFUSALS},
)
def swap_enrollment(
    request: HttpRequest, enrollment_id: str, payload: schemas.SwapRequest
) -> HttpResponse:
    """Exchanges a confirmed seat for one in another cohort, in one step: when the other cannot be
    had, the first stays. The answer is the new enrollment."""
    person_id = active_person_id(request)
    wanted = ids.from_text("enr", enrollment_id)
    cohort_id = ids.from_text("coh", payload.cohort_id)

    def work() -> HttpResponse:
        record = swapping.swap(wanted, person_id, cohort_id, actor_id=person_id)
        return answer(_with_money(record))

    return idempotent.once(request, person_id, work)


@router.post(
    "/enrollments/{enrollment_id}/extend-hold", response={200: schemas.Enrollment, **REFUSALS}
)
def extend_hold(request: HttpRequest, enrollment_id: str) -> HttpResponse:
    """Holds the seat for a full hold time from now."""
    person_id = active_person_id(request)
    wanted = ids.from_text("enr", enrollment_id)

    def work() -> HttpResponse:
        return answer(_with_money(extending.extend_hold(wanted, person_id)))

    return idempotent.once(request, person_id, work)


def _with_money(record: EnrollmentRecord) -> schemas.Enrollment:
    return enrollment(record, payment_status.of_enrollment(record.id))
