"""« Pourquoi ai‑je reçu ceci ? »: each message with its reason, the way to what would change it, by pages."""

import datetime as dt

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from blueprints.pages.settings.history import WORDS, address_of
from citylife.accounts.citizens import Citizen
from citylife.ledger.reasons import Setting
from citylife.ledger.tables import Decision, DeliveryState, Message, MessageKind, Outcome, Reason
from citylife.shops import Shop
from tests.builders import NOW, a_delivery, a_device, a_shop, an_offer, consent
from tests.pages.conftest import Browser, ReadPage, StandingClock, plain

Sessions = sessionmaker[Session]
LEADS_TO = {
    Reason.LEVEL_NONE: "/mes-commerces#commerce-{slug}",
    Reason.NOT_NEAR: "/reglages/lieux",
    Reason.WEEK_SPENT: "/reglages#budget",
    Reason.DAY_SPENT: "/reglages#budget",
    Reason.QUIET_HOURS: "/reglages#heures-calmes",
    Reason.NO_DEVICE: "/s/{slug}#suivre",
    Reason.NO_CONSENT: "/s/{slug}#suivre",
    Reason.OFFER_CLOSED: None,
}


@pytest.fixture
def slug(browser: Browser, sessions: Sessions) -> str:
    """The shop that she follows."""
    with sessions.begin() as session:
        slug = a_shop(session, "Le Fournil").slug
    browser.press(browser.get(f"/s/{slug}"), "Suivre")
    return slug


def decide(sessions: Sessions, title: str, reason: Reason, *, minutes: int = 0) -> None:
    """Let an offer of the shop be held from her for a reason."""
    moment = NOW + dt.timedelta(minutes=minutes)
    with sessions.begin() as session:
        citizen = session.scalars(select(Citizen)).one()
        offer = an_offer(session, session.scalars(select(Shop)).one(), title=title, now=moment)
        message = session.scalars(select(Message).where(Message.offer_id == offer.id)).one()
        session.add(
            Decision(
                citizen_id=citizen.id, message_id=message.id, outcome=Outcome.HELD, reason=reason, decided_at=moment
            )
        )


def rows(page: ReadPage) -> list[str]:
    return [plain(row.to_text()) for row in page.all(".reasons > li")]


def test_where_nothing_was_announced_yet_the_page_says_what_will_be_read_there(reader: Browser):
    page = reader.get("/reglages/pourquoi")

    assert page.text("h1") == "Pourquoi ai‑je reçu ceci ?"
    assert "Rien encore." in page.words
    assert page.one("nav.tabs a[href='/reglages']")


def test_what_was_sent_says_why_and_leads_to_how_she_follows(browser: Browser, sessions: Sessions, slug: str):
    with sessions.begin() as session:
        citizen = session.scalars(select(Citizen)).one()
        consent(session, citizen)
        a_device(session, citizen)
        offer = an_offer(session, session.scalars(select(Shop)).one(), title="Pains à moitié prix")
        a_delivery(session, citizen, offer.id, accepted_at=NOW)[0].state = DeliveryState.ACCEPTED

    page = browser.get("/reglages/pourquoi")

    [row] = rows(page)
    assert row.startswith("Notification envoyée")
    assert "Pains à moitié prix" in row
    assert "Vous suivez Le Fournil." in row
    assert page.one(".reasons h2 a").attrs["href"] == f"/o/{offer.id}"
    assert page.one(".change").attrs["href"] == f"/mes-commerces#commerce-{slug}"


@pytest.mark.parametrize(
    ("state", "words"),
    [(DeliveryState.WAITING, "Notification en attente"), (DeliveryState.GONE, "Notification non remise")],
)
def test_what_reached_no_phone_is_not_said_to_be_sent(
    browser: Browser, sessions: Sessions, slug: str, state: DeliveryState, words: str
):
    with sessions.begin() as session:
        citizen = session.scalars(select(Citizen)).one()
        consent(session, citizen)
        a_device(session, citizen)
        offer = an_offer(session, session.scalars(select(Shop)).one())
        a_delivery(session, citizen, offer.id)[0].state = state

    assert rows(browser.get("/reglages/pourquoi"))[0].startswith(words)


@pytest.mark.parametrize("reason", LEADS_TO)
def test_what_was_held_says_why_and_where_to_change_that(
    browser: Browser, sessions: Sessions, slug: str, reason: Reason
):
    decide(sessions, "Pains", reason)

    page = browser.get("/reglages/pourquoi")

    [row] = rows(page)
    assert row.startswith("Pas de notification")
    address = LEADS_TO[reason]
    assert [link.attrs["href"] for link in page.all(".change")] == ([address.format(slug=slug)] if address else [])


def test_every_setting_has_words_and_a_page_that_is_there(browser: Browser, slug: str):
    for setting in Setting:
        assert WORDS[setting]
        with browser.app.test_request_context():
            addresses = [address_of(setting, slug), address_of(setting, None)]
        for address in addresses:
            path, _, anchor = address.partition("#")
            page = browser.get(path)
            assert page.status == 200, address
            assert not anchor or page.all(f"#{anchor}"), address


def test_it_is_read_by_pages_the_latest_first(browser: Browser, sessions: Sessions, slug: str, clock: StandingClock):
    for number in range(45):
        decide(sessions, f"Offre {number:02}", Reason.WEEK_SPENT, minutes=number)
    clock.forward(hours=2)

    found, address = [], "/reglages/pourquoi"
    for _ in range(3):
        page = browser.get(address)
        found += [heading.to_text() for heading in page.all(".reasons h2")]
        address = page.all('a[rel="next"]')[0].attrs["href"] if page.all('a[rel="next"]') else ""

    assert address == ""
    assert found == [f"Offre {number:02}" for number in reversed(range(45))]


def test_it_speaks_english_where_she_does(browser: Browser, sessions: Sessions, slug: str):
    decide(sessions, "Pains", Reason.WEEK_SPENT)

    page = browser.get("/reglages/pourquoi", **{"Accept-Language": "en"})

    assert page.text("h1") == "Why did I get this?"
    assert "budget" in rows(page)[0]
    assert page.text(".change") == "Change my weekly budget"


def test_a_digest_is_called_by_its_name(browser: Browser, sessions: Sessions, slug: str):
    with sessions.begin() as session:
        citizen = session.scalars(select(Citizen)).one()
        offer = an_offer(session, session.scalars(select(Shop)).one())
        message = session.scalars(select(Message).where(Message.offer_id == offer.id)).one()
        message.kind, message.offer_id, message.shop_id = MessageKind.DIGEST, None, None
        session.add(
            Decision(
                citizen_id=citizen.id,
                message_id=message.id,
                outcome=Outcome.SEND,
                reason=Reason.DIGEST,
                decided_at=NOW,
            )
        )

    page = browser.get("/reglages/pourquoi")

    assert page.text(".reasons h2") == "Votre récapitulatif"
    assert page.one(".change").attrs["href"] == "/reglages#recapitulatif"
