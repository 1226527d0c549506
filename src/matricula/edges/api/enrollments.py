"""Enrolling, and what becomes of it, as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from ninja import Query, Router, Schema
from pydantic import Field, StringConstraints

from matricula.catalog import search
from matricula.edges.api import idempotent, schemas
from matricula.edges.api.answers import answer, to_json
from matricula.edges.api.authentication import SignedIn, active_person
from matricula.edges.metrics import ENROLLMENTS
from matricula.enrollments import queries
from matricula.enrollments.queries import EnrollmentRecord
from matricula.enrollments.states import STATUS_OF, Stage, Status
from matricula.flows import cancel as cancelling
from matricula.flows import enroll as enrolling
from matricula.flows import extend as extending
from matricula.flows.enroll import AlreadyAnswered, Application, Keyed, Receipt
from matricula.kernel import events, ids
from matricula.kernel.errors import DomainError, FieldError, Guidance, ValidationFailed
from matricula.kernel.money import Money

router = Router(tags=["Enrollments"], auth=SignedIn())
Problem = schemas.Problem
_LONGEST_EVENT_NUMBER = 2**31 - 1
_DIGITS = 10
# Members of an event's data that are ids: UUIDs in the log, TypeIDs outside.
_ID_MEMBERS: dict[str, ids.Prefix] = {"course": "crs", "cohort": "coh"}
_REFUSALS: dict[int, Any] = {400: Problem, 401: Problem, 404: Problem, 409: Problem, 422: Problem}


class ListQuery(Schema):
    status: Status | None = None
    cursor: Annotated[str, StringConstraints(max_length=500)] | None = None
    limit: int = Field(queries.PAGE, ge=1, le=100)


@router.post(
    "/enrollments/initialize",
    response={
        201: schemas.InitializeAnswer,
        200: schemas.InitializeAnswer,
        402: Problem,
        403: Problem,
        503: Problem,
        **_REFUSALS,
    },
)
def initialize(request: HttpRequest, payload: schemas.Initialize) -> HttpResponse:
    """Enrolls the person in a free course. Send an Idempotency-Key: repeated with the same key, the
    first answer comes again."""
    person_id: UUID = request.auth  # type: ignore[attr-defined]  # set by SignedIn
    key = idempotent.key_of(request)
    keyed = None
    if key is not None:
        keyed = Keyed(key, idempotent.print_of(request), lambda made: to_json(_receipt(made, key)))
    try:
        receipt = enrolling.enroll(_application(person_id, payload), keyed)
    except AlreadyAnswered as repeated:
        ENROLLMENTS.labels("replayed").inc()
        return idempotent.replay(repeated.answer)
    except DomainError as error:
        ENROLLMENTS.labels(error.code).inc()
        return idempotent.remember_refusal(request, person_id, key, error)
    ENROLLMENTS.labels("enrolled" if receipt.is_new else "pending").inc()
    return answer(_receipt(receipt, key), 201 if receipt.is_new else 200)


@router.get("/enrollments", response={200: schemas.EnrollmentList, **_REFUSALS})
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
    return answer(
        schemas.EnrollmentList(
            items=[_enrollment(record) for record in page],
            next_cursor=search.make_cursor(ids.to_text("enr", page[-1].id)) if more else None,
        )
    )


@router.get("/enrollments/{enrollment_id}", response={200: schemas.Enrollment, **_REFUSALS})
def get_enrollment(request: HttpRequest, enrollment_id: str) -> HttpResponse:
    """One enrollment of the person."""
    return answer(_enrollment(_find(request, enrollment_id)))


@router.get(
    "/enrollments/{enrollment_id}/payment-status",
    response={200: schemas.PaymentStatusAnswer, **_REFUSALS},
)
def get_payment_status(request: HttpRequest, enrollment_id: str) -> HttpResponse:
    """Where the enrollment and its payment stand."""
    record = _find(request, enrollment_id)
    return answer(
        schemas.PaymentStatusAnswer(
            enrollment_id=ids.to_text("enr", record.id),
            enrollment_status=record.status,
            stage=record.stage.value,
            payment_status="not_required",
            payment_id=None,
            razorpay_payment_id=None,
            completed_at=record.confirmed_at,
            course_access_url=_access_url(record.course_id),
            failure=_failure(record),
        )
    )


@router.post("/enrollments/{enrollment_id}/cancel", response={200: schemas.Enrollment, **_REFUSALS})
def cancel_enrollment(
    request: HttpRequest, enrollment_id: str, payload: schemas.CancelRequest | None = None
) -> HttpResponse:
    """Gives the enrollment up: the seat goes back, access ends."""
    person = active_person(request)
    reason = payload.reason if payload else ""
    wanted = ids.from_text("enr", enrollment_id)

    def work() -> HttpResponse:
        record = cancelling.cancel(wanted, person.pk, actor_id=person.pk, reason=reason)
        return answer(_enrollment(record))

    return idempotent.once(request, person.pk, work)


@router.post(
    "/enrollments/{enrollment_id}/extend-hold", response={200: schemas.Enrollment, **_REFUSALS}
)
def extend_hold(request: HttpRequest, enrollment_id: str) -> HttpResponse:
    """Holds the seat for a full hold time from now."""
    person = active_person(request)
    wanted = ids.from_text("enr", enrollment_id)

    def work() -> HttpResponse:
        return answer(_enrollment(extending.extend_hold(wanted, person.pk)))

    return idempotent.once(request, person.pk, work)


EventNumber = Annotated[int, Field(ge=0, le=_LONGEST_EVENT_NUMBER)]


@router.get(
    "/enrollments/{enrollment_id}/events/poll",
    response={200: schemas.EventList, 204: None, **_REFUSALS},
)
def poll_events(
    request: HttpRequest,
    enrollment_id: str,
    last_event_id: EventNumber = 0,
    timeout: Annotated[int, Field(ge=0, le=60)] = 0,  # noqa: ARG001 - the longest it may take
) -> HttpResponse:
    """The events after `last_event_id`, or 204 when there are none yet. Answers at once."""
    record = _find(request, enrollment_id)
    found = events.of_subject(record.id, after=last_event_id)
    if not found:
        return HttpResponse(status=204)
    return answer(schemas.EventList(items=[_event(event) for event in found]))


@router.get("/enrollments/{enrollment_id}/events", response={204: None, **_REFUSALS})
def stream_events(
    request: HttpRequest, enrollment_id: str, last_event_id: EventNumber = 0
) -> HttpResponse | StreamingHttpResponse:
    """The events after `Last-Event-ID` as server-sent events
    (https://html.spec.whatwg.org/multipage/server-sent-events.html). What there is, is sent; then
    the client connects again by itself, until 204 says that no more will come."""
    record = _find(request, enrollment_id)
    resumed = request.headers.get("Last-Event-ID", "")
    if resumed.isascii() and resumed.isdigit() and len(resumed) < _DIGITS:
        last_event_id = int(resumed)
    found = events.of_subject(record.id, after=last_event_id)
    if not found and record.status is not Status.PENDING:
        return HttpResponse(status=204)
    response = StreamingHttpResponse(_server_sent(found), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    return response


def _server_sent(found: list[events.RecordedEvent]) -> Iterator[str]:
    yield f"retry: {settings.EVENTS_RETRY_MILLISECONDS}\n\n"
    for event in found:
        yield f"id: {event.number}\ndata: {to_json(_event(event))}\n\n"


def _find(request: HttpRequest, enrollment_id: str) -> EnrollmentRecord:
    """The person's own enrollment; somebody else's is not found, like one that never was."""
    person = active_person(request)
    return queries.of_person(person.pk, ids.from_text("enr", enrollment_id))


def _application(person_id: UUID, payload: schemas.Initialize) -> Application:
    errors = [
        FieldError(name, "Its origin is not allowed here.")
        for name in ("success_url", "cancel_url")
        if not _is_allowed(getattr(payload, name))
    ]
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
    )


def _is_allowed(url: str | None) -> bool:
    if url is None:
        return True
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return f"{parts.scheme}://{parts.netloc}" in settings.ENVIRONMENT.allowed_origins


def _receipt(receipt: Receipt, key: str | None) -> schemas.InitializeAnswer:
    zero = Money.zero(settings.CURRENCY)
    sums = ("original_amount", "discount_applied", "final_amount", "tax_amount", "total_payable")
    money: dict[str, Any] = dict.fromkeys(sums, zero.major)
    money |= {f"{name}_minor": zero.minor for name in sums}
    enrollment_id = ids.to_text("enr", receipt.enrollment_id)
    return schemas.InitializeAnswer(
        enrollment_id=enrollment_id,
        status=STATUS_OF[receipt.stage],
        stage=receipt.stage.value,
        payment_required=False,
        currency=zero.currency,
        tax_lines=[],
        hold_expires_at=receipt.hold_expires_at,
        payment_session=None,
        idempotency_key=key or enrollment_id,
        course=schemas.CourseName(
            id=ids.to_text("crs", receipt.course.id), title=receipt.course.title
        ),
        events_url=_events_url(receipt.enrollment_id),
        **money,
    )


def _enrollment(record: EnrollmentRecord) -> schemas.Enrollment:
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
        payment_status="not_required",
        hold_expires_at=record.hold_expires_at if record.status is Status.PENDING else None,
        requested_at=record.requested_at,
        confirmed_at=record.confirmed_at,
        ended_at=record.ended_at,
        access_expires=record.access_expires_at,
        reason=record.reason or None,
        metadata=dict(record.metadata),
        events_url=_events_url(record.id),
        course_access_url=_access_url(record.course_id),
    )


def _failure(record: EnrollmentRecord) -> schemas.Failure | None:
    if record.stage not in {Stage.FAILED, Stage.EXPIRED}:
        return None
    code = "enrollment_expired" if record.stage is Stage.EXPIRED else "illegal_state"
    retry_url = f"/courses/{record.course_slug}/enroll/"
    return schemas.Failure(code=code, detail=record.reason, retry_url=retry_url)


def _event(event: events.RecordedEvent) -> schemas.EventItem:
    data = {
        name: ids.to_text(_ID_MEMBERS[name], UUID(value)) if name in _ID_MEMBERS else value
        for name, value in event.data.items()
    }
    return schemas.EventItem(id=event.number, type=event.type, at=event.at, data=data)


def _events_url(enrollment_id: UUID) -> str:
    return f"/api/v1/enrollments/{ids.to_text('enr', enrollment_id)}/events"


def _access_url(course_id: UUID) -> str:
    return f"/api/v1/courses/{ids.to_text('crs', course_id)}/access"
