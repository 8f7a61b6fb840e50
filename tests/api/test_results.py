"""What an offer has brought, through the API: in the merchant's language, to the team alone."""

import pytest

from citylife.accounts.merchants import Scope
from citylife.follows import Level
from tests import builders
from tests.ledger_desk import expand_all


@pytest.fixture
def announced(town):
    """A shop with followers, and its offer, announced."""
    shop = town.shop("Le Fournil")
    with town.sessions.begin() as session:
        for level in (Level.NORMAL, Level.NONE):
            for _ in range(30):
                citizen = builders.a_citizen(session)
                builders.a_device(session, citizen)
                builders.a_follow(session, citizen, shop, level)
    with town.sessions.begin() as session:
        offer = builders.an_offer(session, shop, now=town.clock())
    expand_all(town.sessions, now=town.clock())
    return shop, offer


def test_a_merchant_reads_what_an_offer_has_brought(town, announced):
    shop, offer = announced
    reader = town.citizen()
    assert reader.post(f"/me/offers/{offer.id}/opened").status_code < 300
    code = reader.post(f"/me/offers/{offer.id}/till-code").json["code"]
    merchant = town.merchant(shop)
    assert merchant.post("/merchant/redemptions", json={"code": code}).status_code == 201

    answer = merchant.get(f"/merchant/offers/{offer.id}/results")

    assert answer.status_code == 200
    found = answer.json
    reasons = {(each["outcome"], each["reason"]): each for each in found.pop("reasons")}
    assert found == {
        "offer_id": str(offer.id),
        "sent": 30,
        "opened": 1,
        "used": 1,
        "declared": 0,
        "new_follows": 0,
        "held": found["held"],
    }
    assert found["held"] in {25, 30}
    assert set(reasons) == {("send", "follows"), ("held", "level-none")}
    assert reasons["held", "level-none"]["explanation"] == "Vous suivent sans notification"
    assert merchant.get(f"/merchant/offers/{offer.id}/results").json["held"] == found["held"], "the same all day"
    english = merchant.get(f"/merchant/offers/{offer.id}/results", headers={"Accept-Language": "en"}).json
    assert "Follow you without notifications" in {each["explanation"] for each in english["reasons"]}


def test_another_s_results_are_absent_and_a_key_must_be_let_to_read(town, announced):
    shop, offer = announced
    stranger = town.merchant(town.shop())

    others = stranger.get(f"/merchant/offers/{offer.id}/results")
    none = stranger.get("/merchant/offers/01936f00-0000-7000-8000-000000000000/results")

    assert others.status_code == none.status_code == 404
    assert others.json["title"] == none.json["title"]
    assert town.merchant(shop, scopes=(Scope.SHOP,)).get(f"/merchant/offers/{offer.id}/results").status_code == 403


def test_a_month_is_read_with_its_offers_in_it(town, announced):
    shop, offer = announced
    merchant = town.merchant(shop)
    found = merchant.get(f"/merchant/shops/{shop.id}/results?month=2026-11").json

    offers, reasons = found.pop("offers"), found.pop("reasons")

    assert found == {
        "month": "2026-11",
        "sent": 30,
        "opened": 0,
        "used": 0,
        "declared": 0,
        "follows_won": 60,
        "follows_lost": 0,
        "held": offers[0]["held"],
        "numbers_alone": False,
    }
    assert [(each["offer_id"], each["sent"]) for each in offers] == [(str(offer.id), 30)]
    assert {each["reason"] for each in reasons} == {"follows", "level-none"}
    assert merchant.get(f"/merchant/shops/{shop.id}/results").json["month"] == "2026-11", "this one unless asked"


@pytest.mark.parametrize("written", ["2026-12", "november"])
def test_what_is_no_month_is_refused_at_its_place(town, announced, written: str):
    shop, _ = announced
    answer = town.merchant(shop).get(f"/merchant/shops/{shop.id}/results?month={written}")
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"].endswith("month")
