"""Waitlists: who waits, in which order and why they were passed over; and what staff may change."""

# ruff: noqa: ARG002 - overrides keep the parameters that Django's admin gives them

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from django import forms
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import pluralize
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from matricula.accounts.models import Person
from matricula.edges.console import references
from matricula.edges.console.acting import Acting, plain
from matricula.edges.console.base import ConsoleAdmin, ReadOnlyAdmin, column
from matricula.edges.console.events import ShowsTimeline
from matricula.edges.console.filters import CohortFilter
from matricula.edges.console.finding import FoundByReference
from matricula.edges.console.recording import RecordsEvents, actor_id
from matricula.flows import waitlist_mail, waitlist_staff
from matricula.kernel import ids
from matricula.waitlist import queries
from matricula.waitlist.models import Entry, PriorityGroup
from matricula.waitlist.states import EntryState

STATE_COLOURS = {
    "Waiting": "info",
    "Offered": "warning",
    "Accepted": "success",
    "Lapsed": "default",
    "Left": "default",
}
# A group has a number, an event's subject is a UUID: the same number always makes the same one.
_GROUPS = UUID("5b0c6b56-1b3c-5a4e-9a51-7c0c0a3f6d22")


class MoveForm(forms.Form):
    """Where in the list."""

    position = forms.IntegerField(
        label="New position, from 1", min_value=1, widget=UnfoldAdminIntegerFieldWidget
    )


class GroupForm(forms.Form):
    """Into which group."""

    group = forms.ModelChoiceField(
        PriorityGroup.objects.order_by("rank"),
        required=False,
        empty_label="No group: after everybody in one",
        widget=UnfoldAdminSelectWidget,
    )


class MessageForm(forms.Form):
    """What is written to everybody who waits."""

    subject = forms.CharField(
        max_length=waitlist_mail.LONGEST_SUBJECT, widget=UnfoldAdminTextInputWidget()
    )
    body = forms.CharField(
        label="Text",
        max_length=waitlist_mail.LONGEST_BODY,
        widget=UnfoldAdminTextareaWidget({"rows": 10}),
    )


