"""The demo installation: eight courses and four people, the same each time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.db import transaction

from matricula.accounts import tokens
from matricula.accounts.adapter import PUBLISHED_PASSWORD
from matricula.accounts.models import Person
from matricula.catalog.models import Cohort, Course, CoursePrice, CourseStatus
from matricula.enrollments.models import Completion
from matricula.flows import recommend
from matricula.kernel import clock, ids
from matricula.orders.models import RefundStep
from matricula.pricing.models import Coupon, Seller, TaxRate
from matricula.seats import actions as seats

PASSWORD = PUBLISHED_PASSWORD
PEOPLE = (
    ("learner@example.com", "Asha Rao"),
    ("second@example.com", "Daniel Okafor"),
    ("staff@example.com", "Meera Iyer"),
    ("instructor@example.com", "Jane Smith"),
)
TOKEN_LIFETIME = timedelta(days=1)
_BATCH = 2_000

COURSES: tuple[dict[str, Any], ...] = (
    {
        "slug": "basic-programming",
        "title": "Basic Programming",
        "summary": "Variables, loops and functions, from the very first line of code.",
        "category": "Programming",
        "duration_weeks": 6,
        "capacity": None,
    },
    {
        "slug": "full-stack-development",
        "title": "Full Stack Development",
        "summary": "Build and run a complete web application, from the database to the browser.",
        "category": "Programming",
        "duration_weeks": 12,
        "capacity": 30,
        "price": (499_900, 299_900),
    },
    {
        "slug": "advanced-data-engineering",
        "title": "Advanced Data Engineering",
        "summary": "Pipelines that keep their promises: modelling, streams, quality and cost.",
        "category": "Data",
        "duration_weeks": 10,
        "capacity": 20,
        "price": (999_900, None),
        "prerequisites": ("basic-programming",),
    },
    {
        "slug": "tiny-seminar",
        "title": "Tiny Seminar",
        "summary": "One seat, one teacher, one hour: bring your hardest question.",
        "category": "Seminars",
        "duration_weeks": 1,
        "capacity": 1,
        "waitlist_enabled": True,
    },
    {
        "slug": "evening-lab",
        "title": "Evening Lab",
        "summary": "Two places at the bench, after work, with everything set up for you.",
        "category": "Seminars",
        "duration_weeks": 4,
        "capacity": 2,
        "price": (100_000, None),
        "tax_category": "exempt",
        "waitlist_enabled": True,
    },
    {
        "slug": "hot-drop",
        "title": "Hot Drop",
        "summary": "Five hundred free seats, first come, first served.",
        "category": "Events",
        "duration_weeks": 2,
        "capacity": 500,
    },
    {
        "slug": "last-spring",
        "title": "Last Spring",
        "summary": "The spring term's reading group. Registration has ended.",
        "category": "Seminars",
        "duration_weeks": 8,
        "capacity": 10,
        "closed": True,
    },
    {
        "slug": "coming-soon",
        "title": "Coming Soon",
        "summary": "Something new is being prepared.",
        "category": "Events",
        "duration_weeks": 4,
        "capacity": 10,
        "status": CourseStatus.COMING_SOON,
    },
)


COUPONS: dict[str, dict[str, Any]] = {
    "SAVE50": {"kind": "percent", "percent": 50},
    "WELCOME500": {
        "kind": "fixed",
        "amount_minor": 50_000,
        "currency": "INR",
        "per_person_limit": 1,
    },
    "ONCE": {"kind": "percent", "percent": 100, "total_limit": 1},
    "OLD": {
        "kind": "percent",
        "percent": 20,
        "starts_at": datetime(2025, 1, 1, tzinfo=UTC),
        "ends_at": datetime(2025, 7, 1, tzinfo=UTC),
    },
}
REFUND_POLICY = (("after_payment", 2, 100), ("before_start", 14, 100), ("before_start", 0, 50))


def is_loaded() -> bool:
    """Whether the demo data is there already."""
    return Course.objects.filter(slug=COURSES[0]["slug"]).exists()


@transaction.atomic
def load() -> None:
    """Makes what is missing of the demo data; what is there stays as it is."""
    people = {email: _person(email, name) for email, name in PEOPLE}
    staff = people["staff@example.com"]
    Person.objects.filter(pk=staff.pk).update(is_staff=True, is_superuser=True)
    instructors, _ = Group.objects.get_or_create(name="Instructors")
    people["instructor@example.com"].groups.add(instructors)
    _money()
    courses = {entry["slug"]: _course(entry, people["instructor@example.com"]) for entry in COURSES}
    for entry in COURSES:
        required = [courses[slug] for slug in entry.get("prerequisites", ())]
        courses[entry["slug"]].prerequisites.add(*required)
    recommend.learn_likeness()
    Completion.objects.get_or_create(
        person=people["second@example.com"],
        course=courses["basic-programming"],
        defaults={"recorded_by": staff},
    )


def _money() -> None:
    """Who sells, at which taxes, with which coupons and refund policy. What is there stays."""
    Seller.objects.get_or_create(
        pk=1,
        defaults={
            "name": "Matricula Academy",
            "legal_name": "Matricula Academy Private Limited",
            "address": "12 Residency Road\nBengaluru 560025\nKarnataka, India",
            "country": "IN",
            "state": "KA",
            "gstin": "29AABCM1234M1ZE",
            "email": "accounts@example.com",
            "time_zone": "Asia/Kolkata",
            "invoice_prefix": "MAT",
        },
    )
    TaxRate.objects.get_or_create(
        category="standard",
        country="IN",
        valid_from=date(2017, 7, 1),
        defaults={"head": "GST", "percent": 18, "code": "999293"},
    )
    for code, terms in COUPONS.items():
        Coupon.objects.get_or_create(code=code, defaults=terms)
    for until, days, percent in REFUND_POLICY:
        RefundStep.objects.get_or_create(
            course=None, until=until, days=days, defaults={"percent": percent}
        )


def close_accounts() -> list[str]:
    """Closes the demo accounts that still have the published password, for a database that a demo
    has used before; returns their addresses.
    """
    closed = []
    for person in Person.objects.filter(email__in=dict(PEOPLE), is_active=True):
        if person.check_password(PASSWORD):
            Person.objects.filter(pk=person.pk).update(is_active=False)
            tokens.revoke_all(person.pk)
            closed.append(person.email)
    return closed


def add_people(count: int, tokens_file: Path | None) -> None:
    """Adds `count` people who cannot sign in with a password, and writes an access token each, one
    a line, good for `TOKEN_LIFETIME`. For load tests.
    """
    unusable = make_password(None)
    with tokens_file.open("w") if tokens_file else _nowhere() as out:
        for start in range(0, count, _BATCH):
            batch = [
                Person(
                    id=(person_id := ids.new_id()),
                    email=f"{ids.to_text('usr', person_id)}@load.example.com",
                    full_name="Load Test",
                    password=unusable,
                )
                for _ in range(start, min(start + _BATCH, count))
            ]
            Person.objects.bulk_create(batch)
            EmailAddress.objects.bulk_create(
                EmailAddress(user=person, email=person.email, verified=True, primary=True)
                for person in batch
            )
            for person in batch:
                out.write(tokens.access_token(person.pk, TOKEN_LIFETIME) + "\n")


def _nowhere() -> Any:
    return Path("/dev/null").open("w")


def _person(email: str, full_name: str) -> Person:
    person = Person.objects.filter(email=email).first()
    if person is None:
        person = Person.objects.create_user(email, PASSWORD, full_name=full_name)
        EmailAddress.objects.create(user=person, email=email, verified=True, primary=True)
    return person


def _course(entry: dict[str, Any], instructor: Person) -> Course:
    course, made = Course.objects.get_or_create(
        slug=entry["slug"],
        defaults={
            "title": entry["title"],
            "summary": entry["summary"],
            "description": entry["summary"],
            "category": entry["category"],
            "duration_weeks": entry["duration_weeks"],
            "instructor": instructor,
            "instructor_name": instructor.full_name,
            "status": entry.get("status", CourseStatus.PUBLISHED),
            "tax_category": entry.get("tax_category", "standard"),
        },
    )
    if made:
        _price(course, entry.get("price"))
        _cohort(course, entry)
    return course


def _price(course: Course, price: tuple[int, int | None] | None) -> None:
    if price is not None:
        regular, sale = price
        CoursePrice.objects.create(
            course=course, currency="INR", amount_minor=regular, sale_minor=sale
        )


def _cohort(course: Course, entry: dict[str, Any]) -> None:
    today = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    closed = entry.get("closed", False)
    starts_at = today + timedelta(days=-60 if closed else 90)
    cohort = Cohort.objects.create(
        course=course,
        name="Spring" if closed else "Next intake",
        opens_at=today - timedelta(days=120 if closed else 1),
        closes_at=today - timedelta(days=75) if closed else starts_at,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(weeks=entry["duration_weeks"]),
        waitlist_enabled=entry.get("waitlist_enabled", False),
    )
    seats.set_capacity(cohort.pk, entry["capacity"])
