"""The short way to the feed: the first page, in full, is all it answers. See `short_ways`."""

import time
from typing import TYPE_CHECKING, Final

from blueprints import cursors, guards
from blueprints.api.lists import body_of
from blueprints.api.short_ways import ShortWays, answer
from blueprints.application import Answer, WebApp
from citylife import feed

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

PATH: Final = "/api/v1/me/feed"


def init_app(app: WebApp) -> None:
    """Answer the feed in front of the application where its way is plain."""
    ways = ShortWays(app)
    parts = ways.parts

    def read_feed(environ: "WSGIEnvironment") -> Answer | None:
        begun = time.perf_counter()
        if environ["REQUEST_METHOD"] != "GET" or (token := ways.let_in(environ, begun)) is None:
            return None
        moment = parts.clock()
        citizen_id, page = parts.kept.read(lambda connection: feed.page_shown(connection, token, now=moment))
        if citizen_id is None:
            return None
        parts.active_days.note(citizen_id, moment)
        if parts.days_rhythm.due(moment):
            guards.write_gathered(parts)
        return ways.leave(environ, written(page), PATH, begun)

    app.short_ways[PATH] = read_feed


def written(page: feed.FeedPage) -> Answer:
    """A page of the feed as it is sent."""
    cursor = cursors.written(None if page.next is None else (page.next.ends_at, page.next.offer_id))
    following = {} if cursor is None else cursors.link(PATH, f"cursor={cursor}")
    return answer(body_of(page.pieces, cursor), following=following)
