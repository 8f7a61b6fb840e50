"""Where a list goes on: an opaque cursor, the identifier of the last thing shown; anything else is refused."""

import base64
import binascii
import datetime as dt
import struct
import uuid
from typing import Final
from urllib.parse import urlencode

from blueprints.application import current_request
from citylife.around import FARTHEST, Spot
from citylife.errors import Invalid
from citylife.search import Hit

EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND: Final = dt.timedelta(microseconds=1)
LATEST: Final = (dt.datetime(9000, 1, 1, tzinfo=dt.UTC) - EPOCH) // MICROSECOND


class CursorRefused(Invalid):
    """A cursor that this service did not give."""

    sentence = "Ce curseur n’a pas été donné par ce service."


Last = uuid.UUID | str | tuple[dt.datetime, uuid.UUID] | Hit | Spot
"""What a page may end with: an identifier, a word such as an INSEE code, a moment and an identifier, a hit, a spot."""


def written(last: Last | None) -> str | None:
    """The cursor after `last`; None at the end of a list."""
    if last is None:
        return None
    if isinstance(last, uuid.UUID):
        raw = b"i" + last.bytes
    elif isinstance(last, str):
        raw = b"s" + last.encode()
    elif isinstance(last, Hit):
        raw = b"h" + last.score.to_bytes(4) + last.thing_id.bytes
    elif isinstance(last, Spot):
        raw = b"d" + struct.pack(">d", last.distance) + last.thing_id.bytes
    else:
        moment, identifier = last
        raw = b"m" + ((moment - EPOCH) // MICROSECOND).to_bytes(8) + identifier.bytes
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def read_id(cursor: str | None) -> uuid.UUID | None:
    """The identifier in a cursor.

    Raises:
        CursorRefused: not one of ours.
    """
    if cursor is None:
        return None
    raw = _decoded(cursor)
    if raw[:1] != b"i" or len(raw) != 17:  # noqa: PLR2004 - a letter and a UUID
        raise CursorRefused(pointer="/cursor")
    return uuid.UUID(bytes=raw[1:])


def read_moment(cursor: str | None) -> tuple[dt.datetime, uuid.UUID] | None:
    """The moment and the identifier in a cursor.

    Raises:
        CursorRefused: not one of ours.
    """
    if cursor is None:
        return None
    raw = _decoded(cursor)
    microseconds = int.from_bytes(raw[1:9])
    if raw[:1] != b"m" or len(raw) != 25 or microseconds > LATEST:  # noqa: PLR2004 - a letter, a moment, a UUID
        raise CursorRefused(pointer="/cursor")
    return EPOCH + microseconds * MICROSECOND, uuid.UUID(bytes=raw[9:])


def read_hit(cursor: str | None) -> Hit | None:
    """The hit of a search in a cursor.

    Raises:
        CursorRefused: not one of ours, or of a list that was not sought by words.
    """
    if cursor is None:
        return None
    raw = _decoded(cursor)
    if raw[:1] != b"h" or len(raw) != 21:  # noqa: PLR2004 - a letter, a score, a UUID
        raise CursorRefused(pointer="/cursor")
    return Hit(int.from_bytes(raw[1:5]), uuid.UUID(bytes=raw[5:]))


def read_spot(cursor: str | None) -> Spot | None:
    """The distance and the identifier in a cursor.

    Raises:
        CursorRefused: not one of ours, or of a list that was not around a place.
    """
    if cursor is None:
        return None
    raw = _decoded(cursor)
    if raw[:1] != b"d" or len(raw) != 25:  # noqa: PLR2004 - a letter, a distance, a UUID
        raise CursorRefused(pointer="/cursor")
    distance: float = struct.unpack(">d", raw[1:9])[0]
    if not 0 <= distance <= FARTHEST:
        raise CursorRefused(pointer="/cursor")
    return Spot(distance, uuid.UUID(bytes=raw[9:]))


def read_word(cursor: str | None) -> str | None:
    """The word in a cursor, such as an INSEE code.

    Raises:
        CursorRefused: not one of ours.
    """
    if cursor is None:
        return None
    raw = _decoded(cursor)
    try:
        word = raw[1:].decode("ascii")
    except UnicodeDecodeError:
        word = ""
    if raw[:1] != b"s" or not word.replace("-", "").isalnum():
        raise CursorRefused(pointer="/cursor")
    return word


def read_number(cursor: str | None) -> int | None:
    """The number of an act of the audit log in a cursor.

    Raises:
        CursorRefused: not one of ours.
    """
    word = read_word(cursor)
    if word is None:
        return None
    if not word.isdecimal() or len(word) > 18:  # noqa: PLR2004 - what both databases count up to
        raise CursorRefused(pointer="/cursor")
    return int(word)


def _decoded(cursor: str) -> bytes:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != cursor or not raw:
        raise CursorRefused(pointer="/cursor")
    return raw


def link_to_next(cursor: str | None) -> dict[str, str] | None:
    """The Link header (RFC 8288) that says where the list goes on; None at its end."""
    if cursor is None:
        return None
    asked = current_request()
    arguments = f"cursor={cursor}"
    if asked.query_string:
        arguments = urlencode({**asked.args.to_dict(), "cursor": cursor})
    return link(asked.path, arguments)


def link(path: str, arguments: str) -> dict[str, str]:
    """The Link header to the next page."""
    return {"Link": f'<{path}?{arguments}>; rel="next"'}
