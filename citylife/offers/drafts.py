"""Drafts and corrections: what an offer may say, checked whole before any of it is kept."""

import datetime as dt
import hashlib
import uuid
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from citylife import timetable
from citylife.audit import Actor, note
from citylife.changes import UNSET, Unset, given
from citylife.database import new_id
from citylife.errors import Invalid, Refusal, Stale
from citylife.offers.tables import LONGEST, Offer, OfferKind, OfferStatus, OfferVersion
from citylife.photos.keeping import take_photo
from citylife.photos.tables import Photo
from citylife.shops.tables import Shop
from citylife.text import check_line, check_lines
from citylife.timetable import Task
from citylife.wording import Sentence

MOST_CENTS: Final = 100_000_000
"""Prices stay below one million euros."""
MOST_PIECES: Final = 1_000_000
NEAREST: Final = 100
FARTHEST: Final = 20_000
"""Bounds of the radius of an offer, metres."""
SOONEST: Final = dt.timedelta(minutes=5)
"""How far a beginning may lie in the past: the time it takes to fill in a form, and clocks that differ."""
FARTHEST_AHEAD: Final = dt.timedelta(days=366)
OPEN_TO_CHANGE: Final = (OfferStatus.DRAFT, OfferStatus.SCHEDULED, OfferStatus.LIVE)
FIXED_ONCE_LIVE: Final = ("kind", "radius")


class OfferDates(Invalid):
    """The dates of an offer are reversed, past, or too far apart."""

    slug = "offer-dates"
    title = "Dates refusées"
    sentence = "Ces dates ne conviennent pas."


class OfferPrice(Invalid):
    """The prices of an offer contradict each other or the law."""

    slug = "offer-price"
    title = "Prix refusé"
    sentence = "Ce prix ne convient pas."


class OfferBounds(Invalid):
    """A number of an offer is out of bounds."""

    slug = "offer-bounds"
    title = "Valeur hors limites"
    sentence = "Cette valeur doit être comprise entre {least} et {most}."


class OfferClosed(Refusal):
    """The offer is over: ended, withdrawn or sold out."""

    slug = "offer-closed"
    status = 409
    title = "Offre terminée"
    sentence = "Cette offre est terminée : elle ne peut plus changer."


class FixedOnceLive(Refusal):
    """What decided who hears of the offer no longer changes once it was announced."""

    slug = "fixed-once-live"
    status = 409
    title = "Déjà annoncé"
    sentence = "La nature et le rayon d’une offre en cours ne changent plus."


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferDraft:
    """What a merchant writes. Prices in cents of euro, `radius` in metres, moments aware.

    Without `starts_at` the offer begins when it is published.
    """

    title: str
    ends_at: dt.datetime
    kind: OfferKind = OfferKind.OFFER
    description: str = ""
    price: int | None = None
    prior_price: int | None = None
    reduction: bool = False
    perishable: bool = False
    quantity: int | None = None
    radius: int = 5000
    starts_at: dt.datetime | None = None
    photo_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferChanges:
    """What is changed of an offer; a field left `UNSET` stays as it is, None empties it."""

    title: str | Unset = UNSET
    ends_at: dt.datetime | Unset = UNSET
    kind: OfferKind | Unset = UNSET
    description: str | Unset = UNSET
    price: int | Unset | None = UNSET
    prior_price: int | Unset | None = UNSET
    reduction: bool | Unset = UNSET
    perishable: bool | Unset = UNSET
    quantity: int | Unset | None = UNSET
    radius: int | Unset = UNSET
    starts_at: dt.datetime | Unset | None = UNSET
    photo_id: uuid.UUID | Unset | None = UNSET


def draft_offer(session: Session, shop: Shop, draft: OfferDraft, *, now: dt.datetime) -> Offer:
    """Keep a draft; nobody but the shop's team sees it.

    Raises:
        TextRefused, OfferDates, OfferPrice, OfferBounds, PhotoUnknown: with the pointer of the field at fault.
    """
    draft = checked(draft, now=now)
    if draft.photo_id is not None:
        keep_shop(session, shop.id)
        take_photo(session, shop.id, draft.photo_id, now=now)
    offer = Offer(
        id=new_id(),
        shop_id=shop.id,
        status=OfferStatus.DRAFT,
        first_saved_at=now,
        updated_at=now,
        **{field.name: getattr(draft, field.name) for field in fields(draft)},
    )
    session.add(offer)
    session.flush()
    return offer


