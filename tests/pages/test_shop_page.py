"""A shop's page: who, where, open or not, its live offers, in French and in English, whatever was typed into it."""

import datetime as dt
from pathlib import Path

import pytest
from sqlalchemy.orm import Session, sessionmaker

from citylife.offers import OfferKind, OfferStatus
from citylife.shops import Shop, ShopStatus
from tests.builders import BETHUNE, NOW, a_shop, a_stand, an_offer
from tests.pages.conftest import Browser, StandingClock, an_app, plain

Sessions = sessionmaker[Session]
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; DROP TABLE shops; --",
    "{{ 7 * 7 }} {shop} %s",
    "مخبزة الحي 🥖",
    "Chez Ωmega & Fils — n° 1",
)


def a_page(sessions: Sessions, name: str | None = None, **facts: object) -> Shop:
    with sessions.begin() as session:
        return a_shop(session, name, **facts)  # type: ignore[arg-type]


def test_it_says_who_where_and_how_to_call(reader: Browser, street: Sessions):
    shop = a_page(
        street,
        "Le Pain d’Or",
        street="12 Grand-Place",
        postal_code="62400",
        telephone="03 21 57 00 00",
        website="https://pain-dor.example/",
        description="Pains au levain.\nFermé le lundi.",
    )

    page = reader.get(f"/s/{shop.slug}")

    assert page.text("h1") == "Le Pain d’Or"
    assert page.text("title") == "Le Pain d’Or, Béthune · Citylife"
    facts = page.text(".facts-area")
    assert "12 Grand-Place 62400 Béthune" in facts
    assert "Pains au levain. Fermé le lundi." in facts
    telephone = page.one('a[href^="tel:"]')
    assert (telephone.attrs["href"], telephone.to_text()) == ("tel:0321570000", "03\u202f21\u202f57\u202f00\u202f00")
    website = page.one('a[href="https://pain-dor.example/"]')
    assert "noopener" in website.attrs["rel"]
    assert "Boulangerie, pâtisserie · Béthune" in page.words


@pytest.mark.parametrize(
    ("hours", "french", "english"),
    [
        ("Mo-Su 08:00-19:00", "Ouvert ferme à 19 h", "Open closes at 19:00"),
        ("Mo-Su 14:30-19:00", "Fermé ouvre à 14 h 30", "Closed opens at 14:30"),
        ("Mo-Su 07:00-09:00", "Fermé ouvre demain à 7 h", "Closed opens tomorrow at 7:00"),
        ("Sa 09:00-12:00", "Fermé ouvre samedi à 9 h", "Closed opens on Saturday at 9:00"),
        (
            "Dec 24 08:00-12:00",
            "Fermé ouvre le jeudi 24 décembre à 8 h",
            "Closed opens on Thursday 24 December at 8:00",
        ),
        ("24/7", "Ouvert sans interruption", "Open round the clock"),
    ],
)
def test_it_says_whether_it_is_open_and_the_next_change(
    reader: Browser, street: Sessions, hours: str, french: str, english: str
):
    shop = a_page(street, opening_hours=hours)

    assert french in reader.get(f"/s/{shop.slug}").words
    assert english in reader.get(f"/s/{shop.slug}?lang=en").words


def test_a_market_trader_is_at_her_stand_of_the_day(reader: Browser, street: Sessions, clock: StandingClock):
    with street.begin() as session:
        shop = a_shop(session, street="1 Grand-Place", postal_code="62400", opening_hours="Sa 14:00-18:00")
        a_stand(session, shop, 1)
        a_stand(session, shop, 4, label="Marché", insee_code=BETHUNE, hours="Fr 08:00-12:00,14:00-17:30; PH off")
    path = f"/s/{shop.slug}"

    page = reader.get(path)
    assert "Ouvert ferme à 12 h 30" in page.words
    assert page.text(".facts-area .with-icon p") == "Aujourd’hui : Marché de Bruay Bruay-la-Buissière"
    assert page.one('a[href*="/directions?"]').attrs["href"].endswith("?to=50.4833%2C2.55"), "where she stands today"
    assert [plain(line.to_text()) for line in page.all(".facts-area li")] == [
        "Mardi aujourd’hui Marché de Bruay, Bruay-la-Buissière de 8 h à 12 h 30",
        "Vendredi Marché, Béthune de 8 h à 12 h, de 14 h à 17 h 30",
        "Les autres jours 1 Grand-Place, 62400 Béthune",
    ]
    assert "Tuesday today" in reader.get(f"{path}?lang=en").words
    reader.get(f"{path}?lang=fr")

    clock.forward(hours=3)
    assert "Fermé ouvre vendredi à 8 h" in reader.get(path).words  # at the next place, not here again tomorrow
    clock.forward(days=1)
    page = reader.get(path)
    assert page.text(".facts-area .with-icon p") == "Adresse : 1 Grand-Place 62400 Béthune"
    assert "aujourd’hui" not in page.text(".facts-area").lower()
    clock.moment = dt.datetime(2026, 12, 24, 23, 30, tzinfo=dt.UTC)  # Christmas, a Friday, in Paris
    assert "Vendredi aujourd’hui Marché, Béthune pas cette semaine" in reader.get(path).words
    assert "Fermé, jour férié ouvre demain à 14 h" in reader.get(path).words


