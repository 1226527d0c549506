"""The list of courses."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from matricula.accounts.models import Person
from matricula.catalog.models import Cohort, Course, CourseStatus
from matricula.edges.web.views import catalog
from matricula.edges.web.views.catalog import PAGE_SIZE
from matricula.flows.enroll import Application, enroll
from matricula.seats.models import SeatCount
from tests.support.factories import make_course

pytestmark = pytest.mark.django_db

MOST_QUERIES = 7


def text_of(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def test_every_listed_course_is_shown_with_price_seats_and_state(guest: Client) -> None:
    html = text_of(guest, "/")
    assert 'href="/courses/basic-programming/"' in html
    assert "Unlimited seats" in html
    assert "500 seats left" in html
    assert "₹2,999.00" in html
    assert '<s class="price-was">₹4,999.00</s>' in html
    assert "Coming soon" in html
    assert "Registration closed" in html


def test_a_course_of_mine_is_marked(member: Client, learner: Person) -> None:
    assert "You are enrolled" not in text_of(member, "/")
    enroll(Application(learner.pk, course="hot-drop"))
    assert "You are enrolled" in text_of(member, "/")


def test_a_search_finds_by_the_beginning_of_a_word(guest: Client) -> None:
    html = text_of(guest, "/?search=semin")
    assert "Tiny Seminar" in html
    assert "Basic Programming" not in html


def test_a_misspelt_search_shows_what_it_was_taken_for(guest: Client) -> None:
    html = text_of(guest, "/?search=basc+programing")
    assert "Showing results for <strong>basic programming</strong>" in html
    assert 'href="/courses/basic-programming/"' in html


def test_a_search_that_finds_nothing_offers_a_way_on(guest: Client) -> None:
    html = text_of(guest, "/?search=quantum+knitting")
    assert "No course fits that" in html
    assert "Show all courses" in html
    assert "Starting soon" in html
    assert "Basic Programming" in html


def test_each_filter_can_be_taken_away_alone(guest: Client) -> None:
    page = guest.get("/?search=program&price=free&sort=newest")
    assert [(chip.label, chip.url) for chip in page.context["chips"]] == [
        ("“program”", "/?price=free&sort=newest"),
        ("Free", "/?search=program&sort=newest"),
    ]
    assert page.context["count"] == "1 course"


def test_an_order_lists_every_course_and_nonsense_orders_nothing(guest: Client) -> None:
    def titles(query: str) -> list[str]:
        return [card.title for card in guest.get(f"/{query}").context["cards"]]

    assert titles("?sort=nonsense") == titles("")
    assert sorted(titles("?sort=cheapest")) == sorted(titles(""))
    assert titles("?sort=cheapest")[-1] == "Advanced Data Engineering"


def test_what_was_typed_comes_back_escaped(guest: Client) -> None:
    html = text_of(guest, "/?search=%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>alert" not in html


@pytest.mark.parametrize(
    ("query", "shown", "hidden"),
    [
        ("category=Events", "hot-drop", "basic-programming"),
        ("price=free", "hot-drop", "full-stack-development"),
        ("price=paid", "full-stack-development", "hot-drop"),
        ("price=nonsense", "hot-drop", "nothing-of-the-kind"),
    ],
)
def test_filters_narrow_and_nonsense_does_not(
    guest: Client, query: str, shown: str, hidden: str
) -> None:
    html = text_of(guest, f"/?{query}")
    assert f'href="/courses/{shown}/"' in html
    assert f'href="/courses/{hidden}/"' not in html


@pytest.mark.parametrize(
    "query",
    [
        "cursor=nonsense",
        "cursor=W10",
        "cursor=" + "A" * 3000,
        "search=" + "x" * 9000,
        "search=%ff%fe",
        "search=%27%3B%20drop%20table--%20%26%20%7C%20!%20%3A*",
        "category=" + "y" * 5000,
        "language=%E2%98%83",
        "search=a&cursor=WzFd",
    ],
)
def test_bad_input_is_never_a_server_error(guest: Client, query: str) -> None:
    response = guest.get(f"/?{query}")
    assert response.status_code in {200, 404}
    assert "Matricula" in response.content.decode()


def test_the_pages_of_the_list_hold_every_course_once(guest: Client) -> None:
    made = {make_course(category="Paging").slug for _ in range(PAGE_SIZE + 3)}
    first = guest.get("/?category=Paging")
    path = first.context["next_url"]
    second = guest.get(path)
    seen = [card.slug for card in (*first.context["cards"], *second.context["cards"])]
    assert sorted(seen) == sorted(made)
    assert second.context["next_url"] == ""
    assert "First page" in second.content.decode()


@pytest.mark.parametrize("count", [10, 10_000])
def test_the_number_of_queries_does_not_grow_with_the_courses(
    member: Client, learner: Person, count: int
) -> None:
    courses = Course.objects.bulk_create(
        Course(slug=f"many-{n}", title=f"Aa {n:04}", status=CourseStatus.PUBLISHED)
        for n in range(count)
    )
    with connection.cursor() as cursor:  # or the planner takes the table for a small one
        cursor.execute("ANALYZE catalog_course")
    cohorts = Cohort.objects.bulk_create(Cohort(course=c, name="Only") for c in courses)
    SeatCount.objects.bulk_create(SeatCount(cohort=c, capacity=5) for c in cohorts)
    enroll(Application(learner.pk, course="hot-drop"))
    text_of(member, "/")  # whose the session is
    catalog.facets_at.cache_clear()  # also the page that reads the facets, once a minute

    with CaptureQueriesContext(connection) as queries:
        text_of(member, "/")
    assert len(queries) <= MOST_QUERIES, [query["sql"][:90] for query in queries]


def test_a_guest_costs_no_look_up_of_a_person(guest: Client) -> None:
    text_of(guest, "/")
    with CaptureQueriesContext(connection) as queries:
        text_of(guest, "/")
    assert len(queries) == 2


def test_a_guests_page_carries_no_cookie_and_a_members_page_is_not_kept(
    guest: Client, member: Client
) -> None:
    assert not guest.get("/").cookies
    assert "no-store" in member.get("/").headers["Cache-Control"]
