"""What changes a list. All of it runs in the caller's transaction, under the counter row of the
cohort (`seats.actions.lock_counters`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from psycopg.types.json import Jsonb

from matricula.kernel import ids
from matricula.kernel.errors import DomainError, IllegalState, Words
from matricula.kernel.kept_words import kept
from matricula.kernel.money import Money
from matricula.kernel.words import said
from matricula.waitlist.errors import WaitlistFull
from matricula.waitlist.models import LAST_RANK, Entry, Offer, Queue, Stretch
from matricula.waitlist.rules import Plan
from matricula.waitlist.states import ENTRY, OFFER, OPEN, EntryState, OfferState

_SERVED = """
UPDATE waitlist_entry e
   SET state = g.state, enrollment_id = g.enrollment, saving_since = NULL,
       skipped_code = '', skipped_words = NULL, skipped_reason = '',
       ended_at = CASE WHEN g.state = 'accepted' THEN statement_timestamp() END
  FROM unnest(%s::uuid[], %s::text[], %s::uuid[]) AS g(id, state, enrollment)
 WHERE e.id = g.id
"""
_SKIPPED = """
UPDATE waitlist_entry e
   SET is_counted = false, skipped_code = g.code, skipped_words = g.words, skipped_reason = '',
       skipped_at = now()
  FROM unnest(%s::uuid[], %s::text[], %s::jsonb[]) AS g(id, code, words),
       waitlist_entry old
 WHERE e.id = g.id AND old.id = g.id
RETURNING e.id, old.skipped_code IS DISTINCT FROM g.code
"""
_PASSED = """
UPDATE waitlist_entry e SET passed = e.passed + g.seats
  FROM unnest(%s::uuid[], %s::int[]) AS g(id, seats) WHERE e.id = g.id
"""


@dataclass(frozen=True)
class NewEntry:
    """Who joins which list, with how many seats wanted."""

    person_id: UUID
    course_id: UUID
    cohort_id: UUID
    party_size: int = 1
    rank: int = LAST_RANK
    replaces: UUID | None = None
    leaves_others: bool = False


def queue_of(cohort_id: UUID) -> Queue:
    """The cohort's list, made when there is none yet."""
    return Queue.objects.get_or_create(cohort_id=cohort_id)[0]


def join(new: NewEntry) -> Entry:
    """A place at the end of its rank. Raises WaitlistFull for a list that takes no more."""
    queue = queue_of(new.cohort_id)
    if queue.longest is not None and queue.length >= queue.longest and new.rank == LAST_RANK:
        raise WaitlistFull
    place = queue.last_place + 1
    Queue.objects.filter(pk=new.cohort_id).update(length=F("length") + 1, last_place=place)
    Queue.objects.filter(pk=new.cohort_id, begun_at=None).update(begun_at=Now())
    return Entry.objects.create(
        person_id=new.person_id,
        course_id=new.course_id,
        cohort_id=new.cohort_id,
        party_size=new.party_size,
        rank=new.rank,
        place=place,
        replaces_id=new.replaces,
        leaves_others=new.leaves_others,
    )


def open_entry(person_id: UUID, cohort_id: UUID) -> Entry | None:
    """The person's open place in the cohort's list."""
    rows = Entry.objects.filter(person=person_id, cohort=cohort_id, state__in=OPEN)
    return rows.select_related("group").first()


def leave(entry: Entry) -> list[UUID]:
    """Gives the place up; returns the offers declined with it, whose seats go back."""
    was = EntryState(entry.state)
    _end(entry, "leave")
    if was is EntryState.WAITING:
        _shorten(entry.cohort_id, 1)
    declined = [offer.pk for offer in entry.offers.filter(state=OfferState.OPEN)]
    _end_offers(declined, "decline")
    return declined


def leave_waiting(cohort_id: UUID, entry_ids: Collection[UUID]) -> None:
    """Gives these waiting places of one list up."""
    if not entry_ids:
        return
    state = ENTRY.transition(EntryState.WAITING, "leave")
    Entry.objects.filter(pk__in=entry_ids).update(state=state, ended_at=Now())
    _shorten(cohort_id, len(entry_ids))


def wish(entry: Entry, *, replaces: UUID | None, leaves_others: bool) -> None:
    """What is to happen once the seat is there. Raises IllegalState when it does not wait."""
    must_wait(entry)
    entry.replaces_id = replaces
    entry.leaves_others = leaves_others
    entry.save(update_fields=["replaces", "leaves_others"])


def skip(refused: Mapping[UUID, DomainError]) -> list[UUID]:
    """Passes these over, with the reason, and returns those for whom the reason is new. They keep
    their place; seats are not kept from others for them until they are looked at again."""
    if not refused:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            _SKIPPED,
            [
                list(refused),
                [error.code for error in refused.values()],
                [Jsonb(kept(_reason(error))) for error in refused.values()],
            ],
        )
        return [row[0] for row in cursor.fetchall() if row[1]]


def _reason(error: DomainError) -> Words:
    return said("%(title)s. %(detail)s", title=error.title, detail=error.words)


def count_again(entry_ids: Collection[UUID]) -> None:
    """These may take seats (again): seats are kept for them."""
    rows = Entry.objects.filter(pk__in=entry_ids, is_counted=False)
    rows.update(
        is_counted=True, skipped_code="", skipped_words=None, skipped_reason="", skipped_at=None
    )


