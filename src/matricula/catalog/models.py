"""Courses and cohorts."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from matricula.catalog.indexed import SearchedCourse
from matricula.kernel import ids, money
from matricula.kernel.fields import LineField

LONGEST_ACCESS = 36_500  # days


# What begins like an id is looked up as one.
is_no_id = RegexValidator(r"^(?!crs_)", "An address cannot begin with crs_: ids do.")


class CourseStatus(models.TextChoices):
    """Where a course stands. Only a published one can be enrolled in."""

    DRAFT = "draft", "Draft: seen by staff only"
    COMING_SOON = "coming_soon", "Coming soon: listed, not yet open"
    PUBLISHED = "published", "Published"
    ARCHIVED = "archived", "Archived: kept for those who have it"


class ProfileField(models.TextChoices):
    """What a course may require people to have told of themselves."""

    FULL_NAME = "full_name", "Full name"
    PHONE = "phone", "Phone number"
    BIRTH_DATE = "birth_date", "Date of birth"


class SearchVector(models.Func):
    """The words of a course as PostgreSQL parses them, which recommendations compare
    (`flows/sql/recommend/likeness.sql`). Visitors search in `search_index`.
    """

    template = (
        "setweight(to_tsvector('simple', coalesce(title, '')), 'A') || "
        "setweight(to_tsvector('simple', coalesce(summary, '')), 'B') || "
        "setweight(to_tsvector('simple', coalesce(instructor_name, '') || ' ' || "
        "coalesce(category, '') || ' ' || coalesce(description, '')), 'C')"
    )
    output_field = SearchVectorField()


class Course(SearchedCourse):
    """Something to learn. People enroll in one of its cohorts."""

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    slug = models.SlugField(max_length=80, unique=True, validators=[is_no_id])
    title = LineField(max_length=150)
    summary = LineField(max_length=300, blank=True)
    description = models.TextField(blank=True, max_length=20_000)
    category = LineField(max_length=60, blank=True)
    language = models.CharField(max_length=12, default="en", help_text="ISO 639-1, like en or hi.")
    instructor = models.ForeignKey(
        "accounts.Person",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="courses_taught",
        help_text="The account that teaches it, if there is one.",
    )
    instructor_name = LineField(max_length=150, blank=True, help_text="Shown to learners.")
    duration_weeks = models.PositiveSmallIntegerField(null=True, blank=True)
    access_days = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MaxValueValidator(LONGEST_ACCESS)],
        help_text="Days of access after enrolling. Empty: no end.",
    )
    status = models.CharField(
        max_length=12, choices=CourseStatus.choices, default=CourseStatus.DRAFT
    )
    tax_inclusive = models.BooleanField(default=False)
    tax_category = models.SlugField(
        max_length=20,
        default="standard",
        db_default="standard",
        db_index=False,
        help_text="The tax rates of this category apply. exempt: no tax.",
    )
    prerequisites = models.ManyToManyField(
        "self", symmetrical=False, blank=True, related_name="prerequisite_of"
    )
    corequisites = models.ManyToManyField(
        "self",
        symmetrical=False,
        blank=True,
        related_name="corequisite_of",
        help_text="Taken at the same time: enrolled in, completed, or in the same cart.",
    )
    equivalents = models.ManyToManyField(
        "self",
        symmetrical=False,
        blank=True,
        related_name="equivalent_to",
        help_text="Having completed one of these counts as having completed this course.",
    )
    email_domains = ArrayField(
        models.CharField(max_length=253),
        default=list,
        db_default=[],
        blank=True,
        help_text="Only people with a confirmed address here, like example.com. Empty: everybody.",
    )
    learner_groups = models.ManyToManyField(
        "accounts.LearnerGroup",
        blank=True,
        help_text="Only members of one of these. None: everybody.",
    )
    least_age = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="In years, when the cohort starts."
    )
    greatest_age = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="In years, when the cohort starts."
    )
    required_profile = ArrayField(
        models.CharField(max_length=20, choices=ProfileField.choices),
        default=list,
        db_default=[],
        blank=True,
        help_text="What people have to tell of themselves first.",
    )
    most_takes = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="How often one person may take it. Empty: as often as they like.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    # Another number after each change of what the course's plan is read from; the database counts
    # (`sql/revisions.sql`).
    revision = models.BigIntegerField(db_default=0, editable=False)
    search = models.GeneratedField(
        expression=SearchVector(), output_field=SearchVectorField(), db_persist=True
    )

    class Meta(SearchedCourse.Meta):
        indexes: ClassVar = [
            GinIndex(fields=["search"], name="course_search"),
            GinIndex(fields=["search_index"], name="course_search_index"),
            models.Index(
                fields=["id"], name="course_not_indexed", condition=Q(search_index__isnull=True)
            ),
            models.Index(fields=["title", "id"], name="course_by_title"),
            models.Index(fields=["category"], name="course_by_category"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(status__in=CourseStatus.values), name="course_status_known"
            ),
            models.CheckConstraint(
                condition=Q(access_days__isnull=True) | Q(access_days__lte=LONGEST_ACCESS),
                name="access_within_a_century",
            ),
            models.CheckConstraint(
                condition=Q(least_age__isnull=True)
                | Q(greatest_age__isnull=True)
                | Q(greatest_age__gte=F("least_age")),
                name="course_ages_in_order",
            ),
            models.CheckConstraint(
                condition=Q(slug__regex=r"^[-a-zA-Z0-9_]+$") & ~Q(slug__startswith="crs_"),
                name="course_slug_can_be_an_address",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class CourseSlug(models.Model):
    """A slug that a course has or once had. The database writes it (`sql/slugs.sql`): a slug stays
    its course's for ever, so that what was printed or mailed still leads there."""

    slug = models.CharField(max_length=80, primary_key=True)
    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="slugs")

    class Meta:
        verbose_name = "address"
        verbose_name_plural = "addresses"

    def __str__(self) -> str:
        return self.slug


