"""What a person tells of themselves: what courses may ask for, and no more."""

from __future__ import annotations

from datetime import date

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from matricula.accounts import profiles
from matricula.accounts.models import Person
from matricula.edges.web.guard import SeeOther, page, person_of
from matricula.kernel.errors import DomainError

OK, UNPROCESSABLE = 200, 422


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    """A date of birth is asked for once."""

    class Meta:
        model = Person
        fields = ("full_name", "phone", "birth_date")
        labels = {
            "full_name": gettext_lazy("Full name"),
            "phone": gettext_lazy("Phone"),
            "birth_date": gettext_lazy("Date of birth"),
        }
        help_texts = {
            "birth_date": gettext_lazy(
                "Only courses with an age limit need it. Once saved, support can correct it."
            )
        }
        widgets = {
            "full_name": forms.TextInput(attrs={"autocomplete": "name"}),
            "phone": forms.TextInput(attrs={"autocomplete": "tel", "type": "tel"}),
            "birth_date": forms.DateInput(
                format="%Y-%m-%d", attrs={"autocomplete": "bday", "type": "date"}
            ),
        }

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        if self.instance.birth_date is not None:
            self.fields["birth_date"].disabled = True


@page("GET", "POST")
@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """Shows and changes it. `next` leads back to the course that asked for it."""
    person = person_of(request)
    back = _back(request)
    form = ProfileForm(request.POST or None, instance=Person.objects.get(pk=person.pk))
    if request.method == "POST" and form.is_valid() and _save(form, person):
        messages.success(request, _("Your profile is saved."))
        return SeeOther(back or reverse("profile"))
    status = UNPROCESSABLE if form.errors else OK
    return render(request, "learning/profile.html", {"form": form, "back": back}, status=status)


def _save(form: ProfileForm, person: Person) -> bool:
    """Whether it was saved; otherwise the form says why not."""
    told: dict[str, str] = form.cleaned_data
    born: date | None = form.cleaned_data["birth_date"]
    try:
        profiles.change(
            person.pk, full_name=told["full_name"], phone=told["phone"], birth_date=born
        )
    except DomainError as error:
        for entry in error.guidance.errors:
            form.add_error(entry.field, entry.message)
        if not error.guidance.errors:
            form.add_error(None, error.detail)
        return False
    return True


def _back(request: HttpRequest) -> str:
    """Where to go after saving: a path of this site, or nowhere."""
    asked = request.POST.get("next", "") or request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(asked, allowed_hosts=None)
    return asked if is_ours and asked.startswith("/") else ""
