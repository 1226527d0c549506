"""The console's addresses, and forms as a browser would send them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from matricula.catalog.models import Cohort, Course
from matricula.kernel.models import Event

COURSES = "/console/catalog/course/"
COHORTS = "/console/catalog/cohort/"
OVERRIDES = "/console/enrollments/override/"
GROUPS = "/console/accounts/learnergroup/"
LIMITS = "/console/catalog/categorylimit/"
PEOPLE = "/console/accounts/person/"
ENROLLMENTS = "/console/enrollments/enrollment/"
HOLDS = "/console/seats/hold/"
ROOMS = "/console/waitingroom/room/"
EVENTS = "/console/kernel/event/"
ROLES = "/console/auth/group/"
TASKS = "/console/payments/stafftask/"
ORDERS = "/console/orders/order/"
PAYMENTS = "/console/payments/payment/"
REFUNDS = "/console/payments/refund/"
DISPUTES = "/console/payments/dispute/"
INBOX = "/console/payments/inboxevent/"
REJECTED = "/console/payments/rejectedwebhook/"
COUPONS = "/console/pricing/coupon/"
TAX_RATES = "/console/pricing/taxrate/"
TAX_IDS = "/console/taxids/taxid/"
REFUND_STEPS = "/console/orders/refundstep/"
SELLER = "/console/pricing/seller/"
CONVERSATIONS = "/console/support/conversation/"
CANNED = "/console/support/cannedanswer/"
DELIVERIES = "/console/notifications/delivery/"
SUPPRESSED = "/console/notifications/suppressedaddress/"
ENDPOINTS = "/console/webhooks/endpoint/"
WEBHOOK_DELIVERIES = "/console/webhooks/delivery/"
MONEY = (
    TASKS,
    ORDERS,
    PAYMENTS,
    REFUNDS,
    DISPUTES,
    INBOX,
    REJECTED,
    COUPONS,
    TAX_RATES,
    TAX_IDS,
    REFUND_STEPS,
    SELLER,
)
LISTS = (
    COURSES,
    COHORTS,
    OVERRIDES,
    GROUPS,
    LIMITS,
    PEOPLE,
    ENROLLMENTS,
    HOLDS,
    ROOMS,
    EVENTS,
    ROLES,
    CONVERSATIONS,
    CANNED,
    DELIVERIES,
    SUPPRESSED,
    ENDPOINTS,
    WEBHOOK_DELIVERIES,
    *MONEY,
)


def change(listing: str, key: UUID | int) -> str:
    return f"{listing}{key}/change/"


def lines(prefix: str, total: int = 0, initial: int = 0, **fields: Any) -> dict[str, Any]:
    """The hidden fields of the lines below a form, and those given as `n__name`."""
    counts = {"TOTAL": total, "INITIAL": initial, "MIN_NUM": 0, "MAX_NUM": 1000}
    hidden = {f"{prefix}-{name}_FORMS": value for name, value in counts.items()}
    return {**hidden, **{f"{prefix}-{n.replace('__', '-')}": v for n, v in fields.items()}}


def course_form(course: Course | None = None, **fields: Any) -> dict[str, Any]:
    """A course's form as it stands, with `fields` filled in otherwise."""
    known = course or Course(title="New course", slug="new-course")
    form = {
        "title": known.title,
        "slug": known.slug,
        "status": known.status,
        "summary": known.summary,
        "description": known.description,
        "instructor": "",
        "instructor_name": known.instructor_name,
        "category": known.category,
        "language": known.language,
        "duration_weeks": known.duration_weeks or "",
        "access_days": known.access_days or "",
        "prerequisites": [],
        "tax_category": "standard",
        **lines("prices"),
    }
    return {**form, **fields}


def cohort_form(cohort: Cohort | None = None, **fields: Any) -> dict[str, Any]:
    """A cohort's form: ten seats and no dates, with `fields` filled in otherwise."""
    name = cohort.name if cohort else "Autumn"
    empty = {f"{moment}_at_{part}": "" for moment in _MOMENTS for part in (0, 1)}
    return {
        "name": name,
        "seats_limit": "limited",
        "capacity": 10,
        **empty,
        **lines("meetings"),
        **fields,
    }


def events_of(subject: UUID) -> list[Event]:
    return list(Event.objects.filter(subject=subject).order_by("subject_seq"))


_MOMENTS = ("opens", "closes", "starts", "ends")
