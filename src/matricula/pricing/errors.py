"""Why a coupon is refused, or a price cannot be made."""

from __future__ import annotations

from matricula.kernel.errors import DomainError


class CouponInvalid(DomainError):
    code, status, title = "coupon_invalid", 422, "This coupon code is not valid"
    usual_detail = "Check the code, or go on without it."


class CouponExpired(DomainError):
    code, status, title = "coupon_expired", 422, "This coupon has expired"
    usual_detail = "Use another code, or go on without it."


class CouponExhausted(DomainError):
    code, status, title = "coupon_exhausted", 422, "This coupon has been used up"
    usual_detail = "Checkouts that are still open count too. Use another code, or go on without it."


class CouponNotApplicable(DomainError):
    code, status, title = "coupon_not_applicable", 422, "This coupon does not apply here"
    usual_detail = "It is for other courses. Use another code, or go on without it."


class PriceChanged(DomainError):
    code, status, title = "amount_mismatch", 422, "The price has changed"
    usual_detail = "It is another one than was shown. Nothing was booked: look at it again first."
