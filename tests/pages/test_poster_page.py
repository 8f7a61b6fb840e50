"""« Votre affiche » : what it says to who may print it, to who may not yet, and the two drawings it leads to."""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import PIL.Image
import pytest
import zxingcpp
from playwright.sync_api import Page
from sqlalchemy.orm import Session, sessionmaker

from blueprints.guards import session_cookie_name
from blueprints.pages.window import Window, sticker
from citylife.accounts.sessions import AccountKind
from citylife.shops import Shop, ShopStatus
from tests.browser.chromium import Chromium, Scheme
from tests.builders import a_merchant, a_shop, signed_in
from tests.pages.conftest import Browser, StandingClock, plain

Sessions = sessionmaker[Session]
SVG = "{http://www.w3.org/2000/svg}"
ADDRESS = "https://citylife.example/s/au-pain-de-la-gohelle"
MIXED = "مخبز Léon 🥖 الحي"
EXTREME = {
    "mixed": MIXED,
    "wide": "W" * 120,
    "emoji": "🥖" * 120,
    "arabic": "مخبز الحي " * 12,
    "markup": "<b>Léon</b> & \"fils\" ]]> 'père'",
    "controls": "Chez\x00 \x07Léon\x7f\ud83e\ufffe",
}


@pytest.fixture
def camille(reader: Browser, street: Sessions) -> Browser:
    """The browser of a merchant who is signed in."""
    with street.begin() as session:
        token = signed_in(session, a_merchant(session, "camille@boulangerie.example"))
    with reader.app.test_request_context():
        name = session_cookie_name(AccountKind.MERCHANT)
    reader.client.set_cookie(name, token)
    return reader


def of_hers(street: Sessions, name: str = "Au Pain de la Gohelle", **facts: Any) -> Shop:
    with street.begin() as session:
        return a_shop(session, name, merchant=a_merchant(session, "camille@boulangerie.example"), **facts)


def test_it_shows_the_poster_and_leads_to_what_is_printed(camille: Browser, street: Sessions):
    shop = of_hers(street)
    page = camille.get(f"/commerce/{shop.id}/affiche")

    assert page.status == 200
    assert page.document.errors == []
    assert page.answer.headers["Cache-Control"] == "no-store"
    assert "Au Pain de la Gohelle" in page.words
    assert f"http://localhost:8000/s/{shop.slug}" in page.words
    kinds = {}
    for link in page.all(".actions a"):
        answer = camille.client.get(link.attrs["href"])
        kinds[plain(link.to_text())] = (answer.status_code, answer.mimetype == link.attrs["type"])
    assert kinds == {
        "Affiche A4 (PDF)": (200, True),
        "Affiche A5 (PDF)": (200, True),
        "Autocollant de vitrine (SVG)": (200, True),
    }
    picture = camille.client.get(page.one(".printed img").attrs["src"])
    assert (picture.status_code, picture.mimetype) == (200, "image/svg+xml")
    assert written_in(picture.data).count("Suivez-nous sans compte") == 1


def test_the_account_leads_to_the_poster_of_each_of_her_shops(camille: Browser, street: Sessions):
    shops = [of_hers(street, name) for name in ("Au Pain", "Le Four")]
    links = {link.attrs["href"]: plain(link.to_text()) for link in camille.get("/compte").all("a[href$=affiche]")}
    assert links == {f"/commerce/{shop.id}/affiche": f"Affiche de {shop.name}" for shop in shops}


def test_it_speaks_her_language_and_the_drawings_french(camille: Browser, street: Sessions):
    shop = of_hers(street)
    camille.languages = "en"
    page = camille.get(f"/commerce/{shop.id}/affiche")

    assert page.text("h1") == "Your poster"
    assert page.one("ol").parent.attrs["lang"] == "fr"
    for drawing in ("affiche.svg", "vitrine.svg"):
        answer = camille.client.get(f"/commerce/{shop.id}/{drawing}", headers={"Accept-Language": "en"})
        assert "Suivez-nous sans compte" in written_in(answer.data)


@pytest.mark.parametrize(("name", "warned"), [("Léon & fils", False), (MIXED, True)])
def test_letters_that_are_missing_on_paper_are_said(camille: Browser, street: Sessions, name: str, warned: bool):
    page = camille.get(f"/commerce/{of_hers(street, name).id}/affiche")
    assert ("il y manque quelques lettres" in page.words) is warned


@pytest.mark.parametrize("status", [ShopStatus.CLAIMED, ShopStatus.SUSPENDED])
def test_a_shop_without_a_poster_is_told_why_and_has_no_drawing(camille: Browser, street: Sessions, status: ShopStatus):
    shop = of_hers(street, status=status)
    page = camille.get(f"/commerce/{shop.id}/affiche")

    why = {ShopStatus.CLAIMED: "dès que votre commerce est vérifié", ShopStatus.SUSPENDED: "commerce est suspendu"}
    assert page.status == 200
    assert why[status] in page.words
    assert page.all("img[src*='/commerce/'], .actions") == []
    for drawing in ("affiche.svg", "vitrine.svg"):
        assert camille.get(f"/commerce/{shop.id}/{drawing}").status == 409


