"""Staff and shops through the API: the queue of claims, proofs of possession, letters, decisions, and by whom."""

import re

import pytest
from sqlalchemy import select

from citylife.accounts.merchants import Role, Scope
from citylife.accounts.staff import StaffRole
from citylife.audit import Actor, AuditEntry
from citylife.shops import PostedCode, ShopStatus
from tests.builders import a_citizen, a_follow

NOBODY = "01936f00-0000-7000-8000-000000000000"
VISIT = {"proof": "visit", "visit": {"date": "2026-11-24", "seen_by": "Karima, à la caisse"}}


def slug_of(answer):
    return answer.json["type"].rpartition("/")[2]


def pointers(answer):
    return [fault["pointer"] for fault in answer.json["errors"]]


def code_in(letter) -> str:
    """The code that stands on a letter."""
    return re.search(r'<p class="letter-code">([^<]+)</p>', letter.text)[1]


@pytest.fixture
def claimed(town):
    facts = {"street": "12 rue d’Arras", "postal_code": "62400"}
    return town.shop("Chez Léon", status=ShopStatus.CLAIMED, unproved=True, **facts)


def acts(town, shop):
    with town.sessions() as session:
        rows = session.scalars(select(AuditEntry).where(AuditEntry.subject_id == shop.id).order_by(AuditEntry.id))
        return [(row.action, row.actor, row.actor_id) for row in rows]


def test_the_queue_shows_who_claims_under_which_number(town, claimed):
    town.shop(status=ShopStatus.LISTED), town.shop(status=ShopStatus.SUSPENDED), town.shop()
    watcher = town.staff(StaffRole.WATCH)

    queue = watcher.get("/staff/shops?status=claimed").json
    assert [item["id"] for item in queue["items"]] == [str(claimed.id)]
    (item,) = queue["items"]
    assert (item["status"], item["claim"]["code"]) == ("claimed", None)
    assert re.fullmatch(r"\d{14}", item["claim"]["siret"])
    assert item["claim"]["merchant"]["email"].endswith("@boutique.example")
    everything = watcher.get("/staff/shops").json["items"]
    assert [shop["status"] for shop in everything] == ["claimed", "listed", "suspended", "verified"]
    assert everything[2]["suspended_reason"] == "Signalée par plusieurs personnes."
    first = watcher.get("/staff/shops?limit=3")
    rest = watcher.get(first.headers["Link"][1:].partition(">")[0].removeprefix("/api/v1"))
    assert first.json["items"] + rest.json["items"] == everything
    assert watcher.get("/staff/shops?status=gone").status_code == 422


def test_a_claim_is_accepted_on_a_recorded_visit(town, claimed):
    member = town.staff()
    for act, body in (("verify", VISIT), ("refuse", {"reason": "Non"}), ("code", {})):
        another = member.post(f"/staff/shops/{claimed.id}/{act}", json={**body, "claim_id": NOBODY})
        assert (another.status_code, slug_of(another)) == (409, "another-claim")
    read = member.get(f"/staff/shops/{claimed.id}").json["claim"]["id"]
    answer = member.post(f"/staff/shops/{claimed.id}/verify", json={**VISIT, "claim_id": read})
    assert (answer.status_code, answer.json["status"], answer.json["claim"]) == (200, "verified", None)
    (claim,) = answer.json["claims"]
    assert (claim["status"], claim["proof"], claim["visited_on"]) == ("accepted", "visit", "2026-11-24")
    assert claim["seen_by"] == "Karima, à la caisse"
    assert acts(town, claimed)[-1] == ("shop.verified", Actor.STAFF, member.id)
    again = member.post(f"/staff/shops/{claimed.id}/verify", json=VISIT)
    assert (again.status_code, slug_of(again)) == (409, "not-claimed")


PROOFS = [
    ({}, "/proof"),
    ({"proof": "demo"}, "/proof"),
    ({"proof": "visit"}, "/visit"),
    ({"proof": "visit", "visit": {}}, "/visit/date"),
    ({**VISIT, "proof": "posted-code"}, "/visit"),
    ({"proof": "visit", "visit": {"date": "2026-11-25", "seen_by": "Karima"}}, "/visit/date"),
    ({"proof": "visit", "visit": {"date": "24/11/2026", "seen_by": "Karima"}}, "/visit/date"),
    ({"proof": "visit", "visit": {"date": "2026-02-30", "seen_by": "Karima"}}, "/visit/date"),
    ({"proof": "visit", "visit": {"date": "2026-11-24", "seen_by": " "}}, "/visit/seen_by"),
    ({"proof": "visit", "visit": {"date": "2026-11-24", "seen_by": "x" * 201}}, "/visit/seen_by"),
]


