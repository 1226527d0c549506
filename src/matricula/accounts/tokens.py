"""Tokens for API clients: a short-lived signed access token (JWT, RFC 7519) that is checked without
the database, and a refresh token that is good for one use (RFC 9700, section 4.14.2).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import jwt
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from matricula.accounts.errors import TokenRefused
from matricula.accounts.models import RefreshToken
from matricula.kernel import clock, ids, locks
from matricula.kernel.batches import delete_in_batches
from matricula.kernel.errors import NotFound, TokenExpired

ACCESS_LIFETIME = timedelta(minutes=30)
REFRESH_LIFETIME = timedelta(days=30)
CLOCK_LEEWAY = timedelta(seconds=10)  # the clocks of two machines differ a little
_ALGORITHM = "HS256"
_ISSUER = "matricula"
_AUDIENCE = "matricula-api"
_CLAIMS = {"iss", "aud", "sub", "iat", "exp"}
_FAMILY = "sid"  # the sign-in it came from (IANA's registry of JWT claims)
_HEAD = b"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"  # {"alg":"HS256","typ":"JWT"}


@dataclass(frozen=True)
class TokenPair:
    """What a client gets. `expires_in` is the access token's life in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int


@dataclass(frozen=True)
class AccessClaims:
    """Whom an access token speaks for, until when, and by which sign-in, if it says so."""

    person_id: UUID
    expires_at: datetime
    family: UUID | None


def issue(person_id: UUID) -> TokenPair:
    """Starts a new family of tokens for the person."""
    return _next_pair(person_id, family=ids.new_id())


def rotate(refresh_token: str) -> tuple[UUID, TokenPair]:
    """Spends a refresh token: the person and the next pair of its family.

    Raises TokenRefused when the token is unknown, expired or revoked, and when it was spent
    before; then the whole family is revoked, since two parties hold it.
    """
    pair: tuple[UUID, TokenPair] | None = None
    with transaction.atomic():
        rows = RefreshToken.objects.select_related("person").filter(digest=_digest(refresh_token))
        _lock_owner(rows)
        row = rows.first()
        if row is not None and row.used_at is not None:
            _revoke_family(row.family)
        elif (
            row is not None
            and row.revoked_at is None
            and row.expires_at > clock.now()
            and row.person.is_active
        ):
            row.used_at = clock.now()
            row.save(update_fields=["used_at"])
            pair = (row.person_id, _next_pair(row.person_id, row.family))
    if pair is None:
        raise TokenRefused
    return pair


def revoke(refresh_token: str) -> None:
    """Ends the family of this token. An unknown token is no error (RFC 7009, section 2.2)."""
    rows = RefreshToken.objects.filter(digest=_digest(refresh_token))
    with transaction.atomic():
        _lock_owner(rows)
        family = rows.values_list("family", flat=True).first()
        if family is not None:
            _revoke_family(family)


@transaction.atomic
def revoke_all(person_id: UUID) -> None:
    """Ends every family of the person, as after a new password."""
    locks.lock_person(person_id)
    RefreshToken.objects.filter(person=person_id, revoked_at=None).update(revoked_at=clock.now())


def read_access(token: str) -> UUID:
    """The person an access token speaks for; raises what `read_claims` raises."""
    return read_claims(token).person_id


def read_claims(token: str) -> AccessClaims:
    """What an access token says; the signature and the times are checked, nothing else.

    Raises TokenExpired or TokenRefused.
    """
    plain = _plainly_good(token)
    if plain is not None:
        return plain
    try:
        claims = jwt.decode(
            token,
            settings.SECRET_KEY,
            algorithms=[_ALGORITHM],
            issuer=_ISSUER,
            audience=_AUDIENCE,
            options={"require": ["exp", "sub"]},
            leeway=CLOCK_LEEWAY,
        )
        return _access_claims(claims)
    except jwt.ExpiredSignatureError as error:
        raise TokenExpired from error
    except (jwt.InvalidTokenError, NotFound, ValueError, TypeError, AttributeError) as error:
        raise TokenRefused from error


