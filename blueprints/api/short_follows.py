"""The short way to follow a shop and to follow it no longer, with a body as it is usually written. See `short_ways`."""

import io
import re
import time
import uuid
from typing import TYPE_CHECKING, Final

from blueprints import conditions
from blueprints.api.follows import USUAL, body_of
from blueprints.api.short_ways import ShortWays, answer
from blueprints.application import Answer, WebApp
from citylife.following import Following
from citylife.follows import Level

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

ROUTE: Final = "/api/v1/me/follows/<uuid:shop_id>"
PATH: Final = "/api/v1/me/follows/"
LONGEST: Final = max(map(len, USUAL))
"""Bytes of the longest body that is read here."""
_SHOP: Final = re.compile(PATH + r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_NOT_PLAIN: Final = frozenset({"HTTP_COOKIE", "HTTP_TRANSFER_ENCODING", "HTTP_EXPECT"})
"""A cookie may be a merchant's, who is noted beside the citizen; the others say how a body comes."""


def init_app(app: WebApp) -> None:
    """Follow and leave in front of the application where the way is plain."""
    ways = ShortWays(app)
    parts = ways.parts
    following = Following(parts.kept)

    def write_follow(environ: "WSGIEnvironment") -> Answer | None:
        begun = time.perf_counter()
        named, level = _SHOP.fullmatch(environ["PATH_INFO"]), level_in(environ)
        leaves = environ["REQUEST_METHOD"] == "DELETE" and environ.get("CONTENT_LENGTH", "0") == "0"
        if named is None or not (level or leaves) or not _NOT_PLAIN.isdisjoint(environ):
            return None
        token = ways.let_in(environ, begun)
        if token is None:
            return None
        shop_id, moment = uuid.UUID(named[1]), parts.clock()
        if level is None:
            citizen_id = following.end(token, shop_id, now=moment)
            found: Answer = (204, [], b"")
        else:
            citizen_id, followed = following.keep(token, shop_id, level, now=moment)
            found = answer(conditions.json_bytes(body_of(followed)), 201 if followed.new else 200)
        parts.active_days.note(citizen_id, moment)
        return ways.leave(environ, found, ROUTE, begun)

    app.short_ways[PATH] = write_follow


def level_in(environ: "WSGIEnvironment") -> Level | None:
    """How much who follows wants to hear, by a usual body; None for any other, which the view can read as well then."""
    length = environ.get("CONTENT_LENGTH") or "0"
    if environ["REQUEST_METHOD"] != "PUT" or not length.isdecimal() or int(length) > LONGEST:
        return None
    if length == "0":
        return USUAL[b""]
    if environ.get("CONTENT_TYPE") != conditions.JSON:
        return None
    body = environ["wsgi.input"].read(int(length))
    environ["wsgi.input"] = io.BytesIO(body)
    return USUAL.get(body)
