"""A course that is not open: who asks is told, once, when it is.

A window opens without an event, and staff may open a course in many ways, so a periodic job looks
at the courses that somebody asked for. Whoever has enrolled meanwhile is not written to.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from matricula.accounts.models import Person
from matricula.catalog import queries as catalog
from matricula.catalog.models import CourseStatus
from matricula.enrollments.errors import CourseNotAvailable
from matricula.flows import offer
from matricula.flows.letters import opening
from matricula.flows.letters.about import recipient
from matricula.flows.offer import ButtonState, CourseOffer
from matricula.interest import actions, queries
from matricula.interest.models import Interest
from matricula.kernel import failures
from matricula.kernel.errors import IllegalState
from matricula.kernel.failures import WorkQueue
from matricula.notifications import actions as notifications
from matricula.notifications.actions import Saying

AT_ONCE = 200


def can_open(found: CourseOffer) -> bool:
    """Whether the course is closed to everybody now and may open one day."""
    if found.live is not None or found.course.status == CourseStatus.ARCHIVED:
        return False
    is_closed = found.button is ButtonState.REGISTRATION_CLOSED
    return is_closed or isinstance(found.refusal, CourseNotAvailable)


def ask(person_id: UUID, course: str) -> bool:
    """The person wants to be told when the course opens; False when they asked already. Raises
    NotFound, and IllegalState for a course that is open."""
    found = offer.find_offer(course, person_id)
    if not can_open(found):
        raise IllegalState(_("There is nothing to wait for: look at the course's page."))
    return actions.ask(person_id, found.course.id)


def withdraw(person_id: UUID, course: str) -> bool:
    """They do not want to be told any more; False when nothing was asked. Raises NotFound."""
    return actions.withdraw(person_id, catalog.find_course(course).id)


def tell_openings() -> int:
    """Tells those who asked for what is open now; returns how many."""
    asked = queries.courses_asked_for()
    if not asked:
        return 0
    courses = list(catalog.courses_by_id(asked).values())
    opened = [found for found in offer.offers_of(courses, None) if found.is_open]
    return sum(
        failures.run_each(OPENINGS.name, opened, _tell_of, reference=lambda it: str(it.course.id))
    )


OPENINGS = failures.register(WorkQueue(name="course_openings", title="Course opening mail"))


def _tell_of(found: CourseOffer) -> int:
    told = 0
    while count := _tell_some(found):
        told += count
    return told


@transaction.atomic
def _tell_some(found: CourseOffer) -> int:
    rows = Interest.objects.select_for_update(of=("self",), skip_locked=True)
    wishes = list(
        rows.filter(course=found.course.id, told_at=None)
        .select_related("person")
        .order_by("pk")[:AT_ONCE]
    )
    closes_at = found.chosen.deadline if found.chosen else None
    notifications.say(
        [
            _saying(wish.pk, wish.person, found, closes_at)
            for wish in wishes
            if wish.person.is_active and not _has(wish.person.pk, found)
        ]
    )
    actions.close(wishes)
    return len(wishes)


def _has(person_id: UUID, found: CourseOffer) -> bool:
    (theirs,) = offer.offers_again([found], person_id)
    return theirs.live is not None


def _saying(key: UUID, person: Person, found: CourseOffer, closes_at: datetime | None) -> Saying:
    with translation.override(person.language or settings.LANGUAGE_CODE):
        letter = opening.opened(person, found.course.title, found.course.slug, closes_at)
    return Saying("course_opened", key, recipient(person), letter)
