"""The sign-up form, shared by the page and the API."""

from __future__ import annotations

from allauth.account import forms as allauth_forms
from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from matricula.accounts.models import Person


class SignupForm(allauth_forms.SignupForm):  # type: ignore[misc]
    """allauth's form with the person's name and, if they like, a telephone number."""

    full_name = forms.CharField(
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
    field_order = ("full_name", "email", "phone", "password1")

    def custom_signup(self, request: HttpRequest, user: Person) -> None:  # noqa: ARG002
        user.full_name = self.cleaned_data["full_name"].strip()
        user.phone = self.cleaned_data["phone"].strip()
        user.save(update_fields=["full_name", "phone"])
