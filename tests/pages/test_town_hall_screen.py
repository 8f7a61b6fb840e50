"""A town hall's screen: every offer on some page, each with its code, turning and standing still without any script."""

import datetime as dt
import re

import pytest
from sqlalchemy.orm import Session, sessionmaker

from blueprints.pages.public import screen
from tests.builders import BETHUNE, NOW, a_shop, an_offer
from tests.pages.conftest import Browser, ReadPage, StandingClock

Sessions = sessionmaker[Session]
PATH = f"/c/{BETHUNE}/ecran"


def people(street: Sessions, count: int) -> list[str]:
    """So many offers, each of a shop of its own; the addresses of their pages in the order they end."""
    with street.begin() as session:
        offers = [
            an_offer(session, a_shop(session, street="3 rue d’Arras"), title=f"Annonce {at:02}", ends_at=ends)
            for at in range(count)
            for ends in (NOW + dt.timedelta(hours=8, minutes=at),)
        ]
        return [f"http://localhost:8000/o/{offer.id}" for offer in offers]


def seen(page: ReadPage) -> list[str]:
    """The titles on the page that is shown."""
    (shown,) = (each for each in page.all("[data-page]") if "hidden" not in each.attrs)
    return [title.to_text().strip() for title in shown.query("h3")]


def following(page: ReadPage) -> str | None:
    """Where the page goes by itself without scripts."""
    asked = re.search('<noscript><meta http-equiv="refresh" content="([^"]+)"></noscript>', page.answer.text)
    return asked[1] if asked else None


def test_pages_follow_each_other_and_begin_again(reader: Browser, street: Sessions):
    people(street, 7)

    first = reader.get(PATH)
    assert seen(first) == ["Annonce 00", "Annonce 01", "Annonce 02"]
    assert following(first) == f"{screen.SECONDS}; url={PATH}?page=2"
    assert seen(reader.get(f"{PATH}?page=2")) == ["Annonce 03", "Annonce 04", "Annonce 05"]
    last = reader.get(f"{PATH}?page=3")
    assert seen(last) == ["Annonce 06"]
    assert following(last) == f"{screen.SECONDS}; url={PATH}?page=1"
    assert "Page 3 sur 3" in last.words


@pytest.mark.parametrize(("asked", "title"), [("0", "06"), ("-1", "03"), ("4", "00"), ("x", "00"), ("9" * 30, "06")])
def test_a_page_that_is_not_there_is_one_that_is(reader: Browser, street: Sessions, asked: str, title: str):
    people(street, 7)

    assert seen(reader.get(f"{PATH}?page={asked}"))[0] == f"Annonce {title}"


def test_it_stands_still_when_it_is_told_to_and_goes_on(reader: Browser, street: Sessions):
    people(street, 7)

    still = reader.get(reader.get(f"{PATH}?page=2").one("[data-still]").attrs["href"])
    assert following(still) is None
    assert seen(still)[0] == "Annonce 03"
    turned = reader.get(still.all('[data-turn="1"]')[0].attrs["href"])
    assert (following(turned), seen(turned)) == (None, ["Annonce 06"])
    again = reader.get(turned.one("[data-still]").attrs["href"])
    assert following(again) is not None
    assert seen(again) == ["Annonce 06"]


def test_each_offer_has_the_code_of_its_own_page(reader: Browser, street: Sessions):
    addresses = people(street, 4)

    source = reader.client.get(PATH).text
    assert all(screen.mark(f"{address}?from=screen") in source for address in addresses)
    assert len({screen.mark(address) for address in addresses}) == 4
    labels = [found.attrs["aria-label"] for found in reader.get(PATH).all('article [role="img"]')]
    assert labels == [f"Code QR\u00a0: Annonce {at:02}" for at in range(4)]


def test_without_any_offer_it_asks_people_in(reader: Browser):
    page = reader.get(PATH)

    assert page.all("[data-page]") == []
    assert "hidden" not in page.one("[data-empty]").attrs
    assert screen.mark(f"http://localhost:8000/c/{BETHUNE}") in reader.client.get(PATH).text
    assert following(page) is not None


def test_what_finds_no_room_is_counted(reader: Browser, street: Sessions, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(screen, "MOST", 4)
    people(street, 7)

    page = reader.get(PATH)
    assert len(page.all("[data-ends]")) == 4
    assert "Et 3 autres offres" in page.one("footer").to_text()
    monkeypatch.setattr(screen, "MOST", 6)
    assert "Et 1\u00a0autre offre," in reader.get(PATH).one("footer").to_text()


def test_it_tells_the_time_of_paris_and_may_be_kept_a_little(reader: Browser, clock: StandingClock):
    clock.moment = dt.datetime(2026, 7, 1, 7, 5, tzinfo=dt.UTC)
    page = reader.get(PATH)

    assert page.text("[data-clock]") == "09:05"
    assert page.text("[data-updated]") == "Mis à jour à 9 h 05"
    assert page.answer.headers["Cache-Control"] == "public, max-age=30"
    assert reader.get(PATH, **{"If-None-Match": page.answer.headers["ETag"]}).status == 304
    assert reader.get("/c/75056/ecran").status == 404
