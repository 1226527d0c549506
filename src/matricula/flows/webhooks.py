"""Other systems are told what happened (https://www.standardwebhooks.com).

One job for each batch of events writes down what is owed (`owe_deliveries`). A thread of the worker
takes what is due, one delivery at a time, sends it between two transactions and notes what became
of it. Deliveries of one subject keep their order: the next waits until the one before has arrived
or was given up.
"""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import structlog
from cryptography.fernet import InvalidToken
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from matricula.kernel import clock, events, failures, ids
from matricula.kernel.batches import delete_in_batches
from matricula.kernel.connections import release_connection
from matricula.kernel.errors import IllegalState
from matricula.kernel.events import NewEvent
from matricula.kernel.failures import WorkQueue
from matricula.kernel.models import Event
from matricula.webhooks import rules, sending, types, vault
from matricula.webhooks.models import Attempt, Delivery, Endpoint, Secret
from matricula.webhooks.sending import Outcome
from matricula.webhooks.states import DELIVERY, ENDPOINT, DeliveryState, EndpointState

AT_ONCE = 8
AT_ONCE_EACH = 4  # to one endpoint
LEASE_SECONDS = 90  # longer than a try may last
IDLE_SECONDS = 0.3
AFTER_FAILURE_SECONDS = 1.0
BACK_IN_SECONDS = 5
GONE = 410
log = structlog.get_logger(__name__)


def owe(event_seqs: Sequence[int]) -> None:
    """Writes down the deliveries of these events, with one statement. Repeated, it adds none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT owe_deliveries(%s::bigint[])", [list(event_seqs)])


def deliver_until(stop: threading.Event) -> None:
    """Delivers what is due, several at once, until told to stop. A database that is away is
    waited for. A thread of the worker: a job for each would keep others from their turn."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="delivery") as pool:
        running: set[Future[UUID | None]] = set()
        left: set[UUID] = set()
        while not stop.is_set():
            done = {future for future in running if future.done()}
            running -= done
            left |= {found for future in done if (found := future.result()) is not None}
            pause = IDLE_SECONDS
            try:
                left -= give_back(left)
                taken = take() if len(running) < AT_ONCE else None
                if taken is not None:
                    running.add(pool.submit(deliver_apart, taken))
                    pause = 0.0
            except (DatabaseError, InterfaceError) as error:
                log.warning("deliveries_not_read", error=str(error))
                pause = AFTER_FAILURE_SECONDS
            connection.close()
            stop.wait(pause)


def deliver_apart(delivery_id: UUID) -> UUID | None:
    """In a thread of the pool, with a connection of its own. Answers the delivery if the database
    could not be reached, to be given back; any other error is its own, as a try that failed."""
    try:
        try:
            deliver(delivery_id)
        except Exception as error:
            if failures.is_outage(error):
                raise
            log.exception("delivery_failed", delivery=str(delivery_id))
            _failed(delivery_id, error)
    except (DatabaseError, InterfaceError) as error:
        log.warning("delivery_left", delivery=str(delivery_id), error=str(error))
        return delivery_id
    finally:
        release_connection()
    return None


def give_back(left: set[UUID]) -> set[UUID]:
    """Ends the leases of these soon, which would keep them and those behind them waiting."""
    if left:
        soon = Now() + timedelta(seconds=BACK_IN_SECONDS)
        rows = Delivery.objects.filter(pk__in=left, state=DeliveryState.PENDING)
        rows.update(leased_until=soon)
    return set(left)


