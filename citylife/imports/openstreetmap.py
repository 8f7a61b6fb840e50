"""OpenStreetMap: a GeoJSON export as overpass-turbo and osmtogeojson write it, read one feature at a time.

Tags stand flat in `properties`, or under `tags` there; the object's name is `node/123`, in `id` or `@id`. Tags:
https://wiki.openstreetmap.org/wiki/Map_features
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, BinaryIO, Final

import ijson

from citylife.addresses import Address
from citylife.categories import BY_TAG, Category, Policy
from citylife.geography import communes
from citylife.hours import check_hours
from citylife.imports.geometry import middle
from citylife.imports.rows import (
    FAR,
    FORBIDDEN,
    NO_NAME,
    NO_POSITION,
    FileRefused,
    Row,
    kept_if,
    postal_code_of,
    street_of,
)
from citylife.shops.facts import (
    NotInTerritory,
    check_place,
    check_siret,
    check_telephone,
    check_website,
)
from citylife.text import folded
from citylife.wording import Sentence

TRADES: Final = tuple(dict.fromkeys(tag.partition("=")[0] for tag in BY_TAG))
"""The keys that may name a trade."""
NOT_WHOLE: Final = Sentence("Ce fichier n’est pas du JSON entier : il est coupé ou abîmé.")
NO_OBJECT: Final = Sentence("Sans identifiant OpenStreetMap.")
NO_TRADE: Final = Sentence("Ni commerce ni lieu d’une de nos catégories.")
BAD_HOURS: Final = Sentence("Pris sans ses horaires, qui ne sont pas compris.")
BAD_TELEPHONE: Final = Sentence("Pris sans son téléphone, qui n’est pas valable.")
BAD_WEBSITE: Final = Sentence("Pris sans son site, dont l’adresse n’est pas valable.")
BAD_SIRET: Final = Sentence("Pris sans son SIRET, qui n’est pas valable.")
TOO_DEEP: Final = Sentence("Ce fichier JSON est imbriqué trop profondément pour un export GeoJSON.")
DEEPEST: Final = 64
"""Arrays and objects within each other; a geometry of GeoJSON needs a dozen. What reads on grows with their square."""
_OPENING: Final = frozenset({"start_map", "start_array"})
_CLOSING: Final = frozenset({"end_map", "end_array"})
_OBJECT: Final = re.compile(r"(?:node|way|relation)/[1-9][0-9]{0,18}")


def verify_features(stream: BinaryIO) -> int:
    """How many features the file holds, once it is known to be whole.

    Raises:
        FileRefused: it is no JSON, is cut short, is nested deeper than any geometry, or holds no FeatureCollection.
    """
    kind: str | None = None
    features: int | None = None
    key, depth, within = "", 0, False
    try:
        for event, value in ijson.basic_parse(stream, use_float=True):
            if event in _CLOSING:
                depth -= 1
                within = within and depth > 1
                continue
            if depth == 1 and event == "map_key":
                key = value
            elif depth == 1 and (key, event) == ("type", "string"):
                kind = value
            elif depth == 1 and (key, event) == ("features", "start_array"):
                features, within = features or 0, True
            elif within and depth == 2 and features is not None:  # noqa: PLR2004 - in the object, in its array
                features += 1
            depth += event in _OPENING
            if depth > DEEPEST:
                raise FileRefused(TOO_DEEP)
    except (ijson.JSONError, UnicodeDecodeError, ValueError, OverflowError):
        raise FileRefused(NOT_WHOLE) from None
    if kind != "FeatureCollection" or features is None:
        raise FileRefused(Sentence("Ce fichier JSON n’est pas un export GeoJSON d’OpenStreetMap (FeatureCollection)."))
    return features


def read_features(stream: BinaryIO) -> Iterator[Row]:
    """The rows of a file that was verified, in its order, numbered from 1."""
    for number, feature in enumerate(ijson.items(stream, "features.item", use_float=True), start=1):
        yield row_of(number, feature)


def row_of(number: int, feature: Any) -> Row:
    """What a feature says of a shop."""
    feature = feature if isinstance(feature, Mapping) else {}
    properties = feature.get("properties")
    properties = properties if isinstance(properties, Mapping) else {}
    inner = properties.get("tags")
    tags = {
        key: value.strip()
        for key, value in (inner if isinstance(inner, Mapping) else properties).items()
        if isinstance(value, str)
    }
    name = tags.get("name") or tags.get("brand") or ""
    origin = _object_of(feature, properties)
    source = f"osm:{origin}" if origin else ""
    category = trade_of(tags)
    fault = _fault(source, category, name)
    if fault is not None or category is None:
        return Row(number=number, source=source, name=name, refusal=fault)
    remarks: list[Sentence] = []
    facts = {**_facts(tags, remarks), "name": name, "category": category.key, "source": source}
    position = middle(feature.get("geometry"))
    address = None if position else _address(tags, facts)
    facts["insee_code"] = _named_commune(tags, position) if position else address and address.insee_code
    refusal = None
    if facts["postal_code"] and facts["postal_code"] not in _postal_codes():
        refusal = FAR
    elif position is None and address is None:
        refusal = NO_POSITION
    return Row(
        number=number,
        source=source,
        name=name,
        facts=facts,
        position=position,
        address=address,
        refusal=refusal,
        remarks=tuple(remarks),
    )


def _fault(source: str, category: Category | None, name: str) -> Sentence | None:
    """The first reason for which the object is no shop for us."""
    if not source:
        return NO_OBJECT
    if category is None:
        return NO_TRADE
    if category.policy is Policy.REFUSED:
        return FORBIDDEN
    return None if name else NO_NAME


def trade_of(tags: Mapping[str, str]) -> Category | None:
    """The category of tags that may name several trades (`shop=bakery;tobacco`); a refused one wins."""
    found = [
        BY_TAG[tag]
        for key in TRADES
        if key in tags
        for value in tags[key].split(";")
        if (tag := f"{key}={value.strip()}") in BY_TAG
    ]
    return next((category for category in found if category.policy is Policy.REFUSED), found[0] if found else None)


def _object_of(feature: Mapping[str, Any], properties: Mapping[str, Any]) -> str | None:
    kind, bare = properties.get("type") or properties.get("@type"), properties.get("id") or properties.get("@id")
    for said in (feature.get("id"), properties.get("@id"), properties.get("id"), f"{kind}/{bare}"):
        if isinstance(said, str) and _OBJECT.fullmatch(said):
            return said
    return None


def _facts(tags: Mapping[str, str], remarks: list[Sentence]) -> dict[str, Any]:
    number, street = _said(tags, "housenumber"), _said(tags, "street") or tags.get("addr:place", "")
    whole = f"{number} {street}".strip() if street else ""
    return {
        "street": street_of(whole, remarks),
        "postal_code": postal_code_of(_said(tags, "postcode"), remarks),
        "opening_hours": kept_if(check_hours, tags.get("opening_hours", ""), BAD_HOURS, remarks),
        "telephone": kept_if(check_telephone, _first(tags, "phone", "contact:phone"), BAD_TELEPHONE, remarks),
        "website": kept_if(check_website, _first(tags, "website", "contact:website"), BAD_WEBSITE, remarks),
        "siret": kept_if(check_siret, _first(tags, "ref:FR:SIRET"), BAD_SIRET, remarks),
    }


def _said(tags: Mapping[str, str], part: str) -> str:
    """A part of the address, in either of the two ways people tag it."""
    return tags.get(f"addr:{part}") or tags.get(f"contact:{part}") or ""


def _first(tags: Mapping[str, str], *keys: str) -> str:
    """The first of the values of the first key that is there: several are set apart by semicolons."""
    return next((tags[key].partition(";")[0].strip() for key in keys if tags.get(key)), "")


def _address(tags: Mapping[str, str], facts: Mapping[str, Any]) -> Address | None:
    insee_code = _communes_by_name().get(folded(_said(tags, "city")))
    if insee_code is None or not facts["street"]:
        return None
    return Address(facts["street"], facts["postal_code"], communes()[insee_code].name, insee_code)


def _named_commune(tags: Mapping[str, str], position: tuple[float, float]) -> str | None:
    """The commune the address names, where the point may lie in it: nearer the truth than its centre's distance."""
    insee_code = _communes_by_name().get(folded(_said(tags, "city")))
    if insee_code is not None:
        try:
            return check_place(*position, insee_code).insee_code
        except NotInTerritory:
            return None
    return None


@cache
def _communes_by_name() -> Mapping[str, str]:
    return {folded(facts.name): facts.insee_code for facts in communes().values()}


@cache
def _postal_codes() -> frozenset[str]:
    return frozenset(code for facts in communes().values() for code in facts.postal_codes)
