"""The styleguide: every component in every state, in demo mode only."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.conf import settings
from django.test import Client

from matricula.flows.offer import ButtonState


def test_the_styleguide_shows_every_state_of_the_button(guest: Client) -> None:
    html = guest.get("/styleguide/").content.decode()
    for state in ButtonState:
        assert f'data-enroll-state="{state}"' in html


def test_the_styleguide_is_not_there_outside_demo_mode(
    guest: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "ENVIRONMENT", replace(settings.ENVIRONMENT, demo=False))
    assert guest.get("/styleguide/").status_code == 404
