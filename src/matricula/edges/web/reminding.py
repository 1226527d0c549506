"""Reminders of a checkout left unfinished: the box that asks for consent, and the way back.

Where consent is asked for (MATRICULA_REMINDERS=consent) the box stands unticked on every checkout
of somebody who has not decided yet, guests among them; what was agreed to is kept with its time.
"""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from matricula.edges.web import visits
from matricula.edges.web.guard import visitor_id
from matricula.kernel import ids
from matricula.kernel.errors import NotFound
from matricula.notifications import actions, queries
from matricula.notifications.kinds import Category
from matricula.orders import queries as orders
from matricula.orders.queries import OrderRecord


def words() -> str:
    """What the box says, in the reader's language."""
    return _(
        "Remind me by e-mail if I don't finish, and when a course begins. I can stop it with one "
        "click."
    )


def is_asked(person_id: UUID | None) -> bool:
    """Whether the box is shown. Nobody knows what a guest has decided before."""
    if settings.ENVIRONMENT.mail.reminders != "consent":
        return False
    return person_id is None or not queries.has_decided(person_id, Category.REMINDER)


def remember(values: dict[str, str], person_id: UUID) -> None:
    """Keeps a consent given at a checkout. A box left empty decides nothing."""
    if values["remind"] and is_asked(person_id):
        actions.set_preference(person_id, Category.REMINDER, wants_mail=True, wording=words())


def filled_in(request: HttpRequest) -> dict[str, str]:
    """What the visitor had filled in for the order they come back to; nothing for another's."""
    order = _order(request)
    if order is None:
        return {}
    return {
        "full_name": order.buyer_name,
        "email": order.buyer_email,
        "phone": order.buyer_phone,
        "coupon": next(iter(order.coupon_codes), ""),
        "country": order.billing_country,
        "state": order.billing_state,
        "tax_id": order.tax_id,
        "billing_name": order.billing_name,
        "billing_address": order.billing_address,
    }


def _order(request: HttpRequest) -> OrderRecord | None:
    person_id = visitor_id(request)
    try:
        order_id = ids.from_text("ord", request.GET.get("again", ""))
        if person_id is not None:
            return orders.find(order_id, person_id)
        return orders.read(order_id) if visits.is_guests(request, order_id) else None
    except NotFound:
        return None
