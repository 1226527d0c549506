"""Filters that stay small however many courses, cohorts and rows there are."""

# ruff: noqa: ARG002 - overrides keep the parameters that Django's admin gives them

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

from matricula.catalog.models import Cohort, Course
from matricula.edges.console import references

MOST_CHOICES = 60


class RecordFilter(SimpleListFilter):
    """By one record of another table, named in the address by its UUID or TypeID."""

    column: str

    def known(self, request: HttpRequest) -> list[tuple[str, str]]:
        """The choices worth offering: ids and names."""
        raise NotImplementedError

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        choices = self.known(request)
        value = self.value()
        # Without any choice Django would drop the filter, and show everything.
        if value is not None and value not in dict(choices):
            choices.append((value, f"Unknown {self.title}"))
        return choices

    def chosen(self) -> UUID | None:
        """The id in the address; None when there is none or it is not an id."""
        reference = references.read(self.value() or "")
        return reference.value if reference else None

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() is None:
            return queryset
        chosen = self.chosen()
        return queryset.filter(**{self.column: chosen}) if chosen else queryset.none()

    def value(self) -> str | None:
        value = super().value()
        return None if value is None else str(value)


class CourseFilter(RecordFilter):
    """By course: the first by title, and the chosen one. Others are reached from the course."""

    title, parameter_name, column = "course", "course", "course"

    def known(self, request: HttpRequest) -> list[tuple[str, str]]:
        rows = Course.objects.order_by("title").values_list("pk", "title")
        choices = [(str(pk), title) for pk, title in rows[:MOST_CHOICES]]
        chosen = self.chosen()
        if chosen and str(chosen) not in dict(choices):
            choices += [(str(pk), title) for pk, title in rows.filter(pk=chosen)]
        return choices


class CohortFilter(RecordFilter):
    """By cohort: those of the chosen course, or the chosen one."""

    title, parameter_name, column = "cohort", "cohort", "cohort"

    def known(self, request: HttpRequest) -> list[tuple[str, str]]:
        rows = Cohort.objects.order_by("-starts_at", "name")
        course = references.read(request.GET.get("course", ""))
        chosen = self.chosen()
        if course is not None:
            rows = rows.filter(course=course.value)
        elif chosen is not None:
            rows = rows.filter(pk=chosen)
        else:
            return []
        named = rows.values_list("pk", "name", "course__title")[:MOST_CHOICES]
        return [(str(pk), f"{name} ({title})") for pk, name, title in named]