def correct_offer(
    session: Session,
    offer: Offer,
    changes: OfferChanges,
    *,
    expected_version: int,
    now: dt.datetime,
    actor: Actor = Actor.MERCHANT,
    actor_id: Any = None,
) -> Offer:
    """Correct an offer that is not over; a live one gets a new published version, and the old one is kept.

    Raises:
        Stale: somebody changed it since version `expected_version`.
        OfferClosed: it is over. FixedOnceLive: it is live, and its kind or radius would change.
        TextRefused, OfferDates, OfferPrice, OfferBounds, PhotoUnknown: as for a draft; nothing is changed.
    """
    hold_offer(session, offer)
    if offer.version != expected_version:
        raise Stale
    live = offer.status is OfferStatus.LIVE
    if offer.status not in OPEN_TO_CHANGE or (live and offer.ends_at <= now):
        raise OfferClosed
    before = draft_of(offer)
    after = _read(offer, replace(before, **given(changes)), before, now=now)
    changed = [field.name for field in fields(after) if getattr(after, field.name) != getattr(before, field.name)]
    for name in FIXED_ONCE_LIVE if live else ():
        if name in changed:
            raise FixedOnceLive(pointer=f"/{name}")
    if not changed:
        return offer
    if "photo_id" in changed:
        _take_photos(session, offer, before.photo_id, after.photo_id, now=now)
    for name in changed:
        setattr(offer, name, getattr(after, name))
    touch(offer, now=now)
    if live:
        keep_version(session, offer, now=now)
        note(session, "offer.corrected", offer.id, actor=actor, actor_id=actor_id, now=now, version=offer.version)
    _replan(session, offer)
    session.flush()
    return offer


def hold_offer(session: Session, offer: Offer) -> None:
    """Read the offer as it is now and hold it until the transaction ends; what points to it can still be written.

    Its shop is read anew and stays as it is meanwhile: what is stored of an offer says its shop's name and place too,
    so that the two never change at once without seeing each other. The shop is taken first, as whoever changes it does.
    """
    keep_shop(session, offer.shop_id)
    session.refresh(offer, with_for_update={"key_share": True})


def keep_shop(session: Session, shop_id: uuid.UUID) -> None:
    """Read a shop as it is now and let nobody change it until the transaction ends; its photos are taken after it."""
    session.flush()
    shop = select(Shop).where(Shop.id == shop_id).with_for_update(read=True)
    session.scalars(shop.execution_options(populate_existing=True)).one()


def let_photo_go(session: Session, offer: Offer, *, now: dt.datetime) -> None:
    """Leave its photo, if any, to whoever shows it next, and else to the purge: the offer is over and was never live.

    A published one keeps its own, which its versions name.
    """
    if offer.live_from is None and offer.photo_id is not None:
        take_photo(session, offer.shop_id, offer.photo_id, now=now)
        offer.photo_id = None


def touch(offer: Offer, *, now: dt.datetime) -> None:
    """Count a change of the offer."""
    offer.version += 1
    offer.updated_at = now


def draft_of(offer: Offer) -> OfferDraft:
    """What the offer says now."""
    return OfferDraft(**{field.name: getattr(offer, field.name) for field in fields(OfferDraft)})


def as_kept(draft: OfferDraft) -> OfferDraft:
    """The draft with its texts as they would be kept; one that would be refused stays as it is."""
    try:
        return _said(draft)
    except Invalid:
        return draft


def keep_version(session: Session, offer: Offer, *, now: dt.datetime) -> OfferVersion:
    """Keep, word for word, what the offer tells the public from now on; its number is the offer's version."""
    draft = draft_of(offer)
    content = {field.name: _plain(getattr(draft, field.name)) for field in fields(draft)}
    digest = hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).digest()
    version = OfferVersion(offer_id=offer.id, number=offer.version, published_at=now, content=content, sha256=digest)
    session.add(version)
    if draft.photo_id is not None:
        session.get_one(Photo, draft.photo_id).published = True
    return version


def checked(draft: OfferDraft, *, now: dt.datetime) -> OfferDraft:
    """The draft with every field in its kept form.

    Raises:
        TextRefused, OfferDates, OfferPrice, OfferBounds: with the pointer of the first field at fault.
    """
    if draft.starts_at is not None and not now - SOONEST <= draft.starts_at <= now + FARTHEST_AHEAD:
        raise OfferDates(
            Sentence("Le début ne peut être ni passé, ni dans plus d’un an."),
            pointer="/starts_at",
        )
    check_dates(draft.starts_at or now, draft.ends_at, now=now)
    return _said(draft)


