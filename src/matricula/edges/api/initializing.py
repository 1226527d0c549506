"""Enrolling over the API: how a request is understood, and how its outcome is told. Django's
operation (`enrollments.py`) and the front's (`edges/live/desk.py`) both speak in these words.
"""

from __future__ import annotations

import json
from dataclasses import replace
from http import HTTPStatus
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _

from matricula.edges import problems
from matricula.edges.api import enrollment_schemas as schemas
from matricula.edges.api import idempotent
from matricula.edges.api.answers import MEDIA_TYPE, answer, to_json
from matricula.edges.api.checkout_input import terms_of, url_errors
from matricula.edges.api.enrollment_json import (
    events_url,
    no_sums,
    order_sums,
    place_in_line,
    retry_after,
    session,
)
from matricula.edges.metrics import ENROLLMENTS
from matricula.enrollments.states import STATUS_OF, Stage
from matricula.flows import pay
from matricula.flows.applications import (
    AlreadyAnswered,
    Application,
    Keyed,
    Outcome,
    Receipt,
    Request,
)
from matricula.flows.enroll import finished
from matricula.kernel import ids
from matricula.kernel.errors import DomainError, FieldError, Guidance, ValidationFailed
from matricula.kernel.idempotency import Answer
from matricula.orders import queries as orders
from matricula.orders.queries import OrderRecord
from matricula.waitingroom import queries as waitingroom
from matricula.waitingroom.rules import Place

MOST_FORMS = 5_000
_forms: dict[tuple[UUID, int, Stage], str] = {}
# Texts that no title can hold: nobody knows this id, and PostgreSQL keeps no NUL.
_BLANK_ID = ids.new_id()
_BLANK_ID_WRITTEN = ids.to_text("enr", _BLANK_ID)
_BLANK_KEY = "\0"
_BLANK_KEY_WRITTEN = json.dumps(_BLANK_KEY)


def application(person_id: UUID, payload: schemas.Initialize) -> Application:
    """What is asked for. Raises ValidationFailed, and NotFound for a cohort's id that is none."""
    errors = url_errors(payload)
    if (payload.course_id is None) == (payload.cohort_id is None):
        errors.append(FieldError("course_id", _("Name either a course or a cohort.")))
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


def keyed(key: str, print_: str) -> Keyed:
    """The request's key, with how its answers are written."""
    return Keyed(
        key,
        print_,
        write=lambda receipt: _text(receipt, key)[0],
        refuse=lambda error: Answer(error.status, problems.body_of(error)),
    )


def finish(request: Request, outcome: Outcome) -> HttpResponse:
    """Goes the rest of the way, and answers."""
    try:
        receipt = finished(request, outcome)
    except (AlreadyAnswered, DomainError) as refusal:
        return refused(refusal)
    return answered(request.application.person_id, receipt, request.keyed)


def answered(person_id: UUID, receipt: Receipt, keyed: Keyed | None) -> HttpResponse:
    """The answer to what became of an application, kept under its key where that is not done yet.
    One whose gateway order is still being made is not kept."""
    key = keyed.key if keyed is not None else None
    if receipt.stage is Stage.REQUESTED:
        return queued(receipt, key, waitingroom.place_of(receipt.enrollment_id))
    status, text, is_complete = made_as_text(receipt, key)
    response = HttpResponse(text, content_type=MEDIA_TYPE, status=status)
    if keyed is not None and receipt.order_id is not None and receipt.is_new and is_complete:
        return idempotent.keep(person_id, keyed.key, keyed.fingerprint, response)
    return response


def made_as_text(receipt: Receipt, key: str | None) -> tuple[int, str, bool]:
    """The answer to an enrollment: its status, its text, and whether it is complete, which one
    whose gateway order is still being made is not."""
    ENROLLMENTS.labels("enrolled" if receipt.is_new else "pending").inc()
    text, is_complete = _text(receipt, key)
    return (201 if receipt.is_new else 200), text, is_complete


def queued(receipt: Receipt, key: str | None, place: Place | None) -> HttpResponse:
    """The answer to a ticket: where it stands. One that was served in this instant is next."""
    ENROLLMENTS.labels("queued").inc()
    enrollment_id = ids.to_text("enr", receipt.enrollment_id)
    standing = place_in_line(place) or {"position": 1, "expected_wait": 1, "poll_after": 1}
    content = schemas.QueuedAnswer(
        enrollment_id=enrollment_id,
        status=STATUS_OF[receipt.stage],
        stage=receipt.stage.value,
        course=schemas.CourseName(
            id=ids.to_text("crs", receipt.course.id), title=receipt.course.title
        ),
        idempotency_key=key or enrollment_id,
        events_url=events_url(receipt.enrollment_id),
        **standing,
    )
    return answer(content, HTTPStatus.ACCEPTED)


def refused(outcome: AlreadyAnswered | DomainError) -> HttpResponse:
    """The first answer again, or the refusal."""
    if isinstance(outcome, AlreadyAnswered):
        ENROLLMENTS.labels("replayed").inc()
        return idempotent.replay(outcome.answer)
    ENROLLMENTS.labels(outcome.code).inc()
    return problems.respond(outcome)


def _text(receipt: Receipt, key: str | None) -> tuple[str, bool]:
    """The answer as JSON, and whether it is complete."""
    if receipt.order_id is not None or receipt.hold_expires_at is not None:
        content, is_complete = receipt_answer(receipt, key)
        return to_json(content), is_complete
    return _filled(receipt, key), True


def _filled(receipt: Receipt, key: str | None) -> str:
    """What costs nothing is answered alike but for two texts, so a crowd's answers are filled in
    to one form for each course as it stands."""
    course = receipt.course
    place = (course.id, course.revision, receipt.stage)
    form = _forms.get(place)
    if form is None:
        if len(_forms) >= MOST_FORMS:
            _forms.clear()
        blank = replace(receipt, enrollment_id=_BLANK_ID)
        form = _forms[place] = to_json(receipt_answer(blank, _BLANK_KEY)[0])
    enrollment_id = ids.to_text("enr", receipt.enrollment_id)
    written = json.dumps(key or enrollment_id)
    return form.replace(_BLANK_KEY_WRITTEN, written).replace(_BLANK_ID_WRITTEN, enrollment_id)


def receipt_answer(receipt: Receipt, key: str | None) -> tuple[schemas.InitializeAnswer, bool]:
    """The answer, and whether it is complete: one whose gateway order is still being made is
    not."""
    enrollment_id = ids.to_text("enr", receipt.enrollment_id)
    order = orders.read(receipt.order_id) if receipt.order_id is not None else None
    found = None
    if order is not None and receipt.stage is Stage.PAYMENT_PENDING:
        found = pay.session_for(order, receipt.hold_expires_at)
    content = schemas.InitializeAnswer(
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
    return content, found is None or found.is_ready


def _buyer(order: OrderRecord | None) -> schemas.BuyerName | None:
    """For prefilling the gateway's form; where nothing is paid there is none."""
    if order is None:
        return None
    return schemas.BuyerName(
        full_name=order.buyer_name, email=order.buyer_email, phone=order.buyer_phone
    )
