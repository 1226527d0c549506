"""How many seats are left, in words: the same on pages, in JSON and on other people's sites."""

from __future__ import annotations

from django.utils.translation import gettext, ngettext

from matricula.seats.queries import Availability

# Below this many, the seats left are said with weight.
FEW_SEATS = 5
# A number of each plural category that any language of ours has
# (https://cldr.unicode.org/index/cldr-spec/plural-rules).
_SAMPLES = {"one": 1, "two": 2, "few": 3, "many": 11, "other": 100}


def seats(counts: Availability) -> str:
    """How many seats are left."""
    if counts.left is None:
        return gettext("Unlimited seats")
    if counts.left == 0:
        return gettext("No seats left")
    return ngettext("%(count)d seat left", "%(count)d seats left", counts.left) % {
        "count": counts.left
    }


def seat_words() -> dict[str, str]:
    """The words of `seats` by plural category, for a script that puts other numbers into them;
    and below how many they get weight."""
    said = {
        category: ngettext("%(count)d seat left", "%(count)d seats left", count)
        for category, count in _SAMPLES.items()
    }
    return {**said, "none": gettext("No seats left"), "low": str(FEW_SEATS)}
