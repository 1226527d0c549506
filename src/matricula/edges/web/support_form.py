"""A question to support, as filled in: what happened, and what it is about."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext as _

from matricula.edges.web import visits
from matricula.edges.web.guard import visitor_id
from matricula.enrollments import queries as enrollments
from matricula.flows.support import Question
from matricula.kernel import correlation, ids
from matricula.kernel.errors import DomainError, NotFound
from matricula.orders import queries as orders
from matricula.support.rules import LONGEST_KEY, LONGEST_MESSAGE
from matricula.support.states import Channel

FIELDS = ("content", "reference", "full_name", "email")


@dataclass(frozen=True)
class About:
    """What a question is about, in a link and in words; and who asks, when it shows that: the
    guest whose browser placed the order."""

    reference: str = ""
    title: str = ""
    person_id: UUID | None = None
    enrollment_id: UUID | None = None
    order_id: UUID | None = None


@dataclass
class SupportForm:
    """What was filled in, and what is wrong with it by field. `draft` names the message, so that a
    form sent twice is kept once."""

    values: dict[str, str]
    about: About
    draft: str
    is_sent: bool
    errors: dict[str, str] = field(default_factory=dict)
    longest: int = LONGEST_MESSAGE

    def question(self) -> Question:
        return Question(
            content=self.values["content"],
            channel=Channel.FORM,
            enrollment_id=self.about.enrollment_id,
            order_id=self.about.order_id,
            correlation_id=correlation.accepted(self.values["reference"]),
            key=self.draft,
        )

    def check(self) -> bool:
        """Whether what can be checked here is right."""
        if self.values["reference"] and not correlation.accepted(self.values["reference"]):
            self.errors["reference"] = _("Copy it as the page showed it, or leave it empty.")
        return not self.errors

    def note(self, error: DomainError) -> None:
        """Puts a refusal beside the fields it is about, or above them all."""
        found = {
            entry.field: str(entry.message)
            for entry in error.guidance.errors
            if entry.field in FIELDS
        }
        self.errors |= found or {"form": str(error.detail)}


def read(request: HttpRequest) -> SupportForm:
    """The form as sent, or as a link fills it in: `?ref=` and `?about=`."""
    sent = request.POST
    values = {name: sent.get(name, "").strip() for name in FIELDS}
    values["reference"] = values["reference"] or request.GET.get("ref", "").strip()
    draft = sent.get("draft", "")
    return SupportForm(
        values,
        _about(request, sent.get("about") or request.GET.get("about", "")),
        draft if 0 < len(draft) <= LONGEST_KEY and draft.isascii() else new_draft(),
        is_sent=request.method == "POST",
    )


def new_draft() -> str:
    """A name for a message that is about to be written."""
    return secrets.token_urlsafe(16)


def _about(request: HttpRequest, reference: str) -> About:
    """The enrollment or order, if it is the visitor's. Anything else is nothing: whoever needs
    help is not turned away for a wrong link."""
    try:
        if reference.startswith("enr_"):
            return _enrollment(request, reference)
        if reference.startswith("ord_"):
            return _order(request, reference)
    except NotFound:
        pass
    return About()


def _enrollment(request: HttpRequest, reference: str) -> About:
    person_id = visitor_id(request)
    if person_id is None:
        raise NotFound
    record = enrollments.of_person(person_id, ids.from_text("enr", reference))
    return About(reference, record.course_title, person_id, enrollment_id=record.id)


def _order(request: HttpRequest, reference: str) -> About:
    record = orders.read(ids.from_text("ord", reference))
    if record.person_id != visitor_id(request) and not visits.is_guests(request, record.id):
        raise NotFound
    titles = ", ".join(line.title for line in record.lines)
    return About(reference, titles, record.person_id, order_id=record.id)
