"""Jobs of the flows: what events owe, and periodic work."""

from __future__ import annotations

from uuid import UUID

from procrastinate.contrib.django import app

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
from matricula.kernel import clock, correlation, idempotency
from matricula.kernel.models import Event
from matricula.kernel.outbox import owe, owe_together
from matricula.kernel.queues import OUTSIDE
from matricula.payments import gateways
from matricula.webhooks.types import TYPES


@app.periodic(cron="* * * * * */15")
@app.task(queueing_lock="expire_holds", pass_context=False)
def expire_holds(timestamp: int) -> int:  # noqa: ARG001 - procrastinate's signature
    """Every 15 seconds: no hold outlives its time by more than a minute."""
    return expire.expire_due()


@app.task
def promote_waiting(event_seq: int, correlation_id: str = "") -> int:
    """A seat came free, or somebody left the list: the next who wait get their turn."""
    with correlation.following(correlation_id):
        return promote.promote(UUID(Event.objects.get(seq=event_seq).data["cohort"]))


owe(promote_waiting, "seats.freed", "waitlist.left", "waitlist.moved")


@app.periodic(cron="* * * * * */15")
@app.task(queueing_lock="sweep_waitlists", pass_context=False)
def sweep_waitlists(timestamp: int) -> int:  # noqa: ARG001 - procrastinate's signature
    """Every 15 seconds: lists whose turn it is though no event said so (quiet hours end, somebody
    may take a seat by now, a job was lost), offers that end soon, and lists that people wanted to
    leave once they are in another."""
    waitlist_mail.warn_of_endings(clock.now())
    waitlist.leave_others()
    return promote.sweep()


@app.task
def send_list_message(event_seq: int, correlation_id: str = "") -> int:
    """Staff has written to a waitlist."""
    with correlation.following(correlation_id):
        return waitlist_mail.send_message(Event.objects.get(seq=event_seq).subject)


owe(send_list_message, "waitlist_message.written")


@app.periodic(cron="23 * * * *")
@app.task(queueing_lock="forget_answers")
def forget_answers(timestamp: int) -> int:  # noqa: ARG001 - procrastinate's signature
    """Every hour: Idempotency-Keys older than a day are forgotten."""
    return idempotency.forget_old()


@app.task(queue=OUTSIDE)
def send_refund(event_seq: int, correlation_id: str = "") -> None:
    """A refund was decided: the gateway is asked for it."""
    with correlation.following(correlation_id):
        refund.send(UUID(Event.objects.get(seq=event_seq).data["refund"]))


owe(send_refund, "payment.refund_requested")


@app.task
def issue_invoices(event_seqs: list[int]) -> int:
    """Orders were paid: they are invoiced. An order's event stands on each of its lines."""
    paid = Event.objects.filter(seq__in=event_seqs).values_list("data__order", flat=True)
    return len(issue.issue_invoices(map(UUID, paid)))


owe_together(issue_invoices, "payment.completed")


@app.task
def issue_credit_note(event_seq: int, correlation_id: str = "") -> None:
    """A refund has arrived: it is credited."""
    with correlation.following(correlation_id):
        issue.issue_credit_note(UUID(Event.objects.get(seq=event_seq).data["refund"]))


owe(issue_credit_note, "payment.refunded")


@app.task(queue=OUTSIDE)
def check_tax_id(event_seq: int, correlation_id: str = "") -> None:
    """A business has given its VAT id: VIES is asked about it."""
    with correlation.following(correlation_id):
        tax_ids.check(Event.objects.get(seq=event_seq).subject)


owe(check_tax_id, "tax_id.submitted")


@app.periodic(cron="* * * * * */30")
@app.task(queue=OUTSIDE, queueing_lock="check_tax_ids", pass_context=False)
def check_tax_ids(timestamp: int) -> int:  # noqa: ARG001 - procrastinate's signature
    """Every half minute: VAT ids that VIES had no answer for."""
    return tax_ids.check_due()


