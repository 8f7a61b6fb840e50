"""« Équipe » as owners and sellers read it without scripts, and the letter that somebody without an account gets."""

import re

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.invitations import INVITATIONS, INVITATIONS_UNPROVED
from citylife.accounts.merchants import Membership, Merchant, Role, join_team, membership, team_of
from citylife.audit import AuditEntry
from citylife.letters import Letter
from citylife.shops import Shop, ShopStatus
from tests import builders
from tests.builders import NOW
from tests.pages.conftest import Browser, ReadPage
from tests.pages.counter import CAMILLE, COOKIE, her_browser, her_shop

Sessions = sessionmaker[Session]
LOU = "lou@boulangerie.example"


@pytest.fixture
def shop(sessions: Sessions) -> Shop:
    return her_shop(sessions)


@pytest.fixture
def counter(app: Flask, sessions: Sessions, shop: Shop) -> Browser:
    return her_browser(app, sessions)


def path_of(shop: Shop, then: str = "") -> str:
    return f"/commerce/{shop.id}/equipe{then}"


def takes_in(sessions: Sessions, shop: Shop, email: str = LOU, role: Role = Role.SELLER, *, here: bool = True) -> str:
    """Somebody of the team, who has come by or was only invited; the id of her place."""
    with sessions.begin() as session:
        member = builders.a_merchant(session, email)
        place = join_team(session, member, shop, role, now=NOW)
        if here:
            builders.has_come(session, member.id, now=NOW)
        return str(place.id)


def browser_of(app: Flask, sessions: Sessions, email: str) -> Browser:
    browser = Browser(app)
    with sessions.begin() as session:
        merchant = session.scalars(select(Merchant).where(Merchant.email == email)).one()
        browser.client.set_cookie(COOKIE, builders.signed_in(session, merchant), secure=True)
    return browser


def team(sessions: Sessions, shop: Shop) -> dict[str, Role]:
    with sessions() as session:
        return {merchant.email: member.role for member, merchant in team_of(session, shop.id)}


def acts(sessions: Sessions) -> list[str]:
    with sessions() as session:
        return [act for act in session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)) if "team." in act]


def pressed(browser: Browser, page: ReadPage, words: str) -> ReadPage:
    """The page that a confirmed form leads to, whatever hidden fields it sends."""
    form = next(form for form in page.all("main form") if words in form.to_text())
    hidden = {each.attrs["name"]: each.attrs["value"] for each in form.query("input[type=hidden]")}
    answer = browser.post(form.attrs["action"], form=hidden)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return browser.get(answer.headers["Location"])


def test_an_owner_invites_somebody_without_an_account_who_comes_in_by_the_letter(app, counter, sessions, shop):
    page = counter.get(path_of(shop))
    assert f"Courriels restants aujourd’hui : {INVITATIONS.most} sur {INVITATIONS.most}." in page.words
    assert "Invitations en attente" not in page.words
    answer = counter.post(path_of(shop), form={"email": " Lou@Boulangerie.example ", "role": "seller"})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{path_of(shop)}?said=invited")
    page = counter.get(answer.headers["Location"])
    assert "Le courriel d’invitation part à l’instant." in page.words
    assert f"Courriels restants aujourd’hui : {INVITATIONS.most - 1} sur {INVITATIONS.most}." in page.words
    assert LOU in page.words.partition("Invitations en attente")[2]
    with sessions() as session:
        token = session.scalars(select(Letter)).one().content["token"]

    lou = Browser(app)
    link = lou.get(f"/connexion/lien/{token}")
    assert "Vous êtes invité dans l’équipe de « Le Fournil » (vendeur)." in link.words
    assert LOU in counter.get(path_of(shop)).words.partition("Invitations en attente")[2], "a look is no tap"
    assert pressed(lou, link, "Se connecter").text("h1") != ""
    home = lou.get("/commerce")
    assert (home.status, home.answer.headers["Location"]) == (303, f"/commerce/{shop.id}")

    page = counter.get(path_of(shop))
    assert "Invitations en attente" not in page.words
    assert LOU in page.words
    assert acts(sessions) == ["team.joined"]

    with sessions.begin() as session:
        another = builders.a_shop(session, "Le Moulin")
        merchant = session.scalars(select(Merchant).where(Merchant.email == LOU)).one()
        place = join_team(session, merchant, another, Role.SELLER, now=NOW).id
    for path, pending in (("/commerce", True), (f"/commerce/{shop.id}", True), (f"/commerce/{another.id}", False)):
        assert lou.get(path).status == 200
        with sessions() as session:
            assert session.get_one(Membership, place).pending is pending, path


