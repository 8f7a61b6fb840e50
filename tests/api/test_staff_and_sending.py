"""Staff, reports, stops of sending and the audit log through the API: what is done, refused, and to whom."""

import pytest
from sqlalchemy import select

from citylife import audit
from citylife.accounts.staff import StaffRole
from citylife.audit import AuditEntry
from citylife.ledger import stops
from citylife.offers import OfferStatus
from citylife.shops import ShopStatus
from tests.builders import an_offer

NOBODY = "01936f00-0000-7000-8000-000000000000"


def slug_of(answer):
    return answer.json["type"].rpartition("/")[2]


def pointers(answer):
    return [fault["pointer"] for fault in answer.json["errors"]]


@pytest.fixture
def shop(town):
    return town.shop("Chez Léon")


@pytest.fixture
def offer(town, shop):
    with town.sessions.begin() as session:
        return an_offer(session, shop, now=town.clock())


def report(town, offer_id, reason="misleading", **said):
    return town.client.post("/api/v1/reports", json={"offer_id": str(offer_id), "reason": reason, **said})


# Reports


def test_anybody_reports_and_is_told_nothing(town, offer):
    first = report(town, offer.id, detail="Le prix en caisse était le double.")
    second = report(town, offer.id, detail="Pareil")
    assert [(answer.status_code, answer.data) for answer in (first, second)] == [(202, b"")] * 2
    (item,) = town.staff(StaffRole.WATCH).get("/staff/reports?status=open").json["items"]
    assert (item["count"], item["reason"], item["status"]) == (2, "misleading", "open")
    assert item["details"] == ["Le prix en caisse était le double.", "Pareil"]
    assert (item["offer"]["title"], item["offer"]["shop_name"]) == (offer.title, "Chez Léon")


def test_a_report_of_nothing_or_that_says_nothing_is_refused(town, shop, offer):
    with town.sessions.begin() as session:
        withdrawn = an_offer(session, shop, status=OfferStatus.WITHDRAWN, now=town.clock())
        draft = an_offer(session, shop, status=OfferStatus.DRAFT, now=town.clock())
    hidden = town.shop(status=ShopStatus.SUSPENDED)
    before = town.counts()
    for absent in (NOBODY, withdrawn.id, draft.id, hidden.id):
        assert report(town, absent).status_code == 404
    for said, pointer in (
        ({"reason": "ugly"}, "/reason"),
        ({"detail": "x" * 501}, "/detail"),
        ({"detail": "avec un\x00nul"}, "/detail"),
        ({"offer_id": "1"}, "/offer_id"),
        ({"email": "a@b.example"}, "/email"),
    ):
        answer = town.client.post("/api/v1/reports", json={"offer_id": str(offer.id), "reason": "other", **said})
        assert (answer.status_code, pointers(answer)) == (422, [pointer])
    assert town.counts() == before


def test_a_repeated_report_with_the_same_key_is_counted_once(town, offer):
    body = {"offer_id": str(offer.id), "reason": "other"}
    for _ in range(2):
        answer = town.client.post("/api/v1/reports", json=body, headers={"Idempotency-Key": "0123456789abcdef"})
        assert answer.status_code == 202
    assert town.staff().get("/staff/reports").json["items"][0]["count"] == 1


def test_an_upheld_report_withdraws_the_offer_and_tells_its_merchant_why(town, shop, offer):
    report(town, offer.id)
    member, merchant = town.staff(), town.merchant(shop)
    path = f"/staff/reports/{member.get('/staff/reports').json['items'][0]['id']}"

    upheld = member.post(f"{path}/uphold", json={"reason": "Le prix annoncé n’est pas tenu."})
    assert (upheld.status_code, upheld.json["status"]) == (200, "upheld")
    assert (upheld.json["decision"], upheld.json["offer"]["status"]) == ("Le prix annoncé n’est pas tenu.", "withdrawn")
    hers = merchant.get(f"/merchant/offers/{offer.id}").json
    assert (hers["status"], hers["withdrawn_reason"]) == ("withdrawn", "Le prix annoncé n’est pas tenu.")
    assert town.client.get(f"/api/v1/offers/{offer.id}").status_code == 404
    for verb in ("uphold", "dismiss"):
        again = member.post(f"{path}/{verb}", json={"reason": "Encore"})
        assert (again.status_code, slug_of(again)) == (409, "report-closed")
    assert member.get("/staff/reports?status=open").json["items"] == []
    assert len(member.get("/staff/reports?status=upheld").json["items"]) == 1


