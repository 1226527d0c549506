"""Courses, with their prerequisites."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.postgres.forms import SimpleArrayField
from django.core.validators import RegexValidator
from django.db.models import Count, Model, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.forms import BaseForm, BaseFormSet
from django.forms.models import ModelChoiceField
from django.http import HttpRequest
from django.template.defaultfilters import pluralize
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from matricula.accounts.models import Person
from matricula.catalog import requirements, slugs
from matricula.catalog.models import (
    Cohort,
    Course,
    CourseSlug,
    CourseStatus,
    ProfileField,
    is_no_id,
)
from matricula.edges.console import references
from matricula.edges.console.base import ConsoleAdmin, column
from matricula.edges.console.prices import PriceInline, price_changes
from matricula.edges.console.recording import Changes, RecordsEvents
from matricula.enrollments.models import Completion
from matricula.interest.models import Interest
from matricula.kernel import ids

STATUS_COLOURS = {
    "Draft": "default",
    "Coming soon": "info",
    "Published": "success",
    "Archived": "warning",
}
# A subquery, not a join: only the rows of the page are counted, and searching stays simple.
_COHORTS_MADE = Coalesce(
    Subquery(
        Cohort.objects.filter(course=OuterRef("pk"))
        .order_by()
        .values("course")
        .annotate(made=Count("pk"))
        .values("made")
    ),
    0,
)


_is_domain = RegexValidator(
    r"^(?!-)([A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}$", "Give domains like example.com."
)


class CourseForm(forms.ModelForm):  # type: ignore[type-arg]
    """A course; the ways to lock everybody out of it are refused."""

    class Meta:
        model = Course
        fields = (
            "title",
            "slug",
            "status",
            "summary",
            "description",
            "instructor",
            "instructor_name",
            "category",
            "language",
            "duration_weeks",
            "access_days",
            "prerequisites",
            "corequisites",
            "equivalents",
            "email_domains",
            "learner_groups",
            "least_age",
            "greatest_age",
            "required_profile",
            "most_takes",
            "tax_inclusive",
            "tax_category",
        )

    slug = forms.SlugField(
        max_length=slugs.LONGEST,
        required=False,
        label="Address",
        widget=UnfoldAdminTextInputWidget,
        validators=[is_no_id],
        help_text="The last part of the course's web address. Empty: made of the title. Addresses "
        "it had before lead to the present one.",
    )
    required_profile = forms.MultipleChoiceField(
        choices=ProfileField.choices,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="What people have to tell of themselves first.",
    )
    email_domains = SimpleArrayField(
        forms.CharField(max_length=253, validators=[_is_domain]),
        required=False,
        max_length=50,
        label="E-mail domains",
        widget=UnfoldAdminTextInputWidget,
        help_text="Only people with a confirmed address there: example.com, example.org. "
        "Empty: everybody.",
    )

    def clean_slug(self) -> str:
        slug = str(self.cleaned_data["slug"])
        if not slug:
            title = self.cleaned_data.get("title", "")
            return self.instance.slug or slugs.free_slug(title)
        if CourseSlug.objects.filter(slug=slug).exclude(course=self.instance.pk).exists():
            raise forms.ValidationError(
                "Another course has this address, or had it once: old links lead there."
            )
        return slug

    def clean_email_domains(self) -> list[str]:
        return sorted({name.lower() for name in self.cleaned_data["email_domains"]})

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        least, greatest = values.get("least_age"), values.get("greatest_age")
        if least is not None and greatest is not None and greatest < least:
            self.add_error("greatest_age", "It cannot be lower than the least age.")
        self._refuse_loops()
        return values

    def _refuse_loops(self) -> None:
        """A course that is not saved yet is named by no other."""
        names = ("prerequisites", "corequisites")
        changed = [name for name in names if name in self.changed_data]
        if self.instance._state.adding or not changed:  # noqa: SLF001 - how Django tells a new row
            return
        chosen = {name: [course.pk for course in self.cleaned_data.get(name, ())] for name in names}
        loop = requirements.find_loop(self.instance.pk, **chosen)
        if loop:
            self.add_error(
                changed[0],
                "Nobody could ever enroll: each of these courses requires the next. "
                + " → ".join(loop),
            )


class CourseAdmin(RecordsEvents, ConsoleAdmin):
    """What can be learned, what it costs, and what it requires."""

    event_kind = "course"
    recorded = (
        "status",
        "language",
        "duration_weeks",
        "access_days",
        "tax_inclusive",
        "tax_category",
        "instructor",
        "prerequisites",
        "corequisites",
        "equivalents",
        "email_domains",
        "learner_groups",
        "least_age",
        "greatest_age",
        "required_profile",
        "most_takes",
    )
    form = CourseForm
    inlines = (PriceInline,)
    list_display = (
        "title",
        "status_label",
        "category",
        "language",
        "instructor_name",
        "cohort_count",
    )
    list_filter = ("status", "category", "language")
    search_fields = ("title", "slugs__slug", "category")
    search_help_text = "Title, address or category"
    ordering = ("title", "id")
    autocomplete_fields = ("prerequisites", "corequisites", "equivalents", "learner_groups")
    readonly_fields = ("reference", "cohort_list", "interested", "embedding")
    fieldsets = (
        (None, {"fields": ("title", "slug", "status", "summary", "description")}),
        (
            "Teaching",
            {"fields": ("instructor", "instructor_name", ("category", "language"))},
        ),
        (
            "Taking it",
            {
                "fields": (
                    ("duration_weeks", "access_days"),
                    ("tax_inclusive", "tax_category"),
                )
            },
        ),
        (
            "Who may take it",
            {
                "fields": (
                    "prerequisites",
                    "corequisites",
                    "equivalents",
                    "email_domains",
                    "learner_groups",
                    ("least_age", "greatest_age"),
                    "required_profile",
                    "most_takes",
                )
            },
        ),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Course | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None:
            return fieldsets
        return (
            *fieldsets,
            ("Cohorts", {"fields": ("cohort_list", "interested", "reference", "embedding")}),
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Course]:
        rows: QuerySet[Course] = super().get_queryset(request)
        return rows.defer("search", "search_index").annotate(cohorts_made=_COHORTS_MADE)

    def formfield_for_foreignkey(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        if db_field.name == "instructor":
            teaching = (
                Q(groups__name="Instructors") | Q(is_staff=True) | Q(courses_taught__isnull=False)
            )
            kwargs["queryset"] = Person.objects.filter(
                pk__in=Person.objects.filter(teaching).values("pk")
            ).order_by("full_name", "email")
        field: ModelChoiceField[Any] | None = super().formfield_for_foreignkey(
            db_field, request, **kwargs
        )
        return field

    def changes(self, form: BaseForm, formsets: Sequence[BaseFormSet[Any]], add: bool) -> Changes:
        changes = super().changes(form, formsets, add)
        prices = [price for formset in formsets for price in price_changes(formset)]
        if prices:
            changes["fields"].append("prices")
            changes["prices"] = prices
        return changes

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Model | None:
        if request.method == "POST":
            requirements.lock()
        return super().get_object(request, object_id, from_field)

    def get_deleted_objects(self, objs: Sequence[Course], request: HttpRequest) -> Any:
        deleted, counts, lacking, protected = super().get_deleted_objects(objs, request)
        reasons = [reason for course in objs for reason in _why_kept(course)]
        return deleted, counts, set() if reasons else lacking, reasons or protected

    @column("Status", colours=STATUS_COLOURS, order="status")
    def status_label(self, course: Course) -> str:
        return CourseStatus(course.status).label.partition(":")[0]

    @column("Cohorts")
    def cohort_count(self, course: Course) -> SafeString | str:
        made = getattr(course, "cohorts_made", 0)
        if not made:
            return "None"
        return references.listing(Cohort, f"course={course.pk}", str(made))

    @column("Cohorts of this course")
    def cohort_list(self, course: Course) -> SafeString | str:
        rows = course.cohorts.order_by("-starts_at", "name")[:20]
        links = format_html_join(
            " · ", "{}", ((references.page("coh", row.pk, row.name),) for row in rows)
        )
        return links or "None yet. Add one under Cohorts, so that people can enroll."

    def history_of(self, obj: Course) -> str:
        return ids.to_text("crs", obj.pk)

    @column("Want to be told when it opens")
    def interested(self, course: Course) -> int:
        return Interest.objects.filter(course=course, told_at=None).count()

    @column("On other sites")
    def embedding(self, course: Course) -> SafeString:
        return format_html(
            '<a href="/embed/?course={}">The enroll button to copy into a page</a>', course.slug
        )

    @column("Id")
    def reference(self, course: Course) -> SafeString:
        return references.mono(ids.to_text("crs", course.pk))


def _why_kept(course: Course) -> list[str]:
    """What stands against deleting the course."""
    reasons = []
    cohorts = course.cohorts.count()
    if cohorts:
        reasons.append(
            f"It has {cohorts} cohort{pluralize(cohorts)}. Delete them first, if they allow it."
        )
    completions = Completion.objects.filter(course=course).count()
    if completions:
        reasons.append(
            f"{completions} completion{pluralize(completions)} of it stand on people's records."
        )
    dependants = ", ".join(
        Course.objects.filter(prerequisites=course).values_list("title", flat=True)[:5]
    )
    if dependants:
        reasons.append(f"It is required before: {dependants}.")
    if reasons:
        reasons.append("To take it off the site, give it the status Archived.")
    return reasons
