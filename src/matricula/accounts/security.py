"""What follows from a change of an account's password or addresses."""

from __future__ import annotations

from typing import Any

from allauth.account import signals
from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from matricula.accounts import identity, tokens
from matricula.accounts.models import Person
from matricula.kernel import events
from matricula.kernel.events import NewEvent

_SIGNED_UP = "signed_up"


def must_choose_password(request: HttpRequest, person: Person) -> bool:
    """Whether the password has to be chosen where the address is confirmed: the one the account has
    was given by a browser other than this one."""
    if not identity.is_unconfirmed(person):
        return False
    given = str(request.session.get(_SIGNED_UP, ""))
    return not constant_time_compare(given, person.get_session_auth_hash())


@receiver(signals.user_signed_up)
def _remember_sign_up(request: HttpRequest, user: Person, **_kwargs: Any) -> None:
    request.session[_SIGNED_UP] = user.get_session_auth_hash()


@receiver(signals.email_confirmed)
def _keep_confirmed(request: HttpRequest, email_address: EmailAddress, **_kwargs: Any) -> None:  # noqa: ARG001 - the signal's arguments
    person = email_address.user
    identity.release(email_address.email, keeper=person)
    _record("account.address_confirmed", person)


@receiver(signals.email_added)
def _tell_of_new_address(user: Person, **_kwargs: Any) -> None:
    get_adapter().send_notification_mail("account/email/email_added", user)
    _record("account.address_added", user)


@receiver(signals.email_changed)
def _record_new_primary(user: Person, **_kwargs: Any) -> None:
    tokens.revoke_all(user.pk)
    _record("account.primary_address_changed", user)


@receiver(signals.email_removed)
def _tell_removed_address(user: Person, email_address: EmailAddress, **_kwargs: Any) -> None:
    if email_address.verified:
        _tell_removed(email_address.email)
    _record("account.address_removed", user)


@receiver(signals.password_changed)
@receiver(signals.password_set)
def _record_new_password(user: Person, **_kwargs: Any) -> None:
    _record("account.password_changed", user)


@receiver(signals.password_reset)
def _drop_other_addresses(user: Person, **_kwargs: Any) -> None:
    """Whoever followed the mailed link reads the primary address, and so confirmed it. Other
    addresses may have been added by whom the reset is meant to shut out."""
    others = EmailAddress.objects.filter(user=user).exclude(email=user.email)
    for address in others.filter(verified=True):
        _tell_removed(address.email)
    others.delete()
    identity.release(user.email, keeper=user)
    EmailAddress.objects.update_or_create(
        user=user, email=user.email, defaults={"verified": True, "primary": True}
    )
    _record("account.password_reset", user)


def _tell_removed(email: str) -> None:
    get_adapter().send_mail("account/email/email_deleted", email, {})


def _record(kind: str, person: Person) -> None:
    events.append([NewEvent(kind, person.pk, person.pk, person.pk)])
