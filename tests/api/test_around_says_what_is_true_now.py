"""What is near is kept in memory, and yet the next answer says whatever has changed, by a deed or by time."""

import datetime as dt

from sqlalchemy import select, text

from citylife.database import new_id
from citylife.neighbourhood import Neighbourhood
from citylife.offers import Offer, OfferStatus
from citylife.shops import Shop
from tests.api.street import POSITION, a_street, nearby
from tests.builders import BETHUNE, NOW

SHOP_A = "WHERE slug = 'a-100-m-bethune'"
OFFERS_OF_A = f"WHERE shop_id = (SELECT id FROM shops {SHOP_A})"
STAND_OF_A = (
    "INSERT INTO shop_stands (shop_id, weekday, label, insee_code, latitude, longitude, hours) "
    f"SELECT id, 1, 'Marché', '{BETHUNE}', latitude + 0.002, longitude, 'Tu 08:00-13:00' FROM shops {SHOP_A}"
)
CHANGES = (
    *(
        f"UPDATE shops SET {change} {SHOP_A}"
        for change in (
            "name = 'Autre'",
            "street = 'Autre rue'",
            "postal_code = '62000'",
            "category = 'books'",
            "opening_hours = 'Mo-Su 00:00-24:00'",
            "fictional = true",
            "insee_code = '62400'",
            "latitude = latitude + 0.003",
            "longitude = longitude + 0.07",
            "longitude = longitude - 0.07",
            "status = 'suspended'",
            "status = 'listed'",
            "unproved = true",
            "unproved = false",
        )
    ),
    STAND_OF_A,
    f"UPDATE shop_stands SET hours = 'Tu 08:00-19:00' {OFFERS_OF_A}",
    f"UPDATE shop_stands SET longitude = longitude + 0.01 {OFFERS_OF_A}",
    f"UPDATE shop_stands SET weekday = 2 {OFFERS_OF_A}",
    f"UPDATE shop_stands SET weekday = 1 {OFFERS_OF_A}",
    f"UPDATE shops SET name = 'Encore' {SHOP_A}",
    f"UPDATE offers SET piece = replace(piece, 'Offre', 'Prix') {OFFERS_OF_A}",
    f"UPDATE offers SET status = 'sold-out' {OFFERS_OF_A}",
    f"UPDATE offers SET status = 'live' {OFFERS_OF_A}",
    f"DELETE FROM shop_stands {OFFERS_OF_A}",
    "UPDATE offers SET ends_at = (SELECT max(updated_at) FROM offers)",
)
OF_AN_OFFER = {"title": "Neuve", "first_saved_at": NOW, "updated_at": NOW, "ends_at": NOW + dt.timedelta(hours=2)}


def test_whatever_changes_and_whoever_changes_it_the_next_answer_says_so(town, app, monkeypatch):
    a_street(town, open_until="19:00")

    def near(known=None):
        with monkeypatch.context() as patch:
            if known is None:
                patch.setattr(Neighbourhood, "within", lambda *_args, **_named: None)
            return nearby(town, position=POSITION, radius=1_500).data

    before = near("known")
    assert before == near()
    for change in CHANGES:
        with town.sessions.begin() as session:
            session.execute(text(change))
        after = near("known")
        assert after != before, change
        assert after == near(), change
        before = after
    with town.sessions.begin() as session:
        shop = session.scalars(select(Shop).where(Shop.name == "À 400 m")).one()
        session.add(
            Offer(id=new_id(), shop_id=shop.id, piece='{"title":"Neuve"}', status=OfferStatus.LIVE, **OF_AN_OFFER)
        )
    assert b"Neuve" in near("known")
    with town.sessions.begin() as session:
        session.execute(text("DELETE FROM offers WHERE title = 'Neuve'"))
    assert near("known") == near() == before


def test_what_only_time_changes_is_said_too(town, clock):
    a_street(town, metres=(100,), open_until="19:00")
    (item,) = nearby(town, position=POSITION).json["items"]
    assert item["offers"] != []
    clock.forward(hours=24)
    (item,) = nearby(town, position=POSITION).json["items"]
    assert item["offers"] == [], "ended, though nothing has ended it yet"
