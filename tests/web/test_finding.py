"""What search engines and social sites find, and how a course is shared."""

from __future__ import annotations

import json
import re
import struct
import xml.etree.ElementTree as ET
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.robotparser import RobotFileParser

import pytest
from django.conf import settings
from django.test import Client

from matricula.accounts.models import Person
from matricula.catalog.models import CoursePrice
from matricula.edges.web import cards
from matricula.edges.web.views import finding
from matricula.flows.enroll import Application, enroll
from matricula.kernel import clock, ids
from matricula.seats.models import SeatCount
from tests.support.factories import make_cohort, make_course, make_meeting

pytestmark = pytest.mark.django_db
SITE = settings.ENVIRONMENT.base_url
LOC = "{http://www.sitemaps.org/schemas/sitemap/0.9}loc"
PNG = b"\x89PNG\r\n\x1a\n"


def json_ld(client: Client, slug: str) -> dict[str, Any]:
    html = client.get(f"/courses/{slug}/").content.decode()
    (block,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', html, re.DOTALL)
    found: dict[str, Any] = json.loads(block)
    return found


def meta(client: Client, path: str) -> dict[str, str]:
    html = client.get(path).content.decode()
    return dict(re.findall(r'<meta (?:property|name)="([^"]+)" content="([^"]*)">', html))


def locations(client: Client, path: str = "/sitemap.xml") -> list[str]:
    response = client.get(path)
    assert response["Content-Type"] == "application/xml"
    tree = ET.fromstring(response.content)  # noqa: S314 - our own
    return [str(place.text) for place in tree.iter(LOC)]


def test_the_map_names_the_catalog_and_each_listed_course_once(guest: Client) -> None:
    draft = make_course(status="draft")
    found = locations(guest)
    assert found[0] == f"{SITE}/"
    assert f"{SITE}/courses/hot-drop/" in found
    assert f"{SITE}/courses/coming-soon/" in found
    assert f"{SITE}/courses/{draft.slug}/" not in found
    assert len(found) == len(set(found))


def test_what_the_map_names_is_there_and_may_be_read(guest: Client) -> None:
    robots = RobotFileParser()
    robots.parse(guest.get("/robots.txt").content.decode().splitlines())
    for place in locations(guest):
        assert guest.get(urlsplit(place).path).status_code == 200
        assert robots.can_fetch("AnyBot", place)
    assert robots.site_maps() == [f"{SITE}/sitemap.xml"]


@pytest.mark.parametrize("path", ["/me/", "/cart/", "/accounts/login/", "/pay/pay_x/", "/console/"])
def test_what_is_private_is_not_to_be_read(guest: Client, path: str) -> None:
    robots = RobotFileParser()
    robots.parse(guest.get("/robots.txt").content.decode().splitlines())
    assert not robots.can_fetch("AnyBot", f"{SITE}{path}")


def test_very_many_courses_are_mapped_in_several_files(
    guest: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = locations(guest)
    monkeypatch.setattr(finding, "PER_FILE", 3)
    files = locations(guest)
    assert files[0] == f"{SITE}/sitemap-1.xml"
    found = [place for file in files for place in locations(guest, urlsplit(file).path)]
    assert sorted(found) == sorted(everything)
    assert guest.get(f"/sitemap-{len(files) + 1}.xml").status_code == 404


# Required and recommended by
# https://developers.google.com/search/docs/appearance/structured-data/course-info
def assert_is_a_course(data: dict[str, Any]) -> None:
    assert data["@context"] == "https://schema.org"
    assert data["@type"] == "Course"
    assert data["name"]
    assert data["description"]
    assert data["provider"]["@type"] == "Organization"
    assert data["provider"]["name"]
    for offer in data["offers"]:
        assert offer["@type"] == "Offer"
        assert offer["category"] in {"Free", "Paid"}
        assert re.fullmatch(r"[A-Z]{3}", offer["priceCurrency"])
        assert re.fullmatch(r"\d+(\.\d+)?", offer["price"])
        assert offer["availability"].startswith("https://schema.org/")
    for instance in data.get("hasCourseInstance", []):
        assert instance["@type"] == "CourseInstance"
        assert instance["courseMode"] in {"Online", "Onsite", "Blended"}
        assert instance["courseSchedule"]["repeatFrequency"] == "Weekly"
        assert instance["courseSchedule"]["repeatCount"] > 0


@pytest.mark.parametrize(
    "slug",
    ["basic-programming", "full-stack-development", "last-spring", "coming-soon", "tiny-seminar"],
)
def test_every_course_is_described_as_search_engines_ask(guest: Client, slug: str) -> None:
    data = json_ld(guest, slug)
    assert_is_a_course(data)
    assert data["url"] == f"{SITE}/courses/{slug}/"
    assert data["image"] == f"{SITE}/courses/{slug}/card.png"


def test_the_price_is_the_one_of_the_page(guest: Client) -> None:
    course = make_course(price=499_900)
    ends_at = clock.now() + timedelta(days=3)
    CoursePrice.objects.filter(course=course).update(sale_minor=299_900, sale_ends_at=ends_at)
    (offer,) = json_ld(guest, course.slug)["offers"]
    assert (offer["price"], offer["priceCurrency"], offer["category"]) == (
        "2999.00",
        "INR",
        "Paid",
    )
    assert offer["priceValidUntil"] == ends_at.isoformat().replace("+00:00", "Z")


def test_a_full_course_is_said_to_be_sold_out(guest: Client) -> None:
    course = make_course()
    assert json_ld(guest, course.slug)["offers"][0]["availability"].endswith("/InStock")
    SeatCount.objects.filter(cohort__course=course).update(capacity=0)
    assert json_ld(guest, course.slug)["offers"][0]["availability"].endswith("/SoldOut")


def test_intakes_are_told_with_days_places_and_seats(guest: Client) -> None:
    course = make_course(with_cohort=False, duration_weeks=4, instructor_name="Ida Clay")
    starts_at = clock.now() + timedelta(days=40)
    cohort = make_cohort(course, capacity=7, name="Autumn", starts_at=starts_at)
    make_meeting(cohort, place="Room 4")
    (instance,) = json_ld(guest, course.slug)["hasCourseInstance"]
    assert (instance["name"], instance["courseMode"]) == ("Autumn", "Onsite")
    assert instance["location"] == "Room 4"
    assert instance["startDate"] == starts_at.isoformat().replace("+00:00", "Z")
    assert instance["instructor"] == {"@type": "Person", "name": "Ida Clay"}
    assert instance["remainingAttendeeCapacity"] == 7


def test_what_only_machines_read_is_left_out_for_people(member: Client) -> None:
    for path in ("/", "/courses/hot-drop/"):
        html = member.get(path).content.decode()
        assert "application/ld+json" not in html
        assert "hreflang" not in html
        assert 'property="og:' not in html


def test_a_course_has_a_social_card_and_one_address(guest: Client) -> None:
    path = "/courses/full-stack-development/"
    found = meta(guest, f"{path}?utm_source=x")
    assert found["og:url"] == f"{SITE}{path}"
    assert found["og:title"] == "Full Stack Development"
    assert found["og:description"]
    assert found["twitter:card"] == "summary_large_image"
    html = guest.get(f"{path}?utm_source=x").content.decode()
    assert f'<link rel="canonical" href="{SITE}{path}">' in html
    assert guest.get(urlsplit(found["og:image"]).path).status_code == 200
    html = guest.get(f"{path}?lang=hi&utm_source=x").content.decode()
    assert f'<link rel="canonical" href="{SITE}{path}?lang=hi">' in html


def test_the_card_is_a_picture_of_the_size_that_is_said(guest: Client) -> None:
    found = meta(guest, "/courses/hot-drop/")
    response = guest.get("/courses/hot-drop/card.png")
    assert response["Content-Type"] == "image/png"
    assert response.content.startswith(PNG)
    width, height = struct.unpack(">II", response.content[16:24])
    assert (str(width), str(height)) == (found["og:image:width"], found["og:image:height"])
    assert len(response.content) < 300_000  # what messengers still load


def test_a_draft_has_no_card(guest: Client) -> None:
    draft = make_course(status="draft")
    assert guest.get(f"/courses/{draft.slug}/card.png").status_code == 404


@pytest.mark.parametrize(
    "title", ["#x [y] $z$ \\ *b* _i_ @r", "हिन्दी", "العربية", "日本語", " ", '"']
)
def test_any_title_gets_a_card(title: str) -> None:
    assert cards.draw("some-slug", title, title * 40, "Matricula").startswith(PNG)


def test_a_course_can_be_shared_without_scripts(guest: Client) -> None:
    html = guest.get("/courses/hot-drop/").content.decode()
    address = f"{SITE}/courses/hot-drop/"
    assert f'readonly value="{address}"' in html
    (mail,) = re.findall(r'href="(mailto:[^"]+)"', html)
    letter = parse_qs(urlsplit(mail.replace("&amp;", "&")).query)
    assert letter == {"subject": ["Hot Drop"], "body": [address]}


def test_after_enrolling_the_course_can_be_shared_not_the_enrollment(
    member: Client, learner: Person
) -> None:
    receipt = enroll(Application(learner.pk, course="hot-drop"))
    reference = ids.to_text("enr", receipt.enrollment_id)
    html = member.get(f"/enrollments/{reference}/").content.decode()
    assert f'readonly value="{SITE}/courses/hot-drop/"' in html
    (mail,) = re.findall(r'href="(mailto:[^"]+)"', html)
    assert reference not in mail
