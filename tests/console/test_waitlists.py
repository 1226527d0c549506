"""Waitlists in the console: looked at, reordered, served by hand, written to."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.test import Client

from matricula.accounts.models import Person
from matricula.catalog.models import Cohort
from matricula.flows import promote, waitlist_mail
from matricula.kernel.models import Event
from matricula.notifications.models import Message
from matricula.waitlist import queries
from matricula.waitlist.models import Entry, ListMessage, PriorityGroup, Queue
from tests.console.addresses import COHORTS, change, cohort_form, events_of
from tests.waitlist.conftest import Full, entry, full_course, offers, state, states

ENTRIES = "/console/waitlist/entry/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def full() -> Full:
    return full_course(1, price=100_000)


def act(console: Client, entry_id: UUID, what: str, **answers: object) -> str:
    answer = console.post(f"{ENTRIES}{entry_id}/{what}/", answers, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def position(entry_id: UUID) -> int:
    found = queries.of_person(entry(entry_id).person_id, entry_id)
    return queries.ahead(found).places + 1


def test_the_list_stands_in_the_order_of_service(console: Client, full: Full) -> None:
    waiting = [full.join() for _ in range(3)]
    html = console.get(f"{ENTRIES}?cohort={full.cohort}").content.decode()
    people = [html.index(Person.objects.get(pk=entry(pk).person_id).email) for pk in waiting]
    assert people == sorted(people)
    assert console.get(f"{ENTRIES}{waiting[0]}/change/").status_code == 200


def test_a_place_is_moved_and_who_did_it_is_on_record(
    console: Client, superuser: Person, full: Full
) -> None:
    waiting = [full.join() for _ in range(4)]
    act(console, waiting[3], "move", position=2)
    assert [position(pk) for pk in waiting] == [1, 3, 4, 2]
    moved = events_of(waiting[3])[-1]
    assert (moved.type, moved.actor) == ("waitlist.moved", superuser.pk)
    assert (moved.data["from"], moved.data["to"]) == (4, 2)
    act(console, waiting[0], "move", position=99)
    act(console, waiting[1], "move", position=1)
    assert [position(pk) for pk in waiting] == [4, 1, 3, 2]
    assert events_of(waiting[0])[-1].data["to"] == 4


def test_moved_twice_to_where_it_stands_it_moved_once(console: Client, full: Full) -> None:
    waiting = [full.join() for _ in range(3)]
    group = PriorityGroup.objects.create(name="Alumni", rank=10)
    for _ in range(2):
        act(console, waiting[2], "move", position=1)
    for _ in range(2):
        act(console, waiting[1], "group", group=group.pk)
    assert [event.type for event in events_of(waiting[2])] == ["waitlist.joined", "waitlist.moved"]
    assert [event.type for event in events_of(waiting[1])] == ["waitlist.joined", "waitlist.moved"]


@pytest.mark.parametrize("wrong", ["", "0", "-3", "1.5", "first"])
def test_a_position_that_is_none_moves_nothing(console: Client, full: Full, wrong: str) -> None:
    place = full.join()
    assert 'class="group mb-4 errors"' in act(console, place, "move", position=wrong)
    assert [event.type for event in events_of(place)] == ["waitlist.joined"]


def test_who_stands_where_is_said_before_it_is_changed(console: Client, full: Full) -> None:
    _, second = full.join(), full.join()
    person = Person.objects.get(pk=entry(second).person_id)
    for what in ("move", "give-seat"):
        html = console.get(f"{ENTRIES}{second}/{what}/").content.decode()
        assert f"{person.email} is number 2 of 2." in html
    act(console, second, "remove")
    html = console.get(f"{ENTRIES}{second}/move/").content.decode()
    assert f"{person.email} does not wait any more: left." in html


def test_a_group_waits_before_everybody(console: Client, full: Full) -> None:
    first, member = full.join(), full.join()
    group = PriorityGroup.objects.create(name="Alumni", rank=10)
    act(console, member, "group", group=group.pk)
    assert (position(member), position(first)) == (1, 2)
    act(console, member, "group", group="")
    assert position(member) == 2


def test_a_free_seat_is_given_before_the_turn(
    console: Client, superuser: Person, full: Full
) -> None:
    first, second = full.join(), full.join()
    assert "Seats wanted: 1. Seats free: 0." in act(console, second, "give-seat")
    full.free()
    act(console, second, "give-seat")
    assert states([first, second]) == ["waiting", "offered"]
    assert [event.type for event in events_of(second)][1:] == [
        "waitlist.promoted",
        "waitlist.offered",
    ]
    assert events_of(second)[1].actor == superuser.pk


def test_a_place_is_removed_with_what_was_offered(console: Client, full: Full) -> None:
    first, second = full.join(), full.join()
    full.free()
    promote.promote(full.cohort)
    act(console, first, "remove")
    assert offers(first)[0].state == "declined"
    promote.promote(full.cohort)
    assert states([first, second]) == ["left", "offered"]
    assert "Not done" in act(console, first, "remove")


@pytest.mark.parametrize("what", ["move", "group", "give-seat", "remove"])
def test_who_may_only_look_changes_nothing(what: str, full: Full) -> None:
    from tests.console.conftest import sign_in
    from tests.support.factories import make_person

    place = full.join()
    looker = sign_in(make_person(is_staff=True))
    answer = looker.post(f"{ENTRIES}{place}/{what}/", {"position": 1})
    assert answer.status_code in {302, 403}
    assert state(place) == "waiting"


def test_the_terms_of_a_list_are_set_on_its_cohort(
    console: Client, superuser: Person, full: Full
) -> None:
    cohort = Cohort.objects.get(pk=full.cohort)
    form = cohort_form(capacity=1, waitlist_enabled="on", longest=7, offer_hours=3, largest_party=2)
    answer = console.post(change(COHORTS, cohort.pk), {**form, "name": cohort.name})
    assert answer.status_code == 302, answer.content.decode()
    queue = Queue.objects.get(pk=full.cohort)
    assert (queue.longest, queue.offer_hours, queue.largest_party) == (7, 3, 2)
    assert events_of(cohort.pk)[-1].data["changes"]["offer_hours"] == {"old": None, "new": 3}


def test_a_capacity_too_small_names_who_holds_seats_until_when(console: Client, full: Full) -> None:
    place = full.join()
    full.free()
    promote.promote(full.cohort)
    cohort = Cohort.objects.get(pk=full.cohort)
    form = {**cohort_form(capacity=0, waitlist_enabled="on"), "name": cohort.name}
    html = console.post(change(COHORTS, cohort.pk), form).content.decode()
    assert f"Held by {Person.objects.get(pk=entry(place).person_id).email} until" in html


def test_who_a_held_seat_is_offered_to_is_linked(console: Client, full: Full) -> None:
    place = full.join()
    full.free()
    promote.promote(full.cohort)
    assert f"{ENTRIES}{place}/change/" in console.get("/console/seats/hold/").content.decode()


def test_everybody_who_waits_is_written_to_once(
    console: Client, superuser: Person, full: Full
) -> None:
    waiting = [full.join() for _ in range(3)]
    answer = console.post(
        f"{COHORTS}{full.cohort}/write/", {"subject": "News", "body": "We look for a larger room."}
    )
    assert answer.status_code == 302
    message = ListMessage.objects.get(cohort=full.cohort)
    late = full.join()
    assert waitlist_mail.send_message(message.pk) == 3
    assert waitlist_mail.send_message(message.pk) == 0
    told = set(Message.objects.filter(kind="waitlist_message").values_list("person", flat=True))
    assert told == {entry(pk).person_id for pk in waiting}
    assert entry(late).person_id not in told
    written = Event.objects.get(type="waitlist_message.written")
    assert (written.actor, written.data["waiting"]) == (superuser.pk, 3)
    assert "larger room" not in str(written.data)


def test_a_list_is_not_written_to_all_day(superuser: Person, full: Full) -> None:
    from matricula.kernel.errors import IllegalState

    for number in range(waitlist_mail.MOST_MESSAGES_A_DAY):
        waitlist_mail.write_to_list(full.cohort, f"{number}", "text", actor_id=superuser.pk)
    with pytest.raises(IllegalState):
        waitlist_mail.write_to_list(full.cohort, "more", "text", actor_id=superuser.pk)


def test_events_of_a_group_are_on_record(console: Client) -> None:
    console.post("/console/waitlist/prioritygroup/add/", {"name": "Alumni", "rank": 10})
    assert Event.objects.filter(type="waitlist_group.created").count() == 1
    assert Entry.objects.count() == 0
