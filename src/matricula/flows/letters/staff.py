"""Letters to those who run the site."""

from __future__ import annotations

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from matricula.accounts.models import Person
from matricula.kernel import words
from matricula.notifications.letters import Action, Letter
from matricula.payments.models import StaffTask


def failed_work(count: int, person: Person) -> Letter:
    """Background work was set aside, in the language of its reader."""
    with translation.override(person.language or settings.LANGUAGE_CODE):
        return Letter(
            subject=_("Some work failed too often and was set aside"),
            heading=_("Some work failed too often and was set aside"),
            summary=_("It is not tried again until you say so. All other work goes on."),
            facts=[(_("Items"), str(count))],
            action=Action(_("Open failed work"), "/console/kernel/failedwork/"),
        )


def alert(task: StaffTask, person: Person) -> Letter:
    """What only a person can decide, in the language of its reader."""
    with translation.override(person.language or settings.LANGUAGE_CODE):
        facts = [(_("About"), task.cause)]
        if task.due_at is not None:
            facts.append((_("To be done by"), words.moment(task.due_at)))
        return Letter(
            subject=_("To decide: %(what)s") % {"what": task.get_kind_display()},
            heading=_("Something needs your decision"),
            summary=task.detail,
            facts=facts,
            action=Action(_("Open the task"), f"/console/payments/stafftask/{task.pk}/change/"),
        )
