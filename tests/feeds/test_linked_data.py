"""schema.org data in the pages: read by a JSON-LD processor, true to the page, and closed to whatever is typed."""

import datetime as dt
import json
from html.parser import HTMLParser

import pytest
from justhtml import JustHTML
from pyld import jsonld

from citylife import offers
from tests.builders import a_stand, an_offer

SCHEMA = "https://schema.org/"
CONTEXT = {
    "@context": {
        "@vocab": SCHEMA,
        **{
            term: {"@type": "@id"}
            for term in ("url", "sameAs", "availability", "eventStatus", "eventAttendanceMode", "dayOfWeek")
        },
    }
}
"""What https://schema.org answers to a JSON-LD processor, for the terms used here; nothing is fetched."""


def load(address, _options=None):
    assert address.rstrip("/") == "https://schema.org", address
    return {"contextUrl": None, "documentUrl": address, "document": CONTEXT, "contentType": "application/ld+json"}


class Scripts(HTMLParser):
    """The script elements of a page, with what stands in them."""

    def __init__(self, page) -> None:
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag == "script":
            self.found.append([dict(attrs), ""])

    def handle_data(self, data):
        if self.found and self.cdata_elem == "script":
            self.found[-1][1] += data


def read(town, path):
    answer = town.client.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == 200
    blocks = [text for attrs, text in Scripts(answer.text).found if attrs.get("type") == "application/ld+json"]
    assert len(blocks) == 1
    assert not any(mark in blocks[0] for mark in "<>&\u2028\u2029")
    document = json.loads(blocks[0])
    (thing,) = jsonld.expand(document, {"documentLoader": load, "base": "http://localhost:8000/"})
    unknown = [key for key in keys(thing) if not key.startswith(("@", SCHEMA))]
    assert unknown == []
    assert JustHTML(answer.text, sanitize=False, collect_errors=True).errors == []
    return document, thing


def keys(node):
    if isinstance(node, list):
        for one in node:
            yield from keys(one)
    elif isinstance(node, dict):
        for key, value in node.items():
            yield key
            yield from keys(value)


def value(thing, *path):
    for name in path:
        (thing,) = thing[SCHEMA + name]
    return thing.get("@value", thing.get("@id"))


@pytest.fixture
def shop(town):
    return town.shop(
        "Le Fournil",
        street="1 rue d’Arras",
        postal_code="62400",
        opening_hours="Tu-Fr 08:00-12:30,14:00-19:00; Sa 20:00-02:00; Su 00:00-24:00; PH off",
        website="https://fournil.example/",
        telephone="03 21 57 00 00",
    )


def an(town, shop, **said):
    with town.sessions.begin() as session:
        return an_offer(session, shop, now=town.clock(), **said)


def test_a_market_trader_is_said_where_she_is_today_and_when_she_is_there(town, shop):
    begins = town.clock() + dt.timedelta(days=1)
    event = an(town, shop, kind=offers.OfferKind.EVENT, starts_at=begins, ends_at=begins + dt.timedelta(hours=2))
    with town.sessions.begin() as session:
        a_stand(session, shop, 1)

    document, thing = read(town, f"/s/{shop.slug}")
    assert value(thing, "address", "streetAddress") == "Marché de Bruay"
    assert value(thing, "address", "addressLocality") == "Bruay-la-Buissière"
    assert SCHEMA + "postalCode" not in thing[SCHEMA + "address"][0]
    assert (value(thing, "geo", "latitude"), value(thing, "geo", "longitude")) == (50.4833, 2.55)
    (there,) = document["openingHoursSpecification"]
    assert (there["validFrom"], there["opens"], there["closes"]) == ("2026-11-24", "08:00", "12:30")

    _, coming = read(town, f"/o/{event.id}")
    assert value(coming, "location", "address", "streetAddress") == "1 rue d’Arras"

    town.clock.forward(days=1)
    document, thing = read(town, f"/s/{shop.slug}")
    assert value(thing, "address", "streetAddress") == "1 rue d’Arras"
    assert "2026-12-01" not in {day["validFrom"] for day in document["openingHoursSpecification"]}


