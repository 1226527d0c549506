"""News of a mail service, several events at a time."""

from __future__ import annotations

import pytest

from matricula.edges.hooks import mail


def test_an_event_that_fails_keeps_no_other_from_it_and_is_told_again() -> None:
    done = []

    def act(event: int) -> None:
        if event == 1:
            raise ValueError("odd")
        done.append(event)

    with pytest.raises(ValueError, match="odd"):
        mail._act_on_each([0, 1, 2], act)
    assert done == [0, 2]
