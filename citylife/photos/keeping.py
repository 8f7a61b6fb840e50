"""Keeping photos: those of a shop that its team sends, the one its page shows, and forgetting what nothing shows."""

import datetime as dt
import uuid
from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session

from citylife.accounts.merchants import Membership
from citylife.audit import Actor, note
from citylife.errors import Absent, Invalid, Stale, TooMany
from citylife.limits import Limit
from citylife.photos.developing import Developed
from citylife.photos.tables import UNUSED, Photo, PhotoFile, Size, photo_id_of
from citylife.shops.changes import may_speak
from citylife.shops.claims import hold_shop
from citylife.shops.directory import IS_PUBLIC, PUBLIC
from citylife.shops.preparing import preparations_of
from citylife.shops.tables import Shop, ShopClaim, ShopStatus

PHOTOS: Final = Limit("photos-an-hour", 60, dt.timedelta(hours=1))
"""How many photos a merchant may send: each is developed, whatever becomes of it."""
MOST_UNUSED: Final = 50
"""Photos of a shop that nothing shows yet, or any more."""
_OF_IT: Final = "EXISTS (SELECT 1 FROM offers WHERE offers.photo_id = photos.id AND"
NOT_TO_COME: Final = (
    "NOT EXISTS (SELECT 1 FROM recurring_offers WHERE recurring_offers.photo_id = photos.id)"
    " AND NOT EXISTS (SELECT 1 FROM shop_claims WHERE shop_claims.photo_id = photos.id)"
)
"""Of a photo: no offer that comes again will show it, nor its shop's page once a claim is accepted."""
_UNUSED: Final = text(f"{UNUSED} AND NOT {_OF_IT} true) AND {NOT_TO_COME}")
_FIT: Final = text(
    f"(photos.fronts OR NOT {_OF_IT} offers.withdrawn_reason IS NOT NULL)"
    f" OR {_OF_IT} offers.withdrawn_reason IS NULL AND offers.status = 'live'))"
)
"""A photo whose offer staff withdrew is shown only where the shop's page or another live offer shows it, too."""
_SEEN: Final = (Shop.status == ShopStatus.VERIFIED) | Photo.fronts | Photo.published
"""A shop that nobody has proved to run shows what it showed before: nothing that a claimant has sent since."""

_FILE: Final = (
    select(PhotoFile.content).join(Photo, Photo.id == PhotoFile.photo_id).join(Shop, Shop.id == Photo.shop_id)
)


class PhotoUnknown(Invalid):
    """It is no photo of this shop, or is kept no longer."""

    slug = "photo-unknown"
    title = "Photo inconnue"
    sentence = "Cette photo n’est plus là : envoyez-la de nouveau."


class TooManyPhotos(TooMany):
    """The shop has many photos that nothing shows."""

    slug = "too-many-photos"
    title = "Trop de photos en réserve"
    sentence = "Ce commerce a déjà {most} photos que rien ne montre. Elles s’effacent en une semaine : revenez alors."


def keep_photo(session: Session, shop: Shop, developed: Developed, *, now: dt.datetime) -> Photo:
    """Keep a photo of a shop; it is shown once the shop's page or an offer refers to it. Sent again, it is the same.

    Raises:
        TooManyPhotos: many wait already that nothing shows.
    """
    hold_shop(session, shop)
    photo_id = photo_id_of(shop.id, developed)
    known = session.get(Photo, photo_id, with_for_update=True)
    if known is not None:
        known.touched_at = now
        session.flush()
        return known
    waiting = session.scalar(select(func.count()).where(Photo.shop_id == shop.id, _UNUSED)) or 0
    if waiting >= MOST_UNUSED:
        raise TooManyPhotos(most=MOST_UNUSED)
    large, small = developed.large, developed.small
    photo = Photo(
        id=photo_id,
        shop_id=shop.id,
        touched_at=now,
        width=large.width,
        height=large.height,
        small_width=small.width,
        small_height=small.height,
    )
    session.add(photo)
    session.flush()
    session.add(PhotoFile(photo_id=photo_id, size=Size.LARGE, content=large.content))
    session.add(PhotoFile(photo_id=photo_id, size=Size.SMALL, content=small.content))
    session.flush()
    return photo


def take_photo(
    session: Session, shop_id: uuid.UUID, photo_id: uuid.UUID, *, now: dt.datetime, pointer: str = "/photo_id"
) -> Photo:
    """A photo of a shop that something is about to show, held until the transaction ends.

    Raises:
        PhotoUnknown: the shop has no such photo, or no longer.
    """
    photo = session.get(Photo, photo_id, with_for_update=True)
    if photo is None or photo.shop_id != shop_id:
        raise PhotoUnknown(pointer=pointer)
    photo.touched_at = now
    return photo


