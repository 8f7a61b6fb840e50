"""The journal of a shop: what was done by whom and when, for its owners."""

import uuid
from typing import Any, Final

from flask import Response

from blueprints import guards, problems
from blueprints.api.contract import ApiBlueprint
from blueprints.api.lists import cut, page
from blueprints.cursors import read_number
from blueprints.storage import db
from citylife.shop_journal import Line, journal_of
from citylife.wording import say
from schemas.journal import JournalLineSchema, JournalQuery
from schemas.lists import page_of

blueprint: Final = ApiBlueprint("merchant-journal", "What was done to a shop, by whom and when")


@blueprint.route("/merchant/shops/<uuid:shop_id>/journal")
@guards.merchant_session_required
@blueprint.response(200, page_of(JournalLineSchema))
@blueprint.arguments(JournalQuery, location="query")
def read_journal(wanted: dict[str, Any], shop_id: uuid.UUID) -> Response:
    """What was done to a shop of yours, the latest first. Owners only."""
    shop = guards.my_shop(shop_id, owner=True)
    before = read_number(wanted["cursor"])
    rows = journal_of(db.session(), shop, kind=wanted["kind"], before=before, limit=wanted["limit"] + 1)
    shown, more = cut(rows, wanted["limit"])
    lines = [shown_line(line, problems.locale()) for line in shown]
    return page(JournalLineSchema, lines, str(shown[-1].number) if more else None)


def shown_line(line: Line, locale: str) -> dict[str, Any]:
    """A line as it is read in a language."""
    return {
        "at": line.at,
        "kind": line.kind,
        "act": line.act,
        "sentence": say(line.sentence, locale),
        "offer_id": line.offer_id,
    }
