"""The links of letters to merchants: « Tout est parti », an offer done again, no more letters; signed in or not."""

import datetime as dt
import uuid

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.merchants import Merchant, Role, join_team, leave_team
from citylife.audit import entries
from citylife.letters import Letter, LetterKind
from citylife.merchant_mail.confirming import confirm_published
from citylife.merchant_mail.links import Purpose, ids_of, token_of
from citylife.merchant_mail.mondays import week_id
from citylife.offers import Offer, OfferKind, OfferStatus
from citylife.offers.closing import sold_out
from citylife.shops import Shop, ShopStatus
from tests import builders
from tests.builders import NOW
from tests.pages.conftest import Browser, ReadPage, StandingClock, plain

Sessions = sessionmaker[Session]
COOKIE = "__Host-citylife-merchant"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
FORM = {"kind": "offer", "title": "Tarte", "until": "autre", "ends_at": "2026-11-24T18:00", "radius": "5000"}
FROM_ANYWHERE: list[dict[str, str]] = [{}, {"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"}]


class Fournil:
    """A shop of two, and what they do."""

    def __init__(self, app: Flask, sessions: Sessions) -> None:
        self.secret, self.sessions = app.extensions["citylife"].keys.secret_key, sessions
        with sessions.begin() as session:
            camille, yanis = (builders.a_merchant(session, f"{name}@fournil.example") for name in ("camille", "yanis"))
            shop = builders.a_shop(session, "Le Fournil", merchant=camille)
            join_team(session, yanis, shop, Role.OWNER, now=NOW)
            self.shop_id, self.camille, self.yanis = shop.id, camille.id, yanis.id

    def offer(self, **said: object) -> uuid.UUID:
        with self.sessions.begin() as session:
            return builders.an_offer(session, session.get_one(Shop, self.shop_id), title="Tarte", **said).id

    def link(self, offer: uuid.UUID, who: uuid.UUID | None = None) -> str:
        token = token_of(Purpose.SELL_OUT, who or self.camille, offer, secret=self.secret)
        return f"/courriel/parti/{token}"

    def stop(self) -> str:
        token = token_of(Purpose.STOP_CONFIRMATIONS, self.camille, secret=self.secret)
        return f"/courriel/annonces/arreter/{token}"

    def status(self, offer: uuid.UUID) -> OfferStatus:
        with self.sessions() as session:
            return session.get_one(Offer, offer).status

    def again(self, offer: uuid.UUID, now: dt.datetime, who: uuid.UUID | None = None) -> str:
        token = token_of(Purpose.AGAIN, who or self.camille, offer, week_id(now), secret=self.secret)
        return f"/courriel/refaire/{token}"

    def live(self) -> list[Offer]:
        with self.sessions() as session:
            return list(session.scalars(select(Offer).where(Offer.status == OfferStatus.LIVE)))

    def wanted(self, letters: str = "confirmations") -> bool:
        with self.sessions() as session:
            return bool(getattr(session.get_one(Merchant, self.camille), letters))

    def letters(self) -> list[Letter]:
        with self.sessions() as session:
            return list(session.scalars(select(Letter).where(Letter.kind == LetterKind.PUBLISHED)))

    def counter(self, browser: Browser) -> Browser:
        with self.sessions.begin() as session:
            token = builders.signed_in(session, session.get_one(Merchant, self.camille))
        browser.client.set_cookie(COOKIE, token, secure=True)
        return browser


@pytest.fixture
def fournil(app: Flask, sessions: Sessions) -> Fournil:
    return Fournil(app, sessions)


def test_publishing_from_the_form_writes_one_letter_to_who_published(browser: Browser, fournil: Fournil):
    counter = fournil.counter(browser)
    form = {**FORM, "wish": "publish", "key": str(uuid.uuid4())}
    for _ in range(2):
        assert counter.post(f"/commerce/{fournil.shop_id}/annonce", form=form).status_code == 303

    (letter,) = fournil.letters()

    assert (letter.recipient, letter.locale) == ("camille@fournil.example", "fr")
    assert (letter.content["shop"], letter.content["title"]) == ("Le Fournil", "Tarte")
    page = browser.get("/courriel/parti/" + letter.content["sell_out"])
    assert (page.status, page.text("h1"), page.text("h2")) == (200, "Tout est parti ?", "Tarte")


