"""Random histories of a few people and cohorts: after each step no promise is broken, and a plain
model in Python counts the same seats. `make histories` runs thousands of them.
"""

from __future__ import annotations

from datetime import timedelta
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

from matricula.enrollments.errors import AlreadyEnrolled
from matricula.enrollments.models import Enrollment
from matricula.flows import doctor
from matricula.flows.cancel import cancel
from matricula.flows.expire import expire_due
from matricula.flows.extend import extend_hold
from matricula.flows.swap import swap
from matricula.kernel.errors import IllegalState
from matricula.seats import actions as seats
from matricula.seats.errors import CapacityTooSmall, CourseFull, HoldEnded
from matricula.seats.models import Hold, SeatCount
from tests.properties.histories import histories
from tests.support.claims import Wish, enroll_people
from tests.support.factories import make_cohort, make_course, make_people

PEOPLE, COURSES = 4, 2
people = st.integers(0, PEOPLE - 1)
places = st.integers(0, 2 * COURSES - 1)
# Not what depends on how long ago something was.
TIMELESS = [
    check
    for check in doctor.CHECKS
    if check.name not in {"overdue_holds", "unsent", "unsent_mail", "waitlist_turns"}
]
# Asked after each step, in one query; the others after each history.
_ABOUT_SEATS = " UNION ALL ".join(
    f"SELECT detail FROM ({doctor._sql(name)}) AS {name}"  # noqa: S608 - our own files
    for name in (
        "oversold",
        "seat_counts",
        "seats",
        "doubled",
        "swaps",
        "event_gaps",
        "event_states",
    )
)


