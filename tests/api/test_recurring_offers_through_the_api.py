"""Offers that come again, through the API: begun once, changed by whoever has read them, skipped, stopped."""

import datetime as dt

import pytest

from citylife.offers import recur_due
from citylife.shops import Shop
from tests import builders

WEEKLY = {"title": "Brioches", "weekdays": [3], "at": "08:00", "hours": 4}
EIGHT = dt.datetime(2026, 11, 26, 7, 0, tzinfo=dt.UTC)


@pytest.fixture
def shop(town):
    return town.shop("Le Fournil")


@pytest.fixture
def owner(town, shop):
    return town.merchant(shop)


def begun(owner, shop, **said):
    return owner.post(f"/merchant/shops/{shop.id}/recurring-offers", json=WEEKLY | said)


def where(answer):
    return answer.headers["Location"].removeprefix("/api/v1")


def test_it_is_begun_once_and_read(owner, shop):
    again = {"Idempotency-Key": "monday-morning"}
    address = f"/merchant/shops/{shop.id}/recurring-offers"
    first, second = (owner.post(address, json=WEEKLY, headers=again) for _ in range(2))

    assert (first.status_code, first.json) == (201, second.json)
    said = owner.get(where(first))
    assert said.json == first.json
    assert {name: said.json[name] for name in ("status", "weekdays", "at", "hours", "until", "next_on", "next_at")} == {
        "status": "running",
        "weekdays": [3],
        "at": "08:00",
        "hours": 4,
        "until": None,
        "next_on": "2026-11-26",
        "next_at": "2026-11-26T07:00:00+00:00",
    }
    (listed,) = owner.get(address).json["items"]
    assert listed == said.json


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"weekdays": []}, "/weekdays"),
        ({"weekdays": [7]}, "/weekdays/0"),
        ({"at": "8h"}, "/at"),
        ({"hours": None}, "/hours"),
        ({"until": "12:00"}, "/hours"),
        ({"hours": 169}, "/hours"),
        ({"last_day": "2026-11-25"}, "/last_day"),
        ({"reduction": True, "price": {"amount": "1", "currency": "EUR"}}, "/reduction"),
        ({"prior_price": None}, "/prior_price"),
    ],
)
def test_a_fault_is_pointed_at(owner, shop, said, pointer):
    answer = begun(owner, shop, **said)

    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json["errors"]] == [pointer]


def test_it_is_changed_and_stopped_by_whoever_has_read_it(owner, shop):
    first = begun(owner, shop)
    address = where(first)

    assert owner.patch(address, json={"title": "Flans"}).status_code == 428
    tag = {"If-Match": first.headers["ETag"]}
    changed = owner.patch(address, json={"until": "12:30", "weekdays": [5, 3, 5]}, headers=tag)
    assert (changed.json["hours"], changed.json["until"], changed.json["weekdays"]) == (None, "12:30", [3, 5])
    assert owner.patch(address, json={"title": "Flans"}, headers=tag).status_code == 412
    assert owner.delete(address, headers=tag).status_code == 412
    assert owner.delete(address, headers={"If-Match": changed.headers["ETag"]}).status_code == 204
    assert owner.get(address).json["status"] == "stopped"
    tag = {"If-Match": "*"}
    assert owner.patch(address, json={"title": "Flans"}, headers=tag).json["type"].endswith("recurring-over")


def test_the_next_time_is_skipped_by_its_day(owner, shop):
    address = where(begun(owner, shop))

    skipped = owner.post(f"{address}/skip", json={"day": "2026-11-26"})
    assert (skipped.json["skipped_on"], skipped.json["next_on"]) == ("2026-11-26", "2026-12-03")
    another = owner.post(f"{address}/skip", json={"day": "2026-12-03"})
    assert (another.status_code, another.json["type"].rpartition("/")[2]) == (409, "not-next")
    undone = owner.post(f"{address}/skip/undo", json={"day": "2026-11-26"})
    assert (undone.json["skipped_on"], undone.json["next_on"]) == (None, "2026-11-26")


def test_what_became_of_each_time_is_told(town, shop, owner, monkeypatch):
    with town.sessions.begin() as session:
        series = builders.a_recurring_offer(session, session.get_one(Shop, shop.id), 2, 3)
        offer = recur_due(session, series.id, now=EIGHT - dt.timedelta(days=1))
        assert offer is not None
        offer_id = str(offer.id)
        monkeypatch.setattr("citylife.offers.drafts.FARTHEST", 100)
        recur_due(session, series.id, now=EIGHT)
        monkeypatch.undo()

    address = f"/merchant/recurring-offers/{series.id}"
    told = owner.get(address, headers={"Accept-Language": "en"}).json["occurrences"]

    assert [(each["day"], each["outcome"], each["offer_id"]) for each in told] == [
        ("2026-11-26", "refused", None),
        ("2026-11-25", "published", offer_id),
    ]
    assert told[0]["reason"] == "This value must be between 100 and 100."
