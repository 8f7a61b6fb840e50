"""« Ajouter votre commerce » without scripts: one of the directory or a new one, whatever the public registers do."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.merchants import Merchant
from citylife.database import engine_for, writing
from citylife.shops import ClaimStatus, Shop, ShopClaim, ShopStatus, refuse_claim
from citylife.shops.possession import post_code
from tests import builders
from tests.builders import BETHUNE, BRUAY, GRAND_PLACE, NOW
from tests.doubles.address_service import Known, PlayedAddressService, Trouble, an_address_service
from tests.doubles.company_service import Establishment, PlayedCompanyService, a_company_service
from tests.pages.conftest import Browser, ReadPage, StandingClock, an_app, plain
from tests.pages.counter import CAMILLE, COOKIE, her_browser

Sessions = sessionmaker[Session]
PATH = "/commerce/nouveau"
SIRET = "73282932000074"
WORDS = "12 rue de Lille Béthune"
LABEL = "12 Rue de Lille 62400 Béthune"
FORM = {"number": "732 829 320 00074", "name": "Chez Léon", "category": "bakery", "address": WORDS}
A_MONTH = dt.timedelta(days=30)
DOOR = (50.5301, 2.6403)


@pytest.fixture
def addresses() -> Iterator[PlayedAddressService]:
    with an_address_service() as played:
        played.known[WORDS] = [Known(*DOOR, BETHUNE, label=LABEL)]
        yield played
        assert played.faults == []


@pytest.fixture
def companies() -> Iterator[PlayedCompanyService]:
    with a_company_service(Establishment(SIRET)) as played:
        yield played
        assert played.faults == []


@pytest.fixture
def sessions(street: Sessions) -> Sessions:
    """SQLite alone: what is stored is the domain's, and tried on both databases there."""
    return street


@pytest.fixture
def app(
    sqlite_url: str,
    tmp_path: Path,
    clock: StandingClock,
    addresses: PlayedAddressService,
    companies: PlayedCompanyService,
) -> Iterator[Flask]:
    yield from an_app(sqlite_url, tmp_path, clock, geocoder_url=addresses.url, companies_url=companies.url)


@pytest.fixture
def camille(sessions: Sessions) -> Merchant:
    with sessions.begin() as session:
        return builders.a_merchant(session, CAMILLE)


@pytest.fixture
def counter(app: Flask, sessions: Sessions, camille: Merchant) -> Browser:
    return her_browser(app, sessions)


def another(app: Flask, sessions: Sessions) -> Browser:
    """Another merchant's browser."""
    browser = Browser(app)
    with sessions.begin() as session:
        browser.client.set_cookie(COOKIE, builders.signed_in(session, builders.a_merchant(session)), secure=True)
    return browser


def sent(counter: Browser, wish: str = "confirm", **form: str) -> ReadPage:
    return ReadPage(counter.post(PATH, form={**FORM, "wish": wish, **form}))


def filled(page: ReadPage) -> dict[str, str]:
    """What a browser sends of the form that claims."""
    form = next(form for form in page.all("form[method=post]") if form.attrs["action"] == PATH)
    found = {}
    for field in form.query("input, select"):
        attributes = field.attrs
        if field.name == "select":
            chosen = [option for option in field.query("option") if "selected" in option.attrs]
            found[attributes["name"]] = chosen[0].attrs["value"] if chosen else ""
        elif attributes.get("type") != "radio" or "checked" in attributes:
            found[attributes["name"]] = attributes.get("value", "")
    return found


def claims(sessions: Sessions) -> list[tuple[str, str | None, str | None]]:
    with sessions() as session:
        rows = session.execute(select(Shop.name, ShopClaim.siret, ShopClaim.rna).join(Shop).order_by(ShopClaim.id))
        return [(name, siret, rna) for name, siret, rna in rows]


def only_shop(sessions: Sessions) -> Shop:
    with sessions() as session:
        return session.scalars(select(Shop)).one()


