"""A merchant's keys and her shop's team: by herself and signed in, told once, ended at once."""

from uuid import UUID

import pytest
from sqlalchemy import select

from citylife.accounts.invitations import INVITATIONS, INVITATIONS_UNPROVED, INVITED
from citylife.accounts.merchants import MOST_KEYS, Merchant, Role, Scope, membership
from citylife.audit import AuditEntry
from citylife.database import new_id
from citylife.letters import Letter, LetterKind
from citylife.shops.tables import ShopStatus

NOBODY = "01936f00-0000-7000-8000-000000000000"


def slug_of(answer):
    return answer.json["type"].rpartition("/")[2]


def acts(town):
    with town.sessions() as session:
        return [(entry.action, entry.detail) for entry in session.scalars(select(AuditEntry).order_by(AuditEntry.id))]


def place_in_team(town, member, shop):
    """The id of somebody's place in a shop's team."""
    with town.sessions() as session:
        place = membership(session, member.id, shop.id)
        return str(place.id)


def test_a_key_is_told_once_works_and_is_revoked(town):
    shop = town.shop()
    merchant = town.merchant_session(shop)
    made = merchant.post("/merchant/keys", json={"label": "Caisse", "scopes": ["read", "offers"]})
    assert (made.status_code, made.headers["Cache-Control"]) == (201, "no-store")
    by_key = {"Authorization": f"Bearer {made.json['token']}"}
    path = f"/api/v1/merchant/shops/{shop.id}"
    assert town.client.get(path, headers=by_key).status_code == 200
    assert slug_of(town.client.patch(path, json={}, headers={**by_key, "If-Match": "*"})) == "scope-missing"
    (listed,) = merchant.get("/merchant/keys").json["items"]
    assert listed == {
        **{name: made.json[name] for name in ("id", "label", "scopes", "created_at")},
        "expires_at": None,
        "used_on": "2026-11-24",
    }
    assert made.json["used_on"] is None
    assert merchant.delete(f"/merchant/keys/{listed['id']}").status_code == 204
    assert town.client.get(path, headers=by_key).status_code == 401
    assert merchant.get("/merchant/keys").json["items"] == []
    assert merchant.delete(f"/merchant/keys/{listed['id']}").status_code == 204
    assert [action for action, _ in acts(town) if action.startswith("key.")][:2] == ["key.made", "key.revoked"]
    assert made.json["token"] not in str(acts(town))


def test_a_repeat_tells_no_second_secret(town):
    merchant = town.merchant_session()
    first, again = (
        merchant.post("/merchant/keys", json={"label": "a", "scopes": ["read"]}, headers={"Idempotency-Key": "k"})
        for _ in range(2)
    )
    assert (first.status_code, again.status_code, slug_of(again)) == (201, 409, "already-answered")
    assert len(merchant.get("/merchant/keys").json["items"]) == 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"label": "a", "scopes": []}, "/scopes"),
        ({"label": "a", "scopes": ["everything"]}, "/scopes/0"),
        ({"label": "", "scopes": ["read"]}, "/label"),
        ({"label": "x" * 81, "scopes": ["read"]}, "/label"),
        ({"scopes": ["read"]}, "/label"),
        ({"label": "a", "scopes": ["read"], "for": "ever"}, "/for"),
    ],
)
def test_a_key_that_cannot_be_made_is_refused_at_its_field(town, body, pointer):
    answer = town.merchant_session().post("/merchant/keys", json=body)
    assert (answer.status_code, [fault["pointer"] for fault in answer.json["errors"]]) == (422, [pointer])


def test_at_most_twenty_keys_stand(town):
    merchant = town.merchant_session()
    body = {"label": "a", "scopes": ["read"]}
    for _ in range(MOST_KEYS):
        assert merchant.post("/merchant/keys", json=body).status_code == 201
    assert slug_of(merchant.post("/merchant/keys", json=body)) == "too-many-keys"


def test_a_key_makes_no_keys_and_changes_no_team(town):
    """Else it would grow by itself, and outlive its revocation."""
    shop = town.shop()
    by_key = town.merchant(shop, scopes=tuple(Scope))
    before = town.counts()
    for answer in (
        by_key.get("/merchant/keys"),
        by_key.post("/merchant/keys", json={"label": "a", "scopes": ["read"]}),
        by_key.delete(f"/merchant/keys/{NOBODY}"),
        by_key.get(f"/merchant/shops/{shop.id}/team"),
        by_key.post(f"/merchant/shops/{shop.id}/team", json={"email": "a@b.example"}),
        by_key.delete(f"/merchant/shops/{shop.id}/team/{by_key.id}"),
    ):
        assert (answer.status_code, slug_of(answer)) == (403, "session-needed")
    assert town.counts() == before


