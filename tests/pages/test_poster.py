"""A shop's poster: on paper of its size, its text and its code read by other programs than it was written with."""

import io
import uuid
from collections.abc import Iterator
from itertools import groupby

import pypdf
import pypdfium2
import pytest
import zxingcpp
from PIL.Image import Image
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.test import TestResponse

from blueprints.pages.window import INVITATION, Window, drawn_poster, poster, written_whole
from citylife.accounts.merchants import Role, join_team
from citylife.shops import Shop, ShopStatus
from tests.builders import NOW, a_merchant, a_shop, signed_in
from tests.pages.conftest import Browser, plain

Sessions = sessionmaker[Session]
ADDRESS = "https://citylife.example/s/au-pain-de-la-gohelle"
LONGEST_ADDRESS = "https://" + "citylife." * 8 + "example/s/" + "boulangerie-de-la-place-" * 4 + "1234"
LONG = "Association des amies et amis du grand café-librairie de la place du Maréchal-Foch et de ses environs immédiats"
DOTS = 150
"""An inch of paper, of the pictures that are taken of it."""
SIZES = {"a4": (210, 297), "a5": (148, 210)}
GREY, BLACK_AND_WHITE, COLOUR = "L", "1", "RGB"


def picture(document: bytes, mode: str = COLOUR) -> Image:
    """The only page, as an independent renderer draws it."""
    (page,) = pypdfium2.PdfDocument(document)
    return page.render(scale=DOTS / 72).to_pil().convert(mode)


def code_of(image: Image) -> zxingcpp.Barcode:
    """The only code on it."""
    (found,) = zxingcpp.read_barcodes(image)
    assert found.format == zxingcpp.BarcodeFormat.QRCode
    return found


def millimetres(points: float) -> int:
    return round(points / 72 * 25.4)


def words_of(document: bytes) -> str:
    return plain(pypdf.PdfReader(io.BytesIO(document), strict=True).pages[0].extract_text())


@pytest.fixture
def token(street: Sessions) -> str:
    """What a merchant asks with."""
    with street.begin() as session:
        return signed_in(session, a_merchant(session, "camille@boulangerie.example"))


def of_hers(street: Sessions, name: str = "Au Pain de la Gohelle", **facts: object) -> Shop:
    with street.begin() as session:
        return a_shop(session, name, merchant=a_merchant(session, "camille@boulangerie.example"), **facts)


def fetch(reader: Browser, shop_id: uuid.UUID, token: str, query: str = "", language: str = "fr") -> TestResponse:
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": language}
    answer: TestResponse = reader.client.get(f"/api/v1/merchant/shops/{shop_id}/poster.pdf{query}", headers=headers)
    return answer


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("asked", [("", "a4"), ("?format=a4", "a4"), ("?format=a5", "a5")])
def test_it_is_one_page_of_its_size_in_french_whoever_asks(
    reader: Browser, street: Sessions, token: str, asked: tuple[str, str], language: str
):
    query, size = asked
    shop = of_hers(street)
    answer = fetch(reader, shop.id, token, query, language)
    document = pypdf.PdfReader(io.BytesIO(answer.data), strict=True)

    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    (page,) = document.pages
    assert (millimetres(page.mediabox.width), millimetres(page.mediabox.height)) == SIZES[size]
    assert document.metadata is not None
    assert document.metadata.title == "Affiche de Au Pain de la Gohelle"
    assert document.trailer["/Root"]["/Lang"] == "fr"
    assert answer.headers["Content-Disposition"] == f"inline; filename=citylife-{shop.slug}-{size}.pdf"
    words = words_of(answer.data)
    for said in (
        "Au Pain de la Gohelle",
        "Suivez-nous sans compte",
        "1 Scannez ce code avec votre téléphone.",
        "2 Touchez « Suivre » sur notre page.",
        "3 Touchez « Me prévenir » : nos offres viennent à vous.",
        f"http://localhost:8000/s/{shop.slug}",
    ):
        assert said in words, said


@pytest.mark.parametrize("mode", [COLOUR, GREY, BLACK_AND_WHITE])
@pytest.mark.parametrize("size", SIZES)
def test_its_code_read_back_is_the_shops_page_which_is_there(
    reader: Browser, street: Sessions, token: str, size: str, mode: str
):
    shop = of_hers(street)
    found = code_of(picture(fetch(reader, shop.id, token, f"?format={size}").data, mode))

    assert found.text == f"http://localhost:8000/s/{shop.slug}?from=qr"
    assert reader.get(found.text.removeprefix("http://localhost:8000")).status == 302


def test_its_text_is_selected_in_the_order_it_is_read():
    (page,) = pypdfium2.PdfDocument(poster(Window("L’Œuf à la crème", ADDRESS)))
    words = plain(page.get_textpage().get_text_range())

    places = [words.index(said) for said in ("L’Œuf à la crème", "Suivez-nous", "citylife.example/s/", "1 Sc", "3 To")]
    assert places == sorted(places)


