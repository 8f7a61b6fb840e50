"""« Nouvelle annonce » without scripts: from an empty form to a live offer, once, and each fault at its field."""

import datetime as dt
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.merchants import Merchant
from citylife.ledger.tables import Message
from citylife.offers import Offer, OfferStatus
from citylife.shops import Shop, ShopStatus
from tests import builders
from tests.pages.conftest import Browser, ReadPage

Sessions = sessionmaker[Session]


@pytest.fixture
def shop(sessions: Sessions) -> Shop:
    with sessions.begin() as session:
        merchant = builders.a_merchant(session, "camille@boulangerie.example")
        return builders.a_shop(session, "Le Fournil", merchant=merchant)


@pytest.fixture
def counter(app: Flask, sessions: Sessions, shop: Shop) -> Browser:
    browser = Browser(app)
    with sessions.begin() as session:
        merchant = session.scalars(select(Merchant).where(Merchant.email == "camille@boulangerie.example")).one()
        browser.client.set_cookie("__Host-citylife-merchant", builders.signed_in(session, merchant), secure=True)
    return browser


def filled(page: ReadPage, wish: str, **typed: str) -> dict[str, str]:
    """What a browser sends of the form once `typed` was typed and a button pressed."""
    sent = {}
    for field in page.all("main form input"):
        attributes = field.attrs
        if attributes.get("type") not in {"radio", "checkbox"} or "checked" in attributes:
            sent[attributes["name"]] = attributes.get("value", "")
    return sent | {"wish": wish, **typed}


def path_of(shop: Shop) -> str:
    return f"/commerce/{shop.id}/annonce"


def offers(sessions: Sessions) -> list[Offer]:
    with sessions() as session:
        return list(session.scalars(select(Offer).order_by(Offer.id)))


def test_a_title_and_a_tap_publish_until_this_evening(counter: Browser, sessions: Sessions, shop: Shop):
    page = counter.get(path_of(shop))

    answer = counter.post(path_of(shop), form=filled(page, "publish", title="Tarte au sucre", price="3,5"))

    assert (answer.status_code, answer.headers["Location"]) == (303, f"/commerce/{shop.id}?said=published")
    (offer,) = offers(sessions)
    assert (offer.status, offer.title, offer.price) == (OfferStatus.LIVE, "Tarte au sucre", 350)
    assert offer.ends_at == builders.NOW.replace(hour=19, minute=0), "20 h in Paris"
    assert "Tarte au sucre" in counter.get(answer.headers["Location"]).text("section[aria-labelledby=en-cours]")


def test_the_same_form_sent_twice_publishes_once(counter: Browser, sessions: Sessions, shop: Shop):
    sent = filled(counter.get(path_of(shop)), "publish", title="Tarte")
    counter.post(path_of(shop), form=sent)

    answer = counter.post(path_of(shop), form=sent)
    assert answer.headers["Location"] == f"/commerce/{shop.id}?said=already"

    assert len(offers(sessions)) == 1
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == 1
    counter.post(path_of(shop), form=filled(counter.get(path_of(shop)), "publish", title="Tarte"))
    assert len(offers(sessions)) == 2, "another form is another offer"


def test_a_form_that_was_sent_is_asked_about_before_it_becomes_another_offer(
    counter: Browser, shop: Shop, sessions: Sessions
):
    sent = filled(counter.get(path_of(shop)), "publish", title="Tarte")
    counter.post(path_of(shop), form=sent)

    page = ReadPage(counter.post(path_of(shop), form=sent | {"title": "Flan"}))

    assert page.status == 422
    assert "Ce formulaire a déjà servi" in page.text("main .problem")
    assert page.one("#title").attrs["value"] == "Flan"
    assert [offer.title for offer in offers(sessions)] == ["Tarte"]
    counter.post(path_of(shop), form=filled(page, "publish"))
    assert sorted(offer.title for offer in offers(sessions)) == ["Flan", "Tarte"]


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("title", {"title": " "}),
        ("price", {"price": "trois"}),
        ("price", {"reduction": "1"}),
        ("prior_price", {"price": "3", "reduction": "1"}),
        ("prior_price", {"price": "3", "reduction": "1", "prior_price": "2"}),
        ("quantity", {"quantity": "0"}),
        ("radius", {"radius": "5"}),
        ("ends_at", {"until": "autre", "ends_at": ""}),
        ("ends_at", {"until": "autre", "ends_at": "2020-01-01T10:00"}),
        ("starts_at", {"wish": "schedule"}),
    ],
)
def test_a_fault_stands_at_its_field_and_what_was_typed_stays(
    counter: Browser, sessions: Sessions, shop: Shop, field: str, typed: dict[str, Any]
):
    sent = filled(counter.get(path_of(shop)), "publish", title="Tarte", description="Au beurre") | typed

    page = ReadPage(counter.post(path_of(shop), form=sent))

    assert page.status == 422
    assert f"{field}-probleme" in page.one(f"#{field}").attrs["aria-describedby"].split()
    assert page.text(f"#{field}-probleme")
    assert page.one("#description").to_text().strip() == "Au beurre"
    assert offers(sessions) == []
    mended = {"key": sent["key"], "title": "Tarte", "until": "2026-11-30T20:00", "radius": "5000", "wish": "keep"}
    assert counter.post(path_of(shop), form=mended).status_code == 303, "what was refused used no key up"


