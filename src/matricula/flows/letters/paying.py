"""Letters about money: paid, failed, given back."""

from __future__ import annotations

from django.utils.translation import gettext as _

from matricula.flows.letters.about import About, greeting
from matricula.kernel import ids, words
from matricula.kernel.money import Money
from matricula.notifications.letters import Action, Attachment, Letter
from matricula.orders.models import Document
from matricula.orders.queries import OrderRecord
from matricula.payments.models import Refund
from matricula.payments.queries import PaymentRecord


def receipt(about: About, order: OrderRecord, invoice: Document | None) -> Letter:
    """The payment has arrived; with the invoice."""
    facts = [(line.title, words.money(line.total)) for line in order.lines]
    facts.append((_("Paid"), words.money(order.total)))
    reference = ids.to_text("ord", order.id)
    is_guest = bool(about.person.guest_email)
    return Letter(
        subject=_("Receipt: %(amount)s") % {"amount": words.money(order.total)},
        heading=_("Your payment has arrived"),
        greeting=greeting(about.person, order.buyer_name),
        summary=_("Thank you. We received %(amount)s.") % {"amount": words.money(order.total)},
        facts=facts,
        paragraphs=[
            *([_("The invoice is attached.")] if invoice is not None else []),
            *_right_words(order, is_guest=is_guest),
        ],
        action=Action(_("Open your course"), about.path("/me/"))
        if is_guest
        else Action(_("See the order"), f"/orders/{reference}/"),
        closing=_guest_words() if is_guest else [],
        attachments=[_paper(invoice)] if invoice is not None else [],
    )


def withdrawn(about: About, order: OrderRecord) -> Letter:
    """The receipt of a declaration of withdrawal is confirmed: what from, when it came."""
    line = next(one for one in order.lines if one.enrollment_id == about.enrollment.pk)
    amount = words.money(Money(about.data["amount_minor"], about.data["currency"]))
    facts = [
        (_("Contract"), f"{line.title}, {line.cohort_name}"),
        (_("Order"), ids.to_text("ord", order.id)),
        (_("Declared by"), order.buyer_name or order.buyer_email),
        (_("You get back"), amount),
    ]
    if about.at is not None:
        facts.insert(0, (_("Received"), words.moment(about.at)))
    return Letter(
        subject=_("Your withdrawal: %(course)s") % {"course": line.title},
        heading=_("We have received your withdrawal"),
        greeting=greeting(about.person, order.buyer_name),
        summary=_("You withdrew from the contract about %(course)s.") % {"course": line.title},
        facts=facts,
        paragraphs=[
            _("Access has ended, and you are charged nothing for it."),
            _("The money goes back the way you paid, within 14 days at most."),
        ],
        action=None if about.person.guest_email else _order_action(order),
    )


def _right_words(order: OrderRecord, *, is_guest: bool) -> list[str]:
    """What a consumer in Europe agreed to about withdrawing, to keep."""
    said = []
    if any(line.withdrawal == "until_start" for line in order.lines):
        said.append(
            _(
                "You asked that the course begins before the time to withdraw is over, and you "
                "know that you lose the right to withdraw when it begins."
            )
        )
    if any(line.withdrawal == "full" for line in order.lines):
        said.append(
            _("You may withdraw within 14 days, without giving a reason: by the link below.")
            if is_guest
            else _(
                "You may withdraw within 14 days, without giving a reason: on the page of your "
                "enrollment."
            )
        )
    return said


def failed(about: About, payment: PaymentRecord) -> Letter:
    """A payment that failed, while the seat is still held."""
    why = words.stored(payment.failure_detail) or _("The bank gave no reason.")
    held = about.enrollment.hold_expires_at
    paragraphs = [_("Nothing was charged. You can try again, also in another way.")]
    if held is not None:
        paragraphs.append(_("Your seat is held until %(end)s.") % {"end": words.moment(held)})
    return Letter(
        subject=_("Your payment failed: %(course)s") % {"course": about.title},
        heading=_("Your payment did not go through"),
        greeting=greeting(about.person),
        summary=_("The payment for %(course)s failed. %(why)s")
        % {"course": about.title, "why": why},
        paragraphs=paragraphs,
        action=Action(_("Try again"), about.status_path),
    )


def refund_started(about: About, order: OrderRecord, refund: Refund) -> Letter:
    """Money is on its way back, and why."""
    amount = words.money(refund.amount)
    return Letter(
        subject=_("Refund of %(amount)s") % {"amount": amount},
        heading=_("Your money is on its way back"),
        greeting=greeting(about.person, order.buyer_name),
        summary=_("%(amount)s go back to where they came from. %(why)s")
        % {"amount": amount, "why": _why(refund)},
        facts=_titles(order, refund),
        paragraphs=[_("Banks take up to seven days. You need do nothing.")],
        action=None if about.person.guest_email else _order_action(order),
    )


def refund_arrived(
    about: About, order: OrderRecord, refund: Refund, credit_note: Document | None
) -> Letter:
    """The gateway has given the money back; with the credit note."""
    amount = words.money(refund.amount)
    return Letter(
        subject=_("Refunded: %(amount)s") % {"amount": amount},
        heading=_("Your refund is done"),
        greeting=greeting(about.person, order.buyer_name),
        summary=_("%(amount)s were given back.") % {"amount": amount},
        facts=_titles(order, refund),
        paragraphs=[_("The credit note is attached.")] if credit_note is not None else [],
        action=None if about.person.guest_email else _order_action(order),
        attachments=[_paper(credit_note)] if credit_note is not None else [],
    )


def _why(refund: Refund) -> str:
    """The reason the payer is given. What staff or the learner wrote is said as it is."""
    if refund.cause == Refund.Cause.EXTRA:
        return _("You paid for this order twice; the second payment is given back.")
    if refund.cause == Refund.Cause.WITHDRAWAL:
        return _("You withdrew from the contract.")
    if refund.reason:
        return words.stored(refund.reason)
    if refund.cause == Refund.Cause.LATE:
        return _("The payment came when no seat was left.")
    return ""


def _titles(order: OrderRecord, refund: Refund) -> list[tuple[str, str]]:
    parts = {part.line_id: part.amount_minor for part in refund.parts.all()}
    return [
        (line.title, words.money(type(line.total)(parts[line.id], order.currency)))
        for line in order.lines
        if line.id in parts
    ] + [(_("Refund"), ids.to_text("rfd", refund.pk))]


def _order_action(order: OrderRecord) -> Action:
    return Action(_("See the order"), f"/orders/{ids.to_text('ord', order.id)}/")


def _paper(document: Document) -> Attachment:
    name = document.serial.replace("/", "-") + ".pdf"
    return Attachment(name, "document", str(document.pk))


def _guest_words() -> list[str]:
    return [
        _("The link is yours alone and works for 30 days."),
        _(
            "If you have an account here, sign in when the page asks for it, and the courses are "
            "joined to it."
        ),
    ]
