"""The lives of a place in the list and of an offered seat."""

from __future__ import annotations

from django.db import models

from matricula.kernel.states import Transitions


class EntryState(models.TextChoices):
    WAITING = "waiting"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    LAPSED = "lapsed"
    LEFT = "left"


OPEN = (EntryState.WAITING, EntryState.OFFERED)
# Where an event leaves the place it is about; others leave it where it was.
AFTER_EVENT = {
    "waitlist.joined": EntryState.WAITING,
    "waitlist.offered": EntryState.OFFERED,
    "waitlist.accepted": EntryState.ACCEPTED,
    "waitlist.lapsed": EntryState.LAPSED,
    "waitlist.left": EntryState.LEFT,
}

ENTRY = Transitions[EntryState](
    "the place in the list",
    {
        (EntryState.WAITING, "enroll"): EntryState.ACCEPTED,
        (EntryState.WAITING, "offer"): EntryState.OFFERED,
        (EntryState.WAITING, "leave"): EntryState.LEFT,
        (EntryState.OFFERED, "accept"): EntryState.ACCEPTED,
        (EntryState.OFFERED, "lapse"): EntryState.LAPSED,
        (EntryState.OFFERED, "leave"): EntryState.LEFT,
    },
)


class OfferState(models.TextChoices):
    OPEN = "open"
    ACCEPTED = "accepted"
    LAPSED = "lapsed"
    DECLINED = "declined"


OFFER = Transitions[OfferState](
    "the offer",
    {
        (OfferState.OPEN, "accept"): OfferState.ACCEPTED,
        (OfferState.OPEN, "lapse"): OfferState.LAPSED,
        (OfferState.OPEN, "decline"): OfferState.DECLINED,
    },
)
