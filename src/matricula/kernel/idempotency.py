"""One Idempotency-Key: one effect, one answer.

A key belongs to a person and stands for one request (route and body). Answers of 2xx and of
business 4xx are remembered for 24 hours and given again; 202, 401, 429 and 5xx are not, since the
same request may well succeed later.

Two ways to use it, both in the transaction that has the effect: `reserve` then `remember` for
ordinary actions; the enrollment function of `flows/sql` remembers its own answers. A refusal has no
effect and is remembered after the fact.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from uuid import UUID

from django.db import connection
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from matricula.kernel.batches import delete_in_batches
from matricula.kernel.errors import (
    FieldError,
    Guidance,
    IdempotencyInProgress,
    IdempotencyMismatch,
    ValidationFailed,
)
from matricula.kernel.models import RememberedAnswer
from matricula.kernel.words import said

KEPT_FOR = timedelta(hours=24)
LEASE = timedelta(seconds=60)
LONGEST_KEY = 255
_NOT_REMEMBERED = {202, 401, 429}


@dataclass(frozen=True)
class Answer:
    """A finished answer: the HTTP status and the exact body."""

    status: int
    body: str


def checked_key(key: str | None) -> str | None:
    """The key, or None when none was sent. Raises ValidationFailed for an unusable one."""
    if key is None:
        return None
    if not key.strip() or len(key) > LONGEST_KEY or not key.isascii() or not key.isprintable():
        message = said("Send 1 to %(most)d printable ASCII characters.", most=LONGEST_KEY)
        raise ValidationFailed(
            _("The Idempotency-Key header is not usable."),
            Guidance(errors=[FieldError("Idempotency-Key", message)]),
        )
    return key


def fingerprint(route: str, body: bytes) -> str:
    """What makes two requests the same request: the route and the meaning of the JSON body, so that
    a client may write it again with other spaces or in another order. Behind the colon stands the
    digest of the bytes as they came, which is all that former releases kept."""
    start = route.encode() + b"\n"
    meaning = hashlib.sha256(start + _canonical(body)).hexdigest()
    return f"{meaning}:{hashlib.sha256(start + body).hexdigest()}"


def is_same_request(one: str, other: str) -> bool:
    """Whether two fingerprints, also of a former release, stand for the same request."""
    return not set(one.split(":")).isdisjoint(other.split(":"))


def _canonical(body: bytes) -> bytes:
    try:
        content = json.loads(body)
        return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        return body


def is_remembered(status: int) -> bool:
    """Whether an answer of this status is kept."""
    return status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _NOT_REMEMBERED


@dataclass(frozen=True)
class Remembered:
    """What a key stands for, as stored."""

    fingerprint: str
    status: int | None
    body: str | None


def replayed(remembered: Remembered, print_: str) -> Answer:
    """The first answer, for a request with this fingerprint.

    Raises IdempotencyMismatch when the key stands for another request, and
    IdempotencyInProgress while the first one runs.
    """
    if not is_same_request(remembered.fingerprint, print_):
        raise IdempotencyMismatch
    if remembered.status is None or remembered.body is None:
        raise IdempotencyInProgress(guidance=Guidance(retry_after=1))
    return Answer(remembered.status, remembered.body)


def recall(owner: UUID, key: str, print_: str) -> Answer | None:
    """The answer already given for this key, or None when there is none. Raises as `replayed`."""
    row = RememberedAnswer.objects.filter(owner=owner, key=key).first()
    if row is None:
        return None
    return replayed(Remembered(row.fingerprint, row.status, row.body), print_)


def reserve(owner: UUID, key: str, print_: str) -> Answer | None:
    """Takes the key for a request that is about to run; None means: go on.

    Waits for a transaction that holds the key at this moment. Returns the first answer if there is
    one. Raises as `recall`. A reservation that was never finished ends with its lease.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT reserve_key(%s, %s, %s, %s)", [owner, key, print_, LEASE.total_seconds()]
        )
        (is_ours,) = cursor.fetchone()
    return None if is_ours else recall(owner, key, print_)


def remember(owner: UUID, key: str, print_: str, answer: Answer) -> Answer:
    """Keeps the answer; returns the one that stands for the key, since the first one kept stays.

    An answer that is not of a kind to keep frees the key. Raises as `replayed`.
    """
    if not is_remembered(answer.status):
        RememberedAnswer.objects.filter(owner=owner, key=key, status__isnull=True).delete()
        return answer
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT fingerprint, status, body FROM remember_answer(%s, %s, %s, %s, %s)",
            [owner, key, print_, answer.status, answer.body],
        )
        return replayed(Remembered(*cursor.fetchone()), print_)


@dataclass(frozen=True)
class NewAnswer:
    """An answer of a kind to keep, and the request it was given to."""

    owner: UUID
    key: str
    fingerprint: str
    answer: Answer


def remember_many(given: Sequence[NewAnswer]) -> list[Remembered]:
    """Keeps the answers, of a different owner each, in one query; what stands for each key, since
    the first one kept stays."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT fingerprint, status, body FROM remember_answers("
            "%s::uuid[], %s::text[], %s::text[], %s::int[], %s::text[])",
            [
                [one.owner for one in given],
                [one.key for one in given],
                [one.fingerprint for one in given],
                [one.answer.status for one in given],
                [one.answer.body for one in given],
            ],
        )
        return [Remembered(*row) for row in cursor.fetchall()]


def forget_old() -> int:
    """Deletes what is older than `KEPT_FOR`; returns how many keys were forgotten."""
    return delete_in_batches(RememberedAnswer.objects.filter(created_at__lt=Now() - KEPT_FOR))
