"""An offer in words: what cards, the course page and the confirmation print."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from matricula.catalog.models import CourseStatus
from matricula.edges import button
from matricula.edges.web import requirements, words
from matricula.enrollments.errors import CourseNotAvailable, PaymentRequired
from matricula.flows.offer import ButtonState, CohortOffer, CourseOffer
from matricula.kernel import ids

# Where the control leads nowhere: the page says why.
DEAD_ENDS = {
    ButtonState.REGISTRATION_CLOSED,
    ButtonState.COURSE_FULL,
    ButtonState.NOT_AVAILABLE,
}


@dataclass(frozen=True)
class Price:
    """`regular` is empty unless the course is on sale."""

    text: str
    regular: str = ""
    saving: str = ""
    sale_ends_at: datetime | None = None
    tax: str = ""


@dataclass(frozen=True)
class Control:
    """The enroll control: one of the six states, its words, and where it leads."""

    state: ButtonState
    label: str
    url: str


@dataclass(frozen=True)
class Intake:
    """A cohort as a row of the course page. `choose_url` is empty when it cannot be joined."""

    reference: str
    name: str
    starts_at: datetime | None
    ends_at: datetime | None
    seats: str
    is_low: bool
    window: str
    is_open: bool
    choose_url: str
    meetings: tuple[str, ...] = ()
    clash: str = ""


@dataclass(frozen=True)
class Meter:
    """How full a cohort is: `taken` of `capacity` seats."""

    taken: int
    capacity: int


@dataclass(frozen=True)
class Card:
    """A course in a list. `tone` colours the state: open, mine or quiet. `to_guests` is what its
    enroll control would say to a guest."""

    slug: str
    title: str
    summary: str
    category: str
    instructor: str
    duration: str
    price: Price
    seats: str
    is_low: bool
    state: str
    tone: str
    to_guests: ButtonState


def price_of(offer: CourseOffer) -> Price:
    """The price at the moment of the offer."""
    price = offer.course.price
    if price is None:
        return Price(_("Free"))
    tax = (
        _("Taxes included.")
        if offer.course.tax_inclusive
        else _("Taxes, where they apply, are added and shown before you pay.")
    )
    if price.sale is None or not price.on_sale(offer.at):
        return Price(words.money(price.regular), tax=tax)
    return Price(
        words.money(price.sale),
        regular=words.money(price.regular),
        saving=words.money(price.regular - price.sale),
        sale_ends_at=price.sale_ends_at,
        tax=tax,
    )


def control_of(offer: CourseOffer) -> Control:
    """What the button says and does. Where nothing can be done it leads to the reason."""
    leads_on = offer.button not in DEAD_ENDS or button.target(offer).endswith("/waitlist/")
    return Control(offer.button, button.label(offer), button.target(offer) if leads_on else "#why")


def login_url(then: str) -> str:
    """The login page that leads back to `then`, a path of this site."""
    return f"{reverse('account_login')}?{urlencode({'next': then})}"


def enrollment_url(offer: CourseOffer) -> str:
    """The status page of the visitor's live enrollment; empty without one."""
    if offer.live is None:
        return ""
    return reverse("enrollment", args=[ids.to_text("enr", offer.live.id)])


def why_not(offer: CourseOffer) -> str:
    """Why enrolling is not possible, as exactly as we know it; empty when it is."""
    if offer.refusal is None or offer.live is not None:
        return ""
    chosen = offer.chosen
    if offer.button is ButtonState.REGISTRATION_CLOSED and chosen is not None:
        if chosen.window == "before" and chosen.plan.opens_at is not None:
            return _("Registration opens on %(moment)s.") % {
                "moment": words.moment(chosen.plan.opens_at)
            }
        if chosen.deadline is not None:
            return _("Registration closed on %(moment)s. No later intake is planned yet.") % {
                "moment": words.moment(chosen.deadline)
            }
    if isinstance(offer.refusal, PaymentRequired):
        return _("This course is paid, and online payment is not set up here yet.")
    if isinstance(offer.refusal, CourseNotAvailable):
        return _not_available(offer)
    return offer.refusal.detail


def _not_available(offer: CourseOffer) -> str:
    if offer.course.status == CourseStatus.COMING_SOON:
        return _("This course is being prepared. It is listed so that you can see what is coming.")
    if offer.course.status == CourseStatus.ARCHIVED:
        return _("This course is no longer offered. Those who have it keep it.")
    return _("No intake is planned at the moment.")


