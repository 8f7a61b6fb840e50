"""« Nouvelle annonce » in a real Chromium: what is foreseen as one types, by thumb, by keyboard, without scripts."""

import os
import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect
from sqlalchemy.orm import Session, sessionmaker

from citylife.follows import Level
from citylife.offers import OfferStatus
from citylife.shops import Shop
from tests import builders
from tests.browser.chromium import Chromium
from tests.pages.counter import COOKIE, her_shop, her_token, offers, path_of

pytestmark = pytest.mark.long

Sessions = sessionmaker[Session]


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
    assert offers(street)[1:] == []
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
