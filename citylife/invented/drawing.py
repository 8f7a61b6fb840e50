"""Draws a town by lot from one seed: citizens, shops, follows after Zipf, a year of offers, and what waits today.

Rows come as dictionaries of what SQLite stores; `citylife.invented.loading` takes them to either database. At scale 1:
280,000 citizens with twenty follows each, 5,000 shops, 10,000 live offers. Nobody can be reached: no citizen has a
device or a token.
"""

import datetime as dt
import itertools
import random
import uuid
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from types import SimpleNamespace
from typing import Any, Final

from sqlalchemy.sql.schema import ScalarElementColumnDefault
from stdnum import luhn

from citylife import geography
from citylife.buckets import bucket_of
from citylife.categories import CATEGORIES, Policy
from citylife.courtesy.draw import MODULUS
from citylife.offers import Offer, OfferKind, OfferStatus
from citylife.shops import Shop, ShopStatus

CITIZENS: Final = 280_000
SHOPS: Final = 5_000
OFFERS: Final = 10_000
FOLLOWS: Final = 20
"""Shops a citizen follows, unless fewer are wanted."""
SETTLED: Final = 400
"""Days within which the citizens came."""
TRADES: Final = [category.key for category in CATEGORIES if category.policy is Policy.ADMITTED]
BUSY: Final = 16
"""One shop in so many announces every week, others now and then."""
WAITING: Final = 25
"""One shop in so many is claimed, and waits to be verified; none of these is busy."""
REPORTED: Final = 100
"""One live offer in so many is said to be bad."""
WEEKS: Final = 52
DESCRIPTION: Final = "Commerce fictif d’une ville inventée, pour la démonstration. Rien ici n’existe."
Row = dict[str, Any]
Said = dict[str, Any]
"""What is said of an offer or a shop, by its attributes: to map each would take longer than all the rest."""