class Seats(RuleBasedStateMachine):
    """`live` says who has which seat: (person, course) to place, enrollment and whether held."""

    def __init__(self) -> None:
        super().__init__()
        self._undone = transaction.atomic()
        self._undone.__enter__()

    def teardown(self) -> None:
        """What one history did is undone before the next."""
        try:
            assert [text for check in TIMELESS for text in doctor._violations(check)] == []
        finally:
            transaction.set_rollback(True)
            self._undone.__exit__(None, None, None)

    @initialize(capacities=st.lists(st.sampled_from([0, 1, 2, None]), min_size=4, max_size=4))
    def open(self, capacities: list[int | None]) -> None:
        self.people = [person.pk for person in make_people(PEOPLE)]
        self.places: list[tuple[UUID, UUID]] = []
        for number in range(COURSES):
            course = make_course(capacity=capacities[2 * number])
            second = make_cohort(course, capacity=capacities[2 * number + 1])
            self.places += [(course.pk, only_first(course.pk, second.pk)), (course.pk, second.pk)]
        self.capacity = dict(enumerate(capacities))
        self.live: dict[tuple[int, int], tuple[int, UUID, bool]] = {}
        self.overdue: set[UUID] = set()
        self.ended: list[tuple[int, UUID]] = []
        self.keys: set[tuple[int, str]] = set()

    def taken(self, place: int) -> int:
        return sum(at == place for at, _, _ in self.live.values())

    def is_full(self, place: int) -> bool:
        capacity = self.capacity[place]
        return capacity is not None and self.taken(place) >= capacity

    @rule(
        who=people,
        where=places,
        seconds=st.sampled_from([None, 600]),
        key=st.sampled_from([None, "k", "l"]),
    )
    def enroll(self, who: int, where: int, seconds: int | None, key: str | None) -> None:
        wish = Wish(self.people[who], *self.places[where], hold_seconds=seconds, key=key)
        with connection.cursor() as cursor:
            (answer,) = enroll_people(cursor, [wish])
        course = where // 2
        if key and (who, key) in self.keys:
            assert answer.outcome == "answered"
        elif (who, course) in self.live:
            assert (answer.outcome, answer.enrollment) == ("already", self.live[who, course][1])
        elif self.is_full(where):
            assert answer.outcome == "full"
        else:
            assert answer.outcome == ("held" if seconds else "enrolled")
            self.live[who, course] = (where, wish.enrollment, seconds is not None)
            if key and not seconds:
                self.keys.add((who, key))

    @rule(who=people, course=st.integers(0, COURSES - 1))
    def leave(self, who: int, course: int) -> None:
        if (who, course) in self.live:
            _, enrollment, _ = self.live.pop((who, course))
            cancel(enrollment, self.people[who], actor_id=self.people[who])
            self.overdue.discard(enrollment)
            self.ended.append((who, enrollment))

    @rule(who=people, course=st.integers(0, COURSES - 1), where=places)
    def swap(self, who: int, course: int, where: int) -> None:
        if (who, course) not in self.live:
            return
        here, enrollment, is_held = self.live[who, course]
        person, cohort = self.people[who], self.places[where][1]
        try:
            record = swap(enrollment, person, cohort, actor_id=person)
        except IllegalState:
            assert is_held or where == here
        except AlreadyEnrolled:
            assert where // 2 != course
            assert (who, where // 2) in self.live
        except CourseFull:
            assert self.is_full(where)
        else:
            assert not is_held
            del self.live[who, course]
            self.ended.append((who, enrollment))
            self.live[who, where // 2] = (where, record.id, False)

    @rule(pick=st.integers(0, 99))
    def leave_again(self, pick: int) -> None:
        if self.ended:
            who, enrollment = self.ended[pick % len(self.ended)]
            try:
                cancel(enrollment, self.people[who], actor_id=self.people[who])
            except IllegalState:
                return
            raise AssertionError("an ended enrollment was cancelled")

    @rule(who=people, course=st.integers(0, COURSES - 1))
    def let_run_out(self, who: int, course: int) -> None:
        _, enrollment, is_held = self.live.get((who, course), (0, UUID(int=0), False))
        if is_held:
            # By the clock of the transaction, which stands still.
            past = TransactionNow() - timedelta(seconds=1)
            Hold.objects.filter(key=enrollment).update(expires_at=past)
            self.overdue.add(enrollment)

    @rule(who=people, course=st.integers(0, COURSES - 1))
    def extend(self, who: int, course: int) -> None:
        if (who, course) not in self.live:
            return
        _, enrollment, is_held = self.live[who, course]
        try:
            extend_hold(enrollment, self.people[who])
        except (IllegalState, HoldEnded):
            assert not is_held
        else:
            self.overdue.discard(enrollment)

    @rule()
    def sweep(self) -> None:
        assert expire_due() == len(self.overdue)
        for (who, course), (_, enrollment, _) in list(self.live.items()):
            if enrollment in self.overdue:
                del self.live[who, course]
                self.ended.append((who, enrollment))
        self.overdue.clear()

    @rule(where=places, capacity=st.sampled_from([0, 1, 2, 5, None]))
    def resize(self, where: int, capacity: int | None) -> None:
        try:
            seats.set_capacity(self.places[where][1], capacity)
        except CapacityTooSmall:
            assert capacity is not None
            assert capacity < self.taken(where)
        else:
            assert capacity is None or capacity >= self.taken(where)
            self.capacity[where] = capacity

    @invariant()
    def counters_agree_with_the_model(self) -> None:
        rows = SeatCount.objects.filter(pk__in=[cohort for _, cohort in self.places])
        counted = {row.pk: (row.capacity, row.held, row.sold) for row in rows}
        for place, (_, cohort) in enumerate(self.places):
            held = sum(at == place and is_held for at, _, is_held in self.live.values())
            expected = (self.capacity[place], held, self.taken(place) - held)
            assert counted[cohort] == expected

    @invariant()
    def enrollments_agree_with_the_model(self) -> None:
        rows = Enrollment.objects.filter(
            person__in=self.people, stage__in=("validated", "confirmed")
        )
        found = {row.pk: row.stage == "validated" for row in rows}
        assert found == {key: is_held for _, key, is_held in self.live.values()}

    @invariant()
    def no_promise_is_broken(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_ABOUT_SEATS)
            assert cursor.fetchall() == []


def only_first(course: UUID, second: UUID) -> UUID:
    """The cohort of the course that was there before the second."""
    cohorts = SeatCount.objects.filter(cohort__course=course).exclude(pk=second)
    return cohorts.get().pk


def test_no_history_of_seats_breaks_a_promise(db: None) -> None:
    run_state_machine_as_test(
        Seats,
        settings=settings(
            max_examples=histories(40),
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
