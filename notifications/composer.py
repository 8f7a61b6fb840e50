"""The words of a message: a Declarative Web Push document that every browser can show, with or without our worker.

It names the shop, says until when, and is the same for every citizen of a locale: composed once, encrypted for each.
"""

import base64
import datetime as dt
import uuid
from typing import Final
from zoneinfo import ZoneInfo

import orjson

from citylife.clock import PARIS
from citylife.ledger.claims import Announced
from citylife.ledger.tables import OF_HERS, MessageKind
from citylife.notification_words import announcement_words
from citylife.wording import Sentence, say
from notifications.webpush import Urgency

DECLARATIVE: Final = 8030
"""The number that marks a Declarative Web Push document (named after RFC 8030)."""
SOON: Final = dt.timedelta(hours=1)
LONGEST_TTL: Final = 14 * 86_400
_ONE_OFFER: Final = Sentence("Une offre chez vos commerces")
_OFFERS: Final = Sentence("{count} offres chez vos commerces")
_LINE: Final = Sentence("{shop} : {title}")
_ONE_MORE: Final = Sentence("et une autre")
_MORE: Final = Sentence("et {count} autres")
MOST_NAMED: Final = 3
"""How many offers a digest names; it counts the others."""
_ONE_NEAR: Final = Sentence("Une offre près de vous")
_NEAR: Final = Sentence("{count} offres près de vous")
TAGS: Final = {MessageKind.DIGEST: "recapitulatif", MessageKind.NEAR_ME_NOW: "pres-de-vous"}
"""`Topic` and `tag` of messages that are of no one offer."""
_SOLD_OUT: Final = Sentence("Tout est parti : {title}")


def tag_of(offer_id: uuid.UUID) -> str:
    """The offer's id as 22 base64url characters: both `Topic` (at most 32) and the notification's `tag`."""
    return base64.urlsafe_b64encode(offer_id.bytes).rstrip(b"=").decode()


def topic_of(announced: Announced) -> str:
    """What takes the place of what, at the push service and on the screen: an offer's messages, and digests."""
    return TAGS[announced.kind] if announced.kind in OF_HERS else tag_of(announced.offer_id)


def compose(announced: Announced, *, locale: str, base_url: str, now: dt.datetime, zone: ZoneInfo = PARIS) -> bytes:
    """The plaintext of a message for readers of `locale`, well under the 3,993 bytes a record holds."""
    if announced.kind in OF_HERS:
        return orjson.dumps(_listed(announced, locale=locale, base_url=base_url))
    sold_out = announced.kind is MessageKind.SOLD_OUT
    document = {
        "web_push": DECLARATIVE,
        "notification": {
            "title": announced.shop_name,
            "body": _body(announced, locale=locale, now=now, zone=zone),
            "navigate": f"{base_url}/o/{announced.offer_id}?from=notification",
            "lang": locale,
            "tag": tag_of(announced.offer_id),
            "silent": sold_out,
        },
    }
    return orjson.dumps(document)


def _listed(announced: Announced, *, locale: str, base_url: str) -> dict[str, object]:
    """The document of a digest, or of what is near: how many offers, the first with their shops, where all are."""
    count = len(announced.lines)
    near = announced.kind is MessageKind.NEAR_ME_NOW
    one, several = (_ONE_NEAR, _NEAR) if near else (_ONE_OFFER, _OFFERS)
    title = one if count == 1 else several.format(count=count)
    named = [_LINE.format(shop=shop, title=title) for shop, title in announced.lines[:MOST_NAMED]]
    if count > MOST_NAMED:
        more = count - MOST_NAMED
        named.append(_ONE_MORE if more == 1 else _MORE.format(count=more))
    return {
        "web_push": DECLARATIVE,
        "notification": {
            "title": say(title, locale),
            "body": "\n".join(say(each, locale) for each in named),
            "navigate": f"{base_url}/?from={announced.kind.value}",
            "lang": locale,
            "tag": TAGS[announced.kind],
            "silent": False,
        },
    }


def _body(announced: Announced, *, locale: str, now: dt.datetime, zone: ZoneInfo) -> str:
    if announced.kind is MessageKind.SOLD_OUT:
        return say(_SOLD_OUT.format(title=announced.title), locale)
    said = announced.shop_name, announced.title
    return announcement_words(*said, ends_at=announced.ends_at, now=now, locale=locale, zone=zone).body


def urgency_of(announced: Announced, *, now: dt.datetime) -> Urgency:
    """High when the offer ends within the hour, normal otherwise; a silent replacement can wait for the radio."""
    if announced.kind is MessageKind.SOLD_OUT:
        return Urgency.LOW
    if announced.kind is MessageKind.NEAR_ME_NOW:  # she waits for it
        return Urgency.HIGH
    return Urgency.HIGH if announced.ends_at - now <= SOON else Urgency.NORMAL


def ttl_of(announced: Announced, *, now: dt.datetime) -> int:
    """Seconds until the message is no longer worth showing."""
    return max(0, min(int((announced.expires_at - now).total_seconds()), LONGEST_TTL))
