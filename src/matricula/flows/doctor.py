"""Examines a live database for broken promises. What it finds, it names with ids; what is safe to
mend, it mends on request.

Each check is one statement that returns the violations, so it sees one consistent moment even while
the system runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

MOST_SHOWN = 100


@dataclass(frozen=True)
class Check:
    """One invariant of `domain.md`: a file of `flows/sql/doctor` and whether it can be mended."""

    name: str
    promise: str
    repair: str | None = None


@dataclass(frozen=True)
class Finding:
    """One violation: the broken promise, and which rows show it."""

    check: str
    promise: str
    detail: str
    repaired: bool = False

    def __str__(self) -> str:
        mended = " (repaired)" if self.repaired else ""
        return f"{self.check}: {self.promise} {self.detail}{mended}"


CHECKS: Sequence[Check] = (
    Check("oversold", "Held and sold seats are at most the capacity."),
    Check(
        "seat_counts",
        "The counters of a cohort are its live holds.",
        repair="repair_seat_counts",
    ),
    Check("seats", "Every seat held or sold has its enrollment, and the other way round."),
    Check("doubled", "A person has at most one live enrollment in a course."),
    Check("swaps", "An enrollment that was swapped has ended, and its order pays for the other."),
    Check("timetables", "A cohort's timetable is that of its meetings."),
    Check("event_gaps", "The events of one subject are numbered without gaps."),
    Check("event_states", "The last event of an enrollment says what its stage says."),
    Check("tickets", "Every ticket has its enrollment, and every number its ticket."),
    Check("turns", "Waiting rooms are served in order of arrival."),
    Check("stalled_lines", "Nobody waits a minute in a line that does not move."),
    Check("overdue_holds", "No hold outlives its time by more than a minute."),
    Check("unsent", "No event waits a minute to be dispatched, or ten for what it owes."),
    Check("failed_work", "No work is set aside, and no job has failed for good."),
    Check("unsent_mail", "No mail is due for more than an hour without a try."),
    Check("untold", "Everybody who was enrolled has been told."),
    Check("order_sums", "An order's lines sum to it, and its payment asks for exactly that."),
    Check("order_stages", "An open order has pending enrollments, and the other way round."),
    Check(
        "captured_in_nothing",
        "Every captured payment ends in enrollments, a refund, or an open staff task.",
    ),
    Check("ledger", "The ledger agrees with charges and refunds, and never gives back too much."),
    Check("stuck_refunds", "A refund that failed, or waits for a day, has an open staff task."),
    Check(
        "unassigned_refunds",
        "A refund made at the gateway is for a line, or an open staff task asks for which.",
    ),
    Check("unhandled_webhooks", "No webhook waits longer than ten minutes to be handled."),
    Check("unproven_reverse_charge", "Where no VAT was charged to a business, the proof is kept."),
    Check("document_gaps", "Invoices and credit notes are numbered without gaps."),
    Check("missing_documents", "What was paid or given back ten minutes ago has its paper."),
    Check("coupon_limits", "No coupon is used beyond its limits, open checkouts counted."),
    Check("conversations", "A conversation stands where its last message says."),
    Check("deliveries", "Webhooks that are due go out within ten minutes, once an event."),
    Check("support_mail", "Every answer of support has its mail."),
    Check(
        "waitlist_lengths",
        "A list is as long as the places that wait in it.",
        repair="repair_waitlist_lengths",
    ),
    Check(
        "waitlist_gate",
        "While somebody waits who may take a seat, newcomers get none; else they do.",
        repair="repair_waitlist_gate",
    ),
    Check(
        "waitlist_stretches",
        "The stretches of a list count the places that wait in them.",
        repair="repair_waitlist_stretches",
    ),
    Check("waitlist_turns", "No list with free seats waits a minute for its turn."),
    Check("waitlist_offers", "A place is offered while one of its offers is open, and no longer."),
    Check(
        "waitlist_wishes", "Nobody waits in a list that they wanted to leave for a seat they got."
    ),
    Check("waitlist_states", "The last event of a place in a list says what its state says."),
    Check("forgotten_keys", "One Idempotency-Key has one finished answer."),
)


def examine(*, repair: bool = False) -> list[Finding]:
    """Every violation found, at most `MOST_SHOWN` a check. `repair` mends what is safe to mend."""
    findings: list[Finding] = []
    for check in CHECKS:
        found = _violations(check)
        left = found
        if found and repair and check.repair is not None:
            _run_repair(check.repair)
            left = _violations(check)
        findings += [
            Finding(check.name, check.promise, text, repaired=text not in left) for text in found
        ]
    return findings


def _violations(check: Check) -> list[str]:
    with transaction.atomic(), connection.cursor() as cursor:
        _tell_settings(cursor)
        cursor.execute("SET LOCAL statement_timeout = 0")  # it reads whole tables
        # And joins them in one pass. Statistics taken while a crowd's rows were not committed yet
        # say that a table is empty, and then every join looks cheap as a loop in a loop.
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(
            f"SELECT detail FROM ({_sql(check.name)}) v ORDER BY detail LIMIT {MOST_SHOWN}"  # noqa: S608
        )
        return [row[0] for row in cursor.fetchall()]


@transaction.atomic
def _run_repair(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(_sql(name))


def _tell_settings(cursor: CursorWrapper) -> None:
    """What the checks read with `current_setting`."""
    after_start = settings.ENVIRONMENT.registration_after_start
    cursor.execute(
        "SELECT set_config('matricula.registration_after_start', %s, true)",
        [f"{after_start.total_seconds():.0f} seconds"],
    )


def _sql(name: str) -> str:
    """One of our own files; no input reaches it."""
    file = resources.files("matricula.flows") / "sql" / "doctor" / f"{name}.sql"
    return file.read_text()
