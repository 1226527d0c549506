"""Lists are walked to their ends, whatever stands in them."""

from __future__ import annotations

from django.test import Client

from matricula.catalog.queries import count_listed
from matricula.kernel import cursors
from tests.support.factories import make_course


def test_a_catalog_of_long_titles_in_other_scripts_is_walked_to_its_end(
    db: None, client: Client
) -> None:
    made = {
        make_course(title=letter * 149 + str(n), with_cohort=False).slug
        for letter in ("数", "ü", "🐍", '"')
        for n in range(2)
    }
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        query = {"limit": "1"} | ({"cursor": cursor} if cursor else {})
        page = client.get("/api/v1/courses", query).json()
        seen += [course["slug"] for course in page["items"]]
        cursor = page["next_cursor"]
    assert made <= set(seen)
    assert len(seen) == count_listed()


def test_every_list_takes_the_longest_cursor_there_is(client: Client) -> None:
    paths = client.get("/api/v1/openapi.json").json()["paths"]
    longest = {
        path: next(form["maxLength"] for form in forms if "maxLength" in form)
        for path, operations in paths.items()
        for parameter in operations.get("get", {}).get("parameters", [])
        if parameter["name"] == "cursor"
        for forms in [parameter["schema"].get("anyOf", [parameter["schema"]])]
    }
    assert set(longest.values()) == {cursors.LONGEST}
    assert len(longest) >= 4
