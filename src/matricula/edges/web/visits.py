"""Who may see a checkout or a conversation: the person it belongs to, signed in, or the guest whose
browser placed it or followed the link in the mail.
"""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.cache import add_never_cache_headers

from matricula.accounts import guests
from matricula.edges.web.guard import visitor_id
from matricula.kernel import ids
from matricula.kernel.errors import NotFound
from matricula.orders import queries as orders
from matricula.orders.queries import OrderRecord
from matricula.payments import queries as payments
from matricula.payments.queries import PaymentRecord
from matricula.support import queries as support
from matricula.support.queries import ConversationRecord

_KEY = "guest_orders"
_CONVERSATIONS = "guest_conversations"
_MOST_KEPT = 20


def payment_url(order_id: UUID) -> str:
    """The payment page of an order."""
    payment = payments.of_order(order_id)
    if payment is None:
        raise NotFound
    return reverse("pay", args=[ids.to_text("pay", payment.id)])


def remember_guest(request: HttpRequest, order_id: UUID) -> None:
    """This browser placed the order."""
    known = request.session.get(_KEY, [])
    request.session[_KEY] = [*known, str(order_id)][-_MOST_KEPT:]


def find_checkout(request: HttpRequest, reference: str) -> tuple[OrderRecord, PaymentRecord]:
    """The order of a payment, for whoever may see it. Raises NotFound for anybody else."""
    payment = payments.find(ids.from_text("pay", reference))
    order = orders.read(payment.order_id)
    if order.person_id != visitor_id(request) and not is_guests(request, order.id):
        raise NotFound
    return order, payment


def is_guests(request: HttpRequest, order_id: UUID) -> bool:
    """Whether this browser placed the order as a guest, whose order it is still. It ends when an
    account has claimed or joined what the guest bought."""
    if str(order_id) not in request.session.get(_KEY, []):
        return False
    return guests.is_guest(orders.read(order_id).person_id)


def keep_link_private(response: HttpResponse) -> HttpResponse:
    """For a page that a link in a mail opens: the link is nobody else's, and the page kept nowhere.
    Not "no-referrer": then a browser says "null" for the origin of the form too, which is refused
    as forged."""
    response["Referrer-Policy"] = "strict-origin"
    add_never_cache_headers(response)
    return response


def remember_conversation(request: HttpRequest, conversation_id: UUID) -> None:
    """This browser may read the conversation: it followed the link in the mail, or began it as the
    guest whose order it is about."""
    known = request.session.get(_CONVERSATIONS, [])
    request.session[_CONVERSATIONS] = [*known, ids.to_text("sup", conversation_id)][-_MOST_KEPT:]


def knows_conversation(request: HttpRequest, reference: str) -> bool:
    """Whether this browser may read the conversation without signing in: while it is a guest's."""
    if reference not in request.session.get(_CONVERSATIONS, []):
        return False
    return guests.is_guest(support.read(ids.from_text("sup", reference)).person_id)


def find_conversation(request: HttpRequest, reference: str) -> ConversationRecord:
    """The conversation, for whoever may see it. Raises NotFound for anybody else."""
    record = support.read(ids.from_text("sup", reference))
    if record.person_id != visitor_id(request) and not knows_conversation(request, reference):
        raise NotFound
    return record
