"""The catalog as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema
from pydantic import Field, StringConstraints

from matricula.access import queries as access
from matricula.catalog import queries as catalog
from matricula.catalog.models import CourseStatus
from matricula.catalog.plans import Audience, Prerequisite
from matricula.catalog.queries import Filters
from matricula.catalog.timetable import Meeting
from matricula.edges import button
from matricula.edges.api import schemas
from matricula.edges.api.answers import answer, public
from matricula.edges.api.authentication import SignedIn, active_person_id, visitor
from matricula.edges.api.enrollment_json import quote_sums
from matricula.edges.api.enrollment_schemas import CourseName, QuoteAnswer, QuoteRequest
from matricula.enrollments.admission import Objection
from matricula.flows import offer as offers
from matricula.flows import quote as quotes
from matricula.flows import tax_ids
from matricula.flows.offer import CohortOffer, CourseOffer
from matricula.kernel import clock, ids
from matricula.kernel.errors import NotFound
from matricula.kernel.money import Money

router = Router(tags=["Courses"])
Problem = schemas.Problem
Cursor = schemas.Cursor
Word = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


class CourseQuery(Schema):
    search: Word = ""
    category: Word = ""
    language: Word = ""
    price: Literal["free", "paid"] | None = None
    cursor: Cursor | None = None
    limit: int = Field(24, ge=1, le=catalog.LONGEST_PAGE)


@router.get(
    "/courses",
    auth=None,
    response={200: schemas.CourseList, 401: Problem, 404: Problem, 422: Problem},
)
def list_courses(request: HttpRequest, filters: Query[CourseQuery]) -> HttpResponse:
    """The listed courses, by title, or by relevance when searching."""
    page = catalog.browse(
        Filters(filters.search, filters.category, filters.language, filters.price or ""),
        cursor=filters.cursor,
        limit=filters.limit,
    )
    found = offers.offers_of(page.courses, visitor(request))
    return public(
        answer(
            schemas.CourseList(
                items=[course_json(offer) for offer in found],
                next_cursor=page.next_cursor,
                suggestion=page.suggestion,
            )
        )
    )


@router.get(
    "/courses/{course_id}",
    auth=None,
    response={200: schemas.CourseAnswer, 401: Problem, 404: Problem},
)
def get_course(request: HttpRequest, course_id: str) -> HttpResponse:
    """One course, by id or slug, as the one who asks sees it."""
    offer = offers.find_offer(course_id, visitor(request))
    return public(answer(schemas.CourseAnswer(course=course_json(offer))))


@router.post(
    "/courses/{course_id}/quote",
    auth=None,
    response={200: QuoteAnswer, 401: Problem, 404: Problem, 422: Problem},
)
def quote_course(
    request: HttpRequest, course_id: str, payload: QuoteRequest | None = None
) -> HttpResponse:
    """What the course costs the one who asks, broken down. Promises no seat."""
    person_id = visitor(request)
    course = catalog.find_course(course_id)
    asked = payload or QuoteRequest()
    place = quotes.place_of(asked.country, asked.state, asked.tax_id or "")
    tax_ids.submit(place)
    quote = quotes.quote_courses(
        [course],
        codes=[asked.coupon_code] if asked.coupon_code else [],
        place=place,
        person_id=person_id,
        at=clock.now(),
    )
    return answer(
        QuoteAnswer(
            course=CourseName(id=ids.to_text("crs", course.id), title=course.title),
            coupon_codes=[coupon.code for coupon in quote.coupons],
            notes=list(quote.notes),
            **quote_sums(quote),
        )
    )


@router.get(
    "/courses/{course_id}/access",
    auth=SignedIn(),
    response={200: schemas.AccessAnswer, 401: Problem, 404: Problem},
)
def get_access(request: HttpRequest, course_id: str) -> HttpResponse:
    """Whether the person may open the course, and if not, why."""
    person_id = active_person_id(request)
    course = catalog.find_course(course_id, hidden=True)
    found = access.access_to(person_id, course.id)
    if course.status == CourseStatus.DRAFT and found.enrollment is None:
        raise NotFound  # a draft is known to those who have it, and to staff in the console
    enrollment = found.enrollment if found.granted else None
    return answer(
        schemas.AccessAnswer(
            has_access=found.granted,
            enrollment_date=enrollment.confirmed_at if enrollment else None,
            access_expires=enrollment.access_expires_at if enrollment else None,
            course_progress=0,
            next_lesson_url=f"/learn/{course.slug}/" if found.granted else None,
            reason=found.reason or None,
            detail=str(found.detail) or None,
        )
    )


def course_json(offer: CourseOffer) -> schemas.Course:
    """The offer in the API's shape."""
    course = offer.course
    regular, sale = _prices(offer)
    chosen = offer.chosen
    return schemas.Course(
        id=ids.to_text("crs", course.id),
        slug=course.slug,
        title=course.title,
        summary=course.summary,
        description=course.description,
        category=course.category,
        instructor=course.instructor_name,
        language=course.language,
        duration_weeks=course.duration_weeks,
        price=regular.major,
        price_minor=regular.minor,
        currency=regular.currency,
        discount_price=sale.major if sale else None,
        discount_price_minor=sale.minor if sale else None,
        has_active_discount=sale is not None,
        tax_inclusive=course.tax_inclusive,
        prerequisites=_required(offer, course.prerequisites, offer.missing),
        corequisites=_required(offer, course.corequisites, offer.missing_together),
        audience=_audience(course.audience),
        capacity=chosen.seats.capacity if chosen else None,
        seats_left=chosen.seats.left if chosen else None,
        waitlist_open=offer.can_wait,
        waitlist_length=offer.waitlist.length if offer.waitlist is not None else 0,
        enrollment_status=_enrollment_status(offer),
        can_enroll=offer.can_enroll,
        cannot_enroll_code=_cannot_enroll_code(offer),
        button=schemas.Button(
            state=offer.button.value, label=button.label(offer), action_url=button.target(offer)
        ),
        enrollment_deadline=chosen.deadline if chosen else None,
        starts_at=chosen.plan.starts_at if chosen else None,
        cohorts=[_cohort_json(cohort) for cohort in offer.cohorts],
    )


