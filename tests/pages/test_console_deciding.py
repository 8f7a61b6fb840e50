"""The console's daily work, without scripts: what each decision does, and what is refused whole."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.cluster import staff_of_the_cluster
from citylife.accounts.staff import StaffRole
from citylife.appeals import Appeal
from citylife.audit import AuditEntry
from citylife.audit_words import SENTENCES
from citylife.clock import PARIS
from citylife.ledger.tables import SendingStop
from citylife.letters import ClaimedLetter, Letter, LetterKind
from citylife.offers import Offer, OfferStatus
from citylife.photos import front_with
from citylife.reports import Report, Wrong, report_offer
from citylife.shops import Shop, ShopStatus, claim_listed_shop
from citylife.shops.oversight import every_shop
from citylife.shops.preparing import prepare_hours
from notifications.mail_composer import compose_mail
from tests import builders
from tests.pages.conftest import Browser, StandingClock, an_app
from tests.pages.counter import CAMILLE
from tests.pages.counter import COOKIE as MERCHANT_COOKIE
from tests.pages.desk import at_the_desk

Sessions = sessionmaker[Session]
LOU, ANA = "lou@cluster.example", "ana@cluster.example"
SEEN = {"proof": "visit", "date": "2026-11-24", "seen_by": "Karima, devant la vitrine", "confirm": "yes"}


@pytest.fixture
def desk_app(sqlite_url: str, tmp_path, clock) -> Iterator[Flask]:
    """The application on SQLite alone: the domain's own tests try both kinds of database."""
    yield from an_app(sqlite_url, tmp_path, clock)


def acts(street: Sessions) -> list[str]:
    with street() as session:
        return [*session.scalars(select(AuditEntry.action).order_by(AuditEntry.id))]


def letters(street: Sessions, kind: LetterKind) -> list[tuple[str, dict[str, Any]]]:
    with street() as session:
        found = session.scalars(select(Letter).where(Letter.kind == kind).order_by(Letter.id))
        return [(letter.recipient, dict(letter.content)) for letter in found]


def test_a_claim_is_verified_once_it_is_proved_and_confirmed_and_a_watcher_sees_no_button(
    desk_app: Flask, street: Sessions
):
    with street.begin() as session:
        claimed = builders.a_shop(
            session, "Le Fournil", status=ShopStatus.CLAIMED, merchant=builders.a_merchant(session, CAMILLE)
        )
    path = f"/console/commerces/{claimed.id}"
    watcher, lou = (
        at_the_desk(desk_app, street, role, email)
        for role, email in ((StaffRole.WATCH, ANA), (StaffRole.MODERATE, LOU))
    )
    read = watcher.get(path)
    assert read.status == 200
    assert (claimed.siret or "") in read.words
    assert read.all("main form") == []
    assert f"{path}/verifier" in {form.attrs["action"] for form in lou.get(path).all("main form")}
    (claim,) = {field.attrs["value"] for field in lou.get(path).all("input[name=claim]")}
    seen = {**SEEN, "claim": claim}
    assert watcher.post(f"{path}/verifier", form=seen).status_code == 403

    for wrong, words in (
        ({**seen, "claim": str(claimed.id)}, "Une autre demande attend"),
        (SEEN, "Une autre demande attend"),
        ({**seen, "confirm": ""}, "Cochez la case"),
        ({**seen, "date": "2027-01-01"}, "La visite doit avoir déjà eu lieu."),
        ({**seen, "date": "hier"}, "La visite doit avoir déjà eu lieu."),
        ({**seen, "proof": "posted-code"}, "Le code posté n’a pas encore été saisi"),
        ({**seen, "seen_by": ""}, ""),
    ):
        refused = lou.post(f"{path}/verifier", form=wrong)
        assert refused.status_code in {409, 422}, wrong
        assert words in refused.get_data(as_text=True)
    another = {"claim": str(claimed.id), "reason": "Non", "confirm": "yes"}
    assert {lou.post(f"{path}/{to}", form=another).status_code for to in ("refuser", "lettre")} == {409}
    assert lou.post(f"{path}/lettre", form={"claim": claim}).status_code == 200
    with street() as session:
        assert session.get_one(Shop, claimed.id).status is ShopStatus.CLAIMED
    assert "shop.verified" not in acts(street)

    done = lou.post(f"{path}/verifier", form=seen)
    assert (done.status_code, done.headers["Location"]) == (303, f"{path}?said=verified")
    assert "le commerce est vérifié" in lou.get(done.headers["Location"]).words
    with street() as session:
        assert session.get_one(Shop, claimed.id).status is ShopStatus.VERIFIED
    assert [to for to, _ in letters(street, LetterKind.CLAIM_ACCEPTED)] == [CAMILLE]
    assert "Commerce vérifié par lou@cluster.example." in lou.get(f"/console/journal?commerce={claimed.slug}").words
    assert lou.post(f"{path}/refuser", form={"reason": "Trop tard", "confirm": "yes"}).status_code == 409


