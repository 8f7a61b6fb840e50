"""« Signaler »: by a form that asks for no name, anybody says what is wrong with an offer."""

import uuid
from typing import Final

from flask import Response, make_response, redirect, render_template, request, url_for

from blueprints.guards import check_same_origin
from blueprints.house import now
from blueprints.limits import count_from_here
from blueprints.pages.language import page_locale
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.errors import Invalid
from citylife.offers import Offer, public_offer
from citylife.reports import LONGEST_DETAIL, PER_NETWORK, Wrong, report_offer
from citylife.shops import shop_by_id
from citylife.wording import Sentence, say

WORDS: Final = {
    Wrong.MISLEADING: Sentence("Le prix ou la promesse est trompeur"),
    Wrong.NOT_HONOURED: Sentence("Le commerce n’a pas donné ce qu’il annonçait"),
    Wrong.FORBIDDEN: Sentence("C’est interdit à la vente ou à l’annonce"),
    Wrong.OFFENSIVE: Sentence("C’est blessant ou déplacé"),
    Wrong.OTHER: Sentence("Autre chose"),
}


def read_report(offer_id: uuid.UUID) -> str:
    """The form about an offer, or that it was heard."""
    return _page(public_offer(db.session(), offer_id), heard="entendu" in request.args)


@transaction()
def send_report(offer_id: uuid.UUID) -> Response:
    """Take what is said, keep nothing of who says it; the form again, with why, where it cannot be taken."""
    check_same_origin()
    offer = public_offer(db.session(), offer_id)
    reason, detail = request.form.get("reason", ""), request.form.get("detail", "")
    wrong = next((each for each in Wrong if each.value == reason), None)
    if wrong is None:
        trouble = say(Sentence("Dites ce qui ne va pas : choisissez une raison."), page_locale())
        return make_response(_page(offer, detail=detail, reason_trouble=trouble), 422)
    count_from_here(*PER_NETWORK)
    try:
        report_offer(db.session(), offer, wrong, detail=detail.replace("\r\n", "\n"), now=now())
    except Invalid as refused:
        said = say(refused.detail, page_locale())
        return make_response(_page(offer, wrong=wrong, detail=detail, detail_trouble=said), 422)
    return make_response(redirect(url_for("citizen.read_report", offer_id=offer_id, entendu=1), 303))


def _page(
    offer: Offer,
    *,
    wrong: Wrong | None = None,
    detail: str = "",
    reason_trouble: str = "",
    detail_trouble: str = "",
    heard: bool = False,
) -> str:
    return render_template(
        "citizen/report.html",
        offer=offer,
        shop=shop_by_id(db.session(), offer.shop_id),
        reasons=WORDS,
        wrong=wrong,
        detail=detail,
        longest=LONGEST_DETAIL,
        reason_trouble=reason_trouble,
        detail_trouble=detail_trouble,
        heard=heard,
    )
