"""Random histories of one list: whatever people, staff and the worker do, nobody is overtaken
without a reason, no seat is idle that fits somebody who may take it, and no promise is broken.

`make histories` runs thousands of them.
"""

from __future__ import annotations

from uuid import UUID

from django.contrib.postgres.functions import TransactionNow
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from matricula.enrollments.models import Enrollment
from matricula.flows import doctor, expire, promote, waitlist
from matricula.seats import actions as seats
from matricula.seats.models import Hold, SeatCount
from matricula.waitlist.models import Entry, Offer
from matricula.waitlist.states import EntryState, OfferState
from tests.properties.histories import histories
from tests.support import claims
from tests.support.factories import make_cohort, make_people
from tests.waitlist.conftest import Full, full_course

HISTORIES = histories(12)
TIMELESS = [
    check
    for check in doctor.CHECKS
    if check.name.startswith("waitlist") or check.name in {"seats", "seat_counts", "oversold"}
]
picks = st.integers(0, 99)


class List(RuleBasedStateMachine):
    """One cohort, paid or free, with who has a seat and who waits."""

    def __init__(self) -> None:
        super().__init__()
        self._undone = transaction.atomic()
        self._undone.__enter__()

    def teardown(self) -> None:
        try:
            self.work()  # what came free last is still to be given
            self.check_promises()
        finally:  # or what is left of this history would break the promises of the next
            transaction.set_rollback(True)
            self._undone.__exit__(None, None, None)

    @initialize(capacity=st.integers(1, 3), is_paid=st.booleans())
    def begin(self, capacity: int, is_paid: bool) -> None:
        self.full: Full = full_course(capacity, price=100_000 if is_paid else None)
        self.elsewhere = make_cohort(self.full.course, capacity=None).pk
        self.swapping: set[UUID] = set()

    @property
    def waiting(self) -> list[Entry]:
        rows = Entry.objects.filter(cohort=self.full.cohort, state=EntryState.WAITING)
        return list(rows.order_by("rank", "place", "pk"))

    @property
    def is_full(self) -> bool:
        return self.full.count.queued or self.free == 0

    @rule(size=st.sampled_from([1, 1, 1, 2, 3]))
    def join(self, size: int) -> None:
        count = self.full.count
        if self.is_full:
            self.full.join(min(size, count.capacity or 1))

    @rule()
    def join_in_place_of_a_seat(self) -> None:
        """Somebody who has a seat in the other intake waits for one here instead."""
        if not self.is_full:
            return
        (person,) = make_people(1)
        wish = claims.Wish(person.pk, self.full.course.pk, self.elsewhere)
        with connection.cursor() as cursor:
            claims.enroll_people(cursor, [wish])
        self.full.join(person=person.pk, replaces=wish.enrollment)
        self.swapping.add(person.pk)

    @rule()
    def cancel(self) -> None:
        if self.full.owners:
            self.full.free()

    @rule(more=st.integers(1, 3))
    def raise_capacity(self, more: int) -> None:
        seats.set_capacity(self.full.cohort, (self.full.count.capacity or 0) + more)

    @rule(pick=picks)
    def leave(self, pick: int) -> None:
        if line := self.waiting:
            entry = line[pick % len(line)]
            waitlist.leave(entry.person_id, entry.pk, actor_id=entry.person_id)

    @rule()
    def let_offers_lapse(self) -> None:
        keys = Offer.objects.filter(state=OfferState.OPEN).values("pk")
        past = TransactionNow()
        Hold.objects.filter(key__in=keys, state="held").update(expires_at=past)
        expire.expire_due()

    @rule()
    def newcomer(self) -> None:
        count, line = self.full.count, self.waiting
        outcome = self.full.claim()
        if line or count.held + count.sold >= (count.capacity or 0):
            assert outcome == "full"

    @rule()
    def work(self) -> None:
        """The worker gives every seat it may, in order."""
        line = self.waiting
        promote.promote(self.full.cohort)
        left = self.waiting
        served = [entry for entry in line if entry.pk not in {e.pk for e in left}]
        for entry in served:  # whoever stood before a place that was served is larger than it
            before = [o for o in left if (o.rank, o.place) < (entry.rank, entry.place)]
            assert all(other.party_size > 1 for other in before)
        free = self.free
        saved = [entry for entry in left if entry.saving_since is not None]
        if any(entry.party_size <= free for entry in left):
            assert saved, "a seat is idle and kept for nobody"
            assert all(entry.party_size > free for entry in saved)

    @property
    def free(self) -> int:
        count = SeatCount.objects.get(pk=self.full.cohort)
        return (count.capacity or 0) - count.held - count.sold

    @invariant()
    def who_swaps_has_one_seat(self) -> None:
        """The first until the other is theirs, and never both or none."""
        if hasattr(self, "full") and self.swapping:
            rows = Enrollment.objects.filter(person__in=self.swapping, stage="confirmed")
            assert sorted(rows.values_list("person", flat=True)) == sorted(self.swapping)

    @invariant()
    def nobody_is_passed_for_ever(self) -> None:
        if hasattr(self, "full"):
            assert all(entry.passed <= entry.party_size for entry in self.waiting)

    def check_promises(self) -> None:
        found = {check.name: doctor._violations(check) for check in TIMELESS}
        assert not any(found.values()), {name: said for name, said in found.items() if said}


def test_no_history_of_a_list_breaks_a_promise(db: None) -> None:
    run_state_machine_as_test(
        List,
        settings=settings(
            max_examples=HISTORIES,
            stateful_step_count=20,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
