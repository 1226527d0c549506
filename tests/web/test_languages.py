"""Five languages: which one an answer is in, what it says in them, that nothing was left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation

from matricula.accounts.models import Person
from matricula.catalog.models import Course
from matricula.edges import languages
from matricula.edges.web import words
from matricula.flows.letters import samples
from matricula.kernel.errors import NotFound
from matricula.kernel.events import Event
from matricula.kernel.money import Money
from matricula.kernel.words import said
from matricula.notifications import rendering
from matricula.pricing import queries as pricing
from matricula.seats.queries import Availability
from tests.support.people import PASSWORD, ApiClient, person

pytestmark = pytest.mark.django_db
COOKIE = settings.LANGUAGE_COOKIE_NAME
AT = datetime(2027, 3, 2, 18, 30, tzinfo=UTC)
OTHERS = ("hi", "es", "fr", "ar")


@pytest.mark.parametrize(
    ("asked", "chosen", "accepted", "found"),
    [
        ("", "", "", "en"),
        ("", "", "fr-CH, fr;q=0.9, en;q=0.8", "fr"),
        ("", "", "de, ar-EG;q=0.7", "ar"),
        ("", "hi", "fr", "hi"),
        ("es", "hi", "fr", "es"),
        ("xx", "../../etc", "\x00;q=nonsense", "en"),
    ],
)
def test_the_address_counts_first_then_the_choice_then_the_browser(
    asked: str, chosen: str, accepted: str, found: str
) -> None:
    assert languages.choose(asked, chosen, accepted) == found


def test_a_page_is_in_the_language_of_the_browser(guest: Client) -> None:
    response = guest.get("/", headers={"Accept-Language": "es-MX"})
    assert '<html lang="es" dir="ltr">' in response.content.decode()
    assert response["Content-Language"] == "es"
    assert {"Accept-Language", "Cookie"} <= set(response["Vary"].split(", "))


def test_arabic_is_written_from_the_right(guest: Client) -> None:
    html = guest.get("/courses/basic-programming/?lang=ar").content.decode()
    assert '<html lang="ar" dir="rtl">' in html


def test_the_language_in_an_address_is_not_remembered(guest: Client) -> None:
    assert COOKIE not in guest.get("/?lang=fr").cookies


@pytest.mark.parametrize("path", ["/", "/courses/basic-programming/"])
def test_pages_name_themselves_in_every_language(guest: Client, path: str) -> None:
    html = guest.get(path + "?lang=fr").content.decode()
    named = dict(re.findall(r'<link rel="alternate" hreflang="([^"]+)" href="([^"]+)">', html))
    address = f"{settings.ENVIRONMENT.base_url}{path}"
    assert named == {
        "x-default": address,
        **{code: f"{address}?lang={code}" for code in ("en", *OTHERS)},
    }


def test_a_choice_is_kept_for_the_person_and_the_device(member: Client, learner: Person) -> None:
    response = member.post("/language/", {"language": "hi", "next": "/me/?lang=es&page=2"})
    assert (response.status_code, response["Location"]) == (303, "/me/?page=2")
    assert response.cookies[COOKIE].value == "hi"
    learner.refresh_from_db()
    assert learner.language == "hi"
    changed = Event.objects.get(subject=learner.pk, type="person.changed")
    assert changed.data["fields"] == ["language"]
    assert 'lang="hi"' in member.get("/me/").content.decode()


@pytest.mark.parametrize("target", ["//evil.example/", "https://evil.example/", "/\\evil.example"])
def test_a_choice_leads_to_no_other_site(guest: Client, target: str) -> None:
    assert guest.post("/language/", {"language": "fr", "next": target})["Location"] == "/"


def test_a_language_that_is_not_ours_is_refused(guest: Client) -> None:
    response = guest.post("/language/", {"language": "tlh"})
    assert response.status_code == 422
    assert COOKIE not in response.cookies


def test_signing_in_on_a_new_device_brings_the_language_along(guest: Client) -> None:
    reader = person(with_password=True, language="fr")
    form = {"login": reader.email, "password": PASSWORD}
    assert guest.post("/accounts/login/", form).cookies[COOKIE].value == "fr"


def test_a_refusal_is_read_in_the_language_of_its_reader() -> None:
    with translation.override("ar"):
        refusal = NotFound(said("Coupon %(code)s", code="A1"))
    with translation.override("es"):
        assert (str(refusal.title), refusal.detail) == ("No encontrado", "Cupón A1")


def test_programs_are_answered_in_the_language_they_ask_for(db: None) -> None:
    problem = ApiClient().get("/courses/nowhere", **{"Accept-Language": "fr"}).json()
    assert (problem["title"], problem["code"]) == ("Introuvable", "not_found")


@pytest.mark.parametrize(
    ("code", "money", "moment"),
    [
        ("en", "₹2,99,900.50", "2 March 2027, 18:30 UTC"),
        ("hi", "₹2,99,900.50", "2 मार्च 2027, 18:30 UTC"),
        ("es", "299.900,50 INR", "2 de marzo de 2027, 18:30 UTC"),
        ("fr", "299 900,50 ₹", "2 mars 2027, 18:30 UTC"),
        ("ar", "299,900.50 ₹", "2 مارس 2027، 18:30 UTC"),
    ],
)
def test_money_and_moments_are_said_as_the_language_does(
    code: str, money: str, moment: str
) -> None:
    with translation.override(code):
        amount = re.sub("[\u00a0\u202f]", " ", words.money(Money(29_990_050, "INR")))
        assert amount.strip("\u200f") == money
        assert words.moment(AT) == moment


@pytest.mark.parametrize(
    ("code", "amount"), [("fr", "\u22122 000,00 ₹"), ("ar", "\u200e\u22122,000.00 ₹")]
)
def test_what_is_taken_off_has_its_minus_at_the_number(
    guest: Client, code: str, amount: str
) -> None:
    page = guest.get("/courses/full-stack-development/", headers={"Accept-Language": code})
    (off,) = [row.amount for row in page.context["cost"].bill.rows if row.kind == "off"]
    assert re.sub("[\u00a0\u202f]", " ", off) == amount


@pytest.mark.parametrize(
    ("zone", "moment", "day"),
    [
        ("Asia/Kolkata", "3 March 2027, 00:00 IST", "3 March 2027"),
        ("America/Sao_Paulo", "2 March 2027, 15:30 UTC-03", "2 March 2027"),
    ],
)
def test_moments_and_days_are_those_of_the_installation_and_name_its_zone(
    monkeypatch: pytest.MonkeyPatch, zone: str, moment: str, day: str
) -> None:
    there = replace(settings.ENVIRONMENT, time_zone=ZoneInfo(zone))
    monkeypatch.setattr(settings, "ENVIRONMENT", there)
    assert (words.moment(AT), words.day(AT)) == (moment, day)


@pytest.mark.parametrize(
    ("left", "text"),
    [
        (1, "بقي مقعد واحد"),
        (2, "بقي مقعدان"),
        (3, "بقيت 3 مقاعد"),
        (11, "بقي 11 مقعدًا"),
        (100, "بقي 100 مقعد"),
    ],
)
def test_arabic_counts_in_its_six_ways(left: int, text: str) -> None:
    with translation.override("ar"):
        assert words.seats(Availability(left, 0, 0)) == text


def test_every_letter_can_be_written_in_every_language() -> None:
    with translation.override("en"):
        plain = {kind: rendering.render(letter) for kind, letter in samples.letters().items()}
    for code in OTHERS:
        with translation.override(code):
            for kind, letter in samples.letters().items():
                written = rendering.render(letter)
                assert f'lang="{code}"' in written.html
                assert written.text != plain[kind].text, f"{kind} in {code}"


# --- the pseudo-language: what is outside its brackets was not translated ----------------------

GUEST_PAGES = (
    "/",
    "/?search=basc+programing",
    "/?search=quantum+knitting",
    "/courses/basic-programming/",
    "/courses/full-stack-development/",
    "/courses/advanced-data-engineering/",
    "/courses/full-stack-development/guest/",
    "/courses/last-spring/",
    "/courses/coming-soon/",
    "/courses/hot-drop/",
    "/courses/nowhere/",
    "/cart/",
    "/language/",
    "/support/",
    "/offline/",
    "/offline/enroll/",
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password/reset/",
    "/accounts/password/reset/done/",
    "/accounts/password/reset/key/1-wrong/",
    "/demo/mail/",
    "/demo/mail/letters/",
)
MEMBER_PAGES = (
    "/",
    "/me/",
    "/me/orders/",
    "/me/messages/",
    "/me/messages/preferences/",
    "/me/profile/",
    "/support/",
    "/courses/advanced-data-engineering/",
    "/courses/hot-drop/",
    "/courses/hot-drop/enroll/",
    "/courses/basic-programming/enroll/",
    "/courses/full-stack-development/enroll/",
    "/courses/tiny-seminar/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/logout/",
)
# Forms that are sent with something missing, and what they say then.
WRONG_FORMS: tuple[tuple[str, dict[str, str]], ...] = (
    ("/accounts/signup/", {"email": "no address", "password1": "short"}),
    ("/accounts/login/", {"login": "nobody@example.com", "password": "wrong"}),
    ("/accounts/password/reset/", {"email": ""}),
    ("/support/", {"content": ""}),
    ("/courses/full-stack-development/guest/", {"email": "", "full_name": ""}),
)
# A day, which the locale says, and a reference.
NO_WORDS = re.compile(r"\b\d{1,2} [A-Z][a-z]+ \d{4}\b|\b[a-z]{3}_[0-9a-z]{26}\b")
SPOKEN = ("alt", "title", "aria-label", "placeholder")


class Texts(HTMLParser):
    """What a page says: its texts, and the attributes that people read or hear."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._within: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in {"meta", "link", "input", "img", "br", "hr", "path", "circle", "rect"}:
            self._within.append("code" if "lang" in given and tag != "html" else tag)
        self.found += [given[name] or "" for name in SPOKEN if name in given]
        self.found += [
            text or "" for name, text in attrs if name.startswith("data-") and _is_words(text)
        ]
        if given.get("name") == "description":
            self.found.append(given.get("content") or "")
        if tag == "input" and given.get("type") == "submit":
            self.found.append(given.get("value") or "")

    def handle_endtag(self, tag: str) -> None:
        while self._within and self._within.pop() not in {tag, "code"}:
            pass

    def handle_data(self, data: str) -> None:
        if not {"script", "style", "code", "time", "option"} & set(self._within):
            self.found.append(data)


