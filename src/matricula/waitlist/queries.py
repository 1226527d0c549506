"""Where somebody stands in a list, as plain values. Positions are counted, never kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from matricula.kernel.errors import NotFound, Words
from matricula.kernel.money import Money
from matricula.waitlist.models import FIRST_RANK, Entry, ListMessage, Offer, Queue
from matricula.waitlist.states import OPEN, EntryState, OfferState

WARNED = timedelta(hours=2)  # before an offer ends

# The stretches before one's own are added up, and only its places are counted.
AHEAD = """
SELECT coalesce(sum(a.places), 0), coalesce(sum(a.seats), 0),
       coalesce(sum(a.places) FILTER (WHERE a.rank < %(rank)s), 0)
  FROM (SELECT s.rank, s.places, s.seats FROM waitlist_stretch s
         WHERE s.cohort_id = %(cohort)s
           AND (s.rank, s.number) < (%(rank)s, stretch_of(%(place)s))
         UNION ALL
        SELECT e.rank, 1, e.party_size FROM waitlist_entry e
         WHERE e.cohort_id = %(cohort)s AND e.state = 'waiting' AND e.rank = %(rank)s
           AND e.place >= 256 * stretch_of(%(place)s) AND e.place < %(place)s) a
"""
# What the lists of the course's other cohorts gave away, once their registration was over.
_EARLIER = """
SELECT q.seats_given
  FROM catalog_cohort h JOIN waitlist_queue q ON q.cohort_id = h.id
 WHERE h.course_id = %s AND h.id <> %s AND q.begun_at IS NOT NULL
   AND registration_ends_at(h.closes_at, h.starts_at, h.ends_at, %s) <= %s
"""
STORY = """
SELECT p.is_active, e.state,
       coalesce((SELECT v.subject_seq FROM kernel_event v WHERE v.subject = e.id
                  ORDER BY v.subject_seq DESC LIMIT 1), 0)
  FROM waitlist_entry e JOIN accounts_person p ON p.id = e.person_id
 WHERE e.id = %s AND e.person_id = %s
"""
_LISTS = """
SELECT q.cohort_id, q.length, q.longest, q.largest_party, e.id, e.state
  FROM waitlist_queue q
  LEFT JOIN waitlist_entry e
    ON e.cohort_id = q.cohort_id AND e.person_id = %s AND e.state IN ('waiting', 'offered')
 WHERE q.cohort_id = ANY (%s::uuid[])
"""


@dataclass(frozen=True)
class ListState:
    """A cohort's list as a visitor sees it, with their own open place if they have one."""

    length: int = 0
    longest: int | None = None
    largest_party: int = 4
    entry_id: UUID | None = None
    entry_state: EntryState | None = None

    @property
    def has_room(self) -> bool:
        return self.longest is None or self.length < self.longest


@dataclass(frozen=True)
class OfferRecord:
    """A seat offered. `number` 1 is for who joined. `price` is what the course cost when it was
    offered, before coupons and tax; None where that is not known."""

    id: UUID
    entry_id: UUID
    number: int
    state: OfferState
    ends_at: datetime
    enrollment_id: UUID | None
    price: Money | None = None


@dataclass(frozen=True)
class EntryRecord:
    """A place in a list as its owner may see it."""

    id: UUID
    person_id: UUID
    course_id: UUID
    cohort_id: UUID
    party_size: int
    group: str
    rank: int
    place: Decimal
    state: EntryState
    skipped_code: str
    why_skipped: Words
    saving_since: datetime | None
    joined_at: datetime
    ended_at: datetime | None
    enrollment_id: UUID | None
    replaces_id: UUID | None
    leaves_others: bool
    offers: tuple[OfferRecord, ...] = ()

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def is_first_after_late_payment(self) -> bool:
        return self.rank == FIRST_RANK and not self.group

    @property
    def own_offer(self) -> OfferRecord | None:
        """The open offer of the person who joined."""
        return next((o for o in self.offers if o.number == 1 and o.state is OfferState.OPEN), None)


@dataclass(frozen=True)
class Ahead:
    """How many places, and seats wanted by them, stand before one; and how many of the places do
    because their rank is better."""

    places: int
    seats: int
    by_priority: int


def lists(cohort_ids: Iterable[UUID], person_id: UUID | None) -> dict[UUID, ListState]:
    """The lists of these cohorts, in one query; a cohort without one is missing."""
    with connection.cursor() as cursor:
        cursor.execute(_LISTS, [person_id, list(cohort_ids)])
        return {
            cohort_id: ListState(
                length, longest, largest, entry_id, EntryState(state) if state else None
            )
            for cohort_id, length, longest, largest, entry_id, state in cursor.fetchall()
        }


def of_person(person_id: UUID, entry_id: UUID) -> EntryRecord:
    """One place of this person. Raises NotFound, also for somebody else's."""
    found = _records(Entry.objects.filter(person=person_id, pk=entry_id))
    if not found:
        raise NotFound(_("There is no such place in a waitlist."))
    return found[0]


