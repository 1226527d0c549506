"""Guests buy first and get their account by a mailed link.

What was bought is joined to an account only after signing in to it, by somebody who has the link; a
course the account has already is given back. Whether an address has an account is told to nobody
but the reader of its mail.
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from matricula.accounts import guests
from matricula.accounts.models import Person
from matricula.enrollments.models import Enrollment
from matricula.enrollments.states import LIVE, Stage
from matricula.flows import cancel, refund
from matricula.flows.locked import lock_order
from matricula.kernel import events
from matricula.kernel.errors import NotFound
from matricula.kernel.events import NewEvent
from matricula.kernel.locks import lock_people, lock_person
from matricula.kernel.money import Money
from matricula.kernel.words import marked
from matricula.orders.models import Order
from matricula.orders.states import OrderState
from matricula.payments.actions import NewRefund
from matricula.payments.models import Refund
from matricula.seats import actions as seats
from matricula.support import actions as support


def enrolled_elsewhere(rows: Collection[Enrollment]) -> set[UUID]:
    """Those of these enrollments that are a guest's, whose course is had already by somebody with
    the same address. One query where there is no guest."""
    of_guests = {guest.pk: guest for guest in guests.among(row.person_id for row in rows)}
    return {
        row.pk
        for row in rows
        if row.person_id in of_guests and _is_had_by_others(of_guests[row.person_id], row.course_id)
    }


def _is_had_by_others(guest: Person, course_id: UUID) -> bool:
    others = guests.others_with(guest)
    rows = Enrollment.objects.filter(course=course_id, stage=Stage.CONFIRMED)
    return bool(others) and rows.filter(person__in=others).exists()


@transaction.atomic
def claim(token: str, password: str) -> Person:
    """Makes the guest an account with this password.

    Raises NotFound for a link of no use, also when the address has an account by now (then `join`
    is the way), and ValidationFailed for a weak password.
    """
    lock_person(guests.read_token(token).pk)
    guest = guests.read_token(token)
    if guests.account_of(guest.guest_email) is not None:
        raise NotFound(_("There is an account with this address. Sign in to it first."))
    return guests.become_account(guest, password)


@transaction.atomic
def join(token: str, account_id: UUID) -> list[UUID]:
    """Gives everything of the guest to the account whose owner has the link; returns the
    enrollments joined. Of two enrollments in one course the confirmed one stays, and of two alike
    the account's. The other is cancelled with its checkout, and what was paid for it goes back.

    Raises NotFound for a link of no use.
    """
    guest_id = guests.read_token(token).pk
    lock_people([guest_id, account_id])
    guest = guests.read_token(token)
    theirs = Enrollment.objects.filter(person=account_id, stage__in=LIVE)
    mine = Enrollment.objects.filter(person=guest_id).order_by("pk")
    courses = theirs.values_list("course_id", flat=True)
    both = mine.filter(stage__in=LIVE, course__in=list(courses))
    for course_id in list(both.values_list("course_id", flat=True)):
        # Read anew for each: giving up a checkout ends all of its enrollments.
        own = theirs.filter(course=course_id).first()
        other = both.filter(course=course_id).first()
        if own is not None and other is not None:
            _give_up(_weaker(own, other), account_id)
    joined = list(mine.values_list("pk", flat=True))
    mine.update(person=account_id)
    seats.rename(guest_id, account_id)
    Order.objects.filter(person=guest_id).update(person=account_id)
    support.rename(guest_id, account_id)
    guests.close(guest)
    events.append(
        [
            NewEvent("guest.joined", enrollment_id, account_id, account_id)
            for enrollment_id in joined
        ]
    )
    return joined


def _weaker(own: Enrollment, other: Enrollment) -> Enrollment:
    """Which of two enrollments in one course is given up: the one that is not confirmed. Money that
    its checkout may still bring is recognised and given back."""
    only_other_is_confirmed = other.stage == Stage.CONFIRMED and own.stage != Stage.CONFIRMED
    return own if only_other_is_confirmed else other


def _give_up(enrollment: Enrollment, actor_id: UUID) -> None:
    """A second enrollment in the same course ends, and what is left of its payment goes back."""
    reason = marked("You had this course already.")
    order = Order.objects.filter(lines__enrollment=enrollment, state=OrderState.PAID).first()
    if order is not None and enrollment.stage == Stage.CONFIRMED:
        line = order.lines.get(enrollment=enrollment)
        paid = Money(line.total_minor, order.currency)
        new = NewRefund(paid, Refund.Cause.STAFF, reason, None, actor_id)
        if paid and refund.end_with_refund(lock_order(order.pk), line.pk, new):
            return
    cancel.cancel(enrollment.pk, enrollment.person_id, actor_id=actor_id, reason=reason)
