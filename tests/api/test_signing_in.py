"""Signing in through the API: nothing tells who is registered, nothing opens twice, and sessions end when told to."""

import re

import pytest
from sqlalchemy import event, select

from citylife.accounts.sessions import AccountSession
from citylife.accounts.sign_in import PER_ADDRESS, PER_NETWORK, SignIn
from citylife.accounts.staff import StaffRole
from citylife.audit import AuditEntry
from citylife.database import new_id
from citylife.letters import Letter, LetterState
from tests import builders
from tests.builders import NOW

ELSEWHERE = "203.0.113.9"
COOKIES = {"merchant": "__Host-citylife-merchant", "staff": "__Host-citylife-staff"}
OURS = {"Sec-Fetch-Site": "same-origin"}


def slug_of(answer):
    return answer.json["type"].rpartition("/")[2]


@pytest.fixture
def people(town):
    """The addresses of a merchant and of a member of staff."""
    with town.sessions.begin() as session:
        merchant, member = builders.a_merchant(session), builders.a_staff_member(session, StaffRole.MODERATE)
        return {"merchant": merchant.email, "staff": member.email}


def ask(town, email, kind="merchant", **options):
    return town.client.post("/api/v1/sign-in", json={"email": email, "for": kind}, **options)


def letter(town):
    """What the last letter says."""
    with town.sessions() as session:
        return session.scalars(select(Letter.content).order_by(Letter.id.desc())).first()


def sign_in(town, email, kind="merchant", *, cookie=False, headers=None):
    asked = ask(town, email, kind)
    body = {"request_id": asked.json["request_id"], "code": letter(town)["code"], "cookie": cookie}
    return town.client.post("/api/v1/sign-in/code", json=body, headers=headers or (OURS if cookie else {}))


def place(number):
    """Another place of the network, where nothing has been asked yet: the answers count only themselves."""
    return {"environ_base": {"REMOTE_ADDR": f"198.51.100.{number}"}}


def without_id(answer):
    text = re.sub(r'"request_id":"[0-9a-f-]{36}"', '"request_id":"…"', answer.text)
    return answer.status_code, text, sorted(answer.headers)


@pytest.mark.parametrize("kind", ["merchant", "staff"])
def test_the_answer_is_the_same_whoever_has_the_address(town, people, kind):
    known = ask(town, people[kind], kind, **place(1))
    unknown = ask(town, "nobody@nowhere.example", kind, **place(2))
    assert known.status_code == 202
    assert without_id(known) == without_id(unknown)
    assert (len(known.data), known.headers["Cache-Control"]) == (len(unknown.data), "no-store")
    other = {"merchant": "staff", "staff": "merchant"}[kind]
    assert without_id(ask(town, people[other], kind, **place(3))) == without_id(unknown), (
        "a merchant is no member of staff"
    )
    with town.sessions() as session:
        states = session.scalars(select(Letter.state).order_by(Letter.id)).all()
    assert states == [LetterState.WAITING, LetterState.WITHHELD, LetterState.WITHHELD]


@pytest.mark.parametrize("kind", ["merchant", "staff"])
def test_an_unknown_address_costs_the_same_statements(town, people, kind):
    heard: list[list[str]] = []

    def listen(_conn, _cursor, statement, parameters, *_rest):
        heard[-1].append(statement)

    engine = town.app.extensions["citylife"].engine
    event.listen(engine, "before_cursor_execute", listen)
    try:
        for number, email in enumerate((people[kind], "nobody@nowhere.example")):
            heard.append([])
            ask(town, email, kind, **place(number))
    finally:
        event.remove(engine, "before_cursor_execute", listen)
    assert heard[0] == heard[1]
    assert len(heard[0]) >= 6


def test_a_wrong_code_is_answered_the_same_whoever_was_asked_for(town, people):
    answers = []
    for number, email in enumerate((people["merchant"], "nobody@nowhere.example")):
        body = {"request_id": ask(town, email, **place(number)).json["request_id"], "code": "000000"}
        if letter(town) and letter(town)["code"] == "000000":  # once in a million
            body["code"] = "000001"
        answers.append([town.client.post("/api/v1/sign-in/code", json=body, **place(number)) for _ in range(7)])
    known, unknown = answers
    for one, other in zip(known, unknown, strict=True):
        assert (one.status_code, slug_of(one)) == (422, "sign-in-refused")
        assert one.data == other.data
        assert sorted(one.headers) == sorted(other.headers)
    absent = town.client.post("/api/v1/sign-in/code", json={"request_id": str(new_id()), "code": "000000"})
    assert absent.data == known[0].data


@pytest.mark.parametrize("kind", ["merchant", "staff"])
def test_the_code_of_the_letter_opens_a_session_once(town, people, kind):
    opened = sign_in(town, people[kind], kind)
    assert (opened.status_code, opened.headers["Cache-Control"]) == (201, "no-store")
    assert opened.json["for"] == kind
    token = opened.json["token"]
    listed = town.client.get("/api/v1/sessions", headers={"Authorization": f"Bearer {token}"}).json["items"]
    assert [(item["id"], item["for"], item["current"]) for item in listed] == [(opened.json["id"], kind, True)]
    with town.sessions() as session:
        request_id = session.scalars(select(SignIn.id)).one()
    again = town.client.post("/api/v1/sign-in/code", json={"request_id": str(request_id), "code": letter(town)["code"]})
    assert (again.status_code, slug_of(again)) == (422, "sign-in-refused")


