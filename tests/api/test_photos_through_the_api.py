"""Photos through the API: sent, shown by a shop and by its offers, read at an address that never changes."""

import io
import json

import pytest
from PIL import Image
from sqlalchemy import func, select

from citylife.accounts.merchants import Role, Scope
from citylife.offers import Offer, OfferVersion
from citylife.photos import MOST_BYTES, Photo
from citylife.shops import Shop, suspend_shop
from tests.builders import NOW
from tests.pictures import a_drawing, saved

PICTURE = saved(a_drawing(1600, 1200))
DRAFT = {"title": "Tarte au sucre", "ends_at": "2026-11-24T18:00:00+01:00"}
ANY_STATE = {"If-Match": "*"}


@pytest.fixture
def shop(town):
    return town.shop("Le Fournil")


@pytest.fixture
def owner(town, shop):
    return town.merchant(shop)


def send(who, shop, picture=PICTURE, kind="image/jpeg", **headers):
    return who.post(f"/merchant/shops/{shop.id}/photos", data=picture, content_type=kind, headers=headers)


def shows(town, shop):
    return town.client.get(f"/api/v1/shops/{shop.slug}").json["photo"]


def test_a_photo_that_was_sent_is_shown_once_the_shop_says_so(town, shop, owner):
    sent = send(owner, shop)
    assert sent.status_code == 201, sent.json
    photo = sent.json
    assert photo["id"][14] == "8"
    assert (photo["large"]["width"], photo["large"]["height"], photo["small"]["width"]) == (1280, 960, 640)
    assert shows(town, shop) is None

    path = f"/merchant/shops/{shop.id}"
    before = owner.get(path)
    said = owner.patch(path, json={"photo_id": photo["id"]}, headers={"If-Match": before.headers["ETag"]})
    assert (said.status_code, said.json["photo_id"]) == (200, photo["id"])
    assert said.json["version"] == before.json["version"] + 1
    assert shows(town, shop) == photo
    assert owner.patch(path, json={"photo_id": None}, headers={"If-Match": before.headers["ETag"]}).status_code == 412
    assert owner.patch(path, json={"photo_id": None}, headers=ANY_STATE).json["photo_id"] is None
    assert shows(town, shop) is None


def test_it_is_read_at_an_address_for_ever_and_as_nothing_but_a_picture(town, shop, owner):
    photo = send(owner, shop).json
    for size in ("large", "small"):
        read = town.client.get(photo[size]["url"])
        assert (read.status_code, read.content_type) == (200, "image/webp")
        assert read.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert read.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in read.headers["Content-Security-Policy"]
        assert "Set-Cookie" not in read.headers
        assert Image.open(io.BytesIO(read.data)).size == (photo[size]["width"], photo[size]["height"])
        tag = {"If-None-Match": read.headers["ETag"]}
        again = town.client.get(photo[size]["url"], headers=tag)
        assert (again.status_code, again.data) == (304, b"")
    assert town.client.get(photo["large"]["url"].replace("large", "huge")).status_code == 404


def test_the_same_photo_sent_again_is_the_same_and_another_shops_is_another(town, shop, owner):
    photo = send(owner, shop).json
    assert send(owner, shop).json == photo
    key = {"Idempotency-Key": "photo-of-today"}
    assert send(owner, shop, **key).json == photo
    assert send(owner, shop, **key).headers["Idempotency-Replayed"] == "true"
    elsewhere = town.shop()
    assert send(town.merchant(elsewhere), elsewhere).json["id"] != photo["id"]
    with town.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Photo)) == 2