def a_listed_shop(sessions: Sessions, name: str = "Chez Léon", **facts: Any) -> Shop:
    with sessions.begin() as session:
        return builders.a_shop(session, name, status=ShopStatus.LISTED, now=NOW - A_MONTH, **facts)


def test_a_new_shop_is_claimed_in_two_steps(counter, sessions, addresses):
    page = sent(counter)
    assert page.text("h1") == "Est-ce bien cela ?"
    assert [plain(label.to_text()) for label in page.all("fieldset label")] == [LABEL]
    assert "Une page, et vos abonnés sont prévenus de vos offres." in page.words
    assert addresses.asked == [WORDS]
    assert claims(sessions) == [], "nothing is claimed before it is confirmed"
    answer = counter.post(PATH, form={**filled(page), "wish": "claim"})
    shop = only_shop(sessions)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/commerce/{shop.id}?said=claimed")
    assert (shop.name, shop.street, shop.postal_code, shop.insee_code) == (
        "Chez Léon",
        "12 Rue de Lille",
        "62400",
        BETHUNE,
    )
    assert (shop.latitude, shop.longitude, shop.status) == (*DOOR, ShopStatus.CLAIMED)
    assert claims(sessions) == [("Chez Léon", SIRET, None)]
    assert addresses.asked == [WORDS], "and asked once"
    page = counter.get(answer.headers["Location"])
    assert "Votre demande est enregistrée : l’équipe la vérifie." in page.words
    assert "En cours de vérification" in page.words
    assert "par une lettre avec un code à son adresse" in page.words
    assert page.one(f"a[href='/commerce/{shop.id}/annonce']")
    assert page.one(f"a[href='/commerce/{shop.id}/horaires']")


def test_the_pin_that_a_script_has_moved_is_where_the_shop_is(counter, sessions):
    form = {**filled(sent(counter)), "pin": "50.531000,2.641000", "wish": "claim"}
    assert counter.post(PATH, form=form).status_code == 303
    shop = only_shop(sessions)
    assert (shop.latitude, shop.longitude, shop.street) == (50.531, 2.641, "12 Rue de Lille")


@pytest.mark.parametrize("pin", ["48.85,2.35", "nan,nan", "91,0", "inf,2.64"])
def test_a_pin_outside_the_commune_is_refused_beside_the_map(counter, sessions, pin):
    page = ReadPage(counter.post(PATH, form={**filled(sent(counter)), "pin": pin, "wish": "claim"}))
    assert page.status == 422
    assert "position" in page.text("#place-probleme")
    assert [plain(label.to_text()) for label in page.all("fieldset label")] == [LABEL]
    assert claims(sessions) == []


@pytest.mark.parametrize("at", ["", "[]", "7", "{}", "null", '{"street": "x"}', "<script>", "{" * 500])
def test_a_place_that_cannot_be_read_is_none(counter, sessions, at):
    page = ReadPage(counter.post(PATH, form={**FORM, "at": at, "wish": "claim"}))
    assert (page.status, page.text("#commune-probleme")) == (422, "Choisissez la commune.")
    assert claims(sessions) == []


def test_a_place_elsewhere_is_refused_however_it_is_sent(counter, sessions):
    place = {"street": "1 rue", "postal_code": "59000", "insee_code": "59350", "latitude": 50.63, "longitude": 3.06}
    for at in (place, {**place, "insee_code": BETHUNE}, {**place, "insee_code": BRUAY, "latitude": 50.53}):
        page = ReadPage(counter.post(PATH, form={**FORM, "at": json.dumps(at), "wish": "claim"}))
        assert page.status == 422
        assert page.all("#place-probleme")
    assert claims(sessions) == []


