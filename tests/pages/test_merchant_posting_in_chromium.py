"""« Nouvelle annonce » in a real Chromium: what is foreseen as one types, by thumb, by keyboard, without scripts."""

import os
import re
import time
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.follows import Level
from citylife.ledger.tables import Decision, Outcome
from citylife.offers import Offer, OfferStatus, publish
from citylife.shops import Shop
from tests import builders
from tests.browser.chromium import Chromium
from tests.ledger_desk import expand_all
from tests.pages.counter import COOKIE, her_shop, her_token, offers, path_of

pytestmark = pytest.mark.long

Sessions = sessionmaker[Session]
A_LETTER = 200
"""Milliseconds between two letters: sixty words a minute would be quick for a thumb, this is unhurried."""
MOST_TAPS = 6


@pytest.fixture
def shop(street: Sessions) -> Shop:
    """« Le Fournil », with thirty who always want to hear of it."""
    shop = her_shop(street)
    with street.begin() as session:
        for _ in range(30):
            builders.a_follower(session, session.get_one(Shop, shop.id), Level.ALWAYS)
    return shop


def opened(chromium: Chromium, url: str, street: Sessions, path: str, **window: Any) -> Page:
    page = chromium.open(f"{url}/credits", **window)
    secure = url.replace("http:", "https:")  # as Chromium takes such a cookie, which it sends to localhost too
    page.context.add_cookies([{"name": COOKIE, "value": her_token(street), "url": secure, "secure": True}])
    page.goto(url + path)
    return page


def bars_nobody(chromium: Chromium, page: Page, state: str) -> None:
    for width in (320, 360, 768, 1280):
        page.set_viewport_size({"width": width, "height": 740})
        assert chromium.barriers(page) == [], (state, width)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (state, width)
        if os.environ.get("SHOTS"):
            page.screenshot(path=f"{os.environ['SHOTS']}/{state}-{width}.png", full_page=True)


def fate(page: Page, name: str = "Tout de suite") -> Any:
    return page.locator("#apercu dl").first.locator("div", has_text=name).locator("dd")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_it_will_do_is_shown_as_it_is_written(
    chromium: Chromium, url: str, street: Sessions, shop: Shop, scheme: Any
):
    with street.begin() as session:
        old = {"title": "Tarte au sucre", "price": 500, "status": OfferStatus.ENDED}
        builders.an_offer(session, session.get_one(Shop, shop.id), **old)
    page = opened(chromium, url, street, path_of(shop), scheme=scheme)
    expect(page.get_by_text("Écrivez un titre pour voir la notification.")).to_be_visible()
    expect(page.get_by_role("button", name="Voir qui l’apprendra")).to_be_hidden()
    expect(page.get_by_label("Date et heure de fin")).to_be_hidden()

    page.get_by_label("Titre").press_sequentially("Tarte au sucre", delay=20)
    expect(page.locator(".on-phone-title")).to_have_text("Le Fournil")
    expect(page.locator(".on-phone-body")).to_have_text(re.compile("Tarte au sucre — jusqu’à 20.h.00 aujourd’hui"))
    expect(fate(page)).to_have_text(re.compile(r"environ (25|30)"))
    page.locator("#apercu summary").click()

    page.get_by_label("Un autre moment").check()
    expect(page.get_by_text("Choisissez jusqu’à quand")).to_be_visible()
    page.get_by_label("Date et heure de fin").fill("2026-11-26T12:00")
    expect(page.locator(".on-phone-body")).to_have_text(re.compile("jusqu’au jeudi 26 novembre"))

    page.get_by_label("Prix en euros", exact=True).fill("3")
    page.get_by_text("Réduction, détails").click()
    expect(page.locator("#prior_price")).to_be_hidden()
    page.get_by_label("C’est une réduction").check()
    expect(page.locator("#prior_price")).to_have_value("5,00")
    expect(page.get_by_text("Le plus bas de vos annonces")).to_be_visible()
    page.locator("#prior_price").fill("4,80")
    page.get_by_label("Titre").fill("Tarte")
    expect(page.locator("#prior_price-source")).to_have_text("")
    expect(page.locator("#prior_price")).to_have_value("4,80")
    bars_nobody(chromium, page, f"foreseen-{scheme}")
    assert {offer.status for offer in offers(street)[1:]} <= {OfferStatus.DRAFT}
    assert chromium.complaints(page) == []
    chromium.close(page)


