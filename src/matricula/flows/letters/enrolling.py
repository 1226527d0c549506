"""Letters about a seat: had, given up, run out."""

from __future__ import annotations

from django.utils.translation import gettext as _

from matricula.flows.letters.about import About, greeting
from matricula.kernel import clock, ids, words
from matricula.notifications.letters import Action, Letter


def confirmed(about: About) -> Letter:
    """The confirmation, with how to get in."""
    enrollment = about.enrollment
    starts_at = enrollment.cohort.starts_at
    if starts_at is not None and starts_at > clock.now():
        way_in = _("The course begins on %(day)s. You can look around already.") % {
            "day": words.day(starts_at)
        }
    else:
        way_in = _("You can begin now. Sign in, then open the course from “My courses”.")
    return Letter(
        subject=_("You are enrolled: %(course)s") % {"course": about.title},
        heading=_("You are enrolled"),
        greeting=greeting(about.person),
        summary=_("You have a seat in %(course)s.") % {"course": about.title},
        facts=_place(about),
        paragraphs=[*_instead(about), way_in],
        action=Action(_("Open the course"), about.path(f"/learn/{enrollment.course.slug}/")),
        closing=[
            _("Something wrong? Quote %(reference)s when you write to us.")
            % {"reference": ids.to_text("enr", enrollment.pk)}
        ],
    )


def _instead(about: About) -> list[str]:
    if "swapped_from" not in about.data:
        return []
    return [_("It takes the place of the seat you had before, which is given up. You pay nothing.")]


def cancelled(about: About) -> Letter | None:
    """The end of an enrollment. Whoever gave up an unpaid checkout of their own knows it, and of a
    swap the letter about the new seat tells."""
    enrollment = about.enrollment
    if "swapped_to" in about.data:
        return None
    by_themselves = about.actor == about.person.pk
    if by_themselves and enrollment.confirmed_at is None:
        return None
    said = (
        _("As you asked, your enrollment in %(course)s has ended.")
        if by_themselves
        else _("Your enrollment in %(course)s was cancelled.")
    )
    return Letter(
        subject=_("Cancelled: %(course)s") % {"course": about.title},
        heading=_("Your enrollment has ended"),
        greeting=greeting(about.person),
        summary=said % {"course": about.title},
        facts=[*_place(about), *_reason(about)],
        paragraphs=[_("If money is to be given back, a letter of its own says how much.")]
        if about.order is not None and about.order.total.minor
        else [],
        action=Action(_("See what happened"), about.status_path),
    )


def failed(about: About) -> Letter:
    """An enrollment that could not be made after all."""
    return Letter(
        subject=_("No seat this time: %(course)s") % {"course": about.title},
        heading=_("You could not be enrolled"),
        greeting=greeting(about.person),
        summary=_("Your request for %(course)s could not be fulfilled. Nothing was charged.")
        % {"course": about.title},
        facts=[*_place(about), *_reason(about)],
        action=Action(_("See what you can do"), about.status_path),
    )


def expired(about: About) -> Letter:
    """The hold ran out; it can be had again while there are seats."""
    paragraphs = [_("Nothing was charged. You can start again as long as there are seats.")]
    if about.order is not None:
        paragraphs.append(
            _(
                "Did you pay just before the time was over? Then you need do nothing: as soon as "
                "the payment reaches us you get the seat if one is free, and otherwise your money "
                "back."
            )
        )
    return Letter(
        subject=_("Your seat is no longer held: %(course)s") % {"course": about.title},
        heading=_("The time to pay ran out"),
        greeting=greeting(about.person),
        summary=_("Your seat in %(course)s was held for you, and is free again now.")
        % {"course": about.title},
        paragraphs=paragraphs,
        action=Action(_("Start again"), about.course_path),
    )


def turn_came(about: About) -> Letter:
    """Their turn in the line of a course that is paid for: a seat is held, for a time."""
    end = about.enrollment.hold_expires_at
    return Letter(
        subject=_("It is your turn: %(course)s") % {"course": about.title},
        heading=_("It is your turn"),
        greeting=greeting(about.person),
        summary=_("A seat in %(course)s is held for you.") % {"course": about.title},
        facts=[*_place(about), *([(_("Held for you until"), words.moment(end))] if end else [])],
        paragraphs=[_("Pay for it before then, or it goes to the next in line.")],
        action=Action(_("Go to the checkout"), f"{about.course_path}enroll/"),
    )


def hold_ending(about: About) -> Letter:
    """A seat that is held a little longer."""
    end = about.enrollment.hold_expires_at
    return Letter(
        subject=_("Your seat is held a little longer: %(course)s") % {"course": about.title},
        heading=_("Your seat is still held"),
        greeting=greeting(about.person),
        summary=_("Your seat in %(course)s waits for your payment until %(end)s.")
        % {"course": about.title, "end": words.moment(end) if end else ""},
        paragraphs=[_("You can pay now, or ask for more time with one click.")],
        action=Action(_("Go on"), about.status_path),
    )


def starting(about: About) -> Letter:
    """A welcome, the day before a course begins."""
    enrollment = about.enrollment
    return Letter(
        subject=_("Tomorrow: %(course)s") % {"course": about.title},
        heading=_("Your course begins soon"),
        greeting=greeting(about.person),
        summary=_("%(course)s begins on %(when)s.")
        % {
            "course": about.title,
            "when": words.moment(enrollment.cohort.starts_at)
            if enrollment.cohort.starts_at
            else "",
        },
        facts=_place(about),
        paragraphs=[_("Sign in with the address this letter was sent to, then open the course.")],
        action=Action(_("Open the course"), about.path(f"/learn/{enrollment.course.slug}/")),
    )


def unfinished(about: About) -> Letter:
    """A checkout left unfinished."""
    return Letter(
        subject=_("Still interested? %(course)s") % {"course": about.title},
        heading=_("You did not finish"),
        greeting=greeting(about.person),
        summary=_("You began to enroll in %(course)s, and did not finish.")
        % {"course": about.title},
        paragraphs=[
            _(
                "No seat is held for you now. If there is one, the link below takes you back to "
                "where you were, with what you filled in."
            )
        ],
        action=Action(_("Go on where you were"), _again(about)),
    )


def _again(about: About) -> str:
    """The checkout as it was. It names the order only: what was filled in is not for addresses."""
    if about.order is None:
        return f"{about.course_path}enroll/"
    order = ids.to_text("ord", about.order.id)
    if about.person.guest_email:
        return f"{about.status_path}again/{order}/"
    return f"/orders/{order}/again/"


def _place(about: About) -> list[tuple[str, str]]:
    cohort = about.enrollment.cohort
    facts = [(_("Course"), about.title), (_("Intake"), cohort.name)]
    if cohort.starts_at is not None:
        facts.append((_("Begins"), words.day(cohort.starts_at)))
    if about.enrollment.access_expires_at is not None:
        facts.append((_("Access until"), words.day(about.enrollment.access_expires_at)))
    return facts


def _reason(about: About) -> list[tuple[str, str]]:
    return [(_("Reason"), words.stored(about.enrollment.reason))] if about.enrollment.reason else []
