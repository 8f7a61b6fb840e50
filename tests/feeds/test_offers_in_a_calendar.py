"""Calendars, read by icalendar: events that keep their ids, say they are cancelled, and hold no line too many."""

import datetime as dt

import icalendar
import pytest
from hypothesis import given
from hypothesis import settings as rules
from hypothesis import strategies as st

from blueprints.feeds.calendar import folded_line, text
from citylife import offers
from tests.builders import a_stand, an_offer

LONG = ("Pains, viennoiseries ; et \\ « spécialités » du Béthunois 🥖🥐 مخبزة\n" * 20)[:1000]


def read(town, shop):
    answer = town.client.get(f"/s/{shop.slug}/offers.ics")
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "text/calendar; charset=utf-8"
    assert answer.data.endswith(b"\r\n")
    assert b"\n" not in answer.data.replace(b"\r\n", b"")
    assert b"\r" not in answer.data.replace(b"\r\n", b"")
    for line in answer.data.split(b"\r\n"):
        assert len(line) <= 75
        line.decode()  # never cut inside a character
    calendar = icalendar.Calendar.from_ical(answer.data)
    assert calendar.errors == []
    events = calendar.walk("VEVENT")
    for event in events:
        assert event.errors == []
    return calendar, events


def an(town, shop, **said):
    with town.sessions.begin() as session:
        return an_offer(session, shop, now=town.clock(), **said)


def act(town, offer, verb):
    with town.sessions.begin() as session:
        verb(session, session.get_one(offers.Offer, offer.id), now=town.clock())


def test_offers_are_events_with_their_place_and_time(town):
    shop = town.shop("Le Fournil", street="1 rue d’Arras", postal_code="62400")
    offer = an(town, shop, title="Atelier, pain & levain ; à 14 h", kind=offers.OfferKind.EVENT, price=0)

    calendar, (event,) = read(town, shop)

    assert (calendar["VERSION"], calendar["METHOD"], calendar["X-WR-CALNAME"]) == ("2.0", "PUBLISH", "Le Fournil")
    assert event["UID"] == f"urn:uuid:{offer.id}"
    assert event["SUMMARY"] == "Atelier, pain & levain ; à 14 h"
    assert event["STATUS"] == "CONFIRMED"
    assert event.decoded("DTSTART") == town.clock()
    assert event.decoded("DTEND") == offer.ends_at
    assert event["LOCATION"] == "Le Fournil, 1 rue d’Arras, 62400 Béthune"
    assert event["URL"] == f"http://localhost:8000/o/{offer.id}"
    assert event["GEO"].to_ical() == "50.53015;2.64035"
    assert "Gratuit" in event["DESCRIPTION"]


def test_an_offer_of_a_market_trader_is_where_she_stands_that_day(town):
    shop = town.shop("Fromages de Cécile", street="1 rue d’Arras", postal_code="62400")
    tomorrow = town.clock() + dt.timedelta(days=1)
    an(town, shop, title="Tomme", ends_at=tomorrow)
    with town.sessions.begin() as session:
        a_stand(session, shop, 1)

    _, (event,) = read(town, shop)
    assert event["LOCATION"] == "Fromages de Cécile, Marché de Bruay, Bruay-la-Buissière"
    assert event["GEO"].to_ical() == "50.4833;2.55"
    read_at = town.client.get(f"/s/{shop.slug}/offers.ics").headers["Last-Modified"]

    town.clock.forward(hours=14)  # past midnight in Paris
    since = {"If-Modified-Since": read_at}
    assert town.client.get(f"/s/{shop.slug}/offers.ics", headers=since).status_code == 200
    _, (event,) = read(town, shop)
    assert event["LOCATION"] == "Fromages de Cécile, 1 rue d’Arras, 62400 Béthune"


