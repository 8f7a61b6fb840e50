"""A citizen moves to another phone through the API, by a typed code or a printed one; nobody guesses their way in."""

from sqlalchemy import func, select

from citylife.accounts.citizens import Citizen, CitizenToken
from citylife.accounts.moving import ALPHABET, MOST_TRIES, CodeTries, MovingCode

OURS = {"Sec-Fetch-Site": "same-origin"}
KEY = {"Idempotency-Key": "6f1c5c0e-7d0a-4a8e-9a53-3c5a8f6f6d11"}


def slug_of(answer):
    return answer.json["type"].rpartition("/")[2]


def move(client, code, old_phones="keep", *, headers=None, **more):
    body = {"code": code, "old_phones": old_phones, **more}
    return client.post("/api/v1/citizens/transfer", json=body, headers=headers)


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def another(code):
    """A code that differs in one character."""
    return code[:-1] + ALPHABET[(ALPHABET.index(code[-1]) + 1) % len(ALPHABET)]


def test_a_code_from_one_phone_lets_another_in(town):
    citizen = town.citizen()
    shop = town.shop()
    citizen.put(f"/me/follows/{shop.id}")
    made = citizen.post("/me/transfer")
    assert (made.status_code, made.headers["Cache-Control"]) == (201, "no-store")
    assert made.json["expires_at"] == "2026-11-24T09:10:00+00:00"
    answer = move(town.client, made.json["code"])
    assert (answer.status_code, answer.headers["Cache-Control"]) == (201, "no-store")
    assert answer.headers["Location"] == "/api/v1/me"
    assert (answer.json["id"], answer.json["used"]) == (str(citizen.id), "transfer")
    followed = town.client.get("/api/v1/me/follows", headers=bearer(answer.json["token"])).json["items"]
    assert [follow["shop"]["id"] for follow in followed] == [str(shop.id)]
    assert citizen.get("/me").status_code == 200


def test_the_old_phones_are_signed_out_when_asked(town):
    citizen = town.citizen()
    answer = move(town.client, citizen.post("/me/transfer").json["code"], "sign-out")
    assert answer.status_code == 201
    assert citizen.get("/me").status_code == 401
    assert citizen.get("/me/feed").status_code == 401
    assert town.client.get("/api/v1/me", headers=bearer(answer.json["token"])).status_code == 200


def test_what_becomes_of_the_old_phones_has_to_be_said(town):
    code = town.citizen().post("/me/transfer").json["code"]
    for body in ({"code": code}, {"code": code, "old_phones": "both"}, {"old_phones": "keep"}, {}):
        answer = town.client.post("/api/v1/citizens/transfer", json=body)
        assert answer.status_code == 422
    assert move(town.client, code).status_code == 201


def test_our_pages_get_the_token_in_a_cookie_in_place_of_the_one_there(town):
    citizen = town.citizen()
    browser = town.app.test_client()
    before = browser.post("/api/v1/citizens", json={"cookie": True}, headers=OURS).json["id"]
    code = citizen.post("/me/transfer").json["code"]
    elsewhere = move(browser, code, cookie=True, headers={"Sec-Fetch-Site": "cross-site"})
    assert (elsewhere.status_code, slug_of(elsewhere)) == (403, "cross-site")
    answer = move(browser, code, cookie=True, headers=OURS)
    assert answer.status_code == 201
    assert "token" not in answer.json
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert browser.get("/api/v1/me").json["id"] == str(citizen.id) != before


def test_wrong_used_and_expired_codes_are_answered_alike(town):
    citizen = town.citizen()
    used, expired = citizen.post("/me/transfer").json["code"], citizen.post("/me/transfer").json["code"]
    move(town.client, used)
    town.clock.forward(minutes=10)
    recovery = citizen.post("/me/recovery").json["code"]
    citizen.delete("/me/recovery")
    answers = [
        move(town.client, code) for code in (used, expired, another(used), recovery, another(recovery), "ABC", "")
    ]
    bodies = {(answer.status_code, answer.text, str(sorted(answer.headers))) for answer in answers}
    assert len(bodies) == 1, bodies
    assert (answers[0].status_code, slug_of(answers[0])) == (422, "moving-code-refused")
    assert answers[0].json["errors"][0]["pointer"] == "/code"


def test_guessing_ends_after_twenty_tries_even_with_the_right_code(town):
    citizen = town.citizen()
    code = citizen.post("/me/transfer").json["code"]
    for _ in range(MOST_TRIES):
        assert move(town.client, another(code)).status_code == 422
    late = move(town.client, code)
    assert (late.status_code, slug_of(late), late.headers["Retry-After"]) == (429, "too-many-tries", "3601")
    with town.sessions() as session:
        assert session.scalars(select(CodeTries.refused)).one() == MOST_TRIES
        assert session.scalar(select(func.count()).select_from(MovingCode)) == 1
    town.clock.forward(hours=1)
    assert move(town.client, citizen.post("/me/transfer").json["code"]).status_code == 201


def test_a_repeated_move_is_told_that_it_was_answered_and_no_secret_is_kept(town):
    citizen = town.citizen()
    assert citizen.post("/me/transfer", headers=KEY).status_code == 201
    again = citizen.post("/me/transfer", headers=KEY)
    assert (again.status_code, slug_of(again)) == (409, "already-answered")
    code = citizen.post("/me/transfer").json["code"]
    assert move(town.client, code, headers=KEY).status_code == 201
    repeated = move(town.client, code, headers=KEY)
    assert (repeated.status_code, slug_of(repeated)) == (409, "already-answered")
    with town.sessions() as session:
        assert session.scalar(select(func.count()).select_from(CitizenToken)) == 2
        assert session.scalar(select(func.count()).select_from(Citizen)) == 1


def test_a_refused_move_can_be_tried_again_under_its_key(town):
    citizen = town.citizen()
    code = citizen.post("/me/transfer").json["code"]
    assert move(town.client, another(code), headers=KEY).status_code == 422
    assert move(town.client, code, headers=KEY).status_code == 201


def test_a_printed_code_brings_her_back_once_and_says_to_print_another(town):
    citizen = town.citizen()
    assert citizen.get("/me/recovery").json == {"stands": False, "made_at": None}
    printed = citizen.post("/me/recovery")
    assert (printed.status_code, printed.headers["Cache-Control"]) == (201, "no-store")
    assert citizen.get("/me/recovery").json == {"stands": True, "made_at": "2026-11-24T09:00:00+00:00"}
    town.clock.forward(days=400)
    back = move(
        town.client, printed.json["code"].replace("-", " ").lower(), "sign-out", headers={"Accept-Language": "en"}
    )
    assert (back.status_code, back.json["used"], back.json["recovery_stands"]) == (201, "recovery", False)
    assert "print a new one" in back.json["advice"]
    assert citizen.get("/me").status_code == 401
    assert move(town.client, printed.json["code"]).status_code == 422


def test_a_revoked_printed_code_is_none(town):
    citizen = town.citizen()
    printed = citizen.post("/me/recovery").json["code"]
    for _ in range(2):
        assert citizen.delete("/me/recovery").status_code == 204
    assert citizen.get("/me/recovery").json["stands"] is False
    assert move(town.client, printed).status_code == 422


def test_codes_are_made_only_by_her(town):
    for method, path in (("post", "transfer"), ("post", "recovery"), ("get", "recovery"), ("delete", "recovery")):
        assert getattr(town.client, method)(f"/api/v1/me/{path}").status_code == 401
    with town.sessions() as session:
        assert session.scalar(select(func.count()).select_from(MovingCode)) == 0
