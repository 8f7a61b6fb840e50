"""A draft that is kept as it is written: one a form, whatever is lost on the way, and never over a colleague's."""

import pytest
from flask import Flask
from sqlalchemy.orm import Session, sessionmaker

from citylife.offers import Offer, OfferChanges, OfferStatus, correct_offer, publish, withdraw
from citylife.shops import Shop
from tests import builders
from tests.builders import NOW
from tests.pages.conftest import Browser, ReadPage
from tests.pages.counter import filled, her_browser, her_shop, offers, path_of

Sessions = sessionmaker[Session]


@pytest.fixture
def shop(sessions: Sessions) -> Shop:
    return her_shop(sessions)


@pytest.fixture
def counter(app: Flask, sessions: Sessions, shop: Shop) -> Browser:
    return her_browser(app, sessions)


def saved(counter: Browser, shop: Shop, sent: dict[str, str], **typed: str) -> dict[str, str]:
    """What the form holds once it was kept: its own key, and the draft it became."""
    page = ReadPage(counter.post(path_of(shop), form=sent | typed | {"wish": "save"}))
    assert page.status == 200
    assert page.text("[data-kept]") == "Gardé à 10 h"
    hidden = {name: page.one(f"#annonce > [name={name}]").attrs["value"] for name in ("draft", "version")}
    return sent | typed | hidden


def changed(sessions: Sessions, title: str) -> None:
    """A colleague changes the only draft."""
    with sessions.begin() as session:
        offer = session.query(Offer).one()
        correct_offer(session, offer, OfferChanges(title=title), expected_version=offer.version, now=NOW)


def test_what_is_kept_as_it_is_written_becomes_the_offer_that_is_published(
    counter: Browser, sessions: Sessions, shop: Shop
):
    form = saved(counter, shop, filled(counter.get(path_of(shop)), "save", title="Tar"))
    form = saved(counter, shop, form, title="Tarte")

    answer = counter.post(path_of(shop), form=form | {"title": "Tarte au sucre", "wish": "publish"})

    assert answer.headers["Location"].endswith("said=published")
    (offer,) = offers(sessions)
    assert (offer.status, offer.title) == (OfferStatus.LIVE, "Tarte au sucre")


def test_answers_that_were_lost_leave_one_draft_and_no_quarrel_with_oneself(
    counter: Browser, sessions: Sessions, shop: Shop
):
    empty = filled(counter.get(path_of(shop)), "save")
    for title in ("T", "Ta", "Tarte"):  # none of the answers arrives
        saved(counter, shop, empty, title=title)
    form = saved(counter, shop, empty, title="Tarte !")
    for title in ("Tarte !!", "Tarte !!!"):
        saved(counter, shop, form, title=title)

    assert counter.post(path_of(shop), form=form | {"title": "Flan", "wish": "publish"}).status_code == 303

    assert [(offer.title, offer.status) for offer in offers(sessions)] == [("Flan", OfferStatus.LIVE)]
    late = counter.post(path_of(shop), form=empty | {"title": "Fl", "wish": "save"})
    assert late.status_code == 412, "what comes late begins nothing"
    assert len(offers(sessions)) == 1


def test_what_cannot_be_read_yet_keeps_nothing(counter: Browser, sessions: Sessions, shop: Shop):
    sent = filled(counter.get(path_of(shop)), "save", title="Tarte", price="3,")
    assert counter.post(path_of(shop), form=sent).status_code == 422
    assert offers(sessions) == []
    saved(counter, shop, sent, price="3")
    assert [offer.price for offer in offers(sessions)] == [300]


def test_a_draft_that_is_taken_up_has_its_dates_and_its_prior_price(counter: Browser, sessions: Sessions, shop: Shop):
    typed = {"title": "Tarte", "price": "3", "reduction": "1", "prior_price": "5"}
    when = {"until": "autre", "ends_at": "2026-11-28T12:00", "starts_at": "2026-11-27T09:00"}
    form = saved(counter, shop, filled(counter.get(path_of(shop)), "save"), **typed, **when)
    again = filled(counter.get(f"{path_of(shop)}?de={form['draft']}"), "save")
    assert {name: again[name] for name in (*typed, *when)} == typed | when | {"price": "3,00", "prior_price": "5,00"}