def test_hours_nobody_gave_are_said_to_be_missing(reader: Browser, street: Sessions):
    page = reader.get(f"/s/{a_page(street).slug}")

    assert "Horaires non communiqués" in page.words
    assert page.all(".mark.open") == page.all(".mark.shut") == []


def test_a_public_holiday_is_a_closed_day(reader: Browser, street: Sessions, clock: StandingClock):
    shop = a_page(street, opening_hours="Mo-Su 08:00-19:00; PH off")
    clock.moment = dt.datetime(2026, 12, 25, 9, 0, tzinfo=dt.UTC)

    assert "Fermé, jour férié ouvre demain à 8 h" in reader.get(f"/s/{shop.slug}").words


def test_a_live_offer_shows_its_price_and_until_when(reader: Browser, street: Sessions):
    with street.begin() as session:
        shop = a_shop(session)
        offer = an_offer(session, shop, title="Tarte au sucre", price=450, ends_at=NOW + dt.timedelta(hours=9))

    page = reader.get(f"/s/{shop.slug}")

    card = page.one("article")
    assert card.query("h3 a")[0].attrs["href"] == f"/o/{offer.id}"
    assert page.text("article") == "Offre Tarte au sucre 4,50 € Jusqu’à ce soir, 19 h"
    assert "€4.50" in reader.get(f"/s/{shop.slug}?lang=en").text("article")


def test_a_reduction_states_the_lowest_price_of_thirty_days_unless_perishable(reader: Browser, street: Sessions):
    with street.begin() as session:
        shop = a_shop(session)
        an_offer(session, shop, title="Coffret", price=1490, prior_price=1800, reduction=True)
        an_offer(session, shop, title="Invendus", price=100, prior_price=200, reduction=True, perishable=True)
        an_offer(session, shop, title="Atelier", kind=OfferKind.EVENT, price=0)

    page = reader.get(f"/s/{shop.slug}")

    assert len(page.all("article")) == 3
    assert "Coffret 14,90 € Prix le plus bas des 30 derniers jours : 18,00 €" in page.words
    assert "Invendus 1,00 € au lieu de 2,00 €" in page.words
    assert "Événement Atelier Gratuit" in page.words


@pytest.mark.parametrize("status", [status for status in OfferStatus if status is not OfferStatus.LIVE])
def test_what_is_not_live_is_not_shown(reader: Browser, street: Sessions, status: OfferStatus):
    with street.begin() as session:
        shop = a_shop(session)
        an_offer(session, shop, status=status, title="Pas maintenant")

    page = reader.get(f"/s/{shop.slug}")

    assert page.all("article") == []
    assert "Aucune offre en ce moment." in page.words


def test_an_offer_leaves_the_page_at_its_very_end(reader: Browser, street: Sessions, clock: StandingClock):
    with street.begin() as session:
        shop = a_shop(session)
        an_offer(session, shop, ends_at=NOW + dt.timedelta(hours=1))

    clock.forward(minutes=59, seconds=59)
    assert len(reader.get(f"/s/{shop.slug}").all("article")) == 1
    clock.forward(seconds=1)
    assert reader.get(f"/s/{shop.slug}").all("article") == []


@pytest.mark.parametrize(
    ("status", "mark"),
    [
        (ShopStatus.LISTED, "Pas encore inscrit"),
        (ShopStatus.CLAIMED, "Inscription en cours de vérification"),
        (ShopStatus.VERIFIED, None),
    ],
)
def test_where_a_shop_stands_is_marked(reader: Browser, street: Sessions, status: ShopStatus, mark: str | None):
    page = reader.get(f"/s/{a_page(street, status=status).slug}")

    marks = [" ".join(found.to_text().split()) for found in page.all(".mark.plain")]
    assert marks == ([] if mark is None else [mark])


def test_a_fictional_shop_says_so_twice(reader: Browser, street: Sessions):
    with street.begin() as session:
        shop = a_shop(session)
        shop.fictional = True

    page = reader.get(f"/s/{shop.slug}")

    assert page.text(".mark.plain") == "Commerce fictif"
    assert "Ce commerce est inventé" in page.words


