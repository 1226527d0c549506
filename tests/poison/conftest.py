"""What the poison tests start from."""

from __future__ import annotations

import pytest

from matricula.kernel.models import FailedWork
from tests.notifications import conftest as notifications
from tests.webhooks import conftest as webhooks

# What mail and webhooks are tested with, here too.
reader, say = notifications.reader, notifications.say
receiver, told, loopback_allowed = webhooks.receiver, webhooks.told, webhooks.loopback_allowed


class SetAside:
    """Looks at what was recorded as failed."""

    def of(self, queue: str) -> list[str]:
        """The items of a queue that failed and are not done."""
        rows = FailedWork.objects.filter(queue=queue).order_by("reference")
        return list(rows.values_list("reference", flat=True))

    def is_final(self, queue: str, reference: object) -> bool:
        """Whether the item waits for staff."""
        work = FailedWork.objects.get(queue=queue, reference=str(reference))
        return work.set_aside_at is not None and work.next_try_at is None


@pytest.fixture
def failed(db: None) -> SetAside:
    return SetAside()
