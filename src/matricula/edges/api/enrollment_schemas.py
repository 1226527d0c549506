"""The JSON shapes of enrolling and paying. Other programs are written against them: add, never
change."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from ninja import Schema
from pydantic import Field, StringConstraints

from matricula.edges.api.schemas import Amount, Line, Text
from matricula.enrollments.states import Status
from matricula.flows.payment_status import PaymentStatus
from matricula.orders.states import OrderState

Reference = Annotated[str, StringConstraints(min_length=1, max_length=120)]
GatewayId = Annotated[str, StringConstraints(min_length=1, max_length=120)]
CouponCode = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)]


class Consent(Schema):
    """What the buyer agreed to: the terms, where some are set; and, as a consumer in Europe, that
    the course begins at once and the right to withdraw is then lost."""

    terms_version: Annotated[str, StringConstraints(max_length=40)] = ""
    waives_withdrawal: bool = False


class Billing(Schema):
    """Where the bill goes; it decides the tax."""

    billing_country: Annotated[str, StringConstraints(max_length=2)] | None = None
    billing_state: Annotated[str, StringConstraints(max_length=40)] | None = None
    billing_tax_id: Annotated[str, StringConstraints(max_length=32)] | None = Field(
        None, description="GSTIN or VAT id of a business."
    )


class Checkout(Billing):
    """What every checkout may say beside what is bought."""

    billing_name: Annotated[Line, StringConstraints(max_length=150)] | None = Field(
        None, description="Whom the invoice names; the buyer when not given."
    )
    billing_address: Annotated[str, StringConstraints(max_length=500)] | None = None
    coupon_code: CouponCode | None = None
    payment_method_preference: Text | None = None
    success_url: Annotated[str, StringConstraints(max_length=2000)] | None = None
    cancel_url: Annotated[str, StringConstraints(max_length=2000)] | None = None
    consent: Consent | None = None
    expected_total_minor: Annotated[int, Field(ge=0, le=2**53)] | None = Field(
        None,
        description="The total that the buyer was shown, in minor units. When it is another one"
        " by now, nothing is held and the answer is 422 `amount_mismatch`.",
    )


class Initialize(Checkout):
    """Name a course (its next open cohort is taken) or one cohort."""

    course_id: Reference | None = Field(None, description="An id or a slug.")
    cohort_id: Reference | None = None
    metadata: dict[
        Annotated[str, StringConstraints(min_length=1, max_length=40)],
        Annotated[str, StringConstraints(max_length=500)],
    ] = Field(default_factory=dict, max_length=20)


class CourseName(Schema):
    id: str
    title: str


class TaxLine(Schema):
    name: str
    rate: Amount
    amount: Amount
    amount_minor: int


class PaymentSession(Schema):
    """What a client needs to have the buyer pay: the gateway's order, or our hosted page."""

    provider: str
    payment_id: str
    razorpay_order_id: str
    razorpay_key: str
    amount: Amount
    amount_minor: int
    currency: str
    payment_url: str = Field(description="Our hosted payment page.")
    expires_at: datetime | None


class Sums(Schema):
    """A price broken down. original - discount = final; final + tax = total."""

    original_amount: Amount
    original_amount_minor: int
    discount_applied: Amount
    discount_applied_minor: int
    final_amount: Amount
    final_amount_minor: int
    tax_amount: Amount
    tax_amount_minor: int
    total_payable: Amount
    total_payable_minor: int
    currency: str
    tax_lines: list[TaxLine]


class QuoteRequest(Schema):
    coupon_code: CouponCode | None = None
    country: Annotated[str, StringConstraints(max_length=2)] | None = None
    state: Annotated[str, StringConstraints(max_length=40)] | None = None
    tax_id: Annotated[str, StringConstraints(max_length=32)] | None = None


class QuoteAnswer(Sums):
    course: CourseName
    coupon_codes: list[str]
    notes: list[str]


class BuyerName(Schema):
    full_name: str
    email: str
    phone: str


class InitializeAnswer(Sums):
    enrollment_id: str
    status: Status
    stage: str
    payment_required: bool
    hold_expires_at: datetime | None
    payment_session: PaymentSession | None
    retry_after: int | None = Field(
        None, description="Ask again after so many seconds: the session is still being made."
    )
    idempotency_key: str
    course: CourseName
    order_id: str | None
    user: BuyerName | None
    events_url: str


