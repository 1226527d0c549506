"""The sign-up form, shared by the page and the API."""

from __future__ import annotations

from typing import Any

from allauth.account import forms as allauth_forms
from django import forms
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.validators import MaxLengthValidator
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

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
    field_order = ("full_name", "email", "phone", "password1")

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