@pytest.mark.parametrize(
    ("wrong", "at", "said"),
    [
        ({"number": ""}, "number", "Indiquez le SIRET"),
        ({"number": "732 829 320 00075"}, "number", "SIRET n’est pas valable"),
        ({"number": "W12"}, "number", "RNA n’est pas valable"),
        ({"name": ""}, "name", "obligatoire"),
        ({"name": "a\u202eb"}, "name", "sens de lecture"),
        ({"category": ""}, "category", "n’existe pas"),
        ({"category": "tobacco"}, "category", "n’est pas admise"),
        ({"address": ""}, "address", "obligatoire"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_where_it_is_and_what_was_written_stays(counter, sessions, wrong, at, said):
    for wish in ("confirm", "claim"):
        page = sent(counter, wish, **wrong)
        assert page.status == 422
        assert said in page.text(f"#{at}-probleme")
        assert f"{at}-probleme" in page.one(f"#{at}").attrs["aria-describedby"]
        kept = {**FORM, **wrong}
        assert {name: filled(page)[name] for name in ("number", "name", "address")} == {
            name: kept[name] for name in ("number", "name", "address")
        }
    assert claims(sessions) == []


def test_everything_wrong_is_said_at_once(counter):
    page = sent(counter, number="1", name="", category="", address="")
    assert len(page.all(".problem")) == 4


def test_each_policy_is_explained_before_and_said_again_of_the_category_chosen(counter):
    page = counter.get(PATH)
    for words in ("Tabac, cigarette électronique", "la loi en interdit la publicité", "la publicité de l’alcool"):
        assert words in page.words
    assert page.all("option[value=tobacco]") == []
    assert "Une page, sans notification" in sent(counter, category="wine").words


def test_an_address_of_another_town_is_refused_clearly(counter, addresses, sessions):
    addresses.known[WORDS] = [Known(50.63, 3.06, "59350")]
    page = sent(counter)
    assert page.status == 422
    assert "n’est pas dans l’agglomération" in page.text("#address-probleme")
    assert claims(sessions) == []


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (Trouble(500), "Le service d’adresses ne répond pas."),
        (Trouble(body=b"<html>"), "Le service d’adresses ne répond pas."),
        (Trouble(302, headers=(("Location", "http://127.0.0.1:9/"),)), "Le service d’adresses ne répond pas."),
        (Trouble(body=b'{"features": []}'), "Cette adresse est introuvable."),
    ],
)
def test_a_service_that_is_away_refuses_nobody(counter, sessions, addresses, trouble, said):
    addresses.always = trouble
    page = sent(counter, address="12 rue de Lille 62400 Béthune")
    assert page.status == 200
    assert said in page.text(".notice")
    form = filled(page)
    assert (form["commune"], form["postal_code"]) == (BETHUNE, "62400")
    assert counter.post(PATH, form={**form, "street": "12 rue de Lille", "wish": "claim"}).status_code == 303
    shop = only_shop(sessions)
    assert (shop.street, shop.insee_code) == ("12 rue de Lille", BETHUNE)


def test_without_the_service_a_commune_is_to_be_chosen(counter, sessions, addresses):
    addresses.always = Trouble(500)
    form = filled(sent(counter, address="12 rue de l’Église"))
    assert form["commune"] == ""
    page = ReadPage(counter.post(PATH, form={**form, "wish": "claim"}))
    assert (page.status, page.text("#commune-probleme")) == (422, "Choisissez la commune.")
    assert counter.post(PATH, form={**filled(page), "commune": BRUAY, "wish": "claim"}).status_code == 303
    assert only_shop(sessions).insee_code == BRUAY


def test_html_in_an_answer_is_text(counter, addresses):
    addresses.known[WORDS] = [Known(*DOOR, BETHUNE, label="<script>alert(1)</script>", name='"><b>x')]
    page = sent(counter)
    assert plain(page.one("fieldset label").to_text()) == "<script>alert(1)</script>"
    assert len(page.scripts) == 1


def test_a_siret_proposes_a_name_and_an_address_to_be_corrected(counter, sessions):
    page = sent(counter, "siret", name="", address="")
    form = filled(page)
    assert (form["name"], form["address"]) == ("CHEZ LEON", "12 RUE DE LILLE 62400 BETHUNE")
    assert "Voici ce que dit l’annuaire public." in page.text(".notice")
    assert claims(sessions) == []


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ([], "Aucun établissement"),
        ([Establishment(SIRET, told_of=False)], "ne publie pas son nom"),
        ([Establishment(SIRET, open=False)], "fermé"),
    ],
)
def test_where_nothing_can_be_proposed_what_was_written_stays(counter, companies, known, said):
    companies.known = known
    page = sent(counter, "siret")
    assert page.status == 200
    assert said in page.text(".notice")
    assert filled(page)["name"] == "Chez Léon"