def test_drafts_and_scheduled_offers_write_none(browser: Browser, fournil: Fournil):
    counter = fournil.counter(browser)
    later = {"wish": "schedule", "starts_at": "2026-11-24T16:00"}
    for said in ({"wish": "keep"}, later):
        form = {**FORM, **said, "key": str(uuid.uuid4())}
        assert counter.post(f"/commerce/{fournil.shop_id}/annonce", form=form).status_code == 303
    assert fournil.letters() == []


def test_the_api_writes_to_a_person_and_not_to_a_program(app: Flask, fournil: Fournil):
    with fournil.sessions.begin() as session:
        camille, shop = session.get_one(Merchant, fournil.camille), session.get_one(Shop, fournil.shop_id)
        by_hand, by_key = (builders.an_offer(session, shop, status=OfferStatus.DRAFT).id for _ in range(2))
        tokens = {by_hand: builders.signed_in(session, camille), by_key: builders.a_key(session, camille)[1]}
    for offer, token in tokens.items():
        path, headers = f"/api/v1/merchant/offers/{offer}/publish", {"Authorization": f"Bearer {token}"}
        assert app.test_client().post(path, headers=headers, json={}).status_code == 200
    (letter,) = fournil.letters()
    assert ids_of(Purpose.SELL_OUT, letter.content["sell_out"], 2, secret=fournil.secret) == (fournil.camille, by_hand)


def test_the_log_says_whether_a_person_or_a_program_asked_for_what_goes_live_by_itself(app: Flask, fournil: Fournil):
    with fournil.sessions.begin() as session:
        camille = session.get_one(Merchant, fournil.camille)
        tokens = builders.signed_in(session, camille), builders.a_key(session, camille)[1]
    weekly = {"title": "Tarte", "weekdays": [3], "at": "08:00", "hours": 4}
    for token in tokens:
        headers = {"Authorization": f"Bearer {token}"}
        paths = {
            f"/api/v1/merchant/offers/{fournil.offer(status=OfferStatus.DRAFT)}/schedule": {
                "starts_at": (NOW + dt.timedelta(hours=1)).isoformat()
            },
            f"/api/v1/merchant/shops/{fournil.shop_id}/recurring-offers": weekly,
        }
        for path, said in paths.items():
            assert app.test_client().post(path, headers=headers, json=said).status_code in {200, 201}
    with fournil.sessions() as session:
        for action in ("offer.scheduled", "recurring.begun"):
            assert [entry.detail["by_key"] for entry in entries(session, action=action, limit=9)] == [True, False]


def test_news_and_who_wants_no_letter_get_none(fournil: Fournil, browser: Browser):
    def written(offer: uuid.UUID) -> bool:
        with fournil.sessions.begin() as session:
            found = session.get_one(Offer, offer), session.get_one(Shop, fournil.shop_id)
            return confirm_published(session, found[1], found[0], fournil.camille, secret="x" * 32, now=NOW) is not None

    assert [written(fournil.offer()), written(fournil.offer(kind=OfferKind.NEWS))] == [True, False]
    assert browser.post(fournil.stop(), headers={}, form=ONE_CLICK).status_code == 200
    assert not written(fournil.offer())


def test_the_link_asks_and_its_tap_sells_out_and_takes_back(browser: Browser, fournil: Fournil, clock: StandingClock):
    offer = fournil.offer()
    link = fournil.link(offer)
    for _ in range(3):
        asked = browser.get(link)
        assert fournil.status(offer) is OfferStatus.LIVE, "a GET never acts"
    assert browser.client.head(link).status_code == 200

    gone = browser.press(asked, "Tout est parti")

    assert fournil.status(offer) is OfferStatus.SOLD_OUT
    assert "C’est noté : tout est parti." in gone.words
    clock.forward(seconds=9)
    back = browser.press(gone, "Annuler « Tout est parti »")
    assert (fournil.status(offer), back.text("h1")) == (OfferStatus.LIVE, "Tout est parti ?")
    gone = browser.press(back, "Tout est parti")
    undo = gone.one("form[action$=annuler]").attrs["action"]
    clock.forward(seconds=11)
    late = ReadPage(browser.post(undo))
    assert late.status == 409
    assert "10 secondes" in late.text("[role=alert]")
    assert browser.get(link).all("form") == []
    assert fournil.status(offer) is OfferStatus.SOLD_OUT


