"""Sends queued mail: a thread of the worker that takes what is due in batches, over one connection
to the relay, at a steady rate.

A mail goes out at least once. Taking it moves its time on, so that nobody else takes it, and a
sender that dies leaves it to be taken again; only a crash between the relay's yes and our record
makes a second copy, and that one has the same Message-ID. Nothing is sent inside a transaction.
"""

from __future__ import annotations

import smtplib
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from enum import Enum
from typing import Any
from uuid import UUID

import structlog
from anymail.exceptions import AnymailAPIError, AnymailError, AnymailRecipientsRefused
from anymail.message import AnymailMessage
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import DatabaseError, InterfaceError, connection, transaction

from matricula.kernel import clock, correlation, events, failures
from matricula.kernel.connections import release_connection
from matricula.kernel.events import NewEvent
from matricula.kernel.failures import WorkQueue
from matricula.notifications.actions import send_again, suppress
from matricula.notifications.kinds import ALWAYS, KINDS
from matricula.notifications.models import LONGEST_ERROR, Delivery, SuppressedAddress
from matricula.notifications.states import DELIVERY, DeliveryState

BATCH = 50
IDLE_SECONDS = 0.5
AFTER_FAILURE_SECONDS = 5.0
LEASE = timedelta(minutes=10)
# Tried again after so many minutes; together a little over three days, as relays themselves do.
_PAUSES = (1, 2, 5, 15, 30, 60, 120, 240, 480, 960, 1440, 1440)
# So many mails an hour to one address are plenty; the rest wait, none is lost.
MOST_AN_HOUR = 30
_RETRY_SOON = timedelta(minutes=10)
# Enhanced status codes (RFC 3463) that say the address itself is no good.
_UNUSABLE = frozenset({400, 413, 422})
_NO_SUCH_ADDRESS = ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10")

# Postmark (https://postmarkapp.com/developer/user-guide/send-email-with-api) keeps it only then.
_KEEP_ID = {"X-PM-KeepID": "true"} if settings.ENVIRONMENT.mail.service == "postmark" else {}

log = structlog.get_logger(__name__)

Check = Callable[[Delivery], bool]
Maker = Callable[[str], tuple[bytes, str]]
_still_true: dict[str, Check] = {}
_makers: dict[str, Maker] = {}


class Outcome(Enum):
    """What became of one try."""

    SENT = "send"
    REFUSED = "fail"
    NO_SUCH_ADDRESS = "bounce"
    AGAIN = "again"


def send_only_if(kind: str, check: Check) -> None:
    """From now on mail of this kind is sent only if `check` still says so when its time comes."""
    _still_true[kind] = check


def attach(source: str, maker: Maker) -> None:
    """From now on attachments of this source are made by `maker`: reference in, content and media
    type out."""
    _makers[source] = maker


