"""A merchant's pages in a real Chromium: nothing bars anyone, by day and by night, on a phone and at a desk."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.merchants import team_of
from citylife.activity import Counted, count
from citylife.follows import Level
from citylife.offers import Offer, OfferStatus
from citylife.shops import Shop, ShopStatus, refuse_claim, suspend_shop
from tests import builders
from tests.browser.chromium import Chromium
from tests.builders import NOW
from tests.ledger_desk import expand_all
from tests.pages.conftest import StandingClock

pytestmark = pytest.mark.long

Sessions = sessionmaker[Session]
COOKIE = "__Host-citylife-merchant"


@pytest.fixture
def token(street: Sessions) -> str:
    with street.begin() as session:
        merchant = builders.a_merchant(session)
        shop = builders.a_shop(session, "Le Fournil", merchant=merchant)
        for status in (OfferStatus.LIVE, OfferStatus.SCHEDULED, OfferStatus.DRAFT, OfferStatus.SOLD_OUT):
            builders.an_offer(session, shop, status=status, title=f"Tarte au sucre, {status.value}", price=350)
        return builders.signed_in(session, merchant)


@pytest.fixture
def url(serve: Callable[..., Any], clock: StandingClock, token: str) -> Iterator[str]:
    with serve(clock) as url:
        yield url


def a_busy_day(street: Sessions) -> None:
    """Many were told of a live offer, some were not, and it was used."""
    with street.begin() as session:
        offer = session.scalars(select(Offer).where(Offer.status == OfferStatus.LIVE)).one()
        shop = session.get_one(Shop, offer.shop_id)
        for number in range(60):
            citizen = builders.a_citizen(session)
            builders.a_device(session, citizen)
            builders.a_follow(session, citizen, shop, Level.NONE if number % 3 == 0 else Level.NORMAL)
        count(session, Counted.OFFER_OPENED, offer.id, now=NOW, by=21)
        count(session, Counted.TILL_USES, offer.id, now=NOW, by=9)
    expand_all(street)


def opened(chromium: Chromium, url: str, token: str, scheme: Any, width: int) -> Page:
    page = chromium.open(f"{url}/connexion", scheme=scheme, width=width)
    page.context.add_cookies([{"name": COOKIE, "value": token, "url": url.replace("http:", "https:"), "secure": True}])
    page.goto(f"{url}/commerce")
    expect(page.get_by_role("heading", name="Le Fournil", exact=True)).to_be_visible()
    page.wait_for_load_state()
    return page


def judged(chromium: Chromium, page: Page, name: str) -> None:
    assert chromium.barriers(page) == [], name
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"), name
    small = page.evaluate(
        """() => [...document.querySelectorAll("main button, main .button")]
          .filter(one => one.checkVisibility() && one.getBoundingClientRect().height < 44)
          .map(one => one.textContent.trim())"""
    )
    assert small == [], name
    if os.environ.get("SHOTS"):
        page.screenshot(path=f"{os.environ['SHOTS']}/{name}.png", full_page=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_bars_anyone_from_the_hours(chromium: Chromium, url: str, token: str, scheme: Any, width: int):
    page = opened(chromium, url, token, scheme, width)
    page.get_by_role("link", name="Horaires et fermetures").click()
    expect(page.get_by_role("heading", name="Horaires", exact=True)).to_be_visible()
    judged(chromium, page, f"hours-{scheme}-{width}")
    monday = page.get_by_role("group", name="Lundi")
    monday.get_by_label("Ouvre", exact=True).fill("09:00")
    page.get_by_role("button", name="Enregistrer les horaires").click()
    expect(monday.get_by_role("alert")).to_contain_text("Écrivez les deux heures")
    judged(chromium, page, f"hours-wrong-{scheme}-{width}")
    monday.get_by_label("Ferme", exact=True).fill("12:30")
    page.get_by_role("button", name="Pareil jusqu’à vendredi").click()
    expect(page.get_by_role("group", name="Vendredi").get_by_label("Ferme", exact=True)).to_have_value("12:30")
    page.get_by_role("button", name="Enregistrer les horaires").click()
    expect(page.get_by_text("Les horaires sont enregistrés.")).to_be_visible()
    assert [said for said in chromium.complaints(page) if "422" not in said] == []
    chromium.close(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_bars_a_merchant_s_way(chromium: Chromium, url: str, token: str, scheme: Any, width: int):
    page = opened(chromium, url, token, scheme, width)
    judged(chromium, page, f"shop-{width}-{scheme}")
    page.get_by_role("link", name="Nouvelle annonce").click()
    expect(page.get_by_role("heading", name="Nouvelle annonce")).to_be_visible()
    page.wait_for_load_state()
    judged(chromium, page, f"form-{width}-{scheme}")
    page.get_by_label("Titre").fill("Pains au chocolat")
    page.get_by_label("Prix en euros").fill("un")
    page.get_by_role("button", name="Publier").click()
    expect(page.locator("#price-probleme")).to_be_visible()
    page.wait_for_load_state()
    judged(chromium, page, f"fault-{width}-{scheme}")
    page.get_by_label("Prix en euros").fill("1,20")
    page.get_by_role("button", name="Publier").click()
    expect(page.get_by_text("Publiée.")).to_be_visible()
    expect(page.get_by_role("heading", name="Pains au chocolat")).to_be_visible()
    page.wait_for_load_state()
    page.get_by_role("link", name="Retirer").first.click()
    expect(page.get_by_role("heading", name="Retirer cette offre ?")).to_be_visible()
    page.wait_for_load_state()
    judged(chromium, page, f"withdrawing-{width}-{scheme}")
    page.get_by_role("link", name="La garder").click()
    page.get_by_role("button", name="Tout est parti", exact=True).first.click()
    expect(page.get_by_text("C’est noté : tout est parti.")).to_be_visible()
    page.wait_for_load_state()
    judged(chromium, page, f"gone-{width}-{scheme}")
    assert [words for words in chromium.complaints(page) if "422" not in words] == [], "but for the fault itself"
    chromium.close(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_bars_who_was_refused_or_suspended_or_comes_second(  # noqa: PLR0917 - fixtures
    chromium: Chromium, street: Sessions, url: str, token: str, scheme: Any, width: int
):
    with street.begin() as session:
        fournil = session.scalars(select(Shop).where(Shop.name == "Le Fournil")).one()
        _, camille = team_of(session, fournil.id)[0]
        refused = builders.a_shop(session, "Le Moulin", status=ShopStatus.CLAIMED, merchant=camille)
        refuse_claim(session, refused, reason="Le code posté n’est pas revenu.", now=NOW)
    page = opened(chromium, url, token, scheme, width)
    expect(page.get_by_text("Demande refusée")).to_be_visible()
    judged(chromium, page, f"refused-{width}-{scheme}")
    page.goto(f"{url}/commerce/{fournil.id}/horaires")
    with street.begin() as session:
        session.get_one(Shop, fournil.id).opening_hours = "Tu 10:00-18:00; 2026 Dec 24-2026 Dec 27 off"
    page.get_by_role("group", name="Lundi").get_by_label("Ouvre", exact=True).fill("09:00")
    page.get_by_role("group", name="Lundi").get_by_label("Ferme", exact=True).fill("12:30")
    page.get_by_role("button", name="Enregistrer les horaires").click()
    expect(page.get_by_role("heading", name="Changés entre-temps")).to_be_visible()
    judged(chromium, page, f"hours-conflict-{width}-{scheme}")
    with street.begin() as session:
        suspend_shop(session, session.get_one(Shop, fournil.id), reason="Prix trompeurs.", now=NOW)
    for name, path in {"shop": "", "form": "/annonce", "hours": "/horaires"}.items():
        page.goto(f"{url}/commerce/{fournil.id}{path}")
        expect(page.get_by_text("Prix trompeurs.")).to_be_visible()
        judged(chromium, page, f"suspended-{name}-{width}-{scheme}")
    assert [said for said in chromium.complaints(page) if "412" not in said] == []
    chromium.close(page)


@pytest.mark.parametrize("look", [(320, "light"), (320, "dark"), (768, "light"), (1280, "light"), (1280, "dark")])
def test_nothing_bars_the_way_to_results(
    chromium: Chromium, street: Sessions, url: str, token: str, look: tuple[int, Any]
):
    a_busy_day(street)
    width, scheme = look
    page = opened(chromium, url, token, scheme, width)
    page.get_by_role("link", name="Résultats").first.click()
    expect(page.get_by_role("row", name="Codes utilisés en caisse 9")).to_be_visible()
    page.wait_for_load_state()
    judged(chromium, page, f"results-{width}-{scheme}")
    page.get_by_role("link", name="Le Fournil").click()
    page.get_by_role("link", name="Résultats du mois").click()
    expect(page.get_by_role("heading", name="Résultats · novembre 2026")).to_be_visible()
    page.wait_for_load_state()
    judged(chromium, page, f"month-{width}-{scheme}")
    assert chromium.complaints(page) == []
    chromium.close(page)
