"""One key: one effect, one answer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoDbBlocker

from matricula.kernel import clock, idempotency, ids
from matricula.kernel.errors import (
    IdempotencyInProgress,
    IdempotencyMismatch,
    ValidationFailed,
)
from matricula.kernel.idempotency import LONGEST_KEY, Answer
from matricula.kernel.models import RememberedAnswer
from tests.support.crowds import django_on, during

CREATED = Answer(201, '{"id": 1}')


@pytest.fixture
def owner(db: None) -> UUID:
    return ids.new_id()


@pytest.fixture
def address(fresh_database: str, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    with django_db_blocker.unblock(), django_on(fresh_database):
        yield fresh_database


def let_lease_end(owner: UUID) -> None:
    past = clock.now() - timedelta(seconds=1)
    RememberedAnswer.objects.filter(owner=owner).update(lease_until=past)


def test_a_new_key_is_reserved_and_the_request_goes_on(owner: UUID) -> None:
    assert idempotency.reserve(owner, "k", "print") is None


def test_a_finished_key_gives_the_first_answer_again(owner: UUID) -> None:
    idempotency.reserve(owner, "k", "print")
    idempotency.remember(owner, "k", "print", CREATED)
    assert idempotency.reserve(owner, "k", "print") == CREATED
    assert idempotency.recall(owner, "k", "print") == CREATED


def test_an_answer_can_be_remembered_without_a_reservation(owner: UUID) -> None:
    idempotency.remember(owner, "k", "print", CREATED)
    assert idempotency.recall(owner, "k", "print") == CREATED


def test_the_first_answer_stays(owner: UUID) -> None:
    idempotency.remember(owner, "k", "print", CREATED)
    idempotency.remember(owner, "k", "print", Answer(200, "later"))
    assert idempotency.recall(owner, "k", "print") == CREATED


def test_a_key_that_was_never_used_has_no_answer(owner: UUID) -> None:
    assert idempotency.recall(owner, "k", "print") is None


@pytest.mark.parametrize("finished", [True, False])
def test_a_key_of_another_request_is_a_mismatch(owner: UUID, finished: bool) -> None:
    idempotency.reserve(owner, "k", "print")
    if finished:
        idempotency.remember(owner, "k", "print", CREATED)
    for ask in (idempotency.reserve, idempotency.recall):
        with pytest.raises(IdempotencyMismatch):
            ask(owner, "k", "another print")


def test_a_key_whose_request_still_runs_is_in_progress(owner: UUID) -> None:
    idempotency.reserve(owner, "k", "print")
    for ask in (idempotency.reserve, idempotency.recall):
        with pytest.raises(IdempotencyInProgress) as caught:
            ask(owner, "k", "print")
        assert caught.value.guidance.retry_after == 1


def test_a_reservation_that_was_never_finished_ends_with_its_lease(owner: UUID) -> None:
    idempotency.reserve(owner, "k", "print")
    let_lease_end(owner)
    assert idempotency.reserve(owner, "k", "print") is None
    with pytest.raises(IdempotencyInProgress):
        idempotency.reserve(owner, "k", "print")


def test_an_ended_lease_opens_the_key_to_no_other_request(owner: UUID) -> None:
    idempotency.reserve(owner, "k", "print")
    let_lease_end(owner)
    with pytest.raises(IdempotencyMismatch):
        idempotency.reserve(owner, "k", "another print")


def test_the_keys_of_two_people_have_nothing_to_do_with_each_other(owner: UUID) -> None:
    idempotency.remember(owner, "k", "print", CREATED)
    assert idempotency.reserve(ids.new_id(), "k", "another print") is None


@pytest.mark.parametrize("status", [200, 201, 204, 400, 402, 403, 404, 409, 422])
def test_successes_and_refusals_are_remembered(owner: UUID, status: int) -> None:
    idempotency.remember(owner, "k", "print", Answer(status, "body"))
    assert idempotency.recall(owner, "k", "print") == Answer(status, "body")


@pytest.mark.parametrize("status", [202, 401, 429, 500, 502, 503])
def test_what_may_well_succeed_later_is_not_remembered(owner: UUID, status: int) -> None:
    idempotency.reserve(owner, "k", "print")
    idempotency.remember(owner, "k", "print", Answer(status, "body"))
    assert idempotency.reserve(owner, "k", "print") is None


@pytest.mark.parametrize("status", [202, 401, 429, 500])
def test_a_passing_failure_forgets_no_answer_given_before(owner: UUID, status: int) -> None:
    idempotency.remember(owner, "k", "print", CREATED)
    idempotency.remember(owner, "k", "print", Answer(status, "body"))
    assert idempotency.recall(owner, "k", "print") == CREATED


def test_keys_are_forgotten_after_a_day_and_not_before(owner: UUID) -> None:
    for key, hours in (("old", 25), ("young", 23)):
        idempotency.remember(owner, key, "print", CREATED)
        made = clock.now() - timedelta(hours=hours)
        RememberedAnswer.objects.filter(owner=owner, key=key).update(created_at=made)
    assert idempotency.forget_old() == 1
    assert idempotency.recall(owner, "old", "print") is None
    assert idempotency.recall(owner, "young", "print") == CREATED


def test_the_database_keeps_one_row_a_key(owner: UUID) -> None:
    idempotency.remember(owner, "k", "print", CREATED)
    with pytest.raises(IntegrityError, match="one_answer_per_key"), transaction.atomic():
        RememberedAnswer.objects.create(owner=owner, key="k", fingerprint="print")


def test_a_request_waits_for_the_one_that_holds_its_key_and_is_answered_like_it(
    address: str,
) -> None:
    owner = ids.new_id()

    def first() -> None:
        idempotency.reserve(owner, "k", "print")
        idempotency.remember(owner, "k", "print", CREATED)

    second = during(address, first, lambda: idempotency.reserve(owner, "k", "print"))
    assert second.result() == CREATED


def test_a_request_that_is_undone_leaves_its_key_free(owner: UUID) -> None:
    with transaction.atomic():
        idempotency.reserve(owner, "k", "print")
        transaction.set_rollback(True)
    assert idempotency.reserve(owner, "k", "print") is None


@pytest.mark.parametrize("key", ["a", "a key", "x" * LONGEST_KEY, "~!@#$%^&*()"])
def test_printable_keys_are_taken_as_they_are(key: str) -> None:
    assert idempotency.checked_key(key) == key


@pytest.mark.parametrize("key", ["", " ", "x" * (LONGEST_KEY + 1), "é", "a\n", "a\x00", "\x7f"])
def test_unusable_keys_are_refused_by_the_name_of_the_header(key: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        idempotency.checked_key(key)
    assert [error.field for error in caught.value.guidance.errors] == ["Idempotency-Key"]


def test_no_key_is_no_key() -> None:
    assert idempotency.checked_key(None) is None


@given(st.text(), st.binary(), st.text(), st.binary())
def test_two_requests_have_one_fingerprint_only_if_they_are_the_same(
    route: str, body: bytes, other_route: str, other_body: bytes
) -> None:
    same = (route, body) == (other_route, other_body)
    if "\n" not in route + other_route:
        prints = (
            idempotency.fingerprint(route, body),
            idempotency.fingerprint(other_route, other_body),
        )
        assert (prints[0] == prints[1]) == same


@pytest.mark.parametrize(
    ("body", "again"),
    [
        (b'{"course_id":"a","n":1}', b'{ "n": 1,\n "course_id": "a" }'),
        ('{"name":"\u00e9"}'.encode(), b'{"name":"\\u00e9"}'),
        (b"no JSON", b"no JSON"),
        (b"[" * 100_000, b"[" * 100_000),
    ],
)
def test_a_body_written_another_way_is_the_same_request(body: bytes, again: bytes) -> None:
    prints = [idempotency.fingerprint("POST /", text) for text in (body, again)]
    assert idempotency.is_same_request(*prints)


@pytest.mark.parametrize(
    ("body", "another"),
    [(b'{"n":1}', b'{"n":"1"}'), (b'{"n":[1,2]}', b'{"n":[2,1]}'), (b"{}", b""), (b"a", b"a ")],
)
def test_another_body_is_another_request(body: bytes, another: bytes) -> None:
    prints = [idempotency.fingerprint("POST /", text) for text in (body, another)]
    assert not idempotency.is_same_request(*prints)


def test_a_key_kept_by_the_former_release_still_answers(owner: UUID) -> None:
    body = b'{"course_id": "a"}'
    before = hashlib.sha256(b"POST /" + b"\n" + body).hexdigest()
    idempotency.remember(owner, "k", before, CREATED)
    assert idempotency.recall(owner, "k", idempotency.fingerprint("POST /", body)) == CREATED
