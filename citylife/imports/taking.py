"""Taking: which shop of the directory a row speaks of, and what may be written of it.

A row is known by its source, then by its SIRET, then by its name where it stands. A shop that somebody has claimed is
hers: an import never writes over it, nor does it bring back one that staff said is gone. The source that a shop came
from may correct its facts; any other one only fills in what is missing, so that two sources never quarrel. No import
empties a fact. So the same file twice changes nothing.
"""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import bindparam, select, text
from sqlalchemy.orm import Session

from citylife.addresses import Address, AddressService
from citylife.errors import Invalid
from citylife.geography import haversine
from citylife.imports.rows import NO_POSITION, TWICE, Outcome, Row, Verdict, refused
from citylife.shops.claims import NEVER_LISTED, SAME_PLACE
from citylife.shops.listing import Listing, checked, enter_all, move_commune
from citylife.shops.tables import ClaimStatus, Shop, ShopClaim, ShopStatus, bands_between
from citylife.text import folded, plainly
from citylife.wording import Sentence

SAME_SPOT: Final = 50.0
"""Metres within which two shops of one name are the same shop, whatever their addresses say."""
CLAIMED: Final = Sentence("Déjà revendiqué : ce que dit ce commerce n’est jamais écrasé.")
GONE: Final = Sentence("Fermé : l’équipe du cluster a constaté que ce commerce n’existe plus.")
FACTS: Final = (
    "name",
    "category",
    "street",
    "postal_code",
    "insee_code",
    "latitude",
    "longitude",
    "opening_hours",
    "telephone",
    "website",
    "siret",
)
"""What an import says of a shop."""
_AROUND: Final = SAME_PLACE / 111_000.0
"""Degrees of latitude that hold the widest look around; a degree of longitude here is more than half of one."""
_NEAR: Final = select(
    Shop.id,
    Shop.name,
    Shop.category,
    Shop.street,
    Shop.insee_code,
    Shop.siret,
    Shop.latitude,
    Shop.longitude,
).where(
    Shop.band.in_(bindparam("bands", expanding=True)),
    Shop.latitude.between(bindparam("south"), bindparam("north")),
    Shop.longitude.between(bindparam("west"), bindparam("east")),
    Shop.fictional.is_(False),
    (Shop.status != ShopStatus.CLOSED) | ~NEVER_LISTED,
)
"""By the index `ix_shops_band`. What only a refused claim had spoken of hides no shop that a source knows."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row whose facts all keep the rules of the directory."""

    row: Row
    listing: Listing


@dataclass(slots=True, eq=False)
class _New:
    """A shop that this batch brings; a later row of the batch may still fill it in."""

    listing: Listing


class Intake:
    """One reading of one file. It remembers the identifiers it met, for a file may hold one twice."""

    def __init__(self, addresses: AddressService | None) -> None:
        self._addresses = addresses
        self._met: set[str] = set()

    def prepare(
        self, rows: Iterable[Row], spots: Mapping[str, tuple[float, float]]
    ) -> tuple[list[Candidate], list[Outcome]]:
        """The rows that may be taken, and what became of the others; may ask the address service, at its pace.

        `spots` are the positions that `known_spots` found, so that no address is asked for again and again.
        """
        candidates, outcomes = [], []
        for row in rows:
            found = self._prepared(row, spots.get(row.source))
            if isinstance(found, Candidate):
                candidates.append(found)
            else:
                outcomes.append(refused(row, found))
        return candidates, outcomes

    def _prepared(self, row: Row, known: tuple[float, float] | None) -> Candidate | Sentence:
        if row.refusal is not None:
            return row.refusal
        if row.source in self._met:
            return TWICE
        self._met.add(row.source)
        position = row.position or known
        if position is None:
            spot = self._located(row.address)
            if isinstance(spot, Sentence):
                return spot
            position = spot
        try:
            return Candidate(row, checked(Listing(latitude=position[0], longitude=position[1], **row.facts)))
        except Invalid as invalid:
            return invalid.detail

    def _located(self, address: Address | None) -> tuple[float, float] | Sentence:
        if address is None or self._addresses is None:
            return NO_POSITION
        spot = self._addresses.find(address)
        return spot if isinstance(spot, Sentence) else (spot.latitude, spot.longitude)


