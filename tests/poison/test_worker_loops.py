"""The worker's own loops: one item that always fails holds up no other."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from django.conf import LazySettings
from django.db.models import F
from django.utils import timezone

from matricula import worker
from matricula.flows import admit, doctor, eligibility, notices, webhooks
from matricula.flows.enroll import Application, enroll
from matricula.kernel import effects, failures, outbox
from matricula.kernel.models import FailedWork
from matricula.notifications import sending
from matricula.notifications.models import Delivery as Mail
from matricula.payments import inbox
from matricula.payments.errors import GatewayRefused
from matricula.payments.models import InboxEvent
from matricula.webhooks.models import Delivery
from tests.notifications.conftest import Say
from tests.poison.conftest import SetAside
from tests.poison.registry import poisons
from tests.support.factories import make_person
from tests.support.relays import relay
from tests.waitingroom.conftest import Drop, make_drop
from tests.webhooks.conftest import Told
from tests.webhooks.receivers import Receiver

LAST = failures.MAX_TRIES - 1


def stored(event_id: str, content: Any) -> InboxEvent:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return InboxEvent.objects.create(
        provider="razorpay", event_id=event_id, type="x", headers={}, body=body
    )


def payment_captured(payment_id: str) -> dict[str, Any]:
    return {
        "event": "payment.captured",
        "payload": {"payment": {"entity": {"id": payment_id, "order_id": "order_x"}}},
    }


@poisons("webhooks")
def test_a_webhook_that_always_fails_holds_up_no_other(failed: SetAside) -> None:
    InboxEvent.objects.all().delete()
    bad, good = stored("bad", b"no JSON"), stored("good", {"event": "invoice.paid"})
    notices.handle_due()
    good.refresh_from_db()
    assert good.state == "ignored"
    InboxEvent.objects.filter(pk=bad.pk).update(tries=LAST, next_try_at=timezone.now())
    notices.handle_due()
    bad.refresh_from_db()
    assert (bad.state, bad.next_try_at) == ("failed", None)
    assert failed.is_final("payment_webhooks", bad.pk)
    failures.retry(FailedWork.objects.get(), make_person().pk)
    bad.refresh_from_db()
    assert (bad.state, bad.tries) == ("received", 0)


def test_a_payment_the_gateway_does_not_know_is_asked_about_a_bounded_number_of_times(
    failed: SetAside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer to a foreign or made-up id is 400, "The id provided does not exist"."""

    def settle_all(_provider: str, hints: dict[str, str]) -> dict[str, Exception]:
        said = "The id provided does not exist"
        return {payment_id: GatewayRefused(said, http_status=400) for payment_id in hints}

    monkeypatch.setattr(notices.settle, "settle_all", settle_all)
    InboxEvent.objects.all().delete()
    row = stored("unknown", payment_captured("pay_of_somebody_else"))
    InboxEvent.objects.update(tries=LAST)
    notices.handle_due()
    assert failed.is_final("payment_webhooks", row.pk)
    assert "does not exist" in FailedWork.objects.get().error


