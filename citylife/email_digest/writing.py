"""The weekly letter: what the shops she follows offer now and no notification told her of; none when that is nothing.

Whoever is due is written to by pages, in the order of the time it was due; the next time is noted in the same
transaction, so that a week has one letter however many workers there are, and whenever one is killed.
"""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from citylife.accounts.citizens import Citizen
from citylife.courtesy.tables import DigestLine
from citylife.email_digest.due import following_letter_at, next_letter_at
from citylife.email_digest.tables import EmailDigest
from citylife.follows import Follow, Level
from citylife.ledger.stops import all_sending_stopped
from citylife.ledger.tables import Decision, Message, MessageKind, Outcome, SendingStop
from citylife.letters import LetterKind, write_letter
from citylife.offers import Offer, OfferStatus
from citylife.prices import price_words, prior_words
from citylife.shops import Shop, ShopStatus

PAGE: Final = 100
"""Citizens a transaction looks at."""
WORTH: Final = dt.timedelta(days=3)
"""How long a letter may wait for a mail server, unless all it tells of is over before."""
MOST_TOLD: Final = 40
"""How many offers a letter tells of; it counts the others."""
MOST_LOOKED_AT: Final = 500
LOOK_EVERY: Final = dt.timedelta(minutes=15)
"""How late a letter may be whose citizen confirmed after the last look, or that nobody may send just now."""


@dataclass(frozen=True, slots=True)
class Page:
    """How many citizens were looked at, and how many letters that made."""

    due: int
    letters: int


def write_letters(session: Session, *, now: dt.datetime, page: int = PAGE) -> Page:
    """Write the letters of a page of citizens who are due; none while all sending is stopped."""
    if all_sending_stopped(session):
        return Page(0, 0)
    due = session.execute(
        select(EmailDigest, Citizen)
        .join(Citizen, Citizen.id == EmailDigest.citizen_id)
        .where(EmailDigest.due_at <= now)
        .order_by(EmailDigest.due_at)
        .limit(page)
        .with_for_update(of=EmailDigest, skip_locked=True)
    ).all()
    letters = 0
    for digest, citizen in due:
        offers = offers_for(session, citizen.id, since=digest.written_at, now=now)
        if not offers:
            digest.due_at = next_letter_at(citizen.time_zone, citizen.digest_at, now)
            continue
        digest.letter_id = write_letter(
            session,
            LetterKind.DIGEST,
            digest.email,
            locale=citizen.locale,
            content={"stop": digest.stop_token, **_told(offers, citizen.locale)},
            expires_at=min(now + WORTH, max(offer.ends_at for offer, _ in offers)),
            now=now,
        )
        digest.written_at = now
        digest.due_at = following_letter_at(citizen.time_zone, citizen.digest_at, now)
        letters += 1
    session.flush()
    return Page(len(due), letters)


def next_look_at(session: Session, *, now: dt.datetime) -> dt.datetime:
    """When somebody is due next; in a quarter of an hour at the latest, since somebody may confirm meanwhile."""
    soonest = session.scalar(select(func.min(EmailDigest.due_at)).where(EmailDigest.due_at > now))
    latest = now + LOOK_EVERY
    return latest if soonest is None else min(soonest, latest)


def offers_for(
    session: Session, citizen_id: uuid.UUID, *, since: dt.datetime | None, now: dt.datetime
) -> list[tuple[Offer, str]]:
    """What is live, with its shop's name, and announced: of the shops she follows, ending soonest first.

    Left out is what a notification told her of, or a digest on her phone, and what an earlier letter (at `since`) did:
    only what has begun since, or is of a shop she follows since.
    """
    announced = select(Message.id).where(Message.offer_id == Offer.id, Message.kind == MessageKind.ANNOUNCEMENT)
    stopped = select(SendingStop.id).where(SendingStop.shop_id == Shop.id, SendingStop.lifted_at.is_(None))
    wanted = (
        select(Offer, Shop.name)
        .join(Shop, Shop.id == Offer.shop_id)
        .join(Follow, and_(Follow.shop_id == Shop.id, Follow.citizen_id == citizen_id))
        .where(
            Follow.level != Level.NONE,
            Shop.status == ShopStatus.VERIFIED,
            Offer.status == OfferStatus.LIVE,
            Offer.ends_at > now,
            announced.exists(),
            ~_told_by_push(citizen_id),
            ~stopped.exists(),
        )
        .order_by(Offer.ends_at, Offer.id)
        .limit(MOST_LOOKED_AT)
    )
    if since is not None:
        wanted = wanted.where(or_(Offer.live_from > since, Follow.begun_at > since))
    return [(row[0], row[1]) for row in session.execute(wanted)]


def _told_by_push(citizen_id: uuid.UUID) -> Any:
    """Whether her phone was told of an offer, at once or in a digest, or is about to be."""
    of_offer = aliased(Message)
    told = and_(
        Decision.citizen_id == citizen_id,
        Decision.outcome == Outcome.SEND,
        of_offer.offer_id == Offer.id,
        of_offer.kind == MessageKind.ANNOUNCEMENT,
    )
    at_once = select(Decision.message_id).join(of_offer, of_offer.id == Decision.message_id).where(told)
    in_a_digest = (
        select(Decision.message_id)
        .join(
            DigestLine,
            and_(DigestLine.citizen_id == Decision.citizen_id, DigestLine.digest_id == Decision.message_id),
        )
        .join(of_offer, of_offer.id == DigestLine.message_id)
        .where(told)
    )
    return or_(at_once.exists(), in_a_digest.exists())


def _told(offers: list[tuple[Offer, str]], locale: str) -> dict[str, Any]:
    """What a letter holds of its offers: what its words are made of, and how many it does not name."""
    named = offers if len(offers) == MOST_TOLD + 1 else offers[:MOST_TOLD]
    return {
        "offers": [
            {
                "id": str(offer.id),
                "shop": shop,
                "title": offer.title,
                "ends_at": offer.ends_at.isoformat(),
                "price": price_words(offer.price, locale),
                "prior": prior_words(offer, locale),
            }
            for offer, shop in named
        ],
        "more": len(offers) - len(named),
    }
