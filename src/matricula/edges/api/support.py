"""Conversations with support, as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema
from pydantic import Field, StringConstraints

from matricula.edges.api import idempotent
from matricula.edges.api.answers import answer
from matricula.edges.api.authentication import SignedIn, active_person_id
from matricula.edges.api.enrollment_json import REFUSALS
from matricula.edges.api.schemas import Cursor, Line, Problem
from matricula.flows import support
from matricula.flows.support import Question, Written
from matricula.kernel import correlation, cursors, ids
from matricula.kernel.errors import FieldError, Guidance, ValidationFailed
from matricula.support import queries
from matricula.support.queries import ConversationRecord
from matricula.support.rules import LONGEST_MESSAGE, LONGEST_SUBJECT
from matricula.support.states import Author, Channel, ConversationState

router = Router(tags=["Support"], auth=SignedIn())

Content = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_MESSAGE)]


class NewConversation(Schema):
    content: Content = Field(description="What happened, in the person's words.")
    subject: Annotated[Line, StringConstraints(max_length=LONGEST_SUBJECT)] | None = Field(
        None, description="In one line; without it, how the message begins."
    )
    enrollment_id: str | None = Field(None, description="What it is about, if one of theirs.")
    order_id: str | None = None
    correlation_id: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        None, description="The reference of the answer that failed."
    )


class NewMessage(Schema):
    content: Content


class Message(Schema):
    number: int = Field(description="From 1 on, without gaps.")
    author: Author
    content: str = Field(description="Of the system: what it notes, `closed` or `reopened`.")
    at: datetime


class Conversation(Schema):
    id: str
    subject: str
    status: ConversationState = Field(
        description="open: waits for staff; waiting: waits for the person; closed."
    )
    correlation_id: str | None
    enrollment_id: str | None
    order_id: str | None
    last_number: int
    has_news: bool = Field(description="Staff wrote what was not shown on a page yet.")
    opened_at: datetime
    last_at: datetime
    closed_at: datetime | None
    url: str = Field(description="Its page.")


class ConversationAnswer(Conversation):
    messages: list[Message]


class ConversationList(Schema):
    items: list[Conversation]
    next_cursor: str | None


class MessageAnswer(Schema):
    conversation_id: str
    number: int
    at: datetime


class ListQuery(Schema):
    cursor: Cursor | None = None
    limit: int = Field(queries.PAGE, ge=1, le=100)


class ReadQuery(Schema):
    after: int = Field(0, ge=0, le=2**31 - 1, description="Only messages numbered above it.")


@router.get("/support/conversations", response={200: ConversationList, **REFUSALS})
def list_conversations(request: HttpRequest, filters: Query[ListQuery]) -> HttpResponse:
    """The person's conversations, newest first."""
    person_id = active_person_id(request)
    before: UUID | None = None
    if filters.cursor is not None:
        (last,) = cursors.read(filters.cursor, str)
        before = ids.from_text("sup", last)
    found = queries.list_of_person(person_id, before=before, limit=filters.limit + 1)
    page = found[: filters.limit]
    more = len(found) > filters.limit
    return answer(
        ConversationList(
            items=[Conversation(**_members(record)) for record in page],
            next_cursor=cursors.make(ids.to_text("sup", page[-1].id)) if more else None,
        )
    )


@router.post("/support/conversations", response={201: ConversationAnswer, 429: Problem, **REFUSALS})
def open_conversation(request: HttpRequest, payload: NewConversation) -> HttpResponse:
    """Begins a conversation with its first message."""
    person_id = active_person_id(request)

    def work() -> HttpResponse:
        written = support.ask(person_id, _question(payload))
        record = queries.of_person(person_id, written.conversation_id)
        return answer(_with_messages(record, after=0), 201)

    return idempotent.once(request, person_id, work)


@router.get(
    "/support/conversations/{conversation_id}", response={200: ConversationAnswer, **REFUSALS}
)
def get_conversation(
    request: HttpRequest, conversation_id: str, filters: Query[ReadQuery]
) -> HttpResponse:
    """One conversation of the person, with its messages."""
    return answer(_with_messages(_own(request, conversation_id), filters.after))


@router.post(
    "/support/conversations/{conversation_id}/messages",
    response={201: MessageAnswer, 429: Problem, **REFUSALS},
)
def write_message(request: HttpRequest, conversation_id: str, payload: NewMessage) -> HttpResponse:
    """Says more. A closed conversation is open again."""
    record = _own(request, conversation_id)

    def work() -> HttpResponse:
        made = support.write(record.id, record.person_id, payload.content, Channel.API)
        return answer(_message(made), 201)

    return idempotent.once(request, record.person_id, work)


@router.post(
    "/support/conversations/{conversation_id}/close", response={200: Conversation, **REFUSALS}
)
def close_conversation(request: HttpRequest, conversation_id: str) -> HttpResponse:
    """The matter is settled."""
    record = _own(request, conversation_id)

    def work() -> HttpResponse:
        support.close(record.id, record.person_id, Channel.API)
        return answer(Conversation(**_members(queries.read(record.id))))

    return idempotent.once(request, record.person_id, work)


def _own(request: HttpRequest, conversation_id: str) -> ConversationRecord:
    """The person's own conversation; somebody else's is not found, like one that never was."""
    person_id = active_person_id(request)
    return queries.of_person(person_id, ids.from_text("sup", conversation_id))


def _question(payload: NewConversation) -> Question:
    quoted = payload.correlation_id or ""
    if quoted and not correlation.accepted(quoted):
        message = "This cannot be a correlation id."
        raise ValidationFailed(guidance=Guidance(errors=[FieldError("correlation_id", message)]))
    return Question(
        content=payload.content,
        channel=Channel.API,
        subject=payload.subject or "",
        enrollment_id=ids.from_text("enr", payload.enrollment_id)
        if payload.enrollment_id
        else None,
        order_id=ids.from_text("ord", payload.order_id) if payload.order_id else None,
        correlation_id=quoted,
    )


def _members(record: ConversationRecord) -> dict[str, Any]:
    reference = ids.to_text("sup", record.id)
    return {
        "id": reference,
        "subject": record.subject,
        "status": record.state,
        "correlation_id": record.correlation_id or None,
        "enrollment_id": ids.to_text("enr", record.enrollment_id) if record.enrollment_id else None,
        "order_id": ids.to_text("ord", record.order_id) if record.order_id else None,
        "last_number": record.last_number,
        "has_news": record.has_news,
        "opened_at": record.opened_at,
        "last_at": record.last_at,
        "closed_at": record.closed_at,
        "url": f"/support/{reference}/",
    }


def _with_messages(record: ConversationRecord, after: int) -> ConversationAnswer:
    said = queries.messages_of(record.id, after=after)
    messages = [
        Message(number=one.number, author=one.author, content=one.content, at=one.at)
        for one in said
    ]
    return ConversationAnswer(**_members(record), messages=messages)


def _message(written: Written) -> MessageAnswer:
    conversation_id = ids.to_text("sup", written.conversation_id)
    return MessageAnswer(conversation_id=conversation_id, number=written.number, at=written.at)