@pytest.mark.parametrize("headers", FROM_ANYWHERE, ids=["nothing", "cross-site"])
def test_only_our_own_page_sells_out(browser: Browser, fournil: Fournil, headers: dict[str, str]):
    offer = fournil.offer()
    for path in (fournil.link(offer), fournil.link(offer) + "/annuler"):
        assert browser.post(path, headers=headers).status_code == 403
    assert fournil.status(offer) is OfferStatus.LIVE


def test_the_link_ends_with_the_offer_and_with_her_place_in_the_team(
    browser: Browser, fournil: Fournil, clock: StandingClock
):
    offer, taken_away = fournil.offer(), fournil.offer(status=OfferStatus.WITHDRAWN)
    with fournil.sessions.begin() as session:
        leave_team(session, fournil.yanis, fournil.shop_id, now=NOW)
    left = fournil.link(offer, fournil.yanis)
    assert [browser.get(path).status for path in (left, fournil.link(taken_away))] == [410, 410]
    assert browser.post(left).status_code == 410
    assert browser.post(fournil.link(taken_away)).status_code == 409
    clock.forward(hours=9)
    assert browser.get(fournil.link(offer)).status == 410
    assert browser.post(fournil.link(offer)).status_code == 409
    assert fournil.status(offer) is OfferStatus.LIVE, "until the timetable ends it"


def test_a_link_that_was_tampered_with_does_nothing(browser: Browser, fournil: Fournil):
    offer, another = fournil.offer(), fournil.offer()
    token = fournil.link(offer).rpartition("/")[2]
    other = fournil.link(another).rpartition("/")[2]
    wrong_purpose = token_of(Purpose.STOP_CONFIRMATIONS, fournil.camille, offer, secret=fournil.secret)
    wrong_secret = token_of(Purpose.SELL_OUT, fournil.camille, offer, secret="another secret of another instance")
    forged = (token[:-1], f"{token[:40]}{other[40:]}", wrong_purpose, wrong_secret, "é", "a" * 86, "%00", f"{token}A")
    for each in forged:
        path = f"/courriel/parti/{each}"
        assert (browser.get(path).status, browser.post(path).status_code) == (410, 410), each
    assert {fournil.status(each) for each in (offer, another)} == {OfferStatus.LIVE}


@pytest.mark.parametrize("headers", FROM_ANYWHERE, ids=["nothing", "cross-site"])
def test_one_click_stops_the_letters_and_the_account_brings_them_back(
    browser: Browser, fournil: Fournil, headers: dict[str, str]
):
    """RFC 8058, 3.2: the POST carries no cookie, and its body names the one thing it asks for."""
    assert browser.get(fournil.stop()).status == 200
    assert fournil.wanted(), "a GET never acts"
    for _ in range(2):
        assert browser.post(fournil.stop(), headers=headers, form=ONE_CLICK).status_code == 200
    assert not fournil.wanted()
    account = fournil.counter(browser).get("/compte")
    assert "checked" not in account.one("input[name=confirmations]").attrs
    saved = browser.post("/compte/courriels", form={"confirmations": "on"})
    assert saved.status_code == 303
    assert fournil.wanted()
    assert "checked" in browser.get("/compte").one("input[name=confirmations]").attrs
    assert browser.post("/compte/courriels", form={}).status_code == 303
    assert not fournil.wanted()


def test_looking_at_the_stop_link_stops_nothing_and_says_the_same_of_any(browser: Browser, fournil: Fournil):
    unknown = "/courriel/annonces/arreter/" + "a" * 64
    looked, in_vain = (browser.get(path) for path in (fournil.stop(), unknown))
    assert plain(looked.one("form button").to_text()) == plain(in_vain.one("form button").to_text())
    assert [browser.post(path).status_code for path in (unknown, fournil.stop())] == [200, 200]
    assert not fournil.wanted()


