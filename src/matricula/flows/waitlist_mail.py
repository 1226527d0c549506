"""Those who wait are told that an offer ends soon, and what staff has to say to a whole list.

What else happens to a place is told by its events (`flows/tell.py`).
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import translation

from matricula.catalog.models import Cohort
from matricula.flows import waitlist
from matricula.flows.letters import waiting
from matricula.flows.letters.about import recipient
from matricula.kernel import events
from matricula.kernel.errors import IllegalState, ValidationFailed
from matricula.kernel.events import NewEvent
from matricula.notifications import actions as notifications
from matricula.notifications.actions import Saying
from matricula.seats import actions as seats
from matricula.waitlist import actions, queries
from matricula.waitlist.models import Entry, ListMessage
from matricula.waitlist.states import EntryState

WARNED_AT_ONCE = 200
WRITTEN_AT_ONCE = 200
MOST_MESSAGES_A_DAY = 5
LONGEST_SUBJECT, LONGEST_BODY = 150, 5_000


def warn_of_endings(at: datetime) -> int:
    """Tells of offers that end soon, each once; returns how many."""
    due = queries.ending_offers(at, WARNED_AT_ONCE)
    if not due:
        return 0
    with transaction.atomic():
        cohorts = Entry.objects.filter(offers__in=due).values_list("cohort", flat=True)
        seats.lock_counters(cohorts)
        warned = actions.warn(due)
        events.append([waitlist.event(o.entry, "ending", offer=str(o.pk)) for o in warned])
    return len(warned)


# --- a word from staff --------------------------------------------------------------------------


@transaction.atomic
def write_to_list(cohort_id: UUID, subject: str, body: str, *, actor_id: UUID) -> ListMessage:
    """Has the worker write to everybody who waits for the cohort now. Raises ValidationFailed for
    an empty or endless text, and IllegalState after too many on one day."""
    subject, body = " ".join(subject.split()), body.strip()
    if not subject or not body or len(subject) > LONGEST_SUBJECT or len(body) > LONGEST_BODY:
        raise ValidationFailed("Write a subject and a text.")
    Cohort.objects.select_for_update(no_key=True).get(pk=cohort_id)
    if queries.messages_today(cohort_id) >= MOST_MESSAGES_A_DAY:
        raise IllegalState(f"At most {MOST_MESSAGES_A_DAY} messages a day go to one list.")
    message = ListMessage.objects.create(
        cohort_id=cohort_id, author_id=actor_id, subject=subject, body=body
    )
    about = {"cohort": str(cohort_id), "waiting": queries.queue(cohort_id).length}
    told = NewEvent("waitlist_message.written", message.pk, actor=actor_id, data=about)
    events.append([told])
    return message


def send_message(message_id: UUID) -> int:
    """Writes to the next of those who waited when it was written, in one transaction each; returns
    how many it wrote to."""
    total = 0
    while count := _send_some(message_id):
        total += count
    return total


@transaction.atomic
def _send_some(message_id: UUID) -> int:
    message = ListMessage.objects.select_for_update().get(pk=message_id)
    rows = Entry.objects.filter(
        cohort=message.cohort_id, state=EntryState.WAITING, joined_at__lte=message.written_at
    )
    if message.reached is not None:
        rows = rows.filter(pk__gt=message.reached)
    found = list(rows.select_related("person", "course").order_by("pk")[:WRITTEN_AT_ONCE])
    sayings = []
    for entry in found:
        with translation.override(entry.person.language or settings.LANGUAGE_CODE):
            letter = waiting.from_staff(entry, message)
        sayings.append(Saying("waitlist_message", message.pk, recipient(entry.person), letter))
    notifications.say(sayings)
    if found:
        message.reached = found[-1].pk
        message.sent_to += len(found)
        message.save(update_fields=["reached", "sent_to"])
    return len(found)
