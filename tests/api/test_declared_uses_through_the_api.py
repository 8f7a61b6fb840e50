"""Declared uses through the API: counted apart, taken back for ten seconds."""

import pytest

from citylife.offers import OfferStatus
from tests import builders


@pytest.fixture
def shop(town):
    return town.shop("Le Fournil")


@pytest.fixture
def owner(town, shop):
    return town.merchant(shop)


def an_offer(town, shop, **said):
    with town.sessions.begin() as session:
        return builders.an_offer(session, shop, now=town.clock(), **said)


def test_a_use_is_declared_and_taken_back(town, shop, owner):
    offer = an_offer(town, shop)
    path = f"/merchant/offers/{offer.id}/declared-uses"
    first = owner.post(path)
    assert (first.status_code, first.json["day"]) == (201, "2026-11-24")
    assert first.json["undo_until"] == "2026-11-24T09:00:10+00:00"
    kept = [owner.post(path, headers={"Idempotency-Key": "a-tap"}).json for _ in range(2)]
    assert kept[0] == kept[1]
    found = owner.get(f"/merchant/offers/{offer.id}/results").json
    assert (found["used"], found["declared"]) == (0, 2)

    undone = owner.post(f"{path}/undo", json={"undo": first.json["undo"]})
    assert undone.json == {"offer_id": str(offer.id), "day": "2026-11-24"}
    month = owner.get(f"/merchant/shops/{shop.id}/results").json
    assert (month["declared"], month["offers"][0]["declared"]) == (1, 1)

    town.clock.forward(seconds=11)
    late = owner.post(f"{path}/undo", json={"undo": kept[0]["undo"]})
    assert (late.status_code, late.json["type"].rpartition("/")[2]) == (409, "declared-too-long-ago")
    assert owner.post(f"{path}/undo", json={"undo": "AAAA"}).status_code == 404


def test_only_a_live_offer_is_used(town, shop, owner):
    over = an_offer(town, shop, status=OfferStatus.SOLD_OUT)
    answer = owner.post(f"/merchant/offers/{over.id}/declared-uses")
    assert (answer.status_code, answer.json["type"].rpartition("/")[2]) == (409, "nothing-to-declare")
