"""Who may take a seat beyond what the courses' own pages say: groups of people, limits of
categories, and exceptions that staff makes."""

# ruff: noqa: ARG002 - overrides keep the parameters that Django's admin gives them

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid5

from django import forms
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from matricula.accounts.models import LearnerGroup, Person
from matricula.edges.console import people, references
from matricula.edges.console.acting import Acting
from matricula.edges.console.base import ConsoleAdmin, column
from matricula.edges.console.finding import FoundByReference
from matricula.edges.console.recording import Changes, RecordsEvents, actor_id
from matricula.enrollments.admission import Rule
from matricula.enrollments.models import Override
from matricula.flows import overrides
from matricula.kernel import clock

MOST_ADDRESSES = 2_000
# A limit has a number, an event's subject is a UUID: the same number always makes the same one.
_LIMITS = UUID("5a0f2d54-2b0a-5a1e-9d7e-3d8a7f0c1b62")


class Addresses(forms.CharField):
    """Addresses of accounts, one a line; unknown ones are named."""

    def __init__(self, **options: Any) -> None:
        widget = UnfoldAdminTextareaWidget({"rows": 4})
        super().__init__(required=False, widget=widget, **options)

    def clean(self, value: Any) -> list[Person]:
        asked = {line.strip().lower() for line in super().clean(value).split() if line.strip()}
        if len(asked) > MOST_ADDRESSES:
            raise forms.ValidationError(f"At most {MOST_ADDRESSES} addresses at once.")
        found = {person.email: person for person in Person.objects.filter(email__in=asked)}
        unknown = sorted(asked - found.keys())
        if unknown:
            raise forms.ValidationError(f"No account has: {', '.join(unknown[:10])}")
        return list(found.values())


class GroupForm(forms.ModelForm):  # type: ignore[type-arg]
    add = Addresses(label="Add", help_text="Addresses of accounts, one a line.")
    remove = Addresses(label="Remove", help_text="The same.")

    class Meta:
        model = LearnerGroup
        fields = ("name",)


class LearnerGroupAdmin(RecordsEvents, ConsoleAdmin):
    """People put together, whom courses can be limited to."""

    event_kind = "group"
    form = GroupForm
    list_display = ("name", "member_count")
    search_fields = ("name",)
    ordering = ("name",)
    readonly_fields = ("member_count",)
    fields = ("name", "member_count", "add", "remove")

    def get_queryset(self, request: HttpRequest) -> QuerySet[LearnerGroup]:
        rows: QuerySet[LearnerGroup] = super().get_queryset(request)
        return rows.annotate(people=Count("members"))

    def save_related(self, request: HttpRequest, form: GroupForm, *rest: Any) -> None:
        super().save_related(request, form, *rest)
        form.instance.members.add(*form.cleaned_data["add"])
        form.instance.members.remove(*form.cleaned_data["remove"])

    def changes(self, form: forms.BaseForm, formsets: Any, add: bool) -> Changes:
        changes = super().changes(form, formsets, add)
        for name in ("add", "remove"):
            if form.cleaned_data.get(name):
                changes[name] = sorted(str(person.pk) for person in form.cleaned_data[name])
        return changes

    @column("Members")
    def member_count(self, group: LearnerGroup) -> int:
        return int(getattr(group, "people", 0))


class CategoryLimitAdmin(RecordsEvents, ConsoleAdmin):
    """How many courses of a category one person may be enrolled in at the same time."""

    event_kind = "category_limit"
    recorded = ("category", "most")
    list_display = ("category", "most")
    search_fields = ("category",)
    ordering = ("category",)

    def subject_of(self, obj: Model) -> UUID:
        return uuid5(_LIMITS, str(obj.pk))


class OverrideForm(forms.ModelForm):  # type: ignore[type-arg]
    """Whom, into what, past which rules, why and until when."""

    address = forms.EmailField(
        label="Person", widget=UnfoldAdminTextInputWidget, help_text="The address of the account."
    )
    rules = forms.MultipleChoiceField(
        choices=Rule.choices,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="Never past the capacity, nor outside the enrollment window.",
    )

    class Meta:
        model = Override
        fields = ("cohort", "note", "expires_at")

    def clean_address(self) -> Person:
        person = people.with_email(self.cleaned_data["address"]).first()
        if person is None:
            raise forms.ValidationError("No account has this address.")
        return person

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        expires_at = values.get("expires_at")
        if expires_at is not None and expires_at <= clock.now():
            self.add_error("expires_at", "This moment is over.")
        return values


class OverrideAdmin(FoundByReference, Acting, ConsoleAdmin):
    """Made and revoked through `flows/overrides.py`, which writes the events; never edited."""

    form = OverrideForm
    list_display = ("person_shown", "cohort_shown", "rules_shown", "expires", "state_label")
    list_display_links = ("rules_shown",)
    search_fields = ("id",)
    found_by = {"": "pk", "usr": "person", "coh": "cohort"}
    search_help_text = "Whole address, usr_… or coh_…"
    ordering = ("-id",)
    sortable_by = ()
    autocomplete_fields = ("cohort",)
    actions_detail = ("revoke_override",)
    _shown = (
        "person_shown",
        "cohort_shown",
        "rules_shown",
        "note",
        "expires_at",
        "state_label",
        "granted_by",
        "granted_at",
    )

    def get_fields(self, request: HttpRequest, obj: Override | None = None) -> Any:
        return self._shown if obj else ("address", "cohort", "rules", "note", "expires_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Override | None = None) -> Any:
        return self._shown if obj else ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Override]:
        rows: QuerySet[Override] = super().get_queryset(request)
        return rows.select_related("person", "cohort__course", "granted_by").defer(
            "cohort__course__search", "cohort__course__search_index", "cohort__course__description"
        )

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: Override, form: forms.BaseForm, change: bool
    ) -> None:
        given = form.cleaned_data
        made = overrides.grant(
            given["address"].pk,
            given["cohort"].pk,
            [Rule(name) for name in given["rules"]],
            note=given["note"],
            expires_at=given["expires_at"],
            actor_id=actor_id(request),
        )
        obj.pk = made.pk
        obj.person = made.person

    # Django's own log of edits stays empty: the events are the log.
    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> None:
        pass

    def history_of(self, obj: Override) -> str:
        return str(obj.pk)

    def has_revoke_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("enrollments.add_override"))

    @action(description="Revoke", url_path="revoke", permissions=["revoke"])  # type: ignore[untyped-decorator]
    def revoke_override(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.ask(
            request,
            object_id,
            title="Revoke",
            points=[
                "The rules stand again for this person. Who has enrolled by it stays enrolled."
            ],
            form=lambda _record, posted: forms.Form(posted),
            run=lambda record, _answers: overrides.revoke(record.pk, actor_id=actor_id(request)),
            done="Revoked.",
        )

    @column("Person")
    def person_shown(self, override: Override) -> SafeString:
        return references.page("usr", override.person_id, override.person.email)

    @column("Cohort")
    def cohort_shown(self, override: Override) -> SafeString:
        return references.page("coh", override.cohort_id, str(override.cohort))

    @column("Past")
    def rules_shown(self, override: Override) -> str:
        return ", ".join(Rule(name).label for name in override.rules)

    @column("Until")
    def expires(self, override: Override) -> str:
        return references.when(override.expires_at)

    @column("State", colours={"Open": "success", "Over": "default", "Revoked": "warning"})
    def state_label(self, override: Override) -> str:
        if override.revoked_at is not None:
            return "Revoked"
        return "Open" if override.expires_at > clock.now() else "Over"
