"""Addresses made of titles."""

from __future__ import annotations

import re
from importlib import import_module

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import example
from hypothesis import given as for_any
from hypothesis import strategies as st

from matricula.catalog import slugs
from matricula.catalog.models import Course
from tests.catalog.test_found_by_title import TITLES
from tests.support.factories import make_course


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Đại học", "dai-hoc"),
        ("हिन्दी", "hindi"),
        ("தமிழ்", "tmil"),
        ("数据分析", "shujufenxi"),
        ("Łódź & Straße", "lodz-strasse"),
        ("Node.js: don\u2019t panic", "node-js-dont-panic"),
        ("crs_01h455vb4pex5vsknk084sn02q", "crs-01h455vb4pex5vsknk084sn02q"),
        ("???", "course"),
        ("word " * 40, "-".join(["word"] * 16)),
    ],
)
def test_a_slug_is_the_title_in_ascii(title: str, slug: str) -> None:
    assert slugs.slug_of(title) == slug


@for_any(st.text(max_size=150))
@example("-")
def test_any_title_makes_a_valid_slug(title: str) -> None:
    slug = slugs.slug_of(title)
    assert re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", slug)
    assert len(slug) <= slugs.LONGEST


def test_every_script_makes_more_than_the_fallback() -> None:
    assert [t for t in TITLES if slugs.slug_of(t) == slugs.FALLBACK] == ["???"]


def test_a_slug_that_a_course_has_or_had_is_numbered(db: None) -> None:
    course = make_course(slug="knots")
    Course.objects.filter(pk=course.pk).update(slug="ties")
    make_course(slug="knots-2")
    assert slugs.free_slug("Knots") == "knots-3"
    assert slugs.free_slug("Ties") == "ties-2"
    long = slugs.slug_of("x" * 150)
    make_course(slug=long)
    assert len(slugs.free_slug("x" * 150)) <= slugs.LONGEST


@pytest.mark.parametrize("slug", ["", "crs_x", "a b", "ü", "a/b", "a\n"])
def test_the_database_takes_no_slug_that_is_no_address(db: None, slug: str) -> None:
    with pytest.raises(IntegrityError, match="course_slug_can_be_an_address"), transaction.atomic():
        make_course(slug=slug)


def test_the_database_gives_no_course_a_slug_of_another(db: None) -> None:
    course = make_course(slug="first")
    Course.objects.filter(pk=course.pk).update(slug="second")
    with pytest.raises(IntegrityError, match="another course"), transaction.atomic():
        make_course(slug="first")
    Course.objects.filter(pk=course.pk).update(slug="first")


def test_what_could_be_no_address_gets_one_when_the_site_is_upgraded(db: None) -> None:
    mend = import_module("matricula.catalog.migrations.0007_slugs").MEND
    course, other, fine = (make_course(with_cohort=False) for _ in range(3))
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE catalog_course DROP CONSTRAINT course_slug_can_be_an_address")
        Course.objects.filter(pk=course.pk).update(slug="crs_knots")
        Course.objects.filter(pk=other.pk).update(slug="two words " + "x" * 70)
        cursor.execute(mend)
    for made, start in ((course, "course-knots-"), (other, "course-two-words-x")):
        made.refresh_from_db()
        assert made.slug.startswith(start)
        made.full_clean()
    assert Course.objects.get(pk=fine.pk).slug == fine.slug
