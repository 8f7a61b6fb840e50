"""A market trader says where she stands on which weekday, and everybody reads it."""

import pytest

from citylife.accounts.merchants import Scope
from citylife.clock import PARIS
from citylife.geography import communes
from tests.builders import BETHUNE, GRAND_PLACE, NOW

AUCHEL = communes()["62048"]
MARKET = {"weekday": 1, "label": "Marché de Béthune", "hours": "08:00-13:00"}
THERE = dict(zip(("latitude", "longitude"), GRAND_PLACE, strict=True))
ELSEWHERE = {"latitude": AUCHEL.latitude, "longitude": AUCHEL.longitude}


def stand(**said):
    return {**MARKET, **THERE, **said}


@pytest.fixture
def shop(town):
    return town.shop(category="market", position=(AUCHEL.latitude, AUCHEL.longitude), insee_code=AUCHEL.insee_code)


@pytest.fixture
def trader(town, shop):
    return town.merchant(shop, scopes=tuple(Scope))


def say(trader, shop, stands, etag="*"):
    return trader.patch(f"/merchant/shops/{shop.id}", json={"stands": stands}, headers={"If-Match": etag})


def test_she_says_where_she_stands_and_reads_it_as_she_said_it(trader, shop):
    path = f"/merchant/shops/{shop.id}"
    before = trader.get(path)
    assert before.json["stands"] == []
    said = say(trader, shop, [stand(weekday=4, **ELSEWHERE, label="Auchel"), stand()], before.headers["ETag"])
    assert said.status_code == 200, said.json
    assert said.json["stands"] == [
        {**stand(), "insee_code": BETHUNE},
        {**stand(weekday=4, label="Auchel", **ELSEWHERE), "insee_code": AUCHEL.insee_code},
    ]
    now_there = trader.get(path)
    assert (now_there.json, now_there.headers["ETag"]) == (said.json, said.headers["ETag"])
    assert now_there.headers["ETag"] != before.headers["ETag"]
    assert trader.get("/merchant/shops").json["items"] == [said.json]
    assert say(trader, shop, [], before.headers["ETag"]).status_code == 412, "a colleague's change is not lost"
    again = say(trader, shop, said.json["stands"])
    assert again.json["stands"] == said.json["stands"]
    assert say(trader, shop, []).json["stands"] == []


def test_other_facts_and_stands_change_together_or_not_at_all(trader, shop):
    both = {"street": "Place de la Mairie", "stands": [stand()]}
    path = f"/merchant/shops/{shop.id}"
    changed = trader.patch(path, json=both, headers={"If-Match": "*"})
    assert (changed.json["street"], len(changed.json["stands"])) == ("Place de la Mairie", 1)
    wrong = {"street": "Ailleurs", "stands": [stand(), stand()]}
    assert trader.patch(path, json=wrong, headers={"If-Match": "*"}).status_code == 422
    assert trader.get(path).json == changed.json
    kept = trader.patch(path, json={"street": "Rue d’Arras"}, headers={"If-Match": "*"})
    assert kept.json["stands"] == changed.json["stands"], "what is not said stays"


def test_everybody_reads_where_she_is_on_which_weekday_and_finds_her_there(town, trader, shop):
    assert NOW.astimezone(PARIS).weekday() == MARKET["weekday"]
    say(trader, shop, [stand()])
    public = town.client.get(f"/api/v1/shops/{shop.slug}").json
    assert public["stands"] == [{**stand(), "commune": {"insee_code": BETHUNE, "name": "Béthune"}}]
    assert public["latitude"] == AUCHEL.latitude, "her own place stays"
    near = town.client.post("/api/v1/nearby", json={"position": THERE, "radius": 200}).json["items"]
    assert [item["shop"]["id"] for item in near] == [str(shop.id)]
    other = town.shop()
    assert town.client.get(f"/api/v1/shops/{other.slug}").json["stands"] == []


def test_staff_see_it_too(town, trader, shop):
    say(trader, shop, [stand()])
    watcher = town.staff()
    assert watcher.get(f"/staff/shops/{shop.id}").json["stands"] == [{**stand(), "insee_code": BETHUNE}]
    listed = {item["id"]: item["stands"] for item in watcher.get("/staff/shops").json["items"]}
    assert len(listed[str(shop.id)]) == 1


@pytest.mark.parametrize(
    ("stands", "pointer"),
    [
        ([stand(weekday=7)], "/stands/0/weekday"),
        ([stand(), stand(weekday=-1)], "/stands/1/weekday"),
        ([stand(), stand(label="Deux fois le mardi")], "/stands"),
        ([stand(label="")], "/stands/0/label"),
        ([stand(label="x" * 121)], "/stands/0/label"),
        ([stand(), stand(weekday=2, latitude=48.85)], "/stands/1/latitude"),
        ([stand(insee_code="75056")], "/stands/0/insee_code"),
        ([stand(hours="le matin")], "/stands/0/hours"),
        ([stand(hours="08:00-09:00," * 20)], "/stands/0/hours"),
        ([{"weekday": 1}], "/stands/0/hours"),
        ([stand(rayon=3)], "/stands/0/rayon"),
        ([stand(weekday=day % 7) for day in range(8)], "/stands"),
        ("le mardi", "/stands"),
        (None, "/stands"),
    ],
)
def test_a_stand_that_breaks_a_rule_names_its_field(town, trader, shop, stands, pointer):
    before = town.counts()
    answer = say(trader, shop, stands)
    assert answer.status_code == 422, answer.json
    assert pointer in [fault["pointer"] for fault in answer.json["errors"]]
    assert town.counts() == before
