"""The journal of a shop: each act in a sentence, the team's own names alone, by pages, for its owners."""

import ast

import pytest

from citylife.accounts.merchants import Merchant, Role
from citylife.offers.closing import sold_out
from citylife.shop_journal import ACTS, UNTOLD
from citylife.shops.claims import suspend_shop
from tests import builders
from tests.sources import ROOT

SAID_IN_THE_LOG_ALONE = {"offer.opened"}
ABOUT_SHOPS = ("offer.", "recurring.", "team.", "shop.", "sending.", "report.", "appeal.")


@pytest.fixture
def shop(town):
    return town.shop("Chez Léon")


@pytest.fixture
def owner(town, shop):
    return town.merchant_session(shop)


def email_of(town, caller):
    with town.sessions() as session:
        return session.get_one(Merchant, caller.id).email


def sentences(answer):
    assert answer.status_code == 200, answer.text
    return [line["sentence"].replace("\u00a0", " ") for line in answer.json["items"]]


def a_day(town, shop, owner):
    """An offer that came and went, a seller who came and left, and a suspension."""
    with town.sessions.begin() as session:
        offer = builders.an_offer(session, shop, title="Tarte au sucre", now=town.clock())
        sold_out(session, offer, now=town.clock(), actor_id=owner.id)
    team = f"/merchant/shops/{shop.id}/team"
    member = owner.post(team, json={"email": "lou@chez-leon.example"}).json
    assert owner.delete(f"{team}/{member['id']}").status_code == 204
    seller = town.merchant_session(shop, role=Role.SELLER)
    (mine,) = [each for each in seller.get(team).json["items"] if each["email"] == email_of(town, seller)]
    assert seller.delete(f"{team}/{mine['id']}").status_code == 204
    return offer.id


def test_each_act_is_a_sentence_that_names_the_team_alone(town, shop, owner):
    offer_id = a_day(town, shop, owner)
    path, who = f"/merchant/shops/{shop.id}/journal", email_of(town, owner)
    answer = owner.get(path)
    said = sentences(answer)
    assert said[0] == "une personne qui n’est plus de l’équipe a quitté l’équipe."
    assert said[1:4] == [
        f"Place retirée à une personne qui n’est plus de l’équipe par {who}.",
        f"Place de vendeur donnée à une personne qui n’est plus de l’équipe par {who}.",
        f"« Tarte au sucre » : « Tout est parti », dit par {who}.",
    ]
    assert said[4].startswith("« Tarte au sucre » publiée par ")
    assert "lou@" not in answer.text
    assert answer.json["items"][3]["offer_id"] == str(offer_id)
    assert {line["kind"] for line in answer.json["items"]} == {"offers", "team", "shop"}
    english = sentences(owner.get(path, headers={"Accept-Language": "en"}))
    assert english[1] == f"{who} took somebody who is no longer in the team out of the team."


def test_it_is_read_by_pages_and_by_kind(town, shop, owner):
    a_day(town, shop, owner)
    path = f"/merchant/shops/{shop.id}/journal"
    whole = owner.get(path).json["items"]
    read, cursor = [], ""
    while cursor is not None:
        page = owner.get(f"{path}?limit=2{cursor and f'&cursor={cursor}'}").json
        read += page["items"]
        cursor = page["next_cursor"]
    assert read == whole
    for kind in ("offers", "team", "shop"):
        items = owner.get(f"{path}?kind={kind}").json["items"]
        assert items == [line for line in whole if line["kind"] == kind]
        assert items
    assert owner.get(f"{path}?kind=keys").status_code == 422
    assert owner.get(f"{path}?cursor=xyz").status_code == 422


def test_another_shop_s_acts_and_what_citizens_report_are_not_in_it(town, shop, owner):
    elsewhere = town.shop()
    a_day(town, elsewhere, town.merchant_session(elsewhere))
    with town.sessions.begin() as session:
        offer = builders.an_offer(session, shop, title="Tarte", now=town.clock())
    reported = town.client.post("/api/v1/reports", json={"offer_id": str(offer.id), "reason": "misleading"})
    assert reported.status_code == 202
    acts = [line["act"] for line in owner.get(f"/merchant/shops/{shop.id}/journal").json["items"]]
    assert acts == ["offer.published", "shop.verified", "shop.claimed"]


def test_what_is_changed_of_the_shop_is_in_it_once_and_what_changes_nothing_is_not(town, shop, owner):
    path, who = f"/merchant/shops/{shop.id}", email_of(town, owner)
    stand = {"weekday": 1, "label": "Place du Beffroi", "latitude": 50.53, "longitude": 2.64, "hours": "08:00-12:00"}
    for changes in (
        {"opening_hours": "Mo-Fr 09:00-19:00"},
        {"opening_hours": "Mo-Fr 09:00-19:00"},
        {"telephone": "+33321000000"},
        {"stands": [stand]},
        {"photo_id": None},
    ):
        answer = owner.patch(path, json=changes, headers={"If-Match": "*"})
        assert answer.status_code == 200, answer.text
    assert sentences(owner.get(f"{path}/journal?kind=shop"))[:3] == [
        f"Emplacements de marché modifiés par {who}.",
        f"Fiche du commerce modifiée par {who}.",
        f"Horaires modifiés par {who}.",
    ]


def test_staff_are_no_persons_in_it(town, shop, owner):
    with town.sessions.begin() as session:
        staff = builders.a_staff_member(session)
        held = session.merge(shop)
        suspend_shop(session, held, reason="Plainte", now=town.clock(), actor_id=staff.id)
    assert (
        sentences(owner.get(f"/merchant/shops/{shop.id}/journal"))[0] == "Commerce suspendu par l’équipe de Citylife."
    )


def test_a_seller_does_not_read_it(town, shop):
    answer = town.merchant_session(shop, role=Role.SELLER).get(f"/merchant/shops/{shop.id}/journal")
    assert answer.status_code == 403


def test_every_act_about_a_shop_is_told_or_left_out_on_purpose():
    """Whoever adds an act to the audit log says in `citylife/shop_journal.py` what the team reads of it."""
    noted = set()
    for folder in ("citylife", "blueprints"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    kind, _, act = node.value.partition(".")
                    if f"{kind}." in ABOUT_SHOPS and act.replace("-", "").isalpha() and act.islower():
                        noted.add(node.value)
    noted -= SAID_IN_THE_LOG_ALONE
    told = {act for acts in ACTS.values() for act in acts} | UNTOLD
    assert told <= noted
    assert noted - told == set()
