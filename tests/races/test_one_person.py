"""One person asks several times at once: double clicks, two tabs, repeated keys."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from uuid import UUID

import psycopg
import pytest
from django.db import connection

from matricula.kernel import idempotency
from tests.races.conftest import Track, wishing
from tests.support.claims import Wish, enroll_people
from tests.support.crowds import AT_THE_GATE, Gate, at_once, beside, changed, during, text_of

REQUESTS = 12

ENROLL = text_of("flows/sql/enroll.sql")
SLOW = changed(
    ENROLL,
    "LIMIT 1) live ON true) s;\n",
    "LIMIT 1) live ON true) s;\n    PERFORM pg_sleep(0.01);\n",
)
UNGUARDED = changed(SLOW, "    PERFORM pg_advisory_xact_lock(p.hash)\n", "    PERFORM p.hash\n")


def ask(track: Track, wishes: list[Wish]) -> Counter[str]:
    """Each wish by itself, all at once; how often each outcome came."""
    answers = at_once(track.url, [wishing([wish]) for wish in wishes])
    return Counter(
        type(answer).__name__ if isinstance(answer, psycopg.Error) else answer[0]
        for answer in answers
    )


def live_enrollments(track: Track, person: UUID) -> int:
    ((count,),) = track.run(
        "SELECT count(*) FROM enrollments_enrollment WHERE person_id = %s AND stage = 'confirmed'",
        [person],
    )
    return int(count)


def with_keys(track: Track, kind: str) -> list[Wish]:
    """Requests of one person for one course."""
    course, cohort = track.course(None)
    (person,) = track.crowd(1)
    keys = {
        "no key": [None] * REQUESTS,
        "one key": ["the key"] * REQUESTS,
        "a key each": [f"key {n}" for n in range(REQUESTS)],
    }[kind]
    return [Wish(person, course, cohort, key=key) for key in keys]


@pytest.mark.parametrize(
    ("kind", "others"), [("no key", "already"), ("one key", "answered"), ("a key each", "already")]
)
def test_asking_many_times_at_once_enrolls_once(track: Track, kind: str, others: str) -> None:
    track.install(SLOW)
    wishes = with_keys(track, kind)
    assert ask(track, wishes) == {"enrolled": 1, others: REQUESTS - 1}
    assert live_enrollments(track, wishes[0].person) == 1
    assert track.broken_promises() == []


def test_without_the_lock_the_indexes_still_enroll_once(track: Track) -> None:
    track.install(UNGUARDED)
    wishes = with_keys(track, "one key")
    assert ask(track, wishes)["UniqueViolation"] > 0
    assert live_enrollments(track, wishes[0].person) == 1
    assert track.broken_promises() == []


@pytest.mark.parametrize("kind", ["no key", "a key each"])
def test_without_lock_and_index_one_person_is_enrolled_twice(track: Track, kind: str) -> None:
    track.install(UNGUARDED)
    track.run("DROP INDEX one_live_enrollment")
    wishes = with_keys(track, kind)
    ask(track, wishes)
    assert live_enrollments(track, wishes[0].person) > 1
    assert any(text.startswith("doubled") for text in track.broken_promises())


def two_courses_with_one_key(track: Track) -> list[Wish]:
    (person,) = track.crowd(1)
    places = [track.course(None) for _ in range(REQUESTS)]
    return [Wish(person, *place, key="k", fingerprint=str(place)) for place in places]


def test_one_key_for_many_courses_enrolls_in_one(track: Track) -> None:
    track.install(SLOW)
    wishes = two_courses_with_one_key(track)
    assert ask(track, wishes) == {"enrolled": 1, "answered": REQUESTS - 1}
    assert live_enrollments(track, wishes[0].person) == 1
    assert track.broken_promises() == []


def test_without_lock_and_index_one_key_has_many_effects(track: Track) -> None:
    track.install(UNGUARDED)
    track.run("ALTER TABLE kernel_rememberedanswer DROP CONSTRAINT one_answer_per_key")
    wishes = two_courses_with_one_key(track)
    ask(track, wishes)
    assert live_enrollments(track, wishes[0].person) > 1


def keyed_claim(wish: Wish) -> str:
    with connection.cursor() as cursor:
        return enroll_people(cursor, [wish])[0].outcome


def test_a_key_in_use_by_another_action_of_the_person_is_not_an_internal_error(
    track: Track,
) -> None:
    """As when a cancellation and an enrollment are sent at once with one key."""
    (person,), place = track.crowd(1), track.course(5)
    second = during(
        track.url,
        lambda: idempotency.reserve(person, "k", "another request"),
        lambda: keyed_claim(Wish(person, *place, key="k")),
    )
    assert second.result() == "answered"
    assert live_enrollments(track, person) == 0


def test_a_refusal_remembered_during_the_claim_of_its_key_is_not_an_internal_error(
    track: Track,
) -> None:
    """As when a double click meets a full cohort first and a seat given back second."""
    track.install(changed(SLOW, "PERFORM pg_sleep(0.01);", AT_THE_GATE))
    (person,), place = track.crowd(1), track.course(5)
    refusal = idempotency.Answer(409, "course full")
    gate = Gate(track.url)
    with ExitStack() as stack:
        claimed = stack.enter_context(
            beside(track.url, lambda: keyed_claim(Wish(person, *place, key="k")))
        )
        stack.enter_context(
            beside(track.url, lambda: idempotency.remember(person, "k", "the request", refusal))
        )
        gate.open()
    assert claimed.result() in {"enrolled", "answered"}
    assert track.broken_promises() == []
