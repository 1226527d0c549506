"""Jobs of the flows: what events owe, and periodic work."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from matricula.flows import (
    expire,
    issue,
    openings,
    promote,
    recommend,
    reconcile,
    refund,
    remind,
    tax_ids,
    tell,
    waitlist,
    waitlist_mail,
    webhooks,
)
from matricula.kernel import clock, idempotency
from matricula.kernel.effects import owe_together
from matricula.kernel.event_jobs import event_job
from matricula.kernel.models import Event
from matricula.kernel.queues import OUTSIDE
from matricula.kernel.regularly import regularly
from matricula.payments import gateways
from matricula.webhooks.types import TYPES


@regularly("* * * * * */15")
def expire_holds() -> int:
    """Every 15 seconds: no hold outlives its time by more than a minute."""
    return expire.expire_due()


@event_job("seats.freed", "waitlist.left", "waitlist.moved")
def promote_waiting(event_seq: int) -> int:
    """A seat came free, or somebody left the list: the next who wait get their turn."""
    return promote.promote(UUID(Event.objects.get(seq=event_seq).data["cohort"]))


@regularly("* * * * * */15")
def sweep_waitlists() -> int:
    """Every 15 seconds: lists whose turn it is though no event said so (quiet hours end, somebody
    may take a seat by now, a job was lost), offers that end soon, and lists that people wanted to
    leave once they are in another."""
    waitlist_mail.warn_of_endings(clock.now())
    waitlist.leave_others()
    return promote.sweep()


@event_job("waitlist_message.written")
def send_list_message(event_seq: int) -> int:
    """Staff has written to a waitlist."""
    return waitlist_mail.send_message(Event.objects.get(seq=event_seq).subject)


@regularly("23 * * * *")
def forget_answers() -> int:
    """Every hour: Idempotency-Keys older than a day are forgotten."""
    return idempotency.forget_old()


@event_job("payment.refund_requested", queue=OUTSIDE)
def send_refund(event_seq: int) -> None:
    """A refund was decided: the gateway is asked for it."""
    refund.send(UUID(Event.objects.get(seq=event_seq).data["refund"]))


def issue_invoices(event_seqs: Sequence[int]) -> int:
    """Orders were paid: they are invoiced. An order's event stands on each of its lines."""
    paid = Event.objects.filter(seq__in=event_seqs).values_list("data__order", flat=True)
    return len(issue.issue_invoices(map(UUID, paid)))


owe_together(issue_invoices, "payment.completed")


@event_job("payment.refunded")
def issue_credit_note(event_seq: int) -> None:
    """A refund has arrived: it is credited."""
    issue.issue_credit_note(UUID(Event.objects.get(seq=event_seq).data["refund"]))


@event_job("tax_id.submitted", queue=OUTSIDE)
def check_tax_id(event_seq: int) -> None:
    """A business has given its VAT id: VIES is asked about it."""
    tax_ids.check(Event.objects.get(seq=event_seq).subject)


@regularly("* * * * * */30", OUTSIDE)
def check_tax_ids() -> int:
    """Every half minute: VAT ids that VIES had no answer for."""
    return tax_ids.check_due()


def tell_people(event_seqs: Sequence[int]) -> int:
    """What happened is told to those it concerns."""
    return tell.tell(event_seqs)


owe_together(tell_people, *tell.TOLD_TYPES)


@regularly("*/5 * * * *")
def tell_missing() -> int:
    """Every five minutes: confirmations that were lost."""
    return tell.tell_missing()


@regularly("* * * * *")
def remind_people() -> int:
    """Every minute: holds that end, courses that begin, unfinished checkouts, tasks of staff."""
    return (
        remind.tell_ending_holds()
        + remind.tell_starting_courses()
        + remind.tell_unfinished_checkouts()
        + remind.tell_staff()
        + remind.tell_failed_work()
    )


@regularly("*/5 * * * *")
def issue_missing() -> int:
    """Every five minutes: papers that were lost."""
    return issue.issue_missing()


@regularly("* * * * * */10", OUTSIDE)
def catch_up_with_gateways() -> int:
    """Every ten seconds: refunds and payments whose turn it is, tried or asked about."""
    found = reconcile.check_due()
    # Who does not answer is left alone until the next visit.
    return found.checked + (0 if found.is_silent else reconcile.send_due_refunds())


@regularly("* * * * *", OUTSIDE)
def settle_unheard() -> int:
    """Every minute: captured payments that nobody has told us of."""
    return reconcile.settle_unheard().settled if gateways.payment_configured() else 0


@regularly("17 3 * * *", OUTSIDE)
def compare_with_gateway() -> int:
    """Every night: the gateway's books and ours, both ways."""
    if not gateways.payment_configured():
        return 0
    return reconcile.compare_lately().compared


def owe_webhooks(event_seqs: Sequence[int]) -> None:
    """Events that other systems may be told of: their deliveries are written down."""
    webhooks.owe(event_seqs)


owe_together(owe_webhooks, *TYPES)


@regularly("29 4 * * *")
def forget_deliveries() -> int:
    """Every night: webhooks delivered or given up a month ago."""
    return webhooks.forget_old()


@regularly("* * * * *")
def tell_openings() -> int:
    """Every minute: courses that opened, to those who asked."""
    return openings.tell_openings()


@regularly("41 * * * *")
def learn_likeness() -> int:
    """Every hour: which courses are alike."""
    return recommend.learn_likeness()


@regularly("47 2 * * *")
def learn_paths() -> int:
    """Every night: what people take next, and together."""
    return recommend.learn_paths()