class CoursePrice(models.Model):
    """What a course costs in one currency, in minor units. A course without a price is free."""

    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="prices")
    currency = models.CharField(max_length=3)
    amount_minor = models.PositiveBigIntegerField(validators=[MinValueValidator(1)])
    sale_minor = models.PositiveBigIntegerField(null=True, blank=True)
    sale_starts_at = models.DateTimeField(null=True, blank=True)
    sale_ends_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["course", "currency"], name="one_price_per_currency"),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="price_above_zero"),
            models.CheckConstraint(
                condition=Q(sale_minor__isnull=True) | Q(sale_minor__lt=F("amount_minor")),
                name="sale_below_price",
            ),
        ]

    def __str__(self) -> str:
        return str(money.Money(self.amount_minor, self.currency).major) + f" {self.currency}"

    def clean(self) -> None:
        try:
            money.minor_digits(self.currency)
        except ValueError as error:
            raise ValidationError({"currency": str(error)}) from error


class Cohort(models.Model):
    """One intake of a course. Its seats are counted in the seats room. Windows are half-open:
    opens_at <= now < closes_at. Without `closes_at` the other dates say when registration ends
    (`rules.registration_ends_at`).
    """

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="cohorts")
    name = LineField(max_length=80)
    opens_at = models.DateTimeField(null=True, blank=True)
    closes_at = models.DateTimeField(null=True, blank=True)
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    waitlist_enabled = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["course", "name"], name="one_cohort_per_name"),
            models.CheckConstraint(
                condition=Q(opens_at__isnull=True)
                | Q(closes_at__isnull=True)
                | Q(closes_at__gt=F("opens_at")),
                name="cohort_closes_after_opening",
            ),
            models.CheckConstraint(
                condition=Q(starts_at__isnull=True)
                | Q(ends_at__isnull=True)
                | Q(ends_at__gt=F("starts_at")),
                name="cohort_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.course.title}: {self.name}"


class CategoryLimit(models.Model):
    """How many courses of a category one person may be enrolled in at the same time."""

    category = LineField(max_length=60, unique=True)
    most = models.PositiveSmallIntegerField(validators=[MinValueValidator(1)])

    def __str__(self) -> str:
        return f"{self.category}: at most {self.most}"


class CohortMeeting(models.Model):
    """When a cohort meets, by the clock of its zone: see `timetable.Meeting`. Whoever changes one
    calls `actions.arrange` in the same transaction."""

    cohort = models.ForeignKey(Cohort, on_delete=models.CASCADE, related_name="meetings")
    weekdays = ArrayField(models.PositiveSmallIntegerField(), default=list, blank=True)
    first_day = models.DateField()
    last_day = models.DateField()
    starts = models.TimeField()
    ends = models.TimeField()
    zone = models.CharField(max_length=64)
    skipped = ArrayField(models.DateField(), default=list, blank=True)
    place = LineField(max_length=120, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(last_day__gte=F("first_day")), name="meeting_days_in_order"
            ),
            models.CheckConstraint(
                condition=Q(weekdays__contained_by=[1, 2, 3, 4, 5, 6, 7]),
                name="meeting_weekdays_known",
            ),
            models.CheckConstraint(condition=~Q(ends=F("starts")), name="meeting_takes_time"),
        ]

    def __str__(self) -> str:
        return f"{self.cohort_id}: {self.starts} to {self.ends} ({self.zone})"


class Spans(models.Field):  # type: ignore[type-arg]
    """Stretches of time, kept apart and in order: PostgreSQL's tstzmultirange."""

    def db_type(self, connection: object) -> str:  # noqa: ARG002
        return "tstzmultirange"


class Timetable(models.Model):
    """All the time a cohort's meetings take, worked out of them so that clashes are found fast: two
    cohorts clash where their `busy` overlap. A cohort that never meets has none."""

    cohort = models.OneToOneField(
        Cohort, on_delete=models.CASCADE, primary_key=True, related_name="timetable"
    )
    busy = Spans()

    def __str__(self) -> str:
        return str(self.cohort_id)


class Recommendation(models.Model):
    """What to show beside a course: ids of other courses, the nearest first. Worked out of what
    people took and of what courses say (`flows/recommend.py`), and never the only copy of a fact.
    """

    course = models.OneToOneField(
        Course, on_delete=models.CASCADE, primary_key=True, related_name="recommendation"
    )
    taken_next = ArrayField(models.UUIDField(), default=list, db_default=[])
    taken_together = ArrayField(models.UUIDField(), default=list, db_default=[])
    alike = ArrayField(models.UUIDField(), default=list, db_default=[])
    learned_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return str(self.course_id)