def test_the_tries_are_counted_although_they_are_refused(town, people):
    request_id = ask(town, people["merchant"]).json["request_id"]
    code = letter(town)["code"]
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    for _ in range(5):
        assert (
            town.client.post("/api/v1/sign-in/code", json={"request_id": request_id, "code": wrong}).status_code == 422
        )
    right = town.client.post("/api/v1/sign-in/code", json={"request_id": request_id, "code": code})
    assert right.status_code == 422
    with town.sessions() as session:
        assert session.scalars(select(SignIn.tries)).one() == 5
        assert session.scalars(select(AccountSession)).all() == []


def test_a_cookie_is_kept_from_scripts_and_only_given_to_our_own_pages(town, people):
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://elsewhere.example"}, {"X": "nothing"}):
        refused = sign_in(town, people["staff"], "staff", cookie=True, headers=headers)
        assert (refused.status_code, slug_of(refused)) == (403, "cross-site")
        assert "Set-Cookie" not in refused.headers
    opened = sign_in(town, people["staff"], "staff", cookie=True)
    assert opened.status_code == 201
    assert "token" not in opened.json
    cookie = opened.headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIES['staff']}=cls_")
    for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert part in cookie
    assert "Domain" not in cookie


def test_a_session_somebody_else_put_into_the_browser_is_not_the_one_she_gets(town, people):
    """Fixation: whatever cookie was there before, signing in makes another, and ends the one that was there."""
    planted = sign_in(town, people["merchant"]).json["token"]
    headers = {**OURS, "Cookie": f"{COOKIES['merchant']}={planted}"}
    opened = sign_in(town, people["merchant"], cookie=True, headers=headers)
    fresh = re.match(r"[^=]+=(cls_[\w-]+)", opened.headers["Set-Cookie"])
    assert fresh is not None
    assert fresh[1] != planted
    assert town.client.get("/api/v1/sessions", headers={"Authorization": f"Bearer {planted}"}).status_code == 401
    assert town.client.get("/api/v1/sessions", headers={"Authorization": f"Bearer {fresh[1]}"}).status_code == 200
    invented = {**OURS, "Cookie": f"{COOKIES['merchant']}=cls_{'a' * 43}"}
    other = sign_in(town, people["merchant"], cookie=True, headers=invented)
    assert "a" * 43 not in other.headers["Set-Cookie"]


def test_sessions_are_listed_with_little_and_ended_one_by_one(town, people):
    tokens = [sign_in(town, people["merchant"]).json["token"] for _ in range(3)]
    first, second, third = ({"Authorization": f"Bearer {token}"} for token in tokens)
    listed = town.client.get("/api/v1/sessions", headers=first).json["items"]
    assert [item["current"] for item in listed] == [True, False, False]
    assert set(listed[0]) == {"id", "for", "browser", "created_at", "seen_at", "expires_at", "current"}
    assert listed[0]["seen_at"] == NOW.isoformat()
    ended = town.client.delete(f"/api/v1/sessions/{listed[1]['id']}", headers=first)
    assert ended.status_code == 204
    assert town.client.get("/api/v1/sessions", headers=second).status_code == 401
    assert len(town.client.get("/api/v1/sessions", headers=first).json["items"]) == 2
    assert town.client.delete("/api/v1/sessions", headers=third).status_code == 204
    assert town.client.get("/api/v1/sessions", headers=first).status_code == 401


def test_another_s_session_is_answered_as_an_absent_one(town):
    mine, theirs = town.merchant_session(), town.staff()
    their_id = theirs.get("/sessions").json["items"][0]["id"]
    another, absent = mine.delete(f"/sessions/{their_id}"), mine.delete(f"/sessions/{mine.id}")
    assert (another.status_code, another.text.replace(their_id, str(mine.id))) == (404, absent.text)
    assert theirs.get("/sessions").status_code == 200
    for stranger in (town.merchant(), town.citizen()):
        assert stranger.get("/sessions").status_code == 401


def test_who_is_merchant_and_staff_in_one_browser_sees_and_ends_both(town):
    merchant, member = town.merchant_session(), town.staff()
    cookies = f"{COOKIES['merchant']}={merchant.token}; {COOKIES['staff']}={member.token}"
    headers = {"Cookie": cookies, **OURS}
    listed = town.client.get("/api/v1/sessions", headers=headers).json["items"]
    assert sorted(item["for"] for item in listed) == ["merchant", "staff"]
    ended = town.client.delete("/api/v1/sessions", headers=headers)
    assert len(ended.headers.getlist("Set-Cookie")) == 2
    assert all("Max-Age=0" in line for line in ended.headers.getlist("Set-Cookie"))
    assert merchant.get("/sessions").status_code == member.get("/sessions").status_code == 401