def test_an_address_that_is_none_is_said_at_its_field_and_what_was_written_stays(counter, sessions, shop):
    answer = ReadPage(counter.post(path_of(shop), form={"email": "lou", "role": "owner"}))
    assert answer.status == 422
    field = answer.one("#email").attrs
    assert (field["value"], field["aria-invalid"], field["aria-describedby"]) == ("lou", "true", "email-probleme")
    assert "checked" in answer.one('input[name="role"][value="owner"]').attrs
    assert team(sessions, shop) == {CAMILLE: Role.OWNER}


@pytest.mark.parametrize(
    ("status", "most"), [(ShopStatus.VERIFIED, INVITATIONS.most), (ShopStatus.CLAIMED, INVITATIONS_UNPROVED.most)]
)
def test_the_limit_is_said_before_it_is_met(counter, sessions, shop, status, most):
    with sessions.begin() as session:
        session.get_one(Shop, shop.id).status = status
    for number in range(most):
        assert f"{most - number} sur {most}" in counter.get(path_of(shop)).words
        assert counter.post(path_of(shop), form={"email": f"a{number}@b.example"}).status_code == 303
    page = counter.get(path_of(shop))
    assert "Tous les courriels d’aujourd’hui sont partis." in page.words
    assert page.all("main form") == []
    assert counter.post(path_of(shop), form={"email": "more@b.example"}).status_code == 429
    assert "more@b.example" not in team(sessions, shop)


def test_another_role_is_asked_for_first_and_given_once(counter, sessions, shop):
    place = takes_in(sessions, shop)
    asked = counter.get(path_of(shop, f"/{place}/role"))
    assert "Rôle actuel : vendeur. Nouveau rôle : propriétaire." in asked.words
    assert team(sessions, shop)[LOU] is Role.SELLER
    page = pressed(counter, asked, "Changer le rôle")
    assert "Le rôle est changé." in page.words
    assert team(sessions, shop)[LOU] is Role.OWNER
    assert counter.post(path_of(shop, f"/{place}/role"), form={"role": "owner"}).status_code == 404, (
        "a place that ended"
    )
    with sessions() as session:
        assert len(session.scalars(select(Letter)).all()) == 1


def test_somebody_is_removed_once_it_is_confirmed(app, counter, sessions, shop):
    place = takes_in(sessions, shop)
    lou = browser_of(app, sessions, LOU)
    asked = counter.get(path_of(shop, f"/{place}/retirer"))
    assert asked.text("h1") == "Retirer cette personne ?"
    assert LOU in team(sessions, shop)
    assert "Cette personne n’est plus de l’équipe." in pressed(counter, asked, "Retirer de l’équipe").words
    assert team(sessions, shop) == {CAMILLE: Role.OWNER}
    assert lou.get(f"/commerce/{shop.id}").status == 404
    assert acts(sessions) == ["team.left"]


def test_an_invitation_is_withdrawn_once_it_is_confirmed(counter, sessions, shop):
    place = takes_in(sessions, shop, here=False)
    page = counter.get(path_of(shop))
    assert "Annuler l’invitation" in page.words
    asked = counter.get(path_of(shop, f"/{place}/retirer"))
    assert asked.text("h1") == "Annuler cette invitation ?"
    assert "L’invitation est annulée." in pressed(counter, asked, "Annuler l’invitation").words
    assert LOU not in team(sessions, shop)


