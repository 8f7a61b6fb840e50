"""The pages behind the links of letters to merchants, in a real Chromium, also without scripts."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.merchant_mail.links import Purpose, token_of
from citylife.merchant_mail.mondays import week_id
from citylife.offers import Offer, OfferStatus
from citylife.offers.closing import sold_out
from tests import builders
from tests.browser.chromium import Chromium
from tests.builders import NOW
from tests.pages.conftest import StandingClock
from tests.pages.test_merchant_in_chromium import COOKIE, judged

pytestmark = pytest.mark.long

Sessions = sessionmaker[Session]
SECRET = "a secret of the tests, long enough to be one"
LOOKS = [(320, "light"), (360, "dark"), (768, "light"), (1280, "dark")]


@pytest.mark.parametrize("look", LOOKS)
def test_nothing_bars_the_way_from_a_letter(
    chromium: Chromium, street: Sessions, serve: Callable[..., Any], clock: StandingClock, look: tuple[int, Any]
):
    width, scheme = look
    with street.begin() as session:
        camille = builders.a_merchant(session)
        shop = builders.a_shop(session, "Le Fournil", merchant=camille)
        offer = builders.an_offer(session, shop, title="Tarte au sucre")
        cookie = builders.signed_in(session, camille)
        sell_out = token_of(Purpose.SELL_OUT, camille.id, offer.id, secret=SECRET)
        over = builders.an_offer(session, shop, status=OfferStatus.ENDED, title="Pains au chocolat", price=120)
        again = token_of(Purpose.AGAIN, camille.id, over.id, week_id(NOW), secret=SECRET)
        stop = token_of(Purpose.STOP_CONFIRMATIONS, camille.id, secret=SECRET)
    with serve(clock, secret_key=SECRET) as url:
        page = chromium.open(f"{url}/courriel/parti/{sell_out}", scheme=scheme, width=width)
        expect(page.get_by_role("heading", name="Tarte au sucre")).to_be_visible()
        judged(chromium, page, f"letter-asks-{width}-{scheme}")
        page.keyboard.press("Tab")
        page.get_by_role("button", name="Tout est parti", exact=True).press("Enter")
        expect(page.get_by_text("C’est noté : tout est parti.")).to_be_visible()
        judged(chromium, page, f"letter-done-{width}-{scheme}")
        page.get_by_role("button", name="Annuler").click()
        expect(page.get_by_role("button", name="Tout est parti", exact=True)).to_be_visible()
        page.goto(f"{url}/courriel/refaire/{again}")
        judged(chromium, page, f"again-asks-{width}-{scheme}")
        page.get_by_role("button", name="Publier").click()
        expect(page.get_by_role("heading", name="En ligne")).to_be_visible()
        judged(chromium, page, f"again-done-{width}-{scheme}")
        with street.begin() as session:
            anew = session.scalars(select(Offer).where(Offer.title == over.title, Offer.id != over.id)).one()
            sold_out(session, anew, now=NOW, actor_id=camille.id)
        page.goto(f"{url}/courriel/refaire/{again}")
        expect(page.get_by_role("heading", name="Déjà refaite")).to_be_visible()
        judged(chromium, page, f"again-gone-{width}-{scheme}")
        page.goto(f"{url}/courriel/annonces/arreter/{stop}")
        judged(chromium, page, f"letter-stop-{width}-{scheme}")
        page.get_by_role("button", name="Arrêter ces courriels").click()
        expect(page.get_by_role("heading", name="C’est arrêté")).to_be_visible()
        judged(chromium, page, f"letter-stopped-{width}-{scheme}")
        secure = url.replace("http:", "https:")
        page.context.add_cookies([{"name": COOKIE, "value": cookie, "url": secure, "secure": True}])
        page.goto(f"{url}/compte")
        page.get_by_label("Un courriel après chaque offre").check()
        page.get_by_role("button", name="Enregistrer").click()
        expect(page.get_by_text("C’est enregistré.")).to_be_visible()
        expect(page.get_by_label("Un courriel après chaque offre")).to_be_checked()
        judged(chromium, page, f"account-{width}-{scheme}")
        assert chromium.complaints(page) == []
        chromium.close(page)