def test_a_register_that_is_away_refuses_nobody(counter, companies):
    companies.always = Trouble(500)
    assert "ne répond pas" in sent(counter, "siret").text(".notice")
    assert sent(counter, "siret", number="12").text("#number-probleme")
    assert sent(counter).text("h1") == "Est-ce bien cela ?"


def test_modifying_goes_back_to_what_was_written(counter):
    form = {**filled(sent(counter)), "wish": "edit"}
    page = ReadPage(counter.post(PATH, form=form))
    assert {name: filled(page)[name] for name in ("number", "name", "category", "address")} == FORM


def test_the_directory_is_looked_through_first(counter, sessions):
    listed = a_listed_shop(sessions, "Chez Léon")
    with sessions.begin() as session:
        builders.a_shop(session, "Chez Léontine")
    page = counter.get(f"{PATH}?q=chez+leon")
    assert page.one(f"a[href='{PATH}?commerce={listed.slug}']")
    assert "Quelqu’un le tient déjà" in page.words
    assert "Rien trouvé" in counter.get(f"{PATH}?q=zzzzzzzz").words


def test_a_listed_shop_is_claimed_with_its_number_alone_and_not_made_again(counter, sessions):
    listed = a_listed_shop(sessions, street="3 rue d’Arras")
    page = counter.get(f"{PATH}?commerce={listed.slug}")
    assert "3 rue d’Arras" in page.words
    wrong = ReadPage(counter.post(PATH, form={**filled(page), "number": "1", "wish": "claim"}))
    assert (wrong.status, bool(wrong.all("#number-probleme"))) == (422, True)
    answer = counter.post(PATH, form={**filled(page), "number": SIRET, "wish": "claim"})
    assert answer.headers["Location"] == f"/commerce/{listed.id}?said=claimed"
    shop = only_shop(sessions)
    assert (shop.name, shop.street, shop.status) == ("Chez Léon", "3 rue d’Arras", ShopStatus.CLAIMED)
    assert counter.get(f"{PATH}?commerce={listed.slug}").answer.headers["Location"] == f"/commerce/{listed.id}"


@pytest.mark.parametrize("known", [{"siret": SIRET}, {}], ids=["by its number", "by its name nearby"])
def test_one_that_is_there_already_is_shown_instead_of_made_again(counter, sessions, known):
    listed = a_listed_shop(sessions, position=DOOR, **known)
    page = sent(counter)
    assert "Ce commerce est déjà dans l’annuaire" in page.text(".notice")
    assert (filled(page)["commerce"], filled(page)["number"]) == (listed.slug, FORM["number"])
    assert counter.post(PATH, form={**filled(page), "wish": "claim"}).status_code == 303
    assert only_shop(sessions).id == listed.id


def test_a_number_of_another_listed_shop_leads_to_that_one(counter, sessions):
    other = a_listed_shop(sessions, "Le Moulin", siret=SIRET)
    chosen = a_listed_shop(sessions, "Chez Léon", position=DOOR)
    page = ReadPage(counter.post(PATH, form={"commerce": chosen.slug, "number": SIRET, "wish": "claim"}))
    assert page.text("h1") == "Le Moulin"
    assert filled(page)["commerce"] == other.slug
    assert claims(sessions) == []


