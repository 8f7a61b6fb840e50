"""Passkeys through the API: made by who is signed in, told to her address, and a way in that asks for no address."""

import pytest
from sqlalchemy import select

from citylife.accounts.passkeys import PasskeyChallenge, site_of
from citylife.accounts.sessions import AccountSession
from citylife.audit import AuditEntry
from citylife.letters import Letter, LetterKind
from citylife.settings import Settings
from tests.doubles.authenticator import Authenticator
from tests.doubles.push_checks import unpadded_base64url as from_base64url
from tests.doubles.push_service import base64url

OURS = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def device(town):
    settings: Settings = town.app.extensions["citylife"].settings
    site = site_of(settings.base_url)
    return Authenticator(site.id, site.origin)


def slug_of(answer):
    return answer.json["type"].rpartition("/")[2]


def enrol(caller, device, **more):
    options = caller.post("/passkeys/options", json={})
    assert options.status_code == 200
    challenge, handle = (from_base64url(said) for said in (options.json["challenge"], options.json["user"]["id"]))
    return caller.post("/passkeys", json={"credential": device.make(challenge, handle), **more})


def prove(town, device, *, headers=None, **more):
    options = town.client.post("/api/v1/passkeys/sign-in/options")
    assert options.headers["Cache-Control"] == "no-store"
    body = {"credential": device.prove(from_base64url(options.json["challenge"])), **more}
    return town.client.post("/api/v1/passkeys/sign-in", json=body, headers=headers or {})


def letters(town, kind):
    with town.sessions() as session:
        return session.scalars(select(Letter).where(Letter.kind == kind).order_by(Letter.id)).all()


@pytest.mark.parametrize("kind", ["merchant", "staff"])
def test_who_is_signed_in_makes_a_passkey_and_comes_in_by_it(town, device, kind):
    hers = town.merchant_session() if kind == "merchant" else town.staff()
    options = hers.post("/passkeys/options", json={}).json
    assert (options["rp"]["id"], options["attestation"]) == (device.site, "none")
    assert options["authenticatorSelection"] == {"residentKey": "required", "userVerification": "required"}
    made = enrol(hers, device)
    assert (made.status_code, made.json["for"], made.json["used_at"]) == (201, kind, None)
    assert hers.post("/passkeys/options", json={}).json["excludeCredentials"] == [
        {"type": "public-key", "id": base64url(device.credential_id)}
    ]

    opened = prove(town, device)
    assert (opened.status_code, opened.json["for"]) == (201, kind)
    again = town.client.get("/api/v1/passkeys", headers={"Authorization": f"Bearer {opened.json['token']}"})
    assert [item["id"] for item in again.json["items"]] == [made.json["id"]]
    assert again.json["items"][0]["used_at"] is not None
    (told,) = letters(town, LetterKind.PASSKEY_MADE)
    assert told.recipient == options["user"]["name"]
    with town.sessions() as session:
        assert "passkey.made" in session.scalars(select(AuditEntry.action)).all()


def test_in_a_browser_the_session_is_a_cookie_and_only_our_pages_ask_for_it(town, device):
    enrol(town.merchant_session(), device)
    refused = prove(town, device, cookie=True, headers={"Sec-Fetch-Site": "cross-site"})
    assert (refused.status_code, slug_of(refused)) == (403, "cross-site")
    opened = prove(town, device, cookie=True, headers=OURS)
    assert (opened.status_code, "token" in opened.json) == (201, False)
    assert "HttpOnly" in opened.headers["Set-Cookie"]


def test_what_proves_nothing_is_refused_uses_its_challenge_up_and_opens_nothing(town, device):
    refused = prove(town, device)
    assert (refused.status_code, slug_of(refused)) == (422, "passkey-refused")
    english = prove(town, device, headers={"Accept-Language": "en"})
    assert english.json["detail"] == "This passkey was not recognised. Try again, or ask for an e-mail."
    with town.sessions() as session:
        assert session.scalars(select(PasskeyChallenge)).all() == []
        assert session.scalars(select(AccountSession)).all() == []


def test_an_answer_that_is_too_large_or_of_another_shape_is_refused_at_its_field(town):
    answer = town.client.post("/api/v1/passkeys/sign-in", json={"credential": {"id": "x" * 9000, "response": []}})
    assert answer.status_code == 422
    assert {error["pointer"] for error in answer.json["errors"]} >= {"/credential/id", "/credential/response"}


def test_an_api_key_makes_no_passkey(town):
    assert town.merchant().post("/passkeys/options", json={}).status_code == 401


def test_who_is_not_signed_in_as_staff_makes_none_for_staff(town):
    answer = town.merchant_session().post("/passkeys/options", json={"for": "staff"})
    assert (answer.status_code, slug_of(answer)) == (401, "sign-in-needed")


def test_only_its_owner_takes_a_passkey_away(town, device):
    hers = town.merchant_session()
    made = enrol(hers, device).json
    assert town.merchant_session().delete(f"/passkeys/{made['id']}").status_code == 404
    assert hers.delete(f"/passkeys/{made['id']}").status_code == 204
    assert prove(town, device).status_code == 422
    with town.sessions() as session:
        assert "passkey.removed" in session.scalars(select(AuditEntry.action)).all()


def test_coming_in_by_a_letter_all_the_same_is_told_to_her_team_once_a_day(town, device):
    shop = town.shop()
    hers, colleague = town.merchant_session(shop), town.merchant_session(shop)
    email = hers.post("/passkeys/options", json={}).json["user"]["name"]
    their = colleague.post("/passkeys/options", json={}).json["user"]["name"]

    def come_by_letter():
        asked = town.client.post("/api/v1/sign-in", json={"email": email})
        (*_, letter) = letters(town, LetterKind.SIGN_IN)
        body = {"request_id": asked.json["request_id"], "code": letter.content["code"]}
        assert town.client.post("/api/v1/sign-in/code", json=body).status_code == 201

    come_by_letter()
    assert letters(town, LetterKind.CAME_IN_BY_LETTER) == [], "she had no passkey to use"
    enrol(hers, device)
    come_by_letter()
    come_by_letter()
    told = letters(town, LetterKind.CAME_IN_BY_LETTER)
    assert [letter.content for letter in told if letter.recipient == their] == [{"email": email}]
    assert email not in {letter.recipient for letter in told}
    town.clock.forward(days=1)
    come_by_letter()
    assert len(letters(town, LetterKind.CAME_IN_BY_LETTER)) == 2 * len(told)