def _is_words(text: str | None) -> bool:
    return bool(text and re.search(r"[A-Za-z]{2,} [A-Za-z]{2,}", text))


def untranslated(html: str, known: list[str]) -> Iterator[str]:
    """The words outside the brackets that are not names of something."""
    texts = Texts()
    texts.feed(html)
    # A sentence may be in several elements: its brackets are then, too.
    rest, depth = [], 0
    for letter in " ¶ ".join(texts.found):
        depth += (letter == "⟦") - (letter == "⟧")
        rest.append(letter if depth == 0 and letter != "⟧" else " ")
    outside = NO_WORDS.sub(" ", "".join(rest))
    for name in known:
        outside = outside.replace(name, " ")
    for part in outside.split("¶"):
        if re.search(r"[A-Za-z]{2,}", part):
            yield " ".join(part.split())


@pytest.fixture
def known() -> list[str]:
    """Names, which stay as they are: of courses and what belongs to them, of people, of us."""
    names = {settings.SITE_NAME, settings.ENVIRONMENT.base_url, "Lea Learner"}
    seller = pricing.seller()
    names |= {seller.legal_name, *seller.address.splitlines()}
    names |= {"Razorpay", "UTC", "@example.com", "INR", "English", "Spring intake"}
    # Regions have their names from the locale, and what was searched for comes back as typed.
    names |= {"Karnataka", "India", "basc programing", "quantum knitting"}
    names |= {"CGST", "SGST"}  # of the law
    # What staff wrote to a waitlist is shown as they wrote it.
    names |= {"News about the spring intake", "We have found a larger room."}
    names |= {"Ten more seats are free from Monday on."}
    # A task for staff is in the console's language.
    names |= {"razorpay captured payments in the last two days, and not one webhook came."}
    names |= {"no webhooks 2026-11-24"}
    for course in Course.objects.all().prefetch_related("cohorts"):
        names |= {course.title, course.summary, course.description, course.category}
        names |= {course.instructor_name, *(cohort.name for cohort in course.cohorts.all())}
    return sorted(filter(None, names), key=len, reverse=True)