def latest_in(
    person_id: UUID, course_id: UUID, cohort_id: UUID | None = None
) -> EntryRecord | None:
    """The person's place in a list of the course (or of this cohort): the open one, else the one
    that ended last."""
    rows = Entry.objects.filter(person=person_id, course=course_id)
    if cohort_id is not None:
        rows = rows.filter(cohort=cohort_id)
    ranked = sorted(_records(rows), key=lambda entry: (entry.is_open, entry.id))
    return ranked[-1] if ranked else None


def list_of_person(person_id: UUID, limit: int = 50) -> list[EntryRecord]:
    """The person's open places and the latest that ended, newest first."""
    return _records(Entry.objects.filter(person=person_id).order_by("-pk")[:limit])


def offer_of(offer_id: UUID) -> OfferRecord:
    """One offer. Raises NotFound. Whether the visitor may see it, the caller decides."""
    offer = Offer.objects.filter(pk=offer_id).first()
    if offer is None:
        raise NotFound(_("There is no such offer."))
    return _offer(offer)


def entry_of_offer(offer_id: UUID) -> EntryRecord:
    """The place that an offer was made to. Raises NotFound."""
    found = _records(Entry.objects.filter(offers=offer_id))
    if not found:
        raise NotFound(_("There is no such offer."))
    return found[0]


def ahead(entry: EntryRecord) -> Ahead:
    """Who stands before this waiting place."""
    with connection.cursor() as cursor:
        cursor.execute(AHEAD, {"cohort": entry.cohort_id, "rank": entry.rank, "place": entry.place})
        return Ahead(*cursor.fetchone())


def ending_offers(at: datetime, limit: int) -> list[UUID]:
    """Open offers of which a quarter of the time is left, or two hours, and that nobody was warned
    of yet."""
    rows = Offer.objects.filter(
        state=OfferState.OPEN, number=1, warned_at=None, ends_at__gt=at, ends_at__lte=at + WARNED
    ).filter(ends_at__lte=at + (F("ends_at") - F("offered_at")) / 4)
    return list(rows.order_by("ends_at").values_list("pk", flat=True)[:limit])


def messages_today(cohort_id: UUID) -> int:
    """How many messages staff wrote to the list within a day."""
    rows = ListMessage.objects.filter(cohort=cohort_id)
    return rows.filter(written_at__gt=Now() - timedelta(days=1)).count()


def queue(cohort_id: UUID) -> Queue:
    """The cohort's list with its terms and figures; the usual terms where there is none yet."""
    return Queue.objects.filter(pk=cohort_id).first() or Queue(cohort_id=cohort_id)


def earlier_lists(course_id: UUID, cohort_id: UUID, at: datetime) -> list[int]:
    """How many seats each list of the course's earlier cohorts gave away."""
    with connection.cursor() as cursor:
        after_start: Any = settings.ENVIRONMENT.registration_after_start
        cursor.execute(_EARLIER, [course_id, cohort_id, after_start, at])
        return [row[0] for row in cursor.fetchall()]


def lists_of(person_id: UUID) -> int:
    """In how many lists the person stands."""
    return Entry.objects.filter(person=person_id, state__in=OPEN).count()


def _records(rows: QuerySet[Entry]) -> list[EntryRecord]:
    found = list(rows.select_related("group"))
    offers: dict[UUID, list[OfferRecord]] = {}
    for offer in Offer.objects.filter(entry__in=[entry.pk for entry in found]).order_by("number"):
        offers.setdefault(offer.entry_id, []).append(_offer(offer))
    return [_record(entry, offers.get(entry.pk, ())) for entry in found]


def _record(entry: Entry, offers: Sequence[OfferRecord]) -> EntryRecord:
    return EntryRecord(
        id=entry.pk,
        person_id=entry.person_id,
        course_id=entry.course_id,
        cohort_id=entry.cohort_id,
        party_size=entry.party_size,
        group=entry.group.name if entry.group is not None else "",
        rank=entry.rank,
        place=entry.place,
        state=EntryState(entry.state),
        skipped_code=entry.skipped_code,
        why_skipped=entry.why_skipped,
        saving_since=entry.saving_since,
        joined_at=entry.joined_at,
        ended_at=entry.ended_at,
        enrollment_id=entry.enrollment_id,
        replaces_id=entry.replaces_id,
        leaves_others=entry.leaves_others,
        offers=tuple(offers),
    )


def _offer(offer: Offer) -> OfferRecord:
    return OfferRecord(
        id=offer.pk,
        entry_id=offer.entry_id,
        number=offer.number,
        state=OfferState(offer.state),
        ends_at=offer.ends_at,
        enrollment_id=offer.enrollment_id,
        price=None if offer.price_minor is None else Money(offer.price_minor, offer.currency),
    )
