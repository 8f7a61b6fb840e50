"""« Near me now » through the API: what she sends is coarsened, what she is told is counted, and it is not for ever."""

import pytest

from citylife.geography import cell_at, written_cell
from citylife.ledger import expansion
from tests import builders
from tests.builders import GRAND_PLACE

CONSENT = {"purpose": "location", "granted": True, "text_version": "2026-11", "locale": "fr"}
HERE = {"position": {"latitude": GRAND_PLACE[0], "longitude": GRAND_PLACE[1]}}


def slug_of(answer):
    return answer.json["type"].rpartition("/")[2]


def with_a_phone(town):
    """A citizen who agreed to everything and has a phone."""
    caller = town.citizen()
    assert caller.post("/me/consents", json=CONSENT).status_code == 201
    with town.sessions.begin() as session:
        builders.a_device(session, session.get_one(builders.Citizen, caller.id))
    return caller


@pytest.mark.usefixtures("assessed")
def test_she_is_told_of_what_is_live_where_she_is(town):
    caller, shop = with_a_phone(town), town.shop("Au Beffroi")
    with town.sessions.begin() as session:
        builders.an_offer(session, session.merge(shop))
    with town.sessions.begin() as session:
        expansion.expand_page(session, now=town.clock())
    assert caller.put(f"/me/follows/{shop.id}", json={"level": "normal"}).status_code == 201

    rung = town.doorbell.rung
    told = caller.post("/me/near-me-now", json=HERE)

    assert (told.status_code, told.json["offers"], told.json["devices"], told.json["held"]) == (200, 1, 1, None)
    assert (told.json["place"]["kind"], told.json["place"]["cell"]) == ("now", written_cell(cell_at(*GRAND_PLACE)))
    assert str(GRAND_PLACE[0]) not in told.text
    assert town.doorbell.rung == rung + 1
    assert caller.post("/me/near-me-now", json=HERE).json["offers"] == 0
    decisions = caller.get("/me/export").json["sections"]
    assert any("near-me-now" in str(section) for section in decisions)


def test_before_the_aipd_is_dated_she_is_told_of_none_and_why(town):
    caller, shop = with_a_phone(town), town.shop("Au Beffroi")
    with town.sessions.begin() as session:
        builders.an_offer(session, session.merge(shop))
    with town.sessions.begin() as session:
        expansion.expand_page(session, now=town.clock())
    caller.put(f"/me/follows/{shop.id}", json={"level": "normal"})
    told = caller.post("/me/near-me-now", json=HERE).json
    assert (told["offers"], told["place"]["kind"]) == (0, "now")
    assert told["held"] == "Citylife n’envoie pas encore de notifications."
    english = caller.post("/me/near-me-now", json=HERE, headers={"Accept-Language": "en"})
    assert english.json["held"] == "Citylife is not sending notifications yet."
    assert caller.get("/me/deliveries").json["items"] == []


def test_her_consent_comes_first_and_nothing_is_kept_without(town):
    caller = town.citizen()
    before = town.counts()
    refused = caller.post("/me/near-me-now", json=HERE)
    assert (refused.status_code, slug_of(refused)) == (409, "no-location-consent")
    assert town.counts() == before


def test_six_taps_an_hour_are_enough(town):
    caller = with_a_phone(town)
    for _ in range(6):
        assert caller.post("/me/near-me-now", json=HERE).status_code == 200
    refused = caller.post("/me/near-me-now", json=HERE)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) <= 600
    town.clock.forward(minutes=11)
    assert caller.post("/me/near-me-now", json=HERE).status_code == 200