@pytest.mark.parametrize("slug", ["nulle-part", "x" * 300, "%00", "<b>"])
def test_a_shop_that_is_not_there_is_a_page_that_says_so(reader: Browser, slug: str):
    page = reader.get(f"/s/{slug}")

    assert page.status == 404
    assert page.text("h1") == "Cette page n’est pas là"


def test_a_suspended_shop_is_absent(reader: Browser, street: Sessions):
    shop = a_page(street, status=ShopStatus.SUSPENDED)

    assert reader.get(f"/s/{shop.slug}").status == 404


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_stranger_typed_is_read_and_never_run(reader: Browser, street: Sessions, text: str):
    with street.begin() as session:
        shop = a_shop(session, text, description=text, street=text)
        an_offer(session, shop, title=text, description=text)

    page = reader.get(f"/s/{shop.slug}")

    assert page.status == 200
    assert page.one("h1").to_text() == text
    assert page.one("article h3 bdi").to_text() == text
    assert text in page.one('meta[name="description"]').attrs["content"]
    assert [script.attrs["type"] for script in page.scripts] == ["module"] * 4
    assert page.all("main img") == []
    assert "49" not in page.one("h1").to_text()
    assert page.document.errors == []


@pytest.mark.parametrize("languages", ["en-GB,en;q=0.9", "de, en;q=0.5", "en"])
def test_english_is_spoken_to_whoever_prefers_it(reader: Browser, street: Sessions, languages: str):
    shop = a_page(street)
    reader.languages = languages

    page = reader.get(f"/s/{shop.slug}")

    assert page.one("html").attrs["lang"] == "en"
    assert "Follow this shop" in page.words
    assert "Suivre" not in page.words


def test_the_language_chosen_once_stays(reader: Browser, street: Sessions):
    shop = a_page(street)

    link = reader.get(f"/s/{shop.slug}").one(".language")
    assert (link.attrs["href"], link.attrs["lang"], link.to_text()) == ("?lang=en", "en", "English")

    assert reader.get(f"/s/{shop.slug}{link.attrs['href']}").one("html").attrs["lang"] == "en"
    assert reader.get(f"/s/{shop.slug}").one("html").attrs["lang"] == "en"
    assert reader.get(f"/s/{shop.slug}?lang=fr").one("html").attrs["lang"] == "fr"
    assert reader.get(f"/s/{shop.slug}?lang=xx").one("html").attrs["lang"] == "fr"


REACHED = {
    "bonjour@cluster.example": ("mailto:bonjour@cluster.example", "bonjour@cluster.example"),
    "https://cluster.example/commerces": ("https://cluster.example/commerces", "cluster.example/commerces"),
    "": (None, "C’est mon commerce"),
}


@pytest.mark.parametrize("contact", REACHED)
def test_who_keeps_a_shop_that_waits_for_somebody_reads_there_whom_to_tell(
    sqlite_url: str, tmp_path: Path, clock: StandingClock, street: Sessions, contact: str
):
    address, words = REACHED[contact]
    with street.begin() as session:
        waited_for = a_shop(session, status=ShopStatus.LISTED).slug
        kept = a_shop(session).slug
    for app in an_app(sqlite_url, tmp_path, clock, public_contact=contact):
        page = Browser(app).get(f"/s/{waited_for}")
        assert "C’est votre commerce ? On vous attend" in page.words
        assert words in page.words
        links = [link.attrs["href"] for link in page.all("main a[href]") if link.to_text().strip() == words]
        assert links == [address or f"/commerce/nouveau?commerce={waited_for}"]
        assert page.one(f"a[href='/commerce/nouveau?commerce={waited_for}']")
        assert "C’est votre commerce ? On vous attend" not in Browser(app).get(f"/s/{kept}").words


WRITTEN_TO = {
    "mairie@exemple.fr": "mailto:mairie@exemple.fr?subject=http%3A%2F%2Flocalhost%3A8000%2Fs%2F{}",
    "https://exemple.fr/contact": "https://exemple.fr/contact",
    "": "/mentions-legales",
}


@pytest.mark.parametrize("contact", WRITTEN_TO)
def test_a_mistake_on_the_page_of_any_shop_may_be_reported_also_without_an_offer(
    sqlite_url: str, tmp_path: Path, clock: StandingClock, street: Sessions, contact: str
):
    with street.begin() as session:
        slugs = [a_shop(session).slug, a_shop(session, status=ShopStatus.LISTED).slug]
    for app in an_app(sqlite_url, tmp_path, clock, public_contact=contact):
        for slug in slugs:
            links = Browser(app).get(f"/s/{slug}").all("main a[href]")
            [link] = [link for link in links if link.to_text().strip() == "Signaler une erreur sur cette page"]
            assert link.attrs["href"] == WRITTEN_TO[contact].format(slug)
