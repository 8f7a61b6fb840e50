"""« Nouvelle annonce » without scripts: from an empty form to a live offer, once, and each fault at its field."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.merchants import Merchant
from citylife.answers import begin_answer
from citylife.database import engine_for, writing
from citylife.ledger.tables import Message
from citylife.offers import Offer, OfferStatus
from citylife.shops import Shop, ShopStatus
from tests import builders
from tests.pages.conftest import Browser, ReadPage, StandingClock, an_app
from tests.pages.counter import filled, her_browser, her_shop, offers, path_of

Sessions = sessionmaker[Session]


@pytest.fixture
def shop(sessions: Sessions) -> Shop:
    return her_shop(sessions)


@pytest.fixture
def counter(app: Flask, sessions: Sessions, shop: Shop) -> Browser:
    return her_browser(app, sessions)


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


def test_what_is_sent_while_the_first_may_still_be_refused_is_not_called_done(
    postgres_url: str, tmp_path: Path, clock: StandingClock
):
    engine = engine_for(postgres_url)
    sessions = writing(engine)
    shop = her_shop(sessions)
    for app in an_app(postgres_url, tmp_path, clock):  # on SQLite the second waits for the first
        counter = her_browser(app, sessions)
        typed = {"title": "Tarte", "price": "3", "reduction": "1"}
        sent = filled(counter.get(path_of(shop)), "publish", **typed)
        for kind in ("form", "draft"):
            with sessions() as first:
                who = f"merchant:{first.scalars(select(Merchant.id)).one()}"
                begin_answer(first, who, f"{kind}:{sent['key']}", b"0" * 32, now=builders.NOW)
                page = ReadPage(counter.post(path_of(shop), form=sent))
            assert page.status == 409
            assert "est déjà en train de partir" in page.text("main .problem")
            assert filled(page, "publish") == sent, "her words, under the key of the first"
        assert counter.post(path_of(shop), form=sent).status_code == 422, "the first was refused"
        assert counter.post(path_of(shop), form=sent | {"prior_price": "5"}).status_code == 303
        assert len(offers(sessions)) == 1
    engine.dispose()


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


def test_a_fault_of_the_end_stands_at_the_choice_that_was_made(counter: Browser, shop: Shop):
    sent = filled(counter.get(path_of(shop)), "publish", title="Tarte", until="2026-11-30T20:00")
    page = ReadPage(counter.post(path_of(shop), form=sent | {"starts_at": "2026-12-30T10:00", "wish": "keep"}))
    assert "La fin doit suivre le début" in page.text("#until-probleme")


def test_scheduled_and_kept(counter: Browser, sessions: Sessions, shop: Shop):
    when = {"starts_at": "2026-11-27T09:00", "until": "autre", "ends_at": "2026-11-28T12:00"}
    counter.post(path_of(shop), form=filled(counter.get(path_of(shop)), "schedule", title="Tarte", **when))
    counter.post(path_of(shop), form=filled(counter.get(path_of(shop)), "keep", title="Flan"))

    first, second = offers(sessions)

    assert (first.status, second.status) == (OfferStatus.SCHEDULED, OfferStatus.DRAFT)
    assert first.starts_at == dt.datetime(2026, 11, 27, 8, tzinfo=dt.UTC)


def an_old_offer(sessions: Sessions, shop: Shop, price: int, title: str = "Tarte", **said: Any) -> Offer:
    with sessions.begin() as session:
        then = builders.NOW - dt.timedelta(days=7)
        return builders.an_offer(
            session,
            session.get_one(Shop, shop.id),
            title=title,
            price=price,
            now=then,
            status=OfferStatus.ENDED,
            **said,
        )


def test_done_again_fills_all_but_dates(counter: Browser, sessions: Sessions, shop: Shop):
    old = an_old_offer(sessions, shop, 350, prior_price=500, reduction=True)
    page = counter.get(f"{path_of(shop)}?de={old.id}")
    assert page.one("#title").attrs["value"] == "Tarte"
    assert page.one("#price").attrs["value"] == "3,50"
    assert "checked" in page.one("#reduction").attrs
    assert not page.one("#prior_price").attrs["value"], "not what was declared then, nor what would be no reduction"
    assert "ce n’est pas encore une réduction" in page.text("#prior_price-source")


@pytest.mark.parametrize("said", [{}, {"reduction": True, "perishable": True}])
def test_an_offer_that_is_over_is_done_again_by_two_taps(
    counter: Browser, sessions: Sessions, shop: Shop, said: dict[str, Any]
):
    old = an_old_offer(sessions, shop, 350, **said)
    (link,) = [link for link in counter.get(f"/commerce/{shop.id}").all("a") if link.to_text().strip() == "Refaire"]
    assert link.attrs["href"].endswith(f"?de={old.id}")

    answer = counter.post(path_of(shop), form=filled(counter.get(link.attrs["href"]), "publish"))

    assert answer.headers["Location"].endswith("said=published")
    assert offers(sessions)[-1].ends_at == builders.NOW.replace(hour=19, minute=0)


def test_the_prior_price_is_the_lowest_of_what_the_shop_announced_and_yields_to_what_is_typed(
    counter: Browser, sessions: Sessions, shop: Shop
):
    an_old_offer(sessions, shop, 500)
    an_old_offer(sessions, shop, 450)
    typed = {"title": "tarte !", "price": "3", "reduction": "1"}
    empty = filled(counter.get(path_of(shop)), "look", **typed)

    page = ReadPage(counter.post(path_of(shop), form=empty))
    assert page.one("#prior_price").attrs["value"] == "4,50"
    assert "Le plus bas de vos annonces des 30 derniers jours : 4,50 €" in page.text("#prior_price-source")
    mine = ReadPage(counter.post(path_of(shop), form=empty | {"prior_price": "4,20"}))
    assert mine.one("#prior_price").attrs["value"] == "4,20"
    assert "4,50 €" in mine.text("#prior_price-source")
    for nothing in ({"reduction": ""}, {"perishable": "1"}, {"title": "Flan"}):
        page = ReadPage(counter.post(path_of(shop), form=empty | nothing))
        assert (page.one("#prior_price").attrs["value"], page.text("#prior_price-source")) == ("", "")
    refused = ReadPage(counter.post(path_of(shop), form=empty | {"wish": "publish"}))
    assert (refused.status, refused.one("#prior_price").attrs["value"]) == (422, "4,50"), (
        "she reads it before it is said"
    )


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
    assert [button.attrs["value"] for button in page.all("#annonce button[type=submit]")] == ["keep"]
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
