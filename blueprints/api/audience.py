"""The preview: whom an offer would reach, as its merchant types."""

import uuid
from typing import Any, Final

from blueprints import guards, problems
from blueprints.api.contract import ApiBlueprint
from blueprints.house import house, now
from blueprints.storage import db
from citylife.accounts.merchants import Scope
from citylife.audience.foresight import EXPLAINED, NOT_TOLD, Shown, show
from citylife.demand import may_know_followers
from citylife.ledger.sending import TOLD, Sending, sending_now
from citylife.offers.drafts import check_dates
from citylife.wording import Sentence, say
from schemas.audience import AudienceQuestionSchema, AudienceSchema

blueprint: Final = ApiBlueprint("audience", "Whom an offer would reach")


def shown_sending(sending: Sending, language: str) -> dict[str, Any]:
    """What holds a shop's announcements, if anything does, in a sentence."""
    return {"state": sending, "explanation": say(Sentence(TOLD[sending]), language) if sending in TOLD else None}


def shown_audience(shown: Shown, sending: Sending, language: str) -> dict[str, Any]:
    """What a merchant is shown, the largest counts first."""
    reasons = sorted(shown.reasons.items(), key=lambda each: (-each[1], each[0][0].value, each[0][1].value))
    return {
        "followers": shown.followers,
        "sending": shown_sending(sending, language),
        "fates": {fate.value: count for fate, count in shown.fates.items()},
        "reasons": [
            {
                "fate": fate,
                "reason": reason,
                "explanation": say(Sentence(EXPLAINED[reason]), language),
                "count": count,
            }
            for (fate, reason), count in reasons
        ],
    }


@blueprint.route("/merchant/shops/<uuid:shop_id>/audience", methods=("POST",))
@guards.merchant_required(Scope.OFFERS)
@blueprint.response(200, AudienceSchema)
@blueprint.arguments(AudienceQuestionSchema)
def preview_my_audience(question: dict[str, Any], shop_id: uuid.UUID) -> dict[str, Any]:
    """Whom an offer would reach if it were published now, or at `starts_at`; nothing is kept of the question.

    Followers are counted exactly; while the shop is only claimed, no number is told. How they split up is rounded, the
    same way all day; what is under eleven is not told, nor whether there is any of it. While nothing may be sent,
    `sending` says so.
    """
    shop = guards.my_shop(shop_id)
    moment = max(now(), question["starts_at"] or now())
    check_dates(moment, question["ends_at"], now=now())
    shown = NOT_TOLD
    if may_know_followers(shop):
        foreseen = house().previews.foresee(
            db.session(), shop, radius=question["radius"], ends_at=question["ends_at"], now=moment
        )
        shown = show(foreseen, shop.id, secret=house().keys.secret_key, now=now())
    sending = sending_now(db.session(), house().settings.aipd_date, shop)
    return shown_audience(shown, sending, problems.locale())
