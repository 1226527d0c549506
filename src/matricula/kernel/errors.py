"""Expected failures: each has a code of the public interface, a status and words for a person.

Rooms raise them, and one place (`edges/problems.py`) turns them into a page or into problem
details (RFC 9457, https://www.rfc-editor.org/rfc/rfc9457).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field of the input; `field` is a dotted path."""

    field: str
    message: str


@dataclass(frozen=True)
class Action:
    """A way on that the person has: a link with words."""

    label: str
    url: str


@dataclass(frozen=True)
class Guidance:
    """What helps after a failure."""

    errors: Sequence[FieldError] = ()
    alternatives: Sequence[dict[str, Any]] = ()
    actions: Sequence[Action] = ()
    retry_after: int | None = None
    extra: dict[str, Any] = field(default_factory=dict)


class DomainError(Exception):
    """An expected failure. Subclasses give `code`, `status`, `title` and the usual `detail`."""

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]
    usual_detail: ClassVar[str] = ""
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str | None = None, guidance: Guidance | None = None) -> None:
        self.detail = detail or self.usual_detail or self.title
        self.guidance = guidance or Guidance()
        super().__init__(self.detail)


class MalformedRequest(DomainError):
    code, status, title = "malformed_request", 400, "The request cannot be read"


class PayloadTooLarge(DomainError):
    code, status, title = "payload_too_large", 413, "The request is too large"
    usual_detail = "Send at most 1 MB."


class AuthenticationRequired(DomainError):
    code, status, title = "authentication_required", 401, "Sign in first"
    usual_detail = "This needs a signed-in person or a valid access token."


class TokenExpired(DomainError):
    code, status, title = "token_expired", 401, "The access token has expired"
    usual_detail = "Get a new access token with the refresh token."


class PermissionDenied(DomainError):
    code, status, title = "permission_denied", 403, "Not allowed"
    usual_detail = "You do not have permission to do this."


class NotFound(DomainError):
    code, status, title = "not_found", 404, "Not found"
    usual_detail = "There is nothing here, or it is not yours."


class MethodNotAllowed(DomainError):
    code, status, title = "method_not_allowed", 405, "This method is not allowed here"


class IllegalState(DomainError):
    code, status, title = "illegal_state", 409, "Not possible in the present state"


class IdempotencyInProgress(DomainError):
    code, status, title = "idempotency_in_progress", 409, "The first request is still running"
    usual_detail = "A request with this Idempotency-Key has not ended yet. Ask again shortly."
    retryable = True


class ValidationFailed(DomainError):
    code, status, title = "validation_failed", 422, "Some of the input is not valid"


class IdempotencyMismatch(DomainError):
    code, status, title = "idempotency_mismatch", 422, "This Idempotency-Key was used before"
    usual_detail = "It belongs to a different request. Use a new key for a new request."


class RateLimited(DomainError):
    code, status, title = "rate_limited", 429, "Too many requests"
    usual_detail = "Wait a moment, then try again."
    retryable = True


class Overloaded(DomainError):
    code, status, title = "overloaded", 503, "Very busy right now"
    usual_detail = "Nothing was changed. Please try again in a few seconds."
    retryable = True


class InternalError(DomainError):
    code, status, title = "internal_error", 500, "Something went wrong on our side"
    usual_detail = "It has been noted. Try again; if it stays, quote the correlation id to support."
    retryable = True
