"""Who is asking, without Django's threads: the same rules as `edges/api/authentication.py`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.utils.crypto import constant_time_compare
from ninja.utils import check_csrf

from matricula.accounts import tokens
from matricula.accounts.models import Person
from matricula.edges.live.database import Database
from matricula.edges.live.requests import LiveRequest
from matricula.kernel.errors import AuthenticationRequired, PermissionDenied

_SAFE = {"GET", "HEAD", "OPTIONS"}
_SESSION = (
    "SELECT session_data, expire_date FROM django_session"
    " WHERE session_key = %s AND expire_date > now()"
)
_PERSON = "SELECT password FROM accounts_person WHERE id = %s AND is_active"


@dataclass(frozen=True, slots=True)
class Identity:
    """A person who has shown who they are, until `ends_at`: when the token or the session does.

    A token is believed without the database, as everywhere; whoever answers from the person's own
    rows also asks whether the account is still open.
    """

    person_id: UUID
    ends_at: datetime


async def required(request: LiveRequest) -> Identity:
    """The person who asks. Raises AuthenticationRequired for a guest, and what `visitor` raises."""
    identity = await visitor(request)
    if identity is None:
        raise AuthenticationRequired
    return identity


async def visitor(request: LiveRequest) -> Identity | None:
    """The person who asks, or None for a guest.

    Raises TokenExpired or TokenRefused for a bad token, and PermissionDenied when a cookie comes
    without the CSRF token on a request that changes something.
    """
    given = request.header("authorization")
    if given is not None:
        scheme, _, token = given.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise AuthenticationRequired("Send the header as: Authorization: Bearer <token>.")
        return bearer(token.strip())
    identity = await of_session(
        request.cookies.get(settings.SESSION_COOKIE_NAME, ""), request.resources.database
    )
    if identity is None or request.method in _SAFE:
        return identity
    if check_csrf(request.as_django()) is not None:
        raise PermissionDenied("The CSRF token is missing or wrong (header X-CSRFToken).")
    return identity


def bearer(token: str) -> Identity:
    """Whom an access token speaks for. Raises TokenExpired or TokenRefused."""
    claims = tokens.read_claims(token)
    return Identity(claims.person_id, claims.expires_at)


async def of_session(key: str, database: Database) -> Identity | None:
    """Whom the session cookie speaks for: as django.contrib.auth.get_user decides, so a session
    made before the password was changed, or of a closed account, is nobody's."""
    if not key:
        return None
    sessions = await database.rows(_SESSION, [key])
    if not sessions:
        return None
    encoded, ends_at = sessions[0]
    session = SessionStore().decode(encoded)
    if session.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return None
    try:
        person_id = UUID(str(session.get(SESSION_KEY)))
    except ValueError:
        return None
    people = await database.rows(_PERSON, [person_id])
    if not people or not _is_of_password(str(session.get(HASH_SESSION_KEY, "")), people[0][0]):
        return None
    return Identity(person_id, ends_at)


def _is_of_password(session_hash: str, password: str) -> bool:
    person = Person(password=password)
    valid = [person.get_session_auth_hash(), *person.get_session_auth_fallback_hash()]
    return any(constant_time_compare(session_hash, one) for one in valid)
