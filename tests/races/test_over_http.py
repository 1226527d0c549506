"""Crowds over real HTTP, against a running site with several web processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.support.databases import site_environment
from tests.support.sites import Site, running_site

PEOPLE = 200
SEATS = 10
_MATRICULA = str(Path(sys.executable).parent / "matricula")


def matricula(site: Site, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command on the site's database."""
    settings = {**site_environment(site.database_url), "MATRICULA_HOME": str(site.home)}
    environ = {**os.environ, **settings}
    command = [_MATRICULA, *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


def tokens_of(site: Site, count: int) -> list[str]:
    """Access tokens of as many new people."""
    file = site.home / f"tokens-{count}"
    done = matricula(site, "demo", "--people", str(count), "--tokens", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    return file.read_text().split()


def set_seats(site: Site, slug: str, seats: int) -> None:
    with psycopg.connect(site.database_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE seats_seatcount SET capacity = %s WHERE cohort_id = (SELECT h.id FROM"
            " catalog_cohort h JOIN catalog_course c ON c.id = h.course_id WHERE c.slug = %s)",
            [seats, slug],
        )


def enrolled(site: Site, slug: str) -> int:
    with psycopg.connect(site.database_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM enrollments_enrollment e JOIN catalog_course c"
            " ON c.id = e.course_id WHERE c.slug = %s AND e.stage = 'confirmed'",
            [slug],
        ).fetchone()
    assert row is not None
    return int(row[0])


def at_once(jobs: list[Callable[[], Any]]) -> list[Any]:
    """Runs every job in a thread of its own, all let go in the same moment."""
    results: list[Any] = [None] * len(jobs)
    gate = threading.Barrier(len(jobs))

    def run(place: int) -> None:
        gate.wait()
        results[place] = jobs[place]()

    threads = [threading.Thread(target=run, args=[place]) for place in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def enroll(site: Site, token: str, slug: str, key: str | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    if key is not None:
        headers["Idempotency-Key"] = key
    # A client each: threads that share one trip over each other's connections. No certificates are
    # loaded for loopback, which is most of what making one costs.
    with httpx.Client(verify=False, trust_env=False, timeout=60) as client:  # noqa: S501
        return client.post(
            f"{site.url}/api/v1/enrollments/initialize", json={"course_id": slug}, headers=headers
        )


def outcome(response: httpx.Response) -> str:
    answer = response.json()
    return str(answer["status"] if response.status_code < 400 else answer["code"])


def race_for_seats(site: Site, tokens: list[str]) -> Counter[str]:
    set_seats(site, "tiny-seminar", SEATS)
    jobs = [
        lambda token=token: enroll(site, token, "tiny-seminar")  # type: ignore[misc]
        for token in tokens
    ]
    return Counter(outcome(response) for response in at_once(jobs))


def test_two_hundred_race_for_ten_seats_and_exactly_ten_get_one(site: Site) -> None:
    outcomes = race_for_seats(site, tokens_of(site, PEOPLE))
    assert outcomes == {"enrolled": SEATS, "course_full": PEOPLE - SEATS}
    assert enrolled(site, "tiny-seminar") == SEATS
    examined = matricula(site, "doctor")
    assert examined.returncode == 0, examined.stdout


# What keeps the race from being lost, taken away: the lock before the count, the decision by rank,
# and the CHECK behind both. The pause only makes sure that requests overlap.
_UNGUARD = """
ALTER TABLE seats_seatcount DROP CONSTRAINT never_oversold;
"""


def remove_the_guard(site: Site) -> None:
    source = Path(__file__).parents[2] / "src/matricula/seats/sql/claims.sql"
    function = source.read_text().split("$$;")[0] + "$$;"
    guarded = "               FOR NO KEY UPDATE) s;"
    assert function.count(guarded) == 1
    unguarded = function.replace(guarded, "               ) s; PERFORM pg_sleep(0.3);")
    with psycopg.connect(site.database_url, autocommit=True) as connection:
        connection.execute(_UNGUARD)
        connection.execute(unguarded.encode())


def test_without_the_guard_the_same_race_oversells() -> None:
    """The negative control: it shows that the race above is a real one."""
    with running_site() as site:
        tokens = tokens_of(site, PEOPLE)
        remove_the_guard(site)
        assert race_for_seats(site, tokens)["enrolled"] > SEATS
        assert enrolled(site, "tiny-seminar") > SEATS
        examined = matricula(site, "doctor")
        assert examined.returncode == 1
        assert "oversold" in examined.stdout


@pytest.mark.parametrize("keys", [["same"] * 20, [f"key-{n}" for n in range(20)]])
def test_twenty_submits_of_one_person_make_one_enrollment(site: Site, keys: list[str]) -> None:
    (token,) = tokens_of(site, 1)
    jobs = [
        lambda key=key: enroll(site, token, "hot-drop", key)  # type: ignore[misc]
        for key in keys
    ]
    responses = at_once(jobs)

    assert enrolled(site, "hot-drop") == 1
    outcomes = Counter(outcome(response) for response in responses)
    if len(set(keys)) == 1:
        assert outcomes == {"enrolled": 20}
        assert len({response.text for response in responses}) == 1
        replayed = [r for r in responses if r.headers.get("Idempotent-Replayed") == "true"]
        assert len(replayed) == 19
    else:
        assert outcomes == {"enrolled": 1, "already_enrolled": 19}


def test_a_double_submit_for_the_last_seat_is_one_answer(site: Site) -> None:
    """The second submit waits for the first and must not be told that the course is full."""
    (token,) = tokens_of(site, 1)
    responses = at_once([lambda: enroll(site, token, "tiny-seminar", "k") for _ in range(8)])
    assert {response.status_code for response in responses} == {201}
    assert len({response.text for response in responses}) == 1


def test_a_body_of_ten_megabytes_is_refused_while_it_arrives(site: Site) -> None:
    (token,) = tokens_of(site, 1)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    url = f"{site.url}/api/v1/enrollments/initialize"
    announced = httpx.post(url, content=b"x" * 10_000_000, headers=headers)
    assert (announced.status_code, announced.json()["code"]) == (413, "payload_too_large")

    chunks = (b"x" * 65_536 for _ in range(160))
    try:
        streamed = httpx.post(url, content=chunks, headers=headers)
    except httpx.TransportError:
        return  # refused while we were still sending: the connection ends
    assert (streamed.status_code, streamed.json()["code"]) == (413, "payload_too_large")
