"""Confirming an e-mail address by the link that was mailed to it."""

from __future__ import annotations

from typing import Any

from allauth.account import views as allauth_views
from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from matricula.accounts.forms import ConfirmPasswordForm
from matricula.accounts.models import Person
from matricula.accounts.security import must_choose_password


class ConfirmEmailView(allauth_views.ConfirmEmailView):  # type: ignore[misc]
    """As allauth's, with two rules of ours.

    The first address of an account is confirmed by the browser that signed up, or together with a
    new password: somebody else may have signed up with this address. A further address is
    confirmed by the account's owner, signed in: the link alone would give the account of whoever
    sent it a name that its reader does not know.
    """

    password_form: ConfirmPasswordForm | None = None

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with transaction.atomic():
            address = self.get_object().email_address
            person = Person.objects.select_for_update().get(pk=address.user_id)
            if _is_further(address) and request.user != person:
                return redirect_to_login(request.get_full_path())
            if must_choose_password(request, person) and address.can_set_verified():
                form = self.password_form = ConfirmPasswordForm(request.POST, person=person)
                if not form.is_valid():
                    return super().get(request, *args, **kwargs)  # type: ignore[no-any-return]
                get_adapter().set_password(person, form.cleaned_data["password1"])
            answer: HttpResponse = super().post(request, *args, **kwargs)
            return answer

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        if self.object is not None and self.password_form is None:
            person = self.object.email_address.user
            if must_choose_password(self.request, person):
                self.password_form = ConfirmPasswordForm(person=person)
        context["form"] = self.password_form
        return context


def _is_further(address: EmailAddress) -> bool:
    others = EmailAddress.objects.filter(user=address.user_id, verified=True)
    return bool(others.exclude(pk=address.pk).exists())
