"""Who is asking, without Django's threads: the same rules as `edges/api/authentication.py`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.utils.crypto import constant_time_compare
from ninja.utils import check_csrf

from matricula.accounts import tokens
from matricula.accounts.errors import TokenRefused
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
# The same about many, who have shown it before.
_SESSIONS = (
    "SELECT session_key FROM django_session WHERE session_key = ANY (%s) AND expire_date > now()"
)
_PEOPLE = "SELECT id, password FROM accounts_person WHERE id = ANY (%s) AND is_active"
_REVOKED = (
    "SELECT DISTINCT family FROM accounts_refreshtoken"
    " WHERE family = ANY (%s) AND revoked_at IS NOT NULL"
)


@dataclass(frozen=True, slots=True)
class Identity:
    """A person who has shown who they are, until `ends_at`: when the token or the session does.

    `session` is the session's key and `password` stands for the password it was made under; of a
    token `family` is the sign-in it came from. A token is believed without the database, as
    everywhere: what stays open asks `lasting`, and is ended by `standings.py`.
    """

    person_id: UUID
    ends_at: datetime
    session: str = ""
    password: bytes = b""
    family: UUID | None = None

    @property
    def names(self) -> tuple[UUID, ...]:
        """What a notice names when this may have ended."""
        if self.session:
            return self.person_id, session_name(self.session)
        return (self.person_id,) if self.family is None else (self.person_id, self.family)


def session_name(key: str) -> UUID:
    """By what the database announces the end of a session: as in accounts/sql/notices.sql."""
    return UUID(bytes=hashlib.sha256(key.encode()).digest()[:16])


async def required(request: LiveRequest) -> Identity:
    """The person who asks. Raises AuthenticationRequired for a guest, and what `visitor` raises."""
    identity = await visitor(request)
    if identity is None:
        raise AuthenticationRequired
    return identity


async def lasting(request: LiveRequest) -> Identity:
    """As `required`, for what stays open: a token whose sign-in has ended is refused too."""
    return await checked(await required(request), request.resources.database)


async def checked(who: Identity, database: Database) -> Identity:
    """The identity, if its token was not revoked and the account is open: a session was just looked
    up. Raises TokenRefused."""
    if not who.session and who not in await standing({who}, database):
        raise TokenRefused
    return who


async def standing(known: Iterable[Identity], database: Database) -> set[Identity]:
    """Which of them still hold: the session or sign-in goes on, under the same password, and the
    account is open."""
    asked = list(known)
    keys = [who.session for who in asked if who.session]
    families = [who.family for who in asked if who.family is not None]
    people = dict(await database.rows(_PEOPLE, [list({who.person_id for who in asked})]))
    sessions = {key for (key,) in await database.rows(_SESSIONS, [keys])} if keys else set()
    revoked = {one for (one,) in await database.rows(_REVOKED, [families])} if families else set()

    def holds(who: Identity) -> bool:
        password = people.get(who.person_id)
        if password is None or who.family in revoked:
            return False
        return not who.session or (who.session in sessions and who.password == _print(password))

    return {who for who in asked if holds(who)}


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
    return Identity(claims.person_id, claims.expires_at, family=claims.family)


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
    return Identity(person_id, ends_at, session=key, password=_print(people[0][0]))


def _print(password: str) -> bytes:
    """Enough of a stored password to know it again."""
    return hashlib.sha256(password.encode()).digest()[:16]


def _is_of_password(session_hash: str, password: str) -> bool:
    person = Person(password=password)
    valid = [person.get_session_auth_hash(), *person.get_session_auth_fallback_hash()]
    return any(constant_time_compare(session_hash, one) for one in valid)
