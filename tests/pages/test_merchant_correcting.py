"""« Corriger »: what is live or to come is changed from the page, to the second, once, and never over a colleague's."""

import datetime as dt

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.ledger.tables import Message
from citylife.offers import Offer, OfferChanges, OfferKind, OfferStatus, OfferVersion, correct_offer
from citylife.shops import Shop
from tests import builders
from tests.builders import NOW
from tests.pages.conftest import Browser, ReadPage
from tests.pages.counter import filled, her_browser, her_shop, offers

Sessions = sessionmaker[Session]
ENDS = NOW + dt.timedelta(hours=8, seconds=17)


@pytest.fixture
def shop(sessions: Sessions) -> Shop:
    return her_shop(sessions)


@pytest.fixture
def counter(app: Flask, sessions: Sessions, shop: Shop) -> Browser:
    return her_browser(app, sessions)


def an_offer(sessions: Sessions, shop: Shop, status: OfferStatus = OfferStatus.LIVE) -> Offer:
    with sessions.begin() as session:
        said = {"title": "Tarte", "price": 300, "radius": 3000, "ends_at": ENDS}
        return builders.an_offer(session, session.get_one(Shop, shop.id), status=status, **said)


def path_of(offer: Offer) -> str:
    return f"/commerce/offres/{offer.id}/corriger"


def test_a_live_offer_is_corrected_and_nobody_is_told_again(counter: Browser, sessions: Sessions, shop: Shop):
    offer = an_offer(sessions, shop)
    listed = counter.get(f"/commerce/{shop.id}").all("section[aria-labelledby=en-cours] a")
    assert path_of(offer) in [link.attrs["href"] for link in listed]
    page = counter.get(path_of(offer))
    assert "Personne n’est prévenu une deuxième fois" in page.words
    assert page.all("#radius, [type=radio][name=kind], #starts_at, #apercu") == []

    answer = counter.post(path_of(offer), form=filled(page, "correct", title="Tarte au sucre", price="2,50"))

    assert answer.headers["Location"] == f"/commerce/{shop.id}?said=corrected"
    (corrected,) = offers(sessions)
    assert (corrected.title, corrected.price, corrected.ends_at) == ("Tarte au sucre", 250, ENDS), "to the second"
    with sessions() as session:
        titles = session.scalars(select(OfferVersion).order_by(OfferVersion.number)).all()
        assert [version.content["title"] for version in titles] == ["Tarte", "Tarte au sucre"]
        assert session.scalar(select(func.count()).select_from(Message)) == 1
    assert (
        counter.post(path_of(offer), form=filled(page, "correct", title="Tarte au sucre", price="2,50")).status_code
        == 303
    )
    assert offers(sessions)[0].version == corrected.version, "sent twice it corrects once"


def test_what_was_sent_twice_is_no_quarrel_over_line_ends_and_blanks(counter: Browser, sessions: Sessions, shop: Shop):
    offer = an_offer(sessions, shop)
    typed = {"title": " Tarte au sucre ", "description": "Au beurre\r\nou sans "}
    sent = filled(counter.get(path_of(offer)), "correct", **typed)
    for _ in range(2):
        assert counter.post(path_of(offer), form=sent).status_code == 303
    assert offers(sessions)[0].description == "Au beurre\nou sans"
    page = ReadPage(counter.post(path_of(offer), form=sent | {"price": "2"}))
    assert [row.query("th")[0].to_text() for row in page.all(".versions tbody tr")] == ["Prix en euros"]


def test_what_is_to_come_changes_its_beginning_and_kind_too(counter: Browser, sessions: Sessions, shop: Shop):
    offer = an_offer(sessions, shop, OfferStatus.SCHEDULED)
    page = counter.get(path_of(offer))
    assert page.one("#starts_at").attrs["value"] == "2026-11-24T12:00"
    sent = filled(page, "correct", starts_at="2026-11-24T14:00", kind="event", radius="900")
    assert counter.post(path_of(offer), form=sent).status_code == 303
    (corrected,) = offers(sessions)
    assert corrected.starts_at == NOW.replace(hour=13)
    assert (corrected.kind, corrected.radius, corrected.status) == (OfferKind.EVENT, 900, OfferStatus.SCHEDULED)


@pytest.mark.parametrize(
    ("typed", "status"),
    [({"title": ""}, 422), ({"price": "x"}, 422), ({"kind": "news"}, 409)],
)
def test_a_fault_changes_nothing_and_stands_at_its_field(
    counter: Browser, sessions: Sessions, shop: Shop, typed: dict[str, str], status: int
):
    offer = an_offer(sessions, shop)
    page = ReadPage(counter.post(path_of(offer), form=filled(counter.get(path_of(offer)), "correct", **typed)))
    assert page.status == status
    assert page.text(f"#{next(iter(typed))}-probleme")
    assert page.text("h1") == "Corriger l’annonce"
    assert offers(sessions)[0].version == offer.version


def test_the_second_of_two_who_correct_sees_both_and_chooses(counter: Browser, sessions: Sessions, shop: Shop):
    offer = an_offer(sessions, shop)
    sent = filled(counter.get(path_of(offer)), "correct", title="Flan")
    with sessions.begin() as session:
        live = session.get_one(Offer, offer.id)
        correct_offer(session, live, OfferChanges(title="Tarte au sucre"), expected_version=live.version, now=NOW)

    page = ReadPage(counter.post(path_of(offer), form=sent))

    assert page.status == 412
    assert [cell.to_text().strip() for cell in page.all(".versions tbody td")] == ["Flan", "Tarte au sucre"]
    theirs = counter.get(page.one("a[data-theirs]").attrs["href"])
    assert theirs.one("#title").attrs["value"] == "Tarte au sucre"
    seen = page.one("#divergence [name=seen]").attrs["value"]
    mine = ReadPage(counter.post(path_of(offer), form=filled(page, "mine", seen=seen)))
    assert offers(sessions)[0].title == "Tarte au sucre"
    assert counter.post(path_of(offer), form=filled(mine, "correct")).status_code == 303
    assert offers(sessions)[0].title == "Flan"


@pytest.mark.parametrize("status", [OfferStatus.ENDED, OfferStatus.SOLD_OUT, OfferStatus.WITHDRAWN])
def test_what_is_over_is_corrected_no_more(counter: Browser, sessions: Sessions, shop: Shop, status: OfferStatus):
    live = an_offer(sessions, shop)
    sent = filled(counter.get(path_of(live)), "correct", title="Flan")
    over = an_offer(sessions, shop, status)
    for answer in (counter.get(path_of(over)), ReadPage(counter.post(path_of(over), form=sent))):
        assert answer.status == 409
        assert "Cette offre est terminée" in answer.text("[role=alert]")


def test_a_draft_is_taken_up_where_drafts_are_and_another_s_is_absent(counter: Browser, sessions: Sessions, shop: Shop):
    draft = an_offer(sessions, shop, OfferStatus.DRAFT)
    assert counter.get(path_of(draft)).answer.headers["Location"].endswith(f"/annonce?de={draft.id}")
    with sessions.begin() as session:
        theirs = builders.an_offer(session, builders.a_shop(session))
    assert counter.get(path_of(theirs)).status == 404
    assert counter.post(path_of(theirs), form={"wish": "mine"}).status_code == 404