class Pace:
    """A steady rate: relays slow down or block who floods them. What was lost between two batches
    is made up for, a second of it at most."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._next = time.monotonic()

    def keep(self) -> None:
        """Waits until it is time for another mail, or until told to stop."""
        now = time.monotonic()
        self._next = max(self._next, now - 1) + 1 / settings.ENVIRONMENT.mail.per_second
        if self._next > now:
            self._stop.wait(self._next - now)


def send_until(stop: threading.Event) -> None:
    """Sends what is due until told to stop. A database or a relay that is away is waited for."""
    pace = Pace(stop)
    while not stop.is_set():
        try:
            pause = 0.0 if send_due(stop, pace) == BATCH else IDLE_SECONDS
        except (DatabaseError, InterfaceError) as error:
            log.warning("mail_not_read", error=str(error))
            pause = AFTER_FAILURE_SECONDS
        connection.close()
        stop.wait(pause)


def send_due(stop: threading.Event | None = None, pace: Pace | None = None) -> int:
    """Sends one batch of what is due; returns how many mails were taken."""
    batch = _take()
    if not batch:
        return 0
    relay = get_connection(settings.MAIL_TRANSPORT)
    try:
        _send(batch, relay, stop, pace)
    finally:
        relay.close()
    return len(batch)


def _send(
    batch: Sequence[Delivery],
    relay: BaseEmailBackend,
    stop: threading.Event | None,
    pace: Pace | None,
) -> None:
    addresses = _Addresses(batch)
    for number, row in enumerate(batch):
        if stop is not None and stop.is_set():
            _give_back(batch[number:])
            return
        if _is_turned_down_alone(row, addresses):
            continue
        release_connection()
        try:
            relay.open()  # once for the batch, and again after the relay has hung up
        except (OSError, AnymailError) as error:
            for left in batch[number:]:  # not tried one by one: each would wait for its time-out
                _record(left, Outcome.AGAIN, f"{type(error).__name__}: {error}")
            return
        outcome, said = _try(row, relay)
        if outcome is Outcome.SENT:
            _record_sent(row)
            addresses.note_sent(row)
        elif isinstance(outcome, Exception):
            _set_aside(row, outcome)
        else:
            _record(row, outcome, said)
        if outcome is Outcome.AGAIN:
            relay.close()
        if pace is not None:
            pace.keep()


def _take() -> list[Delivery]:
    with transaction.atomic():
        rows = Delivery.objects.select_for_update(skip_locked=True, no_key=True).filter(
            state=DeliveryState.QUEUED, due_at__lte=clock.now()
        )
        taken = list(rows.order_by("due_at")[:BATCH])
        Delivery.objects.filter(pk__in=[row.pk for row in taken]).update(due_at=clock.now() + LEASE)
    return taken


def _give_back(rows: Sequence[Delivery]) -> None:
    Delivery.objects.filter(pk__in=[row.pk for row in rows], state=DeliveryState.QUEUED).update(
        due_at=clock.now()
    )


class _Addresses:
    """What is known of the addresses of a batch: asked once for all of them."""

    def __init__(self, batch: Sequence[Delivery]) -> None:
        addresses = {row.address for row in batch}
        self._suppressed = {
            found.address: found
            for found in SuppressedAddress.objects.filter(
                address__in={address.lower() for address in addresses}
            )
        }
        hour_ago = clock.now() - timedelta(hours=1)
        lately = Delivery.objects.filter(address__in=addresses, sent_at__gte=hour_ago)
        self._sent = Counter(lately.values_list("address", flat=True))

    def note_sent(self, row: Delivery) -> None:
        self._sent[row.address] += 1

    def suppression_of(self, row: Delivery) -> SuppressedAddress | None:
        """Why the address does not get this mail, or None if it does."""
        found = self._suppressed.get(row.address.lower())
        takes_it = KINDS[row.kind].category in ALWAYS
        if found is None or (takes_it and found.reason != SuppressedAddress.Reason.BOUNCE):
            return None
        return found

    def has_enough(self, row: Delivery) -> bool:
        return self._sent[row.address] >= MOST_AN_HOUR


def _is_turned_down_alone(row: Delivery, addresses: _Addresses) -> bool:
    """`_is_turned_down`; a mail for which the checks themselves fail is set aside."""
    try:
        return _is_turned_down(row, addresses)
    except Exception as error:
        if failures.is_outage(error):
            raise
        _set_aside(row, error)
        return True


def _set_aside(row: Delivery, error: Exception) -> None:
    """A mail that cannot be made or checked, which is no fault of its address: staff sees it."""
    log.error("mail_not_made", delivery=str(row), exc_info=error)
    why = failures.describe(error)
    with transaction.atomic():
        _record(row, Outcome.REFUSED, why)
        failures.set_aside(MAIL.name, str(row.pk), why, row.tries + 1)


def _is_turned_down(row: Delivery, addresses: _Addresses) -> bool:
    """Whether the mail is not sent now: its address takes none, it is not true any more, or the
    address has had enough for this hour."""
    suppressed = addresses.suppression_of(row)
    if suppressed is not None:
        _move(row, "suppress", f"No mail goes to this address: {suppressed.get_reason_display()}.")
        return True
    check = _still_true.get(row.kind)
    if check is not None and not check(row):
        _move(row, "outdate", "Not true any more when its time came.")
        return True
    if addresses.has_enough(row):
        Delivery.objects.filter(pk=row.pk).update(
            due_at=clock.now() + _RETRY_SOON, error="This address has had enough for this hour."
        )
        return True
    return False


def _try(row: Delivery, relay: BaseEmailBackend) -> tuple[Outcome | Exception, str]:
    """One try; a mail that cannot be made, or is refused, fails alone."""
    with correlation.following(row.correlation_id):
        try:
            message = _message(row, relay)
            release_connection()  # others need it while the relay takes its time
            message.send()
        except (OSError, AnymailError) as error:  # smtplib's errors are OSErrors
            return _of_refusal(error)
        except Exception as error:
            if failures.is_outage(error):
                raise
            return error, ""
    return Outcome.SENT, ""


def _of_refusal(error: OSError | AnymailError) -> tuple[Outcome, str]:
    match error:
        case smtplib.SMTPRecipientsRefused():
            code, said = next(iter(error.recipients.values()))
            return _of_smtp(code, said), _words(code, said)
        case smtplib.SMTPResponseException():
            words = error.smtp_error
            return _of_smtp(error.smtp_code, words), _words(error.smtp_code, words)
        case AnymailRecipientsRefused():
            return Outcome.NO_SUCH_ADDRESS, _first_line(error)
        case AnymailAPIError() if error.status_code in _UNUSABLE:
            # What a service cannot use it cannot use tomorrow; a wrong key is mended by staff, and
            # a limit or an outage ends.
            return Outcome.REFUSED, _first_line(error)
        case _:
            return Outcome.AGAIN, f"{type(error).__name__}: {_first_line(error)}"


def _first_line(error: Exception) -> str:
    # Further lines of a service's answer hold what it was sent, which is personal.
    return str(error).partition("\n")[0]


def _of_smtp(code: int, said: bytes | str) -> Outcome:
    """RFC 5321, section 4.2.1: 4yz may succeed later, 5yz will not."""
    if code < 500:  # noqa: PLR2004
        return Outcome.AGAIN
    words = _words(code, said)
    no_such = any(mark in words for mark in _NO_SUCH_ADDRESS)
    return Outcome.NO_SUCH_ADDRESS if no_such else Outcome.REFUSED


def _words(code: int, said: bytes | str) -> str:
    return f"{code} {said.decode('utf-8', 'replace') if isinstance(said, bytes) else said}"


def _record_sent(row: Delivery) -> None:
    """In one statement, since the mail after it waits: the relay has it, and its event is told."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT record_sent(%s, %s, %s)", [row.pk, clock.now(), correlation.current()]
        )