def test_two_people_claim_one_listed_shop_and_the_second_is_told_so(app, counter, sessions):
    listed = a_listed_shop(sessions)
    rival = another(app, sessions)
    pages = [browser.get(f"{PATH}?commerce={listed.slug}") for browser in (counter, rival)]
    first, second = (
        browser.post(PATH, form={**filled(page), "number": SIRET, "wish": "claim"})
        for browser, page in zip((counter, rival), pages, strict=True)
    )
    assert (first.status_code, second.status_code) == (303, 409)
    page = ReadPage(second)
    assert "déjà revendiqué" in page.text("#shop-probleme")
    assert page.all("main form[method=post]") == [], "there is nothing left to send"
    assert rival.get(f"/commerce/{listed.id}").status == 404
    assert sent(rival).words.count("Quelqu’un a déjà demandé à tenir ce commerce") == 1, "nor by the number"


def test_a_refused_claim_says_why_and_is_made_anew(counter, sessions, camille):
    listed = a_listed_shop(sessions)
    form = {"commerce": listed.slug, "number": SIRET, "wish": "claim"}
    assert counter.post(PATH, form=form).status_code == 303
    with sessions.begin() as session:
        refuse_claim(session, session.get_one(Shop, listed.id), reason="<b>Le SIRET</b> est celui d’un autre.", now=NOW)
    page = counter.get("/commerce")
    assert "Raison donnée par l’équipe : <b>Le SIRET</b> est celui d’un autre." in page.words
    again = page.one(f"a[href='{PATH}?commerce={listed.slug}']").attrs["href"]
    assert counter.get(again).status == 200
    assert counter.post(PATH, form=form).status_code == 303
    with sessions() as session:
        states = session.scalars(select(ShopClaim.status).order_by(ShopClaim.id)).all()
    assert states == [ClaimStatus.REFUSED, ClaimStatus.PENDING]
    assert counter.get("/commerce").status == 303, "what is asked anew is no longer a refusal to read"


def test_a_refused_claim_of_a_shop_nobody_knew_leads_to_the_empty_form(counter, sessions):
    counter.post(PATH, form={**filled(sent(counter)), "wish": "claim"})
    with sessions.begin() as session:
        refuse_claim(session, session.scalars(select(Shop)).one(), reason="Adresse inconnue.", now=NOW)
    page = counter.get("/commerce")
    assert "Adresse inconnue." in page.words
    assert [link.attrs["href"] for link in page.all(f"main a[href^='{PATH}']")] == [PATH, PATH]


def test_the_letters_code_is_entered_on_the_page_and_wrong_ones_are_counted(counter, sessions):
    counter.post(PATH, form={**filled(sent(counter)), "wish": "claim"})
    shop = only_shop(sessions)
    assert counter.get(f"/commerce/{shop.id}").all("#code") == [], "none was posted"
    assert counter.post(f"/commerce/{shop.id}/code", form={"code": "K7QF"}).status_code == 409
    with sessions.begin() as session:
        code = post_code(session, session.get_one(Shop, shop.id), now=NOW)
    wrong = ReadPage(counter.post(f"/commerce/{shop.id}/code", form={"code": "AAAA AAAA"}))
    assert (wrong.status, "4" in wrong.text("#code-probleme")) == (422, True)
    assert wrong.one("#code").attrs["aria-describedby"] == "code-probleme"
    answer = counter.post(f"/commerce/{shop.id}/code", form={"code": f"{code[:4]} {code[4:].lower()}"})
    assert answer.status_code == 303
    page = counter.get(answer.headers["Location"])
    assert "l’équipe n’a plus qu’à décider" in page.words
    assert page.all("#code") == []


