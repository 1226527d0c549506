"""When a cohort meets, also when the clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from matricula.catalog.timetable import Meeting, Span, occurrences, of_cohort

NEW_YORK = "America/New_York"


def weekly(first: date, last: date, *weekdays: int, **fields: object) -> Meeting:
    fields = {"starts": time(18), "ends": time(20), "zone": NEW_YORK, **fields}
    return Meeting(first, last, weekdays=weekdays, **fields)  # type: ignore[arg-type]


def once(day: date, starts: time, ends: time, zone: str = NEW_YORK) -> Span:
    (span,) = occurrences(Meeting(day, day, starts, ends, zone))
    return span


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def test_a_weekly_class_meets_on_its_weekdays_both_ends_included() -> None:
    meeting = weekly(date(2026, 1, 5), date(2026, 1, 14), 1, 3, zone="UTC")
    assert [span.starts_at.day for span in occurrences(meeting)] == [5, 7, 12, 14]


def test_without_weekdays_it_meets_once() -> None:
    meeting = weekly(date(2026, 1, 6), date(2026, 1, 6))
    assert len(occurrences(meeting)) == 1


def test_skipped_days_are_left_out() -> None:
    meeting = weekly(date(2026, 1, 5), date(2026, 1, 19), 1, skipped=(date(2026, 1, 12),))
    assert [span.starts_at.day for span in occurrences(meeting)] == [5, 19]


def test_a_pattern_whose_weekday_never_comes_never_meets() -> None:
    assert occurrences(weekly(date(2026, 1, 5), date(2026, 1, 6), 7)) == []


def test_a_class_stays_at_its_hour_when_the_clocks_go_forward() -> None:
    before, after = occurrences(weekly(date(2026, 3, 2), date(2026, 3, 9), 1))
    assert (before.starts_at, after.starts_at) == (utc(2026, 3, 2, 23), utc(2026, 3, 9, 22))


def test_a_class_stays_at_its_hour_when_the_clocks_go_back() -> None:
    before, after = occurrences(weekly(date(2026, 10, 26), date(2026, 11, 2), 1))
    assert (before.starts_at, after.starts_at) == (utc(2026, 10, 26, 22), utc(2026, 11, 2, 23))


def test_a_time_that_the_spring_change_leaves_out_is_an_hour_later() -> None:
    span = once(date(2026, 3, 8), time(2, 30), time(4))
    assert span.starts_at.astimezone(ZoneInfo(NEW_YORK)).time() == time(3, 30)


def test_a_class_within_the_hour_left_out_keeps_its_length() -> None:
    span = once(date(2026, 3, 8), time(2, 15), time(2, 45))
    assert span.ends_at - span.starts_at == timedelta(minutes=30)


def test_one_that_would_end_before_it_starts_keeps_its_length() -> None:
    span = once(date(2026, 3, 8), time(2, 30), time(3))
    assert span.ends_at - span.starts_at == timedelta(minutes=30)


def test_a_time_that_comes_twice_is_the_first_of_the_two() -> None:
    span = once(date(2026, 11, 1), time(1, 30), time(1, 45))
    assert span.starts_at == utc(2026, 11, 1, 5, 30)


def test_a_class_over_the_hour_that_comes_twice_lasts_longer() -> None:
    span = once(date(2026, 11, 1), time(0, 30), time(2, 30))
    assert span.ends_at - span.starts_at == timedelta(hours=3)


def test_one_that_ends_before_it_starts_ends_on_the_next_day() -> None:
    span = once(date(2026, 1, 5), time(22), time(1), "UTC")
    assert span == Span(utc(2026, 1, 5, 22), utc(2026, 1, 6, 1))


def test_a_cohort_meets_at_all_the_times_of_its_meetings_in_order() -> None:
    later = weekly(date(2026, 1, 5), date(2026, 1, 12), 1, zone="UTC")
    earlier = weekly(date(2026, 1, 6), date(2026, 1, 6), zone="UTC")
    assert [span.starts_at.day for span in of_cohort([later, earlier])] == [5, 6, 12]


@given(
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    st.times().map(lambda at: at.replace(microsecond=0)),
    st.times().map(lambda at: at.replace(microsecond=0)),
    st.sampled_from([NEW_YORK, "Asia/Kolkata", "Europe/London", "Pacific/Chatham", "UTC"]),
)
def test_every_meeting_takes_time_and_follows_the_one_before(
    first: date, starts: time, ends: time, zone: str
) -> None:
    if starts == ends:
        return
    spans = occurrences(
        Meeting(first, first + timedelta(days=400), starts, ends, zone, weekdays=(2, 7))
    )
    assert all(span.starts_at < span.ends_at for span in spans)
    assert all(before.starts_at < after.starts_at for before, after in pairwise(spans))
