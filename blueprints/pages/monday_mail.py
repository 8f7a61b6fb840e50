"""The page that the link of a Monday letter opens: an offer as it will be, published by one tap. A GET never acts."""

from typing import Final

from flask import Blueprint, Response, make_response, redirect, render_template, url_for

from blueprints import guards
from blueprints.house import house, now
from blueprints.limits import count_of
from blueprints.pages import mail_links
from blueprints.pages.language import page_locale
from blueprints.pages.merchant.foreseeing import held_words
from blueprints.pages.merchant.showing import show_limits, show_offer, show_shop
from blueprints.storage import db
from blueprints.transactions import tell_after, transaction
from citylife.accounts.merchants import WRITES
from citylife.errors import Refusal
from citylife.ledger.sending import sending_now
from citylife.merchant_mail.confirming import confirm_published
from citylife.merchant_mail.mondays import AGAIN_PATH
from citylife.merchant_mail.repeating import Again, again_of_link, live_again, repeat, repeated_lately
from citylife.moments import until_words
from citylife.prices import price_words
from citylife.wording import Sentence, say

OK: Final = 200
SPENT: Final = Sentence(
    "Sa semaine est finie, ou il est incomplet, ou vous ne faites plus partie de l’équipe de ce commerce."
)

blueprint: Final = Blueprint("monday_mail", __name__, template_folder="templates")
blueprint.after_request(mail_links.keep_nothing)


@blueprint.route(f"{AGAIN_PATH}<token>")
def read_again(token: str) -> Response:
    """What would be published, with a button; what is live, once it was; that it was done again, within a day."""
    again = again_of_link(db.session(), token, secret=house().keys.secret_key, now=now())
    return mail_links.spent(SPENT, merchant=True) if again is None else _page(token, again)


@blueprint.route(f"{AGAIN_PATH}<token>", methods=["POST"])
@transaction(rings=True)
def publish_again(token: str) -> Response:
    """Publish it, in the name of the owner who was sent the link."""
    guards.check_same_origin()
    secret, moment, session = house().keys.secret_key, now(), db.session()
    again = again_of_link(session, token, secret=secret, now=moment)
    if again is None:
        return mail_links.spent(SPENT, merchant=True)
    count_of(WRITES, str(again.merchant_id))
    try:
        offer = repeat(session, again, now=moment)
        confirm_published(session, again.shop, offer, again.merchant_id, secret=secret, now=moment)
        tell_after(session, "offer.published", offer=offer.id)
    except Refusal as refusal:
        session.rollback()
        return _page(token, again, problem=say(refusal.detail, page_locale()), status=refusal.status)
    return make_response(redirect(url_for("monday_mail.read_again", token=token), 303))


def _page(token: str, again: Again, *, problem: str | None = None, status: int = OK) -> Response:
    moment, locale = now(), page_locale()
    live = live_again(db.session(), again, now=moment)
    page = render_template(
        "merchant_mail/again.html",
        token=token,
        limits=show_limits(again.shop, now=moment),
        held=held_words(sending_now(db.session(), house().settings.aipd_date, again.shop), locale),
        shop=show_shop(again.shop, locale),
        live=None if live is None else show_offer(live, now=moment, locale=locale),
        title=again.draft.title,
        until=until_words(again.draft.ends_at, now=moment, locale=locale),
        price=price_words(again.draft.price, locale),
        repeated=live is None and repeated_lately(db.session(), again, now=moment),
        problem=problem,
    )
    return make_response(page, status)
