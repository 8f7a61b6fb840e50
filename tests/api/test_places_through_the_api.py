"""Places through the API: what is sent is coarsened, what is kept is shown, and consent comes first."""

import pytest

from citylife.geography import cell_at, communes, may_be_a_place, written_cell
from tests.builders import BETHUNE, GRAND_PLACE

CONSENT = {"purpose": "location", "granted": True, "text_version": "2026-11", "locale": "fr"}
POSITION = {"latitude": GRAND_PLACE[0], "longitude": GRAND_PLACE[1]}
SPARSE = next(facts for facts in communes().values() if not any(may_be_a_place(cell) for cell in facts.cells))


def a_citizen(town):
    citizen = town.citizen()
    assert citizen.post("/me/consents", json=CONSENT).status_code == 201
    return citizen


def slug_of(answer):
    return answer.json["type"].rpartition("/")[2]


def test_a_commune_is_chosen_without_any_position(town):
    citizen = a_citizen(town)

    chosen = citizen.post("/me/places", json={"insee_code": BETHUNE})

    assert chosen.status_code == 201
    assert chosen.json | {"id": "…"} == {
        "id": "…",
        "kind": "lasting",
        "insee_code": BETHUNE,
        "cell": None,
        "communes": [{"insee_code": BETHUNE, "name": "Béthune"}],
        "set_on": "2026-11-24",
        "expires_at": None,
        "note": None,
    }
    listed = citizen.get("/me/places").json["items"]
    assert listed == [{name: value for name, value in chosen.json.items() if name != "note"}]


def test_a_position_is_answered_as_its_cell_and_when_it_lapses(town):
    citizen = a_citizen(town)

    chosen = citizen.post("/me/places", json={"position": POSITION})

    assert chosen.status_code == 201
    assert (chosen.json["cell"], chosen.json["insee_code"]) == (written_cell(cell_at(*GRAND_PLACE)), None)
    assert chosen.json["expires_at"] == "2026-12-25T00:00:00+00:00"
    assert {commune["name"] for commune in chosen.json["communes"]} >= {"Béthune"}
    assert str(POSITION["latitude"]) not in chosen.text


@pytest.mark.parametrize(
    ("language", "note"), [("fr", "seule la commune est gardée"), ("en", "only the commune is kept")]
)
def test_where_few_people_live_the_commune_is_kept_and_the_answer_says_so(town, language, note):
    citizen = a_citizen(town)
    position = {"latitude": SPARSE.latitude, "longitude": SPARSE.longitude}

    chosen = citizen.post("/me/places", json={"position": position}, headers={"Accept-Language": language})

    assert (chosen.json["insee_code"], chosen.json["cell"]) == (SPARSE.insee_code, None)
    assert note in chosen.json["note"]
    assert chosen.json["expires_at"] is None


def test_a_cell_is_taken_as_it_is(town):
    cell = written_cell(cell_at(*GRAND_PLACE))

    chosen = a_citizen(town).post("/me/places", json={"cell": cell, "kind": "now"})

    assert (chosen.status_code, chosen.json["cell"], chosen.json["kind"]) == (201, cell, "now")
    assert chosen.json["expires_at"] == "2026-11-24T13:00:00+00:00"


def test_now_is_overwritten(town, clock):
    citizen = a_citizen(town)
    first = citizen.post("/me/places", json={"position": POSITION, "kind": "now"})

    clock.forward(hours=1)
    second = citizen.post("/me/places", json={"insee_code": BETHUNE, "kind": "now"})

    assert (first.status_code, second.status_code) == (201, 200)
    assert [item["insee_code"] for item in citizen.get("/me/places").json["items"]] == [BETHUNE]
    clock.forward(hours=4)
    assert citizen.get("/me/places").json["items"] == []


