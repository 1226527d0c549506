"""Who is asking, for pages: `request.user`, read together with the session."""

from __future__ import annotations

from django.contrib.auth import middleware
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from matricula.accounts.models import Person
from matricula.accounts.sessions import SessionStore


class Authentication(middleware.AuthenticationMiddleware):
    """Django's, which looks itself only where the session does not say it."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: _user_of(request))  # type: ignore[assignment]


def _user_of(request: HttpRequest) -> Person | AnonymousUser:
    session = request.session
    person = session.signed_in() if isinstance(session, SessionStore) else None
    if person is None:
        return middleware.get_user(request)
    request._cached_user = person  # type: ignore[attr-defined]  # noqa: SLF001 - where Django keeps it
    return person
