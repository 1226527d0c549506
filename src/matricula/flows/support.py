"""A person writes to support, and staff answers. One conversation, whichever way it comes: by form,
by chat, by program, or by the link in a mail.

Each message is numbered, told as an event and, if it is staff's, mailed: all in one transaction.
Somebody else's conversation is not found, like one that never was.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from matricula.accounts import guests
from matricula.accounts.models import Person
from matricula.enrollments import queries as enrollments
from matricula.kernel import events, ids
from matricula.kernel.errors import NotFound
from matricula.kernel.events import NewEvent
from matricula.kernel.locks import lock_person
from matricula.notifications import rendering
from matricula.notifications.actions import header_id
from matricula.orders import queries as orders
from matricula.support import actions, addresses, queries, rules
from matricula.support.actions import Draft
from matricula.support.mail import MARKER
from matricula.support.models import Conversation, Message
from matricula.support.queries import ConversationRecord
from matricula.support.states import Channel

_SALT = "matricula.support"
# Guests who give one address have no lock in common but this one.
_ADDRESSES = UUID("6f6f0a3c-7c0e-5f0e-9d55-5a1d3b0c2f77")


@dataclass(frozen=True)
class Question:
    """What somebody begins a conversation with. `key` is the sender's own name for the message:
    sent again under it, it is kept once."""

    content: str
    channel: Channel
    subject: str = ""
    enrollment_id: UUID | None = None
    order_id: UUID | None = None
    correlation_id: str = ""
    key: str = ""


@dataclass(frozen=True)
class Written:
    """A message that is kept. `is_new` is False when it was kept already."""

    conversation_id: UUID
    number: int
    at: datetime
    is_new: bool = True


@transaction.atomic
def ask(person_id: UUID, question: Question) -> Written:
    """The person begins a conversation.

    Raises ValidationFailed for an unusable text, NotFound for an enrollment or order that is not
    theirs, RateLimited when too many are open.
    """
    text = rules.message_text(question.content)
    lock_person(person_id)
    kept = queries.kept_under(question.key, person_id)
    if kept is not None:
        return _written(kept, is_new=False)
    if question.enrollment_id is not None:
        enrollments.of_person(person_id, question.enrollment_id)
    if question.order_id is not None:
        orders.find(question.order_id, person_id)
    if settings.ENVIRONMENT.limits:
        rules.check_open(queries.live_of_person(person_id), rules.MOST_OPEN)
    return _begin(ids.new_id(), person_id, question, text)


def ask_as_guest(email: str, full_name: str, question: Question) -> None:
    """Somebody without an account begins a conversation. The way to it is mailed, and told nowhere
    else: who cannot read the mail cannot read the answers. Nothing of what was written is in that
    mail, so that nobody can have us send their words to others.

    Raises ValidationFailed, and RateLimited when the address has too many open.
    """
    text = rules.message_text(question.content)
    conversation_id = ids.new_id()
    reply_to = addresses.address_of(conversation_id)
    link = _guest_link(conversation_id)
    body = render_to_string("support/opened_mail.txt", {"link": link, "takes_replies": reply_to})
    with transaction.atomic():
        email = email.strip().lower()
        lock_person(uuid5(_ADDRESSES, email))
        if queries.kept_of_guest(question.key, email) is not None:
            return
        guest = guests.make(email, full_name)
        if settings.ENVIRONMENT.limits:
            rules.check_open(queries.live_of_guests(email), rules.MOST_OPEN_OF_GUEST)
        _begin(conversation_id, guest.pk, question, text)
        headers = {"Message-ID": header_id(ids.to_text("sup", conversation_id))}
        subject = gettext("We have your message")
        to_us = [reply_to] if reply_to else []
        EmailMessage(subject, body, to=[email], reply_to=to_us, headers=headers).send()


@transaction.atomic
def write(
    conversation_id: UUID, person_id: UUID, content: str, channel: Channel, *, key: str = ""
) -> Written:
    """The person writes on; a closed conversation is open again.

    Raises NotFound for a conversation that is not theirs, ValidationFailed, RateLimited, and
    IllegalState when it is as long as it may get.
    """
    text = rules.message_text(content)
    conversation = _lock_own(conversation_id, person_id)
    kept = conversation.messages.filter(key=key).first() if key else None
    if kept is not None:
        return _written(kept, is_new=False)
    if settings.ENVIRONMENT.limits:
        rules.check_pace(queries.written_lately(conversation_id))
    return _keep(conversation, Draft("write", person_id, channel, text, key))


@transaction.atomic
def chat(
    person_id: UUID, content: str, *, conversation_id: UUID | None = None, key: str = ""
) -> Written:
    """A message of a chat: into the given conversation, else into the one that the person began
    last and that is not closed, else into a new one. Raises as `write` and `ask`."""
    lock_person(person_id)
    found = conversation_id or queries.newest_live(person_id)
    if found is None:
        return ask(person_id, Question(content, Channel.CHAT, key=key))
    return write(found, person_id, content, Channel.CHAT, key=key)


def answer(conversation_id: UUID, staff_id: UUID, content: str, *, key: str = "") -> Written:
    """Staff answers: in the conversation, and by mail with the way to it. Whoever answers first
    has the conversation. Raises NotFound, ValidationFailed, IllegalState."""
    text = rules.message_text(content)
    found = queries.read(conversation_id)
    letter = _answer_letter(found, text)
    with transaction.atomic():
        conversation = actions.lock(conversation_id)
        kept = conversation.messages.filter(key=key).first() if key else None
        if kept is not None:
            return _written(kept, is_new=False)
        if conversation.assignee_id is None:
            _assign(conversation, staff_id, staff_id)
        mail_id = letter.extra_headers["Message-ID"]
        draft = Draft("answer", staff_id, Channel.CONSOLE, text, key, mail_id)
        written = _keep(conversation, draft)
        letter.send()
    return written


@transaction.atomic
def close(conversation_id: UUID, actor_id: UUID, channel: Channel) -> Written:
    """The matter is settled, says the person or staff. Raises IllegalState when it was closed."""
    return _keep(actions.lock(conversation_id), Draft("close", actor_id, channel))


@transaction.atomic
def reopen(conversation_id: UUID, staff_id: UUID) -> Written:
    """Staff takes a closed conversation up again. Raises IllegalState when it is not closed."""
    return _keep(actions.lock(conversation_id), Draft("reopen", staff_id, Channel.CONSOLE))


@transaction.atomic
def assign(conversation_id: UUID, assignee_id: UUID | None, actor_id: UUID) -> None:
    """The conversation is this member of staff's, or nobody's. Raises NotFound."""
    _assign(actions.lock(conversation_id), assignee_id, actor_id)


def link_token(conversation_id: UUID) -> str:
    """The text of the link mailed to a guest."""
    return signing.dumps(str(conversation_id), salt=_SALT)


def read_token(token: str) -> ConversationRecord:
    """The conversation that the link is for. Raises NotFound for a link that is wrong or too
    old."""
    try:
        text = signing.loads(token, salt=_SALT, max_age=rules.LINK_DAYS * 86_400)
    except signing.BadSignature as error:
        raise NotFound(_("This link is not valid any more.")) from error
    return queries.read(UUID(text))


# Each kind of move, as the event that tells it.
_EVENT_OF = {
    "write": "support.message",
    "answer": "support.message",
    "close": "support.closed",
    "reopen": "support.reopened",
}


def _begin(conversation_id: UUID, person_id: UUID, question: Question, text: str) -> Written:
    about = {"enrollment": question.enrollment_id, "order": question.order_id}
    conversation = actions.begin(
        conversation_id,
        person_id,
        rules.subject_of(question.subject, text),
        enrollment_id=question.enrollment_id,
        order_id=question.order_id,
        correlation_id=question.correlation_id,
    )
    told = {name: str(value) for name, value in about.items() if value is not None}
    events.append([NewEvent("support.opened", conversation_id, person_id, person_id, told)])
    return _keep(conversation, Draft("write", person_id, question.channel, text, question.key))


def _keep(conversation: Conversation, draft: Draft) -> Written:
    """The message, and the event that tells of it."""
    message = actions.add(conversation, draft)
    told = {"number": message.number, "author": message.author}
    person_id = conversation.person_id
    events.append([NewEvent(_EVENT_OF[draft.trigger], conversation.pk, person_id, draft.by, told)])
    return _written(message)


def _written(message: Message, *, is_new: bool = True) -> Written:
    return Written(message.conversation_id, message.number, message.at, is_new)


def _lock_own(conversation_id: UUID, person_id: UUID) -> Conversation:
    conversation = actions.lock(conversation_id)
    if conversation.person_id != person_id:
        raise NotFound(_("There is no such conversation."))
    return conversation


def _assign(conversation: Conversation, assignee_id: UUID | None, actor_id: UUID) -> None:
    actions.assign(conversation, assignee_id)
    told = {"assignee": str(assignee_id) if assignee_id else None}
    person_id = conversation.person_id
    events.append([NewEvent("support.assigned", conversation.pk, person_id, actor_id, told)])


def _answer_letter(found: ConversationRecord, text: str) -> EmailMultiAlternatives:
    """The mail that carries an answer, made before anything is locked."""
    person = Person.objects.get(pk=found.person_id)
    reference = ids.to_text("sup", found.id)
    link = f"{settings.ENVIRONMENT.base_url}/support/{reference}/"
    if person.guest_email:
        link = _guest_link(found.id)
    reply_to = addresses.address_of(found.id)
    said = {"name": person.full_name, "subject": found.subject, "answer": text, "link": link}
    said["marker"] = MARKER if reply_to else ""
    with translation.override(person.language or settings.LANGUAGE_CODE):
        body = render_to_string("support/answer_mail.txt", said)
        html = rendering.html_of(found.subject, body)
    headers = {
        "Auto-Submitted": "no",  # a person wrote it
        "Message-ID": header_id(f"{reference}.{ids.new_id().hex}"),
        # What keeps the mails of one conversation together in the reader's program.
        "References": header_id(reference),
        "In-Reply-To": header_id(reference),
    }
    to = [person.guest_email or person.email]
    to_us = [reply_to] if reply_to else []
    letter = EmailMultiAlternatives(
        f"Re: {found.subject}", body, to=to, reply_to=to_us, headers=headers
    )
    letter.attach_alternative(html, "text/html")
    return letter


def _guest_link(conversation_id: UUID) -> str:
    return f"{settings.ENVIRONMENT.base_url}/support/links/{link_token(conversation_id)}/"
