"""An enrollment in words: its state, its steps and its history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from matricula.enrollments.queries import EnrollmentRecord
from matricula.enrollments.states import ENROLLMENT, LIVE, Stage, Status
from matricula.flows.payment_status import FREE, PaymentStatus, Standing
from matricula.kernel import clock, ids
from matricula.kernel.events import RecordedEvent
from matricula.payments.queries import PaymentRecord

# What each event means to the person it concerns. Others are of no use to them and left out.
EVENT_WORDS = {
    "enrollment.requested": gettext_lazy("You asked for a seat."),
    "enrollment.held": gettext_lazy("A seat was held for you."),
    "hold.extended": gettext_lazy("You were given more time."),
    "enrollment.queued": gettext_lazy("You joined the line."),
    "enrollment.confirmed": gettext_lazy("Your seat was confirmed."),
    "enrollment.failed": gettext_lazy("The enrollment failed."),
    "enrollment.expired": gettext_lazy("The time ran out and the seat was released."),
    "enrollment.cancelled": gettext_lazy("The enrollment was cancelled and the seat released."),
    "enrollment.refunded": gettext_lazy("The enrollment was refunded."),
    "access.granted": gettext_lazy("The course was opened for you."),
    "access.revoked": gettext_lazy("Access to the course ended."),
    "payment.pending": gettext_lazy("The payment was started."),
    "payment.processing": gettext_lazy("The payment is being checked."),
    "payment.completed": gettext_lazy("The payment arrived."),
    "payment.failed": gettext_lazy("The payment failed."),
    "payment.refund_requested": gettext_lazy("A refund was started."),
    "payment.refund_failed": gettext_lazy("The refund failed. We are looking into it."),
    "payment.withdrawn": gettext_lazy("You withdrew from the contract."),
    "payment.refunded": gettext_lazy("The payment was refunded."),
    "payment.disputed": gettext_lazy("The payment was questioned by its bank."),
    "override.used": gettext_lazy("The organizers made an exception for you."),
    "guest.joined": gettext_lazy("It was joined to your account."),
}


@dataclass(frozen=True)
class Step:
    """A step of the way: done, now, ahead or ended."""

    label: str
    state: str
    state_words: str
    at: datetime | None = None


@dataclass(frozen=True)
class Summary:
    """An enrollment as pages print it. `tone`: good, waiting or ended."""

    reference: str
    record: EnrollmentRecord
    heading: str
    status: str
    tone: str
    is_live: bool
    is_enrolled: bool
    is_waiting: bool
    can_cancel: bool


@dataclass(frozen=True)
class Moment:
    """A line of the history."""

    at: datetime
    words: str


def summary_of(record: EnrollmentRecord) -> Summary:
    """The enrollment in a few words."""
    heading, status, tone = _stage_words(record.stage) or _status_words(record.status)
    return Summary(
        reference=ids.to_text("enr", record.id),
        record=record,
        heading=heading,
        status=status,
        tone=tone,
        is_live=record.stage in LIVE,
        is_enrolled=record.status is Status.ENROLLED,
        is_waiting=record.stage is Stage.REQUESTED,
        can_cancel=ENROLLMENT.allows(record.stage, "cancel"),
    )


@dataclass(frozen=True)
class Hold:
    """Until when a seat is held, and the seconds till then: the browser's clock may be wrong."""

    ends_at: datetime
    seconds: int


def hold_of(record: EnrollmentRecord) -> Hold | None:
    """The hold that the person can still extend; None when none runs."""
    if record.status is not Status.PENDING or record.hold_expires_at is None:
        return None
    left = record.hold_expires_at - clock.now()
    return Hold(record.hold_expires_at, max(0, int(left.total_seconds())))


@dataclass(frozen=True)
class Live:
    """What the page hears of: the number of the last event it shows, whether more will happen, and
    what is said aloud when it has changed."""

    after: int
    words: str
    is_over: bool


def live_of(summary: Summary, events: Sequence[RecordedEvent]) -> Live:
    """For the part of the status page that changes by itself (`static/matricula/live/page.js`)."""
    told = history_of(events)
    return Live(
        after=events[-1].number if events else 0,
        words=" ".join([f"{summary.heading}.", *(moment.words for moment in told[-1:])]),
        is_over=summary.record.status is not Status.PENDING,
    )