def test_a_proof_that_is_none_names_the_field(town, claimed, subtests):
    member, before = town.staff(), None
    for body, pointer in PROOFS:
        with subtests.test(body=body):
            before = before or town.counts()
            answer = member.post(f"/staff/shops/{claimed.id}/verify", json=body)
            assert answer.status_code == 422
            assert pointer in pointers(answer)
            assert town.counts() == before


def test_a_posted_letter_is_entered_by_its_merchant_and_lets_staff_verify(town, claimed):
    member, owner = town.staff(), town.merchant(claimed)
    early = member.post(f"/staff/shops/{claimed.id}/verify", json={"proof": "posted-code"})
    assert (early.status_code, slug_of(early)) == (409, "possession-not-proved")
    nothing = owner.post(f"/merchant/shops/{claimed.id}/prove", json={"code": "ABCDEFGH"})
    assert (nothing.status_code, slug_of(nothing)) == (409, "no-code-posted")

    letter = member.post(f"/staff/shops/{claimed.id}/code")
    assert (letter.status_code, letter.content_type) == (201, "text/html; charset=utf-8")
    assert letter.headers["Cache-Control"] == "no-store"
    assert all(words in letter.text for words in ("Chez Léon", "12 rue d’Arras", "62400 Béthune", "23 janvier 2027"))
    state = town.staff(StaffRole.WATCH).get(f"/staff/shops/{claimed.id}").json["claim"]["code"]
    assert (state["failed"], state["entered_at"], state["expires_at"]) == (0, None, "2027-01-23T09:00:00+00:00")

    wrong = owner.post(f"/merchant/shops/{claimed.id}/prove", json={"code": "AAAA AAAA"})
    assert (wrong.status_code, slug_of(wrong), pointers(wrong)) == (422, "posted-code-wrong", ["/code"])
    assert "4" in wrong.json["detail"]
    right = owner.post(f"/merchant/shops/{claimed.id}/prove", json={"code": code_in(letter).lower()})
    assert (right.status_code, right.json["entered_at"]) == (200, "2026-11-24T09:00:00+00:00")
    assert owner.get(f"/merchant/shops/{claimed.id}").json["status"] == "claimed"
    done = member.post(f"/staff/shops/{claimed.id}/verify", json={"proof": "posted-code"})
    assert (done.json["status"], done.json["claims"][0]["proof"]) == ("verified", "posted-code")
    assert [act for act, _, _ in acts(town, claimed)][1:] == ["shop.code-made", "shop.code-entered", "shop.verified"]


def test_five_wrong_tries_are_counted_and_spend_the_code(town, claimed):
    owner, letter = town.merchant(claimed), town.staff().post(f"/staff/shops/{claimed.id}/code")
    key = {"Idempotency-Key": "a try"}
    for left in (4, 4, 3, 2, 1, 0):  # the second is the first repeated
        headers = key if left == 4 else {}
        answer = owner.post(f"/merchant/shops/{claimed.id}/prove", json={"code": "A"}, headers=headers)
        assert (answer.status_code, str(left) in answer.json["detail"]) == (422, True)
    spent = owner.post(f"/merchant/shops/{claimed.id}/prove", json={"code": code_in(letter)})
    assert (spent.status_code, slug_of(spent)) == (409, "posted-code-over")
    with town.sessions() as session:
        assert session.scalars(select(PostedCode.failed)).one() == 5


def test_a_letter_is_not_shown_again_and_a_new_one_has_another_code(town, claimed):
    member, key = town.staff(), {"Idempotency-Key": "the letter"}
    first = member.post(f"/staff/shops/{claimed.id}/code", headers=key)
    again = member.post(f"/staff/shops/{claimed.id}/code", headers=key)
    assert (again.status_code, slug_of(again)) == (409, "already-answered")
    second = member.post(f"/staff/shops/{claimed.id}/code")
    assert code_in(second) != code_in(first)
    owner = town.merchant(claimed)
    assert owner.post(f"/merchant/shops/{claimed.id}/prove", json={"code": code_in(first)}).status_code == 422
    assert owner.post(f"/merchant/shops/{claimed.id}/prove", json={"code": code_in(second)}).status_code == 200


def test_only_an_owner_of_the_very_shop_enters_its_code(town, claimed):
    letter = town.staff().post(f"/staff/shops/{claimed.id}/code")
    body = {"code": code_in(letter)}
    path = f"/merchant/shops/{claimed.id}/prove"
    assert town.merchant(claimed, role=Role.SELLER).post(path, json=body).status_code == 403
    assert town.merchant(claimed, scopes=(Scope.OFFERS,)).post(path, json=body).status_code == 403
    stranger = town.merchant(town.shop())
    absent = stranger.post(f"/merchant/shops/{NOBODY}/prove", json=body)
    other = stranger.post(path, json=body)
    assert (other.status_code, other.text.replace(str(claimed.id), NOBODY)) == (404, absent.text)


