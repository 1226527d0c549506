"""Waiting for a full course on pages, without scripts."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from matricula.accounts.models import Person
from matricula.flows import expire, promote, waitlist
from matricula.flows.letters import waiting
from matricula.kernel import ids
from matricula.notifications.models import Preference
from matricula.waitlist.models import Entry
from tests.support.people import person
from tests.waitlist.conftest import Full, entry, full_course, offers, run_out

pytestmark = pytest.mark.django_db


@pytest.fixture
def full() -> Full:
    return full_course(2)


def signed_in(who: Person) -> Client:
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(who)
    return client


def page(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200, (url, answer.status_code)
    return text(answer.content.decode())


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_a_full_course_leads_to_its_waitlist(full: Full) -> None:
    html = Client(HTTP_HOST="127.0.0.1").get(f"/courses/{full.course.slug}/").content.decode()
    assert 'data-enroll-state="course_full"' in html
    assert f'href="/courses/{full.course.slug}/waitlist/"' in html
    assert "Waiting costs nothing" in html


def test_who_is_not_signed_in_comes_back_to_the_list(full: Full) -> None:
    url = f"/courses/{full.course.slug}/waitlist/"
    answer = Client(HTTP_HOST="127.0.0.1").get(url)
    assert answer.status_code == 302
    assert answer["Location"].endswith(f"?next={url}")


def test_joining_shows_where_one_stands_and_what_is_not_known(member: Client, full: Full) -> None:
    full.join()
    url = f"/courses/{full.course.slug}/waitlist/"
    assert "Join the waitlist" in page(member, url)
    assert member.post(url, {"party_size": "1"}).status_code == 303
    shown = page(member, url)
    assert "You are number 2 of 2." in shown
    assert "1 seat is wanted before yours." in shown
    assert "Too few seats have come free so far" in shown
    assert "not enough history" in shown


def test_joining_twice_is_joining_once(member: Client, full: Full) -> None:
    url = f"/courses/{full.course.slug}/waitlist/"
    member.post(url, {"party_size": "1"})
    member.post(url, {"party_size": "1"})
    assert "You are number 1 of 1." in page(member, url)


@pytest.mark.parametrize("size", ["0", "-1", "x", "99", "99999999999", "٣", "3"])
def test_a_party_of_no_sensible_size_is_said_beside_the_field(
    member: Client, full: Full, size: str
) -> None:
    answer = member.post(f"/courses/{full.course.slug}/waitlist/", {"party_size": size})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.content.decode()


def test_my_courses_shows_what_i_wait_for(member: Client, learner: Person, full: Full) -> None:
    full.join(person=learner.pk)
    assert "number 1 of 1" in page(member, "/me/")


def test_leaving_gives_the_place_up_once(member: Client, learner: Person, full: Full) -> None:
    reference = ids.to_text("wtl", full.join(person=learner.pk))
    assert member.post(f"/waitlist/{reference}/leave/").status_code == 303
    assert member.post(f"/waitlist/{reference}/leave/").status_code == 303
    assert "You can join again" in page(member, f"/courses/{full.course.slug}/waitlist/")


def test_somebody_elses_place_is_not_found(member: Client, full: Full) -> None:
    reference = ids.to_text("wtl", full.join())
    assert member.post(f"/waitlist/{reference}/leave/").status_code == 404


def test_an_offered_seat_is_taken_on_its_page_and_then_paid_for(
    member: Client, learner: Person
) -> None:
    full = full_course(1, price=100_000)
    place = full.join(person=learner.pk)
    full.free()
    promote.promote(full.cohort)
    standing = page(member, f"/courses/{full.course.slug}/waitlist/")
    assert "A seat is yours, if you take it in time" in standing
    url = f"/waitlist/offers/{ids.to_text('off', offers(place)[0].pk)}/"
    shown = member.get(url).content.decode()
    total = re.search(r'name="total" value="(\d+)"', shown)
    assert total is not None
    answer = member.post(url, {"country": "IN", "state": "KA", "total": total[1], "confirm": "1"})
    assert answer.status_code == 303
    assert answer["Location"].startswith("/pay/pay_")
    assert "You took this seat" in page(member, url)
    assert "You got a seat" in page(member, f"/courses/{full.course.slug}/waitlist/")


def test_an_offer_that_ran_out_says_so(member: Client, learner: Person) -> None:
    full = full_course(1, price=100_000)
    place = full.join(person=learner.pk)
    full.free()
    promote.promote(full.cohort)
    (offer,) = offers(place)
    run_out(offer.pk)
    expire.expire_due()
    url = f"/waitlist/offers/{ids.to_text('off', offer.pk)}/"
    assert "This offer is over" in page(member, url)
    assert member.post(url, {"confirm": "1"}).status_code == 409


def test_the_seats_of_a_party_are_passed_on_by_link(
    member: Client, learner: Person, full: Full
) -> None:
    place = full.join(2, learner.pk)
    full.free(2)
    promote.promote(full.cohort)
    html = member.get(f"/courses/{full.course.slug}/waitlist/").content.decode()
    link = re.search(r'value="[^"]*(/waitlist/offers/off_\w+/\?key=[^"]+)" readonly', html)
    assert link is not None
    friend = signed_in(person())
    plain, key = link[1].split("?key=")
    assert friend.get(plain).status_code == 404
    assert "A seat is held for you" in page(friend, link[1])
    answer = friend.post(plain, {"key": key})
    assert answer["Location"].startswith("/enrollments/enr_")
    assert entry(place).state == "accepted"


def test_a_course_with_seats_left_sends_to_enrolling(member: Client, full: Full) -> None:
    full.free()
    answer = member.get(f"/courses/{full.course.slug}/waitlist/")
    assert answer["Location"] == f"/courses/{full.course.slug}/"


def test_a_place_has_a_page_of_its_own(member: Client, learner: Person, full: Full) -> None:
    place = full.join(person=learner.pk)
    url = f"/waitlist/{ids.to_text('wtl', place)}/"
    assert "You are number 1 of 1." in page(member, url)
    assert signed_in(person()).get(url).status_code == 404
    assert waiting.page_of(entry(place)) == url  # where letters lead


def test_who_waits_elsewhere_can_say_that_other_lists_are_left(
    member: Client, learner: Person, full: Full
) -> None:
    box = "Leave my other waitlists once I am in here"
    url = f"/courses/{full.course.slug}/waitlist/"
    assert box not in page(member, url)
    full_course().join(person=learner.pk)
    assert box in page(member, url)
    answer = member.post(url, {"party_size": "1", "leave_others": "on"})
    place = Entry.objects.get(person=learner, cohort=full.cohort)
    assert place.leaves_others
    html = member.get(answer["Location"]).content.decode()
    assert 'name="leave_others" checked' in html
    wish = f"{answer['Location']}wish/"
    assert member.post(wish, {}).status_code == 303
    place.refresh_from_db()
    assert not place.leaves_others
    assert signed_in(person()).post(wish, {}).status_code == 404


def test_what_is_over_cannot_be_wished_for(member: Client, learner: Person, full: Full) -> None:
    reference = ids.to_text("wtl", full.join(person=learner.pk))
    member.post(f"/waitlist/{reference}/leave/")
    assert member.post(f"/waitlist/{reference}/wish/", {"leave_others": "on"}).status_code == 409


def test_a_list_left_for_another_says_why(member: Client, learner: Person, full: Full) -> None:
    chosen, other = full.join(person=learner.pk), full_course()
    Entry.objects.filter(pk=chosen).update(leaves_others=True)
    place = other.join(person=learner.pk)
    full.free()
    promote.promote(full.cohort)
    waitlist.leave_others()
    shown = page(member, f"/waitlist/{ids.to_text('wtl', place)}/")
    assert "You got a seat by another waitlist, and wanted to leave this one then." in shown


def test_a_consent_to_reminders_given_with_an_offered_seat_is_kept(
    member: Client, learner: Person
) -> None:
    full = full_course(1, price=100_000)
    place = full.join(person=learner.pk)
    full.free()
    promote.promote(full.cohort)
    url = f"/waitlist/offers/{ids.to_text('off', offers(place)[0].pk)}/"
    assert 'name="remind"' in member.get(url).content.decode()
    member.post(url, {"country": "IN", "state": "KA", "confirm": "1", "remind": "1"})
    assert Preference.objects.get(person=learner).wants_mail
