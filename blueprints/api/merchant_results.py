"""What a month has brought a shop, and how the reasons of results are written."""

import uuid
from collections.abc import Mapping
from typing import Any, Final

from blueprints import guards, problems
from blueprints.api.contract import ApiBlueprint
from blueprints.house import house, now
from blueprints.storage import db
from citylife.accounts.merchants import Scope
from citylife.ledger.tables import Outcome, Reason
from citylife.results import IN_WORDS, results_of
from citylife.shop_month import OfferInSpan, month_results, read_month
from citylife.wording import Sentence, say
from schemas.results import MonthQuery, MonthResultsSchema, ResultsSchema

blueprint: Final = ApiBlueprint("merchant-results", "What the offers of a shop have brought")


@blueprint.route("/merchant/offers/<uuid:offer_id>/results")
@guards.merchant_required(Scope.READ)
@blueprint.response(200, ResultsSchema)
def read_my_results(offer_id: uuid.UUID) -> dict[str, Any]:
    """What an offer has brought: sent, opened, used, new follows, and held back why.

    Totals are exact. How they split up is rounded, the same way all day, and what is under eleven is not told.
    """
    offer, shop = guards.my_offer(offer_id)
    found = results_of(db.session(), shop, offer, secret=house().keys.secret_key, now=now())
    return {
        "offer_id": offer.id,
        "sent": found.sent,
        "opened": found.opened,
        "used": found.used,
        "declared": found.declared,
        "new_follows": found.new_follows,
        "held": found.held,
        "reasons": _reasons(found.reasons),
    }


@blueprint.route("/merchant/shops/<uuid:shop_id>/results")
@guards.merchant_required(Scope.READ)
@blueprint.response(200, MonthResultsSchema)
@blueprint.arguments(MonthQuery, location="query")
def read_my_month(wanted: dict[str, Any], shop_id: uuid.UUID) -> dict[str, Any]:
    """What a month has brought a shop you run: each offer, the whole, and followers won and lost.

    What is uncertain in its offers is as uncertain in the whole: it is their sum.
    """
    shop, moment = guards.my_shop(shop_id), now()
    month = read_month(wanted["month"], now=moment)
    found = month_results(db.session(), shop, month, secret=house().keys.secret_key, now=moment)
    return {
        "month": str(found.month),
        "sent": found.sent,
        "opened": found.opened,
        "used": found.used,
        "declared": found.declared,
        "follows_won": found.follows_won,
        "follows_lost": found.follows_lost,
        "held": found.held,
        "numbers_alone": found.numbers_alone,
        "reasons": _reasons(found.reasons),
        "offers": [_offer(each) for each in found.offers],
    }


def _offer(each: OfferInSpan) -> dict[str, Any]:
    return {
        "offer_id": each.offer.id,
        "title": each.offer.title,
        "sent": each.results.sent,
        "opened": each.results.opened,
        "used": each.results.used,
        "declared": each.results.declared,
        "new_follows": each.results.new_follows,
        "held": each.results.held,
    }


def _reasons(reasons: Mapping[tuple[Outcome, Reason], int]) -> list[dict[str, Any]]:
    """The reasons with their words, the commonest first."""
    ordered = sorted(reasons.items(), key=lambda each: (-each[1], each[0][0].value, each[0][1].value))
    return [
        {
            "outcome": outcome,
            "reason": reason,
            "explanation": say(Sentence(IN_WORDS[reason]), problems.locale()),
            "count": count,
        }
        for (outcome, reason), count in ordered
    ]
