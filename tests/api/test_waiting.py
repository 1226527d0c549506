"""Waiting for a full course over the API."""

from __future__ import annotations

import pytest

from matricula.flows import promote
from matricula.kernel import ids
from tests.support.factories import make_cohort
from tests.support.people import ApiClient, client_of, person
from tests.waitlist.conftest import Full, full_course

pytestmark = pytest.mark.django_db


@pytest.fixture
def full() -> Full:
    return full_course(2)


@pytest.fixture
def client() -> ApiClient:
    return client_of(person().pk)


def course_json(client: ApiClient, full: Full) -> dict[str, object]:
    answer: dict[str, object] = client.get(f"/courses/{full.course.slug}").json()["course"]
    return answer


def test_a_full_course_says_that_its_list_is_open(client: ApiClient, full: Full) -> None:
    full.join()
    course = course_json(client, full)
    assert (course["waitlist_open"], course["waitlist_length"]) == (True, 1)
    assert course["enrollment_status"] == "not_enrolled"
    button = course["button"]
    assert isinstance(button, dict)
    assert button["state"] == "course_full"
    assert button["action_url"] == f"/courses/{full.course.slug}/waitlist/"


def test_a_refusal_for_want_of_a_seat_leads_to_the_list(client: ApiClient, full: Full) -> None:
    refused = client.post("/enrollments/initialize", {"course_id": full.course.slug})
    assert (refused.status_code, refused.json()["code"]) == (409, "course_full")
    urls = [action["url"] for action in refused.json()["actions"]]
    assert f"/courses/{full.course.slug}/waitlist/" in urls


def test_joining_answers_where_one_stands(client: ApiClient, full: Full) -> None:
    full.join(party_size=2)
    joined = client.post(f"/courses/{full.course.slug}/waitlist", {})
    body = joined.json()
    assert joined.status_code == 201
    assert body["entry_id"].startswith("wtl_")
    assert (body["position"], body["ahead"], body["status"]) == (2, 2, "waiting")
    assert (body["expected_wait"], body["odds"]) == (None, None)
    assert course_json(client, full)["enrollment_status"] == "waitlisted"


def test_joining_twice_keeps_the_place(client: ApiClient, full: Full) -> None:
    url = f"/courses/{full.course.slug}/waitlist"
    first = client.post(url, {})
    full.join()
    again = client.post(url, {})
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["entry_id"] == first.json()["entry_id"]
    assert again.json()["position"] == 1


