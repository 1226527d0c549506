"""Who is asking: a bearer token, or the session cookie with the CSRF header."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from ninja.security.base import AuthBase
from ninja.utils import check_csrf

from matricula.accounts import queries as accounts
from matricula.accounts import tokens
from matricula.accounts.models import Person
from matricula.kernel.errors import AuthenticationRequired, PermissionDenied

_SAFE = {"GET", "HEAD", "OPTIONS"}


class SignedIn(AuthBase):
    """Lets a request through when it names a person; the operation finds their id in
    `request.auth`. Does not ask the database about a bearer token.
    """

    openapi_type = "http"
    openapi_scheme = "bearer"
    openapi_bearerFormat = "JWT"  # noqa: N815 - OpenAPI's name

    def __call__(self, request: HttpRequest) -> UUID:
        person_id = visitor(request)
        if person_id is None:
            raise AuthenticationRequired
        return person_id


def visitor(request: HttpRequest) -> UUID | None:
    """The person who asks, or None for a guest.

    Raises TokenExpired or TokenRefused for a bad token, and PermissionDenied when a cookie comes
    without the CSRF token on a request that changes something.
    """
    header = request.headers.get("Authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise AuthenticationRequired("Send the header as: Authorization: Bearer <token>.")
        return tokens.read_access(token.strip())
    if not request.user.is_authenticated:
        return None
    if request.method not in _SAFE and check_csrf(request) is not None:
        raise PermissionDenied("The CSRF token is missing or wrong (header X-CSRFToken).")
    return request.user.pk


def active_person_id(request: HttpRequest) -> UUID:
    """The id of the person who asks, whom the database was asked about. Raises
    AuthenticationRequired when the account is gone or closed."""
    person_id: UUID = request.auth  # type: ignore[attr-defined]  # set by SignedIn
    if not accounts.is_active(person_id):
        raise AuthenticationRequired("This account is closed.")
    return person_id


def active_person(request: HttpRequest) -> Person:
    """The person who asks, read from the database. Raises AuthenticationRequired when the account
    is gone or closed.
    """
    person_id: UUID = request.auth  # type: ignore[attr-defined]  # set by SignedIn
    person = accounts.active_person(person_id)
    if person is None:
        raise AuthenticationRequired("This account is closed.")
    return person
