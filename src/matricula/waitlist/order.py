"""Changing the order of a list by hand, under the counter row of its cohort."""

from __future__ import annotations

from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from matricula.kernel.errors import IllegalState
from matricula.waitlist.actions import must_wait
from matricula.waitlist.models import LAST_RANK, Entry, PriorityGroup
from matricula.waitlist.states import EntryState


def set_group(entry: Entry, group: PriorityGroup | None) -> None:
    """Moves a waiting place into a group of priority, or out of all, keeping its order there."""
    must_wait(entry)
    entry.group = group
    entry.rank = LAST_RANK if group is None else group.rank
    entry.save(update_fields=["group", "rank"])


def move(entry: Entry, ahead: int) -> None:
    """Puts a waiting place where `ahead` places are before it. Places that stand between others
    are cut finer and finer; raises IllegalState when there is no room left between two."""
    must_wait(entry)
    others = Entry.objects.filter(cohort=entry.cohort_id, state=EntryState.WAITING)
    line = others.exclude(pk=entry.pk).order_by("rank", "place", "pk")
    ahead = min(ahead, line.count())
    around = list(line.values_list("rank", "place")[max(0, ahead - 1) : ahead + 1])
    before, after = (None, *around[:1]) if ahead == 0 else (*around, None, None)[:2]
    entry.rank, entry.place = _between(before, after, entry)
    entry.save(update_fields=["rank", "place"])


Spot = tuple[int, Decimal]


def _between(before: Spot | None, after: Spot | None, entry: Entry) -> Spot:
    """A spot after one place and before another, in the rank of a neighbour."""
    if after is not None and (before is None or before[0] != after[0]):
        return after[0], after[1] - 1
    if before is None:
        return entry.rank, entry.place
    if after is None:
        return before[0], before[1] + 1
    middle = ((before[1] + after[1]) / 2).quantize(Decimal(1).scaleb(-20))
    if not before[1] < middle < after[1]:
        raise IllegalState(_("There is no room between these two places. Move it elsewhere first."))
    return before[0], middle