def known_spots(session: Session, rows: Iterable[Row]) -> dict[str, tuple[float, float]]:
    """By source, where the shops of rows without position stand already, at the very address the row gives."""
    bare = [row for row in rows if row.refusal is None and row.position is None and row.address is not None]
    if not bare:
        return {}
    shops = _by_number(session, [row.source for row in bare], [row.facts.get("siret") for row in bare])
    spots = {}
    for row in bare:
        shop = shops.get(row.source) or shops.get(row.facts.get("siret") or "")
        if shop is None or shop.insee_code != row.facts["insee_code"]:
            continue
        if shop.status is not ShopStatus.LISTED or folded(shop.street) == folded(row.facts["street"]):
            spots[row.source] = (shop.latitude, shop.longitude)
    return spots


def take(session: Session, candidates: Sequence[Candidate], *, now: dt.datetime) -> list[Outcome]:
    """Write what the rows bring: new shops, and facts of shops that nobody has claimed; what became of each.

    Raises:
        IntegrityError: another transaction has just brought the same shop: all of it is to be redone.
    """
    _plan_anew(session)
    known = _Known(session, candidates)
    outcomes = [known.take(candidate, now=now) for candidate in candidates]
    entered = enter_all(session, [new.listing for new in known.new], ShopStatus.LISTED, now=now)
    slugs = {id(new): shop.slug for new, shop in zip(known.new, entered, strict=True)}
    return [outcome if isinstance(shop, str) else replace(outcome, slug=slugs[id(shop)]) for outcome, shop in outcomes]


def _plan_anew(session: Session) -> None:
    """Let PostgreSQL plan each look around by the table as it is: a plan made while it was empty reads all of it."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))


def _outcome(candidate: Candidate, verdict: Verdict, slug: str = "") -> Outcome:
    row = candidate.row
    return Outcome(number=row.number, source=row.source, name=row.name, verdict=verdict, remarks=row.remarks, slug=slug)


def _changes(shop: Shop | Listing, listing: Listing, *, own: bool) -> dict[str, Any]:
    """The facts that change: every one that is said otherwise by the shop's own source, only the missing ones else."""
    said = {name: getattr(listing, name) for name in FACTS}
    before = {name: getattr(shop, name) for name in FACTS}
    return {
        name: value
        for name, value in said.items()
        if value not in {None, ""} and value != before[name] and (own or before[name] in {None, ""})
    }


