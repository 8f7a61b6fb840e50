"""The OpenAPI document made complete: what an operation may refuse, who may call it, and an example of every body.

Examples are made from the schemas: a field's own `example`, else what stands for its name or its form here. So a new
operation has them from its first day.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from blueprints.api.docs import kinds
from blueprints.api.refusals import problems_of

METHODS: Final = ("get", "post", "put", "patch", "delete")
JSON: Final = "application/json"
EXTENSION: Final = "x-problems"
AN_ID: Final = "01936f2b-7c4e-7d10-9a55-3f0c2b8e6d41"
A_MOMENT: Final = "2026-11-24T17:30:00+00:00"
A_PRICE: Final = "4.50"
BY_FORMAT: Final = {"uuid": AN_ID, "date-time": A_MOMENT, "uri": "https://citylife.example/problems/not-found"}
KEYS: Final = {
    "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "auth": "BTBZMqHH6r4Tts7J_aSIgg",
}
BY_NAME: Final[Mapping[str, Any]] = {
    **KEYS,
    "token": "AZNvK3xOfRCaVT8MK45tQQ7hY2mWq0n5Zr8dFvLxT3JcKpB9sGeUoXiA4wNyHkRD",
    "endpoint": "https://updates.push.services.mozilla.com/wpush/v2/gAAAAABn",
    "key": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "push_service": "updates.push.services.mozilla.com",
    "slug": "au-pain-de-la-gohelle-bethune",
    "shop_slug": "au-pain-de-la-gohelle-bethune",
    "name": "Au Pain de la Gohelle",
    "shop_name": "Au Pain de la Gohelle",
    "title": "Dernières gaufres fourrées, moitié prix",
    "offer_title": "Dernières gaufres fourrées, moitié prix",
    "description": "Il en reste une douzaine, à emporter.",
    "category": "bakery",
    "street": "12 rue d’Arras",
    "postal_code": "62400",
    "postal_codes": ["62400"],
    "insee_code": "62119",
    "cell": "871949d45ffffff",
    "latitude": 50.5303,
    "longitude": 2.6402,
    "opening_hours": "Tu-Sa 07:00-19:00; Su 07:00-13:00",
    "comment": "",
    "telephone": "+33 3 21 00 00 00",
    "website": "https://gohelle.example",
    "siret": "73282932000074",
    "rna": None,
    "population": 25_194,
    "tags": ["shop=bakery"],
    "locale": "fr",
    "time_zone": "Europe/Paris",
    "quiet_from": "20:00",
    "quiet_until": "09:00",
    "digest_at": "18:00",
    "weekly_budget": 5,
    "daily_budget": 2,
    "text_version": "2026-11",
    "radius": 5000,
    "quantity": 12,
    "version": 1,
    "next_cursor": None,
    "cursor": None,
    "expirationTime": None,
    "suspended_reason": None,
    "email": "camille@boulangerie.example",
    "cookie": False,
    "explanation": "Parce que vous suivez Au Pain de la Gohelle.",
    "advice": None,
    "about": "Tout ce qui est gardé de vous.",
    "why": "Le secret de votre téléphone n’est pas redit.",
    "headings": {"level": "Niveau"},
    "rows": [{"level": "normal"}],
    "reason": "La même annonce a été publiée deux fois.",
    "detail": "Cette ressource n’existe pas.",
    "pointer": "/ends_at",
    "prior_price": None,
    "sold_out_at": None,
    "closed_at": None,
    "until": None,
    "next_change": A_MOMENT,
    "details": ["Il n’y en avait plus à 9 h."],
    "label": "Caisse",
    "scopes": ["read"],
    "browser": "Firefox",
    "applicationServerKey": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "set_on": "2026-11-24",
    "day": "2026-11-26",
    "next_on": "2026-11-26",
    "last_day": None,
    "skipped_on": None,
    "note": "Peu de gens habitent cette zone : c’est votre commune qui est gardée.",
    "withdrawn_reason": None,
    "held": None,
    "decision": None,
    "lifted_at": None,
    "lifted_reason": None,
    "reopened_at": None,
    "reopened_reason": None,
    "seen_by": "Karima, à la caisse",
    "action": "offer.published",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}


def complete(document: dict[str, Any]) -> None:
    """Fill in every operation of the document, in place."""
    statuses = {slug: status for slug, (status, _, _) in kinds().items()}
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                _complete_operation(item[method], method, statuses, in_path="{" in path)
                for content in _bodies(item[method]):
                    content.setdefault("example", example_of(content["schema"], document["components"]["schemas"]))


def _complete_operation(operation: dict[str, Any], method: str, statuses: Mapping[str, int], *, in_path: bool) -> None:
    slugs = problems_of(operation, method, in_path=in_path)
    operation[EXTENSION] = slugs
    said = ", ".join(f"`{slug}` ({statuses[slug]})" for slug in sorted(slugs, key=lambda slug: (statuses[slug], slug)))
    parts = (operation.get("description", "").strip(), _asked_by(operation), f"Problems: {said}.")
    operation["description"] = "\n\n".join(part for part in parts if part)


def _asked_by(operation: Mapping[str, Any]) -> str:
    rules = [each for rule in operation.get("security", ()) for each in rule.items()]
    names = [name + (f" ({', '.join(scopes)})" if scopes else "") for name, scopes in rules]
    return f"Asked with {' or '.join(names)}." if names else "Anybody may ask."


def _bodies(operation: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for holder in (operation.get("requestBody", {}), *operation["responses"].values()):
        for content in holder.get("content", {}).values():
            if "schema" in content:
                yield content


def example_of(shape: Mapping[str, Any], shapes: Mapping[str, Any], name: str = "") -> Any:
    """A value that a JSON schema accepts, as like a real one as its field's name allows."""
    if "$ref" in shape:
        return example_of(shapes[shape["$ref"].rpartition("/")[2]], shapes, name)
    for known in ("example", "default"):
        if shape.get(known) is not None:
            return shape[known]
    if "anyOf" in shape or "allOf" in shape:
        return example_of(shape.get("anyOf", shape.get("allOf"))[0], shapes, name)
    types = shape.get("type", "object")
    kind = next((each for each in types if each != "null"), "null") if isinstance(types, list) else types
    if "enum" in shape:
        return next(choice for choice in shape["enum"] if choice is not None)
    if name in BY_NAME and _fits(BY_NAME[name], types, shape):
        return BY_NAME[name]
    return _by_kind(kind, shape, shapes)


def _fits(value: Any, types: Any, shape: Mapping[str, Any]) -> bool:
    wanted = types if isinstance(types, list) else [types]
    if value is None:
        return "null" in wanted
    kinds_of = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
    return kinds_of[type(value)] in wanted and len(str(value)) <= shape.get("maxLength", 1_000)


def _by_kind(kind: str, shape: Mapping[str, Any], shapes: Mapping[str, Any]) -> Any:
    if kind == "object":
        return {name: example_of(rule, shapes, name) for name, rule in shape.get("properties", {}).items()}
    if kind == "array":
        return [example_of(shape["items"], shapes)]
    if kind == "string":
        written = A_PRICE if shape.get("pattern", "").startswith(r"^\d{1,9}") else "…"
        return BY_FORMAT.get(shape.get("format", ""), written)
    return {"boolean": True, "null": None}.get(kind, shape.get("minimum", 1))
