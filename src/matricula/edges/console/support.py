"""The inbox of support: what people ask, and what staff answers."""

# ruff: noqa: ARG002 - overrides keep the parameters that Django's admin gives them

from __future__ import annotations

from secrets import token_urlsafe
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid5

from django import forms
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.utils import unquote
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from matricula.accounts.models import Person
from matricula.edges.console import people, references
from matricula.edges.console.acting import Acting, plain
from matricula.edges.console.base import ConsoleAdmin, ReadOnlyAdmin, column
from matricula.edges.console.recording import RecordsEvents, actor_id
from matricula.flows import support
from matricula.kernel import correlation, ids
from matricula.kernel.models import Event
from matricula.support.models import CannedAnswer, Conversation, Message
from matricula.support.rules import LONGEST_KEY, LONGEST_MESSAGE
from matricula.support.states import CONVERSATION, Channel, ConversationState

STATE_COLOURS = {"open": "warning", "waiting": "info", "closed": "default"}
_BY_PREFIX = {"": "pk", "sup": "pk", "usr": "person", "enr": "enrollment", "ord": "order"}
MOST_CANNED = 30
# A ready answer has a number, an event's subject is a UUID: the same number makes the same one.
_CANNED = UUID("5b8f4c0e-3c1b-5f57-8a44-0d4c8f0f5b10")


class AnswerForm(forms.Form):
    """What staff answers. `draft` names it, so that a form sent twice is kept once."""

    draft = forms.CharField(
        max_length=LONGEST_KEY, initial=lambda: token_urlsafe(16), widget=forms.HiddenInput
    )
    content = forms.CharField(
        label="Answer",
        max_length=LONGEST_MESSAGE,
        widget=UnfoldAdminTextareaWidget({"rows": 8}),
    )


class AssignForm(forms.Form):
    """Who answers it from now on."""

    assignee = forms.ModelChoiceField(
        Person.objects.none(),
        required=False,
        empty_label="Nobody",
        widget=UnfoldAdminSelectWidget,
    )


class WhoFilter(SimpleListFilter):
    """By who answers it."""

    title, parameter_name = "whose", "whose"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("mine", "Mine"), ("nobody", "Nobody's yet")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Conversation]
    ) -> QuerySet[Conversation]:
        if self.value() == "mine":
            return queryset.filter(assignee=actor_id(request))
        return queryset.filter(assignee=None) if self.value() == "nobody" else queryset


