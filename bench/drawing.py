"""Draws a town by lot from one seed: citizens, shops, follows after Zipf, live offers, and one shop of 20,000 phones.

Rows come as dictionaries of what SQLite stores; `bench.loading` takes them to either database.
"""

import base64
import datetime as dt
import hashlib
import itertools
import random
import uuid
from collections.abc import Iterator
from enum import Enum
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from blueprints.pieces import piece_of
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
"""Shops a citizen follows, unless a bench wants fewer; who is called with follows so many in every town."""
FOLLOWERS: Final = 20_000
"""Followers of the shop of the fan-out, each with one device."""
CALLERS: Final = 5_000
"""Citizens whose tokens the benches call with."""
KEY_PAIRS: Final = 256
TRADES: Final = [category.key for category in CATEGORIES if category.policy is Policy.ADMITTED]
PUSH_ORIGIN: Final = "https://updates.push.services.mozilla.com"


OFTEN: Final = 250
"""Notifications a day for the phones of the fan-out: every rule is asked, and each takes a slot."""


class Draw:
    """Everything of a town that is drawn by lot, from one seed."""

    def __init__(self, scale: float, seed: int, now: dt.datetime, follows: int = FOLLOWS) -> None:
        self._now = now
        self._seed = seed
        self._follows = follows
        self._rng = random.Random(seed)
        self._places = list(geography.communes().values())
        self.shop_ids = [self._id_of(days_ago=200) for _ in range(max(int(SHOPS * scale), FOLLOWS + 2))]
        self.quiet_shop = self.shop_ids[-1]
        self.citizen_ids = sorted(self._id_of(days_ago=180) for _ in range(int(CITIZENS * scale)))
        self.fan_out_shop = self._id_of(days_ago=200)
        self.offer_count = int(OFFERS * scale)
        followers = self._rng.sample(self.citizen_ids, min(FOLLOWERS, len(self.citizen_ids)))
        self.follower_ids = sorted(followers)
        self._called = self._rng.sample(self.citizen_ids, min(CALLERS, len(self.citizen_ids)))
        self._pairs = [_public_point() for _ in range(KEY_PAIRS)]

    def new_id(self) -> uuid.UUID:
        """An identifier of this moment."""
        return uuid.UUID(bytes=self._id_of(days_ago=0))

    def _id_of(self, *, days_ago: float) -> bytes:
        """A UUIDv7 of some moment in the last `days_ago` days."""
        age = self._rng.random() * days_ago * 86_400_000
        milliseconds = int(self._now.timestamp() * 1000 - age)
        noise = self._rng.getrandbits(74)
        value = (milliseconds << 80) | (7 << 76) | ((noise >> 62) << 64) | (2 << 62) | (noise & ((1 << 62) - 1))
        return value.to_bytes(16)

    def shops(self) -> Iterator[dict[str, Any]]:
        """Verified shops, spread over the communes and the trades that may notify."""
        for number, shop_id in enumerate([*self.shop_ids, self.fan_out_shop]):
            yield _row(self._shop(number, shop_id))

    def _shop(self, number: int, shop_id: bytes) -> Shop:
        place = self._places[number % len(self._places)]
        return Shop(
            id=uuid.UUID(bytes=shop_id),
            slug=f"boutique-{number}",
            status=ShopStatus.VERIFIED,
            name=f"Boutique {number} de {place.name}",
            description="Produits du pays, choisis et préparés sur place depuis trois générations.",
            category=TRADES[number % len(TRADES)],
            street=f"{number % 90 + 1} rue de la République",
            postal_code=place.postal_codes[0],
            insee_code=place.insee_code,
            latitude=place.latitude + number % 100 / 10_000,
            longitude=place.longitude + number % 100 / 10_000,
            opening_hours="Mo-Sa 08:00-19:00",
            fictional=True,
            created_at=self._now,
            updated_at=self._now,
            version=1,
        )

    def live_offers(self) -> Iterator[dict[str, Any]]:
        """Live offers with their real pieces, two a shop (who follows twenty has a page), ending in 3 to 14 days."""
        for number in range(self.offer_count):
            shop_number = number % len(self.shop_ids)
            offer = Offer(
                id=uuid.UUID(bytes=self._id_of(days_ago=10)),
                shop_id=uuid.UUID(bytes=self.shop_ids[shop_number]),
                kind=OfferKind.OFFER,
                status=OfferStatus.LIVE,
                title=f"Panier du jour n° {number}",
                description="Cueilli ou cuit ce matin, à venir chercher avant la fermeture.",
                price=450 + number % 1000,
                reduction=False,
                perishable=True,
                quantity=12,
                radius=5000,
                first_saved_at=self._now,
                live_from=self._now,
                ends_at=self._now + dt.timedelta(days=3 + self._rng.random() * 11),
                updated_at=self._now,
                version=1,
            )
            offer.piece = piece_of(offer, self._shop(shop_number, self.shop_ids[shop_number]))
            yield _row(offer)

    def citizens(self) -> Iterator[dict[str, Any]]:
        """Citizens with the default wishes; those of the fan-out have consented, and may be told at any hour, often."""
        followers = set(self.follower_ids)
        created = moment(self._now)
        for citizen_id in self.citizen_ids:
            hears = citizen_id in followers
            yield {
                "id": citizen_id,
                "created_at": created,
                "bucket": bucket_of(uuid.UUID(bytes=citizen_id)),
                "locale": "fr",
                "time_zone": "Europe/Paris",
                "quiet_from": "20:00:00.000000",
                "quiet_until": "20:00:00.000000" if hears else "09:00:00.000000",
                "quiet_sundays": int(not hears),
                "weekly_budget": OFTEN if hears else 5,
                "daily_budget": OFTEN if hears else 2,
                "digest": 1,
                "digest_at": "18:00:00.000000",
                "discover_nearby": 0,
                "notifications_consented": int(hears),
                "location_consented": 0,
                "pace": 0,
                "draw_seed": 1 + int.from_bytes(citizen_id[-4:]) % (MODULUS - 1),
                "version": 1,
            }

    def tokens(self) -> Iterator[dict[str, Any]]:
        """One device token a citizen."""
        created = moment(self._now)
        for citizen_id in self.citizen_ids:
            digest = hashlib.sha256(self._secret(citizen_id)).digest()
            yield {"citizen_id": citizen_id, "digest": digest, "created_at": created}

    def callers(self) -> list[str]:
        """The tokens of citizens drawn by lot, as phones hold them."""
        return [base64.urlsafe_b64encode(one + self._secret(one)).decode() for one in self._called]

    def _secret(self, citizen_id: bytes) -> bytes:
        return hashlib.sha256(b"%d|%s" % (self._seed, citizen_id)).digest()

    def follows(self) -> Iterator[dict[str, Any]]:
        """The shops of each citizen, the k-th most popular drawn with a weight of 1/k; the fan-out's among them.

        Nobody follows the quiet shop.
        """
        followers, called = set(self.follower_ids), set(self._called)
        shops = self.shop_ids[:-1]
        popularity = list(itertools.accumulate(1 / rank for rank in range(1, len(shops) + 1)))
        begun = moment(self._now - dt.timedelta(days=30))
        for citizen_id in self.citizen_ids:
            chosen = {self.fan_out_shop} if citizen_id in followers else set()
            wanted = FOLLOWS if citizen_id in called else self._follows
            while len(chosen) < wanted:
                drawn = self._rng.choices(shops, cum_weights=popularity, k=wanted + 4)
                chosen.update(itertools.islice(set(drawn) - chosen, wanted - len(chosen)))
            for shop_id in sorted(chosen):
                yield {"citizen_id": citizen_id, "shop_id": shop_id, "level": "normal", "begun_at": begun}

    def devices(self) -> Iterator[dict[str, Any]]:
        """One device a follower of the fan-out: distinct endpoints, real public keys from a small pool of pairs."""
        registered = moment(self._now)
        for number, (citizen_id, device_id, endpoint) in enumerate(self._subscriptions()):
            yield {
                "citizen_id": citizen_id,
                "id": device_id,
                "bucket": bucket_of(uuid.UUID(bytes=citizen_id)),
                "origin_id": 1,
                "endpoint": endpoint,
                "endpoint_sha256": hashlib.sha256(endpoint.encode()).digest(),
                "p256dh": self._pairs[number % KEY_PAIRS],
                "auth": hashlib.sha256(device_id).digest()[:16],
                "expires_at": None,
                "registered_at": registered,
            }

    def endpoint_owners(self) -> Iterator[dict[str, Any]]:
        """Who owns each of those endpoints."""
        for citizen_id, device_id, endpoint in self._subscriptions():
            digest = hashlib.sha256(endpoint.encode()).digest()
            yield {"endpoint_sha256": digest, "citizen_id": citizen_id, "device_id": device_id}

    def _subscriptions(self) -> Iterator[tuple[bytes, bytes, str]]:
        for citizen_id in self.follower_ids:
            device_id = citizen_id[:9] + hashlib.sha256(citizen_id).digest()[:7]
            yield citizen_id, device_id, f"{PUSH_ORIGIN}/wpush/v2/{hashlib.sha256(device_id).hexdigest()}"


def _public_point() -> bytes:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    return public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def moment(value: dt.datetime) -> str:
    """A moment as SQLite stores it; PostgreSQL, in UTC, reads the same text."""
    return value.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _row(thing: Offer | Shop) -> dict[str, Any]:
    """Every column of a mapped object, as SQLite stores it."""
    columns = [column.name for column in type(thing).__table__.columns if column.computed is None]
    return {name: _stored(getattr(thing, name)) for name in columns}


def _stored(value: Any) -> Any:
    if isinstance(value, uuid.UUID):
        return value.bytes
    if isinstance(value, dt.datetime):
        return moment(value)
    if isinstance(value, Enum):
        return value.value
    return int(value) if isinstance(value, bool) else value
