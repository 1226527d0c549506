"""The inbox of support."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import Group
from django.test import Client

from matricula.accounts.models import Person
from matricula.flows import support
from matricula.flows.enroll import Application, enroll
from matricula.kernel import ids
from matricula.notifications.models import Delivery
from matricula.support.models import CannedAnswer, Conversation, Message
from matricula.support.roles import ensure_role
from matricula.support.states import Channel
from tests.console import addresses
from tests.console.conftest import sign_in
from tests.conversations.conftest import asked
from tests.support.factories import make_person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def queued_mail(settings: LazySettings) -> None:
    settings.EMAIL_BACKEND = "matricula.notifications.mail.Backend"


@pytest.fixture
def asker() -> Person:
    return make_person(full_name="Asa Asker")


@pytest.fixture
def agent() -> Person:
    """Somebody of the role Support."""
    ensure_role()
    person = make_person(is_staff=True, full_name="Agnes Agent")
    person.groups.add(Group.objects.get(name="Support"))
    return person


def page_of(talk: UUID, action: str = "change") -> str:
    return f"{addresses.CONVERSATIONS}{talk}/{action}/"


def answer(console: Client, talk: UUID, content: str = "We mended it.") -> None:
    page = console.get(page_of(talk)).content.decode()
    draft = re.search(r'name="draft" value="([^"]+)"', page)
    assert draft is not None
    for _ in range(2):  # as by a double click
        sent = console.post(page_of(talk, "answer"), {"draft": draft[1], "content": content})
        assert sent.status_code == 302


def test_the_role_answers_and_the_person_is_mailed(asker: Person, agent: Person) -> None:
    talk = asked(asker)
    console = sign_in(agent)
    assert "I cannot open my course." in console.get(addresses.CONVERSATIONS).content.decode()
    answer(console, talk)
    row = Conversation.objects.get(pk=talk)
    assert (row.state, row.assignee_id, row.last_number) == ("waiting", agent.pk, 2)
    assert Delivery.objects.get().address == asker.email
    shown = console.get(page_of(talk)).content.decode()
    assert "We mended it." in shown
    assert "Agnes Agent" in shown


def test_the_role_sees_what_it_needs_and_changes_nothing_else(agent: Person) -> None:
    console = sign_in(agent)
    overview = console.get("/console/").content.decode()
    assert "Waiting for an answer" in overview
    for seen in (addresses.PEOPLE, addresses.ENROLLMENTS, addresses.ORDERS, addresses.EVENTS):
        assert console.get(seen).status_code == 200
    for hidden in (addresses.COUPONS, addresses.COURSES, addresses.ROLES):
        assert console.get(hidden).status_code == 403


def test_the_role_is_made_once_and_then_left_to_staff(db: None) -> None:
    ensure_role()
    Group.objects.get(name="Support").permissions.clear()
    ensure_role()
    assert not Group.objects.get(name="Support").permissions.exists()


def test_looking_is_not_answering(asker: Person, registrar: Person) -> None:
    talk = asked(asker)
    console = sign_in(registrar)
    assert console.get(page_of(talk)).status_code in {302, 403}
    refused = console.post(page_of(talk, "answer"), {"draft": "d", "content": "x"})
    assert refused.status_code == 403
    assert Message.objects.filter(conversation=talk).count() == 1


def test_it_leads_to_everything_it_is_about(console: Client, asker: Person) -> None:
    enrollment = enroll(Application(asker.pk, "hot-drop")).enrollment_id
    talk = asked(asker, enrollment_id=enrollment, correlation_id="trace-7")
    page = console.get(page_of(talk)).content.decode()
    assert f"{addresses.PEOPLE}{asker.pk}/change/" in page
    assert f"{addresses.ENROLLMENTS}{enrollment}/change/" in page
    assert f"{addresses.EVENTS}?q=trace-7" in page


def test_it_is_found_by_what_people_say(console: Client, asker: Person) -> None:
    talk = asked(asker, "a needle", correlation_id="trace-7")
    asked(make_person(), "only hay")
    reference = ids.to_text("sup", talk)
    for words in (reference, str(talk), asker.email, "trace-7", ids.to_text("usr", asker.pk)):
        page = console.get(addresses.CONVERSATIONS, {"q": words}).content.decode()
        assert "a needle" in page, words
        assert "only hay" not in page, words
    for words in ("needle", "crs_01h455vb4pex5vsknk084sn02q", "'<x>"):
        assert "a needle" not in console.get(addresses.CONVERSATIONS, {"q": words}).content.decode()


def test_a_guests_conversation_is_found_by_the_address_and_says_so(console: Client) -> None:
    question = support.Question("a needle", Channel.FORM)
    support.ask_as_guest("gus@example.org", "Gus Guest", question)
    page = console.get(addresses.CONVERSATIONS, {"q": "Gus@example.org"}).content.decode()
    assert "a needle" in page
    assert "whose address it is was not shown" in page


@pytest.mark.parametrize(("whose", "seen"), [("mine", {"mine"}), ("nobody", {"free"})])
def test_the_inbox_by_who_answers(
    console: Client, superuser: Person, asker: Person, whose: str, seen: set[str]
) -> None:
    support.assign(asked(asker, "mine"), superuser.pk, superuser.pk)
    support.assign(asked(asker, "another's"), make_person().pk, superuser.pk)
    asked(asker, "free")
    page = console.get(addresses.CONVERSATIONS, {"whose": whose}).content.decode()
    assert {name for name in ("mine", "another&#x27;s", "free") if f">{name}<" in page} == seen


def test_assigning_closing_and_reopening(console: Client, superuser: Person, asker: Person) -> None:
    talk = asked(asker)
    console.post(page_of(talk, "assign"), {"assignee": str(superuser.pk)})
    assert Conversation.objects.get(pk=talk).assignee_id == superuser.pk
    console.post(page_of(talk, "assign"), {"assignee": ""})
    assert Conversation.objects.get(pk=talk).assignee_id is None
    assert console.get(page_of(talk, "close")).status_code == 200
    console.post(page_of(talk, "close"))
    assert Conversation.objects.get(pk=talk).state == "closed"
    again = console.post(page_of(talk, "close"), follow=True).content.decode()
    assert "Not done." in again
    console.post(page_of(talk, "reopen"))
    assert Conversation.objects.get(pk=talk).state == "open"
    last = addresses.events_of(talk)[-1]
    assert (last.type, last.actor) == ("support.reopened", superuser.pk)


def test_nobody_without_rights_can_be_given_it(console: Client, asker: Person) -> None:
    talk = asked(asker)
    page = console.post(page_of(talk, "assign"), {"assignee": str(asker.pk)})
    assert page.status_code == 200
    assert Conversation.objects.get(pk=talk).assignee_id is None


def test_a_ready_answer_fills_the_form_in(console: Client, asker: Person) -> None:
    ready = CannedAnswer.objects.create(title="Reset", content="Reset it like this.")
    talk = asked(asker)
    page = console.get(page_of(talk), {"canned": ready.pk}).content.decode()
    assert "Reset it like this.</textarea>" in page
    assert Message.objects.filter(conversation=talk).count() == 1


def test_ready_answers_are_edited_and_told(console: Client) -> None:
    sent = console.post(f"{addresses.CANNED}add/", {"title": "Hello", "content": "Hello there"})
    assert sent.status_code == 302
    assert CannedAnswer.objects.get().title == "Hello"


def test_an_empty_answer_is_asked_for_again(console: Client, asker: Person) -> None:
    talk = asked(asker)
    page = console.post(page_of(talk, "answer"), {"draft": "d", "content": "  "})
    assert page.status_code == 200
    assert "required" in page.content.decode()
    assert Conversation.objects.get(pk=talk).state == "open"