def test_a_dismissed_report_leaves_the_offer(town, offer):
    report(town, offer.id)
    member = town.staff()
    path = f"/staff/reports/{member.get('/staff/reports').json['items'][0]['id']}"
    dismissed = member.post(f"{path}/dismiss", json={"reason": "Rien à redire"})
    assert (dismissed.json["status"], dismissed.json["offer"]["status"]) == ("dismissed", "live")
    assert town.client.get(f"/api/v1/offers/{offer.id}").status_code == 200


def test_a_report_is_decided_on_with_a_reason_by_who_moderates(town, offer):
    report(town, offer.id)
    member, watcher = town.staff(), town.staff(StaffRole.WATCH)
    path = f"/staff/reports/{watcher.get('/staff/reports').json['items'][0]['id']}"
    for verb in ("uphold", "dismiss"):
        for reason in ({}, {"reason": " "}, {"reason": "x" * 301}):
            answer = member.post(f"{path}/{verb}", json=reason)
            assert (answer.status_code, pointers(answer)) == (422, ["/reason"])
        refused = watcher.post(f"{path}/{verb}", json={"reason": "Vu"})
        assert (refused.status_code, slug_of(refused)) == (403, "role-missing")
        assert member.post(f"/staff/reports/{NOBODY}/{verb}", json={"reason": "Vu"}).status_code == 404
        assert town.client.post(f"/api/v1{path}/{verb}", json={"reason": "Vu"}).status_code == 401
    assert town.client.get("/api/v1/staff/reports").status_code == 401
    assert watcher.get("/staff/reports").json["items"][0]["status"] == "open"


def test_reports_page_the_oldest_first(town, shop):
    with town.sessions.begin() as session:
        offers = [an_offer(session, shop, now=town.clock()) for _ in range(3)]
    for offer in offers:
        report(town, offer.id)
    watcher, paged, following = town.staff(StaffRole.WATCH), [], "/staff/reports?status=open&limit=2"
    while following:
        answer = watcher.get(following)
        paged += [item["offer"]["id"] for item in answer.json["items"]]
        following = answer.headers.get("Link") and answer.headers["Link"][1:].partition(">")[0].removeprefix("/api/v1")
    assert paged == [str(offer.id) for offer in offers]


# Stops


def test_a_shops_sending_is_stopped_and_resumed_and_the_worker_is_rung(town, shop):
    member = town.staff()
    body = {"shop_id": str(shop.id), "reason": "Emballement"}
    stopped = member.post("/staff/sending/stop", json=body)
    assert (stopped.status_code, stopped.json["shop_slug"], stopped.json["lifted_at"]) == (200, shop.slug, None)
    state = town.staff(StaffRole.WATCH).get("/staff/sending").json
    assert (state["everything"], [stop["reason"] for stop in state["shops"]]) == (None, ["Emballement"])
    with town.sessions() as session:
        assert stops.shop_stopped(session, shop.id)
    again = member.post("/staff/sending/stop", json=body)
    assert (again.status_code, slug_of(again)) == (409, "already-stopped")
    rung = town.doorbell.rung
    resumed = member.post("/staff/sending/resume", json={**body, "reason": "Corrigé"})
    assert (resumed.json["lifted_reason"], town.doorbell.rung) == ("Corrigé", rung + 1)
    running = member.post("/staff/sending/resume", json=body)
    assert (running.status_code, slug_of(running)) == (409, "not-stopped")
    assert town.staff(StaffRole.WATCH).get("/staff/sending").json == {"everything": None, "shops": []}


