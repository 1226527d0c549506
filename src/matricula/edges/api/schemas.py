"""The JSON shapes of `/api/v1`. Other programs are written against them: add, never change."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema

from matricula.kernel import cursors
from matricula.kernel.text import visible_line

Amount = Annotated[
    Decimal, WithJsonSchema({"type": "number", "description": "Major units, exact decimals."})
]


def _visible(value: Any) -> Any:
    """Raises ValueError for a text of invisible characters."""
    return visible_line(value) if isinstance(value, str) else value


ButtonState = Literal[
    "available",
    "login_required",
    "registration_closed",
    "course_full",
    "already_enrolled",
    "not_available",
]
Cursor = Annotated[str, StringConstraints(max_length=cursors.LONGEST)]
# One line that people write, without what nobody sees.
Line = Annotated[str, BeforeValidator(_visible)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]


class FieldProblem(Schema):
    field: str
    message: str


class Way(Schema):
    label: str
    url: str


class Problem(Schema):
    """Problem details, RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    correlation_id: str
    retryable: bool
    retry_after: int | None = None
    errors: list[FieldProblem] | None = None
    alternatives: list[dict[str, Any]] | None = None
    actions: list[Way] | None = None


# --- sign-in --------------------------------------------------------------------------------


class Signup(Schema):
    email: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=254)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    full_name: Annotated[Line, StringConstraints(min_length=1, max_length=150)]
    phone: Annotated[str, StringConstraints(strip_whitespace=True, max_length=32)] | None = None


class Credentials(Schema):
    email: Annotated[str, StringConstraints(max_length=254)]
    password: Annotated[str, StringConstraints(max_length=1024)]


class RefreshRequest(Schema):
    refresh_token: Annotated[str, StringConstraints(min_length=1, max_length=512)]


class User(Schema):
    id: str
    email: str
    full_name: str
    phone: str
    birth_date: date | None = Field(None, description="Only /me tells it.")


def _written(value: Any) -> Any:
    """Raises ValueError for what is no text: a number would be taken for seconds since 1970."""
    if value is not None and not isinstance(value, str):
        raise ValueError("A date is written like 2001-09-30.")
    return value


WrittenDate = Annotated[date, BeforeValidator(_written)]


class ProfileChange(Schema):
    """What to change; what is left out stays."""

    full_name: Annotated[Line, StringConstraints(max_length=150)] | None = None
    phone: Annotated[str, StringConstraints(strip_whitespace=True, max_length=32)] | None = None
    birth_date: WrittenDate | None = Field(
        None, description="Once told, only staff can correct it."
    )


class Tokens(Schema):
    user: User
    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - RFC 6750's name for it
    expires_in: int = Field(description="Life of the access token, in seconds.")


class CheckYourMail(Schema):
    detail: str


# --- courses --------------------------------------------------------------------------------


class Button(Schema):
    state: ButtonState
    label: str
    action_url: str


class Meeting(Schema):
    """Every week on these weekdays from the first day to the last, both included; without weekdays
    once, on the first day. One that ends before it starts ends on the next day."""

    weekdays: list[int] = Field(description="ISO 8601: 1 is Monday.")
    first_day: date
    last_day: date
    starts: time = Field(description="By the clock of the zone.")
    ends: time
    zone: str = Field(description="IANA name, like Asia/Kolkata.")
    skipped: list[date]
    place: str


class Objection(Schema):
    """A rule that stands against the person who asks."""

    rule: str
    code: str
    detail: str
    actions: list[Way]


class Cohort(Schema):
    id: str
    name: str
    opens_at: datetime | None
    closes_at: datetime | None = Field(
        description="When registration ends: at a deadline of its own, else at the start or a time "
        "after it that the site sets. null: never."
    )
    starts_at: datetime | None
    ends_at: datetime | None
    capacity: int | None = Field(description="null: no limit.")
    seats_left: int | None
    window: Literal["before", "open", "after"]
    waitlist_enabled: bool
    meetings: list[Meeting]
    objections: list[Objection] = Field(description="Empty for a guest.")


class CourseRequirement(Schema):
    id: str
    slug: str
    title: str
    met: bool | None = Field(description="null for a guest.")


class Audience(Schema):
    """Whom a course is for, and how often. Empty lists and null limit nothing."""

    email_domains: list[str]
    is_for_groups: bool
    least_age: int | None
    greatest_age: int | None
    required_profile: list[str]
    most_takes: int | None
    most_in_category: int | None


class Course(Schema):
    id: str
    slug: str
    title: str
    summary: str
    description: str
    category: str
    instructor: str
    language: str
    duration_weeks: int | None
    price: Amount
    price_minor: int
    currency: str
    discount_price: Amount | None
    discount_price_minor: int | None
    has_active_discount: bool
    tax_inclusive: bool
    prerequisites: list[CourseRequirement]
    corequisites: list[CourseRequirement]
    audience: Audience
    capacity: int | None
    seats_left: int | None
    waitlist_open: bool
    waitlist_length: int
    enrollment_status: Literal["not_enrolled", "pending", "enrolled", "waitlisted"]
    can_enroll: bool
    cannot_enroll_code: str | None
    button: Button
    enrollment_deadline: datetime | None
    starts_at: datetime | None
    cohorts: list[Cohort]


class CourseAnswer(Schema):
    course: Course


class CourseList(Schema):
    items: list[Course]
    next_cursor: str | None
    suggestion: str | None = Field(None, description="The wording searched for instead.")


class CohortSeats(Schema):
    id: str
    capacity: int | None = Field(description="null: no limit.")
    seats_left: int | None
    window: Literal["before", "open", "after"]


class CourseSeats(Schema):
    """The seats of a course as a guest sees it. `capacity`, `seats_left` and `state` are of the
    cohort that enrolling in the course would take."""

    course_id: str
    slug: str
    capacity: int | None = Field(description="null: no limit.")
    seats_left: int | None
    state: ButtonState
    cohorts: list[CohortSeats]


class AccessAnswer(Schema):
    has_access: bool
    enrollment_date: datetime | None
    access_expires: datetime | None
    course_progress: int = Field(description="Per cent.")
    next_lesson_url: str | None
    reason: str | None = None
    detail: str | None = None