def check_dates(starts_at: dt.datetime, ends_at: dt.datetime, *, now: dt.datetime) -> None:
    """Refuse an end that has passed, precedes the beginning, or follows it by more than fourteen days.

    Raises:
        OfferDates: saying which.
    """
    if ends_at <= now:
        raise OfferDates(Sentence("La fin est déjà passée."), pointer="/ends_at")
    if ends_at <= starts_at:
        raise OfferDates(Sentence("La fin doit suivre le début."), pointer="/ends_at")
    if ends_at - starts_at > LONGEST:
        raise OfferDates(Sentence("Une offre dure au plus {most} jours.", most=LONGEST.days), pointer="/ends_at")


def _said(draft: OfferDraft) -> OfferDraft:
    _check_price(draft)
    if draft.quantity is not None and not 1 <= draft.quantity <= MOST_PIECES:
        raise OfferBounds(pointer="/quantity", least=1, most=MOST_PIECES)
    if not NEAREST <= draft.radius <= FARTHEST:
        raise OfferBounds(pointer="/radius", least=NEAREST, most=FARTHEST)
    return replace(
        draft,
        title=check_line(draft.title, pointer="/title", most=80),
        description=check_lines(draft.description, pointer="/description", most=1000),
    )


def _check_price(draft: OfferDraft) -> None:
    """A reduction says what it is reduced from: the lowest price of the last thirty days (L112-1-1)."""
    for name, cents in (("price", draft.price), ("prior_price", draft.prior_price)):
        if cents is not None and not 0 <= cents < MOST_CENTS:
            raise OfferPrice(
                Sentence("Un prix va de 0 à moins de {most} euros.", most=MOST_CENTS // 100), pointer=f"/{name}"
            )
    if not draft.reduction:
        if draft.prior_price is not None:
            raise OfferPrice(Sentence("Un prix antérieur ne se donne qu’avec une réduction."), pointer="/prior_price")
        return
    if draft.price is None:
        raise OfferPrice(Sentence("Une réduction annonce son prix."), pointer="/price")
    if draft.prior_price is None and not draft.perishable:
        raise OfferPrice(
            Sentence("Une réduction annonce aussi le prix le plus bas des 30 derniers jours."), pointer="/prior_price"
        )
    if draft.prior_price is not None and draft.prior_price <= draft.price:
        raise OfferPrice(Sentence("Le prix antérieur doit être plus élevé que le prix réduit."), pointer="/prior_price")


def _read(offer: Offer, after: OfferDraft, before: OfferDraft, *, now: dt.datetime) -> OfferDraft:
    """A correction in its kept form: dates are looked at again only where they change, against what began already."""
    if (after.starts_at, after.ends_at) == (before.starts_at, before.ends_at):
        return _said(after)
    if offer.status is OfferStatus.SCHEDULED and (after.starts_at is None or after.starts_at <= now):
        raise OfferDates(Sentence("Le début d’une offre programmée doit être à venir."), pointer="/starts_at")
    if offer.status is not OfferStatus.LIVE or offer.live_from is None:
        return checked(after, now=now) if after.starts_at != before.starts_at else _later_end(after, now=now)
    if after.starts_at is None:
        raise OfferDates(Sentence("Une offre en cours garde un début."), pointer="/starts_at")
    check_dates(min(after.starts_at, offer.live_from), after.ends_at, now=now)
    check_dates(after.starts_at, after.ends_at, now=now)
    return _said(after)


def _later_end(draft: OfferDraft, *, now: dt.datetime) -> OfferDraft:
    check_dates(draft.starts_at or now, draft.ends_at, now=now)
    return _said(draft)


def _take_photos(session: Session, offer: Offer, *photo_ids: uuid.UUID | None, now: dt.datetime) -> None:
    """The one that is chosen, and the former one, which may be chosen again for a while; always in the same order."""
    for photo_id in sorted(photo_id for photo_id in photo_ids if photo_id is not None):
        take_photo(session, offer.shop_id, photo_id, now=now)


def _replan(session: Session, offer: Offer) -> None:
    if offer.status is OfferStatus.LIVE:
        timetable.plan(session, Task.OFFER_ENDS, offer.id, offer.ends_at)
    elif offer.status is OfferStatus.SCHEDULED and offer.starts_at is not None:
        timetable.plan(session, Task.OFFER_STARTS, offer.id, offer.starts_at)


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    return value.value if isinstance(value, OfferKind) else value
