"""Who an e-mail address belongs to. Every look-up of an account by address goes through here.

An address identifies an account if it is the account's primary address or one that its owner has
confirmed. An address that was only typed in identifies nobody.
"""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction

from matricula.accounts import tokens
from matricula.accounts.models import Person
from matricula.kernel import ids

NOWHERE = "guest.invalid"  # RFC 2606: never delivered anywhere


def account_with_primary(email: str) -> Person | None:
    """The account whose primary address this is. Only this address can reset the password."""
    return Person.objects.filter(email=email.strip().lower(), guest_email="").first()


def account_of(email: str) -> Person | None:
    """The account that this address identifies."""
    confirmed = EmailAddress.objects.select_related("user").filter(
        email=email.strip().lower(), verified=True, user__guest_email=""
    )
    address = confirmed.first()
    return address.user if address is not None else account_with_primary(email)


def is_unconfirmed(person: Person) -> bool:
    """Whether nobody has shown yet that this account is theirs: no address of it is confirmed,
    nobody ever signed in, and confirmation is required here."""
    return (
        settings.ACCOUNT_EMAIL_VERIFICATION == "mandatory"
        and person.last_login is None
        and not person.is_staff
        and not person.guest_email
        and not EmailAddress.objects.filter(user=person, verified=True).exists()
    )


@transaction.atomic
def release(email: str, keeper: Person | None = None) -> None:
    """Takes the address from everybody but the keeper who never confirmed it: pending second
    addresses, and an unconfirmed account. Called when somebody shows that the address is theirs."""
    email = email.strip().lower()
    pending = EmailAddress.objects.filter(email=email, verified=False)
    rows = Person.objects.select_for_update().filter(email=email, guest_email="")
    if keeper is not None:
        pending, rows = pending.exclude(user=keeper), rows.exclude(pk=keeper.pk)
    pending.delete()
    person = rows.first()
    if person is not None and is_unconfirmed(person):
        person.email = f"{ids.to_text('usr', person.pk)}@{NOWHERE}"
        person.is_active = False
        person.set_unusable_password()
        person.save(update_fields=["email", "is_active", "password"])
        tokens.revoke_all(person.pk)
