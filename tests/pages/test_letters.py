"""Letters to shops: whole, in the reader's language, and one sheet of A4 when a real Chromium prints them."""

import functools
import io
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import segno
from playwright.sync_api import Page, Route
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.staff import StaffRole
from citylife.shops import Shop, ShopStatus
from tests.browser.chromium import Chromium
from tests.builders import a_citizen, a_follow, a_merchant, a_shop, a_staff_member, signed_in
from tests.pages.conftest import Browser, ReadPage, StandingClock, plain

Sessions = sessionmaker[Session]
LONG = "Association des amies et amis du grand café-librairie de la place du Maréchal-Foch et de ses environs immédiats"
MILLIMETRE = 96 / 25.4
"""In CSS pixels."""


@pytest.fixture
def token(street: Sessions) -> str:
    """What a member of staff who moderates asks with."""
    with street.begin() as session:
        return signed_in(session, a_staff_member(session, StaffRole.MODERATE))


def a_claimed_shop(street: Sessions, *, name: str = "Chez Léon", locale: str = "fr") -> Shop:
    with street.begin() as session:
        merchant = a_merchant(session)
        merchant.locale = locale
        facts = {"street": "12 rue d’Arras", "postal_code": "62400", "merchant": merchant}
        return a_shop(session, name, status=ShopStatus.CLAIMED, **facts)


def an_awaited_shop(street: Sessions, *, name: str = "Librairie") -> Shop:
    with street.begin() as session:
        shop = a_shop(session, name, status=ShopStatus.LISTED, street="3 Grand-Place", postal_code="62400")
        for _ in range(11):
            a_follow(session, a_citizen(session), shop)
        return shop


def code_letter(reader: Browser, token: str, shop: Shop) -> ReadPage:
    headers = {"Authorization": f"Bearer {token}"}
    return ReadPage(reader.client.post(f"/api/v1/staff/shops/{shop.id}/code", headers=headers))


def demand_letter(reader: Browser, token: str, shop: Shop) -> ReadPage:
    return reader.get(f"/api/v1/staff/demand/{shop.id}/letter", Authorization=f"Bearer {token}")


def test_a_letter_is_html_without_a_fault_to_the_shops_address(reader: Browser, street: Sessions, token: str) -> None:
    for letter, first in (
        (code_letter(reader, token, a_claimed_shop(street)), "Chez Léon 12 rue d’Arras 62400 Béthune"),
        (demand_letter(reader, token, an_awaited_shop(street)), "Librairie 3 Grand-Place 62400 Béthune"),
    ):
        assert letter.document.errors == []
        assert plain(" ".join(found.to_text() for found in letter.all("address bdi"))) == first
        assert letter.all("script, style, [style]") == []
        assert len(letter.all("h1")) == len(letter.all("main")) == 1
        assert "24 novembre 2026" in letter.words


def test_a_name_that_would_be_markup_is_printed_as_it_is(reader: Browser, street: Sessions, token: str) -> None:
    letter = code_letter(reader, token, a_claimed_shop(street, name="<b>Léon</b> & fils"))
    assert letter.document.errors == []
    assert letter.all("address b, p b") == []
    assert "<b>Léon</b> & fils" in letter.words


def test_the_code_letter_speaks_the_language_of_who_claims(reader: Browser, street: Sessions, token: str) -> None:
    shop = a_claimed_shop(street, name="The Bakery", locale="en")
    letter = code_letter(reader, token, shop)
    assert letter.one("html").attrs["lang"] == "en"
    assert "verification code" in letter.words
    assert "November 24, 2026" in letter.words
    assert not re.search(r"[«»]|commerce", letter.words)


def test_the_code_on_the_demand_letter_leads_to_claiming_that_shop(
    reader: Browser, street: Sessions, token: str
) -> None:
    shop = an_awaited_shop(street)
    letter = demand_letter(reader, token, shop)
    address = f"http://localhost:8000/commerce/nouveau?commerce={shop.slug}"
    assert address in letter.words
    mark = reader.client.get(letter.one("img").attrs["src"])
    expected = io.BytesIO()
    segno.make_qr(address, error="m").save(expected, kind="svg", xmldecl=False, omitsize=True, light="#ffffff")
    assert mark.data == expected.getvalue()
    assert mark.headers["Cache-Control"] == "public, max-age=86400"


def shown(answer: httpx.Response, route: Route) -> None:
    """Show a page an answer that was given to somebody else: to a POST, whose letter is given once."""
    route.fulfill(status=200, headers=dict(answer.headers), body=answer.text)


@pytest.fixture
def letters(
    chromium: Chromium, serve: Callable[..., Any], clock: StandingClock, street: Sessions, token: str
) -> Iterator[dict[str, Page]]:
    """Both letters, of an ordinary shop and of one with a very long name, open in Chromium."""
    claimed = [a_claimed_shop(street, name=name) for name in ("Chez Léon", LONG)]
    awaited = [an_awaited_shop(street, name=name) for name in ("Librairie", LONG)]
    with (
        serve(clock) as url,
        httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60) as client,
    ):
        answers = [client.post(f"/api/v1/staff/shops/{shop.id}/code") for shop in claimed]
        answers += [client.get(f"/api/v1/staff/demand/{shop.id}/letter") for shop in awaited]
        opened = {}
        for name, answer in zip(("code", "code, long", "demand", "demand, long"), answers, strict=True):
            page = chromium.open(url + "/")
            page.wait_for_load_state("networkidle")
            page.route("**/the-letter", functools.partial(shown, answer))
            page.goto(url + "/the-letter", wait_until="load")
            opened[name] = page
        yield opened
        for page in opened.values():
            chromium.close(page)


@pytest.mark.long
def test_a_letter_prints_on_one_sheet_of_a4(letters: dict[str, Page]) -> None:
    for name, page in letters.items():
        printed = page.pdf(prefer_css_page_size=True)
        assert len(re.findall(rb"/Type\s*/Page\b(?!s)", printed)) == 1, name
        width, height = (float(side) for side in re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", printed).groups())
        assert (round(width), round(height)) == (595, 842), name


@pytest.mark.long
def test_the_address_stands_in_the_window_of_an_envelope_and_the_hint_is_not_printed(letters: dict[str, Page]) -> None:
    """The sheet's margins (20 mm left, 15 mm above) are the printer's, not the page's."""
    for name, page in letters.items():
        page.set_viewport_size({"width": round(170 * MILLIMETRE), "height": round(267 * MILLIMETRE)})
        page.emulate_media(media="print")
        box = page.locator(".letter-to").bounding_box()
        assert box is not None
        left, top = 20 + box["x"] / MILLIMETRE, 15 + box["y"] / MILLIMETRE
        right, bottom = left + box["width"] / MILLIMETRE, top + box["height"] / MILLIMETRE
        assert 100 <= left <= right <= 200, (name, left, right)
        assert 45 <= top <= bottom <= 85, (name, top, bottom)
        assert not page.locator(".letter-hint").is_visible(), name
        below = page.locator(".letter-date").bounding_box()
        assert below is not None
        assert below["y"] >= box["y"] + box["height"], name


@pytest.mark.long
def test_nothing_bars_anyones_way_to_a_letter(chromium: Chromium, letters: dict[str, Page]) -> None:
    for name, page in letters.items():
        assert chromium.barriers(page) == [], name
        assert chromium.complaints(page) == [], name
        assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"), name
    drawn = letters["demand"].locator(".letter-mark img").evaluate("one => one.naturalWidth")
    assert drawn > 0
