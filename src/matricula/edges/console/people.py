"""People, and what they have completed."""

# ruff: noqa: ARG002 - overrides keep the parameters that Django's admin gives them

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Model, Q, QuerySet
from django.db.models.functions import Lower
from django.forms import BaseFormSet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.admin import TabularInline

from matricula.accounts.models import Person
from matricula.edges.console import references, roles
from matricula.edges.console.base import ConsoleAdmin, PlainChoices, column
from matricula.edges.console.recording import RecordsEvents, actor_id
from matricula.enrollments.models import Completion, Enrollment
from matricula.kernel import ids
from matricula.kernel.events import NewEvent

RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")
COMPLETIONS_A_PAGE = 20


def with_email(address: str) -> QuerySet[Person]:
    """The person with this address, by the index on its lower case."""
    return Person.objects.alias(lower_email=Lower("email")).filter(lower_email=address.lower())


def is_email(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


class CompletionInline(PlainChoices, TabularInline):  # type: ignore[misc]
    """Recorded or removed, never edited: each is a statement by somebody."""

    model = Completion
    fk_name = "person"
    extra = 0
    per_page = COMPLETIONS_A_PAGE
    fields = ("course", "completed_on", "recorded_by")
    readonly_fields = ("completed_on", "recorded_by")
    autocomplete_fields = ("course",)
    verbose_name = "completed course"
    verbose_name_plural = "Completed courses"
    hide_title = True

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Completion]:
        rows: QuerySet[Completion] = super().get_queryset(request)
        return (
            rows.select_related("course", "recorded_by")
            .defer("course__search", "course__search_index")
            .order_by("-pk")
        )

    @column("Completed")
    def completed_on(self, completion: Completion) -> str:
        return references.when(completion.completed_at) if completion.pk else "Now, when saved"


class PersonAdmin(RecordsEvents, ConsoleAdmin):
    """Everybody with an account.

    The address is not edited here, since its owner has to confirm it, and people are neither added
    nor deleted: they sign up, and erasure has a way of its own. The account of a member of staff is
    changed by superusers only, so that nobody gains rights by way of somebody else's account.
    """

    event_kind = "person"
    recorded = ("is_active", *RIGHTS)
    list_display = ("email", "full_name", "is_active", "is_staff", "since")
    list_filter = ("is_staff", "is_active", "groups")
    search_fields = ("email",)
    search_help_text = "Address, name or usr_…"
    ordering = ("-id",)
    sortable_by = ()
    inlines = (CompletionInline,)
    readonly_fields = ("email", "created_at", "reference", "enrollment_links", "group_names")
    _base = (
        (None, {"fields": ("email", "full_name", "phone", "birth_date", "is_active")}),
        ("Records", {"fields": ("enrollment_links", "group_names", "created_at", "reference")}),
    )
    _rights = ("Rights in the console", {"fields": RIGHTS})

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Person | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Person | None = None) -> bool:
        if obj is not None and (obj.is_staff or obj.is_superuser) and not _is_superuser(request):
            return False
        return bool(super().has_change_permission(request, obj))

    def get_fieldsets(self, request: HttpRequest, obj: Person | None = None) -> Any:
        return (*self._base, self._rights) if _is_superuser(request) else self._base

    def get_readonly_fields(self, request: HttpRequest, obj: Person | None = None) -> Any:
        readonly = super().get_readonly_fields(request, obj)
        if obj is not None and obj.pk == request.user.pk:
            # Nobody locks themselves out, or raises themselves.
            return (*readonly, "is_active", *RIGHTS)
        return readonly

    def get_list_filter(self, request: HttpRequest) -> Any:
        return self.list_filter if _is_superuser(request) else ("is_active",)

    def get_list_display(self, request: HttpRequest) -> Any:
        shown = super().get_list_display(request)
        return (
            shown if _is_superuser(request) else tuple(name for name in shown if name != "is_staff")
        )

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_manytomany(db_field, request, **kwargs)
        return roles.as_checkboxes(field) if db_field.name in RIGHTS else field

    def get_search_results(
        self,
        request: HttpRequest,
        queryset: QuerySet[Person],
        search_term: str,
    ) -> tuple[QuerySet[Person], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        reference = references.read(term)
        if reference is not None:
            fits = reference.prefix in {"", "usr"}
            return (queryset.filter(pk=reference.value) if fits else queryset.none()), False
        if is_email(term):
            return queryset.filter(pk__in=with_email(term).values("pk")), False
        return queryset.filter(Q(email__icontains=term) | Q(full_name__icontains=term)), False

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        for line in formset.forms:
            if isinstance(line.instance, Completion) and line.instance.pk is None:
                line.instance.recorded_by_id = actor_id(request)
        super().save_formset(request, form, formset, change)

    def further_events(
        self, request: HttpRequest, obj: Model, formsets: Sequence[BaseFormSet[Any]]
    ) -> list[NewEvent]:
        """A completion is told of on its person: it has no subject of its own."""
        about: dict[str, Any] = {"subject": obj.pk, "person": obj.pk, "actor": actor_id(request)}
        told = []
        for formset in formsets:
            made = getattr(formset, "new_objects", [])
            removed = getattr(formset, "deleted_objects", [])
            for kind, rows in (("recorded", made), ("removed", removed)):
                told += [
                    NewEvent(
                        type=f"completion.{kind}", data={"course": str(row.course_id)}, **about
                    )
                    for row in rows
                ]
        return told

    def person_of(self, obj: Model) -> UUID:
        person_id: UUID = obj.pk
        return person_id

    @column("Since")
    def since(self, person: Person) -> str:
        return references.when(person.created_at)

    @column("Enrollments")
    def enrollment_links(self, person: Person) -> SafeString:
        query = f"q={ids.to_text('usr', person.pk)}"
        return references.listing(Enrollment, query, "All enrollments of this person")

    @column("Groups")
    def group_names(self, person: Person) -> str:
        names = person.learner_groups.order_by("name").values_list("name", flat=True)
        return ", ".join(names[:50]) or "None"

    def history_of(self, obj: Person) -> str:
        return ids.to_text("usr", obj.pk)

    @column("Id")
    def reference(self, person: Person) -> SafeString:
        return references.mono(ids.to_text("usr", person.pk))


def _is_superuser(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))
