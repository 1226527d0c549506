"""The columns that the catalog's search looks in, kept in step with a course's texts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self, TypeVar

from django.db import models, transaction
from django.db.models import Q

from matricula.catalog import search, words
from matricula.kernel.fields import LineField
from matricula.kernel.text import clean_line

INDEX_BATCH = 200
# What the index is made of, in the order of `sql/search_index.sql`.
SEARCHED_IN_ORDER = ("title", "summary", "instructor_name", "category", "description")
SEARCHED = frozenset(SEARCHED_IN_ORDER)
C = TypeVar("C", bound="SearchedCourse")


class SearchIndex(models.Field):  # type: ignore[type-arg]
    """A tsvector whose text is made by us (`search.to_index`), not by PostgreSQL's parser."""

    def db_type(self, connection: object) -> str:  # noqa: ARG002
        return "tsvector"


class CourseQuerySet(models.QuerySet[C]):
    """Keeps the search index in step with what is written by any of Django's ways."""

    def bulk_create(self, objs: Iterable[C], *args: Any, **kwargs: Any) -> list[C]:
        courses = list(objs)
        for course in courses:
            course.make_search_index()
        return super().bulk_create(courses, *args, **kwargs)

    def update(self, **kwargs: Any) -> int:
        changed = super().update(**kwargs)
        if SEARCHED & kwargs.keys():
            type(self)(self.model, using=self.db).index_anew()
        return changed

    def index_anew(self) -> int:
        """Makes the search index of the courses that have none, or one by another version of the
        folding; returns how many. In batches, each its own transaction: a catalog may be large.
        Texts from before they were cleaned (`kernel/text.py`) are cleaned with it."""
        count, batch = 0, self._index_batch(self.unindexed())
        while batch:
            count += len(batch)
            # Onward from the last: one that the database empties again is not made for ever.
            batch = self._index_batch(self.unindexed().filter(pk__gt=batch[-1].pk))
        return count

    def unindexed(self) -> Self:
        """The courses whose index is missing, or of another version of the folding."""
        version = f"{words.VERSION}:"
        return self.filter(Q(search_index=None) | ~Q(search_source__startswith=version))

    @transaction.atomic
    def _index_batch(self, courses: Self) -> list[C]:
        # Locked, or a text that somebody saves meanwhile would be overwritten with this one.
        rows = courses.select_for_update(no_key=True).only(*SEARCHED_IN_ORDER).order_by("pk")
        batch = list(rows[:INDEX_BATCH])
        for course in batch:
            course.make_search_index()
        # Plain, or `update` above would start this again.
        plain: models.QuerySet[C] = models.QuerySet(self.model, using=self.db)
        plain.bulk_update(batch, [*SEARCHED_IN_ORDER, "search_index", "search_source"])
        return batch


class SearchedCourse(models.Model):
    """A course as far as searching goes. The database empties the index when a text changes and the
    index does not (`sql/search_index.sql`): whoever wrote the text knew nothing of it."""

    search_index = SearchIndex(null=True, editable=False)
    search_source = models.CharField(max_length=40, default="", db_default="", editable=False)

    objects = CourseQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        changed = kwargs.get("update_fields")
        if changed is None or SEARCHED & set(changed):
            self.make_search_index()
            if changed is not None:
                kwargs["update_fields"] = {*changed, "search_index", "search_source"}
        super().save(*args, **kwargs)

    def make_search_index(self) -> None:
        """Works out the search index of the texts as they stand here."""
        for name in SEARCHED_IN_ORDER:  # as the database will have them: it compares
            field = self._meta.get_field(name)
            if isinstance(field, LineField):
                setattr(self, name, clean_line(getattr(self, name)))
        title, summary, *rest = (getattr(self, name) for name in SEARCHED_IN_ORDER)
        self.search_index = search.to_index(title, summary, " ".join(rest))
        self.search_source = search.source_of([title, summary, *rest])
