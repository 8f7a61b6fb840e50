"""How often something may be done from one place of the network or by one account, and the headers that say so.

`RateLimit-Policy` and `RateLimit` are those of draft-ietf-httpapi-ratelimit-headers-11; a refusal says Retry-After too.
These limits are counted in the database, for all processes together; `pacing` counts every call in memory.
"""

import functools
import ipaddress
import math
from collections.abc import Callable, Mapping
from typing import Final, ParamSpec

from flask import Response, after_this_request, request

from blueprints.house import house, now
from blueprints.storage import db
from citylife import redemptions, reports
from citylife.accounts import recovery, sign_in
from citylife.accounts.citizens import NEW_FROM_A_NETWORK
from citylife.accounts.cluster import INVITATIONS as STAFF_INVITATIONS
from citylife.accounts.invitations import INVITATIONS, INVITATIONS_NETWORK, INVITATIONS_UNPROVED, INVITED
from citylife.accounts.merchants import WRITES
from citylife.audience import near_me_now
from citylife.database import settling
from citylife.email_digest import asking as email_digest
from citylife.limits import Limit, Room, TooFast, look, room_of, subject_of, take
from citylife.photos import PHOTOS
from citylife.registers import ADDRESSES, COMPANIES
from citylife.settings import PREFIX, SettingRefused
from citylife.shops.claims import CLAIMS, CLAIMS_NETWORK
from citylife.turnstiles import PER_NETWORK, PER_TOKEN

P = ParamSpec("P")

LIMITS: Final = (
    PER_TOKEN,
    PER_NETWORK,
    *NEW_FROM_A_NETWORK,
    near_me_now.TAPS,
    WRITES,
    INVITATIONS,
    INVITATIONS_UNPROVED,
    INVITATIONS_NETWORK,
    INVITED,
    STAFF_INVITATIONS,
    *sign_in.PER_ADDRESS,
    sign_in.PER_NETWORK,
    sign_in.BEGINNING,
    sign_in.BEGINNING_NETWORK,
    recovery.NOTICES,
    *reports.PER_NETWORK,
    redemptions.GUESSES,
    CLAIMS,
    CLAIMS_NETWORK,
    ADDRESSES,
    COMPANIES,
    PHOTOS,
    email_digest.PER_ADDRESS,
    email_digest.PER_CITIZEN,
    email_digest.PER_NETWORK,
)
"""Every limit that the operator may set by its name."""
IPV6_PLACE: Final = 64
"""The bits of an IPv6 address that a household or a firm has to itself."""


def limited(*limits: Limit) -> Callable[[Callable[P, Response]], Callable[P, Response]]:
    """Answer only so often to one place of the network, however the view ends; to stand above `transaction`.

    The count is a short transaction of its own, before the view's: a refused request costs one statement a limit.
    """

    def decorate(view: Callable[P, Response]) -> Callable[P, Response]:
        @functools.wraps(view)
        def paced(*args: P.args, **kwargs: P.kwargs) -> Response:
            with settling(house().engine)() as session, session.begin():
                rooms = [take(session, as_set(limit), network_digest(limit), now=now()) for limit in limits]
            after_this_request(lambda response: _said(response, rooms))
            return view(*args, **kwargs)

        return paced

    return decorate


def count_from_here(*limits: Limit) -> None:
    """Count what the request is about to do, for its place of the network, in the request's own transaction.

    What is not done in the end is not counted.

    Raises:
        TooFast: it has been done too often from there.
    """
    rooms = [take(db.session(), as_set(limit), network_digest(limit), now=now()) for limit in limits]
    after_this_request(lambda response: _said(response, rooms))


def count_of(limit: Limit, subject: str) -> None:
    """The same for one account or token. What is left is said once half is used: answers stay alike until then.

    Raises:
        TooFast: the subject has done it too often.
    """
    room = take(db.session(), as_set(limit), digest_of(limit, subject), now=now())
    if room.remaining * 2 <= room.limit.most:
        after_this_request(lambda response: _said(response, [room]))


def look_for(limit: Limit, subject: str) -> None:
    """Go on only where a subject has room left; nothing is counted.

    Raises:
        TooFast: she has done it too often.
    """
    look(db.session(), as_set(limit), digest_of(limit, subject), now=now())


def left_for(limit: Limit, subject: str) -> int:
    """How often a subject may still do it, to be told before she tries; nothing is counted."""
    return room_of(db.session(), as_set(limit), digest_of(limit, subject), now=now()).remaining


def has_room(limit: Limit, subject: str) -> bool:
    """Count one attempt of a subject who must not learn of it; False where it has been done too often."""
    try:
        take(db.session(), as_set(limit), digest_of(limit, subject), now=now())
    except TooFast:
        return False
    return True


def as_set(limit: Limit) -> Limit:
    """A limit as the operator has set it."""
    return set_by(house().quotas, limit)


def check_names(quotas: Mapping[str, int]) -> None:
    """Go on only where every limit that is set exists.

    Raises:
        SettingRefused: one does not.
    """
    unknown = quotas.keys() - {"*", *(limit.name for limit in LIMITS)}
    if unknown:
        raise SettingRefused(f"{PREFIX}LIMITS names no limit of Citylife: {min(unknown)!r}; see docs/settings.md")


def set_by(quotas: Mapping[str, int], limit: Limit) -> Limit:
    """A limit with the number it is given by its name, or by `*`."""
    most = quotas.get(limit.name, quotas.get("*"))
    return limit if most is None else Limit(limit.name, most, limit.window)


def digest_of(limit: Limit, subject: str) -> bytes:
    """What a counter of this instance knows a subject by."""
    return subject_of(house().keys.secret_key, limit, subject)


def network_digest(limit: Limit) -> bytes:
    """What a counter knows the request's place of the network by, for the day: tomorrow it is another."""
    salt = f"{house().keys.secret_key}\n{now().date().isoformat()}"
    return subject_of(salt, limit, place())


def place() -> str:
    """Where in the network a request comes from: an IPv4 address, or the half of an IPv6 one that is somebody's."""
    return _place_of(request.remote_addr or "")


@functools.lru_cache(maxsize=4096)
def _place_of(written: str) -> str:
    try:
        address = ipaddress.ip_address(written)
    except ValueError:
        return "nowhere"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((int(address), IPV6_PLACE), strict=False))
    return str(address)


def policy(limit: Limit) -> str:
    """A limit as `RateLimit-Policy` says it: how many in how many seconds."""
    return f'"{limit.name}";q={limit.most};w={math.ceil(limit.window.total_seconds())}'


def left(room: Room) -> str:
    """What is left under a limit as `RateLimit` says it: how many now, and in how many seconds there are all again."""
    return f'"{room.limit.name}";r={room.remaining};t={math.ceil(room.reset.total_seconds())}'


def room_headers(*rooms: Room) -> dict[str, str]:
    """What a caller should know of the limits she is under."""
    return {
        "RateLimit-Policy": ", ".join(policy(room.limit) for room in rooms),
        "RateLimit": ", ".join(left(room) for room in rooms),
    }


def refusal_headers(refusal: TooFast) -> Mapping[str, str]:
    """The same for a refused request, and when to come back."""
    return {**room_headers(refusal.room), "Retry-After": str(max(1, math.ceil(refusal.retry_after.total_seconds())))}


def _said(response: Response, rooms: list[Room]) -> Response:
    for name, value in room_headers(*rooms).items():
        response.headers.setdefault(name, value)
    return response
