"""Random histories of one waiting room: whoever comes, leaves or is let in, and however staff sets
seats or pauses the room, seats go by order of arrival and no promise is broken.

`MATRICULA_LINE_HISTORIES` runs more of them.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from matricula.flows import doctor, rooms
from matricula.seats import actions as seats
from matricula.seats.models import SeatCount
from matricula.waitingroom import queries
from matricula.waitingroom.models import Ticket
from matricula.waitingroom.states import TicketState
from tests.properties.histories import histories
from tests.waitingroom.conftest import Drop, make_drop
from tests.waitingroom.test_tickets import give_up

HISTORIES = histories(12)
CHECKS = [
    check
    for check in doctor.CHECKS
    if check.name in {"tickets", "turns", "seats", "seat_counts", "oversold", "event_states"}
]
picks = st.integers(0, 99)
few = st.integers(1, 4)


class Line(RuleBasedStateMachine):
    """The line of one cohort, and what a plain model says of each ticket."""

    drop: Drop

    @initialize(capacity=st.integers(0, 5))
    def opens(self, capacity: int) -> None:
        self.drop = make_drop(capacity=capacity)
        self.capacity, self.paused = capacity, False
        self.arrived: list[UUID] = []
        self.states: dict[UUID, str] = {}

    @rule(count=few)
    def people_come(self, count: int) -> None:
        came = self.drop.arrive(count)
        self.arrived += came
        self.states |= dict.fromkeys(came, "waiting")

    @rule(pick=picks)
    def somebody_leaves(self, pick: int) -> None:
        leaving = [id_ for id_ in self.arrived if self.states[id_] in {"waiting", "admitted"}]
        if leaving:
            gone = leaving[pick % len(leaving)]
            give_up(gone)
            # A seat that was given back; the ticket was used, and stays what it was.
            self.states[gone] = "left" if self.states[gone] == "waiting" else "gave back"

    @rule(limit=few)
    def some_are_served(self, limit: int) -> None:
        self.drop.serve(limit)
        if self.paused:
            return
        # A batch is the next so many tickets, those whose owners left counted.
        turn = [id_ for id_ in self.arrived if self.states[id_] == "waiting"]
        if not turn:
            return
        first = self.arrived.index(turn[0])
        served = Ticket.objects.filter(line=self.drop.cohort_id).exclude(state=TicketState.WAITING)
        decided = set(served.values_list("enrollment_id", flat=True))
        for id_ in self.arrived[first:]:
            if self.states[id_] == "waiting" and id_ in decided:
                has_seat = self.taken < self.capacity
                self.states[id_] = "admitted" if has_seat else "refused"

    @rule(capacity=st.integers(0, 8))
    def staff_changes_the_seats(self, capacity: int) -> None:
        self.capacity = max(capacity, self.taken)
        seats.set_capacity(self.drop.cohort_id, self.capacity)

    @rule()
    def staff_pauses_or_goes_on(self) -> None:
        self.paused = not self.paused
        rooms.pause(self.drop.cohort_id, self.paused)

    @property
    def taken(self) -> int:
        return sum(state == "admitted" for state in self.states.values())

    @invariant()
    def each_ticket_is_what_the_order_of_arrival_makes_it(self) -> None:
        rows = Ticket.objects.filter(line=self.drop.cohort_id).order_by("number")
        found = list(rows.values_list("enrollment_id", "number", "state"))
        assert [(id_, number) for id_, number, _ in found] == [
            (id_, place + 1) for place, id_ in enumerate(self.arrived)
        ]
        shown = {"gave back": "admitted"}
        expected = [shown.get(self.states[id_], self.states[id_]) for id_ in self.arrived]
        assert [state for *_, state in found] == expected

    @invariant()
    def no_seat_is_given_twice(self) -> None:
        count = SeatCount.objects.get(pk=self.drop.cohort_id)
        assert (count.sold, count.held) == (self.taken, 0)
        assert count.sold <= self.capacity

    @invariant()
    def positions_count_those_who_still_wait(self) -> None:
        waiting = [id_ for id_ in self.arrived if self.states[id_] == "waiting"]
        for place, id_ in enumerate(waiting):
            found = queries.place_of(id_)
            assert found is not None
            assert found.position == place + 1

    @invariant()
    def no_promise_is_broken(self) -> None:
        assert [check.name for check in CHECKS if doctor._violations(check)] == []


class RolledBack(Line):
    """Each history in a transaction of its own, undone at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)


def test_no_history_of_a_line_breaks_its_order(db: None) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        RolledBack,
        settings=settings(
            max_examples=HISTORIES,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
