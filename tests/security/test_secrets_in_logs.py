"""No line of the log holds a secret from a URL, whoever writes the line."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
import structlog
from django.test import Client
from django.urls import URLResolver, get_resolver

from matricula.config.logs import hide_secrets

SECRET = "recognisable-c2VjcmV0:1x:sig_nature-9"
# Parts of paths that name something and let nobody act.
NAMES = frozenset(
    {
        "app_label",
        "build",
        "content_type_id",
        "conversation_id",
        "course_id",
        "enrollment_id",
        "entry_id",
        "kind",
        "message_id",
        "name",
        "number",
        "object_id",
        "offer_id",
        "order_id",
        "paper",
        "part",
        "provider",
        "reference",
        "service",
        "slug",
        "url",
    }
)
SECRETS = frozenset({"token", "key", "uidb36"})


def routes(resolver: URLResolver, before: str = "/") -> Iterator[tuple[str, frozenset[str]]]:
    for one in resolver.url_patterns:
        route = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from routes(one, route)
        else:
            yield route, frozenset(one.pattern.regex.groupindex)


def paths_with_secrets() -> list[str]:
    found = []
    for route, names in routes(get_resolver()):
        if names & SECRETS:
            start = min(route.find(mark) for mark in ("<", "(?P") if mark in route)
            found.append(route[:start].replace("^", "") + SECRET + "/")
    return found


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the site's own formatter writes."""
    (handler,) = [h for h in logging.getLogger().handlers if type(h) is logging.StreamHandler]
    stream = io.StringIO()
    before = handler.setStream(stream)
    yield stream
    handler.setStream(before)


def test_every_part_of_a_path_is_known_to_be_secret_or_not() -> None:
    named = {name for _, names in routes(get_resolver()) for name in names}
    assert named - SECRETS - NAMES == set()


def test_every_route_with_a_secret_is_hidden_in_every_kind_of_line(written: io.StringIO) -> None:
    paths = paths_with_secrets()
    assert len(paths) >= 5
    for path in paths:
        logging.getLogger("django.security.csrf").warning("Forbidden (%s): %s", "no cookie", path)
        logging.getLogger("django.request").error("Internal Server Error: %s", path)
        structlog.get_logger("x").warning("seen", where=path, more={"paths": [path]})
        try:
            raise ValueError(path)
        except ValueError:
            logging.getLogger("x").exception("failed")
    assert written.getvalue().count("[hidden]") >= 5 * len(paths)
    assert SECRET not in written.getvalue()


def test_a_refused_form_of_a_guest_leaves_no_token(db: None, written: io.StringIO) -> None:
    answer = Client(enforce_csrf_checks=True).post(f"/guests/{SECRET}/")
    assert answer.status_code == 403
    assert "/guests/[hidden]/" in written.getvalue()
    assert SECRET not in written.getvalue()


def test_a_secret_in_a_query_is_hidden_and_other_text_stays() -> None:
    event = hide_secrets(None, "", {"event": "GET /x?a=1&token=abc&b=2 /courses/token-ring/"})
    assert event["event"] == "GET /x?a=1&token=[hidden]&b=2 /courses/token-ring/"
