"""Shops and offers by words through the API: ranked, paged, filtered, cached, and strict about what is asked."""

import datetime as dt

import pytest

from citylife.shops import ShopStatus
from tests.builders import an_offer


def pointers(answer):
    return {fault["pointer"] for fault in answer.json["errors"]}


@pytest.fixture
def street(town):
    for name, hours in (
        ("Boulangerie du Beffroi", "19:00"),
        ("Boulangerie des Lilas", None),
        ("Beffroi Optique", "18:00"),
    ):
        town.shop(name, category="optician" if "Optique" in name else "bakery", open_until=hours)
    return town


def found(town, path):
    answer = town.client.get(f"/api/v1{path}")
    assert answer.status_code == 200, answer.text
    return [item.get("name", item.get("title")) for item in answer.json["items"]]


def test_a_misspelt_shop_is_found(street):
    assert found(street, "/shops?q=boulangrie du befroi") == ["Boulangerie du Beffroi"]
    assert found(street, "/shops?q=beffroi") == ["Beffroi Optique", "Boulangerie du Beffroi"]
    assert found(street, "/shops?q=beffroi&category=bakery") == ["Boulangerie du Beffroi"]
    assert found(street, "/shops?q=beffroi&commune=62119") == ["Beffroi Optique", "Boulangerie du Beffroi"]
    assert found(street, "/shops?q=beffroi&commune=62048") == []
    assert found(street, "/shops?q=zzz") == []
    assert len(found(street, "/shops?q=%20")) == len(found(street, "/shops?q=!")) == 3


def test_only_open_shops_when_asked(street):
    assert found(street, "/shops?open_now=true&q=boulangerie") == ["Boulangerie du Beffroi"]
    assert len(found(street, "/shops?open_now=false")) == 3
    assert set(found(street, "/shops?open_now=true")) == {"Boulangerie du Beffroi", "Beffroi Optique"}
    street.clock.forward(hours=12)
    assert found(street, "/shops?open_now=true") == []


def test_offers_are_listed_the_first_to_end_first_and_found_by_words(street):
    shop = street.shop("Chez Wiplier", category="bakery")
    with street.sessions.begin() as session:
        for title, hours in (("Tarte au sucre", 5), ("Tarte à gros bords", 3), ("Couques", 4)):
            an_offer(session, shop, title=title, ends_at=street.clock() + dt.timedelta(hours=hours), now=street.clock())

    assert found(street, "/offers") == ["Tarte à gros bords", "Couques", "Tarte au sucre"]
    assert found(street, "/offers?q=tart sucre") == ["Tarte au sucre"]
    assert set(found(street, "/offers?q=wiplier")) == {"Tarte à gros bords", "Couques", "Tarte au sucre"}
    assert found(street, "/offers?q=tarte&commune=62048") == found(street, "/offers?category=books") == []
    assert set(found(street, "/offers?commune=62119&category=bakery")) == {
        "Tarte à gros bords",
        "Couques",
        "Tarte au sucre",
    }
    assert found(street, "/offers?commune=62119&category=books") == []
    one = street.client.get("/api/v1/offers?q=couques").json["items"][0]
    assert one == street.client.get(f"/api/v1/offers/{one['id']}").json
    street.clock.forward(hours=4)
    assert found(street, "/offers") == found(street, "/offers?q=tarte") == ["Tarte au sucre"]


def test_nothing_of_a_suspended_shop_is_listed(town):
    shop = town.shop("Boulangerie Perdue", status=ShopStatus.SUSPENDED)

    for path in ("/shops", "/shops?q=perdue", "/shops?commune=62119", "/shops?category=bakery", "/offers?q=perdue"):
        assert found(town, path) == [], shop.slug


@pytest.mark.parametrize("path", ["/shops?q=boulangerie&limit=2", "/offers?q=pain&limit=2", "/offers?limit=2"])
def test_a_search_goes_on_page_after_page(town, path):
    for number in range(5):
        shop = town.shop(f"Boulangerie n° {number}")
        with town.sessions.begin() as session:
            an_offer(session, shop, title=f"Pain {number}", now=town.clock())
    whole = found(town, path.replace("limit=2", "limit=100"))
    assert len(whole) == 5

    paged, following = [], path
    while following:
        answer = town.client.get(following if following.startswith("/api") else f"/api/v1{following}")
        paged += [item.get("name", item.get("title")) for item in answer.json["items"]]
        link = answer.headers.get("Link")
        assert (link is None) == (answer.json["next_cursor"] is None)
        following = link and link[1:].partition(">")[0]
    assert paged == whole


@pytest.mark.parametrize("path", ["/shops?q=boulangerie", "/offers", "/offers?q=pain"])
def test_what_was_found_is_public_and_tagged(street, path):
    answer = street.client.get(f"/api/v1{path}")

    assert answer.headers["Cache-Control"] == "public, max-age=30"
    tagged = street.client.get(f"/api/v1{path}", headers={"If-None-Match": answer.headers["ETag"]})
    assert (tagged.status_code, tagged.data) == (304, b"")


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ("/shops?query=pain", "/query"),
        ("/offers?radius=300", "/radius"),
        ("/offers?open_now=true", "/open_now"),
        ("/shops?open_now=yes", "/open_now"),
        ("/shops?q=" + "x" * 81, "/q"),
        ("/offers?q=a&q=b", "/q"),
        ("/offers?limit=101", "/limit"),
        ("/shops?q=pain&cursor=AAAA", "/cursor"),
        ("/offers?cursor=bm9uZQ", "/cursor"),
    ],
)
def test_what_is_not_understood_is_refused(town, path, pointer):
    answer = town.client.get(f"/api/v1{path}")

    assert answer.status_code == 422
    assert pointers(answer) == {pointer}


def test_a_cursor_of_a_list_is_none_of_a_search(town):
    for number in range(3):
        town.shop(f"Boulangerie n° {number}")
    listed = town.client.get("/api/v1/shops?limit=1").json["next_cursor"]
    ranked = town.client.get("/api/v1/shops?limit=1&q=boulangerie").json["next_cursor"]

    for path in (f"/shops?q=boulangerie&cursor={listed}", f"/shops?cursor={ranked}", f"/offers?cursor={ranked}"):
        assert town.client.get(f"/api/v1{path}").status_code == 422
