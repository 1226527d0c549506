"""Asking, answering, closing: what is kept, told and mailed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db.models.functions import Now

from matricula.accounts.models import Person
from matricula.flows import doctor, guests, support
from matricula.flows.enroll import Application, enroll
from matricula.flows.support import Question
from matricula.kernel import events, ids
from matricula.kernel.errors import (
    IllegalState,
    NotFound,
    RateLimited,
    ValidationFailed,
)
from matricula.notifications.models import Delivery
from matricula.support import actions, queries, rules
from matricula.support.models import Conversation, Message
from matricula.support.states import Author, Channel, ConversationState
from tests.conversations.conftest import asked
from tests.support.factories import make_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a real installation."""
    monkeypatch.setattr(settings, "ENVIRONMENT", replace(settings.ENVIRONMENT, limits=True))


def told(conversation_id: Any) -> list[str]:
    return [event.type for event in events.of_subject(conversation_id)]


def test_a_conversation_goes_back_and_forth_and_is_told(asker: Person, staff: Person) -> None:
    talk = asked(asker, "It is\nbroken")
    assert queries.read(talk).subject == "It is"
    support.answer(talk, staff.pk, "Try again, please.")
    assert queries.read(talk).state is ConversationState.WAITING
    support.write(talk, asker.pk, "It works now.", Channel.CHAT)
    assert queries.read(talk).state is ConversationState.OPEN
    support.close(talk, asker.pk, Channel.FORM)
    said = queries.messages_of(talk)
    assert [(one.number, one.author) for one in said] == [
        (1, Author.PERSON),
        (2, Author.STAFF),
        (3, Author.PERSON),
        (4, Author.SYSTEM),
    ]
    assert told(talk) == [
        "support.opened",
        "support.message",
        "support.assigned",
        "support.message",
        "support.message",
        "support.closed",
    ]
    assert doctor.examine() == []


def test_an_event_holds_nothing_that_was_said(asker: Person, staff: Person) -> None:
    talk = asked(asker, "my secret trouble")
    support.answer(talk, staff.pk, "a private answer")
    for event in events.of_subject(talk):
        assert set(event.data) <= {"number", "author", "assignee", "enrollment", "order"}
        assert "secret" not in str(event.data)


def test_an_answer_is_mailed_with_the_way_to_it(asker: Person, staff: Person) -> None:
    talk = asked(asker, "Where is my course?")
    support.answer(talk, staff.pk, "Here it is.")
    mail = Delivery.objects.latest("pk")
    assert mail.address == asker.email
    assert mail.subject == "Re: Where is my course?"
    assert mail.content is not None
    assert "Here it is." in mail.content["text"]
    assert f"/support/{ids.to_text('sup', talk)}/" in mail.content["text"]
    kept = Message.objects.get(conversation=talk, author="staff")
    assert mail.message_id_header == kept.mail_id
    assert mail.content["headers"]["References"].startswith(f"<{ids.to_text('sup', talk)}@")


def test_an_answer_sent_twice_is_kept_and_mailed_once(asker: Person, staff: Person) -> None:
    talk = asked(asker)
    before = Delivery.objects.count()
    first = support.answer(talk, staff.pk, "Once.", key="draft")
    second = support.answer(talk, staff.pk, "Once.", key="draft")
    assert (first.number, first.is_new, second.number, second.is_new) == (2, True, 2, False)
    assert Delivery.objects.count() == before + 1


def test_a_message_sent_twice_under_its_key_is_kept_once(asker: Person) -> None:
    talk = asked(asker, key="a")
    assert asked(asker, key="a") == talk
    support.write(talk, asker.pk, "More.", Channel.FORM, key="b")
    assert not support.write(talk, asker.pk, "More.", Channel.FORM, key="b").is_new
    assert queries.read(talk).last_number == 2


def test_another_persons_key_is_another_key(asker: Person) -> None:
    assert asked(make_person(), key="same") != asked(asker, key="same")


