"""Being told when a course opens: who may ask, who is told, and that it is once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from matricula.accounts.models import Person
from matricula.catalog.models import Cohort, Course, CourseStatus
from matricula.flows import openings
from matricula.flows.enroll import Application, enroll
from matricula.interest import queries
from matricula.interest.models import Interest
from matricula.kernel import clock
from matricula.kernel.errors import IllegalState, NotFound
from matricula.kernel.models import Event
from matricula.notifications.models import Delivery, Message
from tests.security.conftest import browser
from tests.support.factories import make_course, make_person

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def course() -> Course:
    """One whose registration opens in a week."""
    made = make_course(title="Night Sky")
    Cohort.objects.filter(course=made).update(opens_at=clock.now() + 7 * DAY)
    return made


def open_it(course: Course) -> None:
    Cohort.objects.filter(course=course).update(opens_at=clock.now() - DAY)


def told(person: Person) -> list[str]:
    return list(Message.objects.filter(person=person).values_list("summary", flat=True))


def test_whoever_asked_is_told_once_when_it_opens(course: Course) -> None:
    person, other = make_person(), make_person()
    assert openings.ask(person.pk, course.slug)
    assert openings.tell_openings() == 0
    open_it(course)
    assert openings.tell_openings() == 1
    assert openings.tell_openings() == 0
    assert told(person) == ["You asked to be told when Night Sky opens. It is open."]
    assert told(other) == []
    mail = Delivery.objects.get(person=person)
    assert (mail.kind, mail.subject) == ("course_opened", "Night Sky is open")
    assert "List-Unsubscribe" in mail.content["headers"]


def test_asking_twice_is_asking_once(course: Course) -> None:
    person = make_person()
    assert [openings.ask(person.pk, course.slug) for _ in range(2)] == [True, False]
    open_it(course)
    assert openings.tell_openings() == 1


def test_what_was_taken_back_is_not_told(course: Course) -> None:
    person = make_person()
    openings.ask(person.pk, course.slug)
    assert openings.withdraw(person.pk, course.slug)
    assert not openings.withdraw(person.pk, course.slug)
    open_it(course)
    assert openings.tell_openings() == 0
    assert told(person) == []


def test_whoever_has_enrolled_meanwhile_is_not_written_to(course: Course) -> None:
    person = make_person()
    openings.ask(person.pk, course.slug)
    open_it(course)
    enroll(Application(person.pk, course.slug))
    openings.tell_openings()
    assert told(person) == []
    assert not queries.wants_to_know(person.pk, course.pk)


def test_many_are_told_in_batches(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openings, "AT_ONCE", 2)
    people = [make_person() for _ in range(5)]
    for person in people:
        openings.ask(person.pk, course.slug)
    open_it(course)
    assert openings.tell_openings() == 5
    assert all(len(told(person)) == 1 for person in people)


def test_it_can_be_asked_again_when_it_closed_again(course: Course) -> None:
    person = make_person()
    openings.ask(person.pk, course.slug)
    open_it(course)
    openings.tell_openings()
    Cohort.objects.filter(course=course).update(opens_at=clock.now() + DAY)
    assert openings.ask(person.pk, course.slug)
    open_it(course)
    openings.tell_openings()
    assert len(told(person)) == 2


def test_an_open_course_leaves_nothing_to_wait_for() -> None:
    with pytest.raises(IllegalState):
        openings.ask(make_person().pk, make_course().slug)


@pytest.mark.parametrize("status", [CourseStatus.ARCHIVED, CourseStatus.DRAFT])
def test_what_will_never_open_cannot_be_waited_for(status: CourseStatus) -> None:
    with pytest.raises((IllegalState, NotFound)):
        openings.ask(make_person().pk, make_course(status=status).slug)


def test_what_was_asked_told_and_taken_back_is_in_the_log(course: Course) -> None:
    person = make_person()
    openings.ask(person.pk, course.slug)
    openings.withdraw(person.pk, course.slug)
    openings.ask(person.pk, course.slug)
    open_it(course)
    openings.tell_openings()
    logged = Event.objects.filter(person=person.pk, type__startswith="interest.").order_by("seq")
    assert [event.type.partition(".")[2] for event in logged] == [
        "asked",
        "withdrawn",
        "asked",
        "told",
    ]


def test_on_its_page_one_asks_and_takes_it_back(course: Course) -> None:
    person = make_person()
    client, page = browser(person), f"/courses/{course.slug}/"
    assert f'href="{page}tell-me/"' in client.get(page).content.decode()
    assert person.email in client.get(f"{page}tell-me/").content.decode()
    for _ in range(2):
        assert client.post(f"{page}tell-me/").status_code == 303
    assert Interest.objects.filter(person=person, told_at=None).count() == 1
    assert "Do not tell me" in client.get(f"{page}tell-me/").content.decode()
    client.post(f"{page}tell-me/", {"withdraw": "1"})
    assert not Interest.objects.filter(person=person).exists()


def test_a_guest_signs_in_first_and_comes_back(course: Course) -> None:
    response = browser().get(f"/courses/{course.slug}/tell-me/")
    assert response.status_code == 302
    assert response["Location"].endswith(f"?next=/courses/{course.slug}/tell-me/")


def test_an_open_course_does_not_offer_it() -> None:
    page = f"/courses/{make_course().slug}/"
    assert "tell-me" not in browser().get(page).content.decode()
    assert browser(make_person()).get(f"{page}tell-me/").status_code == 302
