"""The addresses of courses: made of their titles, and never another course's, not even one that it
had before."""

from __future__ import annotations

import re

from anyascii import anyascii

from matricula.catalog.models import CourseSlug

LONGEST = 80  # letters, as in `models.Course.slug`
_APOSTROPHES = re.compile("['\u2018\u2019\u02bc`]")
_SEPARATORS = re.compile("[^a-z0-9]+")
_ROOM_FOR_NUMBER = 6
FALLBACK = "course"


def slug_of(title: str) -> str:
    """A slug for this title, in ASCII whatever its script: lower-case letters, digits and single
    hyphens between them. Never empty, never longer than `LONGEST`, never like an id (`crs_…`)."""
    spelled = _APOSTROPHES.sub("", anyascii(title)).lower()
    slug = _SEPARATORS.sub("-", spelled).strip("-")
    if len(slug) > LONGEST:
        slug, _, cut = slug[: LONGEST + 1].rpartition("-")
        slug = slug or cut[:LONGEST]
    return slug or FALLBACK


def free_slug(title: str) -> str:
    """As `slug_of`, numbered when a course has or had that slug."""
    slug = slug_of(title)
    stem = slug[: LONGEST - _ROOM_FOR_NUMBER].rstrip("-")
    taken = set(CourseSlug.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    number = 1
    while slug in taken:
        number += 1
        slug = f"{stem}-{number}"
    return slug
