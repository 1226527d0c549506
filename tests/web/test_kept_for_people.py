"""Those who are signed in get copies of a page made for anybody, with what is their own in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.db import connection
from django.http import HttpRequest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from matricula.accounts.models import Person
from matricula.catalog.models import Course, Recommendation
from matricula.edges.web import kept
from matricula.flows import dealings, recommend
from matricula.flows.enroll import Application, enroll
from matricula.kernel import ids
from matricula.pricing.models import Coupon, CouponUse
from tests.support.factories import complete, make_course
from tests.support.people import person
from tests.support.plans import indexes_of_plan
from tests.waitlist.conftest import full_course
from tests.web.test_messages import tell

pytestmark = pytest.mark.django_db
FREE, PAID = "/courses/basic-programming/", "/courses/full-stack-development/"
PAGES = (
    FREE,
    PAID,
    "/courses/advanced-data-engineering/",  # asks for another course
    "/courses/tiny-seminar/",
    "/courses/last-spring/",
    "/courses/coming-soon/",
    "/",
    "/?search=data",
    "/?search=zebra",
    "/?price=free&lang=hi",
    f"{FREE}?lang=ar",
)


@pytest.fixture(autouse=True)
def _kept(settings: LazySettings) -> Iterator[None]:
    settings.PAGES_KEPT_FOR = 600
    kept._pages.clear()
    yield
    kept._pages.clear()


@pytest.fixture
def other(db: None) -> Client:
    """Somebody else's browser, who has a lot to show for themselves."""
    other = person(full_name="Otto Other", email="otto@example.com")
    enroll(Application(other.pk, course="basic-programming"))
    for number in range(3):
        tell(other, f"Message {number}")
    return signed_in(other)


def signed_in(who: Person) -> Client:
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(who)
    return client


