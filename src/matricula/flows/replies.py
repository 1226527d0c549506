"""Somebody answers a mail of support's by mail: the answer goes into its conversation.

The mail's Reply-To names the conversation and is signed, so only who has that mail can write there;
and only from the address it was sent to, so that a forwarded mail gives no voice to others. What a
program wrote by itself (RFC 3834) is passed over, a returned mail is noted as such.
"""

from __future__ import annotations

from enum import Enum
from uuid import UUID

from matricula.accounts.models import Person
from matricula.flows import support
from matricula.kernel.errors import NotFound
from matricula.notifications import bounces
from matricula.support import addresses, mail, queries
from matricula.support.mail import Head
from matricula.support.states import Channel


class Outcome(Enum):
    """What became of a mail that came in."""

    WRITTEN = "written"
    RETURNED = "noted as returned"
    AUTOMATIC = "passed over: written by a program"
    EMPTY = "passed over: nothing new in it"
    UNKNOWN = "refused: this address takes no mail"
    NOT_THEIRS = "refused: answer from the address that we wrote to, or use the link in our mail"


def receive(raw: bytes, recipient: str = "") -> Outcome:
    """Takes a mail as it came, for the envelope's recipient if that is known. The same mail twice
    is written once. Raises RateLimited, to be tried again later, and IllegalState when the
    conversation is as long as it may get."""
    report = bounces.read_report(raw)
    if report is not None:
        return Outcome.RETURNED if bounces.record(report) else Outcome.AUTOMATIC
    head = mail.read_head(raw, recipient)
    conversation_id = next(filter(None, map(addresses.conversation_at, head.recipients)), None)
    if conversation_id is None:
        return Outcome.UNKNOWN
    if head.is_automatic:
        return Outcome.AUTOMATIC
    try:
        return _write(conversation_id, head, raw)
    except NotFound:  # deleted since
        return Outcome.UNKNOWN


def _write(conversation_id: UUID, head: Head, raw: bytes) -> Outcome:
    found = queries.read(conversation_id)
    person = Person.objects.get(pk=found.person_id)
    address = (person.guest_email or person.email).lower()
    if [sender.lower() for sender in head.senders] != [address]:
        return Outcome.NOT_THEIRS
    text = mail.read_text(raw)  # only now: strangers get no body parsed
    if not text:
        return Outcome.EMPTY
    support.write(found.id, found.person_id, text, Channel.MAIL, key=head.key)
    return Outcome.WRITTEN
