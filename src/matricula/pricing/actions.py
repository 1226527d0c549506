"""What counts the uses of coupons. All of it in the caller's transaction.

Locks: coupon rows last of all, in id order (after the person, seats, enrollments, orders and
payments). Whoever holds a coupon's row decides alone about its uses. A coupon without any limit is
not locked: everybody may use it at once.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from matricula.pricing.errors import CouponExhausted
from matricula.pricing.models import LIVE_USE, USE, Coupon, CouponUse, UseState

# No letters that look alike.
_LETTERS = "ABCDEFGHJKMNPQRSTVWXYZ23456789"
_CODE_LENGTH = 10
MOST_CODES = 10_000


def take_coupons(
    coupon_ids: Iterable[UUID], *, person_id: UUID, email: str, order_id: UUID
) -> None:
    """Holds a use of each coupon for the order. Raises CouponExhausted, with nothing held."""
    for coupon in _lock(coupon_ids):
        _check(coupon, person_id, email.lower())
        CouponUse.objects.create(
            coupon=coupon, person_id=person_id, email=email.lower(), order_id=order_id
        )
        _count(coupon, 1)


def use_coupons(order_ids: Iterable[UUID]) -> None:
    """These orders are paid: their held uses are used up for good."""
    CouponUse.objects.filter(order_id__in=list(order_ids), state=UseState.HELD).update(
        state=USE.transition(UseState.HELD, "use")
    )


def release_coupons(order_ids: Iterable[UUID]) -> None:
    """These checkouts came to nothing: others may use the coupons. Repeating it changes nothing."""
    uses = CouponUse.objects.filter(order_id__in=list(order_ids), state=UseState.HELD)
    for coupon in _lock(uses.values_list("coupon", flat=True)):
        released = uses.filter(coupon=coupon).update(state=USE.transition(UseState.HELD, "release"))
        _count(coupon, -released)


def retake_coupons(order_id: UUID) -> bool:
    """Takes again what was released, for a payment that came late: all of it, or False."""
    uses = CouponUse.objects.filter(order_id=order_id, state=UseState.RELEASED)
    try:
        with transaction.atomic():
            for coupon in _lock(uses.values_list("coupon", flat=True)):
                use = uses.get(coupon=coupon)
                _check(coupon, use.person_id, use.email)
                use.state = USE.transition(UseState.RELEASED, "retake")
                use.save(update_fields=["state"])
                _count(coupon, 1)
    except CouponExhausted:
        return False
    return True


@transaction.atomic
def generate_batch(template: Coupon, count: int, label: str) -> list[str]:
    """Makes `count` coupons like the template, each with a code of its own that cannot be guessed;
    returns the codes. Raises ValueError for more than `MOST_CODES`."""
    if not 0 < count <= MOST_CODES:
        raise ValueError(f"1 to {MOST_CODES} codes at a time")
    codes: set[str] = set()
    while len(codes) < count:
        codes.add("".join(secrets.choice(_LETTERS) for _ in range(_CODE_LENGTH)))
    copied = [
        "kind",
        "percent",
        "amount_minor",
        "currency",
        "starts_at",
        "ends_at",
        "total_limit",
        "per_person_limit",
        "stackable",
        "is_active",
    ]
    like = {name: getattr(template, name) for name in copied}
    made = Coupon.objects.bulk_create(
        Coupon(code=code, batch=label[:60], **like) for code in sorted(codes)
    )
    courses: Sequence[UUID] = list(template.courses.values_list("pk", flat=True))
    through = Coupon.courses.through
    through.objects.bulk_create(
        through(coupon_id=coupon.pk, course_id=course) for coupon in made for course in courses
    )
    return sorted(codes)


def _lock(coupon_ids: Iterable[UUID]) -> list[Coupon]:
    """The coupons, in id order; those with a limit locked until the transaction ends."""
    wanted = list(coupon_ids)
    limited = Q(total_limit__isnull=False) | Q(per_person_limit__isnull=False)
    rows = Coupon.objects.filter(limited, pk__in=wanted).select_for_update(no_key=True)
    locked = {coupon.pk: coupon for coupon in rows.order_by("pk")}
    free = Coupon.objects.filter(pk__in=wanted).exclude(pk__in=locked)
    return [*locked.values(), *free.order_by("pk")]


def _check(coupon: Coupon, person_id: UUID, email: str) -> None:
    if coupon.total_limit is not None and coupon.taken >= coupon.total_limit:
        raise CouponExhausted
    if coupon.per_person_limit is not None:
        same = Q(person=person_id) | Q(email=email)
        uses = CouponUse.objects.filter(same, coupon=coupon, state__in=LIVE_USE)
        if uses.count() >= coupon.per_person_limit:
            raise CouponExhausted(_("You have used this coupon as often as is possible."))


def _count(coupon: Coupon, change: int) -> None:
    """Counted only where there is a total limit: the row of any other is nobody's bottleneck."""
    if coupon.total_limit is not None and change:
        Coupon.objects.filter(pk=coupon.pk).update(taken=F("taken") + change)
