"""The append-only facts about money, and the balances that follow from them.

A fact told twice (a webhook repeated, a look-up after it) is written once: its gateway reference is
unique for its charge and kind.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.db.models import Q, Sum

from matricula.kernel.money import Money
from matricula.payments.models import Charge, LedgerEntry, Refund
from matricula.payments.states import REFUND_LIVE

Kind = LedgerEntry.Kind
# What brings money back that left as the other kind.
_RETURN = {Kind.REFUND: Kind.REFUND_FAILURE, Kind.DISPUTE_LOST: Kind.DISPUTE_WON}
_LONGEST_REFERENCE = 64
_GIVEN_BACK = """
SELECT p.line_id, sum(p.amount_minor)::bigint
  FROM payments_refundpart p JOIN payments_refund r ON r.id = p.refund_id
 WHERE p.line_id = ANY (%s::uuid[]) AND r.state = ANY (%s::text[])
 GROUP BY p.line_id
"""


@dataclass(frozen=True)
class Balance:
    """What came in, what went back, and what is promised back but not confirmed yet."""

    captured: Money
    refunded: Money
    promised: Money

    @property
    def refundable(self) -> Money:
        """What may still be asked back: what the gateway has left, less the refunds on their way.
        Never below zero, also where a bank took what a refund had returned already."""
        left = self.captured - self.refunded - self.promised
        return max(left, Money.zero(left.currency))


def write(charge: Charge, kind: Kind, amount: Money, reference: str) -> None:
    """Adds a fact, unless it stands there already. The caller holds the charge's row."""
    write_all([(charge, kind, amount, reference)])


def write_all(facts: Iterable[tuple[Charge, Kind, Money, str]]) -> None:
    """Adds these facts, passing over those that stand there already. The caller holds the charges'
    rows."""
    LedgerEntry.objects.bulk_create(
        [
            LedgerEntry(
                charge=charge,
                kind=kind,
                reference=reference,
                amount_minor=amount.minor,
                currency=amount.currency,
            )
            for charge, kind, amount, reference in facts
        ],
        ignore_conflicts=True,
    )


def write_out(charge: Charge, kind: Kind, amount: Money, reference: str) -> None:
    """Money left as a refund or a lost dispute. Told twice, it is written once; after
    `write_return` it is written again. The caller holds the charge's row."""
    write(charge, kind, amount, _current(charge, kind, reference))


def write_return(charge: Charge, kind: Kind, amount: Money, reference: str) -> None:
    """Money that left as this kind came back. The caller holds the charge's row, and knows that it
    is out."""
    write(charge, _RETURN[kind], amount, _current(charge, kind, reference))


def _current(charge: Charge, kind: Kind, reference: str) -> str:
    """The reference with the number of times that the money left: a gateway may report a refund as
    processed, failed, and processed again."""
    returned = LedgerEntry.objects.filter(
        Q(reference=reference) | Q(reference__startswith=f"{reference}#"),
        charge=charge,
        kind=_RETURN[kind],
    ).count()
    suffix = f"#{returned + 1}" if returned else ""
    return reference[: _LONGEST_REFERENCE - len(suffix)] + suffix


def balance(charge: Charge) -> Balance:
    """The charge's balance. Exact while the caller holds the charge's row."""
    sums = {
        row["kind"]: row["total"]
        for row in LedgerEntry.objects.filter(charge=charge)
        .values("kind")
        .annotate(total=Sum("amount_minor"))
        .order_by()
    }
    refunded = sums.get(Kind.REFUND, 0) - sums.get(Kind.REFUND_FAILURE, 0)
    refunded += sums.get(Kind.DISPUTE_LOST, 0) - sums.get(Kind.DISPUTE_WON, 0)
    live = Refund.objects.filter(charge=charge, state__in=REFUND_LIVE, provider_refund_id=None)
    promised = live.aggregate(total=Sum("amount_minor"))["total"] or 0
    return Balance(
        captured=Money(sums.get(Kind.CAPTURE, 0), charge.currency),
        refunded=Money(refunded, charge.currency),
        promised=Money(promised, charge.currency),
    )


def given_back(line_ids: Iterable[UUID]) -> dict[UUID, int]:
    """Minor units of each line that were given back or are on their way."""
    with connection.cursor() as cursor:
        cursor.execute(_GIVEN_BACK, [list(line_ids), [str(state) for state in REFUND_LIVE]])
        return dict(cursor.fetchall())