class WritesToList(Acting):
    """For the admin of cohorts: a mail to everybody who waits for one."""

    def has_write_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("waitlist.add_listmessage"))

    @action(description="Write to the waitlist", url_path="write", permissions=["write"])  # type: ignore[untyped-decorator]
    def write_to_list(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.ask(
            request,
            object_id,
            title="Write to the waitlist",
            points=[
                "A mail goes to everybody who waits for this cohort now, each by themselves.",
                f"At most {waitlist_mail.MOST_MESSAGES_A_DAY} a day.",
            ],
            form=plain(MessageForm),
            run=lambda cohort, answers: waitlist_mail.write_to_list(
                cohort.pk, answers["subject"], answers["body"], actor_id=actor_id(request)
            ),
            done="The mails are on their way.",
        )


class EntryAdmin(FoundByReference, ShowsTimeline, Acting, ReadOnlyAdmin):
    """Places in waitlists, in the order in which they are served."""

    list_display = (
        "reference",
        "person_shown",
        "state_label",
        "why_not",
        "party_size",
        "group",
        "cohort_shown",
        "joined",
    )
    list_display_links = ("reference",)
    list_filter = ("state", CohortFilter, "group")
    search_fields = ("id",)
    found_by = {"": "pk", "wtl": "pk", "usr": "person", "coh": "cohort", "off": "offers"}
    search_help_text = "Whole address, wtl_…, usr_…, coh_… or off_…"
    actions_detail = ("give_seat", "move_place", "change_group", "remove_place")
    change_form_outer_after_template = "console/timeline.html"
    fields = (
        "reference",
        "person_shown",
        "cohort_shown",
        "state_label",
        "position",
        "party_size",
        "group",
        "why_not",
        "skipped",
        "party_saving",
        "offers_shown",
        "enrollment_shown",
        "given_up_shown",
        "leaves_others",
        ("joined", "ended"),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Entry | None = None) -> Any:
        return self.fields

    def get_ordering(self, request: HttpRequest) -> Any:
        # Of one cohort's list, the order of service, which has an index; else the newest first.
        return ("rank", "place", "id") if request.GET.get("cohort") else ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Entry]:
        rows: QuerySet[Entry] = super().get_queryset(request)
        return rows.select_related("person", "cohort__course", "group").defer(
            "cohort__course__search", "cohort__course__search_index", "cohort__course__description"
        )

    def has_act_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("waitlist.change_entry"))

    def history_of(self, obj: Entry) -> str:
        return ids.to_text("wtl", obj.pk)

    # --- what staff may do ------------------------------------------------------------------

    @action(description="Give a free seat now", url_path="give-seat", permissions=["act"])  # type: ignore[untyped-decorator]
    def give_seat(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.confirm(
            request,
            object_id,
            title="Give a free seat now",
            points=lambda entry: [
                self._where(entry),
                "They get it before their turn, if there are enough free seats.",
                "The rules are asked as always.",
            ],
            run=lambda entry: waitlist_staff.give_seat(entry.pk, actor_id=actor_id(request)),
        )

    @action(description="Move in the list", url_path="move", permissions=["act"])  # type: ignore[untyped-decorator]
    def move_place(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.ask(
            request,
            object_id,
            title="Move in the list",
            points=lambda entry: [
                self._where(entry),
                "It takes over the priority of the places around it.",
            ],
            form=plain(MoveForm),
            run=lambda entry, answers: waitlist_staff.move(
                entry.pk, answers["position"], actor_id=actor_id(request)
            ),
            done="Moved.",
        )

    @action(description="Change the group", url_path="group", permissions=["act"])  # type: ignore[untyped-decorator]
    def change_group(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.ask(
            request,
            object_id,
            title="Change the group",
            points=["Groups wait before everybody else. The person sees which group they are in."],
            form=plain(GroupForm),
            run=lambda entry, answers: waitlist_staff.set_group(
                entry.pk, answers["group"], actor_id=actor_id(request)
            ),
            done="Changed.",
        )

    @action(description="Remove from the list", url_path="remove", permissions=["act"])  # type: ignore[untyped-decorator]
    def remove_place(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.confirm(
            request,
            object_id,
            title="Remove from the list",
            points=["What is offered to it goes to the next.", "They may join again, at the end."],
            run=lambda entry: waitlist_staff.remove(entry.pk, actor_id=actor_id(request)),
        )

    def _where(self, entry: Entry) -> str:
        """Whose place it is, and where it stands."""
        named = _named(entry.person)
        if entry.state != EntryState.WAITING:
            return f"{named} does not wait any more: {EntryState(entry.state).label.lower()}."
        ahead = queries.ahead(queries.of_person(entry.person_id, entry.pk))
        length = queries.queue(entry.cohort_id).length
        return f"{named} is number {ahead.places + 1} of {length}."

    # --- columns ----------------------------------------------------------------------------

    @column("Id")
    def reference(self, entry: Entry) -> SafeString:
        return references.mono(ids.to_text("wtl", entry.pk))

    @column("Person")
    def person_shown(self, entry: Entry) -> SafeString:
        return references.page("usr", entry.person_id, _named(entry.person))

    @column("Cohort")
    def cohort_shown(self, entry: Entry) -> SafeString:
        return references.page("coh", entry.cohort_id, str(entry.cohort))

    @column("State", colours=STATE_COLOURS)
    def state_label(self, entry: Entry) -> str:
        return EntryState(entry.state).label

    @column("Passed over because")
    def why_not(self, entry: Entry) -> str:
        return str(entry.why_skipped)

    @column("Joined")
    def joined(self, entry: Entry) -> str:
        return references.when(entry.joined_at)

    @column("Ended")
    def ended(self, entry: Entry) -> str:
        return references.when(entry.ended_at)

    @column("Passed over")
    def skipped(self, entry: Entry) -> str:
        return references.when(entry.skipped_at)

    @column("Position")
    def position(self, entry: Entry) -> str:
        if entry.state != EntryState.WAITING:
            return "-"
        ahead = queries.ahead(queries.of_person(entry.person_id, entry.pk))
        return f"{ahead.places + 1} ({ahead.seats} seat{pluralize(ahead.seats)} wanted before)"

    @column("Party")
    def party_saving(self, entry: Entry) -> str:
        if entry.party_size == 1:
            return "-"
        words = f"{entry.passed} seat{pluralize(entry.passed)} went past it."
        if entry.saving_since is not None:
            words += f" Free seats are saved for it since {references.when(entry.saving_since)}."
        return words

    @column("Offers")
    def offers_shown(self, entry: Entry) -> SafeString:
        rows = [
            (
                references.mono(ids.to_text("off", offer.pk)),
                offer.state,
                references.when(offer.ends_at),
            )
            for offer in entry.offers.order_by("number")
        ]
        return format_html_join("", "{} {}, until {} UTC<br>", rows)

    @column("Enrollment")
    def enrollment_shown(self, entry: Entry) -> SafeString | str:
        found: UUID | None = entry.enrollment_id
        return references.page("enr", found) if found is not None else "-"

    @column("Waits in place of")
    def given_up_shown(self, entry: Entry) -> SafeString | str:
        found: UUID | None = entry.replaces_id
        return references.page("enr", found) if found is not None else "-"


def _named(who: Person) -> str:
    return f"{who.full_name} ({who.email})" if who.full_name else who.email


class PriorityGroupAdmin(RecordsEvents, ConsoleAdmin):
    """Groups that wait before others. Changing a rank moves nobody who waits already."""

    event_kind = "waitlist_group"
    recorded = ("rank",)
    list_display = ("name", "rank")
    search_fields = ("name",)
    ordering = ("rank", "name")

    def subject_of(self, obj: Model) -> UUID:
        return uuid5(_GROUPS, str(obj.pk))

    def history_of(self, obj: Model) -> str:
        return str(self.subject_of(obj))
