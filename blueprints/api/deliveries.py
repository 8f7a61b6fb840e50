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
from citylife.ledger.reading import DecisionRow, decisions_of
from citylife.ledger.reasons import SETTINGS, held_for_now, sentence_for, told_otherwise, what_became
from citylife.ledger.sending import sending_now
from citylife.ledger.tables import Outcome
from citylife.wording import say
from schemas.deliveries import DeliverySchema, PromisesSchema
from schemas.lists import ListQuery, page_of

blueprint: Final = ApiBlueprint("deliveries", "What a citizen was told, or not, and why")


def shown_decision(row: DecisionRow, language: str) -> dict[str, Any]:
    """A decision with its reason in one sentence, the setting that would change it, and how she heard all the same.

    What was sent and has reached no device of hers says so, and so does what a stop holds for now.
    """
    told, setting = [sentence_for(row.reason, row.shop_name or "", a_day=row.a_day)], SETTINGS[row.reason]
    otherwise = told_otherwise(aside=row.aside, told_by=row.told_by)
    became = what_became([part.state for part in row.deliveries], until=row.until, now=now())
    if row.held_by is not None:
        now_held = held_for_now(row.held_by, row.shop_name or "")
        told, setting = ([*told, *now_held] if row.outcome is Outcome.SEND else [*now_held]), None
    elif otherwise is not None:
        told.append(otherwise)
    elif became is not None and row.outcome is Outcome.SEND:
        told.append(became[0])
        setting = became[1]
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
        for promise in promises(db.session(), guards.current_citizen(), sending)
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

    What depends on a place of yours, and digests, are forgotten after a week, the rest after a quarter.
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