def test_a_correction_counts_and_what_is_called_off_is_cancelled_under_the_same_id(town):
    shop = town.shop()
    offer = an(town, shop, title="Couques")
    _, (event,) = read(town, shop)
    first = event["SEQUENCE"]

    town.clock.forward(minutes=1)
    act(town, offer, offers.sold_out)
    _, (sold,) = read(town, shop)
    assert (sold["UID"], sold["STATUS"]) == (f"urn:uuid:{offer.id}", "CANCELLED")
    assert sold["SEQUENCE"] > first
    assert sold.decoded("LAST-MODIFIED") == town.clock()
    assert sold["SUMMARY"] == "Épuisé\xa0: Couques"

    town.clock.forward(seconds=5)
    act(town, offer, offers.undo_sold_out)
    _, (back,) = read(town, shop)
    assert (back["STATUS"], back["SUMMARY"]) == ("CONFIRMED", "Couques")
    assert back["SEQUENCE"] > sold["SEQUENCE"]

    town.clock.forward(minutes=1)
    act(town, offer, offers.withdraw)
    _, (gone,) = read(town, shop)
    assert (gone["UID"], gone["STATUS"], gone["SUMMARY"]) == (f"urn:uuid:{offer.id}", "CANCELLED", "Annonce retirée")
    assert gone["SEQUENCE"] > back["SEQUENCE"]
    town.clock.forward(days=1)
    assert read(town, shop)[1] == []


def test_a_text_of_a_thousand_characters_is_folded_and_read_back_whole(town):
    shop = town.shop()
    an(town, shop, title="🥖" * 80, description=LONG)

    _, (event,) = read(town, shop)

    assert event["SUMMARY"] == "🥖" * 80
    assert str(event["DESCRIPTION"]).endswith(LONG.strip())


@pytest.mark.parametrize(
    "typed",
    [
        "Fin\\nEND:VEVENT",
        "END:VCALENDAR",
        "a;b,c:d\\",
        '"guillemets"; X=1',
        "ligne\r\nATTACH:http://evil.example/",
        "ligne\rEND:VEVENT\nBEGIN:VALARM",
    ],
)
def test_no_text_can_begin_a_line_of_its_own(town, typed):
    shop = town.shop()
    an(town, shop, title=" ".join(typed.split()), description=typed)

    calendar, (event,) = read(town, shop)

    assert event["SUMMARY"] == " ".join(typed.split())
    assert str(event["DESCRIPTION"]).endswith(typed.replace("\r\n", "\n").replace("\r", "\n"))
    assert "ATTACH" not in event
    assert [part.name for part in calendar.walk()] == ["VCALENDAR", "VEVENT"]


@rules(max_examples=200)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_whatever_is_written_stays_in_one_property(typed: str):
    line = folded_line(f"SUMMARY:{text(typed)}")

    assert line.endswith(b"\r\n")
    assert all(len(piece) <= 75 for piece in line.split(b"\r\n"))
    pieces = line.removesuffix(b"\r\n").split(b"\r\n")
    assert all(piece.startswith(b" ") for piece in pieces[1:])
    whole = b"".join([pieces[0], *(piece[1:] for piece in pieces[1:])]).decode()
    assert whole == f"SUMMARY:{text(typed)}"
    assert "\n" not in whole
    assert "\r" not in whole


def test_an_event_that_was_scheduled_begins_when_it_says(town):
    shop = town.shop()
    begins = town.clock() + dt.timedelta(hours=2)
    offer = an(town, shop, status=offers.OfferStatus.SCHEDULED, starts_at=begins)
    assert read(town, shop)[1] == []

    town.clock.forward(hours=2)
    with town.sessions.begin() as session:
        offers.start_due(session, offer.id, now=town.clock())

    _, (event,) = read(town, shop)
    assert event.decoded("DTSTART") == begins


def test_one_offer_alone_is_the_same_event_and_names_no_calendar(town):
    shop = town.shop("Le Fournil")
    offer = an(town, shop, title="Tarte au sucre")
    other = an(town, shop, title="Une autre")
    address = f"/o/{offer.id}/offer.ics"

    answer = town.client.get(address)
    calendar = icalendar.Calendar.from_ical(answer.data)
    [event] = calendar.walk("VEVENT")
    _, events = read(town, shop)

    assert answer.content_type == "text/calendar; charset=utf-8"
    assert event.to_ical() in [each.to_ical() for each in events]
    assert event["SUMMARY"] == "Tarte au sucre"
    assert {"NAME", "X-WR-CALNAME", "REFRESH-INTERVAL", "URL"} & set(calendar) == set()
    assert town.client.get(address, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304

    act(town, offer, offers.sold_out)
    [event] = icalendar.Calendar.from_ical(town.client.get(address).data).walk("VEVENT")
    assert (event["STATUS"], event["UID"]) == ("CANCELLED", f"urn:uuid:{offer.id}")
    act(town, other, offers.withdraw)
    assert town.client.get(f"/o/{other.id}/offer.ics").status_code == 404
