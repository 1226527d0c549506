"""Decisions about payments: pure, without a clock and without the database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from matricula.kernel.money import Money
from matricula.payments.port import PaymentFacts

# When the reconciler asks again about a payment nobody told us the end of: after 1, 2, 4 … minutes,
# at most every six hours, for three days (Razorpay authorizes late for that long).
FIRST_CHECK = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=6)
WATCHED_FOR = timedelta(days=3)
# Refunds, and webhooks that could not be handled, are tried again after 5, 10, 20 … seconds.
FIRST_RETRY = timedelta(seconds=5)
LONGEST_RETRY_PAUSE = timedelta(hours=1)
_MOST_DOUBLINGS = 20


def fits(facts: PaymentFacts, asked: Money) -> bool:
    """Whether the payment is exactly what was asked for. Where the payer bears the gateway's fee,
    it exceeds that by the fee (https://razorpay.com/docs/payments/payment-gateway/customer-fee-bearer/).
    """
    if facts.amount.currency != asked.currency:
        return False
    if facts.amount == asked:
        return True
    return facts.fee is not None and facts.amount - facts.fee == asked


def pause_before_check(checks: int) -> timedelta:
    """How long to wait after so many checks."""
    doubled: timedelta = FIRST_CHECK * (1 << min(checks, _MOST_DOUBLINGS))
    return min(doubled, LONGEST_PAUSE)


def pause_before_retry(tries: int) -> timedelta:
    """How long to wait after so many tries."""
    doubled: timedelta = FIRST_RETRY * (1 << min(tries, _MOST_DOUBLINGS))
    return min(doubled, LONGEST_RETRY_PAUSE)


# How a dispute moves at a gateway. A decided one may be decided anew (an appeal), and never opens
# again; `open` comes first and once.
_DISPUTE_MOVES: Mapping[str, frozenset[str]] = {
    "": frozenset({"open", "under_review", "action_required", "won", "lost", "closed"}),
    "open": frozenset({"under_review", "action_required", "won", "lost", "closed"}),
    "under_review": frozenset({"action_required", "won", "lost", "closed"}),
    "action_required": frozenset({"under_review", "won", "lost", "closed"}),
    "closed": frozenset({"won", "lost"}),
    "won": frozenset({"lost"}),
    "lost": frozenset({"won"}),
}


def may_dispute_move(before: str, after: str) -> bool:
    """Whether a dispute may go from one status to the other; empty before: it is new to us."""
    return after in _DISPUTE_MOVES.get(before, frozenset())
