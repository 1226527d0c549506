"""Sessions of browsers: Django's, in the database, read together with the person they belong to.

Every page asks for both, and whose a session is stands inside it, so Django asks twice. A process
remembers whose a session was when it last read it, and asks for the two at once. What it remembers
only says which person to read along: whether the session still holds, and whose it is, is what the
database says this time. Signing out, a new password and a closed account count at once.
"""

from __future__ import annotations

from threading import Lock
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends import db
from django.db import connection
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from matricula.accounts.models import Person

MOST_REMEMBERED = 20_000

_COLUMNS = [field.attname for field in Person._meta.concrete_fields]  # noqa: SLF001 - Django's way
_READ = f"""
SELECT s.session_data, {", ".join(f"p.{column}" for column in _COLUMNS)}
  FROM django_session s LEFT JOIN accounts_person p ON p.id = %s
 WHERE s.session_key = %s AND s.expire_date > %s
"""  # noqa: S608 - our own names
_owners: dict[str, UUID] = {}
_lock = Lock()


class SessionStore(db.SessionStore):
    """As Django's; `person` is who was read along, if it is theirs."""

    person: Person | None = None

    def load(self) -> dict[str, Any]:
        """What the session holds; nothing where there is none any more."""
        key = self.session_key
        with connection.cursor() as cursor:
            cursor.execute(_READ, [_owners.get(key or ""), key, timezone.now()])
            row = cursor.fetchone()
        if row is None:
            self._session_key = None  # so that a new one is not made under a name that was given
            return {}
        data, *columns = row
        session: dict[str, Any] = self.decode(data)
        person = Person.from_db("default", _COLUMNS, columns) if any(columns) else None
        owner = session.get(SESSION_KEY)
        if person is not None and str(person.pk) == owner:
            self.person = person
        elif owner is not None and key is not None:
            _remember(key, UUID(owner))
        return session

    def signed_in(self) -> Person | None:
        """Who this session is signed in as, by the rules of `django.contrib.auth.get_user`; None
        where Django itself has to look."""
        backend, hash_ = self.get(BACKEND_SESSION_KEY), self.get(HASH_SESSION_KEY, "")
        person = self.person
        if person is None or not person.is_active or str(person.pk) != self.get(SESSION_KEY):
            return None
        is_ours = backend in settings.AUTHENTICATION_BACKENDS
        if is_ours and constant_time_compare(hash_, person.get_session_auth_hash()):
            return person
        return None


def _remember(key: str, owner: UUID) -> None:
    with _lock:
        _owners[key] = owner
        if len(_owners) > MOST_REMEMBERED:
            del _owners[next(iter(_owners))]
