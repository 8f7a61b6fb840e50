"""The territory and the trades: public, small, and the same for everyone."""

from dataclasses import asdict
from typing import Any, Final

from flask import Response

from blueprints import conditions, cursors, problems
from blueprints.api.contract import ApiBlueprint
from blueprints.api.lists import cut, page
from citylife.categories import CATEGORIES
from citylife.geography import communes
from citylife.text import folded
from citylife.wording import say
from schemas.categories import CategorySchema
from schemas.communes import CommuneQuery, CommuneSchema
from schemas.lists import ListQuery, page_of

blueprint: Final = ApiBlueprint("territory", "Communes and categories")


@blueprint.route("/communes")
@blueprint.response(200, page_of(CommuneSchema))
@blueprint.arguments(CommuneQuery, location="query")
def list_communes(wanted: dict[str, Any]) -> Response:
    """The communes of the agglomeration, in the order of their INSEE codes."""
    after = cursors.read_word(wanted["cursor"]) or ""
    sought = folded(wanted["q"] or "")
    found = [
        commune
        for commune in communes().values()
        if commune.insee_code > after and (sought in folded(commune.name) or sought in commune.postal_codes)
    ]
    shown, more = cut(found, wanted["limit"])
    last = shown[-1].insee_code if more else None
    return page(CommuneSchema, shown, last, cache=conditions.PUBLIC, vary="Accept-Encoding")


@blueprint.route("/categories")
@blueprint.response(200, page_of(CategorySchema))
@blueprint.arguments(ListQuery, location="query")
def list_categories(wanted: dict[str, Any]) -> Response:
    """The trades, with what each may do; their names are in the caller's language."""
    after = cursors.read_word(wanted["cursor"])
    keys = [category.key for category in CATEGORIES]
    if after is not None and after not in keys:
        raise cursors.CursorRefused(pointer="/cursor")
    begin = 0 if after is None else keys.index(after) + 1
    shown, more = cut(CATEGORIES[begin:], wanted["limit"])
    language = problems.locale()
    named = [{**asdict(category), "name": say(category.name, language)} for category in shown]
    last = shown[-1].key if more else None
    response = page(CategorySchema, named, last, cache=conditions.PUBLIC, vary="Accept-Language")
    response.headers["Content-Language"] = language
    return response