def test_a_key_repeated_joins_once(client: ApiClient, full: Full) -> None:
    url = f"/courses/{full.course.slug}/waitlist"
    first = client.post(url, {}, key="join-1")
    again = client.post(url, {}, key="join-1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_course_with_seats_left_is_not_waited_for(client: ApiClient, full: Full) -> None:
    full.free()
    refused = client.post(f"/courses/{full.course.slug}/waitlist", {})
    assert (refused.status_code, refused.json()["code"]) == (409, "illegal_state")


@pytest.mark.parametrize("size", [0, -1, 21, 5])
def test_a_party_of_no_sensible_size_is_refused(client: ApiClient, full: Full, size: int) -> None:
    refused = client.post(f"/courses/{full.course.slug}/waitlist", {"party_size": size})
    assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed")
    assert refused.json()["errors"][0]["field"] == "party_size"


def test_leaving_gives_the_place_up(client: ApiClient, full: Full) -> None:
    url = f"/courses/{full.course.slug}/waitlist"
    client.post(url, {})
    assert client.request("DELETE", url).status_code == 204
    assert client.get(url).json()["status"] == "left"
    assert client.request("DELETE", url).status_code == 409


def test_an_offered_seat_is_taken_and_paid_for_as_any_other() -> None:
    full = full_course(1, price=100_000)
    owner = person()
    client = client_of(owner.pk)
    url = f"/courses/{full.course.slug}/waitlist"
    client.post(url, {})
    full.free()
    promote.promote(full.cohort)
    (offer,) = client.get(url).json()["offers"]
    assert (offer["status"], offer["is_own"], offer["party_key"]) == ("open", True, None)
    accept = f"/waitlist/offers/{offer['offer_id']}/accept"
    assert client_of(person().pk).post(accept, {}).status_code == 404
    taken = client.post(accept, {})
    body = taken.json()
    assert (taken.status_code, body["stage"]) == (201, "payment_pending")
    assert body["hold_expires_at"][:16] == offer["ends_at"][:16]
    again = client.post(accept, {})
    assert (again.status_code, again.json()["enrollment_id"]) == (200, body["enrollment_id"])


def test_a_seat_of_a_party_is_passed_on_with_its_key(client: ApiClient, full: Full) -> None:
    url = f"/courses/{full.course.slug}/waitlist"
    client.post(url, {"party_size": 2})
    full.free(2)
    promote.promote(full.cohort)
    body = client.get(url).json()
    assert body["enrollment_id"].startswith("enr_")
    (seat,) = body["offers"]
    friend = client_of(person().pk)
    accept = f"/waitlist/offers/{seat['offer_id']}/accept"
    assert friend.post(accept, {"party_key": "guessed"}).status_code == 404
    taken = friend.post(accept, {"party_key": seat["party_key"]})
    assert (taken.status_code, taken.json()["status"]) == (201, "enrolled")
    assert client.get(url).json()["status"] == "accepted"
    stranger = client_of(person().pk).post(accept, {"party_key": seat["party_key"]})
    assert (stranger.status_code, stranger.json()["code"]) == (409, "enrollment_expired")


@pytest.mark.parametrize("offer", ["off_x", "off_01h455vb4pex5vsknk084sn02q"])
def test_an_offer_that_never_was_is_not_found(client: ApiClient, offer: str) -> None:
    assert client.post(f"/waitlist/offers/{offer}/accept", {}).status_code == 404


def test_waiting_in_place_of_a_seat_swaps_in_turn(full: Full) -> None:
    who = person()
    client = client_of(who.pk)
    other = make_cohort(full.course)
    mine = client.post("/enrollments/initialize", {"cohort_id": ids.to_text("coh", other.pk)})
    enrollment = mine.json()["enrollment_id"]
    url = f"/courses/{full.course.slug}/waitlist"
    cohort = ids.to_text("coh", full.cohort)
    refused = client.post(url, {"cohort_id": cohort})
    assert (refused.status_code, refused.json()["code"]) == (409, "already_enrolled")
    joined = client.post(url, {"cohort_id": cohort, "replaces": enrollment})
    assert (joined.status_code, joined.json()["replaces"]) == (201, enrollment)
    full.free()
    promote.promote(full.cohort)
    taken = client.get(url).json()
    assert taken["status"] == "accepted"
    swapped = client.get(f"/enrollments/{taken['enrollment_id']}").json()
    assert swapped["swapped_from"] == enrollment


def test_anothers_seat_or_a_party_is_not_swapped(client: ApiClient, full: Full) -> None:
    other = make_cohort(full.course)
    theirs = client_of(person().pk).post(
        "/enrollments/initialize", {"cohort_id": ids.to_text("coh", other.pk)}
    )
    url = f"/courses/{full.course.slug}/waitlist"
    wish = {"cohort_id": ids.to_text("coh", full.cohort)}
    stolen = client.post(url, wish | {"replaces": theirs.json()["enrollment_id"]})
    assert stolen.status_code == 404
    mine = client.post("/enrollments/initialize", {"cohort_id": ids.to_text("coh", other.pk)})
    party = wish | {"replaces": mine.json()["enrollment_id"], "party_size": 2}
    assert client.post(url, party).status_code == 422


def test_what_is_to_happen_is_changed_while_one_waits(client: ApiClient, full: Full) -> None:
    url = f"/courses/{full.course.slug}/waitlist"
    assert client.post(url, {}).json()["leave_others"] is False
    changed = client.request("PATCH", url, {"leave_others": True})
    assert (changed.status_code, changed.json()["leave_others"]) == (200, True)
    assert client.request("PATCH", url, {}).json()["leave_others"] is True
    assert client.request("PATCH", url, {"replaces": "enr_x"}).status_code == 404
    client.request("DELETE", url)
    assert client.request("PATCH", url, {"leave_others": False}).status_code == 409