def test_scheduled_and_kept(counter: Browser, sessions: Sessions, shop: Shop):
    when = {"starts_at": "2026-11-27T09:00", "until": "autre", "ends_at": "2026-11-28T12:00"}
    counter.post(path_of(shop), form=filled(counter.get(path_of(shop)), "schedule", title="Tarte", **when))
    counter.post(path_of(shop), form=filled(counter.get(path_of(shop)), "keep", title="Flan"))

    first, second = offers(sessions)

    assert (first.status, second.status) == (OfferStatus.SCHEDULED, OfferStatus.DRAFT)
    assert first.starts_at == dt.datetime(2026, 11, 27, 8, tzinfo=dt.UTC)


def test_done_again_fills_all_but_dates_and_prior_price(counter: Browser, sessions: Sessions, shop: Shop):
    with sessions.begin() as session:
        old = builders.an_offer(
            session, session.get_one(Shop, shop.id), title="Tarte", price=350, prior_price=500, reduction=True
        )
    page = counter.get(f"{path_of(shop)}?de={old.id}")
    assert page.one("#title").attrs["value"] == "Tarte"
    assert page.one("#price").attrs["value"] == "3,50"
    assert "checked" in page.one("#reduction").attrs
    assert not page.one("#prior_price").attrs["value"]


def test_a_draft_is_taken_up_and_published_itself(counter: Browser, sessions: Sessions, shop: Shop):
    counter.post(path_of(shop), form=filled(counter.get(path_of(shop)), "keep", title="Tarte"))
    (draft,) = offers(sessions)
    mine = counter.get(f"{path_of(shop)}?de={draft.id}")
    colleague = counter.get(f"{path_of(shop)}?de={draft.id}")

    counter.post(path_of(shop), form=filled(mine, "publish", title="Tarte au sucre"))

    (offer,) = offers(sessions)
    assert (offer.id, offer.status, offer.title) == (draft.id, OfferStatus.LIVE, "Tarte au sucre")
    late = ReadPage(counter.post(path_of(shop), form=filled(colleague, "publish", title="Flan")))
    assert late.status == 412
    assert late.one("#title").attrs["value"] == "Flan"
    assert [each.title for each in offers(sessions)] == ["Tarte au sucre"]


def test_a_shop_that_is_not_verified_keeps_drafts_alone(counter: Browser, sessions: Sessions, shop: Shop):
    with sessions.begin() as session:
        session.get_one(Shop, shop.id).status = ShopStatus.CLAIMED
    page = counter.get(path_of(shop))
    assert [button.attrs["value"] for button in page.all("main button")] == ["keep"]
    refused = ReadPage(counter.post(path_of(shop), form=filled(page, "publish", title="Tarte")))
    assert (refused.status, offers(sessions)) == (409, [])
    assert "pas encore vérifié" in refused.text("p[role=alert]")


def test_another_s_shop_or_offer_is_absent(counter: Browser, sessions: Sessions, shop: Shop):
    with sessions.begin() as session:
        other = builders.a_shop(session, "Ailleurs", merchant=builders.a_merchant(session))
        theirs = builders.an_offer(session, other)
    sent = filled(counter.get(path_of(shop)), "publish", title="Tarte")
    for path in (path_of(other), f"{path_of(shop)}?de={theirs.id}", f"{path_of(shop)}?de=x"):
        assert counter.get(path).status == 404
    assert counter.post(path_of(other), form=sent).status_code == 404
    taken = sent | {"draft": str(theirs.id), "version": str(theirs.version)}
    assert counter.post(path_of(shop), form=taken).status_code == 404
    assert len(offers(sessions)) == 1
