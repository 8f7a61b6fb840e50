"""A citizen through the API: made by one tap, known by token or cookie, erased at once."""

import base64

import pytest
from sqlalchemy import func, select

from citylife.accounts.citizens import Citizen, CitizenDay, CitizenToken
from citylife.activity import Counted, DailyCount
from citylife.consent import TEXTS, Purpose
from citylife.devices import Device
from citylife.follows import Follow
from citylife.ledger.expansion import expand_page
from citylife.shops import ShopStatus
from tests.builders import a_follow, an_offer, browser_keys

OURS = {"Sec-Fetch-Site": "same-origin"}
AGREED = {"purpose": "notifications", "granted": True, "text_version": TEXTS[Purpose.NOTIFICATIONS].version}


def slug_of(answer):
    return answer.json["type"].rpartition("/")[2]


def a_subscription(path="abc"):
    _, keys = browser_keys()
    encoded = {name: base64.urlsafe_b64encode(getattr(keys, name)).decode().rstrip("=") for name in ("p256dh", "auth")}
    return {"endpoint": f"https://updates.push.services.mozilla.com/wpush/v2/{path}", "keys": encoded}


def test_a_citizen_is_made_without_saying_anything(town):
    answer = town.client.post("/api/v1/citizens", headers={"Accept-Language": "en-GB,en;q=0.8"})
    assert answer.status_code == 201
    assert set(answer.json) == {"id", "token"}
    assert answer.headers["Cache-Control"] == "no-store"
    me = town.client.get("/api/v1/me", headers={"Authorization": f"Bearer {answer.json['token']}"})
    assert (me.json["id"], me.json["locale"], me.json["quiet_from"]) == (answer.json["id"], "en", "20:00")
    with town.sessions() as session:
        stored = session.scalars(select(CitizenToken.digest)).one()
        assert len(stored) == 32
        assert stored not in base64.urlsafe_b64decode(answer.json["token"])


def test_a_repeated_birth_is_told_that_it_was_answered(town):
    key = {"Idempotency-Key": "6f1c5c0e-7d0a-4a8e-9a53-3c5a8f6f6d11"}
    assert town.client.post("/api/v1/citizens", headers=key).status_code == 201
    again = town.client.post("/api/v1/citizens", headers=key)
    assert (again.status_code, slug_of(again)) == (409, "already-answered")
    with town.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Citizen)) == 1


def test_our_pages_get_a_cookie_that_no_script_reads(town):
    browser = town.app.test_client()
    answer = browser.post("/api/v1/citizens", json={"cookie": True}, headers=OURS)
    assert answer.status_code == 201
    assert set(answer.json) == {"id"}
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-citylife=")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert browser.get("/api/v1/me").json["id"] == answer.json["id"]
    kept = browser.post("/api/v1/citizens", json={"cookie": True}, headers=OURS)
    assert (kept.status_code, kept.json) == (200, answer.json)


