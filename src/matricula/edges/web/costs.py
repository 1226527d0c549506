"""What a course costs in all, and what is promised about the money, before anybody signs in."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.utils.translation import get_language

from matricula.edges.web import bills
from matricula.edges.web.bills import Bill
from matricula.flows import quote as quotes
from matricula.flows.offer import CourseOffer, is_paid
from matricula.orders import queries as orders
from matricula.pricing import queries as pricing


@dataclass(frozen=True)
class Cost:
    """A breakdown for a buyer in `place` (in words; where the seller is, until the checkout asks),
    and the steps of the refund policy. A coupon may be one that not everybody has."""

    bill: Bill
    place: str
    policy: tuple[str, ...]
    hold_minutes: int
    has_coupon: bool = False


def of_offer(offer: CourseOffer, person_id: UUID | None) -> Cost | None:
    """What the course costs this visitor now; None where nothing is to be paid any more."""
    course = offer.course
    if offer.live is not None or not is_paid(course, offer.at):
        return None
    quote = quotes.quote_courses([course], person_id=person_id, at=offer.at)
    seller = pricing.seller()
    steps = orders.refund_policies([course.id])[course.id]
    starts_at = offer.chosen.plan.starts_at if offer.chosen else None
    return Cost(
        bill=bills.bill_of_quote(quote),
        place=bills.place_words(seller.country, seller.state, get_language() or "en"),
        policy=tuple(bills.policy_words(steps, paid_at=offer.at, starts_at=starts_at)),
        hold_minutes=settings.ENVIRONMENT.hold_seconds // 60,
        has_coupon=bool(quote.coupons),
    )
