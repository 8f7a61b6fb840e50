"""A merchant's pages for everybody, in a real Chromium: by keyboard, enlarged, in forced colours, without motion.

No address of hers is left out.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.merchants import Role, join_team
from citylife.database import new_id
from citylife.merchant_mail.links import Purpose, token_of
from citylife.merchant_mail.mondays import week_id
from citylife.offers import Offer, OfferStatus
from citylife.redemptions import TillCode
from citylife.reports import Wrong, report_offer, uphold
from citylife.settings import Settings
from citylife.shops import ShopStatus
from tests import builders
from tests.browser.chromium import Chromium
from tests.builders import NOW
from tests.pages.conftest import StandingClock
from tests.pages.test_merchant_in_chromium import opened
from wsgi import create_app

pytestmark = pytest.mark.long

Sessions = sessionmaker[Session]
SECRET: Final = "a secret of the tests, long enough to be one"
HERS: Final = ("merchant", "account", "merchant_mail", "monday_mail")
"""The blueprints whose pages a merchant reads."""
ELSEWHERE: Final = {
    "account.read_form": "test_signing_in_in_chromium",
    "account.read_code": "test_signing_in_in_chromium",
    "account.read_link": "test_signing_in_in_chromium",
    "account.read_offer": "test_passkeys_in_chromium",
    "account.ask_removal": "test_passkeys_in_chromium",
}
"""Pages that only somebody comes to who is signing in, or has a device: who judges them."""
NO_PAGE: Final = {
    "merchant.read_month_file",
    "merchant.read_offer_file",
    "merchant.read_picture",
    "merchant.read_sticker",
}
"""What is taken away as a file."""
MOST_TABS = 60
RINGED = """() => {
  const one = document.activeElement;
  const ringed = it => it && getComputedStyle(it).outlineStyle === "solid";
  return ringed(one) || ringed(one.closest("label")) || ringed(one.closest("summary"));
}"""
"""Whether what has the focus shows it."""
WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
MOVING = """() => document.getAnimations().filter(one => one.effect.getTiming().duration > 10).length"""
UNBORDERED = """() => [...document.querySelectorAll("main button, main .button, main input:not([type=hidden])")]
  .filter(one => one.checkVisibility() && !["radio", "checkbox", "file"].includes(one.type))
  .filter(one => !(parseFloat(getComputedStyle(one).borderTopWidth) >= 1))
  .map(one => one.textContent.trim() || one.name)"""
"""What is pressed or filled in and would have no edge where every background is the system's."""


@pytest.fixture
def places(street: Sessions) -> dict[str, str]:
    """Where each page of a merchant is, in a shop with something of everything; `token` signs her in."""
    with street.begin() as session:
        merchant = builders.a_merchant(session, "camille@fournil.example")
        shop = builders.a_shop(session, "Le Fournil", merchant=merchant)
        offers = {
            status: builders.an_offer(session, shop, status=status, title=f"Tarte au sucre, {status.value}", price=350)
            for status in (OfferStatus.LIVE, OfferStatus.SCHEDULED, OfferStatus.DRAFT, OfferStatus.WITHDRAWN)
        }
        place = join_team(session, builders.a_merchant(session, "lou@fournil.example"), shop, Role.SELLER, now=NOW)
        key = builders.a_key(session, merchant)[0]
        series = builders.a_recurring_offer(session, shop, title="Couque du jeudi")
        claimed = builders.a_shop(session, "Le Moulin", status=ShopStatus.CLAIMED, merchant=merchant)
        token = builders.signed_in(session, merchant)
        live, me = offers[OfferStatus.LIVE].id, merchant.id
        taken = builders.an_offer(session, shop, title="Tarte trop chère")
        report = report_offer(session, taken, Wrong.MISLEADING, now=NOW)
        uphold(session, report, reason="Le prix n’est pas tenu.", now=NOW, actor_id=new_id())
        over = builders.an_offer(session, shop, status=OfferStatus.ENDED, title="Flan")
        again = token_of(Purpose.AGAIN, me, over.id, week_id(NOW), secret=SECRET)
        sell_out = token_of(Purpose.SELL_OUT, me, live, secret=SECRET)
        stop, no_mondays = (
            token_of(each, me, secret=SECRET) for each in (Purpose.STOP_CONFIRMATIONS, Purpose.STOP_MONDAYS)
        )
    return {
        "token": token,
        "shops": "/commerce",
        "appealing": f"/commerce/offres/{taken.id}/contester",
        "sold-out-by-mail": f"/courriel/parti/{sell_out}",
        "again-by-mail": f"/courriel/refaire/{again}",
        "no-letters": f"/courriel/annonces/arreter/{stop}",
        "no-mondays": f"/courriel/lundi/arreter/{no_mondays}",
        "shop": f"/commerce/{shop.id}",
        "posting": f"/commerce/{shop.id}/annonce",
        "correcting": f"/commerce/offres/{live}/corriger",
        "withdrawing": f"/commerce/offres/{live}/retirer",
        "results": f"/commerce/offres/{live}/resultats",
        "month": f"/commerce/{shop.id}/resultats",
        "hours": f"/commerce/{shop.id}/horaires",
        "poster": f"/commerce/{shop.id}/affiche",
        "till": "/commerce/caisse",
        "team": f"/commerce/{shop.id}/equipe",
        "role": f"/commerce/{shop.id}/equipe/{place.id}/role",
        "leaving": f"/commerce/{shop.id}/equipe/{place.id}/retirer",
        "journal": f"/commerce/{shop.id}/journal",
        "recurring": f"/commerce/series/{series.id}/modifier",
        "stopping": f"/commerce/series/{series.id}/arreter",
        "claiming": "/commerce/nouveau?q=moulin",
        "claimed": f"/commerce/{claimed.id}",
        "claimed-hours": f"/commerce/{claimed.id}/horaires",
        "keys": "/commerce/cles",
        "revoking": f"/commerce/cles/{key.id}/revoquer",
        "account": "/compte",
    }


