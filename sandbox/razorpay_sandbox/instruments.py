"""How each test instrument ends (https://razorpay.com/docs/payments/payments/test-card-details/)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

SUCCESS_VPA = "success@razorpay"
FAILURE_VPA = "failure@razorpay"
CARDS = {
    "4100280000001007": "Visa",
    "5500670000001002": "MasterCard",
    "6527658900001005": "RuPay",
    "4012888888881881": "Visa",
}
INTERNATIONAL = {"4012888888881881"}


@dataclass(frozen=True)
class Failure:
    """Why a payment fails, in the members of the payment entity."""

    code: str
    description: str
    source: str
    step: str
    reason: str


DECLINED = Failure(
    "BAD_REQUEST_ERROR",
    "Your payment was declined by the bank. Try another payment method, or contact your bank.",
    "customer",
    "payment_authorization",
    "payment_declined",
)
UPI_FAILED = Failure(
    "BAD_REQUEST_ERROR",
    "Payment was unsuccessful as it was declined in the UPI app. Try again.",
    "customer",
    "payment_authorization",
    "payment_failed",
)
BANK_FAILED = Failure(
    "BAD_REQUEST_ERROR",
    "Payment failed at the bank's page. Try again, or use another method.",
    "bank",
    "payment_authorization",
    "payment_failed",
)
WRONG_OTP = Failure(
    "BAD_REQUEST_ERROR",
    "Payment failed because the one-time password was wrong.",
    "customer",
    "payment_authentication",
    "incorrect_otp",
)
TIMED_OUT = Failure(
    "GATEWAY_ERROR",
    "Payment was unsuccessful as it timed out. Try again after some time.",
    "gateway",
    "payment_authorization",
    "payment_timed_out",
)
FAILING_CARDS = {
    "4100280000090000": TIMED_OUT,
    "4100280000080001": Failure(
        "BAD_REQUEST_ERROR",
        "Your payment could not be completed due to insufficient account balance.",
        "customer",
        "payment_authorization",
        "insufficient_funds",
    ),
    "4100280000070002": Failure(
        "BAD_REQUEST_ERROR",
        "The payment was cancelled.",
        "customer",
        "payment_authentication",
        "payment_cancelled",
    ),
    "4100280000060003": DECLINED,
    "4100280000020007": Failure(
        "GATEWAY_ERROR",
        "Your payment failed due to a temporary issue at the bank. Try again.",
        "gateway",
        "payment_authorization",
        "gateway_technical_error",
    ),
}


def outcome(method: str, *, vpa: str = "", card: str = "", success: bool = True) -> Failure | None:
    """None when the payment goes through."""
    if method == "upi":
        return UPI_FAILED if vpa == FAILURE_VPA or not success else None
    if method == "card":
        number = card.replace(" ", "")
        if number in FAILING_CARDS:
            return FAILING_CARDS[number]
        if number and number not in CARDS:
            return DECLINED
        return None if success else WRONG_OTP
    return None if success else BANK_FAILED


def details(method: str, given: Mapping[str, Any], new_id: Callable[[str], str]) -> dict[str, Any]:
    """The members of a payment entity that its method brings along
    (https://razorpay.com/docs/api/payments/entity/)."""
    if method == "upi":
        vpa = str(given.get("vpa") or SUCCESS_VPA)
        upi = {"payer_account_type": "bank_account", "vpa": vpa, "flow": "intent"}
        return {"vpa": vpa, "upi": upi, "acquirer_data": {"rrn": None}}
    if method == "card":
        card_id, number = new_id("card"), str(given.get("card") or "4100280000001007")
        number = number.replace(" ", "")
        card = {
            "id": card_id,
            "entity": "card",
            "name": "",
            "last4": number[-4:],
            "network": CARDS.get(number, "Visa"),
            "type": "credit",
            "issuer": None,
            "international": number in INTERNATIONAL,
            "emi": False,
            "sub_type": "consumer",
        }
        return {"card_id": card_id, "card": card, "acquirer_data": {"auth_code": None}}
    if method == "netbanking":
        return {"bank": "HDFC", "acquirer_data": {"bank_transaction_id": None}}
    return {"wallet": "olamoney", "acquirer_data": {"transaction_id": None}}