def _prices(offer: CourseOffer) -> tuple[Money, Money | None]:
    price = offer.course.price
    if price is None:
        return Money.zero(settings.CURRENCY), None
    return price.regular, price.current(offer.at) if price.on_sale(offer.at) else None


def _required(
    offer: CourseOffer, parts: Sequence[Prerequisite], missing: Sequence[tuple[UUID, str]]
) -> list[schemas.CourseRequirement]:
    lacking = {course_id for course_id, _title in missing}
    return [
        schemas.CourseRequirement(
            id=ids.to_text("crs", part.id),
            slug=part.slug,
            title=part.name,
            met=part.id not in lacking if offer.signed_in else None,
        )
        for part in parts
    ]


def _audience(audience: Audience) -> schemas.Audience:
    return schemas.Audience(
        email_domains=list(audience.email_domains),
        is_for_groups=bool(audience.groups),
        least_age=audience.least_age,
        greatest_age=audience.greatest_age,
        required_profile=list(audience.required_profile),
        most_takes=audience.most_takes,
        most_in_category=audience.most_in_category,
    )


def _enrollment_status(
    offer: CourseOffer,
) -> Literal["not_enrolled", "pending", "enrolled", "waitlisted"]:
    if offer.live is None:
        return "not_enrolled" if offer.waits_in is None else "waitlisted"
    return "pending" if offer.live.is_pending else "enrolled"


def _cannot_enroll_code(offer: CourseOffer) -> str | None:
    if offer.can_enroll:
        return None
    return offer.refusal.code if offer.refusal else "authentication_required"


def _cohort_json(cohort: CohortOffer) -> schemas.Cohort:
    plan = cohort.plan
    return schemas.Cohort(
        id=ids.to_text("coh", plan.id),
        name=plan.name,
        opens_at=plan.opens_at,
        closes_at=cohort.deadline,
        starts_at=plan.starts_at,
        ends_at=plan.ends_at,
        capacity=cohort.seats.capacity,
        seats_left=cohort.seats.left,
        window=cohort.window,
        waitlist_enabled=plan.waitlist_enabled,
        meetings=[_meeting(part) for part in plan.meetings],
        objections=[_objection(found) for found in cohort.objections],
    )


def _meeting(part: Meeting) -> schemas.Meeting:
    return schemas.Meeting(
        weekdays=list(part.weekdays),
        first_day=part.first_day,
        last_day=part.last_day,
        starts=part.starts,
        ends=part.ends,
        zone=part.zone,
        skipped=list(part.skipped),
        place=part.place,
    )


def _objection(found: Objection) -> schemas.Objection:
    actions = found.error.guidance.actions
    return schemas.Objection(
        rule=found.rule.value,
        code=found.error.code,
        detail=found.error.detail,
        actions=[schemas.Way(label=str(action.label), url=action.url) for action in actions],
    )
