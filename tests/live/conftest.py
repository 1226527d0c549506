from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.live import LiveSite, running_live_site


@pytest.fixture(scope="session")
def followed() -> Iterator[LiveSite]:
    """A running site with its worker, which many tests share; each brings its own people."""
    with running_live_site() as live:
        yield live