def test_a_page_elsewhere_cannot_act_with_her_cookie(town):
    browser = town.app.test_client()
    browser.post("/api/v1/citizens", json={"cookie": True}, headers=OURS)
    before = town.counts()
    elsewhere = [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:8000.evil.example"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost:8000"},
    ]
    for headers in elsewhere:
        for answer in (
            browser.patch("/api/v1/me", json={"digest": False}, headers=headers),
            browser.delete("/api/v1/me", headers=headers),
            browser.post("/api/v1/citizens", json={"cookie": True}, headers=headers),
        ):
            assert (answer.status_code, slug_of(answer)) == (403, "cross-site")
    assert town.counts() == before
    assert (
        browser.patch("/api/v1/me", json={"digest": False}, headers={"Origin": "http://localhost"}).status_code == 200
    )
    assert browser.get("/api/v1/me", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


def test_a_token_that_speaks_for_nobody_is_told_to_sign_in(town):
    citizen = town.citizen()
    wrong = [
        None,
        "Bearer",
        "Bearer ",
        f"Basic {citizen.token}",
        f"Bearer {citizen.token[:-1]}",
        f"Bearer {citizen.token[:-1]}{'A' if citizen.token[-1] != 'A' else 'B'}",
        "Bearer clk_" + "x" * 43,
        "Bearer " + "é" * 64,
    ]
    for value in wrong:
        headers = {} if value is None else {"Authorization": value}
        for path in ("/me", "/me/feed", "/me/follows"):
            answer = town.client.get(f"/api/v1{path}", headers=headers)
            assert (answer.status_code, slug_of(answer)) == (401, "sign-in-needed"), (path, value)
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert town.client.get("/api/v1/me", headers={"Authorization": f"bearer {citizen.token}"}).status_code == 200


def test_she_changes_what_she_wishes_and_nothing_else(town):
    citizen = town.citizen()
    before = citizen.get("/me")
    changed = citizen.patch("/me", json={"weekly_budget": 3, "quiet_from": "21:30", "time_zone": "Europe/Brussels"})
    assert changed.status_code == 200
    assert changed.json == {
        **before.json,
        "weekly_budget": 3,
        "quiet_from": "21:30",
        "time_zone": "Europe/Brussels",
    }
    stale = citizen.patch("/me", json={"digest": False}, headers={"If-Match": before.headers["ETag"]})
    assert stale.status_code == 412
    fresh = citizen.patch("/me", json={"digest": False}, headers={"If-Match": changed.headers["ETag"]})
    assert fresh.status_code == 200


def test_everything_of_hers_is_erased_and_her_token_with_it(town):
    citizen = town.citizen()
    other = town.citizen()
    shop = town.shop()
    for caller in (citizen, other):
        assert caller.put(f"/me/follows/{shop.id}").status_code == 201
        assert caller.post("/me/devices", json=a_subscription(str(caller.id))).status_code == 201
    receipt = citizen.delete("/me")
    assert receipt.status_code == 200
    assert set(receipt.json) == {"id", "erased_at"}
    assert str(citizen.id) not in receipt.text
    assert citizen.get("/me").status_code == 401
    assert citizen.get("/me/feed").status_code == 401
    with town.sessions() as session:
        for table in (Citizen, Follow, Device, CitizenToken):
            assert session.scalar(select(func.count()).select_from(table)) == 1


def test_consents_are_added_and_the_latest_counts(town):
    citizen = town.citizen(consented=False)
    assert citizen.get("/me").json["notifications_consented"] is False
    agreed = citizen.post("/me/consents", json=AGREED, headers={"Accept-Language": "en"})
    assert (agreed.status_code, agreed.json["locale"]) == (201, "en")
    assert citizen.get("/me").json["notifications_consented"] is True
    citizen.post("/me/consents", json={**AGREED, "granted": False, "locale": "fr"})
    assert citizen.get("/me").json["notifications_consented"] is False
    listed = citizen.get("/me/consents").json["items"]
    assert [(answer["granted"], answer["locale"]) for answer in listed] == [(False, "fr"), (True, "en")]


def test_a_device_is_registered_refreshed_and_forgotten(town):
    citizen = town.citizen(consented=False)
    subscription = a_subscription()
    refused = citizen.post("/me/devices", json=subscription)
    assert (refused.status_code, slug_of(refused)) == (409, "no-consent")
    citizen.post("/me/consents", json=AGREED)
    added = citizen.post("/me/devices", json={**subscription, "expirationTime": None})
    assert added.status_code == 201
    assert added.json["push_service"] == "updates.push.services.mozilla.com"
    assert subscription["endpoint"] not in added.text
    again = citizen.post("/me/devices", json=subscription)
    assert (again.status_code, again.json["id"]) == (200, added.json["id"])
    assert len(citizen.get("/me/devices").json["items"]) == 1
    other = town.citizen()
    assert other.delete(f"/me/devices/{added.json['id']}").status_code == 404
    assert citizen.delete(f"/me/devices/{added.json['id']}").status_code == 204
    assert citizen.delete(f"/me/devices/{added.json['id']}").status_code == 404
    assert citizen.get("/me/devices").json["items"] == []


def test_an_eleventh_device_is_one_too_many(town):
    citizen = town.citizen()
    for number in range(10):
        assert citizen.post("/me/devices", json=a_subscription(f"n{number}")).status_code == 201
    answer = citizen.post("/me/devices", json=a_subscription("n10"))
    assert (answer.status_code, slug_of(answer)) == (409, "too-many-devices")


def test_the_push_key_is_a_point_a_browser_subscribes_with(town):
    answer = town.client.get("/api/v1/push/key")
    assert len(base64.urlsafe_b64decode(answer.json["key"] + "==")) == 65


def test_a_browser_says_which_key_it_subscribed_with_and_whose_place_it_takes(town):
    citizen = town.citizen()
    key = town.client.get("/api/v1/push/key").json["key"]
    first = citizen.post("/me/devices", json={**a_subscription("first"), "applicationServerKey": key})
    assert first.status_code == 201
    foreign = {**a_subscription("other"), "applicationServerKey": key[:-1] + ("A" if key[-1] == "Q" else "Q")}
    refused = citizen.post("/me/devices", json=foreign)
    assert (refused.status_code, slug_of(refused)) == (422, "push-key-unknown")
    second = citizen.post("/me/devices", json={**a_subscription("second"), "replaces": first.json["id"]})
    assert second.status_code == 201
    assert [device["id"] for device in citizen.get("/me/devices").json["items"]] == [second.json["id"]]


def test_she_follows_at_a_level_and_no_more(town):
    citizen = town.citizen()
    shops = [town.shop(f"Commerce {number}") for number in range(4)]
    for shop in shops[:3]:
        answer = citizen.put(f"/me/follows/{shop.id}", json={"level": "always"})
        assert (answer.status_code, answer.json["level"]) == (201, "always")
    many = citizen.put(f"/me/follows/{shops[3].id}", json={"level": "always"})
    assert many.status_code == 409
    assert citizen.put(f"/me/follows/{shops[3].id}").json["level"] == "normal"
    assert citizen.put(f"/me/follows/{shops[0].id}", json={"level": "none"}).status_code == 200
    assert citizen.put(f"/me/follows/{shops[3].id}", json={"level": "always"}).status_code == 200
    listed = citizen.get("/me/follows").json["items"]
    assert {follow["shop"]["name"]: follow["level"] for follow in listed} == {
        "Commerce 0": "none",
        "Commerce 1": "always",
        "Commerce 2": "always",
        "Commerce 3": "always",
    }
    assert citizen.delete(f"/me/follows/{shops[1].id}").status_code == 204
    assert citizen.delete(f"/me/follows/{shops[1].id}").status_code == 204
    assert len(citizen.get("/me/follows").json["items"]) == 3


def test_a_shop_that_is_not_public_cannot_be_followed(town):
    citizen = town.citizen()
    suspended = town.shop(status=ShopStatus.SUSPENDED)
    absent = citizen.put("/me/follows/01936f00-0000-7000-8000-000000000000")
    hidden = citizen.put(f"/me/follows/{suspended.id}")
    assert (absent.status_code, hidden.status_code) == (404, 404)
    assert hidden.text.replace(str(suspended.id), "") == absent.text.replace("01936f00-0000-7000-8000-000000000000", "")


def test_her_feed_shows_what_lives_and_pages_through_it(town):
    citizen = town.citizen()
    shops = [town.shop() for _ in range(2)]
    with town.sessions.begin() as session:
        offers = [an_offer(session, shops[number % 2], title=f"N° {number}", now=town.clock()) for number in range(26)]
    assert citizen.get("/me/feed").json == {"items": [], "next_cursor": None}
    for shop in shops:
        citizen.put(f"/me/follows/{shop.id}")
    first = citizen.get("/me/feed")
    assert len(first.json["items"]) == 20
    link = first.headers["Link"]
    assert link.endswith('; rel="next"')
    second = town.client.get(link[1:].partition(">")[0], headers=citizen.headers)
    assert second.json["next_cursor"] is None
    assert "Link" not in second.headers
    shown = [offer["id"] for offer in (*first.json["items"], *second.json["items"])]
    assert sorted(shown) == sorted(str(offer.id) for offer in offers)
    etag = {"If-None-Match": first.headers["ETag"]}
    assert citizen.get("/me/feed", headers=etag).status_code == 304
    town.clock.forward(hours=9)
    assert citizen.get("/me/feed", headers=etag).json["items"] == []


def test_her_feed_pages_the_same_whatever_the_limit(town):
    citizen = town.citizen()
    shop = town.shop()
    with town.sessions.begin() as session:
        for number in range(7):
            an_offer(session, shop, title=f"Offre {number}", now=town.clock())
    citizen.put(f"/me/follows/{shop.id}")
    whole = [offer["id"] for offer in citizen.get("/me/feed").json["items"]]
    for limit in (1, 2, 3, 7):
        paged, path = [], f"/me/feed?limit={limit}"
        while path:
            answer = citizen.get(path)
            paged += [offer["id"] for offer in answer.json["items"]]
            cursor = answer.json["next_cursor"]
            path = cursor and f"/me/feed?limit={limit}&cursor={cursor}"
        assert paged == whole


def test_opening_an_offer_counts_and_keeps_nothing_of_who(town):
    citizen = town.citizen()
    shop = town.shop()
    with town.sessions.begin() as session:
        offer = an_offer(session, shop, now=town.clock())
    before = town.counts()
    for _ in range(3):
        assert citizen.post(f"/me/offers/{offer.id}/opened").status_code == 204
    assert citizen.post("/me/offers/01936f00-0000-7000-8000-000000000000/opened").status_code == 404
    after = town.counts()
    assert {name for name in after if after[name] != before[name]} == {"daily_counts"}
    with town.sessions() as session:
        row = session.scalars(select(DailyCount)).one()
        assert (row.counted, row.subject, row.count) == (Counted.OFFER_OPENED, offer.id, 3)


def test_the_day_she_was_seen_is_written_once_and_later(town):
    citizen = town.citizen()
    for _ in range(3):
        citizen.get("/me/feed")
        citizen.get("/me")
    assert town.counts()["citizen_days"] == 0
    town.clock.forward(seconds=61)
    citizen.patch("/me", json={})
    assert town.counts()["citizen_days"] == 0
    citizen.get("/me/feed")
    with town.sessions() as session:
        days = session.scalars(select(CitizenDay)).all()
        assert [(day.citizen_id, day.day) for day in days] == [(citizen.id, town.clock().date())]


@pytest.mark.usefixtures("assessed")
def test_what_she_was_told_comes_with_its_reason(town):
    citizen = town.citizen()
    shop = town.shop("Chez Léon")
    with town.sessions.begin() as session:
        a_follow(session, session.get_one(Citizen, citizen.id), shop, now=town.clock())
        offer = an_offer(session, shop, now=town.clock())
    assert citizen.get("/me/deliveries").json == {"items": [], "next_cursor": None}
    with town.sessions.begin() as session:
        while expand_page(session, now=town.clock()) is not None:
            pass
    french = citizen.get("/me/deliveries")
    told = french.json["items"][0]
    assert (told["offer_id"], told["shop_name"], told["outcome"]) == (str(offer.id), "Chez Léon", "held")
    assert (told["reason"], told["setting"], told["told_in"]) == ("no-device", "device", None)
    assert "appareil" in told["explanation"]
    english = citizen.get("/me/deliveries", headers={"Accept-Language": "en"})
    assert english.headers["Content-Language"] == "en"
    assert english.json["items"][0]["explanation"] != told["explanation"]
    assert town.citizen().get("/me/deliveries").json["items"] == []


def test_a_receipt_can_be_read_by_whoever_has_its_number_and_says_nothing_of_her(town):
    citizen = town.citizen()
    receipt = citizen.delete("/me").json
    answer = town.client.get(f"/api/v1/erasures/{receipt['id']}")
    assert (answer.status_code, answer.json) == (200, receipt)
    assert str(citizen.id) not in answer.text
    assert town.client.get(f"/api/v1/erasures/{citizen.id}").status_code == 404


def test_an_erasure_is_acknowledged_only_with_its_tombstone(town, tmp_path):
    citizen = town.citizen()
    folder = tmp_path / "instance" / "tombstones"
    folder.write_text("in the way")
    assert citizen.delete("/me").status_code == 500
    assert citizen.get("/me").status_code == 200
    folder.unlink()
    receipt = citizen.delete("/me").json["id"]
    assert [stone.receipt.hex for stone in town.app.extensions["citylife"].tombstones.read()] == [
        receipt.replace("-", "")
    ]


def test_she_takes_everything_that_is_kept_of_her_in_one_file(town):
    shop = town.shop("Chez Léon")
    citizen, other = town.citizen(), town.citizen()
    for one in (citizen, other):
        one.put(f"/me/follows/{shop.id}")
        one.post("/me/devices", json=a_subscription(str(one.id)))
    french, english = (citizen.get("/me/export", headers={"Accept-Language": language}) for language in ("fr", "en"))
    assert french.status_code == 200
    assert "no-store" in french.headers["Cache-Control"]
    assert french.headers["Content-Disposition"] == 'attachment; filename="citylife-2026-11-24.json"'
    sections = {section["name"]: section for section in french.json["sections"]}
    assert sections["follows"]["rows"][0]["shop_name"] == "Chez Léon"
    assert sections["consents"]["rows"][0]["purpose"] == "notifications"
    assert str(citizen.id) in sections["devices"]["rows"][0]["endpoint"]
    for one, two in zip(french.json["sections"], english.json["sections"], strict=True):
        assert one["title"] != two["title"]
        assert set(one["headings"]) == set(two["headings"])
        assert all(set(row) == set(one["headings"]) for row in one["rows"])
    assert {entry["name"] for entry in french.json["left_out"]} >= {"citizen_tokens.digest", "devices.auth"}
    assert str(other.id) not in french.text
    assert citizen.token not in french.text
    assert town.client.get("/api/v1/me/export").status_code == 401
