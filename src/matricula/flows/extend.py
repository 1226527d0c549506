"""A person needs more time to complete an enrollment.

WCAG 2.2, success criterion 2.2.1: at least ten extensions, each with one action.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from matricula.enrollments import actions as enrollments
from matricula.enrollments import queries
from matricula.enrollments.queries import EnrollmentRecord
from matricula.enrollments.states import Status
from matricula.kernel import clock, events
from matricula.kernel.errors import IllegalState
from matricula.kernel.events import NewEvent
from matricula.orders import queries as orders
from matricula.seats import actions as seats
from matricula.seats import queries as seat_queries
from matricula.seats.errors import HoldEnded

# So that nobody keeps a seat from others for ever.
MOST_HOLD_TIMES = 12


@transaction.atomic
def extend_hold(enrollment_id: UUID, person_id: UUID) -> EnrollmentRecord:
    """Holds the seat for a full hold time from now, and with it all seats of the same checkout.

    Raises NotFound for an enrollment that is not this person's, HoldEnded when the time is already
    over, and IllegalState when nothing is held or it was extended too often.
    """
    enrollment = queries.of_person(person_id, enrollment_id)
    if enrollment.status is Status.EXPIRED:
        raise HoldEnded
    if enrollment.status is not Status.PENDING:
        raise IllegalState(_("There is no held seat to extend."))
    hold_time = timedelta(seconds=settings.ENVIRONMENT.hold_seconds)
    until = clock.now() + hold_time
    # Who waited in line has the seat since their turn, however long ago they asked for it.
    since = seat_queries.held_since(enrollment_id) or enrollment.requested_at
    if until > since + MOST_HOLD_TIMES * hold_time:
        raise IllegalState(_("This seat was held for as long as is possible. Complete it now."))
    order = orders.of_enrollment(enrollment_id)
    together = [enrollment_id]
    if order is not None:
        together = [line.enrollment_id for line in order.lines]
    ends_at = seats.extend(together, until)
    enrollments.hold_until(together, ends_at)
    # Another tab of theirs counts down the old time.
    events.append(
        [
            NewEvent("hold.extended", one, person=person_id, data={"until": _told(ends_at)})
            for one in together
        ]
    )
    return queries.of_person(person_id, enrollment_id)


def _told(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
