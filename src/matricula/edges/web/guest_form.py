"""Who buys without an account."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.http import HttpRequest

from matricula.accounts import guests
from matricula.accounts.models import Person
from matricula.kernel.errors import DomainError

FIELDS = ("full_name", "email", "phone")


@dataclass
class GuestForm:
    """What was filled in, and what is wrong with it by field."""

    values: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)

    def make(self) -> Person:
        """The guest. Raises ValidationFailed."""
        return guests.make(self.values["email"], self.values["full_name"], self.values["phone"])

    def note(self, error: DomainError) -> None:
        """Puts a refusal beside the fields it is about."""
        self.errors |= {entry.field: str(entry.message) for entry in error.guidance.errors}


def read(request: HttpRequest) -> GuestForm:
    return GuestForm({name: request.POST.get(name, "").strip()[:254] for name in FIELDS})