class Draw:
    """Everything of a town that is drawn by lot, from one seed; `piece_of` writes out an offer for the public."""

    def __init__(
        self,
        scale: float,
        seed: int,
        now: dt.datetime,
        piece_of: Callable[[Offer, Shop], str],
        follows: int = FOLLOWS,
    ) -> None:
        self._now = now
        self.follows_each = follows
        self._piece_of = piece_of
        self._rng = random.Random(seed)  # noqa: S311 - a town that is the same from the same seed
        self._places = list(geography.communes().values())
        self.shop_ids = [self.id_of(days_ago=SETTLED) for _ in range(max(int(SHOPS * scale), FOLLOWS + 2))]
        self.quiet_shop = self.shop_ids[-1]
        """A shop that nobody follows."""
        self.citizen_count = int(CITIZENS * scale)
        self.citizen_ids = self.drawn_citizens()
        self.offer_count = int(OFFERS * scale)

    def drawn_citizens(self) -> list[bytes]:
        """The identifiers of all citizens, in order."""
        return sorted(self.id_of(days_ago=SETTLED) for _ in range(self.citizen_count))

    @property
    def followed_shops(self) -> list[bytes]:
        """The shops that somebody follows, the most popular first."""
        return self.shop_ids[:-1]

    @property
    def busy_shops(self) -> list[bytes]:
        """The shops that announce every week."""
        return self.shop_ids[BUSY - 1 :: BUSY]

    def id_of(self, *, days_ago: float) -> bytes:
        """A UUIDv7 of some moment in the last `days_ago` days."""
        return self.id_at(self._now - dt.timedelta(days=self._rng.random() * days_ago))

    def id_at(self, at: dt.datetime) -> bytes:
        """A UUIDv7 of a moment."""
        noise = self._rng.getrandbits(74)
        value = (int(at.timestamp() * 1000) << 80) | (7 << 76) | ((noise >> 62) << 64)
        return (value | (2 << 62) | (noise & ((1 << 62) - 1))).to_bytes(16)

    def shops(self) -> Iterator[Row]:
        """Verified shops, spread over the communes and the trades that may notify."""
        for number, shop_id in enumerate(self.shop_ids):
            yield row_of(self.shop(number, shop_id))

    def shop(self, number: int, shop_id: bytes) -> Said:
        """One of them."""
        place = self._places[number % len(self._places)]
        return {
            **_UNSAID_OF_SHOPS,
            "id": uuid.UUID(bytes=shop_id),
            "slug": f"boutique-{number}",
            "status": ShopStatus.CLAIMED if self.waits(number) else ShopStatus.VERIFIED,
            "name": f"Boutique {number} de {place.name}",
            "description": DESCRIPTION,
            "category": TRADES[number % len(TRADES)],
            "street": f"{number % 90 + 1} rue de la République",
            "postal_code": place.postal_codes[0],
            "insee_code": place.insee_code,
            "latitude": place.latitude + number % 100 / 10_000,
            "longitude": place.longitude + number % 100 / 10_000,
            "opening_hours": "Mo-Sa 08:00-19:00",
            "fictional": True,
            "created_at": _made_at(shop_id),
            "updated_at": _made_at(shop_id),
            "version": 1,
        }

    def shop_communes(self) -> Iterator[Row]:
        """Where each shop is, from before the year on."""
        since = (self._now - dt.timedelta(days=SETTLED)).date().isoformat()
        for number, shop_id in enumerate(self.shop_ids):
            place = self._places[number % len(self._places)]
            yield {"shop_id": shop_id, "since": since, "insee_code": place.insee_code}

    def waits(self, number: int) -> bool:
        """Whether the shop of this number is still to be verified."""
        return number % WAITING == 1 and number % BUSY != BUSY - 1

    def claimants(self) -> Iterator[Row]:
        """The merchants whose claims wait; no mail reaches them."""
        for number, shop_id in self._waiting():
            yield {
                "id": shop_id,
                "email": f"commerce-{number}@ville.citylife.invalid",
                "name": "",
                "locale": "fr",
                "created_at": moment(_made_at(shop_id)),
                "confirmations": 0,
                "mondays": 0,
            }

    def claims(self) -> Iterator[Row]:
        """Their claims, by numbers of companies that do not exist."""
        for number, shop_id in self._waiting():
            yield {
                "id": shop_id,
                "shop_id": shop_id,
                "merchant_id": shop_id,
                "siret": luhn_number(f"000{number % 100_000:05}", "0001"),
                "status": "pending",
                "claimed_at": moment(_made_at(shop_id)),
            }

    def _waiting(self) -> Iterator[tuple[int, bytes]]:
        return ((number, shop_id) for number, shop_id in enumerate(self.shop_ids) if self.waits(number))

    def reports(self, offers: Iterable[bytes]) -> Iterator[Row]:
        """What people say of every hundredth offer."""
        at = moment(self._now - dt.timedelta(hours=1))
        for number, offer_id in enumerate(itertools.islice(offers, 0, None, REPORTED)):
            yield {
                "id": self.id_of(days_ago=0.04),
                "offer_id": offer_id,
                "wrong": "misleading",
                "status": "open",
                "count": 1 + number % 3,
                "details": '["Le panier était vide."]',
                "first_at": at,
                "last_at": at,
            }

    def live_offers(self) -> Iterator[Row]:
        """Live offers with their real pieces, two a shop (who follows twenty has a page), ending in 3 to 14 days."""
        for number in range(self.offer_count):
            shop_number = number % len(self.shop_ids)
            if self.waits(shop_number):
                continue
            shop = self.shop(shop_number, self.shop_ids[shop_number])
            began = self._now - dt.timedelta(hours=1)
            offer = self._offer(number, self.id_of(days_ago=10), shop["id"], began, days=3 + self._rng.random() * 11)
            offer["status"] = OfferStatus.LIVE
            offer["piece"] = self._piece_of(_read(offer), _read(shop))
            yield row_of(offer)

    def past_offers(self) -> Iterator[Row]:
        """What the busy shops offered in each week of the year, by day between nine and seven; all of it is over."""
        for number, (shop_id, week) in enumerate(itertools.product(self.busy_shops, range(WEEKS, 0, -1))):
            began = (self._now - dt.timedelta(weeks=week)).replace(hour=8, minute=0, second=0, microsecond=0)
            began += dt.timedelta(days=number // WEEKS % 4, seconds=number * 977 % 36_000)
            offer = self._offer(number, self.id_at(began), uuid.UUID(bytes=shop_id), began, days=2)
            offer["status"] = OfferStatus.ENDED
            yield row_of(offer)

    def _offer(self, number: int, offer_id: bytes, shop_id: uuid.UUID, began: dt.datetime, *, days: float) -> Said:
        return {
            **_UNSAID_OF_OFFERS,
            "id": uuid.UUID(bytes=offer_id),
            "shop_id": shop_id,
            "kind": OfferKind.OFFER,
            "title": f"Panier du jour n° {number}",
            "description": "Cueilli ou cuit ce matin, à venir chercher avant la fermeture.",
            "price": 450 + number % 1000,
            "reduction": False,
            "perishable": True,
            "quantity": 12,
            "radius": 5000,
            "first_saved_at": began,
            "live_from": began,
            "ends_at": began + dt.timedelta(days=days),
            "updated_at": began,
            "version": 1,
        }

    def citizens(self) -> Iterator[Row]:
        """Citizens with the default wishes, who agreed to be notified, and came one after the other."""
        return map(self.citizen, self.citizen_ids)

    def citizen(self, citizen_id: bytes) -> Row:
        """One of them."""
        return {
            "id": citizen_id,
            "created_at": moment(_made_at(citizen_id)),
            "bucket": bucket_of(uuid.UUID(bytes=citizen_id)),
            "locale": "fr",
            "time_zone": "Europe/Paris",
            "quiet_from": "20:00:00.000000",
            "quiet_until": "09:00:00.000000",
            "quiet_sundays": 1,
            "weekly_budget": 5,
            "daily_budget": 2,
            "digest": 1,
            "digest_at": "18:00:00.000000",
            "discover_nearby": 0,
            "notifications_consented": 1,
            "location_consented": 0,
            "pace": 0,
            "draw_seed": 1 + int.from_bytes(citizen_id[-4:]) % (MODULUS - 1),
            "version": 1,
        }

    def places(self) -> Iterator[Row]:
        """One commune each, for good."""
        for number, citizen_id in enumerate(self.citizen_ids):
            place = self._places[number % len(self._places)]
            set_on = _made_at(citizen_id).date().isoformat()
            yield {
                "citizen_id": citizen_id,
                "id": citizen_id,
                "kind": "lasting",
                "insee_code": place.insee_code,
                "set_on": set_on,
            }

    def follows(self) -> Iterator[Row]:
        """The shops of each citizen, the k-th most popular drawn with a weight of 1/k; most from her first days on.

        Nobody follows the quiet shop.
        """
        shops = self.followed_shops
        popularity = list(itertools.accumulate(1 / rank for rank in range(1, len(shops) + 1)))
        for citizen_id in self.citizen_ids:
            chosen, wanted = self.follows_anyhow(citizen_id)
            while len(chosen) < wanted:
                drawn = self._rng.choices(shops, cum_weights=popularity, k=wanted + 4)
                new = dict.fromkeys(each for each in drawn if each not in chosen)
                chosen.update(itertools.islice(new, wanted - len(chosen)))
            came = _made_at(citizen_id)
            begun = moment(came + (self._now - came) * self._rng.random() ** 4)
            for shop_id in sorted(chosen):
                yield {"citizen_id": citizen_id, "shop_id": shop_id, "level": "normal", "begun_at": begun}

    def follows_anyhow(self, _citizen_id: bytes) -> tuple[set[bytes], int]:
        """The shops she follows in any case, and how many she follows in all."""
        return set(), self.follows_each


def luhn_number(company: str, office: str) -> str:
    """A SIRET whose check digits hold."""
    siren = company + luhn.calc_check_digit(company)
    return siren + office + luhn.calc_check_digit(siren + office)


def _made_at(identifier: bytes) -> dt.datetime:
    """The moment of a UUIDv7."""
    return dt.datetime.fromtimestamp(int.from_bytes(identifier[:6]) / 1000, dt.UTC)


def moment(value: dt.datetime) -> str:
    """A moment as SQLite stores it; PostgreSQL, in UTC, reads the same text."""
    return value.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def row_of(said: Said) -> Row:
    """Every column of what was said, as SQLite stores it."""
    return {name: _stored(value) for name, value in said.items()}


def _read(said: Said) -> Any:
    """What was said, by its attributes."""
    return SimpleNamespace(**said)


def _unsaid(model: type[Offer | Shop]) -> Said:
    """What each column begins with where nothing is said."""
    columns = [column for column in model.__table__.columns if column.computed is None]
    return {column.name: _beginning(column.default) for column in columns}


def _beginning(default: Any) -> Any:
    return default.arg if isinstance(default, ScalarElementColumnDefault) else None


def _stored(value: Any) -> Any:
    if isinstance(value, uuid.UUID):
        return value.bytes
    if isinstance(value, dt.datetime):
        return moment(value)
    if isinstance(value, Enum):
        return value.value
    return int(value) if isinstance(value, bool) else value


_UNSAID_OF_OFFERS: Final = _unsaid(Offer)
_UNSAID_OF_SHOPS: Final = _unsaid(Shop)
