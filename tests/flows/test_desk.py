"""The desk's queue: what is folded, in which order, and what becomes of it when something fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from uuid import UUID

import psycopg
import pytest
from django.db import DataError, OperationalError, connection
from psycopg.errors import LockNotAvailable
from pytest_django import DjangoDbBlocker

from matricula.enrollments.models import Enrollment
from matricula.flows import desk as desks
from matricula.flows.applications import Application, Receipt, Request
from matricula.flows.desk import Desk, Served
from matricula.flows.enroll import enroll_many
from matricula.kernel import ids
from matricula.kernel.errors import NotFound, Overloaded
from matricula.seats.errors import CourseFull
from tests.support.crowds import django_on, wait_until
from tests.support.factories import make_course, make_people, only_cohort

Batch = Sequence[Request]


def request(person: UUID | None = None, course: str = "a course") -> Request:
    return Request(Application(person or ids.new_id(), course))


class Counter:
    """Serves while it is let, and notes each batch."""

    def __init__(self, outcome: Callable[[Request], Served] | None = None) -> None:
        self.batches: list[list[Request]] = []
        self.free = threading.Event()
        self.outcome = outcome or (lambda _: NotFound())

    def __call__(self, requests: Batch) -> list[Served]:
        self.batches.append(list(requests))
        assert self.free.wait(30)
        return [self.outcome(one) for one in requests]


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
def desk(counter: Counter) -> Iterator[Desk]:
    desk = Desk(counter)
    desk.open()
    yield desk
    counter.free.set()
    desk.close()


def begun(desk: Desk, counter: Counter) -> Future[Served]:
    """A first request, which is being served."""
    first = desk.submit(request())
    wait_until(lambda: len(counter.batches) == 1)
    return first


def test_what_arrives_while_one_is_served_is_served_together_in_order(
    desk: Desk, counter: Counter
) -> None:
    begun(desk, counter)
    waiting = [request() for _ in range(desks.BATCH + 3)]
    answers = [desk.submit(one) for one in waiting]
    counter.free.set()
    for answer in answers:
        assert isinstance(answer.result(30), NotFound)
    assert counter.batches[1:] == [waiting[: desks.BATCH], waiting[desks.BATCH :]]


def test_a_persons_second_request_waits_for_the_next_batch_and_keeps_its_turn(
    desk: Desk, counter: Counter
) -> None:
    begun(desk, counter)
    person = ids.new_id()
    one, again, other, third = request(person), request(person), request(), request(person)
    answers = [desk.submit(each) for each in (one, again, other, third)]
    counter.free.set()
    for answer in answers:
        answer.result(30)
    assert counter.batches[1:] == [[one, other], [again], [third]]


def test_too_many_are_refused_at_once(
    desk: Desk, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(desk, counter)
    monkeypatch.setattr(desks, "MOST_WAITING", 2)
    for _ in range(2):
        desk.submit(request())
    with pytest.raises(Overloaded) as refused:
        desk.submit(request())
    assert refused.value.guidance.retry_after == 1


def test_whoever_would_wait_too_long_is_refused_at_once(
    desk: Desk, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(desk, counter)
    desk.submit(request())
    monkeypatch.setattr(desks, "LONGEST_WAIT", 0.0)
    with pytest.raises(Overloaded):
        desk.submit(request())


def test_closing_serves_who_waits_and_takes_nobody_more(desk: Desk, counter: Counter) -> None:
    begun(desk, counter)
    waiting = desk.submit(request())
    closing = threading.Thread(target=desk.close)
    closing.start()
    wait_until(lambda: desk._is_closing)
    with pytest.raises(Overloaded):
        desk.submit(request())
    counter.free.set()
    assert isinstance(waiting.result(30), NotFound)
    closing.join(30)
    assert not closing.is_alive()


def test_one_that_cannot_be_served_fails_alone() -> None:
    bad = request()

    def serve(requests: Batch) -> list[Served]:
        if bad in requests:
            raise DataError("something in it")
        return [NotFound() for _ in requests]

    requests = [request() for _ in range(6)] + [bad] + [request() for _ in range(4)]
    kinds = [type(outcome) for outcome in desks._outcomes(serve, requests, is_patient=True)]
    assert kinds == [NotFound] * 6 + [DataError] + [NotFound] * 4


def test_a_database_that_is_away_for_a_moment_is_waited_for() -> None:
    failures = iter([True, True, False])

    def serve(requests: Batch) -> list[Served]:
        if next(failures):
            raise OperationalError("away")
        return [NotFound() for _ in requests]

    assert isinstance(desks._outcomes(serve, [request()], is_patient=True)[0], NotFound)


def test_a_database_that_stays_away_fails_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desks, "RETRY_FOR", 0.0)

    def serve(requests: Batch) -> list[Served]:
        raise OperationalError("away")

    outcomes = desks._outcomes(serve, [request(), request()], is_patient=True)
    assert [type(outcome) for outcome in outcomes] == [OperationalError] * 2


class Stuck:
    """Serves every course but one, whose lock does not come until it is `free`."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.batches: list[set[str | None]] = []

    def __call__(self, requests: Batch) -> list[Served]:
        self.batches.append({one.application.course for one in requests})
        if "stuck" in self.batches[-1] and not self.free.is_set():
            raise OperationalError("no lock") from LockNotAvailable()
        return [NotFound() for _ in requests]


@pytest.fixture
def stuck() -> Iterator[tuple[Stuck, Desk]]:
    serve = Stuck()
    desk = Desk(serve)
    yield serve, desk
    serve.free.set()
    desk.close()