def test_another_s_key_and_team_are_answered_as_absent_ones(town):
    mine, theirs = town.shop(), town.shop()
    merchant, other = town.merchant_session(mine), town.merchant_session(theirs)
    key_id = other.post("/merchant/keys", json={"label": "a", "scopes": ["read"]}).json["id"]
    their_place = place_in_team(town, other, theirs)
    for method, path, thing, options in (
        ("delete", "/merchant/keys/{}", key_id, {}),
        ("get", "/merchant/shops/{}/team", theirs.id, {}),
        ("post", "/merchant/shops/{}/team", theirs.id, {"json": {"email": "a@b.example"}}),
        ("delete", "/merchant/shops/{}/team/" + their_place, theirs.id, {}),
        ("delete", f"/merchant/shops/{mine.id}/team/{{}}", their_place, {}),
        ("delete", f"/merchant/shops/{mine.id}/team/{{}}", other.id, {}),
    ):
        another = getattr(merchant, method)(path.format(thing), **options)
        absent = getattr(merchant, method)(path.format(NOBODY), **options)
        assert absent.status_code == 404, path
        assert another.text.replace(str(thing), NOBODY) == absent.text
    assert other.get("/merchant/keys").json["items"][0]["id"] == key_id


def test_an_owner_invites_and_the_invited_is_in_and_hears_of_it(town):
    shop = town.shop("Chez Léon")
    owner = town.merchant_session(shop)
    rung = town.doorbell.rung
    invited = owner.post(f"/merchant/shops/{shop.id}/team", json={"email": "Lou@chez-leon.example"})
    assert invited.status_code == 201
    assert (invited.json["email"], invited.json["role"]) == ("lou@chez-leon.example", "seller")
    assert town.doorbell.rung == rung + 1
    listed = owner.get(f"/merchant/shops/{shop.id}/team").json["items"]
    assert [item["role"] for item in listed] == ["owner", "owner", "seller"]
    assert invited.json in listed
    with town.sessions() as session:
        letter = session.scalars(select(Letter)).one()
        invited_id = session.scalars(select(Merchant.id).where(Merchant.email == "lou@chez-leon.example")).one()
    assert (letter.kind, letter.recipient) == (LetterKind.MERCHANT_INVITED, "lou@chez-leon.example")
    assert ("team.joined", {"merchant": str(invited_id), "role": "seller"}) in acts(town)
    assert "chez-leon.example" not in str(acts(town)), "the audit log names no person"


def test_an_invitation_does_not_tell_who_was_registered_before(town):
    shop = town.shop()
    owner, known = town.merchant_session(shop), town.merchant_session()
    with town.sessions() as session:
        email = session.get_one(Merchant, known.id).email
    town.clock.forward(minutes=1)
    before = new_id()
    answers = [
        owner.post(f"/merchant/shops/{shop.id}/team", json={"email": each}) for each in (email, "new@chez-leon.example")
    ]
    for answer in answers:
        assert answer.status_code == 201
        assert UUID(answer.json["id"]) > before, "an id made long ago is somebody known"
    assert len({tuple(sorted(answer.json)) for answer in answers}) == 1


def test_a_seller_sees_who_is_in_the_team_and_changes_nothing(town):
    shop = town.shop()
    owner, seller = town.merchant_session(shop), town.merchant_session(shop, role=Role.SELLER)
    path = f"/merchant/shops/{shop.id}/team"
    assert owner.post(path, json={"email": "lou@chez-leon.example"}).json["pending"] is True
    (invited,) = [item for item in owner.get(path).json["items"] if item["pending"]]
    seen = seller.get(path)
    assert seen.status_code == 200
    assert seen.json["items"] == [item for item in owner.get(path).json["items"] if not item["pending"]]
    for answer in (
        seller.post(path, json={"email": "a@b.example", "role": "owner"}),
        seller.delete(f"{path}/{place_in_team(town, owner, shop)}"),
        seller.delete(f"{path}/{invited['id']}"),
        seller.delete(f"{path}/{NOBODY}"),
    ):
        assert (answer.status_code, slug_of(answer)) == (403, "owners-only")


def test_a_seller_leaves_by_herself(town):
    shop = town.shop()
    seller = town.merchant_session(shop, role=Role.SELLER)
    assert seller.delete(f"/merchant/shops/{shop.id}/team/{place_in_team(town, seller, shop)}").status_code == 204
    assert seller.get(f"/merchant/shops/{shop.id}").status_code == 404
    assert ("team.left", {"merchant": str(seller.id)}) in acts(town)


