"""The photo of an announcement, without scripts: it comes with the form, stays through faults, and citizens see it."""

import io
import uuid

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.test import TestResponse

from citylife.accounts.merchants import Merchant
from citylife.offers import Offer, OfferStatus, OfferVersion
from citylife.photos import MOST_BYTES, Photo
from citylife.shops import Shop
from tests import builders
from tests.pages.conftest import OURS, Browser, ReadPage
from tests.pages.test_merchant_shop import camille, counter, shop, the_browser_of  # noqa: F401 - fixtures
from tests.pictures import a_drawing, saved

Sessions = sessionmaker[Session]
WRITTEN = {"title": "Tarte au sucre", "until": "2026-11-25T20:00", "radius": "5000", "wish": "publish"}
PICTURE = saved(a_drawing(1600, 1200))


def send(browser: Browser, address: str, picture: bytes | None = PICTURE, **written: str) -> TestResponse:
    form = {**WRITTEN, "key": str(uuid.uuid4()), **written}
    file = {} if picture is None else {"photo": (io.BytesIO(picture), "tarte.jpg")}
    kind = "multipart/form-data"
    return browser.client.post(address, data={**form, **file}, content_type=kind, headers=OURS)


def the_offer(sessions: Sessions) -> Offer:
    with sessions() as session:
        return session.scalars(select(Offer)).one()


def photo_of(app: Flask, offer: Offer) -> list[str]:
    return [img.attrs["src"] for img in Browser(app).get(f"/o/{offer.id}").all(".photo img")]


def test_an_offer_is_published_with_its_photo_and_citizens_see_it(app, counter, sessions, shop):  # noqa: F811
    assert send(counter, f"/commerce/{shop.id}/annonce").status_code == 303
    offer = the_offer(sessions)
    assert offer.status is OfferStatus.LIVE
    assert photo_of(app, offer) == [f"/photos/{offer.photo_id}/small.webp"]
    page = Browser(app).get(f"/o/{offer.id}")
    assert page.one(".photo img").attrs["alt"] == "Photo\N{NO-BREAK SPACE}: Tarte au sucre"
    assert f'"image":"http://localhost:8000/photos/{offer.photo_id}/large.webp"' in page.answer.text
    with sessions() as session:
        assert session.scalars(select(OfferVersion.content)).one()["photo_id"] == str(offer.photo_id)


def test_a_photo_whose_bytes_look_like_the_end_of_a_form_comes_through_whole(counter, sessions, shop):  # noqa: F811
    """As most that are larger than what is read at once do: a telephone's are a hundred times that."""
    comment = b"\r\n-" * 21_000
    noted = b"\xff\xfe" + (len(comment) + 2).to_bytes(2) + comment
    picture = PICTURE[:2] + noted * 7 + PICTURE[2:]

    assert send(counter, f"/commerce/{shop.id}/annonce", picture).status_code == 303

    assert the_offer(sessions).photo_id is not None


def test_a_photo_stays_chosen_when_something_else_is_wrong(counter, sessions, shop):  # noqa: F811
    refused = ReadPage(send(counter, f"/commerce/{shop.id}/annonce", title="", wish="keep"))
    assert refused.status == 422
    chosen = refused.one('input[name="photo_id"]').attrs["value"]
    assert refused.one(".photo img").attrs["src"] == f"/photos/{chosen}/small.webp"
    answer = send(counter, f"/commerce/{shop.id}/annonce", None, photo_id=chosen, wish="keep")
    assert answer.status_code == 303
    assert str(the_offer(sessions).photo_id) == chosen


def test_a_form_sent_twice_makes_one_offer_and_one_photo(counter, sessions, shop):  # noqa: F811
    key = str(uuid.uuid4())
    for said in ("published", "already"):
        answer = send(counter, f"/commerce/{shop.id}/annonce", key=key)
        assert answer.headers["Location"].endswith(f"said={said}")
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Offer)) == 1
        assert session.scalar(select(func.count()).select_from(Photo)) == 1


@pytest.mark.parametrize(
    ("picture", "words"),
    [(b"<svg/>", "ne peut pas être lue"), (saved(a_drawing(90, 90)), "trop petite")],
)
def test_what_is_wrong_with_a_photo_stands_at_its_field_and_nothing_is_published(
    counter,  # noqa: F811
    sessions,
    shop,  # noqa: F811
    picture,
    words,
):
    page = ReadPage(send(counter, f"/commerce/{shop.id}/annonce", picture))
    assert page.status == 422
    assert words in page.text("#photo_id-probleme")
    assert page.one('input[name="title"]').attrs["value"] == "Tarte au sucre"
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Offer)) == 0


def test_a_photo_that_is_too_heavy_is_refused_before_it_is_read(counter, shop):  # noqa: F811
    answer = counter.client.post(
        f"/commerce/{shop.id}/annonce",
        data={"photo": (io.BytesIO(PICTURE), "tarte.jpg")},
        headers={**OURS, "Accept": "text/html"},
        environ_overrides={"CONTENT_LENGTH": str(MOST_BYTES * 2)},
    )
    assert answer.status_code == 413
    assert "trop lourde" in answer.text


def test_a_live_offer_changes_its_photo_loses_it_and_keeps_what_was_published(app, counter, sessions, shop):  # noqa: F811
    send(counter, f"/commerce/{shop.id}/annonce")
    offer = the_offer(sessions)
    address = f"/commerce/offres/{offer.id}/corriger"
    form = counter.get(address)
    assert form.one('input[name="photo_id"]').attrs["value"] == str(offer.photo_id)
    version = form.one('input[name="version"]').attrs["value"]
    other = saved(a_drawing(1600, 1200, "teal"))
    corrected = send(counter, address, other, version=version, photo_id=str(offer.photo_id), wish="correct")
    assert corrected.status_code == 303
    changed = the_offer(sessions)
    assert changed.photo_id != offer.photo_id
    gone = {"version": str(changed.version), "photo_id": str(changed.photo_id), "without_photo": "1"}
    assert send(counter, address, None, wish="correct", **gone).status_code == 303
    assert photo_of(app, offer) == []
    with sessions() as session:
        published = [version["photo_id"] for version in session.scalars(select(OfferVersion.content))]
        assert published == [str(offer.photo_id), str(changed.photo_id), None]
        assert all(session.scalars(select(Photo.published)))


def test_an_offer_done_again_has_the_same_photo_and_nobody_takes_anothers(app, counter, sessions, shop):  # noqa: F811
    send(counter, f"/commerce/{shop.id}/annonce")
    offer = the_offer(sessions)
    again = counter.get(f"/commerce/{shop.id}/annonce?de={offer.id}")
    assert again.one('input[name="photo_id"]').attrs["value"] == str(offer.photo_id)
    with sessions.begin() as session:
        merchant = builders.a_merchant(session)
        elsewhere: Shop = builders.a_shop(session, merchant=merchant)
        theirs = the_browser_of(app, session, session.get_one(Merchant, merchant.id))
    for named in (str(offer.photo_id), "nonsense"):
        page = ReadPage(send(theirs, f"/commerce/{elsewhere.id}/annonce", None, photo_id=named))
        assert (page.status, page.all(".photo")) == (422, [])
        assert "n’est plus là" in page.text("#photo_id-probleme")
