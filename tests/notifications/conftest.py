"""People to write to, and things to say to them."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest

from matricula.accounts.models import Person
from matricula.notifications import actions
from matricula.notifications.actions import Recipient, Saying
from matricula.notifications.letters import Action, Letter
from matricula.notifications.models import Delivery
from tests.support.factories import make_person

Say = Callable[..., Delivery]


def a_letter(subject: str = "You are enrolled") -> Letter:
    return Letter(
        subject=subject,
        heading="A heading",
        summary="What happened, in नमस्ते and عربي.",
        facts=[("Course", "Data & <b>Science</b>")],
        action=Action("Go on", "/me/"),
    )


@pytest.fixture
def reader() -> Person:
    return make_person(full_name="Lea")


@pytest.fixture
def say(reader: Person) -> Say:
    """Says something to the reader, and answers with its mail."""

    def speak(kind: str = "enrollment_confirmed", letter: Letter | None = None) -> Delivery:
        recipient = Recipient(reader.pk, reader.email)
        saying = Saying(kind, uuid4(), recipient, letter or a_letter())
        assert actions.say([saying]) == 1
        return Delivery.objects.get(message=actions.message_key(saying.event_id, kind, reader.pk))

    return speak