def test_a_key_ends_when_it_was_told_to(town):
    shop = town.shop()
    merchant = town.merchant_session(shop)
    body = {"label": "Caisse", "scopes": ["read"], "expires_at": "2026-11-24T11:00:00+01:00"}
    made = merchant.post("/merchant/keys", json=body)
    assert (made.status_code, made.json["expires_at"]) == (201, "2026-11-24T10:00:00+00:00")
    by_key = {"Authorization": f"Bearer {made.json['token']}"}
    path = f"/api/v1/merchant/shops/{shop.id}"
    assert town.client.get(path, headers=by_key).status_code == 200
    town.clock.forward(hours=1)
    assert town.client.get(path, headers=by_key).status_code == 401
    late = merchant.post("/merchant/keys", json=body)
    assert (late.status_code, slug_of(late), late.json["errors"][0]["pointer"]) == (
        422,
        "key-ends-too-soon",
        "/expires_at",
    )


def test_who_is_let_go_has_no_access_from_then_on(town):
    shop = town.shop()
    owner, seller = town.merchant_session(shop), town.merchant_session(shop, role=Role.SELLER)
    key = town.merchant(shop, role=Role.SELLER)
    path = f"/merchant/shops/{shop.id}"
    for gone in (seller, key):
        assert gone.get(path).status_code == 200
        place = place_in_team(town, gone, shop)
        assert owner.delete(f"{path}/team/{place}").status_code == 204
        assert gone.get(path).status_code == 404
        assert gone.get(f"{path}/offers").status_code == 404
        assert gone.get("/merchant/shops").json["items"] == []
        assert owner.delete(f"{path}/team/{place}").status_code == 404
    assert ("team.left", {"merchant": str(seller.id)}) in acts(town)


def test_a_shop_keeps_an_owner(town):
    shop = town.shop()
    owner = town.merchant_session(shop)
    path = f"/merchant/shops/{shop.id}/team"
    mine = place_in_team(town, owner, shop)
    (first,) = [item for item in owner.get(path).json["items"] if item["id"] != mine]
    assert owner.delete(f"{path}/{first['id']}").status_code == 204
    with town.sessions() as session:
        email = session.get_one(Merchant, owner.id).email
    for answer in (owner.delete(f"{path}/{mine}"), owner.post(path, json={"email": email, "role": "seller"})):
        assert (answer.status_code, slug_of(answer)) == (409, "last-owner")
    with town.sessions() as session:
        assert session.scalars(select(Letter)).all() == [], "and nobody is written to"


def test_who_becomes_an_owner_signs_in_again(town):
    shop = town.shop()
    owner, seller = town.merchant_session(shop), town.merchant_session(shop, role=Role.SELLER)
    with town.sessions() as session:
        email = session.get_one(Merchant, seller.id).email
    promoted = owner.post(f"/merchant/shops/{shop.id}/team", json={"email": email, "role": "owner"})
    assert (promoted.status_code, promoted.json["role"]) == (201, "owner")
    assert seller.get("/merchant/shops").status_code == 401


@pytest.mark.parametrize(
    ("status", "most"), [(ShopStatus.VERIFIED, INVITATIONS.most), (ShopStatus.CLAIMED, INVITATIONS_UNPROVED.most)]
)
def test_a_merchant_sends_so_many_invitations_a_day_and_no_more(town, status, most):
    shop = town.shop(status=status)
    owner = town.merchant_session(shop)
    path = f"/merchant/shops/{shop.id}/team"
    for number in range(most):
        assert owner.post(path, json={"email": f"a{number}@b.example"}).status_code == 201
    refused = owner.post(path, json={"email": "one-more@b.example"})
    assert (refused.status_code, slug_of(refused)) == (429, "too-many-requests")
    assert int(refused.headers["Retry-After"]) > 0


def test_an_address_gets_so_many_invitations_whoever_sends_them(town):
    shops = [town.shop() for _ in range(INVITED.most + 1)]
    sent = [
        town.merchant_session(shop).post(f"/merchant/shops/{shop.id}/team", json={"email": " Lou@B.example"})
        for shop in shops
    ]
    assert [answer.status_code for answer in sent] == [201] * INVITED.most + [429]
    shop = shops[-1]
    other = town.merchant_session(shop).post(f"/merchant/shops/{shop.id}/team", json={"email": "other@b.example"})
    assert other.status_code == 201


@pytest.mark.parametrize("wrong", ["lou", "lou@b.example\nBcc: c@d.example", None])
def test_an_invitation_needs_an_address(town, wrong):
    shop = town.shop()
    answer = town.merchant_session(shop).post(f"/merchant/shops/{shop.id}/team", json={"email": wrong})
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/email")