def take() -> UUID | None:
    """One delivery whose turn it is, leased to the caller; None when nothing is due."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT * FROM take_delivery(%s, %s)", [AT_ONCE_EACH, f"{LEASE_SECONDS} seconds"]
        )
        row = cursor.fetchone()
    return None if row is None else row[0]


def deliver(delivery_id: UUID) -> Outcome:
    """Sends a delivery that was taken, and notes what became of it."""
    delivery = Delivery.objects.select_related("endpoint").get(pk=delivery_id)
    if not delivery.body:
        delivery.body = _body(delivery)
        delivery.save(update_fields=["body"])
    prepared = _prepare(delivery)
    release_connection()  # others need it while the receiver takes its time
    outcome = prepared if isinstance(prepared, Outcome) else _post(delivery, prepared)
    _note(delivery.endpoint_id, delivery_id, outcome)
    log.info(
        "webhook_sent",
        delivery=str(delivery_id),
        endpoint=str(delivery.endpoint_id),
        status=outcome.status,
        error=outcome.error,
        milliseconds=outcome.milliseconds,
    )
    return outcome


@transaction.atomic
def _failed(delivery_id: UUID, error: Exception) -> None:
    """It could not be made or noted, which is no fault of the receiver: tried again a few times,
    then given up alone, and the deliveries of its subject behind it go on."""
    found = Delivery.objects.get(pk=delivery_id)
    _lock(found.endpoint_id)
    delivery = Delivery.objects.select_for_update().get(pk=delivery_id)
    delivery.leased_until = None
    if delivery.state == DeliveryState.PENDING:
        delivery.next_try_at = clock.now() + failures.pause_after(delivery.tries)
        if delivery.tries >= failures.MAX_TRIES:
            delivery.state = DELIVERY.transition(DeliveryState.PENDING, "give_up")
            why = failures.describe(error)
            failures.set_aside(DELIVERIES.name, str(delivery.pk), why, delivery.tries)
        _move_behind(delivery)
    delivery.save(update_fields=["state", "next_try_at", "leased_until"])


def _prepare(delivery: Delivery) -> dict[str, str] | Outcome:
    """The headers that it is sent with; or why it cannot be."""
    at = clock.now()
    reference = ids.to_text("whk", delivery.pk)
    valid = Q(expires_at=None) | Q(expires_at__gt=Now())
    secrets = Secret.objects.filter(valid, endpoint=delivery.endpoint_id).order_by("-pk")
    try:
        kept = [bytes(secret.kept) for secret in secrets]
        signed = vault.signatures(kept, reference, at, delivery.body)
    except InvalidToken:
        return Outcome(None, "Its secret cannot be read: make a new one.", "", 0)
    return {
        "content-type": "application/json",
        "user-agent": "Matricula",
        "webhook-id": reference,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signed,
    }


def _post(delivery: Delivery, headers: dict[str, str]) -> Outcome:
    networks = settings.ENVIRONMENT.webhook_networks
    return sending.post(delivery.endpoint.url, headers, delivery.body.encode(), networks)


def _body(delivery: Delivery) -> str:
    if delivery.event_seq is None:
        return json.dumps(types.test_payload(delivery.created_at))
    event = Event.objects.get(seq=delivery.event_seq)
    made = types.payload(
        event.type,
        event.at,
        event_id=event.id,
        number=event.subject_seq,
        subject=event.subject,
        person=event.person,
        data=event.data,
    )
    return json.dumps(made, ensure_ascii=False)


def _note(endpoint_id: UUID, delivery_id: UUID, outcome: Outcome) -> None:
    """The endpoint is locked before its delivery, here and everywhere."""
    with transaction.atomic():
        endpoint = _lock(endpoint_id)
        delivery = Delivery.objects.select_for_update().get(pk=delivery_id)
        Attempt.objects.create(
            delivery=delivery,
            status=outcome.status,
            error=outcome.error,
            answer=outcome.answer,
            milliseconds=outcome.milliseconds,
        )
        delivery.leased_until = None
        if delivery.state == DeliveryState.PENDING:
            _move_on(endpoint, delivery, outcome)
            _move_behind(delivery)
        delivery.save(update_fields=["state", "next_try_at", "leased_until", "delivered_at"])


def _move_on(endpoint: Endpoint, delivery: Delivery, outcome: Outcome) -> None:
    """What follows from a try: it has arrived, is tried again, or was given up."""
    if outcome.is_success:
        delivery.state = DELIVERY.transition(DeliveryState.PENDING, "arrive")
        delivery.delivered_at = Now()
        if endpoint.failing_since is not None:
            Endpoint.objects.filter(pk=endpoint.pk).update(failing_since=None)
        return
    if endpoint.failing_since is None:
        Endpoint.objects.filter(pk=endpoint.pk).update(failing_since=Now())
    pause = rules.pause_after(delivery.tries)
    if delivery.event_seq is None or pause is None or outcome.status == GONE:
        delivery.state = DELIVERY.transition(DeliveryState.PENDING, "give_up")
        if delivery.event_seq is not None:
            _disable(endpoint, outcome)
        return
    spread = pause * random.uniform(0.9, 1.1)  # noqa: S311 - spreads
    now = clock.now()
    delivery.next_try_at = now + max(spread, rules.asked_pause(outcome.retry_after, now))


def _move_behind(delivery: Delivery) -> None:
    """Those of its subject that wait for it are due when it is, and at once when it has ended: what
    cannot be sent yet is not looked at by whoever takes the next one."""
    is_over = delivery.state != DeliveryState.PENDING
    Delivery.objects.filter(
        endpoint=delivery.endpoint_id,
        subject=delivery.subject,
        state=DeliveryState.PENDING,
        event_seq__gt=delivery.event_seq or 0,
    ).update(next_try_at=Now() if is_over else delivery.next_try_at)


def _disable(endpoint: Endpoint, outcome: Outcome) -> None:
    """Stops telling a locked endpoint that cannot be told, and says so by mail."""
    if endpoint.state != EndpointState.ACTIVE:
        return
    endpoint.state = ENDPOINT.transition(EndpointState.ACTIVE, "disable")
    endpoint.reason = outcome.error
    endpoint.save(update_fields=["state", "reason"])
    events.append([NewEvent("webhook.disabled", endpoint.pk, data={"status": outcome.status})])
    page = f"{settings.ENVIRONMENT.base_url}/console/webhooks/endpoint/{endpoint.pk}/change/"
    body = (
        f"Matricula tells {endpoint.url} nothing any more: for three days it could not be told.\n\n"
        f"The last try: {outcome.error}\n\n"
        f"What was not delivered is kept. Start the endpoint again when it works:\n{page}\n"
    )
    EmailMessage("A webhook endpoint was disabled", body, to=[endpoint.notify]).send()


# --- what staff does ------------------------------------------------------------------------


@transaction.atomic
def make_secret(endpoint_id: UUID, actor_id: UUID) -> str:
    """A new secret, which is told this once. The former one signs too for a day; an endpoint's
    first secret starts it."""
    endpoint = _lock(endpoint_id)
    former = Secret.objects.filter(endpoint=endpoint, expires_at=None)
    is_first = not former.exists()
    former.update(expires_at=Now() + rules.OVERLAP)
    secret = vault.new_secret()
    Secret.objects.create(endpoint=endpoint, kept=vault.lock_up(secret))
    events.append([NewEvent("webhook.secret_made", endpoint.pk, actor=actor_id)])
    if is_first:
        _start(endpoint, actor_id)
    return secret


@transaction.atomic
def start(endpoint_id: UUID, actor_id: UUID) -> None:
    """It is told again, of what happens from now on, and of what is still on its way. Raises
    IllegalState without a secret."""
    endpoint = _lock(endpoint_id)
    if not Secret.objects.filter(endpoint=endpoint, expires_at=None).exists():
        raise IllegalState("Make a secret first.")
    _start(endpoint, actor_id)


@transaction.atomic
def pause(endpoint_id: UUID, actor_id: UUID) -> None:
    """It is told nothing; what happens meanwhile is not sent later."""
    endpoint = _lock(endpoint_id)
    endpoint.state = ENDPOINT.transition(EndpointState(endpoint.state), "pause")
    endpoint.save(update_fields=["state"])
    events.append([NewEvent("webhook.paused", endpoint.pk, actor=actor_id)])


@transaction.atomic
def test(endpoint_id: UUID) -> UUID:
    """A message of the type `webhook.test` is on its way. Raises IllegalState when it is not
    started."""
    endpoint = _lock(endpoint_id)
    if endpoint.state != EndpointState.ACTIVE:
        raise IllegalState("Start the endpoint first.")
    made = Delivery.objects.create(endpoint=endpoint, type=types.TEST, subject=ids.new_id())
    return made.pk


@transaction.atomic
def replay(delivery_id: UUID, actor_id: UUID | None) -> None:
    """It is sent again under the same id. Raises IllegalState while it is on its way."""
    found = Delivery.objects.get(pk=delivery_id)
    _lock(found.endpoint_id)
    failures.clear(DELIVERIES.name, [str(delivery_id)])
    delivery = Delivery.objects.select_for_update().get(pk=delivery_id)
    delivery.state = DELIVERY.transition(DeliveryState(delivery.state), "replay")
    delivery.tries, delivery.next_try_at, delivery.delivered_at = 0, Now(), None
    delivery.save(update_fields=["state", "tries", "next_try_at", "delivered_at"])
    told = {"delivery": str(delivery.pk)}
    events.append([NewEvent("webhook.replayed", delivery.endpoint_id, actor=actor_id, data=told)])


def forget_old() -> int:
    """Deletes deliveries that ended longer ago than `rules.KEPT_FOR`; returns how many rows."""
    old = Delivery.objects.filter(created_at__lt=Now() - rules.KEPT_FOR)
    return delete_in_batches(old.exclude(state=DeliveryState.PENDING))


def _lock(endpoint_id: UUID) -> Endpoint:
    return Endpoint.objects.select_for_update().get(pk=endpoint_id)


def _start(endpoint: Endpoint, actor_id: UUID) -> None:
    endpoint.state = ENDPOINT.transition(EndpointState(endpoint.state), "start")
    endpoint.since, endpoint.failing_since, endpoint.reason = Now(), None, ""
    endpoint.save(update_fields=["state", "since", "failing_since", "reason"])
    waiting = Delivery.objects.filter(endpoint=endpoint, state=DeliveryState.PENDING)
    waiting.update(tries=0, next_try_at=Now())
    events.append([NewEvent("webhook.started", endpoint.pk, actor=actor_id)])


DELIVERIES = failures.register(
    WorkQueue(
        name="webhook_deliveries",
        title="Outgoing webhooks",
        # What waits for an earlier delivery of its subject is not due.
        backlog="SELECT count(*), min(d.next_try_at) FROM webhooks_endpoint p CROSS JOIN LATERAL ("
        " SELECT next_try_at FROM webhooks_delivery d WHERE d.endpoint_id = p.id"
        " AND d.state = 'pending' AND d.next_try_at <= now()"
        " AND (d.leased_until IS NULL OR d.leased_until < now())"
        " ORDER BY d.next_try_at LIMIT 1000) d WHERE p.state = 'active'",
        retry=lambda delivery_id: replay(UUID(delivery_id), None),
    )
)
