"""Credit notes never credit more than was refunded, nor more than the invoice."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.db import IntegrityError, transaction

from matricula.flows import issue, refund
from matricula.kernel import ids
from matricula.orders.models import Document
from matricula.payments.models import Refund, RefundPart
from matricula.payments.states import RefundState
from tests.flows.test_issue import processed
from tests.support.paying import Buyer, checkout
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def paid(sandbox: Sandbox) -> Buyer:
    buyer = checkout(sandbox)
    buyer.hand_back(buyer.pay())
    return buyer


def _fail(row: Refund) -> None:
    """The bank has sent this refund back."""
    Refund.objects.filter(pk=row.pk).update(state=RefundState.FAILED)


def _again(row: Refund, amount: int) -> Refund:
    """Another refund that has arrived, of the same charge and line."""
    again = Refund.objects.create(
        charge=row.charge,
        state=RefundState.PROCESSED,
        cause=row.cause,
        amount_minor=amount,
        currency=row.currency,
    )
    RefundPart.objects.create(refund=again, line=row.parts.get().line, amount_minor=amount)
    return again


def _credited(order_id: UUID) -> list[int]:
    notes = Document.objects.filter(order=order_id, kind="credit_note").order_by("number")
    return [note.content["total_minor"] for note in notes]


@pytest.fixture
def credited(paid: Buyer, sandbox: Sandbox) -> Refund:
    """A refund of 1,000 rupees that has its credit note."""
    amounts = {paid.order.lines.get().pk: 100_000}
    refund.refund_by_staff(
        paid.order_id, amounts, actor_id=paid.person_id, reason="Part", end_access=False
    )
    row = processed(paid, sandbox)
    assert issue.issue_credit_note(row.pk) is not None
    return row


@pytest.mark.parametrize(
    ("second", "notes"), [(100_000, [100_000]), (60_000, [100_000]), (150_000, [100_000, 50_000])]
)
def test_the_note_of_a_refund_that_came_back_stands_for_the_next_one(
    paid: Buyer, credited: Refund, second: int, notes: list[int]
) -> None:
    _fail(credited)
    again = _again(credited, second)
    assert issue.issue_credit_note(again.pk) is not None
    assert _credited(paid.order_id) == notes
    assert issue.issue_missing() == 0


def test_two_refunds_of_everything_are_credited_once(paid: Buyer, credited: Refund) -> None:
    whole = paid.order.total_minor
    for row in (_again(credited, whole), _again(credited, whole)):
        issue.issue_credit_note(row.pk)
    assert _credited(paid.order_id) == [100_000, whole - 100_000]
    assert issue.issue_missing() == 0


def test_the_database_refuses_more_credit_than_was_invoiced(paid: Buyer, credited: Refund) -> None:
    note = Document.objects.get(cause=credited.pk)
    content = {**note.content, "total_minor": paid.order.total_minor}
    excess = Document(
        order=note.order,
        kind=note.kind,
        cause=ids.new_id(),
        series=note.series,
        number=2,
        serial="x",
        content=content,
    )
    with pytest.raises(IntegrityError, match="exceed its invoice"), transaction.atomic():
        excess.save()
