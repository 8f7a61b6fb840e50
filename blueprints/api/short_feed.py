"""The short way to the feed: in front of Flask, for a caller who shows in her header a token that was here lately.

The first page, in full, is all it answers. It keeps every habit of the view's way (name, pace, token, day, ETag,
headers, log, counters) by the functions that keep them there, and a test holds both to the same bytes. Whatever else is
asked, and whatever is refused or fails, is left to the view.
"""

import time
from typing import TYPE_CHECKING, Final

from blueprints import conditions, cursors, guards, headers
from blueprints.api.lists import body_of
from blueprints.application import Answer, WebApp, own_names
from blueprints.house import EXTENSION, House
from blueprints.pacing import BEARER, BEARER_LENGTH, let_pass
from citylife import feed

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

PATH: Final = "/api/v1/me/feed"
NOT_PLAIN: Final = frozenset({"HTTP_IF_NONE_MATCH", "HTTP_UPGRADE"})


def init_app(app: WebApp) -> None:
    """Answer the feed in front of the application where its way is plain."""
    parts: House = app.extensions[EXTENSION]
    by_token, data = parts.turnstiles.per_token, headers.of_data(parts.settings)
    ours = tuple(app.config["TRUSTED_HOSTS"])

    def read_feed(environ: "WSGIEnvironment") -> Answer | None:
        begun = time.perf_counter()
        shown = environ.get("HTTP_AUTHORIZATION", "")
        if shown[:BEARER_LENGTH] != BEARER or not is_plain(environ):
            return None
        token, moment = shown[BEARER_LENGTH:], parts.clock()
        own_names(environ["wsgi.url_scheme"], environ["HTTP_HOST"], ours)
        if not let_pass(environ, token, by_token, begun):
            return None
        citizen_id, page = parts.kept.read(lambda connection: feed.page_shown(connection, token, now=moment))
        if citizen_id is None:
            return None
        parts.active_days.note(citizen_id, moment)
        if parts.days_rhythm.due(moment):
            guards.write_gathered(parts)
        answer = written(page)
        answer[0].extend((*environ[headers.LATE_HEADERS], *data))
        app.tell("GET", PATH, 200, (time.perf_counter() - begun) * 1000)
        return answer

    app.short_ways[PATH] = read_feed


def is_plain(environ: "WSGIEnvironment") -> bool:
    """Whether this is the first page, asked for by the name of a host, with no condition and nothing in front."""
    return (
        environ["REQUEST_METHOD"] == "GET"
        and "HTTP_HOST" in environ
        and not (environ.get("QUERY_STRING") or environ.get("SCRIPT_NAME"))
        and NOT_PLAIN.isdisjoint(environ)
    )


def written(page: feed.FeedPage) -> Answer:
    """A page of the feed as it is sent, and its headers but for those that every answer has."""
    cursor = cursors.written(None if page.next is None else (page.next.ends_at, page.next.offer_id))
    body = body_of(page.pieces, cursor)
    following = {} if cursor is None else cursors.link(PATH, f"cursor={cursor}")
    lines = [
        ("Cache-Control", conditions.PRIVATE),
        *following.items(),
        ("Vary", conditions.BY_CALLER),
        ("ETag", conditions.tag_of(body)),
        ("Content-Type", conditions.JSON),
        ("Content-Length", str(len(body))),
    ]
    return lines, body
