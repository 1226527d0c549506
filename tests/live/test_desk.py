"""The desk in the front answers as Django does, byte for byte, and keeps others served."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
import psycopg
import pytest
from django.templatetags.static import static

from tests.races.test_over_http import tokens_of
from tests.support.crowds import wait_until
from tests.support.paid_sites import running_paid_site
from tests.support.sites import Site

PATH = "/api/v1/enrollments/initialize"
# A query string makes the front leave the request to Django; it is no part of the request's key.
BY_DJANGO = f"{PATH}?by=django"
_IDS = re.compile(r"(?<=[a-z]{3}_)[0-9a-z]{26}|(?<=order_)\w+|\d{4}-\d\d-\d\dT[\d:.]+Z")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with running_paid_site(workers=1, worker=False) as running:
        yield running.site


@pytest.fixture(scope="module")
def people(site: Site) -> Iterator[str]:
    return iter(tokens_of(site, 150))


@dataclass
class Asker:
    """Somebody new, who asks always by the same way."""

    site: Site
    path: str
    token: str
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, content: Any, **headers: str) -> httpx.Response:
        given = {"Authorization": f"Bearer {self.token}", **headers}
        given = {name.replace("_", "-"): value for name, value in given.items()}
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        given |= {"Content-Type": "application/json", "X-Correlation-Id": "the-same-for-both"}
        with httpx.Client(base_url=self.site.url, timeout=60) as client:
            return client.post(self.path, content=body, headers=given)


Story = Callable[[Asker], httpx.Response]


def one(content: Any, **headers: str) -> Story:
    return lambda asker: asker.ask(content, **headers)


def twice(first: tuple[Any, str], second: tuple[Any, str]) -> Story:
    def story(asker: Asker) -> httpx.Response:
        asker.ask(first[0], Idempotency_Key=first[1])
        return asker.ask(second[0], Idempotency_Key=second[1])

    return story


FREE, OTHER = {"course_id": "basic-programming"}, {"course_id": "hot-drop"}
FULL = {"course_id": "full-house"}
PAID = {"course_id": "full-stack-development"}
GIVEN = {**PAID, "coupon_code": "ALL"}
DEARER = {**PAID, "expected_total_minor": 1}
STORIES: dict[str, tuple[int, Story]] = {
    "enrolled": (201, one(FREE)),
    "enrolled with a key": (201, one(FREE, Idempotency_Key='k"\\ 1')),
    "enrolled with metadata": (201, one({**FREE, "metadata": {"from": "ä"}})),
    "already enrolled": (409, twice((FREE, "k1"), (FREE, "k2"))),
    "the key again": (201, twice((FREE, "k3"), (FREE, "k3"))),
    "the key for something else": (422, twice((FREE, "k4"), (OTHER, "k4"))),
    "full": (409, one(FULL)),
    "full, with a key": (409, one(FULL, Idempotency_Key="k5")),
    "full, the key again": (409, twice((FULL, "k6"), (FULL, "k6"))),
    "closed": (409, one({"course_id": "last-spring"})),
    "not open yet": (409, one({"course_id": "not-yet"})),
    "not published": (409, one({"course_id": "coming-soon"})),
    "prerequisites": (409, one({"course_id": "advanced-data-engineering"})),
    "no such course": (404, one({"course_id": "no-such-course"})),
    "no such cohort": (404, one({"cohort_id": "coh_01h455vb4pex5vsknk084sn02q"})),
    "no cohort's id": (404, one({"cohort_id": "nonsense"})),
    "paid": (201, one(PAID)),
    "paid, again": (200, twice((PAID, "k7"), (PAID, "k8"))),
    "paid, the key again": (201, twice((PAID, "k9"), (PAID, "k9"))),
    "paid, the key for something else": (422, twice((PAID, "k10"), (FREE, "k10"))),
    "paid, with a coupon": (201, one({**PAID, "coupon_code": "SAVE50"})),
    "paid, with a coupon that is none": (422, one({**PAID, "coupon_code": "NONE"})),
    "paid by a coupon": (201, one(GIVEN)),
    "paid by a coupon, the key again": (201, twice((GIVEN, "k11"), (GIVEN, "k11"))),
    "at another price": (422, one(DEARER)),
    "at another price, the key again": (422, twice((DEARER, "k12"), (DEARER, "k12"))),
    "a coupon for what is free": (422, one({**FREE, "coupon_code": "NONE"})),
    "neither course nor cohort": (422, one({})),
    "both": (422, one({**FREE, "cohort_id": "coh_01h455vb4pex5vsknk084sn02q"})),
    "a number for a course": (422, one({"course_id": 7})),
    "a foreign origin": (422, one({**FREE, "success_url": "https://evil.example.net/"})),
    "a list": (422, one([])),
    "no JSON": (400, one(b"{")),
    "NaN": (400, one(b'{"course_id": NaN}')),
    "NUL": (400, one({"course_id": "a\0b"})),
    "nothing": (422, one(b"")),
    "an unusable key": (422, one(FREE, Idempotency_Key="k" * 256)),
    "a bad token": (401, one(FREE, Authorization="Bearer nonsense")),
    "another scheme": (401, one(FREE, Authorization="Basic bm9ib2R5")),
    "a foreign host": (400, one(FREE, Host="evil.example.net")),
}  # fmt: skip


@pytest.fixture(scope="module")
def courses(site: Site) -> None:
    with psycopg.connect(site.database_url, autocommit=True) as connection:
        for slug, opens, capacity in (("full-house", "-1 day", 0), ("not-yet", "1 day", 5)):
            connection.execute(
                "WITH course AS ("
                " INSERT INTO catalog_course (id, slug, title, summary, description, category,"
                "   language, instructor_name, status, tax_inclusive)"
                " VALUES (gen_random_uuid(), %(slug)s, %(slug)s, '', '', '', 'en', '',"
                "   'published', false) RETURNING id), cohort AS ("
                " INSERT INTO catalog_cohort (id, course_id, name, opens_at, waitlist_enabled)"
                " SELECT gen_random_uuid(), id, 'Intake', now() + %(opens)s::interval, false"
                "   FROM course RETURNING id)"
                " INSERT INTO seats_seatcount (cohort_id, capacity, held, sold)"
                " SELECT id, %(capacity)s, 0, 0 FROM cohort",
                {"slug": slug, "opens": opens, "capacity": capacity},
            )
        connection.execute("UPDATE seats_seatcount SET capacity = NULL WHERE capacity = 30")
        connection.execute(
            "INSERT INTO pricing_coupon (id, code, kind, percent, currency, stackable, automatic,"
            "   batch, is_active, taken)"
            " VALUES (gen_random_uuid(), 'ALL', 'percent', 100, '', false, false, '', true, 0)"
        )


@pytest.mark.usefixtures("courses")
@pytest.mark.parametrize(("status", "story"), STORIES.values(), ids=STORIES)
def test_the_front_answers_as_django_does(
    site: Site, people: Iterator[str], status: int, story: Story
) -> None:
    told = [story(Asker(site, path, next(people))) for path in (PATH, BY_DJANGO)]
    assert told[0].status_code == status, told[0].text
    assert _as_bytes(told[0]) == _as_bytes(told[1])


def _as_bytes(response: httpx.Response) -> tuple[int, dict[str, str], str]:
    """The answer with each of its own ids and moments left out."""
    passing = {"date", "ratelimit-reset"}
    kept = {name: value for name, value in response.headers.items() if name not in passing}
    return response.status_code, kept, _IDS.sub("*", response.text)


def test_one_person_at_once_by_both_ways_has_one_enrollment(
    site: Site, people: Iterator[str]
) -> None:
    token = next(people)
    askers = [Asker(site, path, token) for path in (PATH, BY_DJANGO) * 8]
    with ThreadPoolExecutor(len(askers)) as pool:
        answers = list(pool.map(lambda asker: asker.ask(OTHER), askers))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 15
    assert {answer.json().get("code") for answer in answers} == {None, "already_enrolled"}
    assert len({answer.json()["enrollment_id"] for answer in answers}) == 1


@pytest.mark.usefixtures("courses")
@pytest.mark.parametrize("wish", [OTHER, PAID], ids=["free", "paid"])
def test_pages_and_assets_answer_while_the_desk_waits(
    site: Site, people: Iterator[str], wish: dict[str, str]
) -> None:
    """More requests than Django has threads, all held up by a seat counter that somebody locked."""
    askers = [Asker(site, PATH, next(people)) for _ in range(24)]
    with ThreadPoolExecutor(len(askers)) as pool, psycopg.connect(site.database_url) as keeper:
        keeper.execute(
            "SELECT 1 FROM seats_seatcount s JOIN catalog_cohort h ON h.id = s.cohort_id"
            " JOIN catalog_course c ON c.id = h.course_id WHERE c.slug = %s FOR UPDATE OF s",
            [wish["course_id"]],
        )
        asked = [pool.submit(asker.ask, wish) for asker in askers]
        with psycopg.connect(site.database_url, autocommit=True) as watcher:
            wait_until(lambda: _waits_for_a_lock(watcher))
            with site.client() as client:
                assert client.get("/").status_code == 200
                assert client.get(static("matricula/site.css")).status_code == 200
                assert client.get("/courses/hot-drop/").status_code == 200
            assert not any(future.done() for future in asked)
        keeper.rollback()
        assert {future.result().status_code for future in asked} == {201}


def _waits_for_a_lock(watcher: psycopg.Connection[Any]) -> bool:
    row = watcher.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND datname = current_database()"
    ).fetchone()
    return row is not None and row[0] > 0
