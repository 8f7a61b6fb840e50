"""Changes of a shop: by those who run it, without losing a colleague's; whoever has only claimed it prepares hours."""

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from sqlalchemy import delete
from sqlalchemy.orm import Session

from citylife.audit import Actor, note
from citylife.changes import UNSET, Unset, given, kept_or
from citylife.errors import Invalid, Refusal, Stale
from citylife.hours import check_hours
from citylife.shops.claims import hold_shop
from citylife.shops.facts import (
    NotInTerritory,
    check_category,
    check_place,
    check_postal_code,
    check_telephone,
    check_website,
)
from citylife.shops.listing import move_commune
from citylife.shops.preparing import is_prepared, prepare_hours
from citylife.shops.tables import Shop, ShopStand, ShopStatus
from citylife.text import check_line, check_lines
from citylife.wording import Sentence

WEEKDAYS = range(7)
LONGEST_HOURS = 120


class ShopNotVerified(Refusal):
    """The shop has no accepted claim yet, so that nobody may speak in its name."""

    slug = "shop-not-verified"
    status = 409
    title = "Commerce non vérifié"
    sentence = "Ce commerce n’est pas encore vérifié."


class ShopSuspended(Refusal):
    """Staff suspended the shop."""

    slug = "shop-suspended"
    status = 409
    title = "Commerce suspendu"
    sentence = "Ce commerce est suspendu."


class StandRefused(Invalid):
    """A market stand is on no weekday, or twice on one."""

    slug = "stand-refused"
    title = "Emplacement refusé"
    sentence = "Un emplacement par jour de la semaine, de lundi (0) à dimanche (6)."


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopChanges:
    """What is changed of a shop; a field left `UNSET` stays, None empties it. Position and commune go together."""

    name: str | Unset = UNSET
    description: str | Unset = UNSET
    category: str | Unset = UNSET
    street: str | Unset = UNSET
    postal_code: str | Unset = UNSET
    insee_code: str | Unset | None = UNSET
    latitude: float | Unset = UNSET
    longitude: float | Unset = UNSET
    opening_hours: str | Unset | None = UNSET
    telephone: str | Unset | None = UNSET
    website: str | Unset | None = UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Where a market trader stands on a weekday (0 is Monday), degrees WGS 84, and from when until when."""

    weekday: int
    label: str
    latitude: float
    longitude: float
    hours: str
    insee_code: str | None = None


def change_shop(
    session: Session,
    shop: Shop,
    changes: ShopChanges,
    *,
    expected_version: int,
    now: dt.datetime,
    actor_id: uuid.UUID | None = None,
) -> Shop:
    """Change a shop that is verified (its team) or listed (the directory); its address on the web stays.

    The hours alone may be changed while it is only claimed (`preparing`). `actor_id` is the merchant who does it, for
    the shop's journal.

    Raises:
        Stale: somebody changed it since version `expected_version`.
        ShopNotVerified: it is claimed and not verified yet, and more than its hours would change.
        ShopSuspended: it is suspended.
        Invalid: a fact breaks its rule; nothing is changed.
    """
    hold_shop(session, shop)
    if shop.version != expected_version:
        raise Stale
    only_hours = given(changes).keys() <= {"opening_hours"}
    may_speak(shop, also=ShopStatus.CLAIMED if only_hours and shop.status is ShopStatus.CLAIMED else ShopStatus.LISTED)
    if is_prepared(shop):
        return _prepare(session, shop, _read(shop, changes), now=now, actor_id=actor_id)
    values = {name: value for name, value in _read(shop, changes).items() if getattr(shop, name) != value}
    if not values:
        return shop
    if "insee_code" in values:
        move_commune(session, shop.id, str(values["insee_code"]), now=now)
    for name, value in values.items():
        setattr(shop, name, value)
    shop.version += 1
    shop.updated_at = now
    if actor_id is not None:
        act = "shop.hours-changed" if set(values) == {"opening_hours"} else "shop.changed"
        note(session, act, shop.id, actor=Actor.MERCHANT, actor_id=actor_id, now=now)
    session.flush()
    return shop


def _prepare(
    session: Session, shop: Shop, values: dict[str, object], *, now: dt.datetime, actor_id: uuid.UUID | None
) -> Shop:
    """Keep hours with the claim; the shop's version counts it, and what the public reads of it stays."""
    hours = values.get("opening_hours", UNSET)
    if isinstance(hours, Unset) or not prepare_hours(session, shop, cast("str | None", hours)):
        return shop
    shop.version += 1
    if actor_id is not None:
        note(session, "shop.hours-changed", shop.id, actor=Actor.MERCHANT, actor_id=actor_id, now=now)
    session.flush()
    return shop


