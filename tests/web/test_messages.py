"""The bell, its page, what mail is wanted, and ending mail with one click."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.test import Client

from matricula.accounts.models import Person
from matricula.notifications import actions, queries, unsubscribing
from matricula.notifications.actions import Recipient, Saying
from matricula.notifications.kinds import Category
from matricula.notifications.letters import Action, Letter
from matricula.notifications.models import Message
from tests.support.people import person

pytestmark = pytest.mark.django_db


def tell(who: Person, heading: str = "You are enrolled", path: str = "/me/") -> Message:
    letter = Letter(heading, heading, f"Summary of {heading}", action=Action("Go", path))
    saying = Saying("enrollment_confirmed", uuid4(), Recipient(who.pk, who.email), letter)
    actions.say([saying])
    return Message.objects.get(event_id=saying.event_id)


def html(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def test_the_bell_counts_what_is_unread(member: Client, learner: Person) -> None:
    assert '<span class="count" hidden><span data-unread>0<' in html(member, "/")
    tell(learner)
    assert '<span class="count"><span data-unread>1<' in html(member, "/")


def test_following_a_message_reads_it_and_goes_there(member: Client, learner: Person) -> None:
    message = tell(learner)
    assert "Summary of You are enrolled" in html(member, "/me/messages/")
    response = member.get(f"/me/messages/{message.pk}/")
    assert (response.status_code, response["Location"]) == (302, "/me/")
    assert queries.unread_count(learner.pk) == 0


def test_all_can_be_read_at_once(member: Client, learner: Person) -> None:
    tell(learner, "One")
    tell(learner, "Two")
    assert member.post("/me/messages/read/").status_code == 303
    assert queries.unread_count(learner.pk) == 0


def test_another_persons_message_is_not_found_and_stays_unread(member: Client) -> None:
    other = person()
    message = tell(other)
    assert member.get(f"/me/messages/{message.pk}/").status_code == 404
    assert queries.unread_count(other.pk) == 1


def test_messages_come_a_page_at_a_time(member: Client, learner: Person) -> None:
    for number in range(queries.PAGE + 1):
        tell(learner, f"Number {number:03d}")
    first = html(member, "/me/messages/")
    assert "Number 000" not in first
    (older,) = [part.partition('"')[0] for part in first.split('href="') if "?before=" in part[:40]]
    assert "Number 000" in html(member, older)


@pytest.mark.parametrize("cursor", ["x", "2026-99-99T00:00:00Z", "2026-01-01T00:00:00"])
def test_a_wrong_cursor_is_refused_in_words(member: Client, cursor: str) -> None:
    response = member.get("/me/messages/", {"before": cursor})
    assert response.status_code == 422


def test_a_guest_is_asked_to_sign_in(guest: Client) -> None:
    assert guest.get("/me/messages/").status_code == 302
    assert guest.get("/me/messages/settings/").status_code == 302


def test_reminders_can_be_turned_off_and_on(member: Client, learner: Person) -> None:
    member.post("/me/messages/settings/", {"waitlist": "on"})
    assert queries.preferences_of(learner.pk)[Category.REMINDER] is False
    assert queries.preferences_of(learner.pk)[Category.WAITLIST] is True
    member.post("/me/messages/settings/", {"waitlist": "on", "reminder": "on"})
    assert queries.preferences_of(learner.pk)[Category.REMINDER] is True


def test_alerts_for_staff_are_offered_to_staff_alone(member: Client) -> None:
    assert 'name="staff"' not in html(member, "/me/messages/settings/")


def token_for(who: Person) -> str:
    return unsubscribing.link(who.pk, Category.REMINDER).rpartition("/unsubscribe/")[2].rstrip("/")


def test_opening_the_link_changes_nothing(guest: Client, learner: Person) -> None:
    assert "Stop it" in html(guest, f"/unsubscribe/{token_for(learner)}/")
    assert queries.preferences_of(learner.pk)[Category.REMINDER] is True


def test_one_click_ends_mail_without_a_session_or_csrf(learner: Person) -> None:
    client = Client(HTTP_HOST="127.0.0.1", enforce_csrf_checks=True)
    response = client.post(f"/unsubscribe/{token_for(learner)}/", {"List-Unsubscribe": "One-Click"})
    assert response.status_code == 200
    assert queries.preferences_of(learner.pk)[Category.REMINDER] is False


@pytest.mark.parametrize("token", ["x", "a:b:c", "WyJ4Il0:1:x"])
def test_a_forged_link_is_not_found(guest: Client, token: str) -> None:
    assert guest.post(f"/unsubscribe/{token}/").status_code == 404