def test_the_browser_s_family_is_kept_and_nothing_finer(town, people):
    for agent, family in (
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome"),
        ("curl/8", ""),
    ):
        opened = sign_in(town, people["merchant"], headers={"User-Agent": agent})
        with town.sessions() as session:
            kept = session.scalars(select(AccountSession.browser).order_by(AccountSession.id.desc())).first()
        assert (opened.status_code, kept) == (201, family)
        town.clock.forward(minutes=4)


def test_an_address_is_written_to_so_often_and_no_more_whoever_has_it(town, people):
    answers = {}
    for email in (people["merchant"], "nobody@nowhere.example"):
        answers[email] = [
            ask(town, email if number % 2 else email.upper()) for number in range(PER_ADDRESS[0].most + 1)
        ]
    for given in answers.values():
        assert [answer.status_code for answer in given] == [202] * PER_ADDRESS[0].most + [429]
        assert slug_of(given[-1]) == "too-many-requests"
        assert given[-1].headers["Retry-After"] == "180"
        assert given[-1].headers["RateLimit"] == '"sign-in-address";r=0;t=900'
    known, unknown = (given[-1] for given in answers.values())
    assert (known.data, sorted(known.headers)) == (unknown.data, sorted(unknown.headers))
    town.clock.forward(seconds=180)
    assert ask(town, people["merchant"]).status_code == 202
    with town.sessions() as session:
        assert len(session.scalars(select(Letter)).all()) == 2 * PER_ADDRESS[0].most + 1


def test_a_place_of_the_network_asks_so_often_and_no_more(town):
    for number in range(PER_NETWORK.most):
        answer = ask(town, f"nobody{number}@nowhere.example")
        assert answer.status_code == 202
    assert answer.headers["RateLimit"].startswith('"sign-in-network";r=0;t=')
    assert answer.headers["RateLimit-Policy"] == '"sign-in-network";q=30;w=900'
    refused = ask(town, "one-more@nowhere.example")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "30")
    code = town.client.post("/api/v1/sign-in/code", json={"request_id": str(new_id()), "code": "000000"})
    assert code.status_code == 429, "codes are tried at the same pace"
    elsewhere = ask(town, "one-more@nowhere.example", environ_base={"REMOTE_ADDR": ELSEWHERE})
    assert elsewhere.status_code == 202


def test_the_neighbours_of_an_ipv6_address_are_one_place(town):
    for number in range(PER_NETWORK.most):
        place = {"REMOTE_ADDR": f"2001:db8:1:2::{number:x}"}
        assert ask(town, f"nobody{number}@nowhere.example", environ_base=place).status_code == 202
    same = ask(town, "one-more@nowhere.example", environ_base={"REMOTE_ADDR": "2001:db8:1:2:ffff::1"})
    other = ask(town, "one-more@nowhere.example", environ_base={"REMOTE_ADDR": "2001:db8:1:3::1"})
    assert (same.status_code, other.status_code) == (429, 202)


def test_what_is_no_address_is_refused_at_its_field(town):
    for wrong in ("camille", "a@b.example\r\nBcc: c@d.example", "", 7, None):
        answer = ask(town, wrong)
        assert (answer.status_code, [fault["pointer"] for fault in answer.json["errors"]]) == (422, ["/email"])
    assert ask(town, "a@b.example", "citizen").json["errors"][0]["pointer"] == "/for"


def test_the_worker_is_rung_for_and_a_repeat_with_its_key_writes_one_letter(town, people):
    rung = town.doorbell.rung
    headers = {"Idempotency-Key": "a-key-long-enough-1"}
    first, again = (ask(town, people["merchant"], headers=headers) for _ in range(2))
    assert town.doorbell.rung > rung
    assert first.data == again.data
    with town.sessions() as session:
        assert len(session.scalars(select(Letter)).all()) == 1


def test_a_repeated_code_with_its_key_tells_no_second_secret(town, people):
    request_id = ask(town, people["merchant"]).json["request_id"]
    body = {"request_id": request_id, "code": letter(town)["code"]}
    headers = {"Idempotency-Key": "a-key-long-enough-2"}
    first, again = (town.client.post("/api/v1/sign-in/code", json=body, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code, slug_of(again)) == (201, 409, "already-answered")


def test_the_signing_in_of_staff_is_audited_without_naming_a_merchant(town, people):
    sign_in(town, people["staff"], "staff")
    sign_in(town, people["merchant"])
    with town.sessions() as session:
        acts = [entry.action for entry in session.scalars(select(AuditEntry))]
    assert acts.count("staff.signed-in") == 1
    assert "merchant.signed-in" not in acts


def test_a_session_ends_by_itself(town, people):
    token = sign_in(town, people["staff"], "staff").json["token"]
    headers = {"Authorization": f"Bearer {token}"}
    for _ in range(3):
        town.clock.forward(hours=23)
        assert town.client.get("/api/v1/sessions", headers=headers).status_code == 200
    town.clock.forward(hours=25)
    assert town.client.get("/api/v1/sessions", headers=headers).status_code == 401
