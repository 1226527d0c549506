"""From an event to another system, whatever that system does."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError, connection
from django.db.models.functions import Now
from standardwebhooks import WebhookVerificationError

from matricula.enrollments.models import Enrollment
from matricula.flows import cancel, doctor, webhooks
from matricula.flows.enroll import Application, enroll
from matricula.kernel import clock, ids, outbox
from matricula.kernel.errors import IllegalState
from matricula.kernel.models import Event
from matricula.notifications.models import Delivery as Mail
from matricula.webhooks import rules, types, vault
from matricula.webhooks.models import Delivery, Endpoint, Secret
from tests.support.factories import make_person
from tests.webhooks.conftest import Told, make_told, run_owed
from tests.webhooks.receivers import Receiver, answering, dropping

pytestmark = pytest.mark.django_db


def dispatch() -> None:
    while outbox.dispatch_batch():
        run_owed()


def happen() -> UUID:
    """An enrollment in a free course, dispatched."""
    enrollment = enroll(Application(make_person().pk, "hot-drop")).enrollment_id
    dispatch()
    return enrollment


def deliver_due() -> int:
    """Delivers whatever is due, one after the other."""
    count = 0
    while (taken := webhooks.take()) is not None:
        webhooks.deliver(taken)
        count += 1
    return count


def make_due(told: Told) -> None:
    Delivery.objects.filter(endpoint=told.endpoint).update(next_try_at=Now())


def types_of(receiver: Receiver) -> list[str]:
    return [json.loads(call.body)["type"] for call in receiver.calls]


def test_what_happens_arrives_in_order_signed_and_without_personal_words(
    told: Told, receiver: Receiver
) -> None:
    enrollment = happen()
    assert deliver_due() == 3
    payloads = [call.verified(told.secret) for call in receiver.calls]
    assert types_of(receiver) == told.endpoint.types
    assert [one["data"]["number"] for one in payloads] == [1, 2, 3]
    events = Event.objects.filter(subject=enrollment).order_by("subject_seq")
    for call, payload, event in zip(receiver.calls, payloads, events, strict=True):
        assert payload["data"]["enrollment_id"] == ids.to_text("enr", enrollment)
        assert payload["data"]["event_id"] == ids.to_text("evt", event.id)
        assert payload["timestamp"].endswith("Z")
        assert call.headers["webhook-id"].startswith("whk_")
        assert "@" not in call.body.decode()
    assert len({call.headers["webhook-id"] for call in receiver.calls}) == 3
    assert [row.state for row in told.deliveries] == ["delivered"] * 3
    assert doctor.examine() == []


def test_only_the_chosen_types_and_only_of_the_time_since_it_was_started(
    told: Told, receiver: Receiver
) -> None:
    Endpoint.objects.filter(pk=told.endpoint.pk).update(types=["access.granted"])
    happen()
    deliver_due()
    assert types_of(receiver) == ["access.granted"]
    webhooks.pause(told.endpoint.pk, told.staff.pk)
    happen()
    webhooks.start(told.endpoint.pk, told.staff.pk)
    dispatch()
    assert deliver_due() == 0


def test_an_event_dispatched_twice_is_owed_once(told: Told) -> None:
    happen()
    before = len(told.deliveries)
    with connection.cursor() as cursor:
        cursor.execute("SELECT owe_deliveries(array_agg(seq)) FROM kernel_event")
    assert len(told.deliveries) == before


def test_an_earlier_event_that_another_dispatcher_holds_is_owed_first(told: Told) -> None:
    """The second dispatcher owes what the first has not committed yet, so order is kept."""
    enrollment = enroll(Application(make_person().pk, "hot-drop")).enrollment_id
    newest = Event.objects.filter(subject=enrollment).latest("subject_seq")
    with connection.cursor() as cursor:
        cursor.execute("SELECT owe_deliveries(ARRAY[%s])", [newest.seq])
    assert [row.type for row in told.deliveries] == told.endpoint.types


def test_a_delivery_whose_database_was_away_is_taken_again_soon(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    happen()
    taken = webhooks.take()
    assert taken is not None

    def unreachable(_: UUID) -> None:
        raise OperationalError("the database is away")

    monkeypatch.setattr(webhooks, "deliver", unreachable)
    assert webhooks.deliver_apart(taken) == taken
    assert webhooks.give_back({taken}) == {taken}
    soon = Now() + timedelta(seconds=webhooks.BACK_IN_SECONDS)
    assert Delivery.objects.filter(pk=taken, leased_until__lte=soon).exists()


def test_the_next_of_a_subject_waits_until_the_one_before_has_arrived(
    told: Told, receiver: Receiver
) -> None:
    receiver.behaviours.append(answering(500))
    first, second = happen(), happen()
    deliver_due()  # the first of one subject failed: its others wait, the other subject's do not
    arrived = [call.verified(told.secret)["data"] for call in receiver.calls]
    held = arrived[0]["enrollment_id"]
    assert {ids.to_text("enr", first), ids.to_text("enr", second)} > {held}
    assert [one["enrollment_id"] for one in arrived].count(held) == 1
    make_due(told)
    deliver_due()
    numbers = [
        call.verified(told.secret)["data"]["number"]
        for call in receiver.calls
        if call.verified(told.secret)["data"]["enrollment_id"] == held
    ]
    assert numbers == [1, 1, 2, 3]


def test_a_receiver_that_asks_for_a_pause_gets_it(told: Told, receiver: Receiver) -> None:
    receiver.behaviours.append(answering(429, Retry_After="7200"))
    happen()
    began = clock.now()
    deliver_due()
    asked = min(row.next_try_at for row in told.deliveries)
    assert asked - began >= timedelta(hours=2)


def test_what_waits_for_another_is_due_when_that_is(told: Told, receiver: Receiver) -> None:
    receiver.behaviours += [answering(500), answering(500)]
    enrollment = happen()
    for _ in range(2):
        deliver_due()
        tried, *behind = told.deliveries
        assert [one.next_try_at for one in behind] == [tried.next_try_at] * 2
        make_due(told)
    Endpoint.objects.update(types=[*told.endpoint.types, "enrollment.cancelled"])
    person = Enrollment.objects.get(pk=enrollment).person_id
    cancel.cancel(enrollment, person, actor_id=person)
    Delivery.objects.update(next_try_at=Now() + timedelta(hours=1))
    dispatch()
    assert {one.next_try_at > clock.now() for one in told.deliveries} == {True}
    assert len(told.deliveries) == 4
    Delivery.objects.filter(pk=told.deliveries[0].pk).update(next_try_at=Now())
    assert deliver_due() == 4


def test_a_try_that_is_repeated_has_the_same_id_and_body(told: Told, receiver: Receiver) -> None:
    receiver.behaviours += [dropping, answering(503)]
    happen()
    for _ in range(3):
        deliver_due()
        make_due(told)
    first, second, third = receiver.calls[:3]
    assert first.body == second.body == third.body
    ids_ = {call.headers["webhook-id"] for call in (first, second, third)}
    assert len(ids_) == 1
    delivery = told.deliveries[0]
    assert [row.status for row in delivery.attempts.order_by("pk")] == [None, 503, 204]
    assert Endpoint.objects.get(pk=told.endpoint.pk).failing_since is None


def test_a_failure_is_tried_again_later_and_later(told: Told, receiver: Receiver) -> None:
    receiver.behaviours += [answering(500)] * 3
    Endpoint.objects.filter(pk=told.endpoint.pk).update(types=["access.granted"])
    happen()
    waits = []
    for _ in range(3):
        deliver_due()
        (row,) = told.deliveries
        last = row.attempts.latest("pk").at
        waits.append(row.next_try_at - last)
        make_due(told)
    assert waits == sorted(waits)
    assert waits[0] < timedelta(seconds=6)
    assert waits[2] > timedelta(minutes=26)


def exhaust(told: Told) -> None:
    """It was tried as often as it may be, but once."""
    Delivery.objects.filter(endpoint=told.endpoint).update(
        tries=len(rules.PAUSES), next_try_at=Now()
    )


def test_after_three_days_it_is_disabled_and_somebody_is_told(
    told: Told, receiver: Receiver
) -> None:
    receiver.behaviours.append(answering(500, b"broken"))
    happen()
    exhaust(told)
    assert deliver_due() == 1
    endpoint = Endpoint.objects.get(pk=told.endpoint.pk)
    assert (endpoint.state, endpoint.reason) == ("disabled", "It answered 500.")
    assert [row.state for row in told.deliveries] == ["failed", "pending", "pending"]
    mail = Mail.objects.latest("pk")
    assert mail.address == "ops@example.org"
    assert endpoint.url in str(mail.content)
    assert Event.objects.filter(subject=endpoint.pk, type="webhook.disabled").exists()
    happen()
    assert len(told.deliveries) == 3  # nothing more is owed to it
    assert doctor.examine() == []


def test_started_again_it_gets_what_was_left_in_order(told: Told, receiver: Receiver) -> None:
    receiver.behaviours.append(answering(500))
    happen()
    exhaust(told)
    deliver_due()
    webhooks.start(told.endpoint.pk, told.staff.pk)
    assert deliver_due() == 2
    webhooks.replay(told.deliveries[0].pk, told.staff.pk)
    assert deliver_due() == 1
    ids_ = [call.headers["webhook-id"] for call in receiver.calls]
    assert ids_[0] == ids_[3]
    assert [row.state for row in told.deliveries] == ["delivered"] * 3


def test_gone_disables_at_once(told: Told, receiver: Receiver) -> None:
    receiver.behaviours.append(answering(410))
    happen()
    deliver_due()
    assert Endpoint.objects.get(pk=told.endpoint.pk).state == "disabled"


def test_a_private_address_is_never_reached(db: Any, receiver: Receiver) -> None:
    told = make_told(receiver.url)  # the operator has named no network
    happen()
    deliver_due()
    assert receiver.calls == []
    assert "private network" in told.deliveries[0].attempts.get().error


def test_one_endpoint_does_not_keep_all_senders(told: Told) -> None:
    for _ in range(webhooks.AT_ONCE_EACH + 3):
        happen()
    taken = [webhooks.take() for _ in range(webhooks.AT_ONCE_EACH + 3)]
    assert [one is not None for one in taken].count(True) == webhooks.AT_ONCE_EACH


def test_what_a_dead_worker_had_taken_is_taken_again(told: Told) -> None:
    Endpoint.objects.filter(pk=told.endpoint.pk).update(types=["access.granted"])
    happen()
    taken = webhooks.take()
    assert webhooks.take() is None
    Delivery.objects.update(leased_until=Now() - timedelta(seconds=1))
    assert webhooks.take() == taken


# --- secrets ----------------------------------------------------------------------------------


def test_a_secret_is_kept_encrypted(told: Told) -> None:
    kept = bytes(Secret.objects.get(endpoint=told.endpoint).kept)
    assert told.secret.encode() not in kept
    assert vault.take_out(kept) == told.secret


def test_both_secrets_sign_while_they_are_changed_over_then_the_new_one(
    told: Told, receiver: Receiver
) -> None:
    new = webhooks.make_secret(told.endpoint.pk, told.staff.pk)
    assert new != told.secret
    happen()
    deliver_due()
    for secret in (told.secret, new):
        assert receiver.calls[0].verified(secret)
    Secret.objects.filter(expires_at__isnull=False).update(expires_at=Now())
    happen()
    deliver_due()
    assert receiver.calls[-1].verified(new)
    with pytest.raises(WebhookVerificationError):
        receiver.calls[-1].verified(told.secret)


def test_a_changed_body_or_id_is_not_verified(told: Told, receiver: Receiver) -> None:
    happen()
    deliver_due()
    call = receiver.calls[0]
    call.headers["webhook-id"] += "x"
    with pytest.raises(WebhookVerificationError):
        call.verified(told.secret)


def test_without_a_secret_it_cannot_be_started(db: Any) -> None:
    endpoint = Endpoint.objects.create(url="https://example.org", types=[], notify="a@b.org")
    with pytest.raises(IllegalState):
        webhooks.start(endpoint.pk, make_person().pk)


# --- tests, replays, age ----------------------------------------------------------------------


def test_a_test_is_sent_once_and_never_disables(told: Told, receiver: Receiver) -> None:
    receiver.behaviours.append(answering(500))
    webhooks.test(told.endpoint.pk)
    assert deliver_due() == 1
    (row,) = told.deliveries
    assert row.state == "failed"
    assert receiver.calls[0].verified(told.secret)["type"] == types.TEST
    assert Endpoint.objects.get(pk=told.endpoint.pk).state == "active"
    webhooks.pause(told.endpoint.pk, told.staff.pk)
    with pytest.raises(IllegalState):
        webhooks.test(told.endpoint.pk)


def test_what_is_on_its_way_cannot_be_replayed(told: Told) -> None:
    happen()
    with pytest.raises(IllegalState):
        webhooks.replay(told.deliveries[0].pk, told.staff.pk)


def test_old_deliveries_are_forgotten_unless_they_are_on_their_way(told: Told) -> None:
    happen()
    deliver_due()
    happen()
    old = Now() - rules.KEPT_FOR - timedelta(days=1)
    Delivery.objects.filter(endpoint=told.endpoint).update(created_at=old)
    webhooks.forget_old()
    assert {row.state for row in told.deliveries} == {"pending"}