def note(plan: Plan, resting: Collection[UUID], at: datetime) -> None:
    """Writes down who was passed by how many seats, and for whom seats are saved or no more."""
    if plan.passed:
        with connection.cursor() as cursor:
            cursor.execute(_PASSED, [list(plan.passed), list(plan.passed.values())])
    if plan.saved_for is not None:
        Entry.objects.filter(pk=plan.saved_for, saving_since=None).update(saving_since=at)
    if resting:
        Entry.objects.filter(pk__in=resting).update(is_counted=False)


def save_anew(entry_ids: Collection[UUID]) -> None:
    """The rest of these parties is over: what was saved before counts no more."""
    Entry.objects.filter(pk__in=entry_ids).update(saving_since=None)


def serve(cohort_id: UUID, enrolled: Mapping[UUID, UUID | None], seats_given: int) -> None:
    """These places got their seats: entry ids, with the enrollment of those who need not accept."""
    if not enrolled:
        return
    states = ["offered" if value is None else "accepted" for value in enrolled.values()]
    with connection.cursor() as cursor:
        cursor.execute(_SERVED, [list(enrolled), states, list(enrolled.values())])
    _shorten(cohort_id, len(enrolled))
    Queue.objects.filter(pk=cohort_id).update(seats_given=F("seats_given") + seats_given)


def note_enrolled(enrollments: Mapping[UUID, UUID]) -> None:
    """Who joined for a party has a seat already, while those of the others are offered."""
    for entry_id, enrollment_id in enrollments.items():
        Entry.objects.filter(pk=entry_id).update(enrollment=enrollment_id)


def make_offers(offers: Sequence[Offer]) -> None:
    """Writes the offers whose seats are held already."""
    Offer.objects.bulk_create(offers)


def lock_offers(offer_ids: Sequence[UUID]) -> list[Offer]:
    """These offers with their entries, in id order. The caller holds the counter rows."""
    rows = Offer.objects.select_for_update(of=("self",)).filter(pk__in=list(offer_ids))
    return list(rows.select_related("entry").order_by("pk"))


def accept(offer: Offer, enrollment_id: UUID) -> None:
    """Its seat was taken by this enrollment. The place is done once none of its offers is open.

    Raises IllegalState for an offer that is not open."""
    offer.state = OFFER.transition(OfferState(offer.state), "accept")
    offer.enrollment_id = enrollment_id
    offer.ended_at = Now()
    offer.save(update_fields=["state", "enrollment", "ended_at"])
    if offer.number == 1:
        Entry.objects.filter(pk=offer.entry_id).update(enrollment=enrollment_id)
    _settle([offer.entry_id])


def lapse(offer_ids: Sequence[UUID]) -> list[Entry]:
    """These offers ran out; returns the places that ended with them and got nothing."""
    found = lock_offers(offer_ids)
    _end_offers([offer.pk for offer in found if offer.state == OfferState.OPEN], "lapse")
    return _settle({offer.entry_id for offer in found})


def warn(offer_ids: Sequence[UUID]) -> list[Offer]:
    """Notes that these offers were warned of; returns those that still are to be."""
    found = [o for o in lock_offers(offer_ids) if o.state == OfferState.OPEN and not o.warned_at]
    Offer.objects.filter(pk__in=[offer.pk for offer in found]).update(warned_at=Now())
    return found


def _settle(entry_ids: Collection[UUID]) -> list[Entry]:
    """Ends the places none of whose offers is open; returns those that took no seat."""
    rows = Entry.objects.filter(pk__in=entry_ids, state=EntryState.OFFERED)
    lapsed = []
    for entry in rows.order_by("pk"):
        states = set(entry.offers.values_list("state", flat=True))
        if OfferState.OPEN in states:
            continue
        is_taken = OfferState.ACCEPTED in states or entry.enrollment_id is not None
        _end(entry, "accept" if is_taken else "lapse")
        if not is_taken:
            lapsed.append(entry)
    return lapsed


def _end_offers(offer_ids: Sequence[UUID], trigger: str) -> None:
    state = OFFER.transition(OfferState.OPEN, trigger)
    Offer.objects.filter(pk__in=offer_ids).update(state=state, ended_at=Now())


def _end(entry: Entry, trigger: str) -> None:
    entry.state = ENTRY.transition(EntryState(entry.state), trigger)
    entry.ended_at = Now()
    entry.save(update_fields=["state", "ended_at"])


def _shorten(cohort_id: UUID, places: int) -> None:
    Queue.objects.filter(pk=cohort_id).update(length=F("length") - places)


def must_wait(entry: Entry) -> None:
    """Raises IllegalState for a place that does not wait any more."""
    if entry.state != EntryState.WAITING:
        raise IllegalState(_("This place in the list is not waiting any more."))


def is_waited_for(cohort_id: UUID) -> bool:
    """Whether seats of the cohort are kept for somebody who waits."""
    return Stretch.objects.filter(cohort=cohort_id, counted__gt=0).exists()


def looked(cohort_id: UUID) -> None:
    """Notes that the list's turn was looked at now."""
    Queue.objects.filter(pk=cohort_id).update(looked_at=Now())


def new_offer(entry_id: UUID, number: int, ends_at: datetime, price: Money) -> Offer:
    """An offer at this price, not written yet: its seat is claimed first."""
    fields: dict[str, Any] = {"entry_id": entry_id, "number": number, "ends_at": ends_at}
    fields |= {"price_minor": price.minor, "currency": price.currency}
    return Offer(id=ids.new_id(), **fields)


def set_terms(cohort_id: UUID, **terms: int | None) -> None:
    """Changes the list's terms: `longest`, `offer_hours`, `largest_party`."""
    queue_of(cohort_id)
    Queue.objects.filter(pk=cohort_id).update(**terms)
