"""An offer's page: what a notification opens, live or not any more."""

import datetime as dt

import pytest
from sqlalchemy.orm import Session, sessionmaker

from citylife.offers import OfferStatus
from citylife.shops import suspend_shop
from tests.builders import NOW, a_shop, an_offer
from tests.pages.conftest import Browser, StandingClock

Sessions = sessionmaker[Session]


def test_it_says_what_where_until_when_and_for_how_much(reader: Browser, street: Sessions):
    with street.begin() as session:
        shop = a_shop(session, "Le Fournil", open_until="19:00", street="1 rue d’Arras")
        offer = an_offer(
            session,
            shop,
            title="Pains de la veille",
            description="Seigle et complet.",
            price=225,
            prior_price=450,
            reduction=True,
            quantity=12,
            ends_at=NOW + dt.timedelta(days=1, hours=3),
        )

    page = reader.get(f"/o/{offer.id}")

    assert page.text("h1") == "Pains de la veille"
    for said in (
        "Jusqu’à demain, 13 h",
        "2,25 €",
        "Prix le plus bas des 30 derniers jours : 4,50 €",
        "Quantité annoncée : 12",
        "Seigle et complet.",
        "Le Fournil",
        "1 rue d’Arras",
        "Ouvert ferme à 19 h",
    ):
        assert said in page.words
    assert page.one(f'a[href="/s/{shop.slug}"]').to_text().strip() == "Voir la page du commerce"
    assert page.one('link[rel="canonical"]').attrs["href"] == f"http://localhost:8000/o/{offer.id}"


def test_what_is_sold_out_says_so_and_since_when(reader: Browser, street: Sessions, clock: StandingClock):
    with street.begin() as session:
        offer = an_offer(session, a_shop(session), status=OfferStatus.SOLD_OUT, quantity=12)
    clock.forward(days=1)

    page = reader.get(f"/o/{offer.id}")

    assert "Tout est parti." in page.words
    assert "Le commerce l’a signalé hier à 10 h" in page.words
    assert "Quantité annoncée" not in page.words


def test_what_is_over_says_so_from_its_very_end(reader: Browser, street: Sessions, clock: StandingClock):
    with street.begin() as session:
        offer = an_offer(session, a_shop(session), ends_at=NOW + dt.timedelta(hours=8))

    assert "C’est terminé." not in reader.get(f"/o/{offer.id}").words
    clock.forward(hours=8)
    page = reader.get(f"/o/{offer.id}")
    assert "C’est terminé. L’annonce a pris fin à 18 h." in page.words
    assert "It is over. It ended at 18:00." in reader.get(f"/o/{offer.id}?lang=en").words


@pytest.mark.parametrize("status", [OfferStatus.DRAFT, OfferStatus.SCHEDULED, OfferStatus.WITHDRAWN])
def test_what_is_not_public_is_absent(reader: Browser, street: Sessions, status: OfferStatus):
    with street.begin() as session:
        offer = an_offer(session, a_shop(session), status=status, title="Secret")

    page = reader.get(f"/o/{offer.id}")

    assert page.status == 404
    assert "Secret" not in page.words


def test_the_offer_of_a_suspended_shop_is_absent(reader: Browser, street: Sessions):
    with street.begin() as session:
        shop = a_shop(session)
        offer = an_offer(session, shop)
        suspend_shop(session, shop, reason="Signalée.", now=NOW)

    assert reader.get(f"/o/{offer.id}").status == 404


@pytest.mark.parametrize("name", ["1", "00000000-0000-0000-0000-000000000000", "x" * 500, "%F0%9F%A5%96"])
def test_an_address_that_names_no_offer_is_a_page_that_says_so(reader: Browser, name: str):
    page = reader.get(f"/o/{name}")

    assert page.status == 404
    assert page.text("h1") == "Cette page n’est pas là"


@pytest.mark.parametrize(("query", "counts"), [("?from=notification", True), ("", False)])
def test_only_a_page_opened_from_a_notification_counts_it(
    reader: Browser, street: Sessions, query: str, *, counts: bool
):
    with street.begin() as session:
        offer = an_offer(session, a_shop(session))

    page = reader.get(f"/o/{offer.id}{query}")

    counting = [script for script in page.scripts if script.attrs["src"].endswith("/citizen/opened.js")]
    assert len(counting) == counts
    assert page.one("[data-offer]").attrs["data-offer"] == str(offer.id)


def test_a_live_offer_goes_into_a_calendar_and_one_that_is_over_does_not(reader: Browser, street: Sessions):
    with street.begin() as session:
        shop = a_shop(session)
        live, over = an_offer(session, shop), an_offer(session, shop, status=OfferStatus.ENDED)

    link = reader.get(f"/o/{live.id}").one('a[href$=".ics"]')
    assert link.attrs["href"] == f"/o/{live.id}/offer.ics"
    assert "Ajouter au calendrier" in link.to_text()
    assert reader.get(f"/o/{over.id}").all('a[href$=".ics"]') == []


def test_the_way_there_is_a_plain_link_to_the_shop_s_place(reader: Browser, street: Sessions):
    with street.begin() as session:
        offer = an_offer(session, a_shop(session))

    way = reader.get(f"/o/{offer.id}").one('a[href*="openstreetmap.org"]')
    assert way.attrs["href"].startswith("https://www.openstreetmap.org/directions?to=50.")
    assert {"external", "noopener", "noreferrer"} <= set(way.attrs["rel"].split())
