"""Keeping photos: those of a shop that its team sends, the one its page shows, and forgetting what nothing shows."""

import datetime as dt
import uuid
from collections.abc import Iterable
from typing import Final

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from citylife.errors import Absent, Invalid, Stale, TooMany
from citylife.limits import Limit
from citylife.photos.developing import Developed
from citylife.photos.tables import UNUSED, Photo, PhotoFile, Size, photo_id_of
from citylife.shops.changes import may_speak
from citylife.shops.claims import hold_shop
from citylife.shops.directory import PUBLIC
from citylife.shops.tables import Shop, ShopStatus

PHOTOS: Final = Limit("photos-an-hour", 60, dt.timedelta(hours=1))
"""How many photos a merchant may send: each is developed, whatever becomes of it."""
MOST_UNUSED: Final = 50
"""Photos of a shop that nothing shows yet, or any more."""
_OF_IT: Final = "EXISTS (SELECT 1 FROM offers WHERE offers.photo_id = photos.id AND"
_UNUSED: Final = text(f"{UNUSED} AND NOT {_OF_IT} true)")
_FIT: Final = text(
    f"(photos.fronts OR NOT {_OF_IT} offers.withdrawn_reason IS NOT NULL)"
    f" OR {_OF_IT} offers.withdrawn_reason IS NULL AND offers.status = 'live'))"
)
"""A photo whose offer staff withdrew is shown only where the shop's page or another live offer shows it, too."""


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
    session: Session, shop: Shop, photo_id: uuid.UUID | None, *, expected_version: int, now: dt.datetime
) -> Photo | None:
    """Let the page of a shop show one of its photos in place of another, or none; the one it showed.

    What it no longer shows is kept for a while, so that it can be taken back.

    Raises:
        Stale: somebody changed the shop since version `expected_version`.
        ShopNotVerified, ShopSuspended: as for any change of a shop.
        PhotoUnknown: it is no photo of the shop.
    """
    hold_shop(session, shop)
    if shop.version != expected_version:
        raise Stale
    may_speak(shop, also=ShopStatus.LISTED)
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
    session.flush()
    return before


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
        Absent: there is no such photo, its shop is suspended or gone, or its offer was withdrawn by staff.
    """
    found = session.scalar(
        select(PhotoFile.content)
        .join(Photo, Photo.id == PhotoFile.photo_id)
        .join(Shop, Shop.id == Photo.shop_id)
        .where(PhotoFile.photo_id == photo_id, PhotoFile.size == size, Shop.status.in_(PUBLIC), _FIT)
    )
    if found is None:
        raise Absent
    return found