def test_a_chat_goes_into_the_conversation_that_is_open(asker: Person) -> None:
    first = support.chat(asker.pk, "Hello?", key="1")
    again = support.chat(asker.pk, "Hello?", key="1")
    assert not again.is_new
    assert support.chat(asker.pk, "Anybody?").conversation_id == first.conversation_id
    support.close(first.conversation_id, asker.pk, Channel.CHAT)
    assert support.chat(asker.pk, "One more thing").conversation_id != first.conversation_id


def test_only_the_owner_writes(asker: Person) -> None:
    talk = asked(asker)
    other = make_person()
    with pytest.raises(NotFound):
        support.write(talk, other.pk, "Let me in", Channel.CHAT)
    with pytest.raises(NotFound):
        support.chat(other.pk, "Let me in", conversation_id=talk)
    with pytest.raises(NotFound):
        queries.of_person(other.pk, talk)
    assert queries.read(talk).last_number == 1


def test_it_may_be_about_an_enrollment_of_ones_own_only(asker: Person) -> None:
    theirs = enroll(Application(make_person().pk, "hot-drop")).enrollment_id
    with pytest.raises(NotFound):
        asked(asker, enrollment_id=theirs)
    mine = enroll(Application(asker.pk, "hot-drop")).enrollment_id
    assert queries.read(asked(asker, enrollment_id=mine)).enrollment_id == mine
    assert Conversation.objects.count() == 1


def test_it_may_be_about_an_order_of_ones_own_only(asker: Person) -> None:
    receipt = enroll(Application(make_person().pk, "evening-lab"))
    with pytest.raises(NotFound):
        asked(asker, order_id=receipt.order_id)
    own = enroll(Application(asker.pk, "evening-lab"))
    assert queries.read(asked(asker, order_id=own.order_id)).order_id == own.order_id


def test_closing_twice_is_refused_and_writing_opens_again(asker: Person, staff: Person) -> None:
    talk = asked(asker)
    support.close(talk, staff.pk, Channel.CONSOLE)
    with pytest.raises(IllegalState):
        support.close(talk, staff.pk, Channel.CONSOLE)
    assert queries.read(talk).closed_at is not None
    support.write(talk, asker.pk, "Not settled.", Channel.FORM)
    with pytest.raises(IllegalState):
        support.reopen(talk, staff.pk)
    assert queries.read(talk).closed_at is None
    support.close(talk, staff.pk, Channel.CONSOLE)
    support.reopen(talk, staff.pk)
    assert queries.read(talk).state is ConversationState.OPEN
    assert doctor.examine() == []


def test_what_staff_wrote_is_news_until_it_is_seen(asker: Person, staff: Person) -> None:
    talk = asked(asker)
    assert not queries.read(talk).has_news
    support.answer(talk, staff.pk, "An answer.")
    assert queries.read(talk).has_news
    actions.mark_seen(talk, 2)
    actions.mark_seen(talk, 1)
    assert not queries.read(talk).has_news


# --- guests -----------------------------------------------------------------------------------


def guest_asks(email: str, content: str = "Can I pay by transfer?", key: str = "") -> None:
    support.ask_as_guest(email, "Gus Guest", Question(content, Channel.FORM, key=key))


def link_in(mail: Delivery) -> str:
    assert mail.content is not None
    (line,) = [line for line in mail.content["text"].splitlines() if "/support/links/" in line]
    return line.rpartition("/support/links/")[2].rstrip("/")


def test_a_guest_gets_the_way_by_mail_without_their_words(asker: Person) -> None:
    guest_asks("gus@example.org", "BUY MY PILLS http://pills.example")
    mail = Delivery.objects.latest("pk")
    assert mail.address == "gus@example.org"
    assert "pills" not in str(mail.content).lower()
    record = support.read_token(link_in(mail))
    assert record.subject.startswith("BUY MY PILLS")


def test_a_guest_with_an_accounts_address_is_told_and_given_nothing_of_it(asker: Person) -> None:
    guest_asks(asker.email)
    guest_asks("nobody-here@example.org")
    own, unknown = Delivery.objects.order_by("-pk")[:2]
    assert unknown.subject == own.subject
    assert queries.list_of_person(asker.pk) == []