class QueuedAnswer(Schema):
    """A place in line. What comes of it arrives as an event."""

    enrollment_id: str
    status: Status
    stage: str
    position: int = Field(description="1 is served next.")
    expected_wait: int | None = Field(
        description="Seconds, at the pace of the line; null while nobody can say."
    )
    poll_after: int = Field(description="Ask again after so many seconds.")
    course: CourseName
    idempotency_key: str
    events_url: str


class SessionAnswer(Schema):
    payment_session: PaymentSession | None
    retry_after: int | None = None


class Enrollment(Schema):
    id: str
    enrollment_id: str
    status: Status
    stage: str
    course: CourseName
    course_slug: str
    cohort_id: str
    cohort_name: str
    cohort_starts_at: datetime | None
    payment_status: PaymentStatus
    order_id: str | None
    hold_expires_at: datetime | None
    requested_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None
    access_expires: datetime | None
    reason: str | None
    metadata: dict[str, str]
    withdraw_until: datetime | None = Field(
        description="Until when (exclusive) a consumer in Europe may withdraw from what was paid;"
        " null where there is no such right."
    )
    swapped_from: str | None = Field(description="The enrollment that was given up for this one.")
    swapped_to: str | None = Field(description="The enrollment that this one was given up for.")
    events_url: str
    course_access_url: str
    position: int | None = Field(None, description="In the waiting room: 1 is served next.")
    expected_wait: int | None = None
    poll_after: int | None = None


class SwapRequest(Schema):
    cohort_id: Annotated[str, StringConstraints(max_length=100)]


class EnrollmentList(Schema):
    items: list[Enrollment]
    next_cursor: str | None


class HandBack(Schema):
    """What the gateway's checkout gave the browser."""

    razorpay_payment_id: GatewayId
    razorpay_order_id: GatewayId
    razorpay_signature: Annotated[str, StringConstraints(min_length=1, max_length=256)]


class Failure(Schema):
    code: str
    detail: str
    retry_url: str | None


class PaymentStatusAnswer(Schema):
    enrollment_id: str
    enrollment_status: Status
    stage: str
    payment_status: PaymentStatus
    payment_id: str | None
    razorpay_payment_id: str | None
    completed_at: datetime | None
    course_access_url: str
    failure: Failure | None


class CancelRequest(Schema):
    reason: Text = ""


class EventItem(Schema):
    id: int = Field(description="The event's number on its enrollment, from 1, without gaps.")
    type: str
    at: datetime
    data: dict[str, Any]


class EventList(Schema):
    items: list[EventItem]
    is_over: bool = Field(description="Nothing more will come for now: stop asking.")


# --- orders ---------------------------------------------------------------------------------


class CheckoutItem(Schema):
    course_id: Reference | None = Field(None, description="An id or a slug.")
    cohort_id: Reference | None = None


class CartCheckout(Checkout):
    """Several courses in one checkout: every seat is held, or none."""

    items: list[CheckoutItem] = Field(min_length=1, max_length=20)


class OrderLine(Schema):
    enrollment_id: str
    course: CourseName
    cohort_name: str
    original_amount: Amount
    original_amount_minor: int
    discount_applied: Amount
    discount_applied_minor: int
    final_amount: Amount
    final_amount_minor: int
    tax_amount: Amount
    tax_amount_minor: int
    total_payable: Amount
    total_payable_minor: int


class OrderDocument(Schema):
    id: str
    kind: str
    serial: str
    issued_at: datetime
    url: str


class OrderRefund(Schema):
    id: str
    state: str
    amount: Amount
    amount_minor: int
    requested_at: datetime
    completed_at: datetime | None


class Order(Sums):
    id: str
    state: OrderState
    placed_at: datetime
    paid_at: datetime | None
    lines: list[OrderLine]
    coupon_codes: list[str]
    payment_id: str | None
    refunds: list[OrderRefund]
    documents: list[OrderDocument]


class CheckoutAnswer(Schema):
    order: Order
    payment_session: PaymentSession | None
    retry_after: int | None = None


class OrderList(Schema):
    items: list[Order]
    next_cursor: str | None
