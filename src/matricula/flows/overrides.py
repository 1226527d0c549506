"""Staff lets somebody past rules, with a reason, until a moment; and what came of it.

An override excuses from the named rules when that person enrolls in that cohort
(`enrollments/admission.py`). It gives no seat: capacity is nobody's to excuse from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from matricula.catalog.models import Cohort
from matricula.enrollments.admission import Rule
from matricula.enrollments.models import Override
from matricula.flows.claims import Choice
from matricula.kernel import clock, events
from matricula.kernel.errors import FieldError, Guidance, IllegalState, NotFound, ValidationFailed
from matricula.kernel.events import NewEvent


@transaction.atomic
def grant(
    person_id: UUID,
    cohort_id: UUID,
    rules: Sequence[Rule],
    *,
    note: str,
    expires_at: datetime,
    actor_id: UUID,
) -> Override:
    """Lets the person past these rules into the cohort until the moment. Raises ValidationFailed
    without a rule or a note, or for a moment that is over, and NotFound for an unknown cohort."""
    problems = {
        "rules": "Name at least one rule." if not rules else "",
        "note": "Say why." if not note.strip() else "",
        "expires_at": "This moment is over." if expires_at <= clock.now() else "",
    }
    errors = [FieldError(name, problem) for name, problem in problems.items() if problem]
    if errors:
        raise ValidationFailed(guidance=Guidance(errors=errors))
    if not Cohort.objects.filter(pk=cohort_id).exists():
        raise NotFound("There is no such cohort.")
    made = Override.objects.create(
        person_id=person_id,
        cohort_id=cohort_id,
        rules=[rule.value for rule in rules],
        note=note.strip(),
        expires_at=expires_at,
        granted_by_id=actor_id,
    )
    events.append([_event(made, "override.granted", actor_id)])
    return made


@transaction.atomic
def revoke(override_id: UUID, *, actor_id: UUID) -> None:
    """Ends it; who has enrolled by it stays. Raises NotFound, and IllegalState when it ended."""
    override = Override.objects.select_for_update(of=("self",)).filter(pk=override_id).first()
    if override is None:
        raise NotFound
    if override.revoked_at is not None or override.expires_at <= clock.now():
        raise IllegalState("It has ended already.")
    override.revoked_at = clock.now()
    override.save(update_fields=["revoked_at"])
    events.append([_event(override, "override.revoked", actor_id)])


def note_use(person_id: UUID, made: Iterable[tuple[UUID, Choice]]) -> None:
    """Says on each new enrollment past which rules staff has let the person, if past any. In the
    transaction that made them."""
    told = [
        NewEvent(
            "override.used",
            enrollment_id,
            person_id,
            data={
                "course": str(choice.course.id),
                "cohort": str(choice.cohort_id),
                "rules": sorted(choice.overridden),
            },
        )
        for enrollment_id, choice in made
        if choice.overridden
    ]
    events.append(told)


def _event(override: Override, type_: str, actor_id: UUID) -> NewEvent:
    data = {
        "cohort": str(override.cohort_id),
        "rules": sorted(override.rules),
        "expires_at": override.expires_at.isoformat(),
    }
    return NewEvent(type_, override.pk, override.person_id, actor_id, data)
