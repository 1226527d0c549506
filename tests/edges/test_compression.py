"""What is sent is compressed for those who can read it, pages and files alike."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client

SHEET = f"{settings.STATIC_URL}matricula/site.css"


@pytest.mark.parametrize("path", ["/", "/courses/basic-programming/", SHEET])
def test_it_is_compressed_when_asked_for(db: None, client: Client, path: str) -> None:
    response = client.get(path, headers={"accept-encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in response.headers["Vary"]
    plain = client.get(path)
    assert "Content-Encoding" not in plain.headers
    response.close()
    plain.close()


def test_a_file_of_this_build_may_be_kept_for_years(db: None, client: Client) -> None:
    response = client.get(SHEET)
    assert "immutable" in response.headers["Cache-Control"]
    response.close()