def test_what_waits_is_in_the_order_of_its_claims_and_a_name_is_found_however_it_is_typed(
    desk_app: Flask, street: Sessions
):
    with street.begin() as session:
        merchant = builders.a_merchant(session, CAMILLE)
        old = builders.a_shop(session, "L’Épi d’Or", status=ShopStatus.LISTED)
        builders.a_shop(session, "Le Fournil", status=ShopStatus.CLAIMED, merchant=merchant)
        claim_listed_shop(session, merchant, old.id, rna="W621000123", now=builders.NOW)
    lou = at_the_desk(desk_app, street, StaffRole.WATCH, LOU)

    def names(asked: str) -> list[str]:
        return [heading.to_text() for heading in lou.get(f"/console/commerces{asked}").all("main h2 bdi")]

    assert names("") == ["Le Fournil", "L’Épi d’Or"]
    with street() as session:
        first, second = every_shop(session, status=ShopStatus.CLAIMED, limit=2)
        assert every_shop(session, status=ShopStatus.CLAIMED, after=first.id, limit=2) == [second]
        assert every_shop(session, status=ShopStatus.CLAIMED, after=second.id, limit=2) == []
    assert names("?q=ÉPI") == names("?q=l%27epi+d") == names(f"?q={old.slug}") == ["L’Épi d’Or"]
    assert names("?q=100%25") == []


def test_what_a_claim_prepares_is_seen_by_who_decides_and_by_nobody_else(desk_app: Flask, street: Sessions):
    with street.begin() as session:
        shop = builders.a_shop(session, "Le Fournil", status=ShopStatus.LISTED)
        claim_listed_shop(session, builders.a_merchant(session, CAMILLE), shop.id, rna="W621000123", now=builders.NOW)
        photo = builders.a_photo(session, shop)
        front_with(session, shop, photo.id, expected_version=shop.version, now=builders.NOW)
        prepare_hours(session, shop, "Tu 08:00-12:00")
    read = at_the_desk(desk_app, street, StaffRole.WATCH, LOU)
    page = read.get(f"/console/commerces/{shop.id}")
    assert "Aujourd’hui : de 8 h à 12 h" in page.words, "as citizens will read it"
    assert "Mercredi Fermé" in page.words
    address = page.one("main .photo img").attrs["src"]
    seen = read.client.get(address)
    assert (seen.status_code, seen.content_type, seen.headers["Cache-Control"]) == (200, "image/webp", "no-store")
    by_letter = at_the_desk(desk_app, street, StaffRole.WATCH, ANA, by_letter=True)
    others = (by_letter, Browser(desk_app), a_counter(desk_app, street, "autre@boutique.example"))
    assert {other.client.get(address).status_code for other in others} == {404}


@pytest.fixture
def reported(street: Sessions) -> tuple[Offer, Report]:
    with street.begin() as session:
        shop = builders.a_shop(session, "Le Fournil", merchant=builders.a_merchant(session, CAMILLE))
        offer = builders.an_offer(session, shop)
        return offer, report_offer(session, offer, Wrong.MISLEADING, detail="Le prix est faux.", now=builders.NOW)


def a_counter(desk_app: Flask, street: Sessions, email: str = CAMILLE) -> Browser:
    browser = Browser(desk_app)
    with street.begin() as session:
        token = builders.signed_in(session, builders.a_merchant(session, email))
    browser.client.set_cookie(MERCHANT_COOKIE, token, secure=True)
    return browser


