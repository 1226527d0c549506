"""What people tell of themselves, and change themselves."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from matricula.accounts.models import Person
from matricula.kernel import clock, events
from matricula.kernel.days import day_at
from matricula.kernel.errors import FieldError, Guidance, IllegalState, ValidationFailed
from matricula.kernel.events import NewEvent
from matricula.kernel.text import clean_line

OLDEST = 130  # years


@transaction.atomic
def change(
    person_id: UUID,
    *,
    full_name: str | None = None,
    phone: str | None = None,
    birth_date: date | None = None,
    language: str | None = None,
) -> Person:
    """Changes what is given, and says in the log which fields, not what they hold.

    A date of birth decides about age limits, so once told it is corrected by staff only. Raises
    ValidationFailed naming the field, and IllegalState for a second date of birth.
    """
    person = Person.objects.select_for_update(no_key=True).get(pk=person_id)
    if birth_date is not None:
        _check_birth_date(person, birth_date)
    given = {
        "full_name": None if full_name is None else clean_line(full_name),
        "phone": phone,
        "birth_date": birth_date,
        "language": language,
    }
    changed = {
        name: value
        for name, value in given.items()
        if value is not None and value != getattr(person, name)
    }
    if not changed:
        return person
    for name, value in changed.items():
        setattr(person, name, value)
    person.save(update_fields=list(changed))
    data = {"fields": sorted(changed)}
    events.append([NewEvent("person.changed", person.pk, person.pk, person.pk, data)])
    return person


def _check_birth_date(person: Person, day: date) -> None:
    if person.birth_date not in (None, day):
        raise IllegalState(_("Your date of birth is known already. Ask support to correct it."))
    today = day_at(clock.now(), settings.ENVIRONMENT.time_zone)
    if not today.year - OLDEST < day.year or day >= today:
        message = _("Give the day you were born.")
        raise ValidationFailed(guidance=Guidance(errors=[FieldError("birth_date", message)]))
