"""iCalendar (RFC 5545): offers as events that keep their ids; one that was called off is cancelled, not forgotten."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from blueprints.feeds.telling import State, Told

LONGEST_LINE: Final = 75
"""Octets of a line, without its end; what follows goes on in the next one, behind a space."""
REFRESH: Final = "PT1H"
ESCAPED: Final = {"\\": "\\\\", ";": "\\;", ",": "\\,", "\r\n": "\\n", "\n": "\\n", "\r": "\\n"}


def written(name: str, page: str, told: Sequence[Told]) -> bytes:
    """A calendar to subscribe to, in UTF-8; every line ends with CR and LF."""
    itself = (
        f"NAME:{text(name)}",
        f"X-WR-CALNAME:{text(name)}",
        f"URL:{page}",
        f"REFRESH-INTERVAL;VALUE=DURATION:{REFRESH}",
        f"X-PUBLISHED-TTL:{REFRESH}",
    )
    return _document(itself, told)


def written_alone(told: Told) -> bytes:
    """One offer, to be put into a calendar that somebody has: nothing in it names or refreshes a calendar of ours."""
    return _document((), (told,))


def _document(itself: Iterable[str], told: Iterable[Told]) -> bytes:
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Citylife//Offres//FR",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        *itself,
        *(line for each in told for line in _event(each)),
        "END:VCALENDAR",
    ]
    return b"".join(folded_line(line) for line in lines)


def text(value: str) -> str:
    """A text in its escaped form: no character of it can end its line or begin another property."""
    for plain, escaped in ESCAPED.items():
        value = value.replace(plain, escaped)
    return "".join(mark for mark in value if mark >= " " and mark != "\x7f")


def folded_line(line: str) -> bytes:
    """A line cut to 75 octets, never inside a character."""
    pieces: list[bytes] = [b""]
    for mark in line:
        encoded = mark.encode()
        if len(pieces[-1]) + len(encoded) > LONGEST_LINE:
            pieces.append(b" ")
        pieces[-1] += encoded
    return b"\r\n".join(pieces) + b"\r\n"


def _event(told: Told) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{told.offer_id.urn}"
    yield f"DTSTAMP:{_moment(told.changed)}"
    yield f"CREATED:{_moment(told.published)}"
    yield f"LAST-MODIFIED:{_moment(told.changed)}"
    yield f"SEQUENCE:{told.revision}"
    yield f"STATUS:{'CONFIRMED' if told.state is State.LIVE else 'CANCELLED'}"
    yield f"DTSTART:{_moment(told.begins)}"
    yield f"DTEND:{_moment(told.ends)}"
    yield "TRANSP:TRANSPARENT"
    yield f"SUMMARY:{text(told.title)}"
    yield f"DESCRIPTION:{text(told.text)}"
    yield f"LOCATION:{text(told.place)}"
    yield f"GEO:{told.latitude:.6f};{told.longitude:.6f}"
    yield f"URL:{told.page}"
    yield f"CATEGORIES:{text(told.category)}"
    yield "END:VEVENT"


def _moment(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
