"""Lists, places in them, and what was offered."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from matricula.kernel import ids
from matricula.kernel.errors import Words
from matricula.kernel.fields import LineField
from matricula.kernel.kept_words import read_back
from matricula.kernel.words import stored
from matricula.waitlist.states import OPEN, EntryState, OfferState

FIRST_RANK = 0  # before everybody: who paid and found no seat
LAST_RANK = 100  # everybody
LARGEST_PARTY = 20
LONGEST_OFFER = 30 * 24  # hours


class PriorityGroup(models.Model):
    """People whom staff lets wait before others. Everybody on the list sees that there is one."""

    name = LineField(max_length=60, unique=True)
    rank = models.PositiveSmallIntegerField(
        default=50,
        validators=[MinValueValidator(1), MaxValueValidator(LAST_RANK - 1)],
        help_text="1 to 99, the lowest first. Whoever is in no group comes after all groups.",
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(rank__gte=1) & Q(rank__lt=LAST_RANK), name="group_rank_between"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Queue(models.Model):
    """The list of one cohort: its terms, and figures that pages show without counting."""

    cohort = models.OneToOneField(
        "catalog.Cohort", primary_key=True, on_delete=models.CASCADE, related_name="waitlist"
    )
    longest = models.PositiveIntegerField(
        null=True, blank=True, help_text="Places in the list at most. Empty: no limit."
    )
    offer_hours = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST_OFFER)],
        help_text="Hours an offered seat is held. Empty: as the site's setting says.",
    )
    largest_party = models.PositiveSmallIntegerField(
        default=4,
        db_default=4,
        validators=[MinValueValidator(1), MaxValueValidator(LARGEST_PARTY)],
        help_text="Seats that one place in the list may ask for. 1: no parties.",
    )
    length = models.PositiveIntegerField(default=0, db_default=0)  # places that wait
    last_place = models.PositiveBigIntegerField(default=0, db_default=0)
    seats_given = models.PositiveIntegerField(default=0, db_default=0)
    begun_at = models.DateTimeField(null=True)  # the first joined
    looked_at = models.DateTimeField(null=True)  # the last time that its turn was looked at

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(largest_party__gte=1) & Q(largest_party__lte=LARGEST_PARTY),
                name="party_size_bounded",
            )
        ]

    def __str__(self) -> str:
        return f"{self.length} waiting"


class Entry(models.Model):
    """A place in the list. Its position is derived (rank, then place), never written.

    `skipped_code` and `skipped_words` (`kernel/kept_words.py`) say why it was passed over when its
    turn came; it keeps its place, is looked at again, and until then holds no seat back from
    others. `skipped_reason` is how it was said before, a finished English sentence: read, never
    written. `passed` counts the seats that went to places behind it because they fit and its party
    did not; `saving_since` is when free seats began to be kept for it. Who gets a seat gives up the
    enrollment that it `replaces`, in the same step; and who `leaves_others` gives up their other
    places.
    """

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    course = models.ForeignKey("catalog.Course", on_delete=models.PROTECT)
    cohort = models.ForeignKey("catalog.Cohort", on_delete=models.PROTECT)
    person = models.ForeignKey("accounts.Person", on_delete=models.PROTECT)
    party_size = models.PositiveSmallIntegerField(default=1)
    group = models.ForeignKey(PriorityGroup, null=True, blank=True, on_delete=models.PROTECT)
    rank = models.PositiveSmallIntegerField(default=LAST_RANK)
    place = models.DecimalField(max_digits=40, decimal_places=20)
    state = models.CharField(max_length=8, choices=EntryState.choices, default=EntryState.WAITING)
    is_counted = models.BooleanField(default=True)  # seats are kept from newcomers for it
    skipped_code = models.CharField(max_length=40, blank=True)
    skipped_words = models.JSONField(null=True, blank=True)
    skipped_reason = models.TextField(blank=True)
    skipped_at = models.DateTimeField(null=True)
    passed = models.PositiveIntegerField(default=0)
    saving_since = models.DateTimeField(null=True)
    joined_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)
    enrollment = models.ForeignKey(
        "enrollments.Enrollment", null=True, on_delete=models.PROTECT, related_name="+"
    )
    replaces = models.ForeignKey(
        "enrollments.Enrollment", null=True, on_delete=models.PROTECT, related_name="+"
    )
    leaves_others = models.BooleanField(default=False, db_default=False)

    class Meta:
        verbose_name_plural = "entries"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["person", "cohort"],
                condition=Q(state__in=OPEN),
                name="one_open_place_in_a_list",
            ),
            models.CheckConstraint(
                condition=Q(state__in=EntryState.values), name="entry_state_known"
            ),
            models.CheckConstraint(
                condition=Q(party_size__gte=1) & Q(party_size__lte=LARGEST_PARTY),
                name="entry_party_bounded",
            ),
        ]
        indexes: ClassVar = [
            # With what a position needs, so that it is counted without touching the rows.
            models.Index(
                fields=["cohort", "rank", "place"],
                include=["party_size", "is_counted"],
                condition=Q(state=EntryState.WAITING),
                name="entry_in_order",
            ),
            models.Index(
                fields=["skipped_at"],
                condition=Q(state=EntryState.WAITING, is_counted=False),
                name="entry_passed_over",
            ),
            models.Index(fields=["person", "id"], name="entry_by_person"),
            models.Index(
                fields=["ended_at"], condition=Q(leaves_others=True), name="entry_leaves_others"
            ),
        ]

    def __str__(self) -> str:
        return ids.to_text("wtl", self.pk)

    @property
    def why_skipped(self) -> Words:
        """Why it was passed over, when it was: put into the reader's language when it is read."""
        if self.skipped_reason or not self.skipped_code:
            return stored(self.skipped_reason)
        return read_back(self.skipped_words) if self.skipped_words is not None else ""


