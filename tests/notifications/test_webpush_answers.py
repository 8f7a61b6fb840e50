"""Every way a push service answers, over HTTP/2 and HTTP/1.1: what it means, and that nobody else waits for it."""

import time

import pytest

from notifications.webpush import Answer
from tests.doubles.push_service import (
    APPLE,
    DRIPS,
    DRIPS_ITS_BODY,
    FCM,
    MOZILLA,
    RESETS,
    RESETS_THE_STREAM,
    SILENT,
    TALKS_GARBAGE,
    Behaviour,
    PushService,
    answers,
    slows_down,
)
from tests.doubles.sending import a_sender, an_envelope, send_all

TIMEOUT = 3.0
"""Seconds a message, in these tests: what a silent service is given."""
MANY = 60
"""Messages to a well-behaved service beside each misbehaviour."""

TABLE = {
    "200": (answers(200, body="ok"), Answer.ACCEPTED, 200),
    "201": (answers(201), Answer.ACCEPTED, 201),
    "202": (answers(202), Answer.ACCEPTED, 202),
    "204": (answers(204), Answer.ACCEPTED, 204),
    "301": (answers(301, location="https://127.0.0.1/"), Answer.REFUSED, 301),
    "302": (answers(302, location=f"https://{MOZILLA}/wpush/v2/a"), Answer.REFUSED, 302),
    "307": (answers(307, location=f"https://{MOZILLA}/wpush/v2/a"), Answer.REFUSED, 307),
    "400": (answers(400, body="bad"), Answer.REFUSED, 400),
    "401": (answers(401), Answer.KEY_WRONG, 401),
    "403": (answers(403), Answer.KEY_WRONG, 403),
    "404": (answers(404), Answer.GONE, 404),
    "410": (answers(410), Answer.GONE, 410),
    "413": (answers(413), Answer.REFUSED, 413),
    "429": (answers(429), Answer.SLOW_DOWN, 429),
    "500": (answers(500), Answer.RETRY, 500),
    "502": (answers(502), Answer.RETRY, 502),
    "503": (answers(503), Answer.RETRY, 503),
    "timeout": (SILENT, Answer.RETRY, None),
    "drip": (DRIPS, Answer.RETRY, None),
    "garbage": (TALKS_GARBAGE, Answer.RETRY, None),
    "reset": (RESETS, Answer.RETRY, None),
    "stream reset": (RESETS_THE_STREAM, Answer.RETRY, None),
    # the status has come, and with it the message has been taken: asking again would only repeat it
    "drip of the body": (DRIPS_ITS_BODY, Answer.ACCEPTED, 201),
    "endless body": (answers(201, body="x" * 60_000), Answer.ACCEPTED, 201),
    "slow": (answers(201, delay=0.3), Answer.ACCEPTED, 201),
}

WAITED_FOR = {"timeout", "drip", "drip of the body"}
"""What ends with the time that a message is given: the slow proofs wait for it."""
CASES = [pytest.param(case, marks=pytest.mark.long if case in WAITED_FOR else ()) for case in TABLE]


@pytest.fixture(scope="module", params=["h2", "http/1.1"])
def service(request):
    with PushService(protocols=(request.param,)) as running:
        yield running


@pytest.mark.parametrize("case", CASES)
def test_an_answer_means_what_the_table_says_and_delays_no_other_origin(service, case):
    behaviour, answer, status = TABLE[case]
    struck = service.subscribe(APPLE)
    service.behave(struck, behaviour)
    others = [service.subscribe(FCM) for _ in range(MANY)]
    with a_sender(service, seconds_a_message=TIMEOUT) as sender:
        sender.submit(an_envelope(struck))
        for other in others:
            sender.submit(an_envelope(other))
        began = time.monotonic()
        back = {}
        others_done = None
        while sender.in_flight:
            back |= {outcome.key: outcome for outcome in sender.turn(0.2)}
            if others_done is None and sum(other.endpoint in back for other in others) == MANY:
                others_done = time.monotonic() - began
    outcome = back[struck.endpoint]
    assert (outcome.answer, outcome.status, outcome.origin) == (answer, status, f"https://{APPLE}")
    assert all(back[other.endpoint].answer is Answer.ACCEPTED for other in others)
    assert others_done is not None
    assert others_done < TIMEOUT - 0.3
    assert len(service.headers[struck.endpoint]) == 1, "the message was asked for more than once"
    assert service.refusals == []


