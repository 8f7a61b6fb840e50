"""The OpenAPI document as a page for people, and a page for each kind of problem; no script, no other host."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from flask import Blueprint, Flask, Response, current_app, render_template

from blueprints import conditions, problems
from blueprints.api.contract import Api
from blueprints.pages.language import page_locale
from citylife.errors import Absent, Refusal
from citylife.wording import say

API: Final = "citylife-api"
blueprint: Final = Blueprint("docs", __name__, template_folder="templates")


def init_app(app: Flask, api: Api) -> None:
    """Answer `/api/docs` and `/problems/{slug}`."""
    app.extensions[API] = api
    app.register_blueprint(blueprint)


@blueprint.get("/api/docs")
def read_docs() -> str:
    """The API, to read."""
    document = current_app.extensions[API].document
    return render_template("docs.html", document=document, chapters=chapters(document), shapes=shapes(document))


@blueprint.get("/problems/<slug>")
def read_problem(slug: str) -> Response | str:
    """What a kind of problem means: the address in the `type` of each."""
    status, title, sentence = kinds().get(slug, (0, "", ""))
    if not status:
        raise Absent
    language = page_locale()
    if problems.page_wanted():
        return render_template("kind.html", status=status, title=say(title, language), sentence=say(sentence, language))
    body = {"type": slug, "title": say(title, language), "status": status, "detail": say(sentence, language)}
    return conditions.answer(conditions.json_bytes(body), cache=conditions.PUBLIC, vary="Accept, Accept-Language")


def kinds() -> dict[str, tuple[int, str, str]]:
    """Every kind of problem by its slug: the refusals of the house, and HTTP's own."""
    found = {kind.slug: (status, kind.title, kind.sentence) for status, kind in problems.KINDS.items()}
    for kind, status in ((problems.HOST_REFUSED, 400), (problems.COLLISION, 409)):
        found[kind.slug] = (status, kind.title, kind.sentence)
    return found | {rule.slug: (rule.status, rule.title, rule.sentence) for rule in _below(Refusal)}


def _below(rule: type[Refusal]) -> Iterator[type[Refusal]]:
    for inner in rule.__subclasses__():
        yield inner
        yield from _below(inner)


def chapters(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The operations by tag, in the document's order."""
    found = [{**tag, "operations": []} for tag in document["tags"]]
    by_name = {chapter["name"]: chapter for chapter in found}
    for path, item in document["paths"].items():
        shared = item.get("parameters", [])
        for method in ("get", "post", "put", "patch", "delete"):
            if method in item:
                operation = item[method]
                by_name[operation["tags"][0]]["operations"].append(
                    {
                        "method": method.upper(),
                        "path": path,
                        "id": operation["operationId"],
                        "summary": operation.get("summary", ""),
                        "description": _own_words(operation),
                        "problems": operation["x-problems"],
                        "security": [name for rule in operation.get("security", ()) for name in rule],
                        "parameters": [*shared, *operation.get("parameters", ())],
                        "body": _shape_in(operation.get("requestBody", {})),
                        "example": _example_in(operation.get("requestBody", {})),
                        "answers": [
                            (status, answer.get("description", ""), _shape_in(answer), _example_in(answer))
                            for status, answer in operation["responses"].items()
                            if "$ref" not in answer
                        ],
                    }
                )
    return found


def shapes(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The objects of the contract, each with its fields."""
    return [
        {
            "name": name,
            "fields": [
                {"name": field, "required": field in shape.get("required", ()), **_field(rule)}
                for field, rule in shape.get("properties", {}).items()
            ],
        }
        for name, shape in sorted(document["components"]["schemas"].items())
    ]


def _field(rule: Mapping[str, Any]) -> dict[str, Any]:
    """What a field is: its type in words, the object it refers to, and its description."""
    inner = rule.get("items", rule)
    refers = next((part["$ref"] for part in (inner, *inner.get("anyOf", ())) if "$ref" in part), None)
    types = rule.get("type", "object")
    words = " | ".join(types) if isinstance(types, list) else str(types)
    if "enum" in rule:
        words = " | ".join(str(choice) for choice in rule["enum"] if choice is not None)
    return {
        "type": words,
        "format": rule.get("format", ""),
        "refers": None if refers is None else refers.rpartition("/")[2],
        "description": rule.get("description", ""),
    }


def _own_words(operation: Mapping[str, Any]) -> list[str]:
    """The paragraphs of a description, less what the page shows in its own way."""
    paragraphs = operation.get("description", "").split("\n\n")
    return [each for each in paragraphs if each and not each.startswith(("Asked with ", "Anybody may ", "Problems: "))]


def _example_in(holder: Mapping[str, Any]) -> str | None:
    """The example of a body, written to be read."""
    for content in holder.get("content", {}).values():
        if content.get("example"):
            return json.dumps(content["example"], ensure_ascii=False, indent=2)
    return None


def _shape_in(holder: Mapping[str, Any]) -> str | None:
    """The name of the object that a body holds."""
    for content in holder.get("content", {}).values():
        reference = content.get("schema", {}).get("$ref")
        if reference is not None:
            return str(reference).rpartition("/")[2]
    return None
