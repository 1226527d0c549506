"""Searching and browsing, whatever a visitor types."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import example, settings
from hypothesis import given as for_any
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from pytest_django import DjangoAssertNumQueries

from matricula.catalog import queries
from matricula.catalog.models import CoursePrice, CourseStatus
from matricula.catalog.queries import Filters, Page, Sort
from matricula.kernel import clock, cursors
from matricula.kernel.errors import NotFound
from tests.support.factories import make_course

HOSTILE = ["'", '"', "a & | ! b", "a:*", "(((", "<->", "\\", "a' OR 1=1 --", "%_%", "x" * 5000]


def titles(words: str, **filters: str) -> list[str]:
    page = queries.browse(Filters(search=words, **filters))  # type: ignore[arg-type]
    return [course.title for course in page.courses]


@pytest.mark.parametrize(
    "words", ["quilt", "Quilting", "QUILTING WO", "wool quilting", "quilt & wool"]
)
def test_the_beginnings_of_all_words_find_a_course_in_any_order(db: None, words: str) -> None:
    make_course(title="Quilting with Wool")
    make_course(title="Quilting with Silk", summary="No sheep")
    assert "Quilting with Wool" in titles(words)
    assert ("Quilting with Silk" in titles(words)) == ("wo" not in words.lower())


@pytest.mark.parametrize(
    "title", ["हिन्दी साहित्य", "Überblick Ökologie", "İstanbul", "தமிழ்", "Ελληνικά"]
)
def test_a_course_is_found_by_its_title_in_any_language(db: None, title: str) -> None:
    make_course(title=title)
    assert titles(title) == [title]


def test_a_title_ranks_above_a_description(db: None) -> None:
    make_course(title="Zebra", description="about weaving")
    make_course(title="Weaving")
    assert titles("weaving") == ["Weaving", "Zebra"]


@pytest.mark.parametrize("words", HOSTILE)
def test_operators_and_quotes_are_only_letters(db: None, words: str) -> None:
    assert isinstance(queries.browse(Filters(search=words)), Page)


def test_a_typing_error_is_answered_with_the_nearest_wording(db: None) -> None:
    make_course(title="Carpentry")
    page = queries.browse(Filters(search="carpentri"))
    assert (page.suggestion, [c.title for c in page.courses]) == ("carpentry", ["Carpentry"])


def test_what_resembles_nothing_gets_no_suggestion(db: None) -> None:
    page = queries.browse(Filters(search="qqqqqzzzz"))
    assert (page.suggestion, page.courses) == (None, ())


class AnyText(TestCase):
    """Whatever is typed or sent back as a cursor."""

    @settings(max_examples=150, deadline=None)
    @for_any(st.text(max_size=60))
    @example("\x00")
    @example("\ud800")
    def test_any_search_has_an_answer(self, words: str) -> None:
        assert isinstance(queries.browse(Filters(search=words)), Page)

    @settings(max_examples=150, deadline=None)
    @for_any(
        st.one_of(
            st.text(max_size=40),
            st.tuples(st.text(max_size=9), st.text(max_size=9)).map(
                lambda values: cursors.make(*values)
            ),
            st.text(max_size=9).map(
                lambda title: cursors.make(title, "crs_01h455vb4pex5vsknk084sn02q")
            ),
            st.integers().map(cursors.make),
        )
    )
    @example(cursors.make("a\x00", "crs_01h455vb4pex5vsknk084sn02q"))
    @example(cursors.make("\ud800", "crs_01h455vb4pex5vsknk084sn02q"))
    def test_any_cursor_is_a_page_or_not_found(self, cursor: str) -> None:
        for filters in (Filters(), Filters(search="course"), Filters(sort="newest")):
            try:
                page = queries.browse(filters, cursor=cursor)
            except NotFound:
                continue
            assert isinstance(page, Page)


@pytest.mark.parametrize("filters", [Filters(), Filters(search="walk"), Filters(sort="soonest")])
@pytest.mark.parametrize("size", [1, 3, 7])
def test_walking_all_pages_shows_each_course_once(db: None, filters: Filters, size: int) -> None:
    made = {make_course(title="Walk" if n % 2 else f"Walk {n}").pk for n in range(10)}
    seen, cursor = [], None
    while True:
        page = queries.browse(filters, cursor=cursor, limit=size)
        seen += [course.id for course in page.courses]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(seen) == len(set(seen))
    assert made <= set(seen)


def test_a_list_is_sorted_by_what_is_paid_now_by_the_next_start_and_by_age(db: None) -> None:
    far, near, none = (make_course(category="Sorting") for _ in range(3))
    for course, days in ((far, 90), (near, 9)):
        course.cohorts.update(starts_at=clock.now() + timedelta(days=days))
    none.cohorts.update(starts_at=None)
    CoursePrice.objects.create(course=far, currency="INR", amount_minor=900, sale_minor=100)
    CoursePrice.objects.create(course=near, currency="INR", amount_minor=500)

    def order(sort: Sort) -> list[str]:
        page = queries.browse(Filters(category="Sorting", sort=sort))
        return [course.slug for course in page.courses]

    assert order("soonest") == [near.slug, far.slug, none.slug]
    assert order("cheapest") == [none.slug, far.slug, near.slug]
    assert order("newest") == [none.slug, near.slug, far.slug]


@pytest.mark.parametrize("status", CourseStatus)
def test_only_published_and_announced_courses_are_listed(db: None, status: CourseStatus) -> None:
    course = make_course(title="Unicycling", status=status)
    listed = status in {CourseStatus.PUBLISHED, CourseStatus.COMING_SOON}
    assert titles("unicycling") == ([course.title] if listed else [])
    assert any(c.id == course.pk for c in queries.browse(Filters(), limit=100).courses) == listed


def test_a_draft_is_found_only_by_who_asks_for_hidden_ones(db: None) -> None:
    draft = make_course(status=CourseStatus.DRAFT)
    with pytest.raises(NotFound):
        queries.find_course(draft.slug)
    assert queries.find_course(draft.slug, hidden=True).id == draft.pk


def test_filters_narrow(db: None) -> None:
    make_course(title="Kites", category="Air", language="hi", price=100)
    make_course(title="Kites too", category="Air", language="en")
    assert titles("kites", language="hi") == ["Kites"]
    assert titles("kites", price="paid") == ["Kites"]
    assert titles("kites", price="free") == ["Kites too"]
    assert titles("kites", category="Sea") == []


@pytest.mark.parametrize(("filters", "count"), [(Filters(), 1), (Filters(search="basic"), 1)])
def test_a_page_of_the_catalog_is_one_query(
    db: None, filters: Filters, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_course(title="Basic Knots")
    with django_assert_num_queries(count):
        queries.browse(filters)


def test_finding_a_course_is_one_query(
    db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        queries.find_course("full-stack-development")


def test_a_search_in_a_large_catalog_uses_its_index(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO catalog_course (id, slug, title, summary, description, category,"
            " language, instructor_name, status, tax_inclusive)"
            " SELECT gen_random_uuid(), 'bulk-' || n, 'Title ' || md5(n::text), '',"
            " repeat(md5(n::text) || ' ', 20), '', 'en',"
            " '', 'published', false FROM generate_series(1, 5000) n"
        )
        # What autovacuum does in time: rows still on the index's waiting list are read one by one.
        cursor.execute("SELECT gin_clean_pending_list('course_search_index')")
        cursor.execute("ANALYZE catalog_course")
    statements = CaptureQueriesContext(connection)
    with statements:
        queries.browse(Filters(search="basic prog"))
    (searched,) = [entry["sql"] for entry in statements if "@@" in entry["sql"]][:1]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {searched}".replace("%", "%%"))
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "course_search_index" in plan
