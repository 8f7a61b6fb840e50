"""What a citizen was told, or not, and why."""

from dataclasses import asdict
from typing import Any, Final

from flask import Response

from blueprints import conditions, cursors, guards, problems
from blueprints.api.contract import ApiBlueprint
from blueprints.api.lists import cut, page
from blueprints.house import house, now
from blueprints.storage import db
from citylife.audience.promises import promises
from citylife.ledger.explaining import explained
from citylife.ledger.reading import DecisionRow, decisions_of
from citylife.ledger.sending import sending_now
from citylife.wording import say
from schemas.deliveries import DeliverySchema, PromisesSchema
from schemas.lists import ListQuery, page_of

blueprint: Final = ApiBlueprint("deliveries", "What a citizen was told, or not, and why")


def shown_decision(row: DecisionRow, language: str) -> dict[str, Any]:
    """A decision with its reason in one sentence, the setting that would change it, and how she heard all the same."""
    told, setting = explained(row, now=now())
    return {
        **asdict(row),
        "explanation": " ".join(say(sentence, language) for sentence in told),
        "setting": setting,
        "devices": row.deliveries,
    }


@blueprint.route("/me/rules")
@guards.citizen_required
@blueprint.response(200, PromisesSchema)
def list_rules() -> Response:
    """The rules by which you are told of something or not, each in one sentence, as you and the cluster have set them.

    They hold for all shops together; a shop you follow for which the cluster has set another number is named.
    """
    sending, language = sending_now(db.session(), house().settings.aipd_date), problems.locale()
    shown = [
        {
            "rule": promise.rule,
            "explanation": say(promise.sentence, language),
            "setting": promise.setting,
            "shop_id": promise.shop_id,
        }
        for promise in promises(db.session(), guards.current_citizen(), sending, now=now())
    ]
    body = conditions.json_bytes(PromisesSchema().dump({"items": shown}))
    response = conditions.answer(body, vary="Authorization, Cookie, Accept-Language")
    response.headers["Content-Language"] = language
    return response


@blueprint.route("/me/deliveries")
@guards.citizen_required
@blueprint.response(200, page_of(DeliverySchema))
@blueprint.arguments(ListQuery, location="query")
def list_deliveries(wanted: dict[str, Any]) -> Response:
    """Every message to you, the latest first: sent or held, why, which setting would change that, what became of it.

    What may depend on a place of yours is forgotten after a week, so are digests and what waited for the end of quiet
    hours; the rest after a quarter.
    """
    after = cursors.read_id(wanted["cursor"])
    citizen = guards.current_citizen()
    sending = sending_now(db.session(), house().settings.aipd_date)
    rows = decisions_of(db.session(), citizen.id, now=now(), after=after, limit=wanted["limit"] + 1, sending=sending)
    shown, more = cut(rows, wanted["limit"])
    language = problems.locale()
    items = [shown_decision(row, language) for row in shown]
    vary = "Authorization, Cookie, Accept-Language"
    response = page(DeliverySchema, items, shown[-1].message_id if more else None, vary=vary)
    response.headers["Content-Language"] = language
    return response