@transaction.atomic
def _record(row: Delivery, outcome: Outcome, error: str) -> None:
    """A try that has not delivered."""
    tries = row.tries + 1
    if outcome is Outcome.AGAIN and tries <= len(_PAUSES):
        due_at = clock.now() + timedelta(minutes=_PAUSES[tries - 1])
        Delivery.objects.filter(pk=row.pk).update(
            tries=tries, error=error[:LONGEST_ERROR], due_at=due_at
        )
        log.warning("mail_not_sent", delivery=str(row), tries=tries)
        return
    trigger = "fail" if outcome is Outcome.AGAIN else outcome.value
    _move(row, trigger, error, tries=tries)
    if outcome is Outcome.NO_SUCH_ADDRESS:
        suppress(row.address, SuppressedAddress.Reason.BOUNCE, error)
    if row.person_id is not None:
        events.append([NewEvent("message.failed", row.pk, row.person_id, data={"kind": row.kind})])


def _move(row: Delivery, trigger: str, error: str, *, tries: int | None = None) -> None:
    state = DELIVERY.transition(DeliveryState(row.state), trigger)
    changed: dict[str, Any] = {"state": state, "error": error[:LONGEST_ERROR]}
    if tries is not None:
        changed["tries"] = tries
    Delivery.objects.filter(pk=row.pk, state=row.state).update(**changed)


def _message(row: Delivery, relay: BaseEmailBackend) -> EmailMultiAlternatives:
    content: dict[str, Any] = row.content or {}
    message: EmailMultiAlternatives = AnymailMessage(
        row.subject,
        content["text"],
        settings.DEFAULT_FROM_EMAIL,
        [row.address],
        headers={**content["headers"], "Message-ID": row.message_id_header, **_KEEP_ID},
        connection=relay,
        # A mail service gives this back with its news (`edges/hooks/mail.py`); a relay ignores it.
        metadata={"delivery": str(row)},
    )
    if content["html"]:
        message.attach_alternative(content["html"], "text/html")
    for name, source, reference in content["attachments"]:
        made, media_type = _makers[source](reference)
        message.attach(name, made, media_type)
    return message


MAIL = failures.register(
    WorkQueue(
        name="mail",
        title="Mail",
        backlog="SELECT count(*), min(due_at) FROM (SELECT due_at FROM notifications_delivery"
        " WHERE state = 'queued' AND due_at <= now() ORDER BY due_at LIMIT 1000) due",
        retry=lambda delivery_id: send_again(UUID(delivery_id)),
    )
)
