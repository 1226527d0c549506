"""Three transports, one story: the same events with the same numbers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.support.live import Follower, LiveSite, hear, say


def stream(live: LiveSite, token: str, enrollment: str, **headers: str) -> Follower:
    url = f"{live.site.url}/api/v1/enrollments/{enrollment}/events"
    return Follower(url, token, headers)


def poll(live: LiveSite, token: str, enrollment: str, after: int, timeout: int = 0) -> Any:
    with live.site.client(token) as client:
        return client.get(
            f"/api/v1/enrollments/{enrollment}/events/poll",
            params={"last_event_id": after, "timeout": timeout},
            timeout=90,
        )


def test_all_three_carry_the_same_events_with_the_same_numbers(followed: LiveSite) -> None:
    token = followed.token()
    enrollment = followed.enrollment(token)
    by_stream = stream(followed, token, enrollment)
    with followed.socket(additional_headers={"Authorization": f"Bearer {token}"}) as socket:
        say(socket, type="subscribe", enrollment_id=enrollment, request_id="r1")
        assert hear(socket) == {
            "type": "subscribed",
            "enrollment_id": enrollment,
            "request_id": "r1",
        }
        followed.happen(enrollment, "payment.processing")
        followed.happen(enrollment, "payment.failed")
        followed.cancel(token, enrollment)
        by_socket = []
        while (message := hear(socket))["type"] == "event":
            by_socket.append(message["event"])
        assert message == {"type": "over", "enrollment_id": enrollment}
    by_stream.wait_for_end()
    by_poll = poll(followed, token, enrollment, 0).json()

    assert by_poll["is_over"] is True
    assert [content for _, content in by_stream.messages] == by_poll["items"] == by_socket
    assert by_stream.told == followed.log(enrollment)
    assert [number for number, _ in by_stream.messages] == [event["id"] for event in by_socket]


def test_a_stream_sends_what_happens_while_it_is_open(followed: LiveSite) -> None:
    token = followed.token()
    enrollment = followed.enrollment(token)
    follower = stream(followed, token, enrollment)
    follower.wait_for(2)
    before = len(follower.messages)
    followed.happen(enrollment, "payment.processing")
    follower.wait_for(before + 1)
    assert follower.told == followed.log(enrollment)
    followed.cancel(token, enrollment)
    follower.wait_for_end()


def test_a_stream_that_is_over_ends_and_then_says_that_nothing_is_new(followed: LiveSite) -> None:
    token = followed.token()
    enrollment = followed.enrollment(token, "basic-programming")
    follower = stream(followed, token, enrollment)
    follower.wait_for_end()
    assert follower.told == followed.log(enrollment)
    last = str(follower.told[-1][0])
    again = stream(followed, token, enrollment, **{"Last-Event-ID": last})
    again.wait_for_end()
    assert again.status == 204


def test_a_stream_resumes_after_the_last_number_by_header_and_by_address(
    followed: LiveSite,
) -> None:
    token = followed.token()
    enrollment = followed.enrollment(token, "basic-programming")
    by_header = stream(followed, token, enrollment, **{"Last-Event-ID": "1"})
    url = f"{followed.site.url}/api/v1/enrollments/{enrollment}/events?last_event_id=2"
    by_address = Follower(url, token)
    by_header.wait_for_end()
    by_address.wait_for_end()
    log = followed.log(enrollment)
    assert by_header.told == log[1:]
    assert by_address.told == log[2:]


def test_a_poll_waits_until_something_happens(followed: LiveSite) -> None:
    token = followed.token()
    enrollment = followed.enrollment(token)
    last = followed.log(enrollment)[-1][0]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(poll, followed, token, enrollment, last, 60)
        followed.happen(enrollment, "payment.processing")
        answer = waiting.result()
    assert answer.status_code == 200
    assert [item["id"] for item in answer.json()["items"]] == [last + 1]
    assert answer.json()["is_over"] is False


def test_a_poll_without_a_timeout_answers_at_once(followed: LiveSite) -> None:
    token = followed.token()
    enrollment = followed.enrollment(token)
    last = followed.log(enrollment)[-1][0]
    answer = poll(followed, token, enrollment, last)
    assert answer.status_code == 204
    assert "X-Story-Over" not in answer.headers


def test_a_poll_of_a_story_that_is_over_does_not_wait(followed: LiveSite) -> None:
    token = followed.token()
    enrollment = followed.enrollment(token, "basic-programming")
    last = followed.log(enrollment)[-1][0]
    answer = poll(followed, token, enrollment, last, timeout=60)
    assert (answer.status_code, answer.headers["X-Story-Over"]) == (204, "1")


def test_a_stream_has_the_headers_of_every_answer_and_no_buffer(followed: LiveSite) -> None:
    token = followed.token()
    enrollment = followed.enrollment(token, "basic-programming")
    follower = stream(followed, token, enrollment, **{"X-Correlation-Id": "mine-1"})
    follower.wait_for_end()
    assert follower.answered["content-type"].startswith("text/event-stream")
    assert follower.answered["x-correlation-id"] == "mine-1"
    assert follower.answered["x-accel-buffering"] == "no"
    assert follower.answered["cache-control"] == "no-store, no-transform"
    assert follower.answered["x-content-type-options"] == "nosniff"
    assert not any(line.startswith("event:") for line in follower.lines)
    assert follower.lines[0].startswith("retry: ")
