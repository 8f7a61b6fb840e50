"""« Contester »: a merchant answers, once, why staff withdrew an offer of hers; and reads what became of that."""

import uuid
from typing import Final

from flask import Response, make_response, redirect, render_template, request, url_for

from blueprints import guards
from blueprints.house import now
from blueprints.pages.language import page_locale
from blueprints.pages.merchant.asking import by_our_form, merchant_here
from blueprints.pages.merchant.showing import show_shop
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.appeals import LONGEST_WORDS, AppealOutcome, appeal, appealable, was_granted
from citylife.clock import local_date
from citylife.errors import Absent, Refusal
from citylife.moments import at_words, date_words
from citylife.offers import Offer
from citylife.shops import Shop
from citylife.wording import Sentence, say

OUTCOMES: Final = {
    AppealOutcome.GRANTED: Sentence("Accepté {moment} : {reason}"),
    AppealOutcome.DISMISSED: Sentence("Refusé {moment} : {reason}"),
}


@merchant_here
def read_appeal(offer_id: uuid.UUID) -> Response:
    """The decision, and the form to answer it; or the answer, and what became of it."""
    offer, shop = guards.my_offer(offer_id)
    return _page(offer, shop)


@by_our_form
@merchant_here
@transaction()
def send_appeal(offer_id: uuid.UUID) -> Response:
    """Answer the decision, once."""
    offer, shop = guards.my_offer(offer_id)
    words = request.form.get("words", "")[: 2 * LONGEST_WORDS]
    try:
        appeal(db.session(), offer, words, merchant_id=guards.merchant_id(), now=now())
    except Absent:
        raise
    except Refusal as refusal:
        db.session().rollback()
        return _page(offer, shop, words=words, refusal=refusal)
    return make_response(redirect(url_for("merchant.read_appeal", offer_id=offer.id, said="sent"), 303))


def _page(offer: Offer, shop: Shop, *, words: str = "", refusal: Refusal | None = None) -> Response:
    locale, moment = page_locale(), now()
    found = appealable(db.session(), offer, now=moment)
    made, outcome = found.appeal, ""
    if made is not None and made.decided_at is not None:
        when = at_words(made.decided_at, now=moment, locale=locale)
        outcome = say(OUTCOMES[made.outcome].format(moment=when, reason=made.decision or ""), locale)
    page = render_template(
        "merchant/appeal.html",
        shop=show_shop(shop, locale),
        title=offer.title,
        offer_id=offer.id,
        decisions=[report.decision for report in found.reports],
        until=date_words(local_date(found.until), locale),
        made=made,
        made_at="" if made is None else at_words(made.made_at, now=moment, locale=locale),
        outcome=outcome,
        granted=was_granted(db.session(), offer),
        words=words,
        longest=LONGEST_WORDS,
        sent=request.args.get("said") == "sent",
        problem=None if refusal is None else say(refusal.detail, locale),
    )
    return make_response(page, 200 if refusal is None else refusal.status)