@app.task
def tell_people(event_seqs: list[int]) -> int:
    """What happened is told to those it concerns."""
    return tell.tell(event_seqs)


owe_together(tell_people, *tell.TOLD_TYPES)


@app.periodic(cron="*/5 * * * *")
@app.task(queueing_lock="tell_missing", pass_context=False)
def tell_missing(timestamp: int) -> int:  # noqa: ARG001 - procrastinate's signature
    """Every five minutes: confirmations whose job was lost."""
    return tell.tell_missing()


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="remind", pass_context=False)
def remind_people(timestamp: int) -> int:  # noqa: ARG001 - procrastinate's signature
    """Every minute: holds that end, courses that begin, unfinished checkouts, tasks of staff."""
    return (
        remind.tell_ending_holds()
        + remind.tell_starting_courses()
        + remind.tell_unfinished_checkouts()
        + remind.tell_staff()
    )


@app.periodic(cron="*/5 * * * *")
@app.task(queueing_lock="issue_missing", pass_context=False)
def issue_missing(timestamp: int) -> int:  # noqa: ARG001 - procrastinate's signature
    """Every five minutes: papers whose job was lost."""
    return issue.issue_missing()


@app.periodic(cron="* * * * * */10")
@app.task(queue=OUTSIDE, queueing_lock="catch_up_with_gateways", pass_context=False)
def catch_up_with_gateways(timestamp: int) -> int:  # noqa: ARG001 - procrastinate's signature
    """Every ten seconds: refunds and payments whose turn it is, tried or asked about."""
    found = reconcile.check_due()
    # Who does not answer is left alone until the next visit.
    return found.checked + (0 if found.is_silent else reconcile.send_due_refunds())


@app.periodic(cron="* * * * *")
@app.task(queue=OUTSIDE, queueing_lock="settle_unheard", pass_context=False)
def settle_unheard(timestamp: int) -> int:  # noqa: ARG001 - procrastinate's signature
    """Every minute: captured payments that nobody has told us of."""
    return reconcile.settle_unheard().settled if gateways.payment_configured() else 0


@app.periodic(cron="17 3 * * *")
@app.task(queue=OUTSIDE, queueing_lock="compare_with_gateway", pass_context=False)
def compare_with_gateway(timestamp: int) -> int:  # noqa: ARG001 - procrastinate's signature
    """Every night: the gateway's books and ours, both ways."""
    if not gateways.payment_configured():
        return 0
    return reconcile.compare_lately().compared


@app.task
def owe_webhooks(event_seqs: list[int]) -> None:
    """Events that other systems may be told of: their deliveries are written down."""
    webhooks.owe(event_seqs)


owe_together(owe_webhooks, *TYPES)


@app.periodic(cron="29 4 * * *")
@app.task(queueing_lock="forget_deliveries", pass_context=False)
def forget_deliveries(timestamp: int) -> int:  # noqa: ARG001 - procrastinate's signature
    """Every night: webhooks delivered or given up a month ago."""
    return webhooks.forget_old()


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="tell_openings", pass_context=False)
def tell_openings(timestamp: int) -> int:  # noqa: ARG001 - procrastinate's signature
    """Every minute: courses that opened, to those who asked."""
    return openings.tell_openings()


@app.periodic(cron="41 * * * *")
@app.task(queueing_lock="learn_likeness", pass_context=False)
def learn_likeness(timestamp: int) -> int:  # noqa: ARG001 - procrastinate's signature
    """Every hour: which courses are alike."""
    return recommend.learn_likeness()


@app.periodic(cron="47 2 * * *")
@app.task(queueing_lock="learn_paths", pass_context=False)
def learn_paths(timestamp: int) -> int:  # noqa: ARG001 - procrastinate's signature
    """Every night: what people take next, and together."""
    return recommend.learn_paths()