def test_a_course_that_is_stuck_holds_up_no_other(stuck: tuple[Stuck, Desk]) -> None:
    serve, desk = stuck
    names = ("one", "stuck", "two", "one", "stuck")
    answers = [(name, desk.submit(request(course=name))) for name in names]
    desk.open()
    for name, answer in answers:
        if name != "stuck":
            assert isinstance(answer.result(30), NotFound)
    # What comes meanwhile is served by itself, also for those that were put aside with it.
    later = [desk.submit(request(course=name)) for name in ("one", "three")]
    stuck_later = desk.submit(request(course="stuck"))
    for answer in later:
        answer.result(30)
    waiting = [answer for name, answer in answers if name == "stuck"]
    assert not any(answer.done() for answer in [*waiting, stuck_later])
    serve.free.set()
    for answer in [*waiting, stuck_later]:
        assert isinstance(answer.result(30), NotFound)
    mixed = [batch for batch in serve.batches if "stuck" in batch and len(batch) > 1]
    assert len(mixed) == 1


def test_a_course_that_stays_stuck_fails_and_is_served_again_once_it_is_free(
    stuck: tuple[Stuck, Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    serve, desk = stuck
    monkeypatch.setattr(desks, "RETRY_FOR", 0.0)
    desk.open()
    assert isinstance(desk.submit(request(course="stuck")).result(30), OperationalError)
    serve.free.set()
    wait_until(lambda: not desk._aside)
    assert isinstance(desk.submit(request(course="stuck")).result(30), NotFound)


def test_closing_serves_what_was_put_aside_too(stuck: tuple[Stuck, Desk]) -> None:
    serve, desk = stuck
    desk.open()
    answer = desk.submit(request(course="stuck"))
    wait_until(lambda: bool(desk._aside))
    closing = threading.Thread(target=desk.close)
    closing.start()
    serve.free.set()
    assert isinstance(answer.result(30), NotFound)
    closing.join(30)
    assert not closing.is_alive()


@pytest.fixture
def served(
    fresh_database: str, django_db_blocker: DjangoDbBlocker
) -> Iterator[Callable[[Batch], Sequence[Served]]]:
    """The real thing, over a database that other connections see too."""

    def serve(requests: Batch) -> Sequence[Served]:
        with django_on(fresh_database):
            return desks._outcomes(enroll_many, requests, is_patient=True)

    with django_db_blocker.unblock(), django_on(fresh_database):
        yield serve


def test_a_bad_row_among_good_ones_leaves_them_their_seats(
    served: Callable[[Batch], Sequence[Served]],
) -> None:
    people, course = make_people(4), make_course()
    requests = [request(person.pk, course.slug) for person in people]
    nul = replace(requests[2].application, metadata={"text": "\0"})
    requests[2] = replace(requests[2], application=nul)
    kinds = [type(outcome) for outcome in served(requests)]
    assert kinds == [Receipt, Receipt, DataError, Receipt]
    assert Enrollment.objects.filter(course=course).count() == 3


def test_a_crowd_through_the_desk_gets_the_seats_there_are_and_no_more(
    served: Callable[[Batch], Sequence[Served]], fresh_database: str
) -> None:
    course, people = make_course(capacity=30), make_people(200)
    desk = Desk(served)
    desk.open()
    other = Desk(served)  # as in another process
    other.open()
    requests = [request(person.pk, course.slug) for person in people]
    answers = [
        (desk, other)[place % 2].submit(one) for place, one in enumerate(requests + requests)
    ]
    outcomes = [answer.result(60) for answer in answers]
    desk.close()
    other.close()
    kinds = [type(outcome) for outcome in outcomes]
    # Asked twice, they are told of the enrollment they have: its id was theirs from the start.
    assert kinds.count(Receipt) == 60
    assert kinds.count(CourseFull) == 340
    with psycopg.connect(fresh_database) as plain:
        row = plain.execute(
            "SELECT sold, (SELECT count(*) FROM enrollments_enrollment e"
            " WHERE e.cohort_id = s.cohort_id) FROM seats_seatcount s WHERE capacity = 30"
            " AND sold > 0"
        ).fetchone()
    assert row == (30, 30)


def test_a_counter_that_somebody_holds_on_to_holds_up_its_own_course_alone(
    fresh_database: str, django_db_blocker: DjangoDbBlocker
) -> None:
    def serve(requests: Batch) -> Sequence[Served]:
        with django_on(fresh_database):
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '200ms'")
            return enroll_many(requests)

    with django_db_blocker.unblock(), django_on(fresh_database):
        stuck, other, people = make_course(), make_course(), make_people(4)
        cohort = only_cohort(stuck)
    courses = (stuck, other, stuck, other)
    desk = Desk(serve)
    asked = [
        (course, desk.submit(request(person.pk, course.slug)))
        for person, course in zip(people, courses, strict=True)
    ]
    with django_db_blocker.unblock():
        with psycopg.connect(fresh_database) as holder:
            holder.execute(
                "SELECT 1 FROM seats_seatcount WHERE cohort_id = %s FOR UPDATE", [cohort]
            )
            desk.open()
            for course, answer in asked:
                if course is other:
                    assert isinstance(answer.result(30), Receipt)
            assert not any(answer.done() for course, answer in asked if course is stuck)
        assert all(isinstance(answer.result(30), Receipt) for _, answer in asked)
        desk.close()
