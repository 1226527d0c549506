"""The webhooks section of the OpenAPI document."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator

from matricula.edges.api.app import api
from matricula.webhooks.types import TEST, TYPES

SECTION: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema()))["webhooks"]


def test_every_type_that_can_be_chosen_is_described() -> None:
    assert set(SECTION) == {*TYPES, TEST}


@pytest.mark.parametrize("type_", SECTION)
def test_each_example_fits_its_schema(type_: str) -> None:
    content = SECTION[type_]["post"]["requestBody"]["content"]["application/json"]
    Draft202012Validator(content["schema"]).validate(content["example"])
    assert content["example"]["type"] == type_