def test_a_shop_says_what_it_is_where_and_when_it_is_open(town, shop):
    offer = an(town, shop, title="Tarte au sucre", price=450)

    document, thing = read(town, f"/s/{shop.slug}")

    assert thing["@type"] == [SCHEMA + "Bakery"]
    assert thing["@id"] == f"http://localhost:8000/s/{shop.slug}"
    assert value(thing, "name") == "Le Fournil"
    assert value(thing, "address", "streetAddress") == "1 rue d’Arras"
    assert value(thing, "address", "addressLocality") == "Béthune"
    assert (value(thing, "geo", "latitude"), value(thing, "geo", "longitude")) == (50.53015, 2.64035)
    assert value(thing, "sameAs") == "https://fournil.example/"
    assert value(thing, "makesOffer", "url") == f"http://localhost:8000/o/{offer.id}"
    assert value(thing, "makesOffer", "price") == "4.50"
    said = [
        (day["validFrom"], day["dayOfWeek"].rpartition("/")[2], day["opens"], day["closes"])
        for day in document["openingHoursSpecification"]
    ]
    assert said[:2] == [("2026-11-24", "Tuesday", "08:00", "12:30"), ("2026-11-24", "Tuesday", "14:00", "19:00")]
    assert ("2026-11-28", "Saturday", "20:00", "23:59") in said
    assert ("2026-11-29", "Sunday", "00:00", "23:59") in said
    assert not [day for day in said if day[1] == "Monday"]
    assert len(said) == 10


def test_a_public_holiday_is_closed_to_machines_too(town, shop):
    town.clock.moment = dt.datetime(2026, 12, 22, 9, 0, tzinfo=dt.UTC)

    document, _ = read(town, f"/s/{shop.slug}")

    assert "2026-12-25" not in {day["validFrom"] for day in document["openingHoursSpecification"]}
    assert "2026-12-24" in {day["validFrom"] for day in document["openingHoursSpecification"]}


def test_a_trade_without_a_word_is_a_local_business_and_a_shop_without_facts_says_less(town):
    shop = town.shop("Divers", category="services")

    document, thing = read(town, f"/s/{shop.slug}")

    assert thing["@type"] == [SCHEMA + "LocalBusiness"]
    assert {"openingHoursSpecification", "telephone", "sameAs", "makesOffer", "description"}.isdisjoint(document)


def test_an_invented_shop_says_so(town):
    shop = town.shop("Inventé", fictional=True)

    assert "fictif" in read(town, f"/s/{shop.slug}")[0]["disambiguatingDescription"]


def test_an_offer_says_its_price_until_when_and_whether_there_is_any_left(town, shop):
    offer = an(town, shop, title="Pains", price=100, quantity=12)

    _, thing = read(town, f"/o/{offer.id}")

    assert thing["@type"] == [SCHEMA + "Offer"]
    assert (value(thing, "price"), value(thing, "priceCurrency")) == ("1.00", "EUR")
    assert value(thing, "validThrough") == "2026-11-24T17:00:00+00:00"
    assert value(thing, "availability") == SCHEMA + "LimitedAvailability"
    assert value(thing, "seller", "name") == "Le Fournil"
    with town.sessions.begin() as session:
        offers.sold_out(session, session.get_one(offers.Offer, offer.id), now=town.clock())
    assert value(read(town, f"/o/{offer.id}")[1], "availability") == SCHEMA + "SoldOut"


def test_an_offer_that_is_over_is_discontinued(town, shop):
    offer = an(town, shop)
    assert value(read(town, f"/o/{offer.id}")[1], "availability") == SCHEMA + "InStock"

    town.clock.forward(hours=8)

    assert value(read(town, f"/o/{offer.id}")[1], "availability") == SCHEMA + "Discontinued"


def test_an_event_says_where_and_when(town, shop):
    offer = an(town, shop, kind=offers.OfferKind.EVENT, title="Atelier", price=0)

    _, thing = read(town, f"/o/{offer.id}")

    assert thing["@type"] == [SCHEMA + "Event"]
    assert (value(thing, "startDate"), value(thing, "endDate")) == (
        "2026-11-24T09:00:00+00:00",
        "2026-11-24T17:00:00+00:00",
    )
    assert value(thing, "location", "address", "postalCode") == "62400"
    assert value(thing, "offers", "price") == "0.00"
    assert value(read(town, f"/s/{shop.slug}")[1], "event", "name") == "Atelier"


@pytest.mark.parametrize(
    "typed",
    [
        "</script><script>alert(1)</script>",
        "<!-- <script> -->",
        "]]> & &lt; \\u003c/script> \\",
        '"}, {"@type": "Person", "name": "x',
        "مخبزة الحي 🥖",
    ],
)
def test_nothing_that_is_typed_closes_the_block(town, typed):
    shop = town.shop(typed, description=typed, street=typed)
    offer = an(town, shop, title=typed, description=typed)

    for path, name in ((f"/s/{shop.slug}", "name"), (f"/o/{offer.id}", "name")):
        document, thing = read(town, path)
        assert document[name] == value(thing, name) == typed
