"""Payments as the gateway has them now, many at once: one call for those among its newest, one each
for the others. The threads here wait for the network and never touch the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import structlog

from matricula.kernel import clock
from matricula.payments import gateways
from matricula.payments.port import Listing, PaymentFacts, PaymentProvider
from matricula.payments.queries import PaymentRecord

# From so many on, the gateway's newest captured payments are read first: a hundred in one call.
MANY = 3
NEW = timedelta(hours=1)
AT_ONCE = 4

log = structlog.get_logger(__name__)


def fetch_all(
    provider: PaymentProvider, payment_ids: Sequence[str]
) -> dict[str, PaymentFacts | Exception]:
    """Each of these payments, or why it could not be fetched. Not to be called in a transaction."""
    found: dict[str, PaymentFacts | Exception] = {}
    if len(payment_ids) >= MANY:
        found |= _newest(provider, frozenset(payment_ids))
    left = [payment_id for payment_id in payment_ids if payment_id not in found]
    if len(left) < MANY:
        return found | {payment_id: _fetch(provider, payment_id) for payment_id in left}
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="fetch") as pool:
        fetched = pool.map(lambda payment_id: _fetch(provider, payment_id), left)
        return found | dict(zip(left, fetched, strict=True))


def attempts_on(
    payments: Sequence[PaymentRecord],
) -> list[Listing[PaymentFacts] | Exception]:
    """For each of these payments, in order, all attempts on its gateway order, or why they could
    not be read. Not to be called in a transaction."""

    def read(payment: PaymentRecord) -> Listing[PaymentFacts] | Exception:
        order_id = payment.provider_order_id
        if not order_id:
            return Listing()
        try:
            return gateways.provider(payment.provider).payments_of_order(order_id)
        except Exception as error:  # noqa: BLE001 - handed back: one keeps no other from it
            return error

    if len(payments) == 1:
        return [read(payments[0])]
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="fetch") as pool:
        return list(pool.map(read, payments))


def _newest(provider: PaymentProvider, wanted: frozenset[str]) -> dict[str, PaymentFacts]:
    """Those of the wanted that are among the gateway's newest captured payments. Where it lags or
    does not answer, there are fewer, and those are fetched one by one."""
    now = clock.now()
    found: dict[str, PaymentFacts] = {}
    try:
        page = next(provider.captured_between(now - NEW, now + NEW), Listing())
        found.update((facts.id, facts) for facts in page.items if facts.id in wanted)
    except Exception as error:  # noqa: BLE001 - then each is fetched, and fails by itself
        log.warning("newest_payments_not_read", error=repr(error))
    return found


def _fetch(provider: PaymentProvider, payment_id: str) -> PaymentFacts | Exception:
    try:
        return provider.fetch_payment(payment_id)
    except Exception as error:  # noqa: BLE001 - handed back: one of them keeps no other from it
        return error
