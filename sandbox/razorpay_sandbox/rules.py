"""What Razorpay accepts, as strictly as it is documented. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from razorpay_sandbox.errors import Refusal

ZERO_DECIMALS = frozenset(
    [
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ]
)
THREE_DECIMALS = frozenset(["BHD", "IQD", "JOD", "KWD", "OMR", "TND"])
LEAST = {"INR": 100}
LONGEST_RECEIPT = 40
MOST_NOTES = 15
LONGEST_NOTE = 256
SHORTEST_AUTOMATIC_EXPIRY = 12
ORDER_FIELDS = frozenset(
    [
        "amount",
        "currency",
        "receipt",
        "notes",
        "partial_payment",
        "first_payment_min_amount",
        "payment",
        "unique_receipt",
        "customer_id",
        "method",
        "offers",
    ]
)
REFUND_FIELDS = frozenset(["amount", "speed", "notes", "receipt"])
CAPTURE_FIELDS = frozenset({"amount", "currency"})


_OTHER_CURRENCIES = """
    AED ALL AMD ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BZD CAD CHF CNY COP CRC
    CUP CVE CZK DKK DOP DZD EGP ETB EUR FJD GBP GHS GIP GMD GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR
    JMD KES KGS KHR KYD KZT LAK LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD
    NGN NIO NOK NPR NZD PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SCR SEK SGD SLL SOS SSP SVC SZL THB
    TRY TTD TWD TZS UAH USD UYU UZS XCD YER ZAR ZMW
"""
KNOWN_CURRENCIES = ZERO_DECIMALS | THREE_DECIMALS | frozenset(_OTHER_CURRENCIES.split())


def is_text(body: Any) -> bool:
    """Whether all text in it can be written as UTF-8: JSON may hold half a character."""
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def shown(value: int, currency: str) -> str:
    """An amount of minor units for people: INR 1,234.50, JPY 500, KWD 1.230."""
    places = 0 if currency in ZERO_DECIMALS else 3 if currency in THREE_DECIMALS else 2
    return f"{currency} {value / 10**places:,.{places}f}"


def known_fields(body: Mapping[str, Any], allowed: frozenset[str]) -> None:
    for name in body:
        if name not in allowed:
            raise Refusal(f"{name} is/are not required and should not be sent", field=name)


def amount(value: Any, currency: str, *, least: int | None = None) -> int:
    """A whole number of minor units."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)  # a form's
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refusal("The amount must be an integer.", field="amount")
    lowest = LEAST.get(currency, 1) if least is None else least
    if value < lowest:
        raise Refusal(f"Order amount less than minimum amount allowed: {lowest}", field="amount")
    if value > 50_000_000_000:
        raise Refusal("Amount exceeds maximum amount allowed.", field="amount")
    if currency in THREE_DECIMALS and value % 10:
        raise Refusal("The last digit of a three-decimal amount must be 0.", field="amount")
    return value


def currency(value: Any) -> str:
    if not isinstance(value, str) or len(value) != 3 or not value.isalpha():
        raise Refusal("The currency field is required.", field="currency")
    if value.upper() not in KNOWN_CURRENCIES:
        raise Refusal("Currency is not supported", field="currency")
    return value.upper()


def receipt(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > LONGEST_RECEIPT:
        raise Refusal("The receipt may not be greater than 40 characters.", field="receipt")
    return value


def notes(value: Any) -> dict[str, str] | list[Any]:
    """At most 15 pairs of at most 256 characters; empty ones come back as a list."""
    if not value:
        return []
    if not isinstance(value, dict) or len(value) > MOST_NOTES:
        raise Refusal("The notes may have at most 15 key-value pairs.", field="notes")
    for name, text in value.items():
        if isinstance(text, dict | list):
            raise Refusal("A note must be a text.", field="notes")
        if len(str(name)) > LONGEST_NOTE or len(str(text)) > LONGEST_NOTE:
            raise Refusal("A note may have at most 256 characters.", field="notes")
    return {str(name): str(text) for name, text in value.items()}


def capture_settings(value: Any) -> dict[str, Any]:
    """How what is authorized is captured: {"capture", "automatic", "manual"} in minutes."""
    if value is None:
        return {"capture": "automatic", "automatic": 12, "manual": 7200}
    if not isinstance(value, dict) or value.get("capture") not in ("automatic", "manual"):
        raise Refusal("The capture must be automatic or manual.", field="payment.capture")
    known_fields(value, frozenset({"capture", "capture_options"}))
    options = value.get("capture_options") or {}
    if not isinstance(options, dict):
        raise Refusal("The capture_options must be an array.", field="payment.capture_options")
    known_fields(
        options,
        frozenset({"automatic_expiry_period", "manual_expiry_period", "refund_speed"}),
    )
    automatic = options.get("automatic_expiry_period", SHORTEST_AUTOMATIC_EXPIRY)
    if not isinstance(automatic, int) or automatic < SHORTEST_AUTOMATIC_EXPIRY:
        raise Refusal(
            "The automatic_expiry_period must be at least 12.",
            field="payment.capture_options.automatic_expiry_period",
        )
    manual = options.get("manual_expiry_period", 7200)
    if not isinstance(manual, int) or manual < automatic:
        raise Refusal(
            "The manual_expiry_period must not be less than the automatic one.",
            field="payment.capture_options.manual_expiry_period",
        )
    return {"capture": value["capture"], "automatic": automatic, "manual": manual}


def unique_receipt(body: Mapping[str, Any], receipt: str | None) -> bool:
    if body.get("unique_receipt") and not receipt:
        raise Refusal("A unique receipt needs a receipt.", field="receipt")
    return bool(body.get("unique_receipt"))


def no_partial_payment(body: Mapping[str, Any]) -> None:
    """Orders are paid whole here: a shop that wants parts is told, not served wrongly."""
    if body.get("partial_payment") not in (None, False, 0):
        raise Refusal("Partial payments are not enabled.", field="partial_payment")


def speed(value: Any) -> str:
    if value not in ("normal", "optimum"):
        raise Refusal("The speed must be normal or optimum.", field="speed")
    return str(value)


def refund_key(value: str | None) -> str | None:
    if value is None:
        return None
    is_plain = all(letter.isalnum() or letter in "_-" for letter in value)
    if len(value) < 10 or not value.isascii() or not is_plain:
        raise Refusal("X-Refund-Idempotency must be 10 or more of A-Z a-z 0-9 _ -.")
    return value