def pseudo(client: Client) -> Client:
    client.cookies[COOKIE] = languages.PSEUDO
    return client


def left_in(answers: dict[str, Any], known: list[str]) -> dict[str, list[str]]:
    """What is left by page, and the pages that failed."""
    left = {path: [*untranslated(a.content.decode(), known)] for path, a in answers.items()}
    left |= {path: ["failed"] for path, a in answers.items() if a.status_code >= 500}
    return {path: found for path, found in left.items() if found}


def test_no_text_of_a_guests_pages_is_left_untranslated(guest: Client, known: list[str]) -> None:
    pseudo(guest)
    guest.post("/cart/add/", {"course": "full-stack-development"})
    answers = {path: guest.get(path) for path in GUEST_PAGES}
    answers |= {f"POST {path}": guest.post(path, form) for path, form in WRONG_FORMS}
    assert left_in(answers, known) == {}


def test_no_text_of_a_members_pages_is_left_untranslated(
    member: Client, learner: Person, known: list[str]
) -> None:
    pseudo(member)
    known = [learner.email, *known]
    free = member.post("/courses/basic-programming/enroll/", follow=True)
    paths = [*MEMBER_PAGES, free.request["PATH_INFO"]]
    paths += [f"{free.request['PATH_INFO']}{way}/" for way in ("cancel", "swap")]
    assert left_in({path: member.get(path) for path in paths}, known) == {}


def test_no_text_of_a_letter_is_left_untranslated(known: list[str]) -> None:
    with translation.override(languages.PSEUDO):
        for kind, letter in samples.letters().items():
            html = rendering.render(letter).html
            assert [*untranslated(html, known)] == [], kind