class Stretch(models.Model):
    """How many places wait in one stretch of a list (256 numbers of one rank), how many seats they
    want, and for how many of them seats are kept. Written by triggers alone (`sql/stretches.sql`).
    """

    pk = models.CompositePrimaryKey("cohort_id", "rank", "number")
    cohort = models.ForeignKey(
        "catalog.Cohort", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    rank = models.SmallIntegerField()
    number = models.BigIntegerField()
    places = models.IntegerField()
    seats = models.IntegerField()
    counted = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.places} places"


class ListMessage(models.Model):
    """What staff wrote to everybody who waited for a cohort. `reached` is the last place written
    to, so that a worker that dies goes on where it stopped."""

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    cohort = models.ForeignKey("catalog.Cohort", on_delete=models.CASCADE)
    author = models.ForeignKey("accounts.Person", on_delete=models.PROTECT)
    subject = LineField(max_length=150)
    body = models.TextField()
    written_at = models.DateTimeField(db_default=Now())
    reached = models.UUIDField(null=True)
    sent_to = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.subject


class Offer(models.Model):
    """One seat held for a place in the list, until `ends_at`. The id is the hold's key. A party has
    as many as it asked for, numbered from 1: the first is for who joined, the others for whoever
    they pass them on to.
    """

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="offers")
    number = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=8, choices=OfferState.choices, default=OfferState.OPEN)
    offered_at = models.DateTimeField(db_default=Now())
    ends_at = models.DateTimeField()
    price_minor = models.PositiveBigIntegerField(
        null=True, help_text="The price of the course when the seat was offered. Empty: not known."
    )
    currency = models.CharField(max_length=3, blank=True, default="", db_default="")
    warned_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    enrollment = models.ForeignKey(
        "enrollments.Enrollment", null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["entry", "number"], name="offers_are_numbered"),
            models.CheckConstraint(
                condition=Q(state__in=OfferState.values), name="offer_state_known"
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("offered_at")), name="offer_lasts_some_time"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["ends_at"],
                condition=Q(state=OfferState.OPEN, warned_at__isnull=True),
                name="offer_to_warn_of",
            ),
        ]

    def __str__(self) -> str:
        return ids.to_text("off", self.pk)
