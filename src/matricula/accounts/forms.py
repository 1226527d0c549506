"""The sign-up form, shared by the page and the API."""

from __future__ import annotations

from typing import Any

from allauth.account import forms as allauth_forms
from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django import forms
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.validators import MaxLengthValidator
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from matricula.accounts import identity, tokens
from matricula.accounts.errors import EmailTaken
from matricula.accounts.models import Person
from matricula.kernel.fields import LineFormField

LONGEST_EMAIL = 254  # RFC 5321, section 4.5.3.1.3


class SignupForm(allauth_forms.SignupForm):  # type: ignore[misc]
    """allauth's form with the person's name and, if they like, a telephone number."""

    full_name = LineFormField(
        label=_("Full name"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    phone = forms.CharField(
        label=_("Phone"),
        max_length=32,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "tel", "type": "tel"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].validators.append(MaxLengthValidator(LONGEST_EMAIL))

    account_already_exists: bool
    unconfirmed: Person | None = None
    field_order = ("full_name", "email", "phone", "password1")

    def validate_unique_email(self, value: str) -> str:
        """An account that nobody confirmed does not take the address: this sign-up replaces it."""
        account = identity.account_of(value)
        if account is None or identity.is_unconfirmed(account):
            self.unconfirmed = account
            return value
        if settings.ACCOUNT_EMAIL_VERIFICATION != "mandatory":
            raise get_adapter().validation_error("email_taken")
        self.account_already_exists = True
        return value

    def save(self, request: HttpRequest) -> Person:
        """The new account, or the unconfirmed one with the password and name of this sign-up."""
        email = self.cleaned_data["email"]
        if self.unconfirmed is None:
            EmailAddress.objects.filter(email=email, verified=False).delete()
            made: Person = super().save(request)
            return made
        person = Person.objects.select_for_update().get(pk=self.unconfirmed.pk)
        if not identity.is_unconfirmed(person):
            raise IntegrityError  # confirmed meanwhile
        pending = EmailAddress.objects.filter(email=email, verified=False)
        pending.exclude(user=person).delete()
        person.set_password(self.cleaned_data["password1"])
        person.save(update_fields=["password"])
        tokens.revoke_all(person.pk)
        self.custom_signup(request, person)
        get_adapter().unstash_verified_email(request)  # the same cookie as with a new account
        # The row stays: a link that was mailed before confirms too, and asks for the password.
        EmailAddress.objects.update_or_create(user=person, email=email, defaults={"primary": True})
        return person

    def try_save(self, request: HttpRequest) -> tuple[Person | None, HttpResponse | None]:
        """As allauth's; a second submit that comes while the first is saved is like one after.

        Raises EmailTaken where that may be told.
        """
        if self.account_already_exists:
            # As long as a new account takes, so that the time does not tell.
            make_password(self.cleaned_data["password1"])
        try:
            with transaction.atomic():
                saved: tuple[Person | None, HttpResponse | None] = super().try_save(request)
                return saved
        except IntegrityError as error:
            if not settings.ACCOUNT_PREVENT_ENUMERATION:
                raise EmailTaken from error
            self.account_already_exists = True
            repeated: tuple[Person | None, HttpResponse | None] = super().try_save(request)
            return repeated

    def custom_signup(self, request: HttpRequest, user: Person) -> None:  # noqa: ARG002
        user.full_name = self.cleaned_data["full_name"].strip()
        user.phone = self.cleaned_data["phone"].strip()
        user.language = get_language() or ""
        user.save(update_fields=["full_name", "phone", "language"])


class ResetPasswordForm(allauth_forms.ResetPasswordForm):  # type: ignore[misc]
    """allauth's form, for primary addresses alone: whoever reads the mail of another one cannot
    take the account."""

    users: list[Person]

    def clean_email(self) -> str:
        email = str(super().clean_email()).strip().lower()
        person = identity.account_with_primary(email)
        self.users = [person] if person is not None and person.is_active else []
        return email


class ConfirmPasswordForm(forms.Form):
    """The password of an account, chosen where its address is confirmed."""

    password1 = allauth_forms.SetPasswordField(label=_("Password"))

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        password: Any = self.fields["password1"]
        password.user = person  # whom allauth compares the password with