def test_a_late_answer_takes_no_newer_one_s_place_and_a_silent_network_is_said_quietly(
    chromium: Chromium, url: str, street: Sessions, shop: Shop
):
    page = opened(chromium, url, street, path_of(shop))
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if "Premier" in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    page.route(f"**{path_of(shop)}", hold_the_first)
    with page.expect_request(lambda request: "Premier" in (request.post_data or "")):
        page.get_by_label("Titre").fill("Premier")
    page.get_by_label("Titre").fill("Second")
    expect(page.locator(".on-phone-body")).to_contain_text("Second")
    held[0].fulfill(status=200, content_type="text/html", body="<section id=apercu>Premier</section>")
    expect(page.locator("#apercu")).not_to_have_attribute("aria-busy", "true")
    expect(page.locator(".on-phone-body")).to_contain_text("Second")

    page.context.set_offline(True)
    page.get_by_label("Titre").fill("Troisième")
    expect(page.get_by_text("ceci date d’avant votre dernier changement")).to_be_visible()
    page.context.set_offline(False)
    page.get_by_label("Titre").fill("Quatrième")
    expect(page.locator(".on-phone-body")).to_contain_text("Quatrième")
    expect(page.get_by_text("ceci date d’avant votre dernier changement")).to_be_hidden()
    chromium.close(page)


def test_without_scripts_a_button_asks_for_the_same(chromium: Chromium, url: str, street: Sessions, shop: Shop):
    page = opened(chromium, url, street, path_of(shop), scripts=False)
    page.get_by_label("Titre").fill("Tarte")
    expect(page.get_by_label("Date et heure de fin")).to_be_hidden()
    page.get_by_label("Un autre moment").check()
    page.get_by_label("Date et heure de fin").fill("2026-11-26T12:00")
    page.get_by_role("button", name="Voir qui l’apprendra").click()
    expect(page.locator(".on-phone-body")).to_contain_text("Tarte — jusqu’au jeudi 26 novembre")
    expect(fate(page)).to_have_text(re.compile(r"environ (25|30)"))
    assert offers(street) == []
    page.get_by_role("button", name="Publier").click()
    expect(page.get_by_text("Publiée.")).to_be_visible()
    chromium.close(page)


def on_the_counter(page: Page) -> Page:
    """Another page of the same person's browser."""
    return page.context.new_page()


def kept(page: Page) -> Any:
    return page.locator("[data-kept]")


