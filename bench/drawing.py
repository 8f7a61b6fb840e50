"""Draws the town of the benches: the invented one, with tokens, and a shop that 20,000 phones hear of."""

import base64
import datetime as dt
import hashlib
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from blueprints.pieces import piece_of
from citylife.buckets import bucket_of
from citylife.invented import drawing
from citylife.invented.drawing import CITIZENS, FOLLOWS, OFFERS, SHOPS, Row, moment, row_of
from citylife.offers import OfferStatus
from citylife.search.upkeep import offer_entries, shop_entries
from citylife.search.words import grams_of

__all__ = ["CITIZENS", "FOLLOWS", "OFFERS", "SHOPS", "CrowdedDraw", "Draw", "Row", "moment"]

FOLLOWERS: Final = 20_000
"""Followers of the shop of the fan-out, each with one device."""
CALLERS: Final = 5_000
"""Citizens whose tokens the benches call with; they follow twenty shops in every town."""
KEY_PAIRS: Final = 256
PUSH_ORIGIN: Final = "https://updates.push.services.mozilla.com"
OFTEN: Final = 250
"""Notifications a day for the phones of the fan-out: every rule is asked, and each takes a slot."""


class Draw(drawing.Draw):
    """The invented town, whose citizens hold tokens, and 20,000 of them a phone."""

    def __init__(self, scale: float, seed: int, now: dt.datetime, follows: int = FOLLOWS) -> None:
        super().__init__(scale, seed, now, piece_of, follows)
        self.seed, self.now = seed, now
        self.fan_out_shop = self.id_of(days_ago=200)
        self.know([], [])
        self.know_some()
        self._pairs = [_public_point() for _ in range(KEY_PAIRS)]
        self._found: list[Row] = []
        self._words: set[str] = set()

    def know_some(self) -> None:
        """Draw who hears of the fan-out, and who calls."""
        followers = self._rng.sample(self.citizen_ids, min(FOLLOWERS, len(self.citizen_ids)))
        self.know(followers, self._rng.sample(self.citizen_ids, min(CALLERS, len(self.citizen_ids))))

    def know(self, followers: Sequence[bytes], called: Sequence[bytes]) -> None:
        """Let these hear of the fan-out, and those call."""
        self.follower_ids = sorted(followers)
        self._hearing = set(followers)
        self._called = called
        self._calling = set(called)

    def new_id(self) -> uuid.UUID:
        """An identifier of this moment."""
        return uuid.UUID(bytes=self.id_of(days_ago=0))

    def shops(self) -> Iterator[Row]:
        """The shop of the fan-out is the last."""
        yield from super().shops()
        yield row_of(self.shop(len(self.shop_ids), self.fan_out_shop))

    def waits(self, _number: int) -> bool:
        """Every shop is verified."""
        return False

    def live_offers(self) -> Iterator[Row]:
        """What each is found by is remembered."""
        for row in super().live_offers():
            self._found.append({name: row[name] for name in ("id", "title", "ends_at")})
            yield row

    def entries(self) -> Iterator[Row]:
        """The words by which the shops are found, and the offers that were drawn before."""
        for number, shop_id in enumerate([*self.shop_ids, self.fan_out_shop]):
            yield from self._remembered(shop_entries(self.shop(number, shop_id)))
        for number, offer in enumerate(self._found):
            at = number % len(self.shop_ids)
            shop = {f"shop_{name}": value for name, value in self.shop(at, self.shop_ids[at]).items()}
            yield from self._remembered(offer_entries({**offer, "status": OfferStatus.LIVE, **shop}))

    def grams(self) -> Iterator[Row]:
        """The trigrams of those words."""
        for word in sorted(self._words):
            yield from ({"gram": gram, "length": len(word), "word": word} for gram in sorted(grams_of(word)))

    def _remembered(self, entries: Iterable[Row]) -> Iterator[Row]:
        for entry in entries:
            self._words.add(entry["word"])
            yield row_of(entry)

    def citizen(self, citizen_id: bytes, *, hears: bool | None = None) -> Row:
        """Those of the fan-out alone have consented, and may be told at any hour, often."""
        hears = citizen_id in self._hearing if hears is None else hears
        budget = {"weekly_budget": OFTEN, "daily_budget": OFTEN} if hears else {}
        quiet = {"quiet_until": "20:00:00.000000", "quiet_sundays": 0} if hears else {}
        return {**super().citizen(citizen_id), **budget, **quiet, "notifications_consented": int(hears)}

    def follows_anyhow(self, citizen_id: bytes) -> tuple[set[bytes], int]:
        """The fan-out's followers follow it; who calls follows twenty."""
        chosen = {self.fan_out_shop} if citizen_id in self._hearing else set()
        return chosen, FOLLOWS if citizen_id in self._calling else self.follows_each

    def tokens(self) -> Iterator[Row]:
        """One device token a citizen."""
        created = moment(self.now)
        for citizen_id in self.citizen_ids:
            digest = hashlib.sha256(self._secret(citizen_id)).digest()
            yield {"citizen_id": citizen_id, "digest": digest, "created_at": created}

    def callers(self) -> list[str]:
        """The tokens of citizens drawn by lot, as phones hold them."""
        return [base64.urlsafe_b64encode(one + self._secret(one)).decode() for one in self._called]

    def _secret(self, citizen_id: bytes) -> bytes:
        return hashlib.sha256(b"%d|%s" % (self.seed, citizen_id)).digest()

    def devices(self) -> Iterator[Row]:
        """One device a follower of the fan-out: distinct endpoints, real public keys from a small pool of pairs."""
        registered = moment(self.now)
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

    def endpoint_owners(self) -> Iterator[Row]:
        """Who owns each of those endpoints."""
        for citizen_id, device_id, endpoint in self._subscriptions():
            digest = hashlib.sha256(endpoint.encode()).digest()
            yield {"endpoint_sha256": digest, "citizen_id": citizen_id, "device_id": device_id}

    def _subscriptions(self) -> Iterator[tuple[bytes, bytes, str]]:
        for citizen_id in self.follower_ids:
            device_id = citizen_id[:9] + hashlib.sha256(citizen_id).digest()[:7]
            yield citizen_id, device_id, f"{PUSH_ORIGIN}/wpush/v2/{hashlib.sha256(device_id).hexdigest()}"


class CrowdedDraw(Draw):
    """The same town, whose citizens the server draws (`bench.crowd`): here they are numbers until they are known."""

    def drawn_citizens(self) -> list[bytes]:
        """Nobody."""
        return []

    def know_some(self) -> None:
        """Draw the numbers of those who hear of the fan-out, and of those who call."""
        everybody = range(self.citizen_count)
        self.hearing_numbers = self._rng.sample(everybody, min(FOLLOWERS, len(everybody)))
        self.calling_numbers = self._rng.sample(everybody, min(CALLERS, len(everybody)))


def _public_point() -> bytes:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    return public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
