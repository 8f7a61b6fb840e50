"""Atom (RFC 4287): a feed whose entries keep their ids, and are updated when an offer is corrected or called off."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree as ET

from blueprints.feeds.telling import State, Told

NAMESPACE: Final = "http://www.w3.org/2005/Atom"
FEEDS: Final = uuid.UUID("6f0d6f5e-2d0c-5a52-9f0b-0c1f5a3f7a10")
"""The name space of our feeds' ids (RFC 9562, version 5): they stay whatever host serves them."""

FOUNDED: Final = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
"""When a feed that never had anything to tell was last changed."""


@dataclass(frozen=True, slots=True)
class Feed:
    """What a feed says of itself; `key` names what it is of."""

    key: str
    title: str
    subtitle: str
    page: str
    itself: str
    changed: dt.datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """Something a feed tells that is no offer; `key` names it for ever."""

    key: str
    title: str
    changed: dt.datetime
    page: str
    text: str


def written(feed: Feed, told: Sequence[Told]) -> bytes:
    """The document, in UTF-8."""
    root = _opened(feed)
    for each in told:
        _entry(root, each)
    return _closed(root)


def written_of(feed: Feed, entries: Sequence[Entry]) -> bytes:
    """The document of what are no offers, in UTF-8; the feed itself is their author."""
    root = _opened(feed)
    author = ET.SubElement(root, "author")
    _say(author, "name", "Citylife")
    for each in entries:
        entry = ET.SubElement(root, "entry")
        _say(entry, "id", uuid.uuid5(FEEDS, each.key).urn)
        _say(entry, "title", each.title)
        _say(entry, "updated", _moment(each.changed))
        _link(entry, "alternate", each.page, "text/html")
        ET.SubElement(entry, "content", {"type": "text"}).text = each.text
    return _closed(root)


def _opened(feed: Feed) -> ET.Element:
    root = ET.Element("feed", {"xmlns": NAMESPACE, "xml:lang": "fr"})
    _say(root, "id", uuid.uuid5(FEEDS, feed.key).urn)
    _say(root, "title", feed.title)
    _say(root, "subtitle", feed.subtitle)
    _say(root, "updated", _moment(feed.changed))
    _link(root, "self", feed.itself, "application/atom+xml")
    _link(root, "alternate", feed.page, "text/html")
    _say(root, "generator", "Citylife")
    return root


def _closed(root: ET.Element) -> bytes:
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _entry(root: ET.Element, told: Told) -> None:
    entry = ET.SubElement(root, "entry")
    _say(entry, "id", told.offer_id.urn)
    _say(entry, "title", told.title)
    _say(entry, "published", _moment(told.published))
    _say(entry, "updated", _moment(told.changed))
    author = ET.SubElement(entry, "author")
    _say(author, "name", told.shop_name)
    _say(author, "uri", told.shop_page)
    _link(entry, "alternate", f"{told.page}?from=atom", "text/html")
    ET.SubElement(entry, "category", {"term": told.category})
    if told.state is not State.LIVE:
        ET.SubElement(entry, "category", {"term": told.state.value})
    ET.SubElement(entry, "content", {"type": "text"}).text = told.text


def _say(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, name).text = text


def _link(parent: ET.Element, relation: str, address: str, content_type: str) -> None:
    ET.SubElement(parent, "link", {"rel": relation, "href": address, "type": content_type})


def _moment(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat()