def test_the_only_owner_is_told_before_that_she_stays_one(counter, sessions, shop):
    takes_in(sessions, shop, role=Role.OWNER, here=False)
    with sessions() as session:
        merchant = session.scalars(select(Merchant).where(Merchant.email == CAMILLE)).one()
        mine = membership(session, merchant.id, shop.id)
        assert mine is not None
    page = counter.get(path_of(shop))
    assert "Seul propriétaire :" in page.words
    assert "Quitter l’équipe" not in page.words
    for then in ("role", "retirer"):
        asked = counter.get(path_of(shop, f"/{mine.id}/{then}"))
        assert "C’est le seul propriétaire déjà venu" in asked.words
        assert asked.all("main form") == []
        refused = ReadPage(counter.post(path_of(shop, f"/{mine.id}/{then}"), form={"role": "seller"}))
        assert refused.status == 409
        assert "Une équipe garde au moins un propriétaire qui est déjà venu." in refused.text(".problem")
    assert team(sessions, shop)[CAMILLE] is Role.OWNER


def test_one_of_two_owners_leaves(counter, sessions, shop):
    takes_in(sessions, shop, role=Role.OWNER)
    page = counter.get(path_of(shop))
    (way,) = [link.attrs["href"] for link in page.all("main a") if "Quitter" in link.to_text()]
    left = pressed(counter, counter.get(way), "Quitter l’équipe")
    assert left.status == 200
    assert "Le Fournil" not in left.words
    assert team(sessions, shop) == {LOU: Role.OWNER}


def test_a_seller_reads_who_is_in_the_team_and_may_leave(app, counter, sessions, shop):
    takes_in(sessions, shop)
    takes_in(sessions, shop, "invited@b.example", here=False)
    lou = browser_of(app, sessions, LOU)
    page = lou.get(path_of(shop))
    assert CAMILLE in page.words
    assert "invited@b.example" not in page.words
    assert page.all("main form") == []
    ways = [link.attrs["href"] for link in page.all("main .actions a")]
    assert len(ways) == 1
    assert re.fullmatch(rf"{path_of(shop)}/[0-9a-f-]+/retirer", ways[0])
    assert pressed(lou, lou.get(ways[0]), "Quitter l’équipe").status == 200
    assert LOU not in team(sessions, shop)
    assert counter.get(path_of(shop)).status == 200


def test_a_page_elsewhere_invites_nobody(counter, sessions, shop):
    place = takes_in(sessions, shop)
    for path in (path_of(shop), path_of(shop, f"/{place}/role"), path_of(shop, f"/{place}/retirer")):
        answer = counter.post(path, headers={"Sec-Fetch-Site": "cross-site"}, form={"email": "x@y.example"})
        assert answer.status_code == 403
    assert team(sessions, shop) == {CAMILLE: Role.OWNER, LOU: Role.SELLER}


def test_the_journal_is_read_by_its_owner_by_pages_and_by_kind(app, counter, sessions, shop):
    takes_in(sessions, shop)
    for number in range(31):
        with sessions.begin() as session:
            builders.an_offer(session, session.get_one(Shop, shop.id), title=f"Tarte {number}")
    page = counter.get(f"/commerce/{shop.id}/journal")
    assert "« Tarte 30 » publiée par" in page.words
    assert len(page.all(".journal li")) == 30
    later = counter.get(page.one('a[rel="next"]').attrs["href"])
    assert "« Tarte 0 » publiée par" in later.words
    assert "Commerce revendiqué par camille@boulangerie.example." in later.words
    shops = counter.get(f"/commerce/{shop.id}/journal?quoi=commerce")
    assert "Tarte" not in shops.text(".journal")
    assert shops.text('.choice [aria-current="true"]') == "Commerce"
    assert "Rien n’a encore été noté." in counter.get(f"/commerce/{shop.id}/journal?quoi=equipe").words
    lou = browser_of(app, sessions, LOU)
    assert lou.get(f"/commerce/{shop.id}/journal").status == 403
    assert "Journal" not in [link.to_text() for link in lou.get(f"/commerce/{shop.id}").all("main a")]
    assert counter.get(f"/commerce/{shop.id}/journal?cursor=xyz").status == 422
