"""Idempotency-Key for operations that do all their work in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from matricula.edges import problems
from matricula.edges.api.answers import MEDIA_TYPE
from matricula.kernel import idempotency
from matricula.kernel.errors import DomainError
from matricula.kernel.idempotency import Answer

HEADER = "Idempotency-Key"


def key_of(request: HttpRequest) -> str | None:
    """The request's key. Raises ValidationFailed for an unusable one."""
    return idempotency.checked_key(request.headers.get(HEADER))


def print_of(request: HttpRequest) -> str:
    """What makes this request the same as another: its route and its body."""
    return idempotency.fingerprint(f"{request.method} {request.path}", request.body)


def once(request: HttpRequest, owner: UUID, work: Callable[[], HttpResponse]) -> HttpResponse:
    """Runs `work` in a transaction, at most once for the request's key. Without a key plainly: what
    a flow does is one transaction by itself, and what it locked is free before the answer is made.

    A refusal is remembered too, after what the work had done is undone.
    """
    key = key_of(request)
    if key is None:
        return work()
    print_ = print_of(request)
    with transaction.atomic():
        first = idempotency.reserve(owner, key, print_)
        if first is not None:
            return replay(first)
        try:
            with transaction.atomic():
                response = work()
        except DomainError as error:
            response = problems.respond(error)
        answer = Answer(response.status_code, response.content.decode())
        idempotency.remember(owner, key, print_, answer)
        return response


def over_several(
    request: HttpRequest, owner: UUID, work: Callable[[], HttpResponse]
) -> HttpResponse:
    """As `once` for work of several transactions, which speaks to a gateway between them and is
    safe to repeat by itself: its answer is remembered when it is complete."""
    key = key_of(request)
    if key is not None:
        first = idempotency.recall(owner, key, print_of(request))
        if first is not None:
            return replay(first)
    try:
        return remember(request, owner, key, work())
    except DomainError as error:
        return remember_refusal(request, owner, key, error)


def remember(
    request: HttpRequest, owner: UUID, key: str | None, response: HttpResponse
) -> HttpResponse:
    """Keeps an answer under the request's key, if there is one; the first one kept stands."""
    return response if key is None else keep(owner, key, print_of(request), response)


def keep(owner: UUID, key: str, print_: str, response: HttpResponse) -> HttpResponse:
    """As `remember`, for whoever has the request's print already."""
    ours = Answer(response.status_code, response.content.decode())
    kept = idempotency.remember(owner, key, print_, ours)
    return response if kept == ours else replay(kept)


def remember_refusal(
    request: HttpRequest, owner: UUID, key: str | None, error: DomainError
) -> HttpResponse:
    """The refusal as an answer, kept under the key if there is one and it is of a kind to keep.

    When the same request was answered otherwise in the meantime, that answer stands.
    """
    response = problems.respond(error)
    if key is None or error.code in _OF_THE_KEY:
        return response
    return remember(request, owner, key, response)


def replay(first: Answer) -> HttpResponse:
    """The first answer again, marked as such."""
    media_type = MEDIA_TYPE if first.status < 400 else problems.MEDIA_TYPE  # noqa: PLR2004
    response = HttpResponse(first.body, content_type=media_type, status=first.status)
    response["Idempotent-Replayed"] = "true"
    return response


# About the key itself, not answers of the request it first stood for.
_OF_THE_KEY = {"idempotency_mismatch", "idempotency_in_progress"}
