"""Listing: a shop stands in the directory before anyone claims it, once, under an address of its own."""

import datetime as dt
import re
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from citylife.clock import local_date
from citylife.database import new_id
from citylife.errors import Refusal
from citylife.geography import communes
from citylife.hours import check_hours
from citylife.shops.facts import (
    check_category,
    check_place,
    check_postal_code,
    check_rna,
    check_siret,
    check_telephone,
    check_website,
)
from citylife.shops.tables import Shop, ShopCommune, ShopStatus
from citylife.text import check_line, check_lines, folded

LONGEST_SLUG: Final = 100
MOST_ASKED: Final = 10_000
"""Values one statement may list; SQLite takes 32,766."""
_NOT_IN_SLUG: Final = re.compile(r"[^a-z0-9]+")


class AlreadyListed(Refusal):
    """The source's object is already in the directory."""

    slug = "already-listed"
    status = 409
    title = "Déjà dans l’annuaire"
    sentence = "Ce commerce est déjà dans l’annuaire."


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What the directory says of a shop. Without `insee_code` the commune is found from the position."""

    name: str
    category: str
    latitude: float
    longitude: float
    insee_code: str | None = None
    street: str = ""
    postal_code: str = ""
    description: str = ""
    opening_hours: str | None = None
    telephone: str | None = None
    website: str | None = None
    siret: str | None = None
    rna: str | None = None
    source: str | None = None
    fictional: bool = False


def list_shop(session: Session, listing: Listing, *, now: dt.datetime) -> Shop:
    """Put a shop in the directory, for anybody to find and follow.

    Raises:
        AlreadyListed: its source is known already.
        Invalid: a fact of it breaks its rule (name, category, place, hours, numbers, ways to reach it).
    """
    listing = checked(listing)
    if listing.source is not None and shop_by_source(session, listing.source) is not None:
        raise AlreadyListed
    return enter(session, listing, ShopStatus.LISTED, now=now)


def shop_by_source(session: Session, source: str) -> Shop | None:
    """The shop that an import brought from `source`, such as `osm:node/123`."""
    return session.scalar(select(Shop).where(Shop.source == source))


def checked(listing: Listing) -> Listing:
    """The listing with every fact in its kept form.

    Raises:
        Invalid: with the pointer of the first fact at fault.
    """
    postal_code = check_postal_code(listing.postal_code)
    place = check_place(listing.latitude, listing.longitude, listing.insee_code, postal_code=postal_code)
    return replace(
        listing,
        name=check_line(listing.name, pointer="/name", most=120),
        category=check_category(listing.category),
        insee_code=place.insee_code,
        street=check_line(listing.street, pointer="/street", most=160, least=0),
        postal_code=postal_code,
        description=check_lines(listing.description, pointer="/description", most=500),
        opening_hours=check_hours(listing.opening_hours) if listing.opening_hours else None,
        telephone=check_telephone(listing.telephone),
        website=check_website(listing.website),
        siret=check_siret(listing.siret) if listing.siret else None,
        rna=check_rna(listing.rna) if listing.rna else None,
    )


def enter(session: Session, listing: Listing, status: ShopStatus, *, now: dt.datetime, unproved: bool = False) -> Shop:
    """Write the shop of a checked listing under the first free address made of its name and commune.

    Raises:
        AlreadyListed: another transaction has just brought the same source.
    """
    insee_code = str(listing.insee_code)
    stem = slug_of(listing.name, communes()[insee_code].name)
    number = 1
    while True:
        shop = _written(listing, free_slug(session, stem, number), status, now=now, unproved=unproved)
        try:
            with session.begin_nested():
                session.add(shop)
                session.flush()
        except IntegrityError:
            if listing.source is not None and shop_by_source(session, listing.source) is not None:
                raise AlreadyListed from None
            number += 1  # the address was taken since we looked
            continue
        break
    session.add(ShopCommune(shop_id=shop.id, since=local_date(now), insee_code=insee_code))
    session.flush()
    return shop


def enter_all(session: Session, listings: Sequence[Listing], status: ShopStatus, *, now: dt.datetime) -> list[Shop]:
    """Write the shops of checked listings, in their order, as `enter` does for one; a few statements for hundreds.

    Raises:
        IntegrityError: another transaction has just brought a source, or taken an address: all of it is to be redone.
    """
    stems = [slug_of(listing.name, communes()[str(listing.insee_code)].name) for listing in listings]
    shops = [
        _written(listing, slug, status, now=now)
        for listing, slug in zip(listings, free_slugs(session, stems), strict=True)
    ]
    session.add_all(shops)
    session.flush()
    since = local_date(now)
    session.add_all(ShopCommune(shop_id=shop.id, since=since, insee_code=shop.insee_code) for shop in shops)
    session.flush()
    return shops


def slug_of(name: str, commune: str) -> str:
    """The shop's part of its page's address: name and commune in plain letters, such as `chez-leon-bethune`."""
    name_part = _NOT_IN_SLUG.sub("-", folded(name)).strip("-") or "commerce"
    commune_part = _NOT_IN_SLUG.sub("-", folded(commune)).strip("-")
    return f"{name_part[: LONGEST_SLUG - len(commune_part) - 8].rstrip('-')}-{commune_part}"


def free_slug(session: Session, stem: str, least: int = 1) -> str:
    """The stem, or the stem and the first number from `least` that nobody has."""
    taken = set(session.scalars(select(Shop.slug).where((Shop.slug == stem) | Shop.slug.like(f"{stem}-%"))))
    number = least
    while (slug := stem if number == 1 else f"{stem}-{number}") in taken:
        number += 1
    return slug


def free_slugs(session: Session, stems: Sequence[str]) -> list[str]:
    """For each stem an address that nobody has, numbered as `free_slug` does; equal stems get different ones."""
    wanted = Counter(stems)
    free: dict[str, list[str]] = {stem: [] for stem in wanted}
    first, width = 1, 8
    while short := [stem for stem, count in wanted.items() if len(free[stem]) < count]:
        numbers = range(first, first + width)
        numbered = {stem: [stem if number == 1 else f"{stem}-{number}" for number in numbers] for stem in short}
        taken = _taken([slug for slugs in numbered.values() for slug in slugs], session)
        for stem, slugs in numbered.items():
            free[stem] += [slug for slug in slugs if slug not in taken]
        first, width = first + width, width * 4
    given = {stem: iter(slugs) for stem, slugs in free.items()}
    return [next(given[stem]) for stem in stems]


def _taken(slugs: Sequence[str], session: Session) -> set[str]:
    chunks = (slugs[start : start + MOST_ASKED] for start in range(0, len(slugs), MOST_ASKED))
    return {slug for chunk in chunks for slug in session.scalars(select(Shop.slug).where(Shop.slug.in_(chunk)))}


def _written(listing: Listing, slug: str, status: ShopStatus, *, now: dt.datetime, unproved: bool = False) -> Shop:
    return Shop(
        id=new_id(),
        slug=slug,
        status=status,
        name=listing.name,
        description=listing.description,
        category=listing.category,
        siret=listing.siret,
        rna=listing.rna,
        street=listing.street,
        postal_code=listing.postal_code,
        insee_code=str(listing.insee_code),
        latitude=listing.latitude,
        longitude=listing.longitude,
        opening_hours=listing.opening_hours,
        telephone=listing.telephone,
        website=listing.website,
        source=listing.source,
        fictional=listing.fictional,
        unproved=unproved,
        created_at=now,
        updated_at=now,
    )


def move_commune(session: Session, shop_id: uuid.UUID, insee_code: str, *, now: dt.datetime) -> None:
    """Note that the shop is in another commune from today on."""
    today = local_date(now)
    current = session.scalar(select(ShopCommune).where(ShopCommune.shop_id == shop_id, ShopCommune.until.is_(None)))
    if current is not None and current.since == today:
        current.insee_code = insee_code
    else:
        if current is not None:
            current.until = today
        session.add(ShopCommune(shop_id=shop_id, since=today, insee_code=insee_code))
    session.flush()
