"""Codes of the till through the API: taken by a citizen, used by the shop, once."""

import pytest
from sqlalchemy import select

from citylife.accounts.merchants import Scope
from citylife.activity import Counted, DailyCount
from citylife.limits import Pace
from citylife.offers import OfferKind
from citylife.redemptions import GUESSES, TillTaking
from tests import builders
from tests.api.test_bad_input_is_answered_clearly import slug_of

KEY = {"Idempotency-Key": "a-till-s-own-key"}
UNKNOWN = "222222"


def an_offer(town, shop, **said):
    with town.sessions.begin() as session:
        return builders.an_offer(session, shop, now=town.clock(), title="Tarte au sucre", **said)


@pytest.fixture
def sale(town):
    """An offer, its merchant, and the code that a citizen took."""
    shop = town.shop("Le Fournil")
    offer = an_offer(town, shop)
    citizen = town.citizen()
    return offer, town.merchant(shop), citizen, citizen.post(f"/me/offers/{offer.id}/till-code").json["code"]


def test_a_citizen_takes_a_code_and_reads_it_again(town):
    offer = an_offer(town, town.shop())
    citizen = town.citizen()

    first = citizen.post(f"/me/offers/{offer.id}/till-code")

    assert (first.status_code, first.headers["Cache-Control"]) == (201, "no-store")
    assert first.json == {
        "code": first.json["code"],
        "offer_id": str(offer.id),
        "expires_at": offer.ends_at.isoformat(),
        "used_at": None,
    }
    assert citizen.post(f"/me/offers/{offer.id}/till-code").json == first.json
    assert town.citizen().post(f"/me/offers/{offer.id}/till-code").json["code"] != first.json["code"]


def test_the_answer_with_a_code_is_not_kept_for_its_key(town):
    offer = an_offer(town, town.shop())
    citizen = town.citizen()
    assert citizen.post(f"/me/offers/{offer.id}/till-code", headers=KEY).status_code == 201

    again = citizen.post(f"/me/offers/{offer.id}/till-code", headers=KEY)

    assert (again.status_code, slug_of(again)) == (409, "already-answered")


def test_the_shop_uses_it_once(town, sale):
    offer, merchant, citizen, code = sale

    used = merchant.post("/merchant/redemptions", json={"code": code.lower().replace("-", " ")})

    assert used.status_code == 201
    assert used.json == {
        "offer_id": str(offer.id),
        "offer_title": "Tarte au sucre",
        "shop_id": str(offer.shop_id),
        "shop_name": "Le Fournil",
        "used_at": "2026-11-24T09:00:00+00:00",
    }
    assert citizen.post(f"/me/offers/{offer.id}/till-code").json["used_at"] == "2026-11-24T09:00:00+00:00"
    town.clock.forward(minutes=5)
    again = merchant.post("/merchant/redemptions", json={"code": code})
    assert (again.status_code, slug_of(again)) == (409, "till-code-used")
    assert again.json["detail"] == "Ce code a déjà servi le 24 novembre 2026 à 10\u00a0h."
    english = merchant.post("/merchant/redemptions", json={"code": code}, headers={"Accept-Language": "en"})
    assert english.json["detail"] == "This code was already used on November 24, 2026 at 10:00."
    with town.sessions() as session:
        counted = select(DailyCount.count).where(DailyCount.counted == Counted.TILL_USES)
        assert session.scalars(counted).all() == [1]


def test_a_till_that_repeats_itself_under_its_key_is_told_the_same(town, sale):
    _, merchant, _, code = sale
    first = merchant.post("/merchant/redemptions", json={"code": code}, headers=KEY)

    again = merchant.post("/merchant/redemptions", json={"code": code}, headers=KEY)

    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["Idempotency-Replayed"] == "true"


def test_an_offer_that_is_over_takes_its_codes_along(town, sale):
    _, merchant, _, code = sale
    town.clock.forward(days=10)

    over = merchant.post("/merchant/redemptions", json={"code": code})

    assert (over.status_code, slug_of(over)) == (410, "till-code-over")


def test_another_s_code_and_none_are_answered_alike_and_cost_a_guess(town, sale):
    _, _, _, code = sale
    stranger = town.merchant(town.shop())

    answers = [stranger.post("/merchant/redemptions", json={"code": typed}) for typed in (code, UNKNOWN, "no code")]

    bodies = {(answer.status_code, answer.text) for answer in answers}
    assert len(bodies) == 1
    assert (answers[0].status_code, slug_of(answers[0])) == (404, "till-code-unknown")
    with town.sessions() as session:
        paces = select(Pace.limit_name).where(Pace.limit_name == GUESSES.name)
        assert session.scalars(paces).all() == [GUESSES.name]


def test_guessing_ends_after_twenty_with_the_right_code_too_and_comes_back(town, sale):
    _, merchant, _, code = sale
    for _ in range(GUESSES.most):
        assert merchant.post("/merchant/redemptions", json={"code": UNKNOWN}).status_code == 404

    late = merchant.post("/merchant/redemptions", json={"code": code})

    assert (late.status_code, slug_of(late)) == (429, "too-many-requests")
    assert int(late.headers["Retry-After"]) > 0
    assert merchant.post("/merchant/redemptions", json={"code": UNKNOWN}).status_code == 429
    town.clock.forward(minutes=3)
    assert merchant.post("/merchant/redemptions", json={"code": code}).status_code == 201


def test_codes_that_are_right_cost_no_guess(town):
    shop = town.shop()
    offer, merchant = an_offer(town, shop), town.merchant(shop)
    for _ in range(GUESSES.most + 2):
        code = town.citizen().post(f"/me/offers/{offer.id}/till-code").json["code"]
        assert merchant.post("/merchant/redemptions", json={"code": code}).status_code == 201


def test_a_key_that_only_reads_uses_no_code(town, sale):
    offer, _, _, code = sale
    shop = builders.Shop(id=offer.shop_id)
    reader = town.merchant(shop, scopes=(Scope.READ,))

    answer = reader.post("/merchant/redemptions", json={"code": code})

    assert (answer.status_code, slug_of(answer)) == (403, "scope-missing")


def test_events_and_what_is_over_give_no_code(town):
    shop = town.shop()
    event, offer = an_offer(town, shop, kind=OfferKind.EVENT, price=0), an_offer(town, shop)
    citizen = town.citizen()
    town.clock.forward(days=10)
    for one in (event, offer):
        answer = citizen.post(f"/me/offers/{one.id}/till-code")
        assert (answer.status_code, slug_of(answer)) == (409, "no-till-code")


def test_what_she_took_is_in_her_export_and_leaves_with_her(town, sale):
    offer, merchant, citizen, code = sale

    [section] = [each for each in citizen.get("/me/export").json["sections"] if each["name"] == "till_codes"]

    assert section["rows"] == [
        {"offer_id": str(offer.id), "offer_title": "Tarte au sucre", "shop_name": "Le Fournil", "drawing": 0}
    ]
    assert citizen.delete("/me").status_code == 200
    with town.sessions() as session:
        assert session.scalars(select(TillTaking)).all() == []
    assert merchant.post("/merchant/redemptions", json={"code": code}).status_code == 201  # it never said whose it was