def test_a_batch_of_payments_that_fails_falls_apart(
    failed: SetAside, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled: list[str] = []

    def settle_all(_provider: str, hints: dict[str, str]) -> dict[str, Exception]:
        if "pay_bad" in hints:
            raise ValueError("poison")
        settled.extend(hints)
        return {}

    monkeypatch.setattr(notices.settle, "settle_all", settle_all)
    InboxEvent.objects.all().delete()
    for name in ("a", "bad", "c"):
        stored(name, payment_captured(f"pay_{name}"))
    notices.handle_due()
    assert sorted(settled) == ["pay_a", "pay_c"]
    states = dict(InboxEvent.objects.values_list("event_id", "state"))
    assert states == {"a": "handled", "bad": "failed", "c": "handled"}


@pytest.mark.parametrize("text", ["pay_\\u0000x", "pay_\\ud800", "\\ud83d\\u0000"])
def test_an_id_that_cannot_be_stored_is_cleaned_at_the_door(text: str, db: None) -> None:
    body = b'{"event": "payment.%s", "payload": {"payment": {"entity": {"id": "%s"}}}}'
    event = InboxEvent(provider="razorpay", headers={}, body=body.replace(b"%s", text.encode()))
    notice = inbox.notice_of(event)
    for value in (notice.type, notice.payment_id):
        assert "\x00" not in value.encode().decode()


@poisons("deliveries")
def test_a_delivery_that_cannot_be_made_holds_up_no_other(
    failed: SetAside, told: Told, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad_person, good_person = make_person(), make_person()
    for person in (bad_person, good_person):
        enroll(Application(person.pk, "hot-drop"))
    while outbox.dispatch_batch():
        pass
    effects.do_due("matricula.flows.jobs.owe_webhooks")
    bad = Delivery.objects.order_by("event_seq").first()
    assert bad is not None
    real = webhooks._body

    def poisoned(delivery: Delivery) -> str:
        if delivery.pk == bad.pk:
            raise KeyError("poison")
        return real(delivery)

    monkeypatch.setattr(webhooks, "_body", poisoned)
    Delivery.objects.filter(pk=bad.pk).update(tries=LAST)
    while (taken := webhooks.take()) is not None:
        webhooks.deliver_apart(taken)
    assert set(Delivery.objects.exclude(pk=bad.pk).values_list("state", flat=True)) == {"delivered"}
    assert failed.is_final("webhook_deliveries", bad.pk)
    failures.retry(FailedWork.objects.get(), told.staff.pk)
    bad.refresh_from_db()
    assert (bad.state, bad.tries) == ("pending", 0)


@pytest.fixture
def drops(db: None) -> tuple[Drop, Drop]:
    return make_drop(), make_drop()


def poison_people(monkeypatch: pytest.MonkeyPatch, *enrollment_ids: UUID) -> None:
    """The rules cannot be asked about the owners of these tickets."""
    real = eligibility.decisions
    bad = set(enrollment_ids)

    def decisions(course: Any, cohort: UUID, people: Any, **more: Any) -> Any:
        if bad.intersection(more.get("apart_from", ())):
            raise KeyError("poison")
        return real(course, cohort, people, **more)

    monkeypatch.setattr(admit.eligibility, "decisions", decisions)


@poisons("waiting_rooms")
def test_a_ticket_that_cannot_be_served_holds_up_nobody_behind_it(
    failed: SetAside, drops: tuple[Drop, Drop], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = drops
    tickets = first.arrive(3)
    second.arrive(1)
    poison_people(monkeypatch, tickets[1])
    for _ in range(admit.TICKET_TRIES):
        admit.serve_once()
    assert first.states() == ["admitted", "waiting", "admitted"]
    assert second.states() == ["admitted"]
    assert failed.is_final("waiting_room_tickets", tickets[1])


@pytest.mark.parametrize(("decide", "becomes"), [("retry", "admitted"), ("drop", "refused")])
def test_staff_decides_about_a_ticket_that_was_set_aside(
    failed: SetAside,
    drops: tuple[Drop, Drop],
    monkeypatch: pytest.MonkeyPatch,
    *,
    decide: str,
    becomes: str,
) -> None:
    drop, _ = drops
    tickets = drop.arrive(2)
    with monkeypatch.context() as patch:
        poison_people(patch, tickets[0])
        for _ in range(admit.TICKET_TRIES):
            admit.serve_once()
    getattr(failures, decide)(FailedWork.objects.get(), make_person().pk)
    assert drop.states() == [becomes, "admitted"]
    assert not [found for found in doctor.examine() if found.check in {"turns", "tickets"}]


@poisons("mail")
def test_a_mail_that_cannot_be_checked_holds_up_no_other(
    failed: SetAside, settings: LazySettings, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    Mail.objects.all().delete()
    bad, good = say("payment_failed"), say()
    Mail.objects.update(due_at=F("created_at"))

    def poisoned(_row: Mail) -> bool:
        raise KeyError("poison")

    monkeypatch.setitem(sending._still_true, "payment_failed", poisoned)
    with relay(settings) as server:
        sending.send_due()
    assert len(server.offered) == 1
    bad.refresh_from_db()
    good.refresh_from_db()
    assert (bad.state, good.state) == ("failed", "sent")
    assert failed.is_final("mail", bad.pk)
    failures.retry(FailedWork.objects.get(), make_person().pk)
    bad.refresh_from_db()
    assert bad.state == "queued"


def test_a_loop_that_breaks_begins_anew(failed: SetAside, monkeypatch: pytest.MonkeyPatch) -> None:
    stop, runs = threading.Event(), []

    def loop(_stop: threading.Event) -> None:
        runs.append(1)
        if len(runs) == 1:
            raise KeyError("poison")
        stop.set()

    recorded: Sequence[Any] = []
    monkeypatch.setattr(worker, "RESTART_SECONDS", 0)
    monkeypatch.setattr(worker, "_record", lambda *what: recorded.append(what))  # type: ignore[attr-defined]
    worker._keep_doing("mail", loop, stop)
    assert len(runs) == 2
    assert [name for name, _ in recorded] == ["mail"]