def set_stands(
    session: Session,
    shop: Shop,
    stands: Iterable[Stand],
    *,
    expected_version: int,
    now: dt.datetime,
    actor_id: uuid.UUID | None = None,
) -> list[ShopStand]:
    """Say where a market trader stands on each weekday, in place of what was said before; `actor_id` as above.

    Raises:
        Stale, ShopNotVerified, ShopSuspended: as `change_shop`.
        StandRefused: a weekday that is none, or comes twice.
        Invalid: a place or hours that break their rule.
    """
    hold_shop(session, shop)
    if shop.version != expected_version:
        raise Stale
    may_speak(shop, also=ShopStatus.LISTED)
    rows = [_row(shop, stand, index) for index, stand in enumerate(stands)]
    if len({row.weekday for row in rows}) < len(rows):
        raise StandRefused(Sentence("Deux emplacements portent le même jour."), pointer="/stands")
    session.execute(delete(ShopStand).where(ShopStand.shop_id == shop.id))
    session.add_all(rows)
    shop.version += 1
    shop.updated_at = now
    if actor_id is not None:
        note(session, "shop.stands-changed", shop.id, actor=Actor.MERCHANT, actor_id=actor_id, now=now)
    session.flush()
    return sorted(rows, key=lambda row: row.weekday)


def may_speak(shop: Shop, *, also: ShopStatus | None = None) -> None:
    """Refuse what only a verified shop may do; `also` names one more state that may.

    Raises:
        ShopSuspended: staff suspended it. ShopNotVerified: nobody has proved to run it.
    """
    if shop.status is ShopStatus.SUSPENDED:
        raise ShopSuspended
    if shop.status is not ShopStatus.VERIFIED and shop.status is not also:
        raise ShopNotVerified


def _read(shop: Shop, changes: ShopChanges) -> dict[str, object]:
    values: dict[str, object] = given(changes)
    if not isinstance(changes.name, Unset):
        values["name"] = check_line(changes.name, pointer="/name", most=120)
    if not isinstance(changes.description, Unset):
        values["description"] = check_lines(changes.description, pointer="/description", most=500)
    if not isinstance(changes.category, Unset):
        values["category"] = check_category(changes.category)
    if not isinstance(changes.street, Unset):
        values["street"] = check_line(changes.street, pointer="/street", most=160, least=0)
    if not isinstance(changes.postal_code, Unset):
        values["postal_code"] = check_postal_code(changes.postal_code)
    if not isinstance(changes.opening_hours, Unset):
        values["opening_hours"] = check_hours(changes.opening_hours) if changes.opening_hours else None
    if not isinstance(changes.telephone, Unset):
        values["telephone"] = check_telephone(changes.telephone)
    if not isinstance(changes.website, Unset):
        values["website"] = check_website(changes.website)
    if {"latitude", "longitude", "insee_code"} & values.keys():
        moved = {"latitude", "longitude"} & values.keys()
        place = check_place(
            kept_or(changes.latitude, shop.latitude),
            kept_or(changes.longitude, shop.longitude),
            kept_or(changes.insee_code, None if moved else shop.insee_code),
            postal_code=kept_or(changes.postal_code, shop.postal_code),
        )
        values |= {"insee_code": place.insee_code, "latitude": place.latitude, "longitude": place.longitude}
    return values


def _row(shop: Shop, stand: Stand, index: int) -> ShopStand:
    if stand.weekday not in WEEKDAYS:
        raise StandRefused(pointer=f"/stands/{index}/weekday")
    try:
        place = check_place(stand.latitude, stand.longitude, stand.insee_code)
    except NotInTerritory as refusal:
        raise NotInTerritory(refusal.detail, pointer=f"/stands/{index}{refusal.pointer}") from None
    hours = check_line(stand.hours, pointer=f"/stands/{index}/hours", most=LONGEST_HOURS)
    return ShopStand(
        shop_id=shop.id,
        weekday=stand.weekday,
        label=check_line(stand.label, pointer=f"/stands/{index}/label", most=120),
        insee_code=place.insee_code,
        latitude=place.latitude,
        longitude=place.longitude,
        hours=check_hours(hours, pointer=f"/stands/{index}/hours"),
    )