def test_a_claim_is_refused_a_shop_suspended_and_reinstated_each_with_its_reason(town, claimed):
    member, shop = town.staff(), town.shop()
    refused = member.post(f"/staff/shops/{claimed.id}/refuse", json={"reason": "Le SIRET est celui d’un autre."})
    assert (refused.json["status"], refused.json["claims"][0]["reason"]) == ("closed", "Le SIRET est celui d’un autre.")
    for verb, reason, status in (
        ("suspend", "Annonces trompeuses", "suspended"),
        ("reinstate", "Annonces corrigées", "verified"),
    ):
        answer = member.post(f"/staff/shops/{shop.id}/{verb}", json={"reason": reason})
        assert (answer.status_code, answer.json["status"]) == (200, status)
        again = member.post(f"/staff/shops/{shop.id}/{verb}", json={"reason": reason})
        assert (again.status_code, slug_of(again)) == (409, {"suspend": "not-verified"}.get(verb, "not-suspended"))
    (suspension,) = answer.json["suspensions"]
    assert (suspension["reason"], suspension["lifted_reason"]) == ("Annonces trompeuses", "Annonces corrigées")
    assert [(act, who) for act, _, who in acts(town, shop)][-2:] == [
        ("shop.suspended", member.id),
        ("shop.reinstated", member.id),
    ]


def test_a_decision_needs_a_reason_and_a_shop(town, claimed):
    member = town.staff()
    for verb, body in (("refuse", None), ("suspend", None), ("reinstate", None), ("verify", VISIT)):
        if body is None:
            for reason in ({}, {"reason": ""}, {"reason": "  "}, {"reason": 3}, {"reason": "x" * 1001}):
                answer = member.post(f"/staff/shops/{claimed.id}/{verb}", json=reason)
                assert (answer.status_code, pointers(answer)) == (422, ["/reason"]), (verb, reason)
        absent = member.post(f"/staff/shops/{NOBODY}/{verb}", json=body or {"reason": "Vu"})
        assert (absent.status_code, slug_of(absent)) == (404, "not-found"), verb
    assert member.get(f"/staff/shops/{NOBODY}").status_code == 404
    assert member.post(f"/staff/shops/{NOBODY}/code").status_code == 404
    assert member.get(f"/staff/shops/{claimed.id}").json["status"] == "claimed"


def test_who_watches_decides_nothing_and_who_is_no_staff_sees_nothing(town, claimed):
    watcher, before = town.staff(StaffRole.WATCH), town.counts()
    for verb, body in (
        ("verify", VISIT),
        ("refuse", {"reason": "Non"}),
        ("suspend", {"reason": "Non"}),
        ("reinstate", {"reason": "Oui"}),
        ("code", {}),
    ):
        path = f"/staff/shops/{claimed.id}/{verb}"
        answer = watcher.post(path, json=body)
        assert (answer.status_code, slug_of(answer)) == (403, "role-missing"), verb
        for caller in (town.citizen(), town.merchant(claimed), town.merchant_session(claimed)):
            assert caller.post(path, json=body).status_code == 401
        assert town.client.post("/api/v1" + path, json=body).status_code == 401
    assert town.client.get("/api/v1/staff/shops").status_code == 401
    after = town.counts()
    assert {name for name in before if before[name] != after[name]} <= {
        "citizens",
        "citizen_tokens",
        "consents",
        "merchants",
        "memberships",
        "merchant_keys",
        "account_sessions",
    }


def test_citizens_are_waited_for_in_numbers_that_name_nobody(town):
    shops = [town.shop(name, status=ShopStatus.LISTED) for name in ("Peu", "Onze", "Douze")]
    with town.sessions.begin() as session:
        for shop, waiting in zip(shops, (10, 11, 12), strict=True):
            for _ in range(waiting):
                a_follow(session, a_citizen(session), shop)
    watcher = town.staff(StaffRole.WATCH)
    answer = watcher.get("/staff/demand")
    assert [(item["name"], item["waiting"], item["said"]) for item in answer.json["items"]] == [
        ("Douze", 12, "12"),
        ("Onze", 11, "11"),
        ("Peu", None, "moins de 11"),
    ]
    english = watcher.get("/staff/demand", headers={"Accept-Language": "en"})
    assert (english.json["items"][2]["said"], english.headers["Content-Language"]) == ("fewer than 11", "en")
    paged, following = [], "/staff/demand?limit=1"
    while following:
        one = watcher.get(following)
        paged += one.json["items"]
        following = one.headers.get("Link") and one.headers["Link"][1:].partition(">")[0].removeprefix("/api/v1")
    assert paged == answer.json["items"]
    for cursor in ("czEy", "aWFi", "czEyLXh5"):
        assert watcher.get(f"/staff/demand?cursor={cursor}").status_code == 422
    assert town.client.get("/api/v1/staff/demand").status_code == 401