def test_the_link_of_monday_publishes_the_offer_anew_by_one_tap_and_once(
    browser: Browser, fournil: Fournil, clock: StandingClock
):
    offer = fournil.offer(status=OfferStatus.ENDED, price=350, prior_price=700, reduction=True)
    clock.forward(days=6)
    link = fournil.again(offer, clock())
    yanis = fournil.again(offer, clock(), fournil.yanis)
    for _ in range(3):
        asked = browser.get(link)
    assert browser.client.head(link).status_code == 200
    assert fournil.live() == [], "a GET never acts"
    assert "3,50 €" in asked.words
    assert "Jusqu’à ce soir, 18 h" in asked.words

    done = browser.press(asked, "Publier")

    assert (done.text("h1"), done.all("main form")) == ("En ligne", [])
    (again,) = fournil.live()
    assert (again.title, again.price, again.prior_price, again.reduction) == ("Tarte", 350, None, False)
    assert [letter.recipient for letter in fournil.letters()] == ["camille@fournil.example"]
    for late in (link, yanis):
        answer = ReadPage(browser.post(late))
        assert answer.status == 409
        assert "déjà été refaite" in answer.text("[role=alert]")
    (offer,) = fournil.live()
    with fournil.sessions.begin() as session:
        sold_out(session, session.get_one(Offer, offer.id), now=clock(), actor_id=fournil.camille)
    for page in (browser.get(link), browser.get(yanis)):
        assert (page.status, page.text("h1"), page.all("main form")) == (200, "Déjà refaite", [])
        assert "il y a moins d’un jour" in page.words
    late = ReadPage(browser.post(link))
    assert (late.status, late.all("main form")) == (409, [])
    clock.forward(hours=23)
    assert browser.get(link).all("main form") == [], "nor the next morning"
    clock.forward(hours=1)
    assert browser.press(browser.get(link), "Publier").text("h1") == "En ligne"


@pytest.mark.parametrize("headers", FROM_ANYWHERE, ids=["nothing", "cross-site"])
def test_only_our_own_page_publishes_anew(browser: Browser, fournil: Fournil, headers: dict[str, str]):
    link = fournil.again(fournil.offer(status=OfferStatus.ENDED), NOW)
    assert browser.post(link, headers=headers).status_code == 403
    assert fournil.live() == []


def test_the_link_of_monday_ends_with_its_week_and_is_good_for_nothing_else(
    browser: Browser, fournil: Fournil, clock: StandingClock
):
    offer = fournil.offer(status=OfferStatus.ENDED)
    link = fournil.again(offer, NOW)
    token = link.rpartition("/")[2]
    others = (f"/courriel/parti/{token}", "/courriel/refaire/" + fournil.link(offer).rpartition("/")[2], f"{link}A")
    assert [browser.post(path).status_code for path in others] == [410, 410, 410]
    clock.forward(days=6)
    assert (browser.get(link).status, browser.post(link).status_code) == (410, 410)
    assert "Sa semaine est finie" in browser.get(link).words
    assert "semaine" not in browser.get(f"/courriel/parti/{token}").words
    assert fournil.live() == []


def test_a_shop_that_may_not_speak_publishes_nothing_anew_and_reads_why(browser: Browser, fournil: Fournil):
    link = fournil.again(fournil.offer(status=OfferStatus.ENDED), NOW)
    with fournil.sessions.begin() as session:
        session.get_one(Shop, fournil.shop_id).status = ShopStatus.SUSPENDED
    page = ReadPage(browser.post(link))
    assert page.status >= 400
    assert page.text("[role=alert]")
    assert fournil.live() == []


@pytest.mark.parametrize("headers", FROM_ANYWHERE, ids=["nothing", "cross-site"])
def test_one_click_stops_monday_s_letters_alone(browser: Browser, fournil: Fournil, headers: dict[str, str]):
    token = token_of(Purpose.STOP_MONDAYS, fournil.camille, secret=fournil.secret)
    link = f"/courriel/lundi/arreter/{token}"
    assert browser.get(link).status == 200
    assert fournil.wanted("mondays"), "a GET never acts"
    assert browser.post(link, headers=headers, form=ONE_CLICK).status_code == 200
    assert (fournil.wanted("mondays"), fournil.wanted()) == (False, True)
    fournil.counter(browser)
    assert browser.post("/compte/courriels", form={"mondays": "on"}).status_code == 303
    assert (fournil.wanted("mondays"), fournil.wanted()) == (True, False)