def intakes_of(offer: CourseOffer) -> list[Intake]:
    """Every cohort, in order of start. Those that can be joined offer to be chosen, unless there is
    nothing to choose between."""
    joinable = joinable_cohorts(offer)
    choosing = len(joinable) > 1 and offer.button in {
        ButtonState.AVAILABLE,
        ButtonState.LOGIN_REQUIRED,
    }
    return [
        intake_of(offer, cohort, can_choose=choosing and cohort in joinable)
        for cohort in offer.cohorts
    ]


def joinable_cohorts(offer: CourseOffer) -> list[CohortOffer]:
    """The cohorts with an open window and a free seat, and nothing against the visitor."""
    return [
        c for c in offer.cohorts if c.window == "open" and not c.seats.is_full and not c.objections
    ]


def card_of(offer: CourseOffer) -> Card:
    """The course in a list."""
    course = offer.course
    state, tone = _state_words(offer)
    seats = offer.chosen.seats if offer.chosen and tone == "open" else None
    return Card(
        slug=course.slug,
        title=course.title,
        summary=course.summary,
        category=course.category,
        instructor=course.instructor_name,
        duration=words.weeks(course.duration_weeks),
        price=price_of(offer),
        seats=words.seats(seats) if seats else "",
        is_low=seats is not None and is_low(seats.left),
        state=state,
        tone=tone,
        to_guests=offer.to_guests,
    )


def meter_of(offer: CourseOffer) -> Meter | None:
    """How full the cohort that the control is about is; None while nobody can join it, and where
    seats are not counted."""
    if offer.chosen is None or offer.chosen.window != "open":
        return None
    counts = offer.chosen.seats
    if counts.capacity is None or counts.left is None:
        return None
    return Meter(counts.capacity - counts.left, counts.capacity)


def is_low(left: int | None) -> bool:
    """Whether so few seats are left that it deserves weight."""
    return left is not None and 0 < left <= words.FEW_SEATS


def _state_words(offer: CourseOffer) -> tuple[str, str]:
    if offer.live is not None:
        pending = offer.live.is_pending
        return (_("Enrollment pending") if pending else _("You are enrolled"), "mine")
    if offer.course.status == CourseStatus.COMING_SOON:
        return _("Coming soon"), "quiet"
    if isinstance(offer.refusal, PaymentRequired):
        return _("Cannot be paid for yet"), "quiet"
    return {
        ButtonState.REGISTRATION_CLOSED: (_("Registration closed"), "quiet"),
        ButtonState.COURSE_FULL: (_("Full"), "quiet"),
        ButtonState.NOT_AVAILABLE: (_("Not available to you yet"), "quiet"),
    }.get(offer.button, (_("Open for enrollment"), "open"))


def intake_of(offer: CourseOffer, cohort: CohortOffer, *, can_choose: bool = False) -> Intake:
    """A cohort as a row of a page."""
    plan = cohort.plan
    reference = ids.to_text("coh", plan.id)
    url = reverse("enroll", args=[offer.course.slug]) + f"?cohort={reference}"
    return Intake(
        reference=reference,
        name=plan.name,
        starts_at=plan.starts_at,
        ends_at=plan.ends_at,
        seats=words.seats(cohort.seats),
        is_low=is_low(cohort.seats.left),
        window=_window_words(cohort),
        is_open=cohort.window == "open",
        choose_url=url if can_choose else "",
        meetings=tuple(requirements.meeting(part) for part in plan.meetings),
        clash=requirements.clash_of(cohort),
    )


def _window_words(cohort: CohortOffer) -> str:
    plan, deadline = cohort.plan, cohort.deadline
    if cohort.window == "before" and plan.opens_at is not None:
        return _told(_("Opens %(day)s"), plan.opens_at)
    if cohort.window == "after" and deadline is not None:
        return _told(_("Closed %(day)s"), deadline)
    if deadline is not None:
        return _told(_("Open until %(day)s"), deadline)
    return _("Open")


def _told(template: str, at: datetime) -> SafeString:
    """Words with a moment in them, which scripts tell on the reader's clock."""
    moment = format_html(
        '<time datetime="{}" data-moment>{}</time>', at.isoformat(), words.moment(at)
    )
    return format_html(template.replace("%(day)s", "{}"), moment)
