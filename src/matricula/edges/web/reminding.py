"""Reminders of a checkout left unfinished: the box that asks for consent, and the way back.

Where consent is asked for (MATRICULA_REMINDERS=consent) the box stands unticked on every checkout
of somebody who has not decided yet, and what was agreed to is kept with its time.
"""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from matricula.kernel import ids
from matricula.kernel.errors import NotFound
from matricula.notifications import actions, queries
from matricula.notifications.kinds import Category
from matricula.orders import queries as orders


def words() -> str:
    """What the box says, in the reader's language."""
    return _(
        "Remind me by e-mail if I don't finish, and when a course begins. I can stop it with one "
        "click."
    )


def is_asked(person_id: UUID | None) -> bool:
    """Whether the box is shown."""
    if settings.ENVIRONMENT.mail.reminders != "consent" or person_id is None:
        return False
    return not queries.has_decided(person_id, Category.REMINDER)


def remember(values: dict[str, str], person_id: UUID) -> None:
    """Keeps a consent given at a checkout. A box left empty decides nothing."""
    if values["remind"] and is_asked(person_id):
        actions.set_preference(person_id, Category.REMINDER, wants_mail=True, wording=words())


def filled_in(reference: str, person_id: UUID | None) -> dict[str, str]:
    """What the person had filled in for an order of theirs; nothing for any other."""
    if person_id is None:
        return {}
    try:
        order = orders.find(ids.from_text("ord", reference), person_id)
    except NotFound:
        return {}
    return {
        "coupon": next(iter(order.coupon_codes), ""),
        "country": order.billing_country,
        "state": order.billing_state,
        "tax_id": order.tax_id,
        "billing_name": order.billing_name,
        "billing_address": order.billing_address,
    }