def steps_of(record: EnrollmentRecord, standing: Standing = FREE) -> list[Step]:
    """The way so far and, while it lasts, the way ahead."""
    steps = [_step(_("Requested"), "done", record.requested_at)]
    if standing.payment is not None:
        return [*steps, *_paid_steps(record, standing.payment)]
    if record.stage is Stage.REQUESTED:
        ahead = [_step(_("A seat"), "ahead"), _step(_("Enrolled"), "ahead")]
        return [*steps, _step(_("In line"), "now"), *ahead]
    if record.status is Status.PENDING:
        steps.append(_step(_("Seat held"), "now", record.hold_expires_at))
        steps.append(_step(_("Enrolled"), "ahead"))
        return steps
    if record.confirmed_at is not None:
        steps.append(_step(_("Seat confirmed"), "done", record.confirmed_at))
    if record.status is Status.ENROLLED:
        steps.append(_step(_("Enrolled"), "now"))
    else:
        steps.append(_step(_status_words(record.status)[1], "ended", record.ended_at))
    return steps


def _paid_steps(record: EnrollmentRecord, payment: PaymentRecord) -> list[Step]:
    """The steps of what is paid for, after the first."""
    paid_at = payment.completed_at
    steps = [_step(_("Seat held"), "done", record.requested_at)]
    if paid_at is not None:
        steps.append(_step(_("Payment"), "done", paid_at))
    if record.status is Status.PENDING:
        if paid_at is None:
            steps.append(_step(_("Payment"), "now"))
        steps.append(_step(_("Enrolled"), "ahead"))
    elif record.status is Status.ENROLLED:
        steps.append(_step(_("Enrolled"), "now", record.confirmed_at))
    else:
        steps.append(_step(_status_words(record.status)[1], "ended", record.ended_at))
    return steps


def history_of(events: Sequence[RecordedEvent]) -> list[Moment]:
    """The events that mean something to the person, in order."""
    return [
        Moment(event.at, str(EVENT_WORDS[event.type]))
        for event in events
        if event.type in EVENT_WORDS
    ]


def money_words(standing: Standing) -> str:
    """Where the money stands; empty where none was due."""
    said = {
        PaymentStatus.PENDING: _("Waiting for your payment"),
        PaymentStatus.PROCESSING: _("Being confirmed"),
        PaymentStatus.COMPLETED: _("Paid"),
        PaymentStatus.FAILED: _("Not paid"),
        PaymentStatus.PARTIALLY_REFUNDED: _("Paid, and given back in part"),
        PaymentStatus.REFUNDED: _("Given back"),
        PaymentStatus.DISPUTED: _("Questioned by the bank"),
    }
    return str(said.get(standing.status, ""))


def seat_words(record: EnrollmentRecord) -> str:
    """What became of the seat."""
    if record.stage is Stage.CONFIRMED:
        return _("Yours")
    if record.stage is Stage.REQUESTED:
        return _("Not yet: you are in line")
    if record.stage in LIVE:
        return _("Held for you")
    return _("Released")


def _step(label: str, state: str, at: datetime | None = None) -> Step:
    said = {"done": _("done"), "now": _("now"), "ahead": _("still to come"), "ended": _("ended")}
    return Step(label, state, said[state], at)


def _stage_words(stage: Stage) -> tuple[str, str, str] | None:
    """Where the stage says more than its status."""
    return {
        Stage.REQUESTED: (_("You are in line"), _("In line"), "waiting"),
        Stage.VALIDATED: (_("A seat is held for you"), _("Seat held"), "waiting"),
    }.get(stage)


def _status_words(status: Status) -> tuple[str, str, str]:
    """Heading, short word and tone."""
    return {
        Status.PENDING: (_("Your enrollment is under way"), _("Pending"), "waiting"),
        Status.ENROLLED: (_("You are enrolled"), _("Enrolled"), "good"),
        Status.FAILED: (_("This enrollment failed"), _("Failed"), "ended"),
        Status.EXPIRED: (_("This enrollment expired"), _("Expired"), "ended"),
        Status.CANCELLED: (_("This enrollment is cancelled"), _("Cancelled"), "ended"),
        Status.REFUNDED: (_("This enrollment was refunded"), _("Refunded"), "ended"),
    }[status]