def _access_claims(claims: Mapping[str, Any]) -> AccessClaims:
    """Raises NotFound, ValueError, TypeError or AttributeError for what is not as it must be."""
    expires_at = datetime.fromtimestamp(claims["exp"], UTC)
    family = UUID(claims[_FAMILY]) if _FAMILY in claims else None
    return AccessClaims(ids.from_text("usr", str(claims["sub"])), expires_at, family)


def _plainly_good(token: str) -> AccessClaims | None:
    """What a token just as we make them says, with time left; None leaves it to the library, which
    decides about everything else, and takes five times as long."""
    try:
        claims, issued_at, expires_at = _just_as_ours(token, settings.SECRET_KEY)
    except (NotFound, ValueError, KeyError, TypeError, AttributeError):
        return None
    return claims if issued_at <= time.time() < expires_at else None


# The limits ask whose a request is before its endpoint does, and a client asks more than once. What
# is kept is what was signed; whether it still holds is asked each time. A raised error is not kept.
@lru_cache(1024)
def _just_as_ours(token: str, secret: str) -> tuple[AccessClaims, int, int]:
    """What the token says, and from when to when it holds. Raises ValueError, or another error that
    reading it meets, when it is not one that we make."""
    head, payload, signature = token.encode("ascii").split(b".")
    expected = hmac.digest(secret.encode(), head + b"." + payload, "sha256")
    if head != _HEAD or not hmac.compare_digest(_base64(expected), signature):
        raise ValueError
    claims = json.loads(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
    times = claims["iat"], claims["exp"]
    is_whole = claims.keys() - {_FAMILY} == _CLAIMS
    is_ours = is_whole and (claims["iss"], claims["aud"]) == (_ISSUER, _AUDIENCE)
    if not is_ours or not all(type(moment) is int for moment in times):
        raise ValueError
    return _access_claims(claims), *times


def _base64(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def access_token(
    person_id: UUID, lifetime: timedelta = ACCESS_LIFETIME, family: UUID | None = None
) -> str:
    """A signed access token, without a refresh token beside it. Revoking its `family` ends what was
    opened with it; it is believed until it expires everywhere else."""
    moment = clock.now()
    claims = {
        "iss": _ISSUER,
        "aud": _AUDIENCE,
        "sub": ids.to_text("usr", person_id),
        "iat": moment,
        "exp": moment + lifetime,
        **({_FAMILY: family.hex} if family is not None else {}),
    }
    return jwt.encode(claims, settings.SECRET_KEY, algorithm=_ALGORITHM)


def forget_old() -> int:
    """Deletes refresh tokens past their life; returns how many."""
    return delete_in_batches(RefreshToken.objects.filter(expires_at__lt=clock.now()))


def _lock_owner(rows: QuerySet[RefreshToken]) -> None:
    """Makes changes to one person's tokens follow each other: an UPDATE alone would not see the row
    that a rotation beside it is about to commit."""
    owner = rows.values_list("person_id", flat=True).first()
    if owner is not None:
        locks.lock_person(owner)


def _next_pair(person_id: UUID, family: UUID) -> TokenPair:
    text = secrets.token_urlsafe(32)
    RefreshToken.objects.create(
        person_id=person_id,
        family=family,
        digest=_digest(text),
        expires_at=clock.now() + REFRESH_LIFETIME,
    )
    return TokenPair(
        access_token=access_token(person_id, family=family),
        refresh_token=text,
        expires_in=int(ACCESS_LIFETIME.total_seconds()),
    )


def _digest(refresh_token: str) -> str:
    return hashlib.sha256(refresh_token.encode("utf-8", "surrogatepass")).hexdigest()


def _revoke_family(family: UUID) -> None:
    RefreshToken.objects.filter(family=family, revoked_at=None).update(revoked_at=clock.now())