def test_five_wrong_codes_are_the_last(counter, sessions):
    counter.post(PATH, form={**filled(sent(counter)), "wish": "claim"})
    shop = only_shop(sessions)
    with sessions.begin() as session:
        code = post_code(session, session.get_one(Shop, shop.id), now=NOW)
    for _ in range(5):
        counter.post(f"/commerce/{shop.id}/code", form={"code": "AAAA AAAA"})
    assert counter.post(f"/commerce/{shop.id}/code", form={"code": code}).status_code == 409
    assert "demandez à l’équipe une nouvelle lettre" in counter.get(f"/commerce/{shop.id}").words


def test_nobody_claims_without_end(counter, sessions):
    for number in range(10):
        listed = a_listed_shop(sessions, f"Boutique {number}", position=(50.53 + number / 200, 2.64), insee_code=None)
        form = {"commerce": listed.slug, "number": builders.a_siret(), "wish": "claim"}
        assert counter.post(PATH, form=form).status_code == 303
    listed = a_listed_shop(sessions, "Encore une")
    answer = counter.post(PATH, form={"commerce": listed.slug, "number": builders.a_siret(), "wish": "claim"})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(ShopClaim)) == 10


def test_what_is_refused_is_counted_too(counter, sessions):
    listed = a_listed_shop(sessions)
    form = {"commerce": listed.slug, "number": "1", "wish": "claim"}
    assert [counter.post(PATH, form=form).status_code for _ in range(11)] == [422] * 10 + [429]


def test_only_a_page_of_ours_and_only_a_merchant_claims(app, counter, sessions):
    assert counter.post(PATH, headers={"Sec-Fetch-Site": "cross-site"}, form=FORM).status_code == 403
    stranger = Browser(app)
    assert stranger.post(PATH, form={**FORM, "wish": "claim"}).status_code == 303
    assert claims(sessions) == []


def test_a_shop_that_cannot_be_claimed_is_not_chosen(counter, sessions):
    with sessions.begin() as session:
        closed = builders.a_shop(session, status=ShopStatus.CLOSED).slug
        suspended = builders.a_shop(session, status=ShopStatus.SUSPENDED).slug
    for slug in (closed, suspended, "nothing-there", "x" * 5000, "%00", "chez%0Aleon", "%7F"):
        assert counter.get(f"{PATH}?commerce={slug}").text("h1") == "Ajouter votre commerce"


def test_a_control_character_names_no_shop_on_postgresql_either(postgres_url, tmp_path, clock):
    engine = engine_for(postgres_url)
    with writing(engine).begin() as session:
        builders.a_merchant(session, CAMILLE)
    for app in an_app(postgres_url, tmp_path, clock):
        counter = her_browser(app, writing(engine))
        assert counter.get(f"{PATH}?commerce=%00").text("h1") == "Ajouter votre commerce"
        assert counter.post(PATH, form={"commerce": "\0", "wish": "edit"}).status_code == 200
    engine.dispose()


def test_each_page_is_html_without_a_fault_and_every_field_has_a_name(counter, sessions, addresses):
    listed = a_listed_shop(sessions, position=(GRAND_PLACE[0] + 0.02, GRAND_PLACE[1]), insee_code=None)
    pages = [
        counter.get(f"{PATH}?q=leon"),
        counter.get(f"{PATH}?commerce={listed.slug}"),
        sent(counter),
        sent(counter, number="1"),
        sent(counter, "siret"),
    ]
    addresses.always = Trouble(500)
    pages.append(sent(counter))
    for page in pages:
        assert page.document.errors == []
        assert len(page.all("h1")) == 1
        ids = [found.attrs["id"] for found in page.all("[id]")]
        assert len(ids) == len(set(ids))
        for field in page.all("main input:not([type=hidden]):not([type=radio]), main select"):
            assert page.all(f'label[for="{field.attrs["id"]}"]'), field.attrs
        assert page.answer.headers["Cache-Control"] == "no-store"
