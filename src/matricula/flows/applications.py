"""Applications to enroll and what can become of them: the values that `enroll.py` works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from matricula.catalog.queries import CoursePlan
from matricula.enrollments.states import Stage
from matricula.flows.checkout import Terms
from matricula.kernel import correlation, idempotency, ids
from matricula.kernel.errors import DomainError, IdempotencyInProgress, IdempotencyMismatch
from matricula.kernel.idempotency import Answer, NewAnswer


@dataclass(frozen=True)
class Application:
    """What a person asks for: a course (its next open cohort is taken) or one cohort of it."""

    person_id: UUID
    course: str | UUID | None = None
    cohort_id: UUID | None = None
    coupon_code: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    terms: Terms = field(default_factory=Terms)


@dataclass(frozen=True)
class Receipt:
    """What became of an application. `is_new` is False when the enrollment was pending already.
    `order_id` is there when it costs something: `pay.open_session` asks for the money."""

    enrollment_id: UUID
    course: CoursePlan
    stage: Stage
    hold_expires_at: datetime | None
    is_new: bool
    order_id: UUID | None = None


@dataclass(frozen=True)
class Keyed:
    """An application sent with an Idempotency-Key. `write` makes the answer to be remembered with
    the enrollment; `refuse` the one to a refusal, remembered after the fact."""

    key: str
    fingerprint: str
    write: Callable[[Receipt], str]
    refuse: Callable[[DomainError], Answer] | None = None


@dataclass(frozen=True)
class Request:
    """An application as it is served. Its enrollment has its id from the start, so a request that
    is served again because its outcome was lost gets the same enrollment."""

    application: Application
    keyed: Keyed | None = None
    correlation_id: str = field(default_factory=correlation.current)
    enrollment_id: UUID = field(default_factory=ids.new_id)
    is_alone: bool = False  # decided under its person's lock

    @property
    def key(self) -> str | None:
        return self.keyed.key if self.keyed else None


@dataclass(frozen=True)
class Unfinished:
    """What takes more than a claim, like a checkout: `finish` does the rest, for this request
    alone. It returns and raises as `enroll`."""

    finish: Callable[[], Receipt]


class AlreadyAnswered(Exception):
    """The key's first answer, to be given again."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__()


Outcome = Receipt | Unfinished | DomainError | AlreadyAnswered


def remembered(requests: Sequence[Request], outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes, after the refusals among them were remembered under their requests' keys, in
    one query. When a request was answered otherwise in the meantime, that answer stands."""
    standing = list(outcomes)
    refusals = {
        place: refusal
        for place, (request, outcome) in enumerate(zip(requests, outcomes, strict=True))
        if (refusal := _to_remember(request, outcome)) is not None
    }
    kept = idempotency.remember_many(list(refusals.values())) if refusals else []
    for (place, ours), first in zip(refusals.items(), kept, strict=True):
        if (first.status, first.body) == (ours.answer.status, ours.answer.body):
            continue
        try:
            standing[place] = AlreadyAnswered(idempotency.replayed(first, ours.fingerprint))
        except (IdempotencyMismatch, IdempotencyInProgress) as error:
            standing[place] = error
    return standing


def _to_remember(request: Request, outcome: Outcome) -> NewAnswer | None:
    keyed = request.keyed
    # What is about the key itself is no answer of the request that it first stood for.
    of_the_key = isinstance(outcome, IdempotencyMismatch | IdempotencyInProgress)
    if keyed is None or keyed.refuse is None or not isinstance(outcome, DomainError) or of_the_key:
        return None
    if not idempotency.is_remembered(outcome.status):
        return None
    with correlation.following(request.correlation_id):
        answer = keyed.refuse(outcome)
    return NewAnswer(request.application.person_id, keyed.key, keyed.fingerprint, answer)