def test_a_letter_to_a_shop_that_eleven_wait_for_carries_its_code(town):
    shop, few = (town.shop(name, status=ShopStatus.LISTED, street="3 place") for name in ("Onze", "Dix"))
    with town.sessions.begin() as session:
        for waited, waiting in ((shop, 11), (few, 10)):
            for _ in range(waiting):
                a_follow(session, a_citizen(session), waited)
    watcher = town.staff(StaffRole.WATCH)
    letter = watcher.get(f"/staff/demand/{shop.id}/letter")
    assert (letter.status_code, letter.content_type) == (200, "text/html; charset=utf-8")
    assert "11 personnes vous attendent" in letter.text
    assert f"http://localhost:8000/commerce/nouveau?commerce={shop.slug}" in letter.text
    drawn = re.search(r'<img src="([^"]+)"', letter.text)[1]
    mark = town.client.get(drawn)
    assert (mark.status_code, mark.content_type) == (200, "image/svg+xml")
    assert b" style=" not in mark.data
    too_few = watcher.get(f"/staff/demand/{few.id}/letter")
    assert (too_few.status_code, slug_of(too_few)) == (409, "too-few-waiting")
    for absent in (NOBODY, town.shop().id):
        assert watcher.get(f"/staff/demand/{absent}/letter").status_code == 404
    assert town.client.get("/s/nulle-part/claim.svg").status_code == 404
    assert town.client.get(f"/api/v1/staff/demand/{shop.id}/letter").status_code == 401


def test_a_listed_shop_that_has_closed_is_gone_for_everybody_and_can_be_taken_back(town):
    shop, member, citizen = town.shop("Chez Zéphyrine", status=ShopStatus.LISTED), town.staff(), town.citizen()
    assert citizen.put(f"/me/follows/{shop.id}", json={"level": "normal"}).status_code == 201

    closed = member.post(f"/staff/shops/{shop.id}/close", json={"reason": "Rideau baissé, bail rendu."})
    assert (closed.status_code, closed.json["status"]) == (200, "closed")
    (closing,) = closed.json["closings"]
    assert (closing["reason"], closing["reopened_at"]) == ("Rideau baissé, bail rendu.", None)
    for path in (f"/shops/{shop.slug}", f"/shops/{shop.slug}/offers"):
        answer = citizen.get(path)
        assert (answer.status_code, slug_of(answer)) == (410, "shop-closed-down")
    for path in (f"/s/{shop.slug}", f"/s/{shop.slug}/offers.atom", f"/s/{shop.slug}/offers.ics"):
        assert town.client.get(path).status_code == 410
    page = town.client.get(f"/s/{shop.slug}", headers={"Accept": "text/html", "Accept-Language": "fr"})
    assert (page.status_code, "Ce commerce a fermé" in page.text) == (410, True)
    assert citizen.get("/shops?q=zephyrine").json["items"] == []
    assert str(shop.id) not in {item["id"] for item in citizen.get("/shops?limit=100").json["items"]}
    assert citizen.get("/me/feed").json["items"] == []
    assert town.citizen().put(f"/me/follows/{shop.id}", json={"level": "normal"}).status_code == 404
    again = member.post(f"/staff/shops/{shop.id}/close", json={"reason": "Encore."})
    assert (again.status_code, slug_of(again)) == (409, "not-listed")

    back = member.post(f"/staff/shops/{shop.id}/reopen", json={"reason": "Seulement des travaux."})
    assert (back.json["status"], back.json["closings"][0]["reopened_reason"]) == ("listed", "Seulement des travaux.")
    assert [item["id"] for item in citizen.get("/shops?q=zephyrine").json["items"]] == [str(shop.id)]
    assert citizen.get(f"/shops/{shop.slug}").status_code == 200
    assert [item["shop"]["id"] for item in citizen.get("/me/follows").json["items"]] == [str(shop.id)]
    twice = member.post(f"/staff/shops/{shop.id}/reopen", json={"reason": "Encore."})
    assert (twice.status_code, slug_of(twice)) == (409, "not-closed-down")
    assert acts(town, shop)[-2:] == [
        ("shop.closed-down", Actor.STAFF, member.id),
        ("shop.reopened", Actor.STAFF, member.id),
    ]


@pytest.mark.parametrize("status", [ShopStatus.CLAIMED, ShopStatus.VERIFIED, ShopStatus.SUSPENDED], ids=str)
def test_a_shop_that_somebody_runs_is_not_said_to_have_closed(town, status):
    shop = town.shop(status=status)
    member, before = town.staff(), town.counts()
    refused = member.post(f"/staff/shops/{shop.id}/close", json={"reason": "Rideau baissé."})
    assert (refused.status_code, slug_of(refused)) == (409, "not-listed")
    assert town.counts() == before