def test_a_report_is_upheld_contested_once_and_decided_by_another_look(
    desk_app: Flask, street: Sessions, reported: tuple[Offer, Report]
):
    offer, report = reported
    path, contest = f"/console/signalements/{report.id}", f"/commerce/offres/{offer.id}/contester"
    lou = at_the_desk(desk_app, street, StaffRole.MODERATE, LOU)
    ana = at_the_desk(desk_app, street, StaffRole.MODERATE, ANA)
    camille = a_counter(desk_app, street)
    assert "Le prix est faux." in lou.get(path).words
    assert camille.get(contest).status == 404, "nothing was withdrawn"
    for wrong in ({"reason": "", "confirm": "yes"}, {"reason": "Prix faux"}, {"reason": "x" * 301, "confirm": "yes"}):
        assert lou.post(f"{path}/retenir", form=wrong).status_code == 422
    assert lou.post(f"{path}/retenir", form={"reason": "Prix faux", "confirm": "yes"}).status_code == 303
    assert letters(street, LetterKind.OFFER_WITHDRAWN) == [
        (CAMILLE, {"shop": "Le Fournil", "offer": offer.title, "reason": "Prix faux", "offer_id": str(offer.id)})
    ]

    assert "Prix faux" in camille.get(contest).words
    assert camille.post(contest, form={"words": " "}).status_code == 422
    assert a_counter(desk_app, street, "autre@boutique.example").post(contest, form={"words": "x"}).status_code == 404
    assert camille.post(contest, form={"words": "Le prix était juste."}).status_code == 303
    assert camille.post(contest, form={"words": "Encore."}).status_code == 409
    assert "Une autre personne de l’équipe la lit, s’il y en a une." in camille.get(contest).words

    assert offer.title in ana.get("/console/signalements?etat=recours").words
    assert not [form for form in lou.get(path).all("main form") if "recours" in form.attrs["action"]]
    assert lou.post(f"{path}/recours/accepter", form={"reason": "Si"}).status_code == 409, "she upheld it"
    assert ana.post(f"{path}/recours/accepter", form={"reason": ""}).status_code == 422
    assert letters(street, LetterKind.APPEAL_DECIDED) == []
    assert ana.post(f"{path}/recours/accepter", form={"reason": "La facture le montre"}).status_code == 303
    assert ana.post(f"{path}/recours/refuser", form={"reason": "Non"}).status_code == 409
    said = {"offer": offer.title, "offer_id": str(offer.id), "granted": True, "reason": "La facture le montre"}
    said |= {"shop_id": str(offer.shop_id)}
    assert letters(street, LetterKind.APPEAL_DECIDED) == [(CAMILLE, {**said, "stands": None})]
    with street() as session:
        kept = session.get_one(Offer, offer.id)
        assert (kept.status, kept.withdrawn_reason) == (OfferStatus.WITHDRAWN, None)
        assert session.scalars(select(Appeal.decision)).one() == "La facture le montre"
    read = camille.get(contest)
    assert "La facture le montre" in read.words
    ready = camille.get(read.one(".actions a").attrs["href"])
    ends = f"{offer.ends_at.astimezone(PARIS):%Y-%m-%dT%H:%M}"
    assert (ready.one("#title").attrs["value"], ready.one("#ends_at").attrs["value"]) == (offer.title, ends)
    assert not ready.all("[name=draft][value]:not([value=''])"), "it is another announcement"
    assert [act for act in acts(street) if act.startswith(("report.", "appeal."))] == [
        "report.upheld",
        "report.appealed",
        "appeal.granted",
    ]


