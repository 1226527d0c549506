"""Support on its pages: asking, reading, writing on, and who may."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from matricula.accounts.models import Person
from matricula.flows import support
from matricula.flows.enroll import Application, enroll
from matricula.kernel import ids
from matricula.support import queries
from matricula.support.models import Conversation, Message
from matricula.support.states import Channel
from tests.conversations.conftest import asked
from tests.support.factories import make_person

pytestmark = pytest.mark.django_db


def address(person: Person, **more: object) -> str:
    return f"/support/{ids.to_text('sup', asked(person, **more))}/"


def draft_in(html: str) -> str:
    found = re.search(r'name="draft" value="([^"]+)"', html)
    assert found is not None
    return found[1]


def browser() -> Client:
    return Client(HTTP_HOST="127.0.0.1", raise_request_exception=False)


def test_the_form_brings_along_what_a_failed_page_quotes(member: Client, learner: Person) -> None:
    enrollment = enroll(Application(learner.pk, "hot-drop")).enrollment_id
    about = ids.to_text("enr", enrollment)
    html = member.get(f"/support/?ref=trace-7&about={about}").content.decode()
    assert 'value="trace-7"' in html
    assert "Hot Drop" in html
    response = member.post(
        "/support/", {"content": "It hangs.", "reference": "trace-7", "about": about}
    )
    assert response.status_code == 303
    record = queries.list_of_person(learner.pk)[0]
    assert (record.correlation_id, record.enrollment_id) == ("trace-7", enrollment)
    page = member.get(response.headers["Location"]).content.decode()
    assert "It hangs." in page
    assert "trace-7" in page


def test_somebody_elses_enrollment_is_not_mentioned(member: Client) -> None:
    theirs = enroll(Application(make_person().pk, "hot-drop")).enrollment_id
    html = member.get(f"/support/?about={ids.to_text('enr', theirs)}").content.decode()
    assert "Hot Drop" not in html


@pytest.mark.parametrize("about", ["enr_x", "ord_01h455vb4pex5vsknk084sn02q", "nonsense", "crs_"])
def test_a_wrong_link_turns_nobody_away(guest: Client, about: str) -> None:
    assert guest.get("/support/", {"about": about, "ref": "'<x>"}).status_code == 200


def test_an_empty_message_is_asked_for_again_and_nothing_is_lost(
    member: Client, learner: Person
) -> None:
    response = member.post("/support/", {"content": "  ", "reference": "trace-7"})
    html = response.content.decode()
    assert response.status_code == 422
    assert "Write what happened." in html
    assert 'value="trace-7"' in html
    assert not Conversation.objects.filter(person=learner).exists()


def test_a_reference_that_cannot_be_one_is_named(member: Client) -> None:
    response = member.post("/support/", {"content": "Help", "reference": "<b>"})
    assert response.status_code == 422
    assert "Copy it as the page showed it" in response.content.decode()


def test_the_form_sent_twice_begins_one_conversation(member: Client, learner: Person) -> None:
    draft = draft_in(member.get("/support/").content.decode())
    sent = [member.post("/support/", {"content": "Help", "draft": draft}) for _ in range(2)]
    assert sent[0].headers["Location"] == sent[1].headers["Location"]
    assert Conversation.objects.filter(person=learner).count() == 1


def test_writing_on_and_closing(member: Client, learner: Person) -> None:
    path = address(learner)
    draft = draft_in(member.get(path).content.decode())
    for _ in range(2):
        response = member.post(path, {"content": "And <b>more</b>", "draft": draft})
        assert response.headers["Location"] == f"{path}#message-2"
    assert "And &lt;b&gt;more&lt;/b&gt;" in member.get(path).content.decode()
    assert member.post(f"{path}close/").status_code == 303
    assert "The conversation was closed." in member.get(path).content.decode()
    member.post(f"{path}close/")
    assert "was closed already" in member.get(path).content.decode()
    member.post(path, {"content": "One thing more"})
    assert 'data-state="open"' in member.get(path).content.decode()


def test_the_answer_is_news_on_the_list_until_it_was_read(member: Client, learner: Person) -> None:
    talk = asked(learner)
    support.answer(talk, make_person(is_staff=True).pk, "Here is how.")
    assert "New answer" in member.get("/support/").content.decode()
    assert "Here is how." in member.get(f"/support/{ids.to_text('sup', talk)}/").content.decode()
    assert "New answer" not in member.get("/support/").content.decode()


def test_it_is_its_owners_alone(guest: Client, member: Client) -> None:
    path = address(make_person(), content="private words")
    for client in (guest, member):
        for response in (client.get(path), client.post(path, {"content": "x"})):
            assert response.status_code in {302, 404}
            assert "private words" not in response.content.decode()
        assert client.post(f"{path}close/").status_code in {302, 404}
    assert guest.get(path).headers["Location"].startswith("/accounts/login/")
    assert member.get(path).status_code == 404
    assert Message.objects.filter(conversation__subject="private words").count() == 1


@pytest.mark.parametrize(
    "reference", ["sup_01h455vb4pex5vsknk084sn02q", "nonsense", "enr_01h455vb4pex5vsknk084sn02q"]
)
def test_a_wrong_id_is_not_found(member: Client, reference: str) -> None:
    assert member.get(f"/support/{reference}/").status_code == 404
    assert member.post(f"/support/{reference}/close/").status_code == 404


# --- guests -----------------------------------------------------------------------------------

QUESTION = {"full_name": "Gus Guest", "email": "gus@example.org", "content": "Who teaches?"}


def test_a_guest_is_told_the_same_for_every_address(guest: Client, learner: Person) -> None:
    pages = []
    for email in (learner.email, "nobody-here@example.org"):
        response = guest.post("/support/", {**QUESTION, "email": email})
        assert response.headers["Location"] == "/support/sent/"
        pages.append(guest.get("/support/sent/").content)
    assert Conversation.objects.filter(person__guest_email=learner.email).count() == 1
    assert all(b"A mail is on its way" in page for page in pages)


@pytest.mark.parametrize("field", ["full_name", "email", "content"])
def test_a_guest_is_asked_for_what_is_missing(guest: Client, field: str) -> None:
    people = Person.objects.count()
    response = guest.post("/support/", {**QUESTION, field: ""})
    assert response.status_code == 422
    assert f'id="{field}-error"' in response.content.decode()
    assert Person.objects.count() == people


def test_the_link_of_the_mail_opens_the_conversation_in_this_browser_alone(guest: Client) -> None:
    guest.post("/support/", QUESTION)
    talk = Conversation.objects.get(person__guest_email="gus@example.org")
    path = f"/support/{ids.to_text('sup', talk.pk)}/"
    assert guest.get(path).status_code == 302  # having written it is not enough
    reader = browser()
    opened = reader.get(f"/support/links/{support.link_token(talk.pk)}/")
    assert opened.headers["Location"] == path
    assert "Who teaches?" in reader.get(path).content.decode()
    reader.post(path, {"content": "It is urgent."})
    last = Message.objects.get(conversation=talk, number=2)
    assert (last.channel, last.by_id) == (Channel.LINK, talk.person_id)
    assert browser().get(path).status_code == 302
    assert browser().get("/support/links/nonsense/").status_code == 404


def test_a_guest_asks_about_the_order_their_browser_placed(guest: Client) -> None:
    buyer = make_person(guest_email="gus@example.org")
    order = enroll(Application(buyer.pk, "evening-lab")).order_id
    assert order is not None
    session = guest.session
    session["guest_orders"] = [str(order)]
    session.save()
    about = ids.to_text("ord", order)
    assert "Evening Lab" in guest.get(f"/support/?about={about}").content.decode()
    response = guest.post("/support/", {"content": "I paid.", "about": about})
    assert "I paid." in guest.get(response.headers["Location"]).content.decode()
    assert Conversation.objects.get(order=order).person_id == buyer.pk


# --- ways here --------------------------------------------------------------------------------


def test_failures_and_ended_enrollments_lead_here_with_what_to_quote(
    guest: Client, member: Client, learner: Person
) -> None:
    missing = guest.get("/nowhere", headers={"X-Correlation-Id": "quote-me"}).content.decode()
    assert 'href="/support/?ref=quote-me"' in missing
    receipt = enroll(Application(learner.pk, "hot-drop"))
    reference = ids.to_text("enr", receipt.enrollment_id)
    member.post(f"/enrollments/{reference}/cancel/")
    ended = member.get(f"/enrollments/{reference}/").content.decode()
    assert f'href="/support/?about={reference}&amp;ref=' in ended


def test_answers_about_somebody_are_kept_by_no_cache(guest: Client) -> None:
    assert "no-store" in guest.get("/support/").headers["Cache-Control"]