def test_it_is_kept_as_it_is_written_and_a_reload_loses_nothing(
    chromium: Chromium, url: str, street: Sessions, shop: Shop
):
    page = opened(chromium, url, street, path_of(shop))
    page.get_by_label("Titre").fill("Tarte")
    page.reload()
    expect(page.get_by_text("Ce que vous aviez écrit est retrouvé.")).to_be_visible()
    expect(page.get_by_label("Titre")).to_have_value("Tarte")
    bars_nobody(chromium, page, "found")

    page.get_by_label("Titre").fill("Tarte au sucre")
    expect(kept(page)).to_have_text("Gardé à 10 h")
    page.get_by_label("Prix en euros", exact=True).fill("3,")
    expect(page.get_by_text("Gardé sur cet appareil, pas encore en brouillon.")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Titre")).to_have_value("Tarte au sucre")
    expect(page.get_by_label("Prix en euros", exact=True)).to_have_value("3,")
    page.get_by_label("Prix en euros", exact=True).fill("3")
    expect(kept(page)).to_have_text("Gardé à 10 h")
    assert [(offer.title, offer.price) for offer in offers(street)] == [("Tarte au sucre", 300)]

    page.get_by_role("button", name="Publier").click()
    expect(page.get_by_text("Publiée.")).to_be_visible()
    assert [offer.status for offer in offers(street)] == [OfferStatus.LIVE]
    page.goto(url + path_of(shop))
    expect(page.get_by_label("Titre")).to_have_value("")
    assert [words for words in chromium.complaints(page) if "422" not in words] == []
    chromium.close(page)


def test_a_tap_while_it_is_being_kept_publishes_what_is_written_once(
    chromium: Chromium, url: str, street: Sessions, shop: Shop
):
    page = opened(chromium, url, street, path_of(shop))
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if not held and "wish=save" in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    page.route(f"**{path_of(shop)}", hold_the_first)
    with page.expect_request(lambda request: "wish=save" in (request.post_data or "")):
        page.get_by_label("Titre").fill("Tarte")
    page.get_by_label("Titre").fill("Tarte au sucre")
    page.get_by_role("button", name="Publier").click()
    assert offers(street) == []
    held[0].continue_()
    expect(page.get_by_text("Publiée.")).to_be_visible()
    assert [(offer.title, offer.status) for offer in offers(street)] == [("Tarte au sucre", OfferStatus.LIVE)]
    chromium.close(page)


def test_a_second_tap_drops_no_answer_and_what_did_not_leave_can_leave_again(
    chromium: Chromium, url: str, street: Sessions, shop: Shop
):
    page = opened(chromium, url, street, path_of(shop))
    page.evaluate(
        """() => {
             window.sent = 0;
             window.lost = true;
             addEventListener("submit", (event) => {
               window.sent += !event.defaultPrevented;
               if (window.lost) event.preventDefault();
             });
           }"""
    )
    button = page.get_by_role("button", name="Publier")
    page.get_by_label("Titre").fill("Tarte")
    for _ in range(3):
        button.click()
    page.wait_for_function("sent > 0")
    assert page.evaluate("sent") == 1

    page.get_by_label("Titre").fill("Tarte au sucre")
    button.click()
    page.wait_for_function("sent === 2")
    page.evaluate("lost = false")
    button.click()
    assert page.evaluate("sent") == 2
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    button.click()
    expect(page.get_by_text("Publiée.")).to_be_visible()
    assert [(offer.title, offer.status) for offer in offers(street)] == [("Tarte au sucre", OfferStatus.LIVE)]
    chromium.close(page)


def test_what_changes_nothing_of_what_is_shown_asks_for_nothing(
    chromium: Chromium, url: str, street: Sessions, shop: Shop
):
    page = opened(chromium, url, street, path_of(shop))
    page.get_by_label("Titre").fill("Tarte")
    expect(page.locator(".on-phone-body")).to_contain_text("Tarte")
    expect(kept(page)).to_have_text("Gardé à 10 h")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.post_data or ""))
    page.get_by_text("Réduction, détails").click()
    page.get_by_label("Détails", exact=True).fill("Au beurre")
    with page.expect_response(lambda answer: "wish=save" in (answer.request.post_data or "")):
        page.get_by_label("Quantité").fill("12")
    page.get_by_label("Titre").fill("Flan")
    expect(page.locator(".on-phone-body")).to_contain_text("Flan")
    assert ["title=Flan" in body for body in asked if "wish=look" in body] == [True]
    chromium.close(page)


def test_a_session_that_ended_loses_nothing(chromium: Chromium, url: str, street: Sessions, shop: Shop):
    page = opened(chromium, url, street, path_of(shop))
    page.context.clear_cookies()
    page.get_by_label("Titre").fill("Tarte")
    expect(page.get_by_text("Votre session est finie.")).to_be_visible()
    page.get_by_role("button", name="Publier").click()
    expect(page.get_by_role("heading", name="Connexion")).to_be_visible()
    secure = url.replace("http:", "https:")
    page.context.add_cookies([{"name": COOKIE, "value": her_token(street), "url": secure, "secure": True}])
    page.goto(url + path_of(shop))
    expect(page.get_by_label("Titre")).to_have_value("Tarte")
    page.get_by_role("button", name="Publier").click()
    expect(page.get_by_text("Publiée.")).to_be_visible()
    assert len(offers(street)) == 1
    page.goto(url + path_of(shop))
    expect(page.get_by_label("Titre")).to_have_value("")
    chromium.close(page)


def test_without_a_network_it_is_kept_on_this_device(chromium: Chromium, url: str, street: Sessions, shop: Shop):
    page = opened(chromium, url, street, path_of(shop))
    page.context.set_offline(True)
    page.get_by_label("Titre").fill("Tarte")
    expect(page.get_by_text("Gardé sur cet appareil, pas encore en brouillon.")).to_be_visible()
    page.context.set_offline(False)
    later = on_the_counter(page)
    page.close()
    later.goto(url + path_of(shop))
    expect(later.get_by_label("Titre")).to_have_value("Tarte")
    later.context.close()


def test_what_is_older_than_any_announcement_is_forgotten(chromium: Chromium, url: str, street: Sessions, shop: Shop):
    page = opened(chromium, url, street, path_of(shop))
    page.evaluate(
        """(shop) => [13, 15].forEach((days) => localStorage.setItem(`citylife:annonce:${shop}:${days}`,
             JSON.stringify({ at: Date.now() - days * 86400000, fields: [["title", "Tarte"]], sent: false })))""",
        str(shop.id),
    )
    page.reload()
    page.wait_for_function("""() => !Object.keys(localStorage).some((name) => name.endsWith(":15"))""")
    assert page.evaluate("Object.keys(localStorage).filter((name) => name.endsWith(':13')).length") == 1
    chromium.close(page)