def test_all_sending_is_stopped_and_resumed_only_by_who_administers(town):
    for role in (StaffRole.WATCH, StaffRole.MODERATE):
        for verb in ("stop", "resume"):
            for body in ({"reason": "Panne"}, {"shop_id": None, "reason": "Panne"}):
                answer = town.staff(role).post(f"/staff/sending/{verb}", json=body)
                assert (answer.status_code, slug_of(answer)) == (403, "role-missing")
    chief = town.staff(StaffRole.ADMINISTER)
    stopped = chief.post("/staff/sending/stop", json={"reason": "Panne"})
    assert (stopped.status_code, stopped.json["shop_id"]) == (200, None)
    assert chief.get("/staff/sending").json["everything"]["reason"] == "Panne"
    assert chief.post("/staff/sending/resume", json={"reason": "Réparé"}).status_code == 200


def test_a_stop_needs_a_reason_a_shop_that_exists_and_a_role(town, shop):
    member = town.staff()
    for verb in ("stop", "resume"):
        for body in ({"shop_id": str(shop.id)}, {"shop_id": str(shop.id), "reason": "  "}):
            answer = member.post(f"/staff/sending/{verb}", json=body)
            assert (answer.status_code, pointers(answer)) == (422, ["/reason"])
        wrong = member.post(f"/staff/sending/{verb}", json={"shop_id": "tous", "reason": "Panne"})
        assert (wrong.status_code, pointers(wrong)) == (422, ["/shop_id"])
        assert member.post(f"/staff/sending/{verb}", json={"shop_id": NOBODY, "reason": "x"}).status_code == 404
        body = {"shop_id": str(shop.id), "reason": "Panne"}
        assert town.staff(StaffRole.WATCH).post(f"/staff/sending/{verb}", json=body).status_code == 403
        assert town.merchant(shop).post(f"/staff/sending/{verb}", json=body).status_code == 401
    assert town.client.get("/api/v1/staff/sending").status_code == 401
    assert member.get("/staff/sending").json == {"everything": None, "shops": []}


# How much a shop may send


def test_who_administers_sets_how_often_a_shop_may_announce_and_takes_it_back(town, shop):
    chief, member = town.staff(StaffRole.ADMINISTER), town.staff(StaffRole.WATCH)
    nobody = {"shop_id": None, "shop_slug": None, "shop_name": None}
    unset = {**nobody, "announcements_a_day": 1, "reason": None, "set_at": None}
    assert member.get("/staff/sending/rules").json == {"everyone": unset, "shops": []}
    since = "2026-11-24T09:00:00+00:00"

    for everyone in ({}, {"shop_id": None}):
        body = {**everyone, "announcements_a_day": 2, "reason": "Braderie"}
        said = chief.put("/staff/sending/rules", json=body)
        assert said.json == {
            "everyone": {**nobody, "announcements_a_day": 2, "reason": "Braderie", "set_at": since},
            "shops": [],
        }
    of_shop = {"shop_id": str(shop.id), "announcements_a_day": 0, "reason": "Trop d’annonces"}
    said = chief.put("/staff/sending/rules", json=of_shop)
    assert said.json["shops"] == [{**of_shop, "shop_slug": shop.slug, "shop_name": "Chez Léon", "set_at": since}]
    assert member.get("/staff/sending/rules").json == said.json

    for body in ({**of_shop, "announcements_a_day": None}, {"announcements_a_day": None, "reason": "Finie"}):
        said = chief.put("/staff/sending/rules", json=body)
    assert said.json == {"everyone": unset, "shops": []}
    acts = chief.get("/staff/audit?action=sending.rule-set").json["items"]
    assert [(act["subject_id"], act["detail"]) for act in acts] == [
        (None, {"announcements_a_day": None}),
        (str(shop.id), {"announcements_a_day": None}),
        (str(shop.id), {"announcements_a_day": 0}),
        (None, {"announcements_a_day": 2}),
        (None, {"announcements_a_day": 2}),
    ]
    assert {(act["actor"], act["actor_id"]) for act in acts} == {("staff", str(chief.id))}


