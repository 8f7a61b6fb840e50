"""A page of a list: its items, where it goes on, and the Link header that says so."""

from collections.abc import Iterable, Sequence
from typing import Any

from flask import Response

from blueprints import conditions, cursors
from schemas.fields import Resource


def page(
    schema: type[Resource],
    items: Sequence[Any],
    last: cursors.Last | None,
    *,
    cache: str = conditions.PRIVATE,
    vary: str = conditions.BY_CALLER,
) -> Response:
    """The answer for `items`; `last` is what the next page begins after, None when there is no next page."""
    cursor = cursors.written(last)
    body = {"items": schema(many=True).dump(items), "next_cursor": cursor}
    headers = cursors.link_to_next(cursor)
    return conditions.answer(conditions.json_bytes(body), cache=cache, vary=vary, headers=headers)


def joined(
    pieces: Iterable[bytes],
    last: cursors.Last | None,
    *,
    cache: str = conditions.PRIVATE,
    vary: str = conditions.BY_CALLER,
) -> Response:
    """A page of stored pieces, joined and never read."""
    cursor = cursors.written(last)
    return conditions.answer(body_of(pieces, cursor), cache=cache, vary=vary, headers=cursors.link_to_next(cursor))


def body_of(pieces: Iterable[bytes], cursor: str | None) -> bytes:
    """The JSON of a page of stored pieces."""
    following = b"null" if cursor is None else b'"%b"' % cursor.encode()
    return b'{"items":[%b],"next_cursor":%b}' % (b",".join(pieces), following)


def cut(rows: Sequence[Any], limit: int) -> tuple[Sequence[Any], bool]:
    """The first `limit` of rows read one beyond it, and whether there are more."""
    return rows[:limit], len(rows) > limit
