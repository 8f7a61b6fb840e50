"""Whoever comes by a code, a letter or a feed is counted as a number of the day, once, and nobody else is."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.activity import WHOLE, Counted, DailyCount
from tests.builders import BETHUNE, a_shop, an_offer
from tests.pages.conftest import Browser

Sessions = sessionmaker[Session]
A_PERSON = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none"}


def counted(street: Sessions, reader: Browser) -> dict:
    reader.client.application.extensions["citylife"].visits.flush()
    with street() as session:
        return {row.subject: row.count for row in session.scalars(select(DailyCount)) if row.counted is VISITS}


VISITS = Counted.SHOP_PAGE_VISITS


def test_who_comes_is_counted_and_led_to_the_page_s_own_address(reader: Browser, street: Sessions):
    with street.begin() as session:
        shop = a_shop(session)
        offer = an_offer(session, shop)
        slug = shop.slug
    for address, way in ((f"/s/{slug}", "qr"), (f"/o/{offer.id}", "mail"), (f"/c/{BETHUNE}", "paper")):
        answer = reader.client.get(f"{address}?from={way}", headers=A_PERSON)
        assert (answer.status_code, answer.location) == (302, address)
        assert answer.headers["Cache-Control"] == "private, max-age=86400"
        assert reader.client.get(address).status_code == 200
    assert counted(street, reader) == {shop.id: 2, WHOLE: 1}
    kept = reader.client.get(f"/s/{slug}?lang=en&from=qr&x=%26", headers=A_PERSON)
    assert kept.location == f"/s/{slug}?lang=en&x=%26"
    for _ in range(50):
        reader.client.get(f"/s/{slug}?from=qr", headers=A_PERSON)
    assert counted(street, reader) == {shop.id: 50, WHOLE: 1}, "a loop counts little"


@pytest.mark.parametrize(
    "said",
    [
        {},
        {**A_PERSON, "Sec-Fetch-Mode": "no-cors"},
        {**A_PERSON, "Sec-Fetch-Dest": "iframe"},
        {**A_PERSON, "Sec-Purpose": "prefetch"},
        {**A_PERSON, "Cache-Control": "max-age=0"},
    ],
)
def test_what_is_no_person_s_coming_is_led_on_and_not_counted(reader: Browser, street: Sessions, said: dict):
    with street.begin() as session:
        slug = a_shop(session).slug
    assert reader.client.get(f"/s/{slug}?from=qr", headers=said).status_code == 302
    assert reader.client.head(f"/s/{slug}?from=qr", headers=A_PERSON).status_code == 302
    assert reader.client.get(f"/s/{slug}?from=elsewhere", headers=A_PERSON).status_code == 200
    reader.client.set_cookie("__Host-citylife-merchant", "cls_x")
    assert reader.client.get(f"/s/{slug}?from=qr", headers=A_PERSON).status_code == 302
    assert counted(street, reader) == {}