@pytest.mark.parametrize("address", ["affiche", "affiche.svg", "vitrine.svg"])
def test_who_is_not_signed_in_is_led_to_the_way_in(reader: Browser, street: Sessions, address: str):
    page = reader.get(f"/commerce/{of_hers(street).id}/{address}")
    assert (page.status, page.answer.headers["Location"]) == (303, "/connexion")


@pytest.mark.parametrize("address", ["affiche", "affiche.svg", "vitrine.svg"])
def test_anothers_shop_in_whatever_state_is_answered_as_an_absent_one(camille: Browser, street: Sessions, address: str):
    with street.begin() as session:
        ids = [str(a_shop(session, status=status).id) for status in ShopStatus]
    answers = set()
    for shop_id in (*ids, "01936f2b-7c4e-7d10-9a55-3f0c2b8e6d41"):
        page = camille.get(f"/commerce/{shop_id}/{address}")
        assert page.status == 404
        answers.add(page.answer.get_data(as_text=True).replace(shop_id, "…"))
    assert len(answers) == 1


def written_in(drawing: bytes) -> str:
    """The text of an SVG, which must be well formed, and without anything that acts or asks elsewhere."""
    root = ET.fromstring(drawing)  # noqa: S314 - our own
    assert {found.tag.removeprefix(SVG) for found in root.iter()} <= {"svg", "title", "path", "g", "text"}
    assert not any("href" in name or name in {"style", "class"} for found in root.iter() for name in found.attrib)
    return " ".join(found.text or "" for found in root.iter(SVG + "text"))


@pytest.mark.parametrize("name", EXTREME.values(), ids=EXTREME)
def test_a_sticker_is_sound_whatever_the_name_which_is_whole(name: str):
    said = written_in(sticker(Window(name, ADDRESS)))

    kept = "".join(mark for mark in name if mark not in "\x00\x07\x7f\ud83e\ufffe")
    assert kept.replace(" ", "") in said.replace(" ", "")


def test_a_sticker_has_its_true_size():
    root = ET.fromstring(sticker(Window("Léon", ADDRESS)))  # noqa: S314 - our own
    assert (root.attrib["width"], root.attrib["height"], root.attrib["viewBox"]) == ("110mm", "148mm", "0 0 110 148")


@pytest.fixture
def drawn(
    chromium: Chromium, serve: Callable[..., Any], clock: StandingClock, street: Sessions
) -> Iterator[Callable[..., tuple[Page, Shop]]]:
    """The page of a shop so named, in the Chromium of its merchant."""
    opened = []
    with serve(clock) as url:

        def draw(name: str, path: str = "affiche", width: int = 360, scheme: Scheme = "light") -> tuple[Page, Shop]:
            shop = of_hers(street, name)
            with street.begin() as session:
                token = signed_in(session, a_merchant(session, "camille@boulangerie.example"))
            page = chromium.open(url + "/connexion", width=width, scheme=scheme)
            opened.append(page)
            secure = url.replace("http:", "https:")  # as Chromium takes such a cookie, which it sends to localhost too
            cookie = {"name": "__Host-citylife-merchant", "value": token, "url": secure, "secure": True}
            page.context.add_cookies([cookie])
            page.goto(f"{url}/commerce/{shop.id}/{path}")
            return page, shop

        yield draw
        for page in opened:
            chromium.close(page)


@pytest.mark.long
@pytest.mark.parametrize("name", ["Au Pain de la Gohelle", *EXTREME.values()][:5], ids=["usual", *EXTREME][:5])
def test_a_stickers_code_is_read_back_from_chromium_and_nothing_leaves_it(drawn: Callable[..., Any], name: str):
    page, shop = drawn(name, "vitrine.svg", width=900)
    image = PIL.Image.open(BytesIO(page.screenshot())).convert("1")
    (found,) = zxingcpp.read_barcodes(image)

    assert found.text.endswith(f"/s/{shop.slug}?from=qr")
    outside = page.evaluate("""() => {
      const sheet = document.documentElement.getBoundingClientRect();
      return [...document.querySelectorAll("text")].map((one) => one.getBoundingClientRect())
        .filter((box) => box.left < sheet.left || box.right > sheet.right || box.bottom > sheet.bottom).length;
    }""")
    assert outside == 0


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 360, 1280])
def test_nothing_bars_anyones_way_and_the_picture_is_the_poster(
    chromium: Chromium, drawn: Callable[..., Any], width: int, scheme: Scheme
):
    page, shop = drawn("Au Pain de la Gohelle", width=width, scheme=scheme)
    image = page.locator(".printed img")
    image.scroll_into_view_if_needed()

    assert chromium.barriers(page) == []
    assert chromium.complaints(page) == []
    assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    (found,) = zxingcpp.read_barcodes(PIL.Image.open(BytesIO(image.screenshot())))
    assert found.text.endswith(f"/s/{shop.slug}?from=qr")
