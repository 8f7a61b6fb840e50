"""The preview of an audience through the API: exact where it may be, masked where it tells of persons."""

import threading

import pytest

from citylife.audience import previews, readiness
from citylife.follows import Level
from citylife.shops import Proof, Shop, ShopStatus, verify_shop
from tests import builders

TONIGHT = "2026-11-24T18:00:00+01:00"


NOT_YET = {
    "state": "refused",
    "explanation": "Citylife n’envoie pas encore de notifications. L’offre se voit sur votre page\N{NO-BREAK SPACE}; "
    "son annonce partira dès que les envois commenceront, si l’offre est encore en cours.",
}


def audience(merchant, shop, **asked):
    answer = merchant.post(f"/merchant/shops/{shop.id}/audience", json={"ends_at": TONIGHT, **asked})
    assert answer.status_code == 200, answer.json
    return answer.json


def followers(town, shop, level: Level, count: int) -> None:
    with town.sessions.begin() as session:
        for _ in range(count):
            builders.a_follower(session, session.merge(shop), level)


def test_a_merchant_sees_whom_an_offer_would_reach_and_why_not_the_others(town):
    shop = town.shop("Chez Léon")
    merchant = town.merchant(shop)
    assert audience(merchant, shop) == {
        "followers": 0,
        "sending": NOT_YET,
        "fates": {"now": None, "later": None, "digest": None, "held": None},
        "reasons": [],
    }
    followers(town, shop, Level.NORMAL, 24)
    followers(town, shop, Level.NONE, 12)
    followers(town, shop, Level.ALWAYS, 3)

    seen = audience(merchant, shop)
    assert seen["followers"] == 39
    assert seen["fates"]["now"] in {20, 25}
    assert (seen["fates"]["later"], seen["fates"]["digest"]) == (None, None)
    by_reason = {each["reason"]: each for each in seen["reasons"]}
    assert by_reason["follows"]["count"] in {20, 25}
    assert by_reason["level-none"]["count"] in {10, 15}
    assert "always" not in by_reason  # nor is it told that there are three
    assert by_reason["follows"]["explanation"] == "Vous suivent"
    assert audience(merchant, shop) == seen


def test_the_radius_that_is_typed_does_not_tell_how_far_away_somebody_is(town):
    shop = town.shop()
    merchant = town.merchant(shop)
    followers(town, shop, Level.NORMAL, 29)
    with town.sessions.begin() as session:
        her = builders.a_follower(session, session.merge(shop), Level.NEARBY)
        builders.consent(session, her, builders.Purpose.LOCATION)
        builders.a_place(session, her, position=(50.5633, 2.4806))  # Lillers

    seen = [audience(merchant, shop, radius=radius) for radius in (0, 5_000, 10_000, 20_000)]
    assert seen[0]["fates"]["now"] in {25, 30}
    assert seen[1:] == seen[:-1]


def test_an_offer_for_the_night_reaches_them_in_the_morning_or_not_at_all(town):
    shop = town.shop()
    merchant = town.merchant(shop)
    followers(town, shop, Level.NORMAL, 30)

    later = audience(merchant, shop, starts_at="2026-11-24T21:00:00+01:00", ends_at="2026-11-25T18:00:00+01:00")
    assert later["fates"]["later"] in {25, 30}
    never = audience(merchant, shop, starts_at="2026-11-24T21:00:00+01:00", ends_at="2026-11-25T08:00:00+01:00")
    assert never["fates"]["held"] in {25, 30}
    assert never["reasons"][0]["reason"] == "quiet-hours"


def test_nobody_is_told_of_a_trade_that_has_only_a_page(town):
    shop = town.shop(category="wine")
    followers(town, shop, Level.NORMAL, 12)
    seen = audience(town.merchant(shop), shop)
    assert seen["sending"]["state"] == "page-only"
    assert seen["sending"]["explanation"].startswith("Aucune notification ne part pour cette catégorie de commerces")
    del seen["sending"]
    assert seen == {
        "followers": 12,
        "fates": {"now": None, "later": None, "digest": None, "held": None},
        "reasons": [],
    }


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"ends_at": "2026-11-24T08:00:00+01:00"}, "/ends_at"),
        ({"ends_at": "2027-11-24T08:00:00+01:00"}, "/ends_at"),
        ({"ends_at": TONIGHT, "radius": 20_001}, "/radius"),
        ({"ends_at": TONIGHT, "latitude": 50.5}, "/latitude"),
        ({}, "/ends_at"),
    ],
)
def test_a_question_nobody_can_answer_is_refused(town, asked, pointer):
    shop = town.shop()
    answer = town.merchant(shop).post(f"/merchant/shops/{shop.id}/audience", json=asked)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


def test_who_only_claims_a_shop_is_told_no_number_of_those_who_follow_it(town):
    shop = town.shop("Le Fournil", status=ShopStatus.CLAIMED)
    with town.sessions.begin() as session:
        for _ in range(30):
            builders.a_follow(session, builders.a_citizen(session), shop)
    merchant = town.merchant(shop)

    seen = audience(merchant, shop)
    month = merchant.get(f"/merchant/shops/{shop.id}/results").json

    assert (seen["followers"], seen["reasons"], set(seen["fates"].values())) == (None, [], {None})
    assert (month["follows_won"], month["follows_lost"]) == (None, None)
    with town.sessions.begin() as session:
        verify_shop(session, session.get_one(Shop, shop.id), proof=Proof.VISIT, now=town.clock())
    seen = audience(merchant, shop)
    month = merchant.get(f"/merchant/shops/{shop.id}/results").json
    assert (seen["followers"], month["follows_won"]) == (30, 30)


def test_who_reads_her_shop_first_waits_for_no_look_at_its_followers(town, monkeypatch):
    shop, claimed = town.shop(), town.shop(status=ShopStatus.CLAIMED)
    merchant = town.merchant(shop, claimed)
    followers(town, shop, Level.ALWAYS, 12)
    followers(town, claimed, Level.ALWAYS, 12)
    groups, looks, enough = previews._groups, [], threading.Event()

    def noted(session, asked, *, now):
        found = groups(session, asked, now=now)
        looks.append((asked.shop_id, threading.current_thread() is threading.main_thread()))
        if len(looks) == len(previews.REACHES):
            enough.set()
        return found

    monkeypatch.setattr(previews, "_groups", noted)
    monkeypatch.setattr(readiness, "MANY", 12)
    for each in (claimed, shop):
        assert merchant.get(f"/merchant/shops/{each.id}").status_code == 200
    assert enough.wait(30)

    seen = audience(merchant, shop)
    assert (seen["followers"], seen["fates"]["now"] is None) == (12, True)  # fewer than 21 are not split up
    assert audience(merchant, shop, radius=20_000)["followers"] == 12
    assert looks == [(shop.id, False)] * len(previews.REACHES)