@pytest.mark.parametrize(("scheme", "scripts"), [("light", True), ("dark", True), ("light", False)])
def test_of_two_editors_the_second_sees_both_and_chooses(
    request: pytest.FixtureRequest, chromium: Chromium, street: Sessions, scheme: Any, scripts: bool
):
    url, shop = request.getfixturevalue("url"), request.getfixturevalue("shop")
    with street.begin() as session:
        draft = builders.an_offer(session, session.get_one(Shop, shop.id), title="Tarte", status=OfferStatus.DRAFT)
    path = f"{path_of(shop)}?de={draft.id}"
    first = opened(chromium, url, street, path, scripts=scripts)
    second = opened(chromium, url, street, path, scripts=scripts, scheme=scheme)
    first.get_by_label("Titre").fill("Tarte au sucre")
    if scripts:
        expect(kept(first)).to_have_text("Gardé à 10 h")
    else:
        first.get_by_role("button", name="Garder en brouillon").click()
    second.get_by_label("Titre").fill("Flan")
    if not scripts:
        second.get_by_role("button", name="Publier").click()

    versions = second.get_by_role("row", name="Titre Flan Tarte au sucre")
    expect(versions).to_be_visible()
    if scripts:
        bars_nobody(chromium, second, f"two-editors-{scheme}")
    assert [offer.title for offer in offers(street)] == ["Tarte au sucre"]
    second.get_by_role("button", name="Continuer avec la mienne").click()
    expect(versions).to_be_hidden()
    expect(second.get_by_label("Titre")).to_have_value("Flan")
    second.get_by_role("button", name="Publier").click()
    expect(second.get_by_text("Publiée.")).to_be_visible()
    assert [(offer.title, offer.status) for offer in offers(street)] == [("Flan", OfferStatus.LIVE)]

    if scripts:
        first.get_by_label("Titre").fill("Tarte au citron")
        expect(first.get_by_text("Changée entre-temps")).to_be_visible()
        first.get_by_role("link", name="Voir vos annonces").click()
        expect(first.get_by_role("heading", name="Flan")).to_be_visible()
    chromium.close(first)
    chromium.close(second)


def test_from_an_empty_form_to_published_in_six_taps_at_the_speed_of_a_hand(
    chromium: Chromium, url: str, street: Sessions, shop: Shop
):
    page = opened(chromium, url, street, f"/commerce/{shop.id}")
    page.wait_for_load_state()
    began = time.monotonic()
    taps = 0

    def tap(what: Any) -> None:
        nonlocal taps
        what.click()
        taps += 1

    tap(page.get_by_role("link", name="Nouvelle annonce"))
    tap(page.get_by_label("Titre"))
    page.keyboard.type("Pains au chocolat à moitié prix", delay=A_LETTER)
    tap(page.get_by_text("Jusqu’à demain"))
    tap(page.get_by_label("Prix en euros", exact=True))
    page.keyboard.type("0,60", delay=A_LETTER)
    expect(fate(page)).to_have_text(re.compile(r"environ (25|30)"))
    foreseen = fate(page).inner_text()
    tap(page.get_by_role("button", name="Publier"))
    expect(page.get_by_text("Publiée.")).to_be_visible()
    print(f"{time.monotonic() - began:.1f} s, {taps} taps")

    assert taps <= MOST_TAPS
    (offer,) = offers(street)
    assert (offer.status, offer.price) == (OfferStatus.LIVE, 60)
    expand_all(street)
    with street() as session:
        told = session.scalar(select(func.count()).select_from(Decision).where(Decision.outcome == Outcome.SEND))
    assert foreseen in {f"environ {count}" for count in (told - 5, told)}, "publishing reaches whom the preview said"
    chromium.close(page)


