"""The letter to those who asked to be told."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from matricula.accounts.models import Person
from matricula.flows.letters.about import greeting
from matricula.kernel import words
from matricula.notifications.letters import Action, Letter


def opened(person: Person, title: str, slug: str, closes_at: datetime | None) -> Letter:
    """The course can be enrolled in."""
    facts = [(_("Course"), title)]
    if closes_at is not None:
        facts.append((_("Open until"), words.moment(closes_at)))
    return Letter(
        subject=_("%(title)s is open") % {"title": title},
        heading=_("You can enroll now"),
        summary=_("You asked to be told when %(title)s opens. It is open.") % {"title": title},
        facts=facts,
        action=Action(_("See the course"), f"/courses/{slug}/"),
        closing=[_("Nothing is held for you: seats go to those who come first.")],
        greeting=greeting(person),
    )
