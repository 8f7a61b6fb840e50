"""The OpenAPI document says all that one needs to write a client: nothing is left for whoever reads it to guess."""

import json
from typing import Any

import pytest
from apispec import APISpec
from jsonschema import Draft202012Validator

from blueprints.api.completing import METHODS, example_of
from blueprints.api.docs import kinds
from blueprints.api.refusals import OF_THE_RULES
from citylife.categories import BY_KEY
from citylife.geography import communes

PRIVATE = tuple(f"/api/v1/{name}" for name in ("me", "merchant", "staff", "sessions", "passkeys", "pilot/reports/{"))


@pytest.fixture
def document(town) -> dict[str, Any]:
    answer: dict[str, Any] = town.client.get("/api/openapi.json").json
    return answer


def operations(document):
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield f"{method.upper()} {path}", method, path, item[method]


def contents(operation):
    for name, holder in (("request", operation.get("requestBody", {})), *operation["responses"].items()):
        for content in holder.get("content", {}).values():
            yield name, content


def test_every_operation_has_a_summary_a_description_and_a_chapter_that_is_described(document):
    chapters = {tag["name"]: tag["description"] for tag in document["tags"]}
    for name, _, _, operation in operations(document):
        assert len(operation["summary"]) > 10, name
        assert len(operation["description"]) > 40, name
        (tag,) = operation["tags"]
        assert len(chapters[tag]) > 10, name


def test_every_operation_says_who_may_ask_and_by_schemes_that_are_described(document):
    schemes = document["components"]["securitySchemes"]
    for name, _, path, operation in operations(document):
        asked = {scheme for rule in operation.get("security", ()) for scheme in rule}
        assert asked <= set(schemes), name
        private = path.startswith(PRIVATE) and "/sign-in" not in path
        assert bool(asked) == private, name
        assert ("Anybody may ask." in operation["description"]) != private, name
    assert all(scheme["description"] for scheme in schemes.values())


def test_every_body_has_an_example_that_its_schema_accepts(document):
    seen = 0
    for name, _, _, operation in operations(document):
        assert ("requestBody" in operation) <= any(where == "request" for where, _ in contents(operation)), name
        for where, content in contents(operation):
            validator = Draft202012Validator({**content["schema"], "components": document["components"]})
            assert [error.message for error in validator.iter_errors(content["example"])] == [], (name, where)
            seen += 1
    assert seen > 50


def said_in(example, name=""):
    """Every value of an example, each with its field's name; those of a list have the list's."""
    if isinstance(example, dict):
        for field, value in example.items():
            yield from said_in(value, field)
    elif isinstance(example, list):
        for value in example:
            yield from said_in(value, name)
    else:
        yield name, example


def test_an_example_stands_for_something_real(document):
    for name, _, _, operation in operations(document):
        for where, content in contents(operation):
            empty = [field for field, value in said_in(content["example"]) if value == "…"]
            assert empty == [], (name, where)
    examples = {path: item["get"]["responses"]["200"] for path, item in document["paths"].items() if "get" in item}
    shown = {
        path: examples[f"/api/v1/{path}"]["content"]["application/json"]["example"]["items"][0]
        for path in ("communes", "categories", "shops")
    }
    commune, trade = shown["communes"], shown["categories"]
    assert communes()[commune["insee_code"]].name == commune["name"] == shown["shops"]["commune"]["name"]
    assert (trade["name"], trade["policy"]) == (BY_KEY[trade["key"]].name, BY_KEY[trade["key"]].policy.value)
    assert set(trade["tags"]) <= set(BY_KEY[trade["key"]].tags)


def test_every_problem_an_operation_may_answer_is_one_that_is_described(document):
    described = kinds()
    for name, method, path, operation in operations(document):
        slugs = operation["x-problems"]
        assert set(slugs) <= set(described), name
        assert {"too-many-requests", "unavailable", "failure", "invalid"} <= set(slugs), name
        assert ("sign-in-needed" in slugs) == ("security" in operation), name
        keyed = any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", ()))
        assert ("idempotency-key-reused" in slugs) == keyed <= (method == "post"), name
        assert ("not-found" in slugs) or "{" not in path, name
        for slug in slugs:
            assert f"`{slug}` ({described[slug][0]})" in operation["description"], (name, slug)


def test_what_the_rules_refuse_is_said_of_operations_that_exist(document):
    known = {operation["operationId"] for _, _, _, operation in operations(document)}
    assert set(OF_THE_RULES) <= known


def test_an_example_is_looked_for_in_the_schema_first_and_then_by_name_and_form():
    fields = {"name": {"type": "string"}, "id": {"format": "uuid", "type": "string"}}
    shapes = {"Shop": {"type": "object", "properties": fields}}
    shop = example_of({"$ref": "#/components/schemas/Shop"}, shapes)
    assert shop == {"name": "Au Pain de la Gohelle", "id": "01936f2b-7c4e-7d10-9a55-3f0c2b8e6d41"}
    assert example_of({"type": "string", "example": "its own"}, {}, "name") == "its own"
    assert example_of({"type": "integer", "minimum": 3}, {}, "name") == 3
    assert example_of({"type": ["string", "null"], "enum": [None, "a", "b"]}, {}) == "a"
    assert example_of({"type": "string", "maxLength": 5}, {}, "name") == "…"
    assert json.dumps(example_of({"type": "array", "items": {"type": "boolean"}}, {})) == "[true]"


def test_the_document_is_built_once_and_not_sent_again_to_who_has_it(town, monkeypatch):
    first = town.client.get("/api/openapi.json")
    monkeypatch.setattr(APISpec, "to_dict", lambda _spec: pytest.fail("it was built again"))
    again = town.client.get("/api/openapi.json")
    assert (again.status_code, again.data) == (200, first.data)
    assert town.client.get("/api/docs").status_code == 200
    known = town.client.get("/api/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (known.status_code, known.data) == (304, b"")
