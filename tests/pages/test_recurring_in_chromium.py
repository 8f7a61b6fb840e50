"""« Chaque jeudi » in a real Chromium: from the form to what is published on Thursday; nothing bars it."""

import datetime as dt
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.offers import Occurred, Occurrence, Offer, OfferStatus, RecurringOffer
from citylife.shops import Shop
from notifications.timekeeper import keep_time
from tests import builders
from tests.browser.chromium import Chromium
from tests.builders import NOW
from tests.pages.conftest import StandingClock
from tests.pages.counter import her_shop, her_token
from tests.pages.test_merchant_in_chromium import judged, opened

pytestmark = pytest.mark.long

Sessions = sessionmaker[Session]
EIGHT = dt.datetime(2026, 11, 26, 7, 0, tzinfo=dt.UTC)
"""Thursday, 8:00 in Paris."""


@pytest.fixture
def shop(street: Sessions) -> Shop:
    return her_shop(street)


def test_from_the_form_to_what_is_published_on_thursday(
    chromium: Chromium, url: str, *, street: Sessions, shop: Shop, clock: StandingClock
):
    page = opened(chromium, url, her_token(street), "light", 360)
    page.get_by_role("link", name="Nouvelle annonce").click()
    page.get_by_label("Titre").fill("Fournée de brioches")
    expect(page.get_by_label("jeudi", exact=True)).to_be_hidden()
    page.get_by_text("Faire revenir cette annonce chaque semaine").click()
    page.get_by_label("jeudi", exact=True).check()
    expect(page.get_by_label("Nombre d’heures")).to_be_hidden()
    page.get_by_label("Pendant quelques heures").check()
    page.get_by_label("Nombre d’heures").fill("4")
    expect(page.locator("[data-kept]")).to_contain_text("Gardé")  # as a draft, meanwhile

    page.get_by_role("button", name="Faire revenir chaque semaine").click()

    series = page.locator("section[aria-labelledby=chaque-semaine] li")
    expect(series).to_contain_text("Chaque jeudi à 8 h, prochaine : jeudi 26 novembre")
    expect(page.get_by_role("heading", name="Brouillons")).to_be_hidden()
    clock.moment = EIGHT - dt.timedelta(minutes=1)
    assert keep_time(street, now=clock()) == 0
    clock.moment = EIGHT
    assert keep_time(street, now=clock()) == 1
    page.reload()
    live = page.locator("section[aria-labelledby=en-cours] li")
    expect(live).to_contain_text("Fournée de brioches")
    expect(live).to_contain_text("Jusqu’à 12 h aujourd’hui")
    expect(series).to_contain_text("prochaine : jeudi 3 décembre")

    series.get_by_role("button", name="Passer la prochaine fois").click()
    expect(series).to_contain_text("Vous passez jeudi 3 décembre.")
    series.get_by_role("button", name="Finalement, la publier").click()
    expect(series).to_contain_text("prochaine : jeudi 3 décembre")
    clock.moment = EIGHT + dt.timedelta(days=7, hours=5)  # nobody worked while it would have been live
    keep_time(street, now=clock())
    page.reload()
    expect(series).to_contain_text("Pas publiée jeudi 3 décembre")
    series.get_by_role("link", name="Arrêter").click()
    page.get_by_role("button", name="Arrêter l’annonce").click()
    expect(page.locator("section[aria-labelledby=chaque-semaine]")).to_be_hidden()

    with street() as session:
        published = session.scalars(select(Offer).where(Offer.live_from.is_not(None))).all()
        assert [(offer.live_from, offer.status) for offer in published] == [(EIGHT, OfferStatus.ENDED)]


def test_days_that_were_ticked_and_not_kept_come_back(chromium: Chromium, url: str, *, street: Sessions, shop: Shop):
    page = opened(chromium, url, her_token(street), "light", 360)
    page.get_by_role("link", name="Nouvelle annonce").click()
    page.get_by_text("Faire revenir cette annonce chaque semaine").click()
    page.get_by_label("jeudi", exact=True).check()

    page.reload()

    expect(page.get_by_label("jeudi", exact=True)).to_be_checked()
    expect(page.get_by_label("mardi", exact=True)).not_to_be_checked()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_bars_anyone_from_what_comes_again(
    chromium: Chromium, url: str, *, street: Sessions, shop: Shop, scheme: Any, width: int
):
    with street.begin() as session:
        here = session.get_one(Shop, shop.id)
        series = builders.a_recurring_offer(session, here, 1, 3, 5, price=120, description="Au beurre.")
        session.add(
            Occurrence(
                recurring_id=series.id,
                day=dt.date(2026, 11, 21),
                outcome=Occurred.REFUSED,
                told={"sentence": "La fin est déjà passée.", "values": {}},
                noted_at=NOW,
            )
        )
        skipped = builders.a_recurring_offer(session, here, title="Soupe du jour")
        session.get_one(RecurringOffer, skipped.id).skipped_on = dt.date(2026, 11, 26)
        session.get_one(RecurringOffer, skipped.id).next_on = dt.date(2026, 12, 3)
        offer = builders.an_offer(session, here, title="Pains de la veille")
    page = opened(chromium, url, her_token(street), scheme, width)
    state = f"{scheme}-{width}"
    judged(chromium, page, f"weekly-shop-{state}")
    page.get_by_role("button", name="Utilisée sans code").click()
    expect(page.get_by_role("button", name="Annuler cette utilisation")).to_be_visible()
    judged(chromium, page, f"declared-{state}")
    for name, address in (("offer", f"offres/{offer.id}"), ("month", str(shop.id))):
        page.goto(f"{url}/commerce/{address}/resultats")
        judged(chromium, page, f"declared-{name}-{state}")
    page.goto(f"{url}/commerce/{shop.id}")

    page.get_by_role("link", name="Nouvelle annonce").click()
    page.get_by_text("Faire revenir cette annonce chaque semaine").click()
    judged(chromium, page, f"weekly-form-{state}")
    page.get_by_label("Titre").fill("Flan")
    page.get_by_role("button", name="Faire revenir chaque semaine").click()
    expect(page.get_by_text("Choisissez au moins un jour de la semaine.")).to_be_visible()
    judged(chromium, page, f"weekly-refused-{state}")

    for name, shown in (("Modifier", "Modifier l’annonce qui revient"), ("Arrêter", "Arrêter cette annonce ?")):
        page.goto(f"{url}/commerce/{shop.id}")
        page.locator("section[aria-labelledby=chaque-semaine]").get_by_role("link", name=name).first.click()
        expect(page.get_by_role("heading", level=1)).to_have_text(shown)
        judged(chromium, page, f"weekly-{name.lower()}-{state}")
