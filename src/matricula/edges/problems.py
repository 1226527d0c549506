"""Failures as problem details (RFC 9457, https://www.rfc-editor.org/rfc/rfc9457)."""

from __future__ import annotations

import traceback
from typing import Any

import psycopg
import simplejson
import structlog
from django.conf import settings
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import PermissionDenied as ForbiddenByDjango
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError

from matricula.kernel import correlation
from matricula.kernel.errors import (
    DomainError,
    Guidance,
    InternalError,
    MalformedRequest,
    NotFound,
    Overloaded,
    PayloadTooLarge,
    PermissionDenied,
)

MEDIA_TYPE = "application/problem+json"
BUSY_RETRY_SECONDS = 2

# What Django raises by itself for a request that cannot be served.
_FRAMEWORK: dict[type[Exception], type[DomainError]] = {
    Http404: NotFound,
    ForbiddenByDjango: PermissionDenied,
    RequestDataTooBig: PayloadTooLarge,
    BadRequest: MalformedRequest,
    SuspiciousOperation: MalformedRequest,
    MultiPartParserError: MalformedRequest,
    UnreadablePostError: MalformedRequest,
    # What the database cannot keep, like a NUL in a text.
    DataError: MalformedRequest,
    psycopg.DataError: MalformedRequest,
}

_AWAY = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)

log = structlog.get_logger(__name__)


def to_problem(error: DomainError) -> dict[str, Any]:
    """The members of the problem; those that say nothing are left out."""
    guidance = error.guidance
    problem: dict[str, Any] = {
        "type": f"{settings.ENVIRONMENT.base_url}/api/v1/docs#{error.code}",
        "title": str(error.title),
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "correlation_id": correlation.current(),
        "retryable": error.retryable,
        **guidance.extra,
    }
    if guidance.errors:
        problem["errors"] = [
            {"field": entry.field, "message": str(entry.message)} for entry in guidance.errors
        ]
    if guidance.retry_after is not None:
        problem["retry_after"] = guidance.retry_after
    if guidance.alternatives:
        problem["alternatives"] = list(guidance.alternatives)
    if guidance.actions:
        problem["actions"] = [
            {"label": str(action.label), "url": action.url} for action in guidance.actions
        ]
    return problem


def body_of(error: DomainError) -> str:
    """The problem as JSON text."""
    return simplejson.dumps(to_problem(error))


def respond(error: DomainError, body: str | None = None) -> HttpResponse:
    """The problem as an answer, with the headers its status asks for."""
    response = HttpResponse(
        body if body is not None else body_of(error), content_type=MEDIA_TYPE, status=error.status
    )
    if error.status == 401:  # noqa: PLR2004
        response["WWW-Authenticate"] = 'Bearer realm="matricula"'
    if error.guidance.retry_after is not None:
        response["Retry-After"] = str(error.guidance.retry_after)
    return response


def as_domain_error(exception: Exception) -> DomainError:
    """The expected failure that an exception stands for. Those nobody expected are logged whole and
    answered without their words.
    """
    if isinstance(exception, DomainError):
        return exception
    for kind, meant in _FRAMEWORK.items():
        if isinstance(exception, kind):
            return meant()
    if isinstance(exception, _AWAY):
        log.warning("database_unavailable", error=str(exception))
        return Overloaded(guidance=Guidance(retry_after=BUSY_RETRY_SECONDS))
    if isinstance(exception, IntegrityError | psycopg.IntegrityError):
        # Its text quotes the row, which may be somebody's address.
        cause = exception if isinstance(exception, psycopg.Error) else exception.__cause__
        constraint = getattr(getattr(cause, "diag", None), "constraint_name", None)
        where = "".join(traceback.format_tb(exception.__traceback__))
        log.error("unexpected_error", constraint=constraint, traceback=where)
    else:
        log.error("unexpected_error", exc_info=exception)
    return InternalError()
