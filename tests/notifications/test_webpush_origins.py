"""One slow push service delays no other: bounds by origin, and a time limit for every message."""

import time

import pytest

from notifications.webpush import Answer
from tests.doubles.push_service import APPLE, FCM, MOZILLA, SILENT, WINDOWS, PushService, answers
from tests.doubles.sending import a_sender, an_envelope, send_all


@pytest.fixture(scope="module")
def service():
    with PushService() as running:
        yield running


PATIENCE = 60.0
"""Seconds until something is given up, however busy the machine is."""
FOREVER = 600.0
"""Seconds a message, where none is to run out of time in the test."""


def until_back(sender, keys):
    """Turn until these have come back; what came."""
    until = time.monotonic() + PATIENCE
    back = {}
    while not keys <= set(back):
        assert time.monotonic() < until, f"{len(keys - set(back))} have not come back"
        back |= {outcome.key: outcome for outcome in sender.turn(0.2)}
    return back


def turning(sender, enough):
    """Turn until there is enough, and for a second more: what comes then is too much."""
    until = time.monotonic() + PATIENCE
    while not enough():
        assert time.monotonic() < until
        assert sender.turn(0.1) == []
    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        assert sender.turn(0.1) == []


def test_a_silent_origin_with_a_long_queue_delays_no_other(service):
    service.behave(APPLE, SILENT)
    with a_sender(service, most_in_flight=64, most_to_one_origin=16, seconds_a_message=FOREVER) as sender:
        for _ in range(200):
            sender.submit(an_envelope(service.subscribe(APPLE)))
        others = [an_envelope(service.subscribe(host)) for host in (FCM, MOZILLA, WINDOWS) for _ in range(100)]
        for other in others:
            sender.submit(other)
        back = until_back(sender, {other.key for other in others})
        assert {outcome.answer for outcome in back.values()} == {Answer.ACCEPTED}
        assert sender.in_flight_to(f"https://{APPLE}") == 200
    service.behave(APPLE, answers(201))


def test_no_more_leaves_to_one_origin_than_it_has_room_for(service):
    service.behave(MOZILLA, SILENT)
    before = service.requests_to[MOZILLA]
    with a_sender(service, most_to_one_origin=5, seconds_a_message=FOREVER) as sender:
        for _ in range(40):
            sender.submit(an_envelope(service.subscribe(MOZILLA)))
        turning(sender, lambda: service.requests_to[MOZILLA] - before >= 5)
        assert service.requests_to[MOZILLA] - before == 5
        assert sender.in_flight_to(f"https://{MOZILLA}") == 40
    service.behave(MOZILLA, answers(201))


def test_no_more_leaves_in_all_than_the_sender_takes_on(service):
    hosts = [f"node{number}.push.apple.com" for number in range(6)]
    for host in hosts:
        service.behave(host, SILENT)
    before = service.requests
    with a_sender(service, most_in_flight=12, most_to_one_origin=4, seconds_a_message=FOREVER) as sender:
        for host in hosts:
            for _ in range(10):
                sender.submit(an_envelope(service.subscribe(host)))
        turning(sender, lambda: service.requests - before >= 12)
        assert service.requests - before == 12


def test_what_waits_leaves_as_soon_as_there_is_room_in_the_order_it_came(service):
    with a_sender(service, most_to_one_origin=1) as sender:
        subscriptions = [service.subscribe() for _ in range(20)]
        start = len(service.deliveries)
        send_all(sender, [an_envelope(each) for each in subscriptions])
    arrived = [delivery.endpoint for delivery in service.deliveries[start:]]
    assert arrived == [each.endpoint for each in subscriptions]


@pytest.mark.long
def test_a_message_has_its_whole_time_on_the_wire_however_long_it_waited(service):
    service.behave(FCM, answers(201, delay=0.6))
    with a_sender(service, most_to_one_origin=1, seconds_a_message=2.5) as sender:
        back = send_all(sender, [an_envelope(service.subscribe()) for _ in range(7)])
    service.behave(FCM, answers(201))
    assert {outcome.answer for outcome in back.values()} == {Answer.ACCEPTED}


@pytest.mark.long
def test_a_time_limit_is_of_each_message_not_of_the_connection(service):
    silent = service.subscribe()
    service.behave(silent, SILENT)
    with a_sender(service, seconds_a_message=3.0, connections_to_one_origin=1) as sender:
        sender.submit(an_envelope(silent, key="silent"))
        began = time.monotonic()
        answered = 0
        while sender.in_flight:
            sender.submit(an_envelope(service.subscribe(), key=f"other {answered}"))
            back = until_back(sender, {f"other {answered}"})
            answered += 1
            assert time.monotonic() - began < PATIENCE, "what is answered beside it gives it no more time"
            if "silent" in back:
                assert (back["silent"].answer, back["silent"].detail) == (Answer.RETRY, "timeout")
                break
        assert time.monotonic() - began > 2.9
        assert answered > 10


def test_a_turn_ends_when_its_time_is_up(service):
    silent = service.subscribe()
    service.behave(silent, SILENT)
    with a_sender(service, seconds_a_message=FOREVER) as sender:
        sender.submit(an_envelope(silent))
        began = time.monotonic()
        assert sender.turn(0.3) == []
        assert 0.25 < time.monotonic() - began < PATIENCE
        began = time.monotonic()
        for _ in range(100):
            assert sender.turn(0.0) == []
        assert time.monotonic() - began < PATIENCE
