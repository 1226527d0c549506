"""Many requests in one call get what they would have got one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

import pytest
from django.db import DataError, transaction
from hypothesis import given as for_any
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from matricula.catalog.models import Course
from matricula.enrollments.models import Enrollment
from tests.flows.conftest import asked
from tests.support.claims import Outcome, Wish, outcomes
from tests.support.factories import make_cohort, make_course, make_people, only_cohort

Plan = Sequence[tuple[int, int, int | None, str | None]]


def test_two_people_of_one_batch_get_a_seat_each(course: Course, person: UUID) -> None:
    (other,) = make_people(1)
    cohort = only_cohort(course)
    wishes = [Wish(person, course.pk, cohort), Wish(other.pk, course.pk, cohort)]
    assert outcomes(asked(wishes)) == ["enrolled", "enrolled"]


def test_two_requests_of_one_person_in_one_call_are_refused_and_nothing_is_done(
    course: Course, person: UUID
) -> None:
    """What the second deserves depends on the first: whoever gathers requests keeps them apart."""
    wishes = [Wish(person, course.pk, only_cohort(course)) for _ in range(2)]
    with pytest.raises(DataError, match="one request a person"), transaction.atomic():
        asked(wishes)
    assert not Enrollment.objects.filter(person=person).exists()


class BatchTest(TestCase):
    """A batch against the same requests alone, in an order and mixture made up at random."""

    @settings(max_examples=60, deadline=None)
    @for_any(
        st.lists(
            st.tuples(
                st.integers(0, 3),
                st.integers(0, 3),
                st.sampled_from([None, 60]),
                st.sampled_from([None, "k", "l"]),
            ),
            min_size=1,
            max_size=4,
            unique_by=lambda wish: wish[0],
        )
    )
    def test_a_batch_gets_what_its_requests_get_one_after_the_other(self, plan: Plan) -> None:
        people = [person.pk for person in make_people(4)]
        one, other = make_course(capacity=1), make_course(capacity=2)
        places = [
            *[(one.pk, cohort) for cohort in (only_cohort(one), make_cohort(one).pk)],
            (other.pk, only_cohort(other)),
            (other.pk, make_cohort(other, capacity=0).pk),
        ]
        wishes = [
            Wish(people[who], *places[where], hold_seconds=seconds, key=key)
            for who, where, seconds, key in plan
        ]
        together = _undone(lambda: asked(wishes))
        alone = _undone(lambda: [asked([wish])[0] for wish in wishes])
        assert [_told(answer) for answer in together] == [_told(answer) for answer in alone]


def _told(answer: Outcome) -> tuple[object, ...]:
    """What a caller goes by; for an answered key that is what it stands for, not the ids."""
    return ("answered",) if answer.outcome == "answered" else answer[1:4]


def _undone(work: Callable[[], list[Outcome]]) -> list[Outcome]:
    """What the work answers; what it did is undone."""
    with transaction.atomic():
        answers = work()
        transaction.set_rollback(True)
    return answers