def test_a_rule_for_sending_is_refused_whole(town, shop):
    chief = town.staff(StaffRole.ADMINISTER)
    before = town.counts()
    rule = {"shop_id": str(shop.id), "announcements_a_day": 2, "reason": "Braderie"}
    for wrong, pointer in (
        ({"announcements_a_day": 11}, "/announcements_a_day"),
        ({"announcements_a_day": -1}, "/announcements_a_day"),
        ({"announcements_a_day": "2"}, "/announcements_a_day"),
        ({"reason": " "}, "/reason"),
        ({"reason": "x" * 301}, "/reason"),
        ({"shop_id": "tous"}, "/shop_id"),
        ({"until": "demain"}, "/until"),
    ):
        answer = chief.put("/staff/sending/rules", json={**rule, **wrong})
        assert (answer.status_code, pointers(answer)) == (422, [pointer])
    for name in ("announcements_a_day", "reason"):
        answer = chief.put("/staff/sending/rules", json={key: value for key, value in rule.items() if key != name})
        assert (answer.status_code, pointers(answer)) == (422, [f"/{name}"])
    assert chief.put("/staff/sending/rules", json={**rule, "shop_id": NOBODY}).status_code == 404
    for role in (StaffRole.WATCH, StaffRole.MODERATE):
        refused = town.staff(role).put("/staff/sending/rules", json=rule)
        assert (refused.status_code, slug_of(refused)) == (403, "role-missing")
    assert {name: count for name, count in town.counts().items() if "rule" in name} == {
        name: count for name, count in before.items() if "rule" in name
    }


# The audit log


def test_acts_are_read_the_latest_first_with_their_seals(town, shop):
    member, chief = town.staff(), town.staff(StaffRole.ADMINISTER)
    member.post(f"/staff/shops/{shop.id}/suspend", json={"reason": "Essai"})
    whole = chief.get("/staff/audit").json["items"]
    with town.sessions() as session:
        rows = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).all()
        assert audit.walk(session).fault is None
    assert [(item["id"], item["sha256"]) for item in whole] == [(row.id, row.sha256.hex()) for row in rows]
    assert (whole[0]["action"], whole[0]["actor"], whole[0]["actor_id"]) == ("shop.suspended", "staff", str(member.id))
    assert "Essai" not in str(whole)  # a reason may name somebody: it is kept where it can be erased
    verified = chief.get(f"/staff/audit?subject={shop.id}&action=shop.verified").json["items"]
    assert [item["detail"] for item in verified] == [{"proof": "visit"}]
    paged, following = [], "/staff/audit?limit=1"
    while following:
        answer = chief.get(following)
        paged += answer.json["items"]
        following = answer.headers.get("Link") and answer.headers["Link"][1:].partition(">")[0].removeprefix("/api/v1")
    assert paged == whole


def test_the_whole_log_is_for_who_administers_and_a_subjects_acts_for_all_staff(town, shop):
    for role in (StaffRole.WATCH, StaffRole.MODERATE):
        refused = town.staff(role).get("/staff/audit")
        assert (refused.status_code, slug_of(refused)) == (403, "role-missing")
        assert town.staff(role).get("/staff/audit?action=shop.verified").status_code == 403
        hers = town.staff(role).get(f"/staff/audit?subject={shop.id}").json["items"]
        assert [item["action"] for item in hers] == ["shop.verified", "shop.claimed"]
    assert town.staff(StaffRole.WATCH).get(f"/staff/audit?subject={NOBODY}").json["items"] == []
    assert town.client.get(f"/api/v1/staff/audit?subject={shop.id}").status_code == 401
    chief = town.staff(StaffRole.ADMINISTER)
    for query, pointer in (("subject=x", "/subject"), ("cursor=c2FiYw", "/cursor"), ("actor=staff", "/actor")):
        answer = chief.get(f"/staff/audit?{query}")
        assert (answer.status_code, pointers(answer)) == (422, [pointer])
