"""Atom feeds, read by feedparser: ids that stay, entries that change, and nothing a stranger types can break."""

import datetime as dt
from xml.etree import ElementTree as ET

import feedparser
import pytest

from citylife import offers
from citylife.shops import ShopStatus, change_shop
from citylife.shops.changes import ShopChanges
from tests.builders import an_offer

HOSTILE = (
    "<script>alert(1)</script>",
    "]]><!-- & &amp; <b>",
    "</title></entry><entry>",
    "مخبزة الحي 🥖",
    "x\" y='z' {{ 7*7 }}",
    "&#x0; %0d%0aX-Injected: 1",
)
ATOM = "{http://www.w3.org/2005/Atom}"


def read(town, path, **headers):
    answer = town.client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "application/atom+xml; charset=utf-8"
    root = ET.fromstring(answer.data)  # noqa: S314 - written by us
    for parent in (root, *root.iter(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            assert len(parent.findall(f"{ATOM}{name}")) == 1, f"RFC 4287, 4.1: one {name}"
    feed = feedparser.parse(answer.data)
    assert not feed.bozo, feed.get("bozo_exception")
    assert feed.version == "atom10"
    return feed, answer


@pytest.fixture
def shop(town):
    return town.shop("Le Fournil", street="1 rue d’Arras", postal_code="62400")


def an(town, shop, **said):
    with town.sessions.begin() as session:
        return an_offer(session, shop, now=town.clock(), **said)


def test_the_feed_of_a_shop_tells_its_live_offers(town, shop):
    offer = an(town, shop, title="Tarte au sucre", description="Encore\ntiède", price=450)

    feed, answer = read(town, f"/s/{shop.slug}/offers.atom")

    assert feed.feed.title == "Le Fournil"
    assert {(link.rel, link.href) for link in feed.feed.links} == {
        ("self", f"http://localhost:8000/s/{shop.slug}/offers.atom"),
        ("alternate", f"http://localhost:8000/s/{shop.slug}"),
    }
    (entry,) = feed.entries
    assert entry.id == f"urn:uuid:{offer.id}"
    assert (entry.title, entry.author, entry.link) == (
        "Tarte au sucre",
        "Le Fournil",
        f"http://localhost:8000/o/{offer.id}?from=atom",
    )
    assert entry.published == entry.updated == "2026-11-24T09:00:00+00:00"
    assert [tag.term for tag in entry.tags] == ["bakery"]
    assert "4,50" in entry.content[0].value
    assert entry.content[0].value.endswith("Jusqu’au mardi 24 novembre 2026 à 18 h 00\nEncore\ntiède")
    assert entry.content[0].type == "text/plain"
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert answer.headers["Content-Language"] == "fr"


def test_a_sold_out_offer_keeps_its_id_and_is_updated(town, shop):
    offer = an(town, shop, title="Tarte au sucre")
    town.clock.forward(hours=1)
    with town.sessions.begin() as session:
        offers.sold_out(session, session.get_one(offers.Offer, offer.id), now=town.clock())

    feed, _ = read(town, f"/s/{shop.slug}/offers.atom")

    (entry,) = feed.entries
    assert entry.id == f"urn:uuid:{offer.id}"
    assert entry.title == "Épuisé\xa0: Tarte au sucre"
    assert (entry.published, entry.updated) == ("2026-11-24T09:00:00+00:00", "2026-11-24T10:00:00+00:00")
    assert [tag.term for tag in entry.tags] == ["bakery", "sold-out"]
    assert entry.content[0].value.startswith("Tout est parti.")
    assert feed.feed.updated == entry.updated


def test_what_was_withdrawn_is_told_as_withdrawn_and_not_repeated(town, shop):
    offer = an(town, shop, title="Secret de fabrique", description="À ne pas dire")
    town.clock.forward(hours=1)
    with town.sessions.begin() as session:
        offers.withdraw(session, session.get_one(offers.Offer, offer.id), now=town.clock())

    feed, answer = read(town, f"/s/{shop.slug}/offers.atom")

    (entry,) = feed.entries
    assert (entry.id, entry.title) == (f"urn:uuid:{offer.id}", "Annonce retirée")
    assert entry.link == f"http://localhost:8000/s/{shop.slug}?from=atom"
    assert entry.updated == "2026-11-24T10:00:00+00:00"
    assert "fabrique" not in answer.text
    assert "dire" not in answer.text


def test_what_is_over_was_never_live_or_is_not_live_yet_is_not_told(town, shop):
    for status in (offers.OfferStatus.DRAFT, offers.OfferStatus.SCHEDULED, offers.OfferStatus.ENDED):
        an(town, shop, status=status)
    with town.sessions.begin() as session:
        draft = an_offer(session, shop, status=offers.OfferStatus.DRAFT, now=town.clock())
        offers.withdraw(session, draft, now=town.clock())
    brief = an(town, shop, ends_at=town.clock() + dt.timedelta(hours=1))

    assert [entry.id for entry in read(town, f"/s/{shop.slug}/offers.atom")[0].entries] == [f"urn:uuid:{brief.id}"]
    town.clock.forward(hours=1)
    assert read(town, f"/s/{shop.slug}/offers.atom")[0].entries == []


def test_the_feed_of_a_commune_tells_the_offers_of_its_shops_the_latest_first(town, shop):
    first = an(town, shop, title="Premier")
    town.clock.forward(minutes=5)
    second = an(town, town.shop("Fleurs", category="florist"), title="Second")
    elsewhere = town.shop("Ailleurs", position=(50.5093, 2.4737), insee_code="62048")
    an(town, elsewhere, title="Ailleurs")

    feed, _ = read(town, "/c/62119/offers.atom")

    assert feed.feed.title == "Béthune"
    assert [entry.id for entry in feed.entries] == [f"urn:uuid:{second.id}", f"urn:uuid:{first.id}"]
    assert [entry.author for entry in feed.entries] == ["Fleurs", "Le Fournil"]
    assert read(town, "/c/62048/offers.atom")[0].feed.id != feed.feed.id


def test_ids_stay_when_everything_else_changes(town, shop):
    an(town, shop)
    before = read(town, f"/s/{shop.slug}/offers.atom")[0]
    town.clock.forward(minutes=5)
    with town.sessions.begin() as session:
        mine = session.get_one(type(shop), shop.id)
        change_shop(session, mine, ShopChanges(name="Autre nom"), expected_version=mine.version, now=town.clock())

    after = read(town, f"/s/{shop.slug}/offers.atom")[0]

    assert after.feed.title == "Autre nom"
    assert (after.feed.id, after.entries[0].id) == (before.feed.id, before.entries[0].id)
    assert after.feed.updated > before.feed.updated


@pytest.mark.parametrize("path", ["/s/{slug}/offers.atom", "/s/{slug}/offers.ics", "/c/62119/offers.atom"])
def test_who_has_it_is_answered_304(town, shop, path):
    offer = an(town, shop)
    path = path.format(slug=shop.slug)
    first = town.client.get(path)
    tag, changed = first.headers["ETag"], first.headers["Last-Modified"]

    for headers in ({"If-None-Match": tag}, {"If-Modified-Since": changed}, {"If-None-Match": f'W/{tag}, "x"'}):
        again = town.client.get(path, headers=headers)
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag), headers
    other = {"If-None-Match": '"other"', "If-Modified-Since": changed}
    assert town.client.get(path, headers=other).status_code == 200
    head = town.client.head(path)
    assert (head.status_code, head.data, head.headers["ETag"]) == (200, b"", tag)

    town.clock.forward(minutes=1)
    with town.sessions.begin() as session:
        offers.sold_out(session, session.get_one(offers.Offer, offer.id), now=town.clock())
    for headers in ({"If-None-Match": tag}, {"If-Modified-Since": changed}):
        assert town.client.get(path, headers=headers).status_code == 200


def test_an_empty_feed_is_a_valid_feed(town, shop):
    for path in (f"/s/{shop.slug}/offers.atom", "/c/62119/offers.atom", "/c/62048/offers.atom"):
        feed, _ = read(town, path)
        assert feed.entries == []
        assert feed.feed.updated


@pytest.mark.parametrize(
    "path", ["/s/nulle-part/offers.atom", "/s/nulle-part/offers.ics", "/c/75056/offers.atom", "/c/x/offers.atom"]
)
def test_what_is_not_there_has_no_feed(town, path):
    assert town.client.get(path).status_code == 404


def test_a_suspended_shop_has_no_feed_and_is_in_none(town):
    shop = town.shop(status=ShopStatus.VERIFIED)
    an(town, shop)
    assert len(read(town, "/c/62119/offers.atom")[0].entries) == 1
    with town.sessions.begin() as session:
        session.get_one(type(shop), shop.id).status = ShopStatus.SUSPENDED

    assert town.client.get(f"/s/{shop.slug}/offers.atom").status_code == 404
    assert town.client.get(f"/s/{shop.slug}/offers.ics").status_code == 404
    assert read(town, "/c/62119/offers.atom")[0].entries == []


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_stranger_typed_is_text(town, text):
    shop = town.shop(text)
    an(town, shop, title=text, description=f"{text}\n{text}")

    _, answer = read(town, f"/s/{shop.slug}/offers.atom")

    root = ET.fromstring(answer.data)  # noqa: S314 - written by us
    (entry,) = root.iter(f"{ATOM}entry")
    assert entry.findtext(f"{ATOM}title") == text
    assert entry.findtext(f"{ATOM}author/{ATOM}name") == text
    assert (entry.findtext(f"{ATOM}content") or "").endswith(f"{text}\n{text}")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_reader_of_feeds_finds_them_on_the_pages(town, shop):
    html = {"Accept": "text/html"}
    page = town.client.get(f"/s/{shop.slug}", headers=html).text
    for kind, path in (
        ("application/atom+xml", f"/s/{shop.slug}/offers.atom"),
        ("text/calendar", f"/s/{shop.slug}/offers.ics"),
        ("application/atom+xml", "/c/62119/offers.atom"),
    ):
        assert f'<link rel="alternate" type="{kind}"' in page
        assert f'href="{path}"' in page
        assert town.client.get(path).status_code == 200
    town_page = town.client.get("/chercher?commune=62119", headers=html).text
    assert 'href="/c/62119/offers.atom"' in town_page
    assert "offers.atom" not in town.client.get("/", headers=html).text
