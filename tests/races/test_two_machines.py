"""Several machines over one PostgreSQL; here, web processes on two ports."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from tests.races.test_over_http import (
    SEATS,
    at_once,
    enroll,
    enrolled,
    matricula,
    outcome,
    set_seats,
    tokens_of,
)
from tests.support.crowds import wait_until
from tests.support.sites import Site, beside, running_site

PEOPLE = 60


@pytest.fixture(scope="module")
def machines() -> Iterator[tuple[Site, Site]]:
    with running_site(workers=1, MATRICULA_LIMITS="default") as here, beside(here) as url:
        yield here, replace(here, url=url)


def test_a_crowd_at_both_gets_each_seat_once(machines: tuple[Site, Site]) -> None:
    here, there = machines
    set_seats(here, "tiny-seminar", SEATS)
    jobs = [
        lambda place=place, token=token: enroll(machines[place % 2], token, "tiny-seminar")  # type: ignore[misc]
        for place, token in enumerate(tokens_of(here, PEOPLE))
    ]
    outcomes = Counter(outcome(response) for response in at_once(jobs))
    assert outcomes == {"enrolled": SEATS, "course_full": PEOPLE - SEATS}
    assert enrolled(there, "tiny-seminar") == SEATS
    examined = matricula(here, "doctor")
    assert examined.returncode == 0, examined.stdout


def test_one_key_is_one_enrollment_at_both(machines: tuple[Site, Site]) -> None:
    here, _ = machines
    (token,) = tokens_of(here, 1)
    responses = at_once([lambda s=s: enroll(s, token, "hot-drop", "key") for s in machines * 4])  # type: ignore[misc]
    assert {response.status_code for response in responses} == {201}
    assert len({response.text for response in responses}) == 1


def test_what_a_person_asks_of_one_counts_at_the_other(machines: tuple[Site, Site]) -> None:
    here, there = machines
    headers = {"Authorization": f"Bearer {tokens_of(here, 2)[0]}"}
    asked_there, resets_in = 0, 0

    def counts_both() -> bool:
        # A few at a time: what is more than allowed shows in no header any more.
        nonlocal asked_there, resets_in
        time.sleep(0.5)
        for _ in range(5):
            ask(here)
        answer = ask(there)
        is_new_window = int(answer["ratelimit-reset"]) > resets_in
        asked_there = 1 if is_new_window else asked_there + 1
        resets_in = int(answer["ratelimit-reset"])
        used = int(answer["ratelimit-limit"]) - int(answer["ratelimit-remaining"])
        return used > asked_there

    def ask(site: Site) -> httpx.Headers:
        url = f"{site.url}/api/v1/enrollments/initialize"
        return client.post(url, json={"course_id": "no-such"}, headers=headers).headers

    with httpx.Client() as client:
        wait_until(counts_both)
