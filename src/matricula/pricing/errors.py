"""Why a coupon is refused, or a price cannot be made."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from matricula.kernel.errors import DomainError


class CouponInvalid(DomainError):
    code, status, title = "coupon_invalid", 422, _("This coupon code is not valid")
    usual_detail = _("Check the code, or go on without it.")


class CouponExpired(DomainError):
    code, status, title = "coupon_expired", 422, _("This coupon has expired")
    usual_detail = _("Use another code, or go on without it.")


class CouponExhausted(DomainError):
    code, status, title = "coupon_exhausted", 422, _("This coupon has been used up")
    usual_detail = _(
        "Checkouts that are still open count too. Use another code, or go on without it."
    )


class CouponNotApplicable(DomainError):
    code, status, title = "coupon_not_applicable", 422, _("This coupon does not apply here")
    usual_detail = _("It is for other courses. Use another code, or go on without it.")


class PriceChanged(DomainError):
    code, status, title = "amount_mismatch", 422, _("The price has changed")
    usual_detail = _(
        "It is another one than was shown. Nothing was booked: look at it again first."
    )


class CurrencyMismatch(DomainError):
    code, status, title = "currency_mismatch", 409, _("These courses have different currencies")
    usual_detail = _(
        "One payment has one currency. Buy the courses of the other currency in a checkout of "
        "their own."
    )