def test_consent_comes_first_and_its_withdrawal_takes_every_place(town):
    citizen = town.citizen()
    refused = citizen.post("/me/places", json={"insee_code": BETHUNE})
    assert (refused.status_code, slug_of(refused)) == (409, "no-location-consent")

    citizen.post("/me/consents", json=CONSENT)
    assert citizen.post("/me/places", json={"insee_code": BETHUNE}).status_code == 201
    citizen.post("/me/consents", json={**CONSENT, "granted": False})

    assert citizen.get("/me/places").json["items"] == []
    citizen.post("/me/consents", json=CONSENT)
    assert citizen.get("/me/places").json["items"] == []


def test_a_third_place_is_refused_until_one_is_forgotten(town):
    citizen = a_citizen(town)
    codes = list(communes())[:3]
    for code in codes[:2]:
        assert citizen.post("/me/places", json={"insee_code": code}).status_code == 201
    assert citizen.post("/me/places", json={"insee_code": codes[0]}).status_code == 200

    third = citizen.post("/me/places", json={"insee_code": codes[2]})
    assert (third.status_code, slug_of(third)) == (409, "too-many-places")

    gone = citizen.get("/me/places").json["items"][0]["id"]
    assert citizen.delete(f"/me/places/{gone}").status_code == 204
    assert citizen.delete(f"/me/places/{gone}").status_code == 404
    assert citizen.post("/me/places", json={"insee_code": codes[2]}).status_code == 201


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"insee_code": BETHUNE, "position": POSITION}, ""),
        ({"insee_code": "75056"}, "/insee_code"),
        ({"cell": "881949d451fffff"}, "/cell"),
        ({"cell": 617}, "/cell"),
        ({"position": {"latitude": 48.8566, "longitude": 2.3522}}, "/position"),
        ({"position": {"latitude": 91.25, "longitude": 2.3522}}, "/position/latitude"),
        ({"position": {"latitude": "50.53017"}}, "/position/latitude"),
        ({"position": [50.53017, 2.64037]}, "/position"),
        ({"position": POSITION, "kind": "home"}, "/kind"),
    ],
    ids=["nothing", "two", "abroad", "too-fine", "number", "outside", "no-earth", "text", "list", "kind"],
)
def test_what_is_no_place_is_refused_and_not_said_again(town, body, pointer):
    answer = a_citizen(town).post("/me/places", json=body)

    assert answer.status_code == 422
    assert pointer in [error["pointer"] for error in answer.json["errors"]]
    assert not any(said in answer.text for said in ("48.8566", "2.3522", "91.25", "50.53017", "2.64037", "75056"))


def test_no_trace_of_the_body_is_kept_for_repeats(town):
    citizen = a_citizen(town)
    before = town.counts()["kept_answers"]

    headers = {"Idempotency-Key": "a-key-of-sixteen-or-more"}
    first = citizen.post("/me/places", json={"position": POSITION}, headers=headers)
    again = citizen.post("/me/places", json={"position": POSITION}, headers=headers)

    assert (first.status_code, again.status_code) == (201, 200)
    assert town.counts()["kept_answers"] == before
    assert town.counts()["places"] == 1


def test_places_move_with_her_to_another_phone_and_are_in_her_export(town):
    citizen = a_citizen(town)
    place = citizen.post("/me/places", json={"position": POSITION}).json

    code = citizen.post("/me/transfer").json["code"]
    moved = town.client.post("/api/v1/citizens/transfer", json={"code": code, "old_phones": "sign-out"}).json["token"]
    citizen.headers = {"Authorization": f"Bearer {moved}"}

    assert [item["id"] for item in citizen.get("/me/places").json["items"]] == [place["id"]]
    sections = {section["name"]: section for section in citizen.get("/me/export").json["sections"]}
    (row,) = sections["places"]["rows"]
    assert row["cell"] == cell_at(*GRAND_PLACE)
    assert sections["places"]["headings"].keys() == row.keys()


def test_calling_renews_her_cell(town, clock):
    citizen = a_citizen(town)
    citizen.post("/me/places", json={"position": POSITION})

    clock.forward(days=20)
    assert citizen.get("/me/feed").status_code == 200
    town.app.extensions["citylife"].active_days.flush(clock())

    assert citizen.get("/me/places").json["items"][0]["expires_at"] == "2027-01-14T00:00:00+00:00"
