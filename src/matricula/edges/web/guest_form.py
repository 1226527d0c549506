"""Who buys without an account."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.http import HttpRequest
from django.utils.translation import gettext as _

from matricula.accounts import guests
from matricula.accounts.models import Person
from matricula.edges.web import reminding
from matricula.edges.web.checkout_form import CheckoutForm
from matricula.kernel.errors import DomainError

FIELDS = ("full_name", "email", "phone")


@dataclass
class GuestForm:
    """What was filled in, and what is wrong with it by field. What is wrong with the rest of the
    checkout goes to its own form."""

    values: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)
    checkout: CheckoutForm | None = None

    def check(self, form: CheckoutForm) -> None:
        """Guests pay: whoever pays nothing shows in another way that the address is theirs."""
        self.checkout = form
        if form.bill.is_free:
            form.errors["guest"] = _(
                "Nothing is to be paid here. Sign in or create an account to enroll."
            )

    def make(self) -> Person:
        """The guest. Raises ValidationFailed."""
        return guests.make(self.values["email"], self.values["full_name"], self.values["phone"])

    def note(self, error: DomainError) -> bool:
        """Puts a refusal beside the fields it is about; False for one that is about none."""
        own = {e.field: str(e.message) for e in error.guidance.errors if e.field in FIELDS}
        self.errors |= own
        return bool(own) or (self.checkout is not None and self.checkout.note(error))


def read(request: HttpRequest) -> GuestForm:
    """The guest as filled in, or as they were when they come back to an order."""
    before = reminding.filled_in(request) if request.method == "GET" else {}
    sent = {**before, **request.POST.dict()}
    return GuestForm({name: str(sent.get(name, "")).strip()[:254] for name in FIELDS})
