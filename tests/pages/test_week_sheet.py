"""The week's sheet: one A4, read by another program than it was written with, and honest of what finds no room."""

import datetime as dt
import io
import re

import pypdf
import pytest
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.test import TestResponse

from blueprints.pages.paper import BOLD, PLAIN, lines, width_of, writable
from blueprints.pages.public import sheet
from tests.builders import BETHUNE, NOW, a_shop, a_stand, an_offer
from tests.pages.conftest import Browser, StandingClock, plain

Sessions = sessionmaker[Session]
PATH = f"/c/{BETHUNE}/semaine.pdf"
LONG = "Un titre aussi long qu’il est permis, afin que personne ne puisse en mettre plus"


def fetch(reader: Browser, path: str = PATH, **headers: str) -> TestResponse:
    answer: TestResponse = reader.client.get(path, headers={"Accept-Language": "fr", **headers})
    return answer


def read(reader: Browser, path: str = PATH) -> tuple[pypdf.PdfReader, str]:
    """The document, and the words of its only page."""
    answer = fetch(reader, path)
    assert answer.mimetype == "application/pdf"
    document = pypdf.PdfReader(io.BytesIO(answer.data), strict=True)
    (page,) = document.pages
    assert (round(page.mediabox.width), round(page.mediabox.height)) == (595, 842)
    return document, plain(page.extract_text())


def test_it_says_what_where_how_much_and_until_which_day(reader: Browser, street: Sessions):
    with street.begin() as session:
        shop = a_shop(session, "L’Œuf & Cie", street="3 rue d’Arras", telephone="0321570000")
        an_offer(session, shop, title="Œufs : 12 pour 10", price=350, prior_price=420, reduction=True)

    document, words = read(reader)

    assert document.metadata is not None
    assert document.metadata.title == "Béthune\u00a0: les offres de la semaine"
    assert document.trailer["/Root"]["/Lang"] == "fr"
    assert document.trailer["/Root"]["/ViewerPreferences"]["/DisplayDocTitle"]
    for said in (
        "Œufs : 12 pour 10",
        "L’Œuf & Cie, 3 rue d’Arras, 03 21 57 00 00",
        "3,50 € · Prix le plus bas des 30 derniers jours : 4,20 €",
        "Jusqu’au mardi 24 novembre",
        "Feuille imprimée le 24 novembre 2026 à",
        f"http://localhost:8000/c/{BETHUNE}",
    ):
        assert said in words, said
    assert "autres offres" not in words


def test_a_market_trader_is_told_by_her_stands_and_never_by_her_own_street(reader: Browser, street: Sessions):
    """Who works alone may live there. NOW is a Tuesday; her offer ends on Thursday."""
    with street.begin() as session:
        trader = a_shop(session, "Fromages de Cécile", street="8 impasse du Verger")
        for weekday, label in ((1, "Marché de Bruay"), (3, "Marché de Lillers"), (4, "Marché de Barlin")):
            a_stand(session, trader, weekday, label=label)
        an_offer(session, trader, title="Maroilles", ends_at=NOW + dt.timedelta(days=2))
    _, words = read(reader)
    assert "mardi : Marché de Bruay, Bruay-la-Buissière, jeudi : Marché de Lillers" in words
    assert "Barlin" not in words
    screen = reader.get(f"/c/{BETHUNE}/ecran").words
    assert "mardi : Marché de Bruay, Bruay-la-Buissière" in screen
    assert "impasse du Verger" not in words + screen


def test_it_speaks_english_to_who_asks(reader: Browser, street: Sessions):
    with street.begin() as session:
        an_offer(session, a_shop(session))
    document, words = read(reader, f"{PATH}?lang=en")

    assert document.trailer["/Root"]["/Lang"] == "en"
    assert "Sheet printed on November 24, 2026" in words
    assert not re.search(r"[«»]|Jusqu’", words)


def test_without_any_offer_it_says_so(reader: Browser):
    assert "Aucune offre en ce moment." in read(reader)[1]


@pytest.mark.parametrize("count", [1, 7, 12, 25, 70])
def test_what_finds_no_room_is_counted_and_nothing_is_lost(reader: Browser, street: Sessions, count: int):
    with street.begin() as session:
        shop = a_shop(session, street="3 rue d’Arras", telephone="0321570000")
        for at in range(count):
            an_offer(session, shop, title=f"Annonce numéro {at:03}", price=100, prior_price=200, reduction=True)

    words = read(reader)[1]

    there = len(re.findall(r"Annonce numéro \d{3}", words))
    rest = re.search(r"Et (\d+) autres? offres?", words)
    assert there + (int(rest[1]) if rest else 0) == count
    assert there >= min(count, 12)


@pytest.mark.parametrize("setting", sheet.SETTINGS, ids=lambda setting: f"{setting.columns}×{setting.title}")
def test_no_line_is_wider_than_its_column_and_no_entry_runs_into_the_foot(setting: sheet.Setting):
    entries = [sheet.Entry(LONG, "Anticonstitutionnellement" * 4, "1,00 €", "Jusqu’à demain")] * 60
    count = sheet._room_for(entries, setting)

    column = sheet.LIST_BOTTOM - sheet.LIST_TOP
    height = sheet._height(entries[0], setting)
    assert count == setting.columns * int((column + sheet.BETWEEN) / (height + sheet.BETWEEN))
    for text, size, bold in sheet._parts(entries[0], setting):
        font = BOLD if bold else PLAIN
        written = list(lines(writable(text), setting.width, size, font))
        assert all(width_of(line, size, font) <= setting.width for line in written)
        assert "".join(written).replace(" ", "") == writable(text).replace(" ", "")


def test_no_type_is_too_small_to_be_read():
    assert min(min(setting.title, setting.text) for setting in sheet.SETTINGS) >= 11


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("« L’été » – 3\u202f€", "« L’été » – 3\u00a0€"),
        ("Ħ Zażółć 🥖 Ωmega", " Zazóc  mega"),
        ("a\x07b\x7f", "ab"),
    ],
)
def test_what_the_fonts_lack_is_written_as_near_as_can_be(text: str, written: str):
    assert writable(text) == written


def test_the_same_minute_is_the_same_bytes_and_a_copy_is_not_sent_twice(
    reader: Browser, street: Sessions, clock: StandingClock
):
    with street.begin() as session:
        an_offer(session, a_shop(session), ends_at=NOW + dt.timedelta(days=3))
    clock.moment = NOW.replace(second=1)
    first = fetch(reader)
    clock.forward(seconds=40)
    again = fetch(reader, **{"If-None-Match": first.headers["ETag"]})
    clock.forward(minutes=1)
    later = fetch(reader)

    assert (again.status_code, again.data) == (304, b"")
    assert later.headers["ETag"] != first.headers["ETag"]
    assert first.headers["Cache-Control"] == "public, max-age=60"


def test_no_commune_of_ours_has_no_sheet(reader: Browser):
    assert reader.get("/c/75056/semaine.pdf").status == 404