def test_whoever_may_not_is_refused_before_her_picture_is_read(town, shop, owner):
    seller = town.merchant_session(shop, role=Role.SELLER)
    assert send(seller, shop).status_code == 201
    for who, status in (
        (town.merchant(shop, scopes=(Scope.READ,)), 403),
        (town.merchant(town.shop()), 404),
        (town.citizen(), 401),
    ):
        refused = send(who, shop, picture=b"no picture at all")
        assert (refused.status_code, refused.content_type) == (status, "application/problem+json")
    photo = {"photo_id": send(owner, shop).json["id"]}
    assert seller.patch(f"/merchant/shops/{shop.id}", json=photo, headers=ANY_STATE).status_code == 403
    others = town.shop()
    refused = town.merchant(others).patch(f"/merchant/shops/{others.id}", json=photo, headers=ANY_STATE)
    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/photo_id")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ((b"<svg/>", "image/svg+xml"), (415, "unsupported-media-type")),
        ((b"{}", "application/json"), (415, "unsupported-media-type")),
        ((b"<svg/>", "image/png"), (422, "photo-unreadable")),
        ((b"", "image/png"), (422, "photo-unreadable")),
        ((saved(a_drawing(90, 90)), "image/jpeg"), (422, "photo-too-small")),
        ((saved(Image.new("L", (9_000, 6_000))), "image/jpeg"), (422, "photo-too-large")),
        ((bytes(MOST_BYTES + 1), "image/jpeg"), (413, "too-large")),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_kept(town, shop, owner, sent, expected):
    before = town.counts()
    refused = send(owner, shop, *sent, **{"Accept-Language": "en"})
    assert (refused.status_code, refused.json["type"].rpartition("/")[2]) == expected
    assert refused.headers["Content-Language"] == "en"
    assert {**town.counts(), "paces": 0} == {**before, "paces": 0}


def test_a_length_that_is_too_long_is_refused_before_a_byte_of_it_is_read(town, shop, owner):
    class Untouched(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, _into: object) -> int:
            raise AssertionError("it was read")

    answer = owner.client.open(
        f"/api/v1/merchant/shops/{shop.id}/photos",
        method="POST",
        headers=owner.headers,
        content_type="image/jpeg",
        environ_overrides={"wsgi.input": Untouched(), "CONTENT_LENGTH": str(MOST_BYTES * 50)},
    )
    assert answer.status_code == 413
    assert "10" in answer.json["detail"]


def test_an_offer_shows_a_photo_of_its_shop_and_each_version_keeps_its_own(town, shop, owner):
    first, second = (send(owner, shop, saved(a_drawing(colour=colour))).json for colour in ("navy", "teal"))
    offers = f"/merchant/shops/{shop.id}/offers"
    offer = owner.post(offers, json={**DRAFT, "photo_id": first["id"]}).json
    assert offer["photo_id"] == first["id"]
    path = f"/merchant/offers/{offer['id']}"
    owner.post(f"{path}/publish")
    assert town.client.get(f"/api/v1/offers/{offer['id']}").json["photo"] == first

    assert owner.patch(path, json={"photo_id": second["id"]}, headers=ANY_STATE).status_code == 200
    assert town.client.get(f"/api/v1/shops/{shop.slug}/offers").json["items"][0]["photo"] == second
    with town.sessions() as session:
        said = session.scalars(select(OfferVersion.content).order_by(OfferVersion.number)).all()
        assert [content["photo_id"] for content in said] == [first["id"], second["id"]]
        assert [photo.published for photo in session.scalars(select(Photo))] == [True, True]
        assert json.loads(str(session.scalars(select(Offer.piece)).one()))["photo"] == second

    elsewhere = town.shop()
    theirs = send(town.merchant(elsewhere), elsewhere).json["id"]
    for refused in (
        owner.post(offers, json={**DRAFT, "photo_id": theirs}),
        owner.patch(path, json={"photo_id": theirs}, headers=ANY_STATE),
    ):
        assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/photo_id")


def test_a_suspended_shops_photos_are_nowhere_any_more(town, shop, owner):
    photo = send(owner, shop).json
    owner.patch(f"/merchant/shops/{shop.id}", json={"photo_id": photo["id"]}, headers=ANY_STATE)
    with town.sessions.begin() as session:
        suspend_shop(session, session.get_one(Shop, shop.id), reason="Signalée.", now=NOW)
    assert town.client.get(photo["large"]["url"]).status_code == 404
    assert send(owner, shop).status_code == 201, "drafts and their photos are prepared meanwhile"


def test_a_merchant_sends_so_many_an_hour(town, shop, owner, monkeypatch):
    monkeypatch.setattr(type(town.app.extensions["citylife"].darkroom), "_run", lambda *_: (1, b""))
    answers = [send(owner, shop).status_code for _ in range(61)]
    assert (answers[:60], answers[60]) == ([422] * 60, 429)
