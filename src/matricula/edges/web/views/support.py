"""Support: asking, and the conversation that follows. It is its owner's alone: the person signed
in, or the guest whose browser followed the link in the mail.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from matricula.accounts.actions import limit_guest_questions
from matricula.edges.web import offers, support_form, talk, visits
from matricula.edges.web.guard import SeeOther, page, visitor_id
from matricula.edges.web.support_form import SupportForm
from matricula.edges.web.views.enrolling import OK, UNPROCESSABLE
from matricula.flows import support as supporting
from matricula.flows.support import Written
from matricula.kernel import ids
from matricula.kernel.errors import DomainError, IllegalState
from matricula.support import actions, queries
from matricula.support.queries import ConversationRecord
from matricula.support.states import Channel


@page("GET", "POST")
def support(request: HttpRequest) -> HttpResponse:
    """The form, and the person's conversations so far. POST begins one."""
    form = support_form.read(request)
    person_id = visitor_id(request)
    if form.is_sent and form.check():
        answered = _ask(request, form)
        if answered is not None:
            return answered
    before = request.GET.get("before")
    earlier = ids.from_text("sup", before) if before else None
    found = queries.list_of_person(person_id, before=earlier) if person_id else []
    context = {
        "form": form,
        "is_guest": person_id is None and form.about.person_id is None,
        "login_url": offers.login_url(request.get_full_path()),
        "conversations": [talk.summary_of(record) for record in found],
        "is_first_page": not before,
        "older_url": _older(found),
    }
    return render(
        request, "support/support.html", context, status=UNPROCESSABLE if form.errors else OK
    )


def _ask(request: HttpRequest, form: SupportForm) -> HttpResponse | None:
    """Where the question leads; None when the form has to be mended."""
    person_id = visitor_id(request) or form.about.person_id
    try:
        if person_id is None:
            limit_guest_questions(request)
            supporting.ask_as_guest(form.values["email"], form.values["full_name"], form.question())
            return SeeOther(reverse("support_sent"))
        written = supporting.ask(person_id, form.question())
    except DomainError as error:
        form.note(error)
        return None
    if visitor_id(request) is None:
        visits.remember_conversation(request, written.conversation_id)
    messages.success(request, _("We have your message. The answer comes here, and by mail."))
    return SeeOther(_address(written))


def _older(found: list[ConversationRecord]) -> str:
    if len(found) < queries.PAGE:
        return ""
    return f"{reverse('support')}?before={ids.to_text('sup', found[-1].id)}"


@page("GET")
def sent(request: HttpRequest) -> HttpResponse:
    """What a guest sees next: the same for every address."""
    return render(request, "support/sent.html")


@page("GET")
def follow_link(request: HttpRequest, token: str) -> HttpResponse:
    """The link of the mail: this browser may read the conversation from now on."""
    record = supporting.read_token(token)
    visits.remember_conversation(request, record.id)
    return SeeOther(reverse("conversation", args=[ids.to_text("sup", record.id)]))


@page("GET", "POST")
def conversation(request: HttpRequest, reference: str) -> HttpResponse:
    """What was said. POST says more."""
    if _is_unknown(request, reference):
        return redirect_to_login(request.path)
    record = visits.find_conversation(request, reference)
    form = support_form.read(request)
    if form.is_sent:
        try:
            written = supporting.write(
                record.id,
                record.person_id,
                form.values["content"],
                _channel(request),
                key=form.draft,
            )
        except DomainError as error:
            form.note(error)
        else:
            return SeeOther(f"{_address(written)}#message-{written.number}")
    actions.mark_seen(record.id, record.last_number)
    context: dict[str, Any] = {
        "talk": talk.summary_of(record),
        "thread": talk.thread_of(queries.messages_of(record.id)),
        "form": form,
        "is_live": visitor_id(request) == record.person_id,
    }
    status = UNPROCESSABLE if form.errors else OK
    return render(request, "support/conversation.html", context, status=status)


@page("POST")
def close(request: HttpRequest, reference: str) -> HttpResponse:
    """The person says that the matter is settled."""
    if _is_unknown(request, reference):
        return redirect_to_login(reverse("conversation", args=[reference]))
    record = visits.find_conversation(request, reference)
    try:
        supporting.close(record.id, record.person_id, _channel(request))
    except IllegalState:
        messages.info(request, _("This conversation was closed already."))
    else:
        messages.success(request, _("Closed. Write again at any time, and it is open again."))
    return SeeOther(reverse("conversation", args=[reference]))


def _is_unknown(request: HttpRequest, reference: str) -> bool:
    """Whether nobody is signed in and no link was followed: then signing in is the way."""
    return visitor_id(request) is None and not visits.knows_conversation(request, reference)


def _channel(request: HttpRequest) -> Channel:
    return Channel.LINK if visitor_id(request) is None else Channel.FORM


def _address(written: Written) -> str:
    return reverse("conversation", args=[ids.to_text("sup", written.conversation_id)])
