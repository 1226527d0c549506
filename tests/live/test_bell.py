"""The number at the bell, live: for its owner alone, by stream and by socket."""

from __future__ import annotations

from matricula.kernel import ids
from tests.support.crowds import wait_until
from tests.support.live import Follower, LiveSite, hear, say


def test_a_message_rings_and_reading_it_clears_the_number(followed: LiveSite) -> None:
    token = followed.token()
    bell = Follower(f"{followed.site.url}/api/v1/messages/events", token)
    bell.wait_for(1)
    other = Follower(f"{followed.site.url}/api/v1/messages/events", followed.token())
    with followed.socket(additional_headers={"Authorization": f"Bearer {token}"}) as socket:
        say(socket, type="messages.subscribe")
        assert hear(socket) == {"type": "messages.subscribed"}
        assert hear(socket) == {"type": "messages", "unread": 0}
        enrollment = followed.enrollment(token, "basic-programming")
        assert hear(socket) == {"type": "messages", "unread": 1}
        followed.run(
            "UPDATE notifications_message SET read_at = now() WHERE person_id ="
            " (SELECT person_id FROM enrollments_enrollment WHERE id::text = %s)",
            str(ids.from_text("enr", enrollment)),
        )
        assert hear(socket) == {"type": "messages", "unread": 0}
    wait_until(lambda: [content["unread"] for _, content in bell.messages] == [0, 1, 0])
    assert [content["unread"] for _, content in other.messages] == [0]


def test_a_guest_has_no_bell(followed: LiveSite) -> None:
    follower = Follower(f"{followed.site.url}/api/v1/messages/events")
    assert follower.answered_with() == 401
    with followed.socket() as socket:
        say(socket, type="messages.subscribe")
        assert hear(socket)["code"] == "authentication_required"