class ConversationAdmin(Acting, ReadOnlyAdmin):
    """Conversations, the newest activity first; what waits for us is open."""

    list_display = ("subject", "person_shown", "state_label", "assignee_shown", "last")
    list_display_links = ("subject",)
    list_filter = ("state", WhoFilter)
    search_fields = ("id",)
    search_help_text = "Whole address, sup_…, usr_…, enr_…, ord_… or a quoted reference"
    ordering = ("-last_at", "-id")
    actions_detail = ("answer", "assign", "close", "reopen")
    change_form_outer_before_template = "console/thread.html"
    fieldsets = (
        (None, {"fields": ("subject", "state_label", "person_shown", "assignee_shown")}),
        ("About", {"fields": ("enrollment_shown", "order_shown", "trace", "others", "reference")}),
        ("Times", {"fields": (("opened_at", "last_at", "closed_at"),)}),
    )
    readonly_fields = (
        "state_label",
        "person_shown",
        "assignee_shown",
        "enrollment_shown",
        "order_shown",
        "trace",
        "others",
        "reference",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conversation]:
        rows: QuerySet[Conversation] = super().get_queryset(request)
        return rows.select_related("person", "assignee")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Conversation], search_term: str
    ) -> tuple[QuerySet[Conversation], bool]:
        """By id, whole address or quoted reference, each of which has an index."""
        term = search_term.strip()
        found = references.read(term)
        if not term:
            return queryset, False
        if found is not None:
            name = _BY_PREFIX.get(found.prefix)
            return (queryset.filter(**{name: found.value}) if name else queryset.none()), False
        if people.is_email(term):
            guests = Person.objects.filter(guest_email=term.lower())
            known = [*people.with_email(term).values_list("pk", flat=True)]
            known += guests.values_list("pk", flat=True)
            return queryset.filter(person__in=known), False
        quoted = correlation.accepted(term)
        return (queryset.filter(correlation_id=quoted) if quoted else queryset.none()), False

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The conversation with its messages, and a form to answer it."""
        reference = references.read(unquote(object_id))
        context = dict(extra_context or {})
        if reference is not None:
            said = Message.objects.filter(conversation=reference.value).select_related("by")
            context["thread"] = said.order_by("number")
        if self.has_act_permission(request):
            canned = CannedAnswer.objects.order_by("title")[:MOST_CANNED]
            chosen = request.GET.get("canned", "")
            ready = next((row.content for row in canned if str(row.pk) == chosen), "")
            context["canned"] = canned
            context["answer"] = AnswerForm(initial={"content": ready})
            context["answer_address"] = reverse(
                "admin:support_conversation_answer", args=[object_id]
            )
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response

    # --- what staff does --------------------------------------------------------------------

    def has_act_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("support.change_conversation"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Those that the conversation's state allows. The form to answer stands on the page."""
        reference = references.read(unquote(str(object_id)))
        if reference is None:
            return []
        rows = Conversation.objects.filter(pk=reference.value)
        state = rows.values_list("state", flat=True).first()
        if state is None:
            return []
        hidden = {"answer"} | {
            trigger
            for trigger in ("close", "reopen")
            if not CONVERSATION.allows(ConversationState(state), trigger)
        }
        offered = super().get_actions_detail(request, object_id)
        return [one for one in offered if one.path not in hidden]

    @action(description="Answer", url_path="answer", permissions=["act"])  # type: ignore[untyped-decorator]
    def answer(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.ask(
            request,
            object_id,
            title="Answer",
            points=["It appears in the conversation, and goes out by mail."],
            form=plain(AnswerForm),
            run=lambda row, answers: support.answer(
                row.pk, actor_id(request), answers["content"], key=answers["draft"]
            ),
            done="Answered, and mailed.",
        )

    @action(description="Assign", url_path="assign", permissions=["act"])  # type: ignore[untyped-decorator]
    def assign(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def run(row: Conversation, answers: dict[str, Any]) -> None:
            chosen: Person | None = answers["assignee"]
            support.assign(row.pk, chosen.pk if chosen else None, actor_id(request))

        return self.ask(
            request,
            object_id,
            title="Assign",
            points=["Whoever answers first has it, unless it is assigned."],
            form=lambda _row, posted: _assign_form(posted, request),
            run=run,
            done="Assigned.",
        )

    @action(description="Close conversation", url_path="close", permissions=["act"])  # type: ignore[untyped-decorator]
    def close(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.confirm(
            request,
            object_id,
            title="Close conversation",
            points=["The matter is settled. The person can open it again by writing."],
            run=lambda row: support.close(row.pk, actor_id(request), Channel.CONSOLE),
            done="Closed.",
        )

    @action(description="Reopen conversation", url_path="reopen", permissions=["act"])  # type: ignore[untyped-decorator]
    def reopen(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.confirm(
            request,
            object_id,
            title="Reopen conversation",
            points=["It waits for an answer again."],
            run=lambda row: support.reopen(row.pk, actor_id(request)),
            done="Open again.",
        )

    # --- columns ----------------------------------------------------------------------------

    def history_of(self, obj: Conversation) -> str:
        return ids.to_text("sup", obj.pk)

    @column("Id")
    def reference(self, row: Conversation) -> SafeString:
        return references.mono(ids.to_text("sup", row.pk))

    @column("State", colours=STATE_COLOURS)
    def state_label(self, row: Conversation) -> str:
        return row.state

    @column("Person")
    def person_shown(self, row: Conversation) -> SafeString:
        guest = row.person.guest_email
        words = f"{guest} (guest: whose address it is was not shown)" if guest else row.person.email
        return references.page("usr", row.person_id, words)

    @column("Answered by")
    def assignee_shown(self, row: Conversation) -> str:
        return str(row.assignee) if row.assignee else "Nobody yet"

    @column("Last message")
    def last(self, row: Conversation) -> str:
        return references.when(row.last_at)

    @column("Enrollment")
    def enrollment_shown(self, row: Conversation) -> SafeString | str:
        return references.page("enr", row.enrollment_id) if row.enrollment_id else "-"

    @column("Order")
    def order_shown(self, row: Conversation) -> SafeString | str:
        return references.page("ord", row.order_id) if row.order_id else "-"

    @column("Quoted reference")
    def trace(self, row: Conversation) -> SafeString | str:
        """What happened in the request that the person quotes."""
        quoted = row.correlation_id
        if not quoted:
            return "-"
        return references.listing(Event, urlencode({"q": quoted}), f"Events of {quoted}")

    @column("Others of this person")
    def others(self, row: Conversation) -> SafeString:
        query = f"q={ids.to_text('usr', row.person_id)}"
        return references.listing(Conversation, query, "All their conversations")


class CannedAnswerAdmin(RecordsEvents, ConsoleAdmin):
    """Texts to answer with."""

    event_kind = "ready_answer"
    list_display = ("title",)
    search_fields = ("title",)
    ordering = ("title",)

    def subject_of(self, obj: Model) -> UUID:
        return uuid5(_CANNED, str(obj.pk))


def _assign_form(posted: Any, request: HttpRequest) -> forms.Form:
    """Staff who may answer, with whoever asks chosen."""
    form = AssignForm(posted, initial={"assignee": actor_id(request)})
    may = Q(is_superuser=True) | Q(groups__permissions__codename="change_conversation")
    may |= Q(user_permissions__codename="change_conversation")
    staff = Person.objects.filter(may, is_staff=True, is_active=True).distinct()
    form.fields["assignee"].queryset = staff.order_by("full_name", "email")  # type: ignore[attr-defined]
    return form
