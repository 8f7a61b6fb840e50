"""A bare address is asked for politely, and only a sure answer in the right commune is believed."""

import datetime as dt
from collections.abc import Iterator
from email.utils import format_datetime

import pytest

from citylife import addresses
from citylife.addresses import Address, AddressService, Spot
from citylife.clock import utc_now
from tests.doubles.address_service import Known, PlayedAddressService, Trouble, an_address_service

CONTACT = "mailto:contact@citylife.example"
LILLE = Address("12 rue de Lille", "62400", "Béthune", "62119")
WORDS = "12 rue de Lille 62400 Béthune"
RIGHT = Known(50.5301, 2.6403, "62119")
BUSY = Trouble(429, headers=(("Retry-After", "7"),))


@pytest.fixture
def played() -> Iterator[PlayedAddressService]:
    with an_address_service() as played:
        played.known[WORDS] = [RIGHT]
        yield played
        assert played.faults == []


@pytest.fixture
def waits() -> list[float]:
    """How long the service's guest waited, without waiting."""
    return []


@pytest.fixture
def service(played, waits) -> Iterator[AddressService]:
    with AddressService(played.url, contact=CONTACT, per_second=1e6, seconds=0.4, pause=waits.append) as service:
        yield service


def retries(waits: list[float]) -> list[float]:
    return [wait for wait in waits if wait > 0.01]


def test_an_address_is_found(played, service):
    assert service.find(LILLE) == Spot(50.5301, 2.6403, 0.97)
    assert played.asked == [WORDS]


@pytest.mark.parametrize(
    ("known", "sentence"),
    [
        ([], addresses.NOT_FOUND),
        ([Known(50.48, 2.55, "62178")], addresses.ELSEWHERE),
        ([Known(50.53, 2.64, "62119", score=0.59)], addresses.UNSURE),
        ([Known(50.53, 2.64, "62119", kind="municipality")], addresses.UNSURE),
        ([Known(50.48, 2.55, "62178", score=0.99), Known(50.53, 2.64, "62119", score=0.2)], addresses.UNSURE),
    ],
)
def test_what_is_unsure_or_elsewhere_is_no_answer(played, service, known, sentence):
    played.known[WORDS] = known
    assert service.find(LILLE) == sentence


def test_the_answer_in_the_commune_is_chosen_among_several(played, service):
    played.known[WORDS] = [Known(50.48, 2.55, "62178"), RIGHT]
    assert service.find(LILLE) == Spot(50.5301, 2.6403, 0.97)


def test_a_busy_service_is_left_alone_for_as_long_as_it_asks(played, service, waits):
    played.troubles = [BUSY, BUSY]
    assert isinstance(service.find(LILLE), Spot)
    assert retries(waits) == [7.0, 7.0]


def test_a_busy_service_may_say_until_when(played, service, waits):
    until = format_datetime(utc_now() + dt.timedelta(seconds=30), usegmt=True)
    played.troubles = [Trouble(429, headers=(("Retry-After", until),))]
    assert isinstance(service.find(LILLE), Spot)
    assert 25 < retries(waits)[0] <= 30


def test_a_service_that_is_busy_for_long_is_not_waited_for(played, service, waits):
    played.troubles = [Trouble(429, headers=(("Retry-After", "3600"),))]
    assert service.find(LILLE) == addresses.NO_ANSWER
    assert (len(played.asked), retries(waits)) == (1, [])


def test_a_busy_service_that_says_nothing_is_asked_later_and_later(played, service, waits):
    played.always = Trouble(429)
    assert service.find(LILLE) == addresses.NO_ANSWER
    assert (len(played.asked), retries(waits)) == (addresses.ATTEMPTS, [1.0, 2.0, 4.0])