@pytest.mark.parametrize("wish", ["save", "keep", "publish"])
def test_the_second_of_two_editors_reads_both_versions_and_chooses(
    counter: Browser, sessions: Sessions, shop: Shop, wish: str
):
    form = saved(counter, shop, filled(counter.get(path_of(shop)), "save", title="Tarte"), price="3")
    changed(sessions, "Tarte au sucre")

    page = ReadPage(counter.post(path_of(shop), form=form | {"title": "Flan", "price": "3,50", "wish": wish}))

    assert page.status == 412
    rows = [[cell.to_text().strip() for cell in row.query("th, td")] for row in page.all(".versions tbody tr")]
    assert [[cell.replace("\u00a0", " ") for cell in row] for row in rows] == [
        ["Titre", "Flan", "Tarte au sucre"],
        ["Prix en euros", "3,50 €", "3,00 €"],
    ]
    assert page.one("#title").attrs["value"] == "Flan"
    again = filled(page, wish)
    assert counter.post(path_of(shop), form=again).status_code == 412, "sent again without a choice"
    assert [offer.title for offer in offers(sessions)] == ["Tarte au sucre"]
    theirs = counter.get(page.one("a[data-theirs]").attrs["href"])
    assert theirs.one("#title").attrs["value"] == "Tarte au sucre"

    seen = page.one("#divergence [name=seen]").attrs["value"]
    mine = ReadPage(counter.post(path_of(shop), form=again | {"seen": seen, "wish": "mine"}))
    assert mine.one("#title").attrs["value"] == "Flan"
    assert [offer.title for offer in offers(sessions)] == ["Tarte au sucre"], "choosing keeps nothing yet"
    assert counter.post(path_of(shop), form=filled(mine, "keep")).status_code == 303
    assert [offer.title for offer in offers(sessions)] == ["Flan"]


def test_what_changes_while_she_chooses_is_shown_again(counter: Browser, sessions: Sessions, shop: Shop):
    form = saved(counter, shop, filled(counter.get(path_of(shop)), "save", title="Tarte"))
    changed(sessions, "Tarte au sucre")
    page = ReadPage(counter.post(path_of(shop), form=form | {"title": "Flan", "wish": "keep"}))
    changed(sessions, "Tarte au citron")
    seen = page.one("#divergence [name=seen]").attrs["value"]
    mine = ReadPage(counter.post(path_of(shop), form=filled(page, "mine", seen=seen)))
    again = ReadPage(counter.post(path_of(shop), form=filled(mine, "keep")))
    assert again.status == 412
    assert "Tarte au citron" in again.text(".versions")


def test_the_same_words_written_twice_are_no_quarrel(counter: Browser, sessions: Sessions, shop: Shop):
    form = saved(counter, shop, filled(counter.get(path_of(shop)), "save", title="Tarte"))
    changed(sessions, "Flan")
    assert counter.post(path_of(shop), form=form | {"title": "Flan ", "wish": "publish"}).status_code == 303
    assert [offer.status for offer in offers(sessions)] == [OfferStatus.LIVE]


@pytest.mark.parametrize("over", [False, True])
def test_what_a_colleague_published_stays_and_mine_becomes_another(
    counter: Browser, sessions: Sessions, shop: Shop, over: bool
):
    form = saved(counter, shop, filled(counter.get(path_of(shop)), "save", title="Tarte"))
    with sessions.begin() as session:
        offer = session.query(Offer).one()
        if over:
            withdraw(session, offer, now=NOW)
        else:
            publish(session, session.get_one(Shop, shop.id), offer, now=NOW)
    page = ReadPage(counter.post(path_of(shop), form=form | {"title": "Flan", "wish": "publish"}))
    assert page.status == 412
    assert "En faire une autre annonce" in page.text("#divergence")
    mine = ReadPage(counter.post(path_of(shop), form=filled(page, "mine", seen="2")))
    assert counter.post(path_of(shop), form=filled(mine, "publish")).status_code == 303
    first, second = offers(sessions)
    assert first.status is (OfferStatus.WITHDRAWN if over else OfferStatus.LIVE)
    assert (first.title, second.title, second.status) == ("Tarte", "Flan", OfferStatus.LIVE)


def test_another_shop_s_draft_is_absent(counter: Browser, sessions: Sessions, shop: Shop):
    with sessions.begin() as session:
        theirs = builders.an_offer(session, builders.a_shop(session), status=OfferStatus.DRAFT)
    sent = filled(counter.get(path_of(shop)), "save", title="Tarte", draft=str(theirs.id), version="1")
    for wish in ("save", "mine"):
        assert counter.post(path_of(shop), form=sent | {"wish": wish}).status_code == 404
    assert len(offers(sessions)) == 1
