"""Two enrollments of one person meet when a guest joins an account: the paid one stays."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from matricula.accounts import guests as accounts
from matricula.enrollments.models import Enrollment
from matricula.enrollments.states import Stage
from matricula.flows import guests
from matricula.orders.models import Order
from matricula.payments.models import Refund
from matricula.seats.models import Hold
from tests.flows.test_outside import give_back_outside
from tests.support.paying import Buyer, assert_books_agree, checkout, hear, refunds, work
from tests.support.people import person
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _books_agree() -> Iterator[None]:
    yield
    assert_books_agree()


def guest() -> UUID:
    return accounts.make("gus@example.org", "Gus").pk


def join(guest_id: UUID, account_id: UUID) -> list[UUID]:
    return guests.join(accounts.link_token(guest_id), account_id)


def pay(buyer: Buyer) -> None:
    hear(buyer.pay()["razorpay_payment_id"])


def test_the_paid_one_wins_over_the_accounts_open_checkout(sandbox: Sandbox) -> None:
    account = person().pk
    bought = checkout(sandbox, who=guest())
    pay(bought)
    unpaid = checkout(sandbox, who=account)
    assert join(bought.person_id, account) == [bought.enrollment_id]
    assert bought.enrollment.person_id == account
    assert (bought.stage, unpaid.stage) == (Stage.CONFIRMED, Stage.CANCELLED)
    assert not refunds(bought)
    assert Order.objects.get(pk=unpaid.order_id).state == "cancelled"
    assert list(
        Hold.objects.filter(person=account, ended_at=None).values_list("key", flat=True)
    ) == [bought.enrollment_id]
    hear(unpaid.pay()["razorpay_payment_id"])  # paid in another window all the same
    work()
    assert [row.cause for row in refunds(unpaid)] == [Refund.Cause.LATE]
    assert bought.stage is Stage.CONFIRMED


def test_of_two_paid_ones_the_accounts_stays_and_what_is_left_goes_back(sandbox: Sandbox) -> None:
    account = person().pk
    bought, own = checkout(sandbox, who=guest()), checkout(sandbox, who=account)
    pay(bought)
    pay(own)
    give_back_outside(bought, 100_000)
    join(bought.person_id, account)
    assert (bought.stage, own.stage) == (Stage.REFUNDED, Stage.CONFIRMED)
    assert refunds(bought)[-1].amount_minor == bought.order.total_minor - 100_000
    work()


def test_a_guests_course_of_which_nothing_is_left_ends_too(sandbox: Sandbox) -> None:
    account = person().pk
    bought, own = checkout(sandbox, who=guest()), checkout(sandbox, who=account)
    pay(bought)
    pay(own)
    give_back_outside(bought, bought.order.total_minor)
    join(bought.person_id, account)
    assert (bought.stage, own.stage) == (Stage.CANCELLED, Stage.CONFIRMED)


def test_of_two_open_checkouts_the_accounts_stays(sandbox: Sandbox) -> None:
    account = person().pk
    theirs, own = checkout(sandbox, who=guest()), checkout(sandbox, who=account)
    join(theirs.person_id, account)
    assert (theirs.stage, own.stage) == (Stage.CANCELLED, Stage.PAYMENT_PENDING)
    assert Enrollment.objects.filter(person=account).count() == 2
