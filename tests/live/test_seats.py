"""Seats of courses, live for anybody."""

from __future__ import annotations

from matricula.edges.live.seats import seats_json
from matricula.flows import promote
from matricula.flows.offer import find_offer
from tests.support.crowds import wait_until
from tests.support.live import Follower, LiveSite, hear, say
from tests.waitlist.conftest import full_course, state


def seats_stream(live: LiveSite, *courses: str) -> Follower:
    query = "&".join(f"course={course}" for course in courses)
    return Follower(f"{live.site.url}/api/v1/seats/events?{query}")


def left(follower: Follower, slug: str) -> list[int]:
    """The counts shown of this course so far."""
    return [seats["seats_left"] for _, seats in follower.messages if seats["slug"] == slug]


def test_a_guest_sees_seats_go_and_come_back(followed: LiveSite) -> None:
    follower = seats_stream(followed, "full-stack-development", "hot-drop")
    follower.wait_for(2)
    assert {seats["slug"] for _, seats in follower.messages} == {
        "full-stack-development",
        "hot-drop",
    }
    before = left(follower, "full-stack-development")[-1]
    token = followed.token()
    enrollment = followed.enrollment(token, "full-stack-development")
    wait_until(lambda: left(follower, "full-stack-development")[-1] == before - 1)
    followed.cancel(token, enrollment)
    wait_until(lambda: left(follower, "full-stack-development")[-1] == before)
    assert follower.answered["access-control-allow-origin"] == "*"


def test_the_last_seat_makes_the_course_full(followed: LiveSite) -> None:
    follower = seats_stream(followed, "tiny-seminar")
    follower.wait_for(1)
    _, seats = follower.messages[0]
    assert (seats["seats_left"], seats["state"]) == (1, "login_required")
    followed.enrollment(followed.token(), "tiny-seminar")
    follower.wait_for(2)
    _, seats = follower.messages[1]
    assert (seats["seats_left"], seats["state"]) == (0, "course_full")
    assert [cohort["seats_left"] for cohort in seats["cohorts"]] == [0]


def test_many_changes_within_a_second_are_shown_as_few(followed: LiveSite) -> None:
    follower = seats_stream(followed, "hot-drop")
    follower.wait_for(1)
    first = left(follower, "hot-drop")[0]
    for token in [followed.token() for _ in range(12)]:
        followed.enrollment(token, "hot-drop")
    wait_until(lambda: left(follower, "hot-drop")[-1] == first - 12)
    shown = left(follower, "hot-drop")
    assert shown == sorted(set(shown), reverse=True)


def test_a_socket_follows_seats_and_changes_its_mind(followed: LiveSite) -> None:
    with followed.socket() as socket:
        say(socket, type="seats.subscribe", courses=["basic-programming", "last-spring"])
        slugs: set[str] = set()
        while len(slugs) < 2:
            message = hear(socket)
            assert message["type"] == "seats"
            slugs |= {item["slug"] for item in message["items"]}
        say(socket, type="seats.subscribe", courses=["no-such-course"])
        assert hear(socket)["code"] == "not_found"
        say(socket, type="seats.subscribe", courses=["coming-soon"])
        (item,) = hear(socket)["items"]
        assert (item["slug"], item["state"]) == ("coming-soon", "not_available")
        say(socket, type="seats.subscribe", courses=[])
        assert hear(socket)["type"] == "unsubscribed"


def test_a_freed_seat_is_not_shown_to_guests_while_somebody_waits_for_it(db: None) -> None:
    full = full_course(2)

    def shown() -> tuple[int | None, str]:
        seats = seats_json(find_offer(full.course.slug, None))
        return seats.seats_left, seats.state

    place = full.join()
    full.free(2)
    assert shown() == (0, "course_full")
    promote.promote(full.cohort)
    assert shown() == (1, "login_required")
    assert state(place) == "accepted"