def test_by_the_keyboard_alone(chromium: Chromium, url: str, street: Sessions, shop: Shop):
    page = opened(chromium, url, street, path_of(shop))
    title = page.get_by_label("Titre")
    for _ in range(30):
        page.keyboard.press("Tab")
        if title.evaluate("one => one === document.activeElement"):
            break
    page.keyboard.type("Tarte au sucre", delay=10)
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".on-phone-body")).to_have_text(re.compile("jusqu’au mercredi 25 novembre"))
    expect(title).to_have_value("Tarte au sucre")
    page.keyboard.press("Tab")
    page.keyboard.type("3,50", delay=10)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Publiée.")).to_be_visible()
    assert [(offer.title, offer.price) for offer in offers(street)] == [("Tarte au sucre", 350)]
    chromium.close(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_live_offer_is_corrected_and_what_was_not_sent_is_found_again(
    chromium: Chromium, url: str, street: Sessions, shop: Shop, scheme: Any
):
    with street.begin() as session:
        builders.an_offer(session, session.get_one(Shop, shop.id), title="Tarte", price=350)
    page = opened(chromium, url, street, f"/commerce/{shop.id}", scheme=scheme)
    page.get_by_role("link", name="Corriger").click()
    page.wait_for_url("**/corriger")
    page.get_by_label("Titre").fill("Tarte au sucre")
    page.reload()
    expect(page.get_by_label("Titre")).to_have_value("Tarte au sucre")
    bars_nobody(chromium, page, f"correcting-{scheme}")
    page.get_by_role("button", name="Corriger").click()
    expect(page.get_by_text("Corrigée")).to_be_visible()
    bars_nobody(chromium, page, f"corrected-{scheme}")
    assert [offer.title for offer in offers(street)] == ["Tarte au sucre"]
    page.get_by_role("link", name="Corriger").click()
    expect(page.get_by_label("Titre")).to_have_value("Tarte au sucre")
    expect(page.get_by_text("Ce que vous aviez écrit est retrouvé.")).to_be_hidden()
    assert chromium.complaints(page) == []
    chromium.close(page)


def test_what_was_written_of_a_correction_and_of_a_repeat_of_one_offer_stay_apart(
    chromium: Chromium, url: str, street: Sessions, shop: Shop
):
    with street.begin() as session:
        live = builders.an_offer(session, session.get_one(Shop, shop.id), title="Tarte")
    again, correcting = f"{url}{path_of(shop)}?de={live.id}", f"{url}/commerce/offres/{live.id}/corriger"
    page = opened(chromium, url, street, f"/commerce/{shop.id}")
    for there, title in ((again, "Flan"), (correcting, "Clafoutis")):
        page.goto(there)
        expect(page.get_by_label("Titre")).to_have_value("Tarte")
        page.get_by_label("Titre").fill(title)
    page.goto(correcting)
    expect(page.get_by_label("Titre")).to_have_value("Clafoutis")
    page.goto(again)
    expect(page.get_by_label("Titre")).to_have_value("Flan")
    page.get_by_role("button", name="Publier").click()
    expect(page.get_by_text("Publiée.")).to_be_visible()
    assert [offer.title for offer in offers(street)] == ["Tarte", "Flan"]
    chromium.close(page)


def test_what_was_written_of_a_draft_that_a_colleague_published_is_found_and_becomes_another(
    chromium: Chromium, url: str, street: Sessions, shop: Shop
):
    with street.begin() as session:
        said = {"title": "Tarte", "status": OfferStatus.DRAFT}
        draft = builders.an_offer(session, session.get_one(Shop, shop.id), **said)
    path = f"{path_of(shop)}?de={draft.id}"
    page = opened(chromium, url, street, path)
    page.get_by_label("Titre").fill("Flan")
    page.goto(f"{url}/commerce/{shop.id}")
    with street.begin() as session:
        publish(session, session.get_one(Shop, shop.id), session.get_one(Offer, draft.id), now=builders.NOW)
    page.goto(url + path)
    expect(page.get_by_label("Titre")).to_have_value("Flan")
    page.get_by_role("button", name="Publier").click()
    expect(page.get_by_text("Publiée.")).to_be_visible()
    assert [offer.title for offer in offers(street)] == ["Tarte", "Flan"]
    chromium.close(page)


@pytest.mark.parametrize("scripts", [True, False])
def test_an_offer_that_is_over_is_repeated_in_two_taps(
    chromium: Chromium, url: str, street: Sessions, shop: Shop, scripts: bool
):
    with street.begin() as session:
        old = {"title": "Tarte", "price": 350, "status": OfferStatus.ENDED}
        builders.an_offer(session, session.get_one(Shop, shop.id), **old)
    page = opened(chromium, url, street, f"/commerce/{shop.id}", scripts=scripts)
    page.get_by_role("link", name="Refaire").click()
    page.get_by_role("button", name="Publier").click()
    expect(page.get_by_text("Publiée.")).to_be_visible()
    assert [offer.status for offer in offers(street)] == [OfferStatus.ENDED, OfferStatus.LIVE]
    chromium.close(page)