@pytest.mark.parametrize("address", [ADDRESS, LONGEST_ADDRESS], ids=["usual", "long"])
@pytest.mark.parametrize(("reduced", "least"), [(False, 80), (True, 56)], ids=SIZES)
def test_the_code_is_large_and_nothing_stands_in_its_quiet_zone(address: str, reduced: bool, least: float):
    image = picture(poster(Window(LONG, address), reduced=reduced), GREY)
    found = code_of(image)
    corners = found.position
    left, top, right, bottom = (corners.top_left.x, corners.top_left.y, corners.bottom_right.x, corners.bottom_right.y)
    modules = 17 + 4 * int(found.extra["Version"])
    quiet = round(4 * (right - left) / modules) - 2

    assert found.text == f"{address}?from=qr"
    assert (right - left) / DOTS * 25.4 >= least
    around = image.crop((left - quiet, top - quiet, right + quiet, bottom + quiet))
    around.paste(255, (quiet - 1, quiet - 1, around.width - quiet + 2, around.height - quiet + 2))
    assert around.getextrema() == (255, 255)


NAMES = {
    "one letter": "É",
    "usual": "Au Pain de la Gohelle",
    "long": LONG,
    "wide": "W" * 120,
    "narrow": "i" * 120,
    "short words": "à " * 59 + "la",
    "of one word": "Anticonstitutionnellement" * 4,
    "markup": "<b>Léon</b> & \"fils\" (mère) \\ 'père'",
    "polish": "Żółw i Gęś",
    "squared": "㎨" * 120,
    "arabic": "مخبز الحي",
    "arabic and french": "مخبز Léon الحي",
    "marks of direction": "\u202eLéon\u202c \u2067fils\u2069",
    "emoji": "👩‍👩‍👧‍👦🥖 🇫🇷",
    "accents of their own": "E\u0301tal" + "\u0301" * 80,
    "controls": "Chez\x00 \x07Léon\x7f\ud83e",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_is_never_cut_off_nor_breaks_the_page(name: str):
    paper = drawn_poster(Window(name, ADDRESS))
    document = poster(Window(name, ADDRESS))

    assert code_of(picture(document)).text == f"{ADDRESS}?from=qr"
    whole = paper.spelt(name).replace(" ", "").replace("\xa0", "")
    assert words_of(document).replace(" ", "").startswith(whole)
    for text in texts(paper):
        assert 16 <= left_of(text) <= left_of(text) + text.width <= 194.01, text
    tops = [y for y, _ in groupby(round(text.y, 3) for text in texts(paper))]
    assert tops == sorted(tops)
    assert tops[-1] < 290
    invited = next(at for at, text in enumerate(texts(paper)) if text.words == INVITATION)
    assert all(text.y < 55 for text in texts(paper)[:invited])


def texts(paper) -> list:
    return [placed for placed in paper.placed if hasattr(placed, "words")]


def left_of(text) -> float:
    return float(text.x - text.width / 2 if text.centred else text.x)


def test_it_is_known_whether_a_name_is_written_whole():
    assert all(written_whole(name) for name in ("Léon & fils\u202f!", LONG, "Œuf «\u00a0d’or\u00a0»"))
    assert not any(written_whole(name) for name in ("Żółw", "مخبز", "🥖 Léon"))


def test_a_fictional_shop_says_so_in_its_window(reader: Browser, street: Sessions, token: str):
    shop = of_hers(street, fictional=True)
    assert "Au Pain de la Gohelle (commerce fictif)" in words_of(fetch(reader, shop.id, token).data)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (ShopStatus.CLAIMED, {"fr": "L’affiche s’imprime dès que votre commerce est vérifié."}),
        (ShopStatus.SUSPENDED, {"fr": "Votre commerce est suspendu : sa page est fermée", "en": "shop is suspended"}),
    ],
)
def test_a_shop_that_is_not_verified_is_told_why_it_has_no_poster(
    reader: Browser, street: Sessions, token: str, status: ShopStatus, said: dict[str, str]
):
    shop = of_hers(street, status=status)
    for language, words in said.items():
        answer = fetch(reader, shop.id, token, language=language)
        assert answer.status_code == 409
        assert answer.json["type"].endswith("/problems/no-poster")
        assert words in plain(answer.json["detail"])


def test_a_seller_prints_it_too(reader: Browser, street: Sessions):
    shop = of_hers(street)
    with street.begin() as session:
        seller = a_merchant(session)
        join_team(session, seller, session.merge(shop), Role.SELLER, now=NOW)
        token = signed_in(session, seller)
    assert fetch(reader, shop.id, token).status_code == 200


def test_anothers_shop_in_whatever_state_is_answered_as_an_absent_one(reader: Browser, street: Sessions, token: str):
    with street.begin() as session:
        ids = [a_shop(session, status=status).id for status in ShopStatus]
    answers = {
        fetch(reader, shop_id, token).get_data(as_text=True).replace(str(shop_id), "…") for shop_id in ids_and_none(ids)
    }
    assert len(answers) == 1
    assert fetch(reader, ids[0], token).status_code == 404


def ids_and_none(ids: list[uuid.UUID]) -> Iterator[uuid.UUID]:
    yield from ids
    yield uuid.UUID(int=7)


def test_an_unknown_size_is_refused_and_the_same_poster_is_not_sent_twice(
    reader: Browser, street: Sessions, token: str
):
    shop = of_hers(street)
    assert fetch(reader, shop.id, token, "?format=a3").status_code == 422
    first, again = fetch(reader, shop.id, token), fetch(reader, shop.id, token)
    assert first.headers["ETag"] == again.headers["ETag"]
    assert "private" in first.headers["Cache-Control"]