def test_one_appeal_answers_all_that_was_upheld_until_then_and_nothing_since(
    desk_app: Flask, street: Sessions, reported: tuple[Offer, Report], clock: StandingClock
):
    offer, report = reported
    contest = f"/commerce/offres/{offer.id}/contester"
    with street.begin() as session:
        forbidden, late = (
            report_offer(session, offer, wrong, now=builders.NOW) for wrong in (Wrong.FORBIDDEN, Wrong.OTHER)
        )
    first, second, third = (f"/console/signalements/{each.id}" for each in (report, forbidden, late))
    lou, ana, eve = (
        at_the_desk(desk_app, street, StaffRole.MODERATE, email) for email in (LOU, ANA, "eve@cluster.example")
    )
    camille = a_counter(desk_app, street)
    assert lou.post(f"{first}/retenir", form={"reason": "Prix faux", "confirm": "yes"}).status_code == 303
    clock.forward(minutes=1)
    assert ana.post(f"{second}/retenir", form={"reason": "Vente interdite", "confirm": "yes"}).status_code == 303
    read = camille.get(contest).words
    assert "Prix faux" in read
    assert "Vente interdite" in read
    clock.forward(minutes=1)
    assert camille.post(contest, form={"words": "Ni l’un ni l’autre."}).status_code == 303
    clock.forward(minutes=1)
    assert lou.post(f"{third}/retenir", form={"reason": "Photo volée", "confirm": "yes"}).status_code == 303

    granted = {"reason": "La facture le montre"}
    assert {who.post(f"{second}/recours/accepter", form=granted).status_code for who in (lou, ana)} == {409}
    asked = eve.get(second).words
    assert "Il répond aussi à cette décision : Prix faux" in asked
    assert "tient toujours : Photo volée" in asked
    assert eve.post(f"{second}/recours/accepter", form=granted).status_code == 303
    assert "Recours accepté" in eve.get(first).words
    assert letters(street, LetterKind.APPEAL_DECIDED)[0][1]["stands"] == "Photo volée"
    with street() as session:
        assert session.get_one(Offer, offer.id).withdrawn_reason == "Photo volée"

    read = camille.get(contest).words
    assert "Photo volée" in read
    assert "Prix faux" not in read
    assert camille.post(contest, form={"words": "C’est la mienne."}).status_code == 303
    assert ana.post(f"{third}/recours/accepter", form=granted).status_code == 303
    assert letters(street, LetterKind.APPEAL_DECIDED)[1][1]["stands"] is None
    told = [
        compose_mail(
            ClaimedLetter(offer.id, 0, LetterKind.APPEAL_DECIDED, to, "fr", content, 0, builders.NOW),
            base_url="https://town.example",
        ).text
        for to, content in letters(street, LetterKind.APPEAL_DECIDED)
    ]
    assert [("Photo volée" in text, "rien n’est plus reproché" in text, contest in text) for text in told] == [
        (True, False, True),
        (False, True, False),
    ]
    with street() as session:
        assert session.get_one(Offer, offer.id).withdrawn_reason is None


def test_where_nobody_else_could_decide_she_who_upheld_does(
    desk_app: Flask, street: Sessions, reported: tuple[Offer, Report]
):
    offer, report = reported
    lou = at_the_desk(desk_app, street, StaffRole.MODERATE, LOU)
    at_the_desk(desk_app, street, StaffRole.WATCH, ANA)
    with street.begin() as session:
        builders.a_staff_member(session, StaffRole.MODERATE, "invitee@cluster.example")  # and has not come
    path = f"/console/signalements/{report.id}"
    lou.post(f"{path}/retenir", form={"reason": "Prix faux", "confirm": "yes"})
    a_counter(desk_app, street).post(f"/commerce/offres/{offer.id}/contester", form={"words": "Non."})
    assert lou.post(f"{path}/recours/refuser", form={"reason": "Le ticket le montre"}).status_code == 303
    with street() as session:
        assert session.get_one(Offer, offer.id).withdrawn_reason == "Prix faux"


def test_everything_is_held_by_its_word_alone_and_one_shop_by_a_reason(desk_app: Flask, street: Sessions):
    with street.begin() as session:
        shop = builders.a_shop(session, "Le Fournil")
    karima, lou = at_the_desk(desk_app, street), at_the_desk(desk_app, street, StaffRole.MODERATE, LOU)
    said = {"act": "stop", "reason": "Emballement"}
    assert lou.post("/console/envois", form={**said, "word": "tout"}).status_code == 403
    for wrong in ({**said, "word": "oui"}, {**said, "word": ""}, {**said, "word": "tout", "reason": ""}):
        assert karima.post("/console/envois", form=wrong).status_code == 422
    with street() as session:
        assert session.scalars(select(SendingStop)).all() == []
    assert karima.post("/console/envois", form={**said, "word": " Tout "}).status_code == 303
    assert "Emballement" in lou.get("/console").words
    assert karima.post("/console/envois", form={**said, "word": "tout"}).status_code == 409
    assert karima.post("/console/envois?lang=en", form={**said, "act": "resume", "word": "all"}).status_code == 303
    shop_path = f"/console/commerces/{shop.id}"
    assert lou.post(f"{shop_path}/arreter", form={"reason": "Plaintes"}).status_code == 303
    assert "Plaintes" in karima.get("/console").words
    assert lou.post(f"{shop_path}/reprendre", form={"reason": "Réglé"}).status_code == 303
    rule = {"slug": shop.slug, "most": "2", "reason": "Marché"}
    for wrong in ({**rule, "most": "11"}, {**rule, "most": "deux"}, {**rule, "slug": "nulle-part"}):
        assert karima.post("/console/envois/regle", form=wrong).status_code == 422
    assert karima.post("/console/envois/regle", form=rule).status_code == 303
    assert "2 par jour" in lou.get("/console/envois").words
    told = ["sending.stopped", "sending.resumed", "sending.stopped", "sending.resumed", "sending.rule-set"]
    assert [act for act in acts(street) if act.startswith("sending.")] == told