def html(client: Client, path: str = FREE, **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200
    text = answer.content.decode().replace(answer["X-Correlation-Id"], "ID")
    return re.sub(r'(csrfmiddlewaretoken" value=)"\w+"', r'\1"TOKEN"', text)


def made_anew(client: Client, path: str, settings: LazySettings) -> str:
    settings.PAGES_KEPT_FOR = 0
    text = html(client, path)
    settings.PAGES_KEPT_FOR = 600
    return text


def rename(title: str) -> None:
    Course.objects.filter(slug="basic-programming").update(title=title)


def state(text: str) -> str:
    (found,) = re.findall(r'data-enroll-state="(\w+)"', text)
    return str(found)


def test_a_copy_shows_what_a_page_made_anew_shows(
    other: Client, member: Client, learner: Person, settings: LazySettings
) -> None:
    make_course(title="Needs a course", prerequisites=(Course.objects.get(slug="hot-drop"),))
    somebody = signed_in(person())
    for path in PAGES:
        html(somebody, path)
    for path in PAGES:
        for client in (other, member):
            assert html(client, path) == made_anew(client, path, settings)
    tell(learner)
    enroll(Application(learner.pk, course="hot-drop"))
    for path in PAGES:
        assert html(member, path) == made_anew(member, path, settings)


def test_a_copy_costs_two_queries(
    other: Client,
    member: Client,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    minute = recommend._minute()  # once in each what is suggested is read anew
    monkeypatch.setattr(recommend, "_minute", lambda: minute)
    course = make_course()
    path = f"/courses/{course.slug}/"
    html(other, path)
    html(member)
    with django_assert_num_queries(2):  # who it is; what they have to do with the course
        member.get(path)


def test_nothing_of_a_persons_own_is_kept(other: Client) -> None:
    for path in PAGES:
        html(other, path)
    assert kept._pages
    assert not any(theirs in page.body for page in kept._pages.values() for theirs in _own())


def test_without_the_request_of_nobody_it_would_be(
    other: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def theirs(request: HttpRequest) -> HttpRequest:
        return request

    monkeypatch.setattr(kept, "_nobodys", theirs)
    html(other, "/")
    bodies = [page.body for page in kept._pages.values()]
    assert [all(theirs in body for theirs in _own()) for body in bodies] == [True]


def _own() -> list[bytes]:
    """What stands in the pages of Otto's own."""
    otto = Person.objects.get(email="otto@example.com")
    return [ids.to_text("usr", otto.pk).encode(), b"<span data-unread>3</span>", b"state mine"]


def test_each_has_their_own_reference_bell_and_form(other: Client, member: Client) -> None:
    html(member)
    text = html(other, "/")
    otto = Person.objects.get(email="otto@example.com")
    assert f'data-person="{ids.to_text("usr", otto.pk)}"' in text
    assert '<span class="count"><span data-unread>3</span>' in text
    assert '<span class="count" hidden><span data-unread>0</span>' in html(member, "/")
    careful = Client(HTTP_HOST="127.0.0.1", enforce_csrf_checks=True)
    careful.force_login(otto)
    path = f"/courses/{make_course().slug}/"
    html(member, path)
    page = careful.get(path).content.decode()
    (token,) = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    sent = careful.post("/cart/add/", {"course": "hot-drop", "csrfmiddlewaretoken": token})
    assert sent.status_code == 303


def test_a_copy_is_for_no_cache(other: Client, member: Client) -> None:
    html(other, "/")
    answer = member.get("/")
    assert "no-store" in answer["Cache-Control"]
    assert "Cookie" in answer["Vary"]


def test_guests_and_those_signed_in_have_pages_of_their_own(guest: Client, member: Client) -> None:
    assert state(html(member)) == "available"
    assert state(html(guest)) == "login_required"
    assert state(html(member)) == "available"
    member.logout()
    assert state(html(member)) == "login_required"


def test_who_is_enrolled_or_waits_sees_it_at_once(member: Client, learner: Person) -> None:
    assert state(html(member)) == "available"
    enroll(Application(learner.pk, course="basic-programming"))
    assert state(html(member)) == "already_enrolled"
    assert "You are enrolled" in html(member, "/")
    full = full_course(1)
    path = f"/courses/{full.course.slug}/"
    assert "See your place in the waitlist" not in html(member, path)
    full.join(person=learner.pk)
    assert "See your place in the waitlist" in html(member, path)


def test_a_copy_is_no_older_than_a_guests(member: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    html(member)
    rename("Renamed meanwhile")
    assert "Renamed meanwhile" not in html(member)
    now = kept.time.monotonic()
    monkeypatch.setattr(kept.time, "monotonic", lambda: now + 601)
    assert "Renamed meanwhile" in html(member)


def test_whoever_did_something_has_pages_made_for_them_for_a_while(
    other: Client, member: Client, settings: LazySettings
) -> None:
    html(member, "/")
    rename("Renamed meanwhile")
    done = member.post("/me/messages/read/")
    assert done.cookies[kept.ACTED]["max-age"] > 2 * settings.PAGES_KEPT_FOR
    assert "Renamed meanwhile" in html(member, "/")
    assert "Renamed meanwhile" not in html(other, "/")


def test_what_a_script_was_told_is_not_taken_back(other: Client, member: Client) -> None:
    html(member, "/")
    rename("Renamed meanwhile")
    assert "Renamed meanwhile" in html(member, "/", **{"X-Fragment": "basic-programming"})
    assert "Renamed meanwhile" in html(member, "/")
    assert "Renamed meanwhile" not in html(other, "/")


def test_a_discount_that_not_everybody_has_is_shown_to_whom_it_belongs(
    other: Client, member: Client, learner: Person, settings: LazySettings
) -> None:
    coupon = Coupon.objects.create(
        code="FIRST", kind="percent", percent=50, automatic=True, per_person_limit=1
    )
    CouponUse.objects.create(
        coupon=coupon, person=learner, email=learner.email, order_id=uuid4(), state="used"
    )
    path = f"/courses/{make_course(price=10_000).slug}/"
    assert "FIRST" in html(other, path)
    assert "FIRST" not in html(member, path)


def test_staff_those_with_a_cart_and_those_to_be_told_something_get_no_copy(
    member: Client, learner: Person
) -> None:
    html(member)
    rename("Renamed meanwhile")
    staff = signed_in(person(is_staff=True))
    assert "Put this button on another site" in html(staff)
    with_cart = signed_in(person())
    session = with_cart.session
    session["cart"] = ["hot-drop"]
    session.save()
    told = signed_in(person())
    told.cookies["messages"] = "anything"
    for client in (staff, with_cart, told):
        assert "Renamed meanwhile" in html(client)
    assert "Renamed meanwhile" not in html(member)


def test_an_account_that_is_closed_is_nobody_at_once(member: Client, learner: Person) -> None:
    assert state(html(member)) == "available"
    Person.objects.filter(pk=learner.pk).update(is_active=False)
    assert state(html(member)) == "login_required"


def test_what_somebody_has_to_do_with_courses_is_found_by_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    who = {"person": uuid4(), "courses": [uuid4() for _ in range(24)]}
    used = indexes_of_plan(dealings.DEALINGS, who)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = on")
    assert len(used) == 3


@pytest.mark.parametrize("place", range(recommend.SHOWN + 1))
def test_whoever_may_take_more_is_suggested_more(
    place: int, member: Client, learner: Person
) -> None:
    """A course that asks for another one stands beside its like for those who have that one, where
    it is near enough to be shown."""
    course, base = make_course(), make_course()
    beside = [make_course(title=f"Beside {number}") for number in range(recommend.SHOWN)]
    beside.insert(place, make_course(title="Asks for more", prerequisites=(base,)))
    Recommendation.objects.create(course=course, alike=[one.pk for one in beside])
    path, ruled = f"/courses/{course.slug}/", "Asks for more"
    somebody = signed_in(person())
    assert ruled not in html(somebody, path)
    assert ruled not in html(member, path)
    complete(learner, base)
    assert (ruled in html(member, path)) is (place < recommend.SHOWN)
    assert ruled not in html(somebody, path)