@pytest.mark.parametrize(
    "trouble",
    [
        Trouble(500, body=b"{}"),
        Trouble(502, body=b"<html>Bad Gateway</html>"),
        Trouble(503),
        Trouble(seconds=0.8),
        Trouble(body=b"<html>maintenance</html>"),
        Trouble(body=b'{"features": [{"geometry": {"coordinates": [2.6'),
        Trouble(body=b"\xff\xfe\x00"),
    ],
    ids=["500", "502", "503", "slow", "html", "cut", "bytes"],
)
def test_a_stumbling_service_is_asked_again(played, service, trouble):
    played.troubles = [trouble]
    assert isinstance(service.find(LILLE), Spot)
    assert len(played.asked) == 2


@pytest.mark.parametrize(
    "body",
    [
        b'{"features": 12}',
        b'{"features": [{"geometry": {"coordinates": [NaN, NaN]}, "properties": {}}]}',
        b'{"features": [{}]}',
        b'{"features": [{"geometry": {"coordinates": ["a", "b"]}, "properties": {}}]}',
        b'{"features": [{"geometry": {"coordinates": [2.6, 50.5]}, "properties": {"score": null}}]}',
        b'{"features": [{"geometry": null, "properties": null}]}',
    ],
)
def test_json_that_says_nothing_is_no_answer(played, service, body):
    played.always = Trouble(body=body)
    assert service.find(LILLE) == addresses.NO_ANSWER


@pytest.mark.parametrize("body", [b"[]", b'"yes"', b"{}"])
def test_json_without_answers_is_an_address_not_found(played, service, body):
    played.always = Trouble(body=body)
    assert service.find(LILLE) == addresses.NOT_FOUND


def test_an_address_the_service_refuses_is_not_asked_again(played, service):
    played.troubles = [Trouble(400, body=b'{"message": "q"}')]
    assert service.find(LILLE) == addresses.NOT_FOUND
    assert len(played.asked) == 1


def test_too_long_an_address_is_not_asked_for(played, service):
    assert service.find(Address("r" * 200, "62400", "Béthune", "62119")) == addresses.TOO_LONG
    assert played.asked == []


@pytest.mark.parametrize("status", [401, 403])
def test_a_service_that_does_not_want_us_is_not_pressed(played, service, status):
    played.always = Trouble(status)
    for _ in range(addresses.FAILURES_IN_A_ROW + 3):
        assert service.find(LILLE) == addresses.NO_ANSWER
    assert len(played.asked) == addresses.FAILURES_IN_A_ROW


def test_an_answer_in_between_restores_trust(played, service):
    refusals = [Trouble(403)] * (addresses.FAILURES_IN_A_ROW - 1)
    for _ in range(2):
        played.troubles = list(refusals)
        for _ in refusals:
            assert service.find(LILLE) == addresses.NO_ANSWER
        assert isinstance(service.find(LILLE), Spot)


def test_nobody_there_is_no_answer(waits):
    with AddressService("http://127.0.0.1:9/geocodage", contact=CONTACT, seconds=0.4, pause=waits.append) as service:
        assert service.find(LILLE) == addresses.NO_ANSWER


def test_questions_keep_their_pace(played):
    with AddressService(played.url, contact=CONTACT, per_second=20) as service:
        for _ in range(5):
            service.find(LILLE)
    gaps = [after - before for before, after in zip(played.moments, played.moments[1:], strict=False)]
    assert len(gaps) == 4
    assert sum(gaps) >= 4 / 20 - 0.02


@pytest.mark.parametrize(
    ("target", "agent"),
    [
        ("/search?q=rue", "Citylife (mailto:a@b.example)"),
        ("/geocodage/search?q=rue&postcode=62400", "Citylife (mailto:a@b.example)"),
        ("/geocodage/search?q=r", "Citylife (mailto:a@b.example)"),
        ("/geocodage/search?q=rue&q=place", "Citylife (mailto:a@b.example)"),
        ("/geocodage/search?q=rue&limit=50", "Citylife (mailto:a@b.example)"),
        ("/geocodage/search?q=rue", "geopy/2.5.0"),
    ],
)
def test_the_double_is_strict(target, agent):
    played = PlayedAddressService()
    assert played.answer(target, agent).status == 400
    assert len(played.faults) == 1
    assert PlayedAddressService().answer("/geocodage/search?q=rue", "Citylife (mailto:a@b.example)").status == 200
