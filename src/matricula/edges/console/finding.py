"""Finding a record by what staff has at hand: an id in any of its spellings, or a whole address."""

# ruff: noqa: ARG002 - overrides keep the parameters that Django's admin gives them

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest

from matricula.edges.console import people, references


class FoundByReference:
    """For a ModelAdmin whose rows have a `person`. Each way to search has an index."""

    # The field that an id with this prefix is looked for in; "" is a plain UUID.
    found_by: ClassVar[Mapping[str, str]] = {"": "pk"}

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By whole address or id only."""
        term = search_term.strip()
        if not term:
            return queryset, False
        reference = references.read(term)
        if reference is not None and reference.prefix in self.found_by:
            return queryset.filter(**{self.found_by[reference.prefix]: reference.value}), False
        return queryset.filter(person__in=people.with_email(term).values("pk")), False
