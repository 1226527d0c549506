"""Expected failures: each has a code of the public interface, a status and words for a person.

Rooms raise them, and one place (`edges/problems.py`) turns them into a page or into problem
details (RFC 9457, https://www.rfc-editor.org/rfc/rfc9457).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

# Words for a person: lazy ones are put into the reader's language when they are read, which may be
# in another thread than the one that refused.
Words: TypeAlias = "str | _StrPromise"


@dataclass(frozen=True)
class FieldError:
    """What is wrong with one field of the input; `field` is a dotted path."""

    field: str
    message: Words


@dataclass(frozen=True)
class Action:
    """A way on that the person has: a link with words."""

    label: Words
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
    title: ClassVar[Words]
    usual_detail: ClassVar[Words] = ""
    retryable: ClassVar[bool] = False

    def __init__(self, detail: Words | None = None, guidance: Guidance | None = None) -> None:
        self.words: Words = detail or self.usual_detail or self.title
        self.guidance = guidance or Guidance()
        super().__init__(self.words)

    @property
    def detail(self) -> str:
        """What happened, in the language that is active when it is read."""
        return str(self.words)


class MalformedRequest(DomainError):
    code, status, title = "malformed_request", 400, _("The request cannot be read")


class PayloadTooLarge(DomainError):
    code, status, title = "payload_too_large", 413, _("The request is too large")
    usual_detail: ClassVar[Words] = _("Send at most 1 MB.")


class AuthenticationRequired(DomainError):
    code, status, title = "authentication_required", 401, _("Sign in first")
    usual_detail: ClassVar[Words] = _("This needs a signed-in person or a valid access token.")


class TokenExpired(DomainError):
    code, status, title = "token_expired", 401, _("The access token has expired")
    usual_detail: ClassVar[Words] = _("Get a new access token with the refresh token.")


class PermissionDenied(DomainError):
    code, status, title = "permission_denied", 403, _("Not allowed")
    usual_detail: ClassVar[Words] = _("You do not have permission to do this.")


class NotFound(DomainError):
    code, status, title = "not_found", 404, _("Not found")
    usual_detail: ClassVar[Words] = _("There is nothing here, or it is not yours.")


class MethodNotAllowed(DomainError):
    code, status, title = "method_not_allowed", 405, _("This method is not allowed here")


class IllegalState(DomainError):
    code, status, title = "illegal_state", 409, _("Not possible in the present state")


class IdempotencyInProgress(DomainError):
    code, status, title = "idempotency_in_progress", 409, _("The first request is still running")
    usual_detail: ClassVar[Words] = _(
        "A request with this Idempotency-Key has not ended yet. Ask again shortly."
    )
    retryable = True


class ValidationFailed(DomainError):
    code, status, title = "validation_failed", 422, _("Some of the input is not valid")


class IdempotencyMismatch(DomainError):
    code, status, title = "idempotency_mismatch", 422, _("This Idempotency-Key was used before")
    usual_detail: ClassVar[Words] = _(
        "It belongs to a different request. Use a new key for a new request."
    )


class RateLimited(DomainError):
    code, status, title = "rate_limited", 429, _("Too many requests")
    usual_detail: ClassVar[Words] = _("Wait a moment, then try again.")
    retryable = True


class Overloaded(DomainError):
    code, status, title = "overloaded", 503, _("Very busy right now")
    usual_detail: ClassVar[Words] = _("Nothing was changed. Please try again in a few seconds.")
    retryable = True


class InternalError(DomainError):
    code, status, title = "internal_error", 500, _("Something went wrong on our side")
    usual_detail: ClassVar[Words] = _(
        "It has been noted. Try again; if it stays, quote the correlation id to support."
    )
    retryable = True
