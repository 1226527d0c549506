"""Courses that were given another address: links to the old one lead there for ever."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver
from django.urls.converters import SlugConverter

from matricula.catalog import queries, shelf
from matricula.catalog.models import Course, CourseSlug, CourseStatus
from matricula.kernel import ids
from tests.support.factories import make_course, make_person

# Any slug has a drawing; it says nothing about which courses exist.
WITHOUT_A_COURSE = {"course_art"}


@pytest.fixture
def moved(db: None) -> Course:
    course = make_course(price=100_00, slug="old-address")
    course.cohorts.update(waitlist_enabled=True)
    course.slug = "middle-address"
    course.save()
    course.slug = "new-address"
    course.save()
    return course


def pages_of_a_course() -> dict[str, str]:
    """Every page whose address has a course's slug in it, by name."""
    return {
        pattern.name: str(pattern.pattern)
        for pattern in get_resolver().url_patterns
        for pattern in getattr(pattern, "url_patterns", [pattern])
        if isinstance(pattern, URLPattern)
        and isinstance(pattern.pattern.converters.get("slug"), SlugConverter)
        and pattern.name
        and pattern.name not in WITHOUT_A_COURSE
    }


def test_every_page_of_a_course_redirects_from_its_old_addresses(
    moved: Course, client: Client
) -> None:
    pages = pages_of_a_course()
    assert {"course", "course_card", "enroll", "waitlist", "guest_checkout", "learn"} <= set(pages)
    for name, route in pages.items():
        if name == "guest_checkout":
            client.logout()
        else:
            client.force_login(make_person())
        for old in ("old-address", "middle-address"):
            path = "/" + route.replace("<slug:slug>", old)
            answer = client.get(path + "?again=1&x=%C3%BC")
            assert (name, answer.status_code) == (name, 301)
            assert answer["Location"] == path.replace(old, "new-address") + "?again=1&x=%C3%BC"
            assert "no-cache" in answer["Cache-Control"]


def test_a_form_opened_before_is_sent_on_with_all_that_is_in_it(
    moved: Course, client: Client
) -> None:
    client.force_login(make_person())
    answer = client.post("/courses/old-address/enroll/", {"cohort": "x"})
    assert (answer.status_code, answer["Location"]) == (308, "/courses/new-address/enroll/")


def test_an_address_a_course_gets_back_leads_to_it(moved: Course, client: Client) -> None:
    moved.slug = "old-address"
    moved.save()
    assert client.get("/courses/old-address/").status_code == 200
    assert client.get("/courses/new-address/")["Location"] == "/courses/old-address/"


def test_the_api_finds_a_course_by_any_slug_it_ever_had(moved: Course, client: Client) -> None:
    assert client.get("/api/v1/courses/old-address").json()["course"]["slug"] == "new-address"
    assert client.get("/api/v1/courses/middle-address/button").status_code == 200
    client.force_login(make_person())
    answer = client.post(
        "/api/v1/enrollments/initialize",
        json.dumps({"course_id": "old-address"}),
        content_type="application/json",
    )
    assert answer.json()["course"]["id"] == ids.to_text("crs", moved.pk)


def test_reads_of_many_courses_know_old_slugs(moved: Course) -> None:
    other = make_course(slug="stays")
    found = queries.courses_by_slug(["old-address", "stays", "nowhere"])
    assert {slug: course.id for slug, course in found.items()} == {
        "old-address": moved.pk,
        "stays": other.pk,
    }
    assert queries.course_ids(["middle-address", "stays"]) == {moved.pk, other.pk}
    assert shelf.find(["old-address"]).by_name["old-address"].id == moved.pk


def test_a_cart_keeps_a_course_that_moved(db: None, client: Client) -> None:
    course = make_course(price=100_00, slug="in-cart")
    client.post("/cart/add/", {"course": "in-cart"})
    Course.objects.filter(pk=course.pk).update(slug="in-cart-still")
    assert course.title in client.get("/cart/").content.decode()
    client.post("/cart/remove/", {"course": "in-cart-still"})
    assert course.title not in client.get("/cart/").content.decode()


def test_a_draft_that_moved_is_as_hidden_as_one_that_did_not(moved: Course, client: Client) -> None:
    moved.status = CourseStatus.DRAFT
    moved.save()
    assert client.get("/courses/old-address/").status_code == 404


def test_a_deleted_course_gives_its_addresses_back(db: None) -> None:
    course = make_course(slug="given-back", with_cohort=False)
    course.delete()
    assert not CourseSlug.objects.filter(slug="given-back").exists()
    make_course(slug="given-back")