def front_with(
    session: Session,
    shop: Shop,
    photo_id: uuid.UUID | None,
    *,
    expected_version: int,
    now: dt.datetime,
    actor_id: uuid.UUID | None = None,
) -> Photo | None:
    """Let the page of a shop show one of its photos in place of another, or none; the one it showed.

    What it no longer shows is kept for a while, so that it can be taken back. A shop that was listed before it was
    claimed shows nothing else until the claim is accepted: the photo waits with the claim. `actor_id` is the
    merchant who does it.

    Raises:
        Stale: somebody changed the shop since version `expected_version`.
        ShopSuspended: as for any change of a shop.
        PhotoUnknown: it is no photo of the shop.
    """
    hold_shop(session, shop)
    if shop.version != expected_version:
        raise Stale
    may_speak(shop, also=ShopStatus.CLAIMED if shop.status is ShopStatus.CLAIMED else ShopStatus.LISTED)
    claim = preparations_of(session, [shop]).get(shop.id)
    if claim is not None:
        return _prepare(session, shop, claim, photo_id, now=now, actor_id=actor_id)
    before = session.scalars(select(Photo).where(Photo.shop_id == shop.id, Photo.fronts).with_for_update()).first()
    if photo_id == (before.id if before is not None else None):
        return before
    after = None if photo_id is None else take_photo(session, shop.id, photo_id, now=now)
    if before is not None:
        before.fronts, before.touched_at = False, now
        session.flush()
    if after is not None:
        after.fronts = True
    shop.version += 1
    shop.updated_at = now
    if actor_id is not None:
        act = "shop.photo-removed" if after is None else "shop.photo-shown"
        note(session, act, shop.id, actor=Actor.MERCHANT, actor_id=actor_id, now=now)
    session.flush()
    return before


def _prepare(
    session: Session,
    shop: Shop,
    claim: ShopClaim,
    photo_id: uuid.UUID | None,
    *,
    now: dt.datetime,
    actor_id: uuid.UUID | None,
) -> Photo | None:
    """Let a claim say which photo the page shows once it is accepted; the one it said."""
    before = None if claim.photo_id is None else session.get(Photo, claim.photo_id, with_for_update=True)
    if photo_id == claim.photo_id:
        return before
    if photo_id is not None:
        take_photo(session, shop.id, photo_id, now=now)
    if before is not None:
        before.touched_at = now
    claim.photo_id = photo_id
    shop.version += 1
    if actor_id is not None:
        act = "shop.photo-removed" if photo_id is None else "shop.photo-shown"
        note(session, act, shop.id, actor=Actor.MERCHANT, actor_id=actor_id, now=now)
    session.flush()
    return before


def fronts_for_team(session: Session, shops: Sequence[Shop]) -> dict[uuid.UUID, Photo]:
    """The photo that the page of each of these shops shows, or will show once its claim is accepted."""
    chosen = {claim.photo_id: shop_id for shop_id, claim in preparations_of(session, shops).items() if claim.photo_id}
    prepared = photos_of(session, chosen)
    return fronts_of(session, [shop.id for shop in shops]) | {chosen[key]: photo for key, photo in prepared.items()}


def fronts_of(session: Session, shop_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Photo]:
    """The photo that the page of each of these shops shows, where it shows one (index `uq_photos_fronts`)."""
    shown = select(Photo).where(Photo.shop_id.in_(shop_ids), Photo.fronts)
    return {photo.shop_id: photo for photo in session.scalars(shown)}


def photos_of(session: Session, photo_ids: Iterable[uuid.UUID | None]) -> dict[uuid.UUID, Photo]:
    """These photos, by their ids."""
    wanted = {photo_id for photo_id in photo_ids if photo_id is not None}
    if not wanted:
        return {}
    return {photo.id: photo for photo in session.scalars(select(Photo).where(Photo.id.in_(wanted)))}


def content_of(session: Session, photo_id: uuid.UUID, size: Size) -> bytes:
    """The bytes of a photo, while its shop is public and staff have not withdrawn what showed it.

    Raises:
        Absent: there is no such photo, its shop is suspended or gone, its offer was withdrawn by staff, or it was sent
            for a shop that is only claimed.
    """
    return _content(session.scalar(_FILE.where(*_named(photo_id, size), IS_PUBLIC, _SEEN, _FIT)))


def content_for_team(session: Session, merchant_id: uuid.UUID, photo_id: uuid.UUID, size: Size) -> bytes:
    """The bytes of a photo for those who run its shop, also while nobody else sees it.

    Raises:
        Absent: there is no such photo of a shop of hers, or the shop is suspended or gone.
    """
    hers = Membership.merchant_id == merchant_id, Membership.ended_at.is_(None), Shop.status.in_(PUBLIC)
    file = _FILE.join(Membership, Membership.shop_id == Shop.id).where(*_named(photo_id, size), *hers, _FIT)
    return _content(session.scalar(file))


def content_for_staff(session: Session, photo_id: uuid.UUID, size: Size) -> bytes:
    """The bytes of a photo for staff, who decide on claims, reports and appeals: whatever became of it.

    Raises:
        Absent: there is no such photo.
    """
    return _content(session.scalar(select(PhotoFile.content).where(*_named(photo_id, size))))


def _named(photo_id: uuid.UUID, size: Size) -> tuple[ColumnElement[bool], ...]:
    return PhotoFile.photo_id == photo_id, PhotoFile.size == size


def _content(found: bytes | None) -> bytes:
    if found is None:
        raise Absent
    return found