@pytest.mark.parametrize("as_date", [False, True])
def test_retry_after_is_read_in_seconds_and_as_a_date(service, as_date):
    struck = service.subscribe()
    service.behave(struck, slows_down(120, as_date=as_date))
    with a_sender(service) as sender:
        (outcome,) = send_all(sender, [an_envelope(struck)]).values()
    assert outcome.answer is Answer.SLOW_DOWN
    assert outcome.retry_after == pytest.approx(120, abs=3)


@pytest.mark.parametrize("written", ["", "soon", "-5", "Wed, 21 Oct 2015 07:28:00 GMT", "0"])
def test_a_retry_after_that_says_nothing_is_none(service, written):
    struck = service.subscribe()
    service.behave(struck, answers(429, retry_after=written))
    with a_sender(service) as sender:
        (outcome,) = send_all(sender, [an_envelope(struck)]).values()
    assert (outcome.answer, outcome.retry_after) == (Answer.SLOW_DOWN, None)


def test_a_503_may_also_say_how_long_to_wait(service):
    struck = service.subscribe()
    service.behave(struck, answers(503, retry_after="7"))
    with a_sender(service) as sender:
        (outcome,) = send_all(sender, [an_envelope(struck)]).values()
    assert (outcome.answer, outcome.retry_after) == (Answer.RETRY, 7.0)


def test_no_more_of_an_answer_is_read_than_sixteen_kilobytes(service):
    wordy, wordier = service.subscribe(), service.subscribe()
    service.behave(wordy, answers(201, body="x" * 16_384))
    service.behave(wordier, answers(201, body="x" * 60_000))
    with a_sender(service) as sender:
        back = send_all(sender, [an_envelope(wordy), an_envelope(wordier)])
    assert [back[each.endpoint].detail for each in (wordy, wordier)] == ["", "answer too long"]
    assert {outcome.answer for outcome in back.values()} == {Answer.ACCEPTED}


def test_a_failure_names_its_cause_and_never_the_path(service):
    causes = {}
    for name, behaviour in {"silent": SILENT, "garbage": TALKS_GARBAGE, "reset": RESETS}.items():
        struck = service.subscribe()
        service.behave(struck, behaviour)
        with a_sender(service, seconds_a_message=0.5) as sender:
            (outcome,) = send_all(sender, [an_envelope(struck)]).values()
        assert struck.token not in outcome.detail
        causes[name] = outcome.detail
    assert causes["silent"] == "timeout"
    assert all(causes.values())


def test_a_message_taken_whose_answer_was_lost_is_tried_again_and_counted_as_a_repeat(service):
    struck = service.subscribe()
    service.behave(struck, Behaviour(manner=RESETS.manner, taken=True), answers(201))
    before = service.repeats
    with a_sender(service) as sender:
        (first,) = send_all(sender, [an_envelope(struck)]).values()
        (second,) = send_all(sender, [an_envelope(struck)]).values()
    assert (first.answer, second.answer) == (Answer.RETRY, Answer.ACCEPTED)
    assert service.repeats - before == 1


def test_after_an_origin_breaks_its_connection_the_next_message_opens_another(service):
    struck, other = service.subscribe(), service.subscribe()
    service.behave(struck, TALKS_GARBAGE)
    with a_sender(service) as sender:
        (broken,) = send_all(sender, [an_envelope(struck)]).values()
        (next_one,) = send_all(sender, [an_envelope(other)]).values()
    assert (broken.answer, next_one.answer) == (Answer.RETRY, Answer.ACCEPTED)


def test_a_service_that_is_down_is_tried_again():
    with PushService() as gone:
        subscription = gone.subscribe()
        sender = a_sender(gone)
    with sender:
        (outcome,) = send_all(sender, [an_envelope(subscription)]).values()
    assert (outcome.answer, outcome.status, outcome.detail) == (Answer.RETRY, None, "not connected")


def test_a_service_whose_certificate_nobody_vouches_for_is_told_nothing(service):
    subscription = service.subscribe()
    with PushService() as stranger, a_sender(stranger) as sender:
        sender._connect_to = service.address
        sender._sockets._only = frozenset({("127.0.0.1", service.port)})
        (outcome,) = send_all(sender, [an_envelope(subscription)]).values()
    assert (outcome.answer, outcome.detail) == (Answer.RETRY, "certificate refused")
    assert service.headers[subscription.endpoint] == []
