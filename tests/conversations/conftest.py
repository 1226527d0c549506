"""Who takes part in a conversation."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.conf import LazySettings

from matricula.accounts.models import Person
from matricula.flows import support
from matricula.flows.support import Question
from matricula.support.states import Channel
from tests.support.factories import make_person


@pytest.fixture(autouse=True)
def queued_mail(settings: LazySettings) -> None:
    """Mail is queued as in earnest, where Django's test runner would keep it in memory."""
    settings.EMAIL_BACKEND = "matricula.notifications.mail.Backend"


@pytest.fixture
def asker(db: None) -> Person:
    return make_person(full_name="Asa Asker")


@pytest.fixture
def staff(db: None) -> Person:
    return make_person(is_staff=True, is_superuser=True, full_name="Sam Staff")


def asked(person: Person, content: str = "I cannot open my course.", **more: object) -> UUID:
    """A conversation that the person has begun."""
    question = Question(content, Channel.FORM, **more)  # type: ignore[arg-type]
    return support.ask(person.pk, question).conversation_id
