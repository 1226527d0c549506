"""A letter of each kind about nobody in particular, to be looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from django.utils.translation import get_language

from matricula.accounts.models import Person
from matricula.catalog.models import Cohort, Course
from matricula.enrollments.errors import NotInAudience
from matricula.enrollments.models import Enrollment
from matricula.flows.letters import enrolling, opening, paying, staff, waiting
from matricula.flows.letters.about import About
from matricula.flows.letters.waiting import AboutPlace
from matricula.kernel import clock
from matricula.kernel.kept_words import kept
from matricula.kernel.money import Money
from matricula.notifications.letters import Letter
from matricula.orders.queries import LineRecord, OrderRecord
from matricula.orders.states import OrderState
from matricula.payments.models import Refund, StaffTask
from matricula.payments.queries import PaymentRecord
from matricula.payments.states import PaymentState
from matricula.waitlist.models import Entry, ListMessage

_ID = UUID("01920000-0000-7000-8000-000000000001")


def letters() -> Mapping[str, Letter]:
    """By kind, in the language that is active. Nothing is written."""
    about, order = _about(), _order()
    place = AboutPlace(_ID, about.person, _entry(about), {}, None, "")
    offer = replace(place, data=_offer_terms())
    return {
        "enrollment_confirmed": enrolling.confirmed(about),
        "enrollment_cancelled": _some(enrolling.cancelled(about)),
        "enrollment_failed": enrolling.failed(about),
        "enrollment_expired": enrolling.expired(about),
        "turn_came": enrolling.turn_came(about),
        "hold_ending": enrolling.hold_ending(about),
        "receipt": paying.receipt(about, order, None),
        "withdrawn": paying.withdrawn(_withdrawal(), order),
        "payment_failed": paying.failed(about, _payment()),
        "refund_started": paying.refund_started(about, order, _refund()),
        "refund_arrived": paying.refund_arrived(about, order, _refund(), None),
        "waitlist_joined": waiting.joined(place),
        "waitlist_offered": waiting.offered(offer),
        "waitlist_offer_ending": waiting.ends_soon(offer, clock.now() + timedelta(hours=2)),
        "waitlist_message": waiting.from_staff(place.entry, _message()),
        "waitlist_lapsed": waiting.lapsed(place),
        "waitlist_skipped": waiting.skipped(place),
        "course_opened": opening.opened(
            about.person, about.title, "full-stack-development", clock.now() + timedelta(days=30)
        ),
        "course_starting": enrolling.starting(about),
        "checkout_waiting": enrolling.unfinished(about),
        "failed_work": staff.failed_work(3, Person(language=get_language() or "")),
        "staff_task": staff.alert(_task(), Person(language=get_language() or "")),
    }


def _about() -> About:
    at = clock.now()
    course = Course(id=_ID, slug="full-stack-development", title="Full Stack Development")
    cohort = Cohort(id=_ID, course=course, name="Spring intake", starts_at=at + timedelta(days=9))
    person = Person(id=_ID, email="lea@example.org", full_name="Lea Learner", guest_email="")
    enrollment = Enrollment(
        id=_ID,
        person=person,
        course=course,
        cohort=cohort,
        stage="confirmed",
        confirmed_at=at,
        hold_expires_at=at + timedelta(minutes=9),
    )
    return About(_ID, person, enrollment, _order(), {})


def _entry(about: About) -> Entry:
    entry = Entry(id=_ID, course=about.enrollment.course, cohort=about.enrollment.cohort)
    entry.person = about.person
    entry.skipped_code = "permission_denied"
    entry.skipped_words = kept(NotInAudience().words)
    return entry


def _order() -> OrderRecord:
    at, total = clock.now(), Money(176_942, "INR")
    net, tax = Money(149_950, "INR"), Money(26_992, "INR")
    regular, off = Money(299_900, "INR"), Money(149_950, "INR")
    line = LineRecord(
        _ID, _ID, "confirmed", _ID, "full-stack-development", None, "Full Stack Development",
        "Spring intake", regular, off, net, tax, total, [], [],
    )  # fmt: skip
    return OrderRecord(
        _ID, _ID, OrderState.PAID, "INR", regular, off, net, tax, total, [], ["SAVE50"],
        "Lea Learner", "lea@example.org", "", "", "", "IN", "KA", "", "", "", "",
        at, at, None, (line,),
    )  # fmt: skip


def _offer_terms() -> dict[str, object]:
    ends_at = (clock.now() + timedelta(days=1)).isoformat()
    return {"ends_at": ends_at, "price_minor": 149_950, "currency": "INR"}


def _message() -> ListMessage:
    return ListMessage(
        subject="News about the spring intake",
        body="We have found a larger room.\n\nTen more seats are free from Monday on.",
    )


def _task() -> StaffTask:
    return StaffTask(
        id=_ID,
        kind=StaffTask.Kind.GATEWAY,
        cause="no webhooks 2026-11-24",
        detail="razorpay captured payments in the last two days, and not one webhook came.",
        due_at=clock.now() + timedelta(days=2),
    )


def _withdrawal() -> About:
    about = _about()
    return replace(about, data={"amount_minor": 176_942, "currency": "INR"}, at=clock.now())


def _payment() -> PaymentRecord:
    return PaymentRecord(
        _ID, _ID, _ID, "razorpay", PaymentState.FAILED, Money(176_942, "INR"), None, 1,
        "BAD_REQUEST_ERROR", "The bank declined the payment.", clock.now(), None,
    )  # fmt: skip


def _refund() -> Refund:
    return Refund(
        id=_ID, cause=Refund.Cause.POLICY, amount_minor=176_942, currency="INR",
        reason="You asked for it within 14 days.",
    )  # fmt: skip


def _some(letter: Letter | None) -> Letter:
    assert letter is not None  # noqa: S101 - a confirmed enrollment's end is always told
    return letter
