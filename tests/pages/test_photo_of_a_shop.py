"""The photo of a shop's page, without scripts: sent by its owner, shown to all, replaced, taken down, put back."""

import io
import json

import pytest
from flask import Flask
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.test import TestResponse

from citylife.accounts.merchants import Merchant, Role, join_team
from citylife.photos import MOST_BYTES
from citylife.shops import Shop
from tests import builders
from tests.pages.conftest import OURS, Browser
from tests.pages.test_merchant_shop import the_browser_of
from tests.pictures import a_drawing, saved

Sessions = sessionmaker[Session]


@pytest.fixture
def shop(sessions: Sessions) -> Shop:
    with sessions.begin() as session:
        return builders.a_shop(session, "Le Fournil", merchant=builders.a_merchant(session, "camille@fournil.example"))


def a_member(app: Flask, sessions: Sessions, shop: Shop, role: Role) -> Browser:
    with sessions.begin() as session:
        merchant = builders.a_merchant(session)
        join_team(session, merchant, session.get_one(Shop, shop.id), role, now=builders.NOW)
        return the_browser_of(app, session, session.get_one(Merchant, merchant.id))


@pytest.fixture
def owner(app: Flask, sessions: Sessions, shop: Shop) -> Browser:
    return a_member(app, sessions, shop, Role.OWNER)


def send(browser: Browser, shop: Shop, picture: bytes, **environment: str) -> TestResponse:
    return browser.client.post(
        f"/commerce/{shop.id}/photo",
        data={"photo": (io.BytesIO(picture), "devanture.jpg")},
        content_type="multipart/form-data",
        headers=OURS,
        environ_overrides=environment,
    )


def shown(browser: Browser, shop: Shop) -> list[str]:
    return [img.attrs["src"] for img in browser.get(f"/s/{shop.slug}").all(".photo img")]


def test_a_photo_is_shown_replaced_taken_down_and_put_back(app: Flask, owner: Browser, shop: Shop):
    citizen = Browser(app)
    assert shown(citizen, shop) == []
    answer = send(owner, shop, saved(a_drawing(1600, 1200, "navy")))
    assert answer.status_code == 303
    page = owner.get(answer.headers["Location"])
    assert "Votre page montre cette photo." in page.words
    (first,) = shown(citizen, shop)

    replaced = owner.get(send(owner, shop, saved(a_drawing(1600, 1200, "teal"))).headers["Location"])
    (second,) = shown(citizen, shop)
    assert second != first

    former = replaced.one('form[action$="/remettre"] input').attrs["value"]
    put_back = owner.post(f"/commerce/{shop.id}/photo/remettre", form={"photo": former})
    assert put_back.status_code == 303
    assert shown(citizen, shop) == [first]

    removed = owner.post(f"/commerce/{shop.id}/photo/retirer")
    page = owner.get(removed.headers["Location"])
    assert "Votre page ne montre plus de photo." in page.words
    assert shown(citizen, shop) == []
    assert page.all('form[action$="/remettre"]')
    journal = [line.to_text().split(" par ")[0] for line in owner.get(f"/commerce/{shop.id}/journal").all(".journal p")]
    acts = [words for words in journal if words.startswith("Photo")]
    assert acts == ["Photo de la page retirée", *["Photo de la page changée"] * 3]


def test_a_citizens_page_says_its_size_and_what_it_is_and_sends_phones_the_small_one(app: Flask, owner, shop: Shop):
    send(owner, shop, saved(a_drawing(1600, 1200)))
    page = Browser(app).get(f"/s/{shop.slug}")
    img, source = (page.one(f".photo {name}").attrs for name in ("img", "source"))
    assert (img["width"], img["height"], img["loading"]) == ("640", "480", "lazy")
    assert img["alt"] == "Photo\N{NO-BREAK SPACE}: Le Fournil"
    assert img["src"].endswith("/small.webp")
    assert (source["srcset"], source["width"]) == (img["src"].replace("small", "large"), "1280")
    thing = json.loads(page.one('script[type="application/ld+json"]').to_text())
    assert thing["image"].endswith(source["srcset"])
    assert thing["image"].startswith("http")


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        ((b"", {}), 422, "Choisissez d’abord une photo."),
        ((b"<svg/>", {}), 422, "Cette photo ne peut pas être lue."),
        ((b"<svg/>", {"CONTENT_LENGTH": str(MOST_BYTES + 100_000)}), 413, "trop lourde"),
    ],
)
def test_what_is_wrong_with_a_photo_stands_at_it(owner: Browser, shop: Shop, sent, status, words):
    picture, length = sent
    answer = send(owner, shop, picture, **length)
    assert answer.status_code == status
    assert words in answer.text
    assert 'id="photo-probleme"' in answer.text
    assert shown(owner, shop) == []


def test_a_seller_sees_it_and_changes_nothing(app: Flask, sessions: Sessions, owner: Browser, shop: Shop):
    send(owner, shop, saved(a_drawing()))
    seller = a_member(app, sessions, shop, Role.SELLER)
    page = seller.get(f"/commerce/{shop.id}")
    assert len(page.all(".photo img")) == 1
    assert not page.all('form[action*="/photo"]')
    assert send(seller, shop, saved(a_drawing(colour="navy"))).status_code == 403


def test_nobody_elses_photo_is_put_back(owner: Browser, sessions: Sessions, shop: Shop):
    with sessions.begin() as session:
        theirs = builders.a_photo(session, builders.a_shop(session)).id
    for named in (str(theirs), "nonsense", ""):
        assert owner.post(f"/commerce/{shop.id}/photo/remettre", form={"photo": named}).status_code == 422
        assert owner.get(f"/commerce/{shop.id}?avant={named}").answer.status_code == 200
    assert shown(owner, shop) == []
