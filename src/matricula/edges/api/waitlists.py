"""Waiting for a full course as JSON: joining, standing, leaving, taking the offered seat."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema
from pydantic import Field

from matricula.edges.api import enrollment_schemas, idempotent
from matricula.edges.api import waitlist_schemas as schemas
from matricula.edges.api.answers import answer
from matricula.edges.api.authentication import SignedIn, active_person_id
from matricula.edges.api.checkout_input import terms_of, url_errors
from matricula.edges.api.enrollment_json import REFUSALS
from matricula.edges.api.initializing import receipt_answer
from matricula.edges.api.schemas import Problem
from matricula.flows import accept as accepting
from matricula.flows import standing as standings
from matricula.flows import waitlist as flow
from matricula.flows.accept import Acceptance
from matricula.flows.standing import Standing
from matricula.flows.waitlist import Wish
from matricula.kernel import ids
from matricula.kernel.errors import Guidance, ValidationFailed
from matricula.waitlist.queries import OfferRecord
from matricula.waitlist.states import EntryState, OfferState

router = Router(tags=["Waitlist"], auth=SignedIn())
# Positions move when others leave or are served; asking more often tells nothing new.
POLL_AFTER = 15


class WhichCohort(Schema):
    cohort_id: Annotated[str, Field(min_length=1, max_length=120)] | None = None


@router.post(
    "/courses/{course_id}/waitlist",
    response={201: schemas.Entry, 200: schemas.Entry, 402: Problem, 403: Problem, **REFUSALS},
)
def join_waitlist(
    request: HttpRequest, course_id: str, payload: schemas.Join | None = None
) -> HttpResponse:
    """A place at the end of the list of a full cohort. Waiting costs nothing. Who waits already
    keeps their place and gets 200."""
    person_id = active_person_id(request)
    wanted = payload or schemas.Join.model_validate({})
    wish = Wish(
        person_id,
        course_id,
        ids.from_text("coh", wanted.cohort_id) if wanted.cohort_id else None,
        wanted.party_size,
        replaces=ids.from_text("enr", wanted.replaces) if wanted.replaces else None,
        leaves_others=wanted.leave_others,
    )

    def work() -> HttpResponse:
        standing, is_new = flow.join(wish)
        return answer(entry(standing), 201 if is_new else 200)

    return idempotent.once(request, person_id, work)


@router.get("/courses/{course_id}/waitlist", response={200: schemas.Entry, **REFUSALS})
def get_waitlist_entry(
    request: HttpRequest, course_id: str, which: Query[WhichCohort]
) -> HttpResponse:
    """Where the person stands in a list of the course: their open place, else the last one."""
    return answer(entry(_standing(request, course_id, which)))


@router.patch(
    "/courses/{course_id}/waitlist", response={200: schemas.Entry, 403: Problem, **REFUSALS}
)
def change_waitlist_entry(
    request: HttpRequest, course_id: str, which: Query[WhichCohort], payload: schemas.Change
) -> HttpResponse:
    """Says anew what is to happen once the seat is there: which enrollment is swapped for it
    (`null`: none), and whether other waitlists are left."""
    record = _standing(request, course_id, which).entry
    sent = payload.model_fields_set
    replaces = ids.from_text("enr", payload.replaces) if payload.replaces else None
    flow.change_wish(
        record.person_id,
        record.id,
        replaces=replaces if "replaces" in sent else record.replaces_id,
        leaves_others=record.leaves_others
        if payload.leave_others is None
        else payload.leave_others,
    )
    return answer(entry(standings.of_entry(record.person_id, record.id)))


@router.delete("/courses/{course_id}/waitlist", response={204: None, **REFUSALS})
def leave_waitlist(request: HttpRequest, course_id: str, which: Query[WhichCohort]) -> HttpResponse:
    """Gives the place up, and a seat that is offered with it."""
    standing = _standing(request, course_id, which)
    person_id = standing.entry.person_id
    flow.leave(person_id, standing.entry.id, actor_id=person_id)
    return HttpResponse(status=204)


@router.post(
    "/waitlist/offers/{offer_id}/accept",
    response={
        201: enrollment_schemas.InitializeAnswer,
        200: enrollment_schemas.InitializeAnswer,
        402: Problem,
        403: Problem,
        503: Problem,
        **REFUSALS,
    },
)
def accept_offer(
    request: HttpRequest, offer_id: str, payload: schemas.Accept | None = None
) -> HttpResponse:
    """Takes the offered seat, as initialize takes a free one: enrolled, or an order whose payment
    is opened. A seat of a party that was passed on wants its `party_key`."""
    person_id = active_person_id(request)
    wanted = payload or schemas.Accept.model_validate({})
    if errors := url_errors(wanted):
        raise ValidationFailed(guidance=Guidance(errors=errors))
    acceptance = Acceptance(
        offer_id=ids.from_text("off", offer_id),
        person_id=person_id,
        party_key=wanted.party_key,
        coupon_code=wanted.coupon_code or None,
        terms=terms_of(wanted),
    )

    def work() -> HttpResponse:
        receipt = accepting.accept(acceptance)
        made, _is_complete = receipt_answer(receipt, idempotent.key_of(request))
        return answer(made, 201 if receipt.is_new else 200)

    return idempotent.over_several(request, person_id, work)


def _standing(request: HttpRequest, course_id: str, which: WhichCohort) -> Standing:
    person_id = active_person_id(request)
    cohort_id = ids.from_text("coh", which.cohort_id) if which.cohort_id else None
    return standings.in_course(person_id, course_id, cohort_id)


def entry(standing: Standing) -> schemas.Entry:
    """A place in a list in the API's shape."""
    record, wait, odds = standing.entry, standing.expected_wait, standing.odds
    waits = record.state is EntryState.WAITING
    return schemas.Entry(
        entry_id=ids.to_text("wtl", record.id),
        status=record.state,
        position=standing.position,
        ahead=standing.seats_ahead,
        expected_wait=None if wait is None else int(wait.total_seconds()),
        odds=None if odds is None else schemas.Odds(reached=odds.reached, lists=odds.lists),
        length=standing.length,
        party_size=record.party_size,
        priority=record.group or ("late_payment" if record.is_first_after_late_payment else None),
        skipped=_skipped(standing) if waits else None,
        closed=standing.is_over,
        offers=[_offer(offer) for offer in record.offers],
        course=enrollment_schemas.CourseName(
            id=ids.to_text("crs", standing.course.id), title=standing.course.title
        ),
        cohort_id=ids.to_text("coh", record.cohort_id),
        joined_at=record.joined_at,
        enrollment_id=ids.to_text("enr", record.enrollment_id) if record.enrollment_id else None,
        replaces=ids.to_text("enr", record.replaces_id) if record.replaces_id else None,
        leave_others=record.leaves_others,
        poll_after=POLL_AFTER if record.is_open else None,
    )


def _skipped(standing: Standing) -> schemas.Skipped | None:
    record = standing.entry
    if not record.skipped_code:
        return None
    return schemas.Skipped(code=record.skipped_code, detail=str(record.why_skipped))


def _offer(offer: OfferRecord) -> schemas.Offer:
    is_passed_on = offer.number > 1 and offer.state is OfferState.OPEN
    return schemas.Offer(
        offer_id=ids.to_text("off", offer.id),
        status=offer.state,
        ends_at=offer.ends_at,
        is_own=offer.number == 1,
        party_key=accepting.party_key(offer.id) if is_passed_on else None,
    )
