"""Guests: people who buy without an account. A guest is a person nobody can sign in as, who has
said an e-mail address; whoever reads the mail sent there makes it an account, or joins it to
theirs.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from matricula.accounts import identity
from matricula.accounts.models import Person
from matricula.kernel import ids
from matricula.kernel.errors import FieldError, Guidance, NotFound, ValidationFailed
from matricula.kernel.text import clean_line

_SALT = "matricula.guest"
_AMONG = "SELECT * FROM accounts_person WHERE id = ANY (%s::uuid[]) AND guest_email <> ''"
LINK_DAYS = 30


def make(email: str, full_name: str, phone: str = "") -> Person:
    """A guest who gave this address. Raises ValidationFailed for an unusable one. Says nothing
    about whether the address belongs to an account."""
    email = email.strip().lower()
    errors = []
    try:
        validate_email(email)
    except ValidationError:
        errors.append(FieldError("email", _("Give an e-mail address, like name@example.org.")))
    full_name = clean_line(full_name)[:150]
    if not full_name:
        errors.append(FieldError("full_name", _("Give your name; it is printed on the invoice.")))
    if errors:
        raise ValidationFailed(guidance=Guidance(errors=errors))
    person_id = ids.new_id()
    guest = Person(
        id=person_id,
        email=f"{ids.to_text('usr', person_id)}@{identity.NOWHERE}",
        guest_email=email,
        full_name=full_name,
        phone=phone.strip()[:32],
        language=get_language() or "",
    )
    guest.set_unusable_password()
    guest.save(force_insert=True)
    return guest


def link_token(guest_id: UUID) -> str:
    """The text of the link mailed to a guest."""
    return signing.dumps(str(guest_id), salt=_SALT)


def read_token(token: str) -> Person:
    """The guest the link is for. Raises NotFound for a link that is wrong, too old or used."""
    try:
        text = signing.loads(token, salt=_SALT, max_age=LINK_DAYS * 86_400)
    except signing.BadSignature as error:
        raise NotFound(_("This link is not valid any more.")) from error
    guest = Person.objects.filter(pk=UUID(text), is_active=True).exclude(guest_email="").first()
    if guest is None:
        raise NotFound(_("This link was used already. Sign in to see your courses."))
    return guest


def account_of(email: str) -> Person | None:
    """The account with this address, if there is one that its owner has confirmed."""
    account = identity.account_of(email)
    return None if account is None or identity.is_unconfirmed(account) else account


def is_guest(person_id: UUID) -> bool:
    """Whether this person is a guest still: nobody has claimed or joined what they bought."""
    people = Person.objects.filter(pk=person_id, is_active=True)
    return people.exclude(guest_email="").exists()


def among(person_ids: Iterable[UUID]) -> list[Person]:
    """Those of these people who are guests."""
    return list(Person.objects.raw(_AMONG, [list(person_ids)]))


def others_with(person: Person) -> list[UUID]:
    """Everybody else who may be the same: the account with the guest's address, and other guests
    who gave it. For an account: none."""
    if not person.guest_email:
        return []
    same = Q(email=person.guest_email) | Q(guest_email=person.guest_email)
    return list(Person.objects.filter(same).exclude(pk=person.pk).values_list("pk", flat=True))


def become_account(guest: Person, password: str) -> Person:
    """The guest, who has shown to read mail at the address, has an account from now on.

    The caller holds the guest's lock. Raises ValidationFailed for a weak password.
    """
    try:
        validate_password(password, guest)
    except ValidationError as error:
        errors = [FieldError("password", message) for message in error.messages]
        raise ValidationFailed(guidance=Guidance(errors=errors)) from error
    identity.release(guest.guest_email, guest)
    guest.email, guest.guest_email = guest.guest_email, ""
    guest.set_password(password)
    guest.save(update_fields=["email", "guest_email", "password"])
    EmailAddress.objects.create(user=guest, email=guest.email, verified=True, primary=True)
    return guest


def close(guest: Person) -> None:
    """Nobody uses this guest any more: all that was theirs is somebody's account's."""
    guest.is_active = False
    guest.save(update_fields=["is_active"])