@pytest.fixture
def url(serve: Callable[..., Any], clock: StandingClock, places: dict[str, str]) -> Iterator[str]:
    with serve(clock, secret_key=SECRET) as url:
        yield url


def each_page(page: Page, url: str, places: dict[str, str]) -> Iterator[str]:
    for name, path in places.items():
        if name != "token":
            page.goto(url + path)
            page.wait_for_load_state()
            yield name


def test_no_page_of_hers_is_left_out(places: dict[str, str], sqlite_url: str, tmp_path: Path):
    app = create_app(Settings(instance=tmp_path / "instance", database_url=sqlite_url, log_level="CRITICAL"))
    read = {
        str(rule.endpoint)
        for rule in app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and rule.endpoint.partition(".")[0] in HERS
    }
    ways = app.url_map.bind("localhost")
    judged = {ways.match(path.partition("?")[0])[0] for name, path in places.items() if name != "token"}
    app.extensions["citylife"].close()

    assert read == {*judged, *ELSEWHERE, *NO_PAGE}
    for file in set(ELSEWHERE.values()):
        assert "chromium.barriers(" in Path(__file__).with_name(f"{file}.py").read_text(encoding="utf-8"), file


def test_each_page_holds_at_two_hundred_per_cent_and_moves_nothing_for_whoever_asks(
    chromium: Chromium, url: str, places: dict[str, str]
):
    page = opened(chromium, url, places["token"], "light", 1280)
    page.set_viewport_size({"width": 640, "height": 370})  # a window of 1,280 by 740, enlarged twice
    page.emulate_media(reduced_motion="reduce")
    for name in each_page(page, url, places):
        assert not page.evaluate(WIDER), name
        assert page.evaluate(MOVING) == 0, name
        assert chromium.barriers(page) == [], name
    assert chromium.complaints(page) == []
    chromium.close(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_page_keeps_its_edges_in_forced_colours(chromium: Chromium, url: str, places: dict[str, str], scheme: Any):
    page = opened(chromium, url, places["token"], scheme, 360)
    page.emulate_media(forced_colors="active", color_scheme=scheme)
    for name in each_page(page, url, places):
        assert page.evaluate(UNBORDERED) == [], name
        chosen = page.locator('main [aria-current="true"]')
        if chosen.count():  # the filter of the journal: told apart without any colour
            other = page.locator(".choice a:not([aria-current])").first
            width = "one => getComputedStyle(one).borderTopWidth"
            assert chosen.first.evaluate(width) != other.evaluate(width), name
    chromium.close(page)


def tab_to(page: Page, wanted: str) -> None:
    """Go on by Tab until what has the focus matches a selector or says these words; each step is seen."""
    page.bring_to_front()  # a Tab moves nothing on a page behind another one that is being closed
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        assert page.evaluate(RINGED), page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        here = page.evaluate(
            """wanted => { const one = document.activeElement;
              const said = one.textContent.replace(/\\s+/g, " ").trim();
              return wanted[0] === "#" ? one.matches(wanted) : said === wanted; }""",
            wanted,
        )
        if here:
            return
    raise AssertionError(f"no Tab leads to {wanted}")


def test_by_the_keyboard_alone_she_posts_says_it_is_gone_and_uses_a_code(
    chromium: Chromium, url: str, street: Sessions, places: dict[str, str]
):
    with street.begin() as session:
        live = session.scalars(select(Offer).where(Offer.status == OfferStatus.LIVE)).one()
        assert live.title
    customer = chromium.open(f"{url}/o/{live.id}")
    customer.get_by_role("button", name="Prendre un code").click()
    code = customer.locator(".till-letters").inner_text()
    chromium.close(customer)

    page = opened(chromium, url, places["token"], "light", 1280)
    tab_to(page, "Le Fournil")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Le Fournil")).to_be_visible()
    page.wait_for_load_state()
    tab_to(page, "Nouvelle annonce")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Nouvelle annonce")).to_be_visible()
    page.wait_for_load_state()
    tab_to(page, "#title")
    page.keyboard.type("Pains au chocolat")
    tab_to(page, "Publier")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Publiée.")).to_be_visible()
    page.wait_for_load_state()

    tab_to(page, "Tout est parti")
    page.keyboard.press("Enter")
    expect(page.get_by_text("C’est noté : tout est parti.")).to_be_visible()
    page.wait_for_load_state()
    tab_to(page, "Annuler « Tout est parti »")
    page.keyboard.press("Enter")
    expect(page.get_by_text("L’offre est de nouveau en cours.")).to_be_visible()
    page.wait_for_load_state()

    tab_to(page, "Caisse")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Caisse")).to_be_visible()
    page.wait_for_load_state()
    tab_to(page, "#code")
    page.keyboard.type(code)
    page.keyboard.press("Enter")
    expect(page.locator(".valid")).to_be_focused()
    with street() as session:
        assert session.scalars(select(TillCode)).one().used_at is not None
        titles = session.scalars(select(Offer.title).where(Offer.status == OfferStatus.LIVE)).all()
    assert "Pains au chocolat" in titles
    assert chromium.complaints(page) == []
    chromium.close(page)
