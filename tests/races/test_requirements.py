"""Two members of staff make two courses require each other, at the same time."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.db import transaction

from matricula.catalog import requirements
from matricula.catalog.models import Course
from tests.races.conftest import Track
from tests.support.crowds import during
from tests.support.factories import make_course


def require(course: UUID, required: UUID) -> bool:
    """As the course's form does; whether it was saved."""
    with transaction.atomic():
        requirements.lock()
        Course.objects.select_for_update(no_key=True).get(pk=course)
        if requirements.find_loop(course, [required], []):
            return False
        Course.objects.get(pk=course).prerequisites.set([required])
        return True


def pair() -> tuple[UUID, UUID]:
    return make_course(with_cohort=False).pk, make_course(with_cohort=False).pk


def test_the_second_is_told_of_the_loop(track: Track) -> None:
    first, second = pair()
    answer = during(track.url, lambda: require(first, second), lambda: require(second, first))
    assert answer.result() is False
    assert not Course.objects.get(pk=second).prerequisites.exists()


def test_without_the_lock_both_are_saved(track: Track, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "lock", lambda: None)
    first, second = pair()
    answer = during(track.url, lambda: require(first, second), lambda: require(second, first))
    assert answer.result() is True
    assert Course.objects.get(pk=first).prerequisites.exists()
