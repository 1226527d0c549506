"""The running API against its own OpenAPI document: every operation, valid and hostile input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import positive_data_acceptance

from matricula.edges.api.app import api
from tests.support.databases import site_environment
from tests.support.sites import Site

_MATRICULA = str(Path(sys.executable).parent / "matricula")

# Valid by its shape is not valid by its meaning: a password may be too common, a cursor not ours.
# What is refused so is covered by tests/api/test_bad_input.py.
_EXCLUDED = [positive_data_acceptance]
# A parameter that we do not know is ignored, as everywhere on the web.
_CONFIG = SchemathesisConfig.from_dict({"generation": {"allow-extra-parameters": False}})
SCHEMA = schemathesis.openapi.from_dict(
    json.loads(json.dumps(api.get_openapi_schema())), config=_CONFIG
)
# A stream that begins for everybody who is signed in has no end that could be waited for:
# tests/live/test_bell.py listens to it.
_ENDLESS = {"GET /api/v1/messages/events"}
OPERATIONS = [
    found.ok() for found in SCHEMA.get_all_operations() if found.ok().label not in _ENDLESS
]


@pytest.fixture(scope="session")
def token(shared_site: Site) -> str:
    """An access token of a person made for this."""
    file = shared_site.home / "schemathesis-token"
    ours = {**site_environment(shared_site.database_url), "MATRICULA_HOME": str(shared_site.home)}
    subprocess.run(
        [_MATRICULA, "demo", "--people", "1", "--tokens", str(file)],
        env={**os.environ, **ours},
        check=True,
        capture_output=True,
    )
    return file.read_text().strip()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("operation", OPERATIONS, ids=[found.label for found in OPERATIONS])
def test_every_operation_keeps_to_the_document(
    operation: APIOperation, mode: GenerationMode, shared_site: Site, token: str
) -> None:
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=40,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def keeps(case: schemathesis.Case) -> None:
        case.call_and_validate(
            base_url=shared_site.url,
            headers={"Authorization": f"Bearer {token}"},
            excluded_checks=_EXCLUDED,
            timeout=30,
        )

    try:
        keeps()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # nothing about it can be wrong by its shape


def test_the_served_document_is_this_one(shared_site: Site) -> None:
    served = httpx.get(f"{shared_site.url}/api/v1/openapi.json", timeout=60).json()
    assert served["openapi"].startswith("3.1")
    assert served["paths"] == SCHEMA.raw_schema["paths"]


def test_checks_are_all_there() -> None:
    """So that an upgrade that renames a check does not silently drop it."""
    names = set(CHECKS.get_all_names())
    assert {"not_a_server_error", "response_schema_conformance", "ignored_auth"} <= names


def test_every_operation_says_that_it_is_limited() -> None:
    document = api.get_openapi_schema()
    unsaid = [
        f"{method} {path}"
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if not {429, "429"} & operation["responses"].keys()
    ]
    assert unsaid == []
