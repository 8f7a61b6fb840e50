"""The letter that follows publishing: what is announced, and a link whose page asks for « Tout est parti », by one tap.

It goes to whoever published, or asked that it be published by itself, once an offer, unless she wants no such letters
or a program asked. The link acts in her name alone, as long as she is of the shop's team and the offer is live; then it
can take back what it did, and nothing else.
"""

import contextlib
import datetime as dt
import uuid
from typing import Final

from sqlalchemy import update
from sqlalchemy.orm import Session

from citylife.accounts.merchants import Merchant
from citylife.audit import entries
from citylife.errors import NotYours
from citylife.letters import LetterKind, write_letter
from citylife.merchant_mail.links import Purpose, ids_of, token_of
from citylife.offers.reading import offer_of_team
from citylife.offers.tables import Offer, OfferKind
from citylife.shops.tables import Shop

SELL_OUT_PATH: Final = "/courriel/parti/"
STOP_PATH: Final = "/courriel/annonces/arreter/"


def confirm_published(
    session: Session, shop: Shop, offer: Offer, merchant_id: uuid.UUID, *, secret: str, now: dt.datetime
) -> uuid.UUID | None:
    """Write to the merchant who has just published an offer; the letter's id.

    None where she wants no such letters, and for an event or news: nothing of them is ever all gone.
    """
    merchant = session.get_one(Merchant, merchant_id)
    if offer.kind is not OfferKind.OFFER or not merchant.confirmations:
        return None
    return write_letter(
        session,
        LetterKind.PUBLISHED,
        merchant.email,
        locale=merchant.locale,
        content={
            "shop": shop.name,
            "title": offer.title,
            "ends_at": offer.ends_at.isoformat(),
            "sell_out": token_of(Purpose.SELL_OUT, merchant.id, offer.id, secret=secret),
            "stop": token_of(Purpose.STOP_CONFIRMATIONS, merchant.id, secret=secret),
        },
        expires_at=offer.ends_at,
        now=now,
    )


def confirm_by_itself(session: Session, offer: Offer, asked: uuid.UUID, *, secret: str, now: dt.datetime) -> None:
    """Write to whoever asked for an offer that has just gone live by itself, if she is still of the shop's team.

    `asked` is what she scheduled, the offer itself, or began, a recurring offer: the audit log knows who it was.
    """
    action = "offer.scheduled" if asked == offer.id else "recurring.begun"
    for entry in entries(session, subject_id=asked, action=action, limit=1):
        if entry.actor_id is None or entry.detail.get("by_key"):
            return
        with contextlib.suppress(NotYours):
            _, shop, _ = offer_of_team(session, entry.actor_id, offer.id)
            confirm_published(session, shop, offer, entry.actor_id, secret=secret, now=now)


def offer_of_link(session: Session, token: str, *, secret: str) -> tuple[Offer, Shop, uuid.UUID] | None:
    """The offer that a link is about, its shop, and the merchant it was sent to.

    None where nobody was sent it, or she has left the team.
    """
    ids = ids_of(Purpose.SELL_OUT, token, 2, secret=secret)
    if ids is None:
        return None
    merchant_id, offer_id = ids
    try:
        offer, shop, _ = offer_of_team(session, merchant_id, offer_id)
    except NotYours:
        return None
    return offer, shop, merchant_id


def want_confirmations(session: Session, merchant_id: uuid.UUID, *, wanted: bool) -> None:
    """Note whether a merchant wants a letter for each offer she publishes."""
    session.execute(update(Merchant).where(Merchant.id == merchant_id).values(confirmations=wanted))


def stop_confirmations_by_link(session: Session, token: str, *, secret: str) -> None:
    """Write to whoever was sent the link no such letter any more; of an invented link, nothing is done nor said."""
    ids = ids_of(Purpose.STOP_CONFIRMATIONS, token, 1, secret=secret)
    if ids is not None:
        want_confirmations(session, ids[0], wanted=False)
