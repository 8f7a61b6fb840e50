"""The digest by e-mail through the API: what is shown, what is refused, and what nobody can make of it."""

import pytest
from sqlalchemy import select

from citylife.letters import Letter, LetterState

OURS = {"Sec-Fetch-Site": "same-origin"}
CONSENT = {"purpose": "email-digest", "granted": True, "text_version": "2026-11", "locale": "fr"}
MARIE = {"email": "marie@courrier.example"}
NOTHING = {"state": "none", "email": None, "asked_at": None, "confirmed_at": None, "next_at": None}


def a_citizen(town):
    citizen = town.citizen()
    assert citizen.post("/me/consents", json=CONSENT).status_code == 201
    return citizen


def slug_of(answer):
    return answer.json["type"].rpartition("/")[2]


def waiting(town) -> list[Letter]:
    with town.sessions() as session:
        return list(session.scalars(select(Letter).where(Letter.state == LetterState.WAITING).order_by(Letter.id)))


def test_an_address_is_given_confirmed_shown_and_stopped(town):
    citizen = a_citizen(town)
    assert citizen.get("/me/email-digest").json == NOTHING

    given = citizen.put("/me/email-digest", json=MARIE)

    assert given.status_code == 200
    assert given.json == NOTHING | {"state": "unconfirmed", **MARIE, "asked_at": "2026-11-24T09:00:00+00:00"}
    assert town.doorbell.rung == 1, "the letter goes out at once"
    assert citizen.get("/me/email-digest").json == given.json
    (letter,) = waiting(town)
    tapped = town.client.post(f"/courriel/confirmer/{letter.content['token']}", headers=OURS)
    assert tapped.status_code == 200
    shown = citizen.get("/me/email-digest").json
    assert (shown["state"], shown["next_at"]) == ("confirmed", "2026-11-27T17:00:00+00:00")
    for _ in range(2):
        assert citizen.delete("/me/email-digest").status_code == 204
        assert citizen.get("/me/email-digest").json == NOTHING
    assert [item["granted"] for item in citizen.get("/me/consents").json["items"]][:2] == [False, True]
    assert slug_of(citizen.put("/me/email-digest", json=MARIE)) == "no-email-digest-consent"


def test_consent_comes_first_and_its_withdrawal_forgets_the_address(town):
    citizen = town.citizen()
    refused = citizen.put("/me/email-digest", json=MARIE)
    assert (refused.status_code, slug_of(refused)) == (409, "no-email-digest-consent")

    citizen.post("/me/consents", json=CONSENT)
    assert citizen.put("/me/email-digest", json=MARIE).status_code == 200
    citizen.post("/me/consents", json={**CONSENT, "granted": False})

    assert citizen.get("/me/email-digest").json == NOTHING
    assert waiting(town) == []


def test_before_the_aipd_is_dated_no_address_is_asked_for_nor_written_to(town):
    citizen = a_citizen(town)
    town.shop()
    refused = citizen.put("/me/email-digest", json=MARIE)
    assert (refused.status_code, slug_of(refused)) == (409, "not-sending-yet")
    assert citizen.get("/me/email-digest").json == NOTHING
    assert waiting(town) == []


def test_strangers_cannot_fill_somebodys_letter_box_and_learn_nothing(town):
    """However many ask, three requests a day reach one address, and the fourth is answered like the first."""
    answers = [a_citizen(town).put("/me/email-digest", json=MARIE) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 6
    assert len({answer.get_data() for answer in answers}) == 1
    assert len(waiting(town)) == 3
    town.clock.forward(days=1)
    a_citizen(town).put("/me/email-digest", json=MARIE)
    assert len(waiting(town)) == 4


def test_an_address_that_is_known_is_answered_as_one_that_is_not(town):
    first, second = a_citizen(town), a_citizen(town)
    first.put("/me/email-digest", json=MARIE)
    town.client.post(f"/courriel/confirmer/{waiting(town)[0].content['token']}", headers=OURS)

    known = second.put("/me/email-digest", json=MARIE)
    unknown = a_citizen(town).put("/me/email-digest", json={"email": "lou@courrier.example"})

    assert known.status_code == unknown.status_code == 200
    assert known.json | unknown.json == unknown.json


def test_one_citizen_gives_five_addresses_a_day(town):
    citizen = a_citizen(town)
    answers = [citizen.put("/me/email-digest", json={"email": f"a{number}@courrier.example"}) for number in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert citizen.get("/me/email-digest").json["email"] == "a4@courrier.example"


def test_from_one_place_of_the_network_twenty_are_given_an_hour(town):
    citizens = [a_citizen(town) for _ in range(21)]
    statuses = [
        citizen.put("/me/email-digest", json={"email": f"b{number}@courrier.example"}).status_code
        for number, citizen in enumerate(citizens)
    ]
    assert statuses == [200] * 20 + [429]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/email"),
        ({"email": "marie"}, "/email"),
        ({"email": None}, "/email"),
        ({"email": "a" * 300 + "@courrier.example"}, "/email"),
        ({**MARIE, "every": "day"}, "/every"),
    ],
    ids=["nothing", "no-address", "null", "too-long", "unknown-field"],
)
def test_what_is_no_address_is_refused(town, body, pointer):
    answer = a_citizen(town).put("/me/email-digest", json=body)
    assert answer.status_code == 422
    assert pointer in [error["pointer"] for error in answer.json["errors"]]
    assert waiting(town) == []
