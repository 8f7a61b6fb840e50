"""« Signaler »: a form about an offer that asks nobody's name, and says that it was heard."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.offers import Offer, OfferStatus
from citylife.reports import Report, Wrong
from tests.builders import a_shop, an_offer
from tests.pages.conftest import Browser

Sessions = sessionmaker[Session]


@pytest.fixture
def offer(street: Sessions) -> Offer:
    with street.begin() as session:
        return an_offer(session, a_shop(session, "Le Fournil"), title="Tarte au sucre")


def reports(street: Sessions) -> list[Report]:
    with street() as session:
        return list(session.scalars(select(Report)))


def test_the_page_of_the_offer_and_of_its_shop_lead_to_it(reader: Browser, offer: Offer):
    path = f"/o/{offer.id}/signaler"
    page = reader.get(f"/o/{offer.id}")

    assert page.text(f'a[href="{path}"]') == "Signaler cette annonce"
    shop = page.one('.actions a[href^="/s/"]').attrs["href"]
    assert reader.get(shop).text(f'.facts-area a[href="{path}"]') == "Tarte au sucre"


def test_what_is_said_is_kept_and_nobody_becomes_known(reader: Browser, street: Sessions, offer: Offer):
    form = {"reason": "misleading", "detail": "Le prix n’est pas\r\ncelui du magasin."}

    answer = reader.post(f"/o/{offer.id}/signaler", form=form)

    assert answer.status_code == 303
    assert "Set-Cookie" not in answer.headers
    assert "C’est noté, merci" in reader.get(answer.headers["Location"]).words
    [report] = reports(street)
    assert (report.wrong, report.count) == (Wrong.MISLEADING, 1)
    assert report.details == ["Le prix n’est pas\ncelui du magasin."]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({}, "choisissez une raison"),
        ({"reason": "boring", "detail": "Gardé <b>"}, "choisissez une raison"),
        ({"reason": "other", "detail": "x" * 501}, "500"),
    ],
)
def test_what_cannot_be_taken_is_said_beside_the_field_and_nothing_typed_is_lost(
    reader: Browser, street: Sessions, offer: Offer, form: dict[str, str], said: str
):
    answer = reader.post(f"/o/{offer.id}/signaler", form=form)

    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert 'role="alert"' in page
    assert said in page
    assert form.get("detail", "").replace("<b>", "&lt;b&gt;") in page
    assert reports(street) == []


def test_one_place_of_the_network_is_heard_ten_times_an_hour(reader: Browser, street: Sessions, offer: Offer):
    path = f"/o/{offer.id}/signaler"
    for _ in range(10):
        assert reader.post(path, form={"reason": "other"}).status_code == 303

    assert reader.post(path, form={"reason": "other"}).status_code == 429
    assert [report.count for report in reports(street)] == [10]


def test_another_site_s_page_reports_nothing(reader: Browser, street: Sessions, offer: Offer):
    answer = reader.post(f"/o/{offer.id}/signaler", {"Sec-Fetch-Site": "cross-site"}, {"reason": "other"})

    assert answer.status_code == 403
    assert reports(street) == []


def test_what_is_not_public_cannot_be_reported(reader: Browser, street: Sessions):
    with street.begin() as session:
        draft = an_offer(session, a_shop(session), status=OfferStatus.DRAFT)

    assert reader.get(f"/o/{draft.id}/signaler").status == 404
    assert reader.post(f"/o/{draft.id}/signaler", form={"reason": "other"}).status_code == 404
