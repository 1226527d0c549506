"""The life of an enrollment: the table, the database's own list, and saving each move."""

from __future__ import annotations

from itertools import product

import pytest
from django.db import IntegrityError, transaction

from matricula.catalog.models import Course
from matricula.enrollments import actions
from matricula.enrollments.models import Enrollment
from matricula.enrollments.states import ENROLLMENT, LIVE, STATUS_OF, Stage, Status
from matricula.kernel.clock import now
from matricula.kernel.errors import IllegalState
from tests.support.factories import make_course, make_person, only_cohort

TRIGGERS = sorted({trigger for _, trigger in ENROLLMENT.table})
LEGAL = list(ENROLLMENT.table)
ILLEGAL = [move for move in product(Stage, TRIGGERS) if move not in ENROLLMENT.table]


@pytest.fixture
def course(db: None) -> Course:
    return make_course()


def in_stage(course: Course, stage: str) -> Enrollment:
    ended = None if stage in LIVE else now()
    return Enrollment.objects.create(
        person=make_person(),
        course=course,
        cohort_id=only_cohort(course),
        stage=stage,
        ended_at=ended,
        confirmed_at=now() if stage == Stage.CONFIRMED else None,
    )


def test_every_stage_can_be_reached_from_a_request() -> None:
    reached, before = {Stage.REQUESTED}, set()
    while reached != before:
        before = set(reached)
        reached |= {end for (start, _), end in ENROLLMENT.table.items() if start in before}
    assert reached == set(Stage)


def test_every_stage_has_a_status_and_every_status_a_stage() -> None:
    assert set(STATUS_OF) == set(Stage)
    assert set(STATUS_OF.values()) == set(Status)


@pytest.mark.parametrize("stage", Stage)
def test_the_database_takes_every_stage(course: Course, stage: Stage) -> None:
    assert in_stage(course, stage).stage == stage


def test_the_database_refuses_any_other_stage(course: Course) -> None:
    with pytest.raises(IntegrityError, match="enrollment_stage_known"), transaction.atomic():
        in_stage(course, "dreaming")


@pytest.mark.parametrize(("stage", "trigger"), LEGAL)
def test_each_legal_move_is_saved(course: Course, stage: Stage, trigger: str) -> None:
    enrollment = in_stage(course, stage)
    end = actions.move(enrollment, trigger, reason="why")
    enrollment.refresh_from_db()
    assert enrollment.stage == end == ENROLLMENT.table[stage, trigger]
    assert (enrollment.ended_at is None) == (end in LIVE)


@pytest.mark.parametrize(("stage", "trigger"), ILLEGAL)
def test_each_illegal_move_raises_and_changes_nothing(
    course: Course, stage: Stage, trigger: str
) -> None:
    enrollment = in_stage(course, stage)
    with pytest.raises(IllegalState):
        actions.move(enrollment, trigger)
    enrollment.refresh_from_db()
    assert enrollment.stage == stage


def test_locked_enrollments_come_in_the_order_of_their_ids(course: Course) -> None:
    made = [in_stage(course, Stage.VALIDATED).pk for _ in range(5)]
    assert [row.pk for row in actions.lock(made[::-1])] == sorted(made)
