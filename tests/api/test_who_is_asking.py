"""Sessions at the door: by token or by cookie, for merchants and for staff, and never for another site's page."""

import datetime as dt

import pytest
from flask import Flask
from sqlalchemy import event, select

from blueprints import guards
from blueprints.api.contract import ApiBlueprint
from citylife.accounts.merchants import Role
from citylife.accounts.sessions import AccountSession
from citylife.accounts.staff import StaffMember, StaffRole

NOBODY = "01936f00-0000-7000-8000-000000000000"


def slug_of(answer):
    return answer.json["type"].rpartition("/")[2]


@pytest.fixture(autouse=True)
def desks(app: Flask) -> None:
    """One address a role, as the views of staff are guarded."""
    blueprint = ApiBlueprint("desks", "Guarded")
    for role in StaffRole:
        view = guards.staff_required(role)(lambda: str(guards.current_staff().id))
        for method in ("GET", "POST"):
            blueprint.add_url_rule(f"/desks/{role.value}", f"{role.value}-{method}", view, methods=[method])
    app.register_blueprint(blueprint)


@pytest.mark.parametrize("cookie", [False, True], ids=["token", "cookie"])
def test_each_role_of_staff_gets_as_far_as_it_may(town, cookie):
    for role in StaffRole:
        member = town.staff(role, cookie=cookie)
        for desk in StaffRole:
            answer = member.get(f"/desks/{desk.value}")
            if role.may(desk):
                assert (answer.status_code, answer.text) == (200, str(member.id))
                assert member.post(f"/desks/{desk.value}").status_code == 200
            else:
                assert (answer.status_code, slug_of(answer)) == (403, "role-missing")


def test_nobody_else_comes_to_the_desks_of_staff(town):
    shop = town.shop()
    for caller in (
        town.citizen(),
        town.merchant(shop),
        town.merchant_session(shop),
        town.merchant_session(cookie=True),
    ):
        answer = caller.get("/desks/watch")
        assert (answer.status_code, slug_of(answer)) == (401, "sign-in-needed")
    assert town.client.get("/api/v1/desks/watch").status_code == 401


def test_a_staff_session_in_the_merchant_s_cookie_opens_nothing(town):
    member = town.staff(StaffRole.ADMINISTER)
    cookie = {"Cookie": f"__Host-citylife-merchant={member.token}"}
    assert town.client.get("/api/v1/merchant/shops", headers=cookie).status_code == 401
    assert member.get("/merchant/shops").status_code == 401


def test_who_has_left_the_staff_is_nobody_at_once(town):
    member = town.staff()
    assert member.get("/desks/watch").status_code == 200
    with town.sessions.begin() as session:
        session.get_one(StaffMember, member.id).ended_at = town.clock()
    assert member.get("/desks/watch").status_code == 401


@pytest.mark.parametrize("cookie", [False, True], ids=["token", "cookie"])
def test_a_merchant_s_session_may_do_everything_her_key_might(town, cookie):
    shop = town.shop()
    merchant = town.merchant_session(shop, cookie=cookie)
    path = f"/merchant/shops/{shop.id}"
    assert [item["id"] for item in merchant.get("/merchant/shops").json["items"]] == [str(shop.id)]
    ends_at = (town.clock() + dt.timedelta(hours=5)).isoformat()
    assert merchant.post(f"{path}/offers", json={"title": "Tarte", "ends_at": ends_at}).status_code == 201
    changed = merchant.patch(path, json={"street": "1 rue Sadi-Carnot"}, headers={"If-Match": "*"})
    assert changed.status_code == 200


def test_a_session_of_a_seller_or_of_another_gets_no_further_than_a_key(town):
    shop = town.shop()
    seller, other = town.merchant_session(shop, role=Role.SELLER), town.merchant_session(town.shop())
    path = f"/merchant/shops/{shop.id}"
    assert slug_of(seller.patch(path, json={}, headers={"If-Match": "*"})) == "owners-only"
    theirs, absent = other.get(path), other.get(f"/merchant/shops/{NOBODY}")
    assert (theirs.status_code, theirs.text.replace(str(shop.id), NOBODY)) == (404, absent.text)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {},
    ],
    ids=str,
)
def test_a_page_elsewhere_cannot_act_with_the_cookie_of_a_session(town, headers):
    shop = town.shop()
    staff, merchant = town.staff(cookie=True), town.merchant_session(shop, cookie=True)
    for caller, path in ((staff, "/desks/watch"), (merchant, f"/merchant/shops/{shop.id}/offers")):
        del caller.headers["Sec-Fetch-Site"]
        before = town.counts()
        answer = caller.post(path, json={"title": "x"}, headers=headers)
        assert (answer.status_code, slug_of(answer)) == (403, "cross-site")
        assert town.counts() == before
    assert staff.post("/desks/watch", headers={"Origin": "http://localhost:8000"}).status_code == 200


def test_a_cookie_beside_an_authorization_header_counts_for_nothing(town):
    member = town.staff(cookie=True)
    assert member.get("/desks/watch", headers={"Authorization": "Bearer cls_" + "a" * 43}).status_code == 401
    assert member.get("/desks/watch", headers={"Authorization": "Basic eDp5"}).status_code == 401


def test_who_is_noted_as_seen_holds_one_connection_at_a_time(town):
    """Were each to hold one and ask for another, as many as the pool has would wait for each other."""
    reading, engine, held = town.staff(), town.app.extensions["citylife"].engine, []
    assert reading.get("/desks/watch").status_code == 200
    town.clock.forward(hours=2)

    def note(*_):
        held.append(engine.pool.checkedout())

    event.listen(engine, "checkout", note)
    assert reading.get("/desks/watch").status_code == 200
    event.remove(engine, "checkout", note)
    assert len(held) >= 2, "she was read, and then written"
    assert set(held) == {1}


def test_a_session_is_seen_once_an_hour_whether_it_reads_or_writes(town):
    reading, writing = town.staff(), town.staff()
    town.clock.forward(hours=2)
    assert reading.get("/desks/watch").status_code == 200
    shop = town.shop()
    owner = town.merchant_session(shop)
    town.clock.forward(hours=2)
    ends_at = (town.clock() + dt.timedelta(hours=5)).isoformat()
    assert (
        owner.post(f"/merchant/shops/{shop.id}/offers", json={"title": "Tarte", "ends_at": ends_at}).status_code == 201
    )
    with town.sessions() as session:
        seen = {
            row.staff_id or row.merchant_id: row.seen_at
            for row in session.execute(
                select(AccountSession.staff_id, AccountSession.merchant_id, AccountSession.seen_at)
            )
        }
    assert seen[reading.id] == town.clock() - dt.timedelta(hours=2)
    assert seen[writing.id] == town.clock() - dt.timedelta(hours=4)
    assert seen[owner.id] == town.clock()