def test_the_team_is_kept_by_who_administers_and_never_without_one(desk_app: Flask, street: Sessions):
    karima = at_the_desk(desk_app, street)
    for wrong in ({"email": "lou", "role": "watch"}, {"email": LOU, "role": "queen"}):
        assert karima.post("/console/equipe", form=wrong).status_code == 422
    assert karima.post("/console/equipe", form={"email": LOU, "role": "watch"}).status_code == 303
    assert karima.post("/console/equipe", form={"email": LOU, "role": "moderate"}).status_code == 409
    assert [to for to, _ in letters(street, LetterKind.STAFF_INVITED)] == [LOU]
    with street() as session:
        ids = {member.email: member.id for member in staff_of_the_cluster(session)}
    me, lou = (f"/console/equipe/{ids[email]}" for email in sorted(ids))
    for refused in (karima.post(f"{me}/role", form={"role": "watch"}), karima.post(f"{me}/retirer", form=SEEN)):
        assert refused.status_code == 409
        assert "Seule personne qui administre" in refused.get_data(as_text=True)
    assert karima.post(f"{lou}/role", form={"role": "administer"}).status_code == 303
    assert karima.post(f"{lou}/retirer", form={}).status_code == 422
    assert karima.post(f"{me}/role", form={"role": "watch"}).status_code == 409, "Lou has not come"
    assert "Seule personne qui administre" in karima.get("/console/equipe").words
    her = at_the_desk(desk_app, street, email=LOU)
    assert "Seule personne qui administre" not in karima.get("/console/equipe").words
    assert karima.post(f"{me}/role", form={"role": "watch"}).status_code == 303, "Lou administers now"
    assert karima.get("/console").status == 303, "another role closes what was open"
    with street() as session:
        assert {member.email: member.role.value for member in staff_of_the_cluster(session)} == {
            "karima@cluster.example": "watch",
            LOU: "administer",
        }
    assert her.post(f"{me}/retirer", form={"confirm": "yes"}).status_code == 303
    assert "karima@cluster.example" not in her.get("/console/equipe").words


def test_the_log_is_read_by_person_shop_and_kind_and_whole_by_who_administers(desk_app: Flask, street: Sessions):
    with street.begin() as session:
        shops = [builders.a_shop(session, name) for name in ("Le Fournil", "La Cave")]
    karima, lou = at_the_desk(desk_app, street), at_the_desk(desk_app, street, StaffRole.MODERATE, LOU)
    for browser, shop in zip((karima, lou), shops, strict=True):
        assert browser.post(f"/console/commerces/{shop.id}/arreter", form={"reason": "Essai"}).status_code == 303
    rows = {
        asked: [row.to_text() for row in karima.get(f"/console/journal{asked}").all("ol.journal li p:first-child")]
        for asked in ("", f"?qui={LOU}", f"?commerce={shops[0].slug}", "?acte=shop.suspended", f"?qui={LOU}&lang=en")
    }
    assert len(rows[""]) == 6, "with the claims and proofs of both shops"
    assert rows[f"?qui={LOU}"] == [f"Envoi des annonces arrêté par {LOU}."]
    assert rows[f"?commerce={shops[0].slug}"][0] == "Envoi des annonces arrêté par karima@cluster.example."
    assert len(rows[f"?commerce={shops[0].slug}"]) == 3
    assert rows["?acte=shop.suspended"] == []
    assert LOU in rows[f"?qui={LOU}&lang=en"][0]
    choices = {
        each.attrs["value"]: each.to_text() for each in karima.get("/console/journal?lang=fr").all("#acte option")
    }
    assert set(choices) == {"", *SENTENCES}
    assert choices["shop.suspended"] == "Commerce suspendu"
    assert lou.get("/console/journal").all("ol.journal") == []
    assert lou.get(f"/console/journal?qui={LOU}").status == 403
    assert lou.get(f"/console/journal?commerce={shops[1].slug}").all("ol.journal li")
    assert karima.get("/console/journal?qui=personne@nulle.part").status == 422