class _Known:
    """The shops that the rows of one batch may speak of: those stored, and those that earlier rows have brought."""

    def __init__(self, session: Session, candidates: Sequence[Candidate]) -> None:
        listings = [candidate.listing for candidate in candidates]
        self._session = session
        self._by_number: dict[str, Shop | _New] = {
            **_by_number(session, [listing.source for listing in listings], [listing.siret for listing in listings])
        }
        self._held: set[uuid.UUID] = set()
        self._hold({shop.id for listing in listings if (shop := self._changing(listing)) is not None})
        self._names: dict[str, list[_New]] = {}
        self.new: list[_New] = []

    def take(self, candidate: Candidate, *, now: dt.datetime) -> tuple[Outcome, "_New | str"]:
        """What becomes of a row, and the new shop that it speaks of, or else the address of the stored one."""
        listing = candidate.listing
        shop = self._shop_of(listing)
        if isinstance(shop, Shop):
            return self._write_over(shop, candidate, now=now), shop.slug
        if shop is None:
            return _outcome(candidate, Verdict.TAKEN), self._begin(listing)
        changes = _changes(shop.listing, listing, own=False)
        shop.listing = replace(shop.listing, **changes)
        self._note_siret(shop)
        return _outcome(candidate, Verdict.UPDATED if changes else Verdict.UNCHANGED), shop

    def _shop_of(self, listing: Listing) -> "Shop | _New | None":
        """The shop of the same source, or of the same SIRET, or of the same name in the same place."""
        for number in (listing.source, listing.siret):
            if number is not None and number in self._by_number:
                return self._by_number[number]
        return self._stored_near(listing) or self._new_near(listing)

    def _write_over(self, shop: Shop, candidate: Candidate, *, now: dt.datetime) -> Outcome:
        listing = candidate.listing
        if shop.status is ShopStatus.LISTED and _said_anew(shop, listing):
            self._hold({shop.id})
        if shop.status is not ShopStatus.LISTED:
            why = GONE if shop.status is ShopStatus.CLOSED else CLAIMED
            return replace(refused(candidate.row, why), slug=shop.slug)
        changes = _said_anew(shop, listing)
        if not changes:
            return _outcome(candidate, Verdict.UNCHANGED, shop.slug)
        if "insee_code" in changes:
            move_commune(self._session, shop.id, changes["insee_code"], now=now)
        for name, value in changes.items():
            setattr(shop, name, value)
        shop.version += 1
        shop.updated_at = now
        return _outcome(candidate, Verdict.UPDATED, shop.slug)

    def _changing(self, listing: Listing) -> Shop | None:
        """The stored shop of the listing's numbers, where the listing changes it."""
        found = (self._by_number.get(number) for number in (listing.source, listing.siret) if number is not None)
        shop = next((shop for shop in found if isinstance(shop, Shop)), None)
        changes = shop is not None and shop.status is ShopStatus.LISTED and _said_anew(shop, listing)
        return shop if changes else None

    def _hold(self, ids: set[uuid.UUID]) -> None:
        """Read shops again and hold them until the end: a merchant may be claiming one at this very moment."""
        ids = ids - self._held
        if ids:
            self._session.flush()
            held = select(Shop).where(Shop.id.in_(ids)).order_by(Shop.id).with_for_update(key_share=True)
            self._session.scalars(held.execution_options(populate_existing=True)).all()
            self._held |= ids

    def _stored_near(self, listing: Listing) -> Shop | None:
        """Of several the one listed first: the nearest may have come since, and the row would change sides."""
        around = {
            "bands": bands_between(listing.latitude - _AROUND, listing.latitude + _AROUND),
            "south": listing.latitude - _AROUND,
            "north": listing.latitude + _AROUND,
            "west": listing.longitude - 2 * _AROUND,
            "east": listing.longitude + 2 * _AROUND,
        }
        near = [row.id for row in self._session.execute(_NEAR, around) if _same(row, listing)]
        return self._session.get(Shop, min(near)) if near else None

    def _new_near(self, listing: Listing) -> _New | None:
        alike = self._names.get(_plain(listing.name), ())
        return next((new for new in alike if _same(new.listing, listing)), None)

    def _begin(self, listing: Listing) -> _New:
        new = _New(listing)
        self.new.append(new)
        self._names.setdefault(_plain(listing.name), []).append(new)
        self._note_siret(new)
        return new

    def _note_siret(self, new: _New) -> None:
        if new.listing.siret is not None:
            self._by_number.setdefault(new.listing.siret, new)


def _said_anew(shop: Shop, listing: Listing) -> dict[str, Any]:
    """What a row changes of a stored shop that nobody has claimed; a shop without a source takes this one."""
    adopted = {"source": listing.source} if shop.source is None else {}
    return _changes(shop, listing, own=shop.source in {None, listing.source}) | adopted


def _by_number(session: Session, sources: Sequence[str | None], sirets: Sequence[str | None]) -> dict[str, Shop]:
    """The shops of these sources and SIRETs, by each; a SIRET also stands on a claim that waits for an answer."""
    numbers = {siret for siret in sirets if siret}
    shops: dict[str, Shop] = {}
    if numbers:
        real = Shop.fictional.is_(False)
        waiting = (
            select(ShopClaim.siret, Shop)
            .join(Shop, Shop.id == ShopClaim.shop_id)
            .where(ShopClaim.status == ClaimStatus.PENDING, ShopClaim.siret.in_(numbers), real)
        )
        stored = select(Shop.siret, Shop).where(Shop.siret.in_(numbers), real).order_by(Shop.id.desc())
        for statement in (stored, waiting):
            shops |= {str(siret): shop for siret, shop in session.execute(statement)}
    of_sources = select(Shop).where(Shop.source.in_({source for source in sources if source}))
    return shops | {str(shop.source): shop for shop in session.scalars(of_sources)}


def _same(one: Any, other: Listing) -> bool:
    """Whether two of one name are one shop: on one spot, or close by at one address in one trade; never two SIRETs."""
    if _plain(one.name) != _plain(other.name) or (one.siret and other.siret and one.siret != other.siret):
        return False
    metres = haversine(one.latitude, one.longitude, other.latitude, other.longitude)
    if metres <= SAME_SPOT:
        return True
    address = one.street and (_plain(one.street), one.insee_code) == (_plain(other.street), other.insee_code)
    return bool(address) and metres <= SAME_PLACE and one.category == other.category


@lru_cache(maxsize=65_536)
def _plain(text: str) -> str:
    return plainly(text)