def test_an_answer_to_a_guest_carries_their_link(staff: Person) -> None:
    guest_asks("gus@example.org")
    talk = support.read_token(link_in(Delivery.objects.latest("pk"))).id
    support.answer(talk, staff.pk, "Yes, you can.")
    mail = Delivery.objects.latest("pk")
    assert mail.address == "gus@example.org"
    assert support.read_token(link_in(mail)).id == talk


@pytest.mark.parametrize("token", ["", "x", "a:b:c"])
def test_a_wrong_link_is_not_found(db: None, token: str) -> None:
    with pytest.raises(NotFound):
        support.read_token(token)


def test_a_guests_form_sent_twice_begins_one_conversation(db: None) -> None:
    guest_asks("Gus@example.org", key="draft")
    guest_asks("gus@example.org", key="draft")
    assert Conversation.objects.count() == 1
    assert Delivery.objects.count() == 1


def test_a_guest_without_a_usable_address_leaves_nothing(db: None) -> None:
    people = Person.objects.count()
    with pytest.raises(ValidationFailed):
        guest_asks("not an address")
    assert Person.objects.count() == people


def test_what_a_guest_asked_goes_along_when_they_join_an_account(asker: Person) -> None:
    guest_asks("gus@example.org")
    guest = Person.objects.get(guest_email="gus@example.org")
    guests.join(guests.guests.link_token(guest.pk), asker.pk)
    (record,) = queries.list_of_person(asker.pk)
    assert record.subject == "Can I pay by transfer?"


# --- limits -----------------------------------------------------------------------------------


def test_a_person_has_only_so_many_open(asker: Person, limits: None) -> None:
    first, *_ = [asked(asker) for _ in range(rules.MOST_OPEN)]
    with pytest.raises(RateLimited):
        asked(asker)
    support.close(first, asker.pk, Channel.FORM)
    asked(asker)


def test_an_address_has_only_so_many_open_whoever_says_it(db: None, limits: None) -> None:
    for _ in range(rules.MOST_OPEN_OF_GUEST):
        guest_asks("gus@example.org")
    people = Person.objects.count()
    with pytest.raises(RateLimited):
        guest_asks("Gus@Example.org")
    assert Person.objects.count() == people
    guest_asks("other@example.org")


def test_nobody_writes_faster_than_it_can_be_read(asker: Person, limits: None) -> None:
    talk = asked(asker)
    for number in range(rules.MOST_A_MINUTE - 1):
        support.write(talk, asker.pk, f"And {number}", Channel.CHAT)
    with pytest.raises(RateLimited):
        support.write(talk, asker.pk, "And more", Channel.CHAT)
    Message.objects.filter(conversation=talk).update(at=Now() - timedelta(minutes=2))
    support.write(talk, asker.pk, "And more", Channel.CHAT)


def test_a_conversation_does_not_grow_without_end(asker: Person, staff: Person) -> None:
    talk = asked(asker)
    Conversation.objects.filter(pk=talk).update(last_number=rules.MOST_MESSAGES)
    Message.objects.filter(conversation=talk).update(number=rules.MOST_MESSAGES)
    with pytest.raises(IllegalState):
        support.write(talk, asker.pk, "Still there?", Channel.FORM)
    support.close(talk, staff.pk, Channel.CONSOLE)


def test_what_was_closed_two_years_ago_is_forgotten(asker: Person, staff: Person) -> None:
    old, fresh, still_open = asked(asker), asked(asker), asked(asker)
    for talk in (old, fresh):
        support.close(talk, staff.pk, Channel.CONSOLE)
    long_ago = Now() - rules.KEPT_FOR - timedelta(days=1)
    Conversation.objects.filter(pk=old).update(closed_at=long_ago)
    Conversation.objects.filter(pk=still_open).update(last_at=long_ago)
    actions.forget_old()
    assert set(Conversation.objects.values_list("pk", flat=True)) == {fresh, still_open}
    assert not Message.objects.filter(conversation=old).exists()
