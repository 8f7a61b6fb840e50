"""What every sender of pushes owes, asked of the one that dials and of the one that records."""

import pytest

from notifications.webpush import Answer, Urgency, meaning_of
from notifications.webpush_recording import RecordingSender
from tests.doubles.push_service import FCM, MOZILLA, PushService, answers
from tests.doubles.sending import a_sender, an_envelope, send_all

ORIGIN = f"https://{FCM}"


@pytest.fixture(scope="module")
def service():
    with PushService() as running:
        yield running


@pytest.fixture(params=["dialling", "recording"])
def sender(request, service):
    with a_sender(service) if request.param == "dialling" else RecordingSender() as made:
        yield made


def tell(sender, service, subscription, answer, status):
    """Have either sender's world answer a subscription so."""
    if isinstance(sender, RecordingSender):
        sender.answer(subscription.endpoint, answer)
    else:
        service.behave(subscription, answers(status))


def test_nothing_in_flight_comes_back_at_once_with_nothing(sender):
    assert sender.in_flight == 0
    assert sender.turn(60.0) == []


def test_every_envelope_comes_back_once_with_its_key(sender, service):
    envelopes = [an_envelope(service.subscribe(), key=("citizen", number)) for number in range(300)]
    back = send_all(sender, envelopes)
    assert set(back) == {("citizen", number) for number in range(300)}
    assert {outcome.answer for outcome in back.values()} == {Answer.ACCEPTED}
    assert {(outcome.status, outcome.origin) for outcome in back.values()} == {(201, ORIGIN)}
    assert sender.in_flight == 0


def test_what_is_in_flight_is_counted_as_a_whole_and_by_origin(sender, service):
    for host in (FCM, FCM, MOZILLA):
        sender.submit(an_envelope(service.subscribe(host)))
    assert sender.in_flight == 3
    assert (sender.in_flight_to(ORIGIN), sender.in_flight_to(f"https://{MOZILLA}")) == (2, 1)
    assert sender.in_flight_to("https://web.push.apple.com") == 0
    send_all(sender, [])
    assert (sender.in_flight, sender.in_flight_to(ORIGIN)) == (0, 0)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Answer.ACCEPTED, 201),
        (Answer.GONE, 410),
        (Answer.REFUSED, 400),
        (Answer.KEY_WRONG, 403),
        (Answer.SLOW_DOWN, 429),
        (Answer.RETRY, 503),
    ],
)
def test_each_answer_comes_back_as_what_it_means(sender, service, answer, status):
    subscription = service.subscribe()
    tell(sender, service, subscription, answer, status)
    (outcome,) = send_all(sender, [an_envelope(subscription)]).values()
    assert (outcome.answer, outcome.status, outcome.origin) == (answer, status, ORIGIN)


@pytest.mark.parametrize(
    ("wrong", "origin"),
    [
        ({"endpoint": "https://127.0.0.1/fcm/send/secret"}, ""),
        ({"plaintext": b"x" * 3994}, ORIGIN),
        ({"auth": b"abc"}, ORIGIN),
        ({"topic": "x" * 33}, ORIGIN),
        ({"topic": "a\r\nHost: evil.example"}, ORIGIN),
        ({"ttl": -1}, ORIGIN),
        ({"p256dh": b"\x04" + bytes(64)}, ORIGIN),
    ],
)
def test_what_cannot_be_sent_comes_back_refused_and_nothing_leaves(sender, service, wrong, origin):
    requests = service.requests
    sound = service.subscribe()
    back = send_all(sender, [an_envelope(sound, key="wrong", **wrong), an_envelope(sound, key="sound")])
    refused = back["wrong"]
    assert (refused.answer, refused.status, refused.origin) == (Answer.REFUSED, None, origin)
    assert refused.detail
    assert "secret" not in refused.detail
    assert back["sound"].answer is Answer.ACCEPTED
    assert service.requests - requests == (0 if isinstance(sender, RecordingSender) else 1)


def test_a_message_without_a_topic_replaces_nothing(sender, service):
    subscription = service.subscribe()
    (outcome,) = send_all(sender, [an_envelope(subscription, topic="")]).values()
    assert outcome.answer is Answer.ACCEPTED
    assert all("topic" not in headers for headers in service.headers[subscription.endpoint])


def test_3993_bytes_leave(sender, service):
    (outcome,) = send_all(sender, [an_envelope(service.subscribe(), plaintext=b"x" * 3993)]).values()
    assert outcome.answer is Answer.ACCEPTED


def test_closing_drops_what_is_in_flight(sender, service):
    sender.submit(an_envelope(service.subscribe(), urgency=Urgency.HIGH))
    sender.close()
    assert sender.in_flight == 0
    assert sender.in_flight_to(ORIGIN) == 0


def test_a_recording_sender_can_hold_back_and_let_go(service):
    sender = RecordingSender()
    sender.holding = True
    sender.submit(an_envelope(service.subscribe(), key=1))
    assert sender.turn(0.0) == []
    assert sender.in_flight == 1
    sender.holding = False
    assert [outcome.key for outcome in sender.turn(0.0)] == [1]
    assert [envelope.key for envelope in sender.envelopes] == [1]


def test_a_recording_sender_lets_a_test_choose_each_answer(service):
    sender = RecordingSender()
    sender.answer_by(ORIGIN, lambda envelope: Answer.GONE if envelope.key == 2 else Answer.ACCEPTED)
    back = send_all(sender, [an_envelope(service.subscribe(), key=number) for number in (1, 2)])
    assert (back[1].answer, back[2].answer) == (Answer.ACCEPTED, Answer.GONE)


@pytest.mark.parametrize("status", [0, 100, 302, 399, 402, 405, 418, 451, 500, 599, 999])
def test_a_status_nobody_foresaw_is_tried_again_and_a_redirect_never_followed(status):
    assert meaning_of(status) is (Answer.REFUSED if 300 <= status < 400 else Answer.RETRY)
