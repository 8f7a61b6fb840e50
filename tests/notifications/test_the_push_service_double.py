"""The double itself: it refuses what the real services refuse, and behaves as phones do."""

import base64
import json
import os
import time

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from notifications.encryption import encrypt
from notifications.webpush import Answer
from tests.doubles.push_checks import check_push_request, on_curve
from tests.doubles.push_process import PushProcess
from tests.doubles.push_service import FCM, PushService, answers, base64url, new_subscription
from tests.doubles.push_wire import Request
from tests.doubles.sending import CONTACT, a_sender, a_signer, an_envelope, send_all

ORIGIN = f"https://{FCM}"
NOW = time.time()
KEY = ec.generate_private_key(ec.SECP256R1())
POINT = KEY.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def signed(claims=None, *, header=None, key=KEY, point=POINT, **changed):
    """An Authorization made by hand, every part of which a test may spoil."""
    claims = {"aud": ORIGIN, "exp": int(NOW) + 3600, "sub": CONTACT, **changed} if claims is None else claims
    parts = [header or {"typ": "JWT", "alg": "ES256"}, claims]
    token = ".".join(base64url(json.dumps(part).encode()) for part in parts)
    r, s = decode_dss_signature(key.sign(token.encode(), ec.ECDSA(hashes.SHA256())))
    return f"vapid t={token}.{base64url(r.to_bytes(32) + s.to_bytes(32))},k={base64url(point)}"


def a_request(body=None, **changed):
    """A sound request's headers and body, but for what is changed; None takes a header away."""
    browser = new_subscription()
    body = encrypt(b"message", browser.p256dh, browser.auth) if body is None else body
    headers = {
        "Authorization": signed(),
        "TTL": "60",
        "Topic": "AZrXyz",
        "Urgency": "high",
        "Content-Encoding": "aes128gcm",
    }
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    return {name: value for name, value in headers.items() if value is not None}, body


def verdict_of(headers, body, **options):
    return check_push_request(headers, body, ORIGIN, NOW, **options)


def test_a_sound_request_is_accepted_and_read():
    verdict = verdict_of(*a_request())
    assert (verdict.status, verdict.ttl, verdict.topic, verdict.urgency) == (201, 60, "AZrXyz", "high")
    assert verdict.key == POINT
    assert verdict.claims["sub"] == CONTACT


def test_topic_and_urgency_may_be_left_out():
    verdict = verdict_of(*a_request(Topic=None, Urgency=None))
    assert (verdict.status, verdict.topic, verdict.urgency) == (201, "", "normal")


OTHER = ec.generate_private_key(ec.SECP256R1())
WRONG_HEADERS = {
    "no authorization": ({"Authorization": None}, 401),
    "another scheme": ({"Authorization": "Bearer abc"}, 401),
    "no token": ({"Authorization": f"vapid k={base64url(POINT)}"}, 401),
    "no key": ({"Authorization": signed().partition(",")[0]}, 401),
    "another key's signature": ({"Authorization": signed(key=OTHER)}, 401),
    "a key off the curve": ({"Authorization": signed(point=POINT[:-1] + bytes([POINT[-1] ^ 1]))}, 401),
    "another algorithm": ({"Authorization": signed(header={"typ": "JWT", "alg": "none"})}, 401),
    "another origin": ({"Authorization": signed(aud="https://web.push.apple.com")}, 401),
    "an origin with a slash": ({"Authorization": signed(aud=ORIGIN + "/")}, 401),
    "no expiry": ({"Authorization": signed({"aud": ORIGIN, "sub": CONTACT})}, 401),
    "expired": ({"Authorization": signed(exp=int(NOW) - 1)}, 401),
    "more than a day": ({"Authorization": signed(exp=int(NOW) + 86_402)}, 401),
    "an expiry in words": ({"Authorization": signed(exp="tomorrow")}, 401),
    "no subject": ({"Authorization": signed({"aud": ORIGIN, "exp": int(NOW) + 60})}, 403),
    "a mailbox on no domain": ({"Authorization": signed(sub="mailto:root@localhost")}, 403),
    "a mailbox with a space": ({"Authorization": signed(sub="mailto: a@b.fr")}, 403),
    "a bare address": ({"Authorization": signed(sub="a@b.fr")}, 403),
    "no TTL": ({"TTL": None}, 400),
    "a TTL below zero": ({"TTL": "-1"}, 400),
    "a TTL in words": ({"TTL": "1h"}, 400),
    "a long topic": ({"Topic": "x" * 33}, 400),
    "an empty topic": ({"Topic": ""}, 400),
    "a topic with a dot": ({"Topic": "a.b"}, 400),
    "an urgency of ours": ({"Urgency": "urgent"}, 400),
    "no encoding": ({"Content_Encoding": None}, 400),
    "the old encoding": ({"Content_Encoding": "aesgcm"}, 400),
}


@pytest.mark.parametrize("case", WRONG_HEADERS)
def test_a_wrong_header_is_refused(case):
    changed, status = WRONG_HEADERS[case]
    verdict = verdict_of(*a_request(**changed))
    assert verdict.status == status
    assert verdict.explanation


def test_a_subscription_of_one_key_refuses_another():
    assert verdict_of(*a_request(), application_key=POINT).status == 201
    assert verdict_of(*a_request(), application_key=new_subscription().p256dh).status == 403


def spoiled(body, place, value):
    return body[:place] + value + body[place + len(value) :]


def test_a_wrong_body_is_refused():
    _, sound = a_request()
    assert verdict_of(*a_request(sound + bytes(4096 - len(sound)))).status == 201
    assert verdict_of(*a_request(sound + bytes(4097 - len(sound)))).status == 413
    for body in (
        b"",
        b"message",
        sound[:102],
        spoiled(sound, 16, (100).to_bytes(4)[:3] + b"\x11"),
        spoiled(sound, 16, (18).to_bytes(4)),  # so many bytes would be two records
        spoiled(sound, 20, b"\x40"),
        spoiled(sound, 22, os.urandom(32)),
    ):
        assert verdict_of(*a_request(body)).status == 400


def test_the_curve_is_known_by_its_equation():
    assert on_curve(POINT)
    assert not on_curve(POINT[:-1] + bytes([POINT[-1] ^ 1]))
    assert not on_curve(POINT[:-1])
    assert not on_curve(bytes(65))


@pytest.fixture
def service():
    with PushService() as running:
        yield running


def test_only_post_is_answered_and_an_unknown_subscription_is_404(service):
    known = service.subscribe()
    path = known.endpoint.removeprefix(ORIGIN)
    assert service.answer(Request("GET", FCM, path, {}, b"")).status == 405
    assert service.answer(Request("POST", FCM, path + "x", {}, b"")).status == 404
    assert service.answer(Request("POST", "web.push.apple.com", path, {}, b"")).status == 404


def test_a_message_the_browser_cannot_read_is_refused(service):
    subscription, other = service.subscribe(), service.subscribe()
    with a_sender(service) as sender:
        (outcome,) = send_all(sender, [an_envelope(subscription, p256dh=other.p256dh)]).values()
    assert (outcome.answer, outcome.status) == (Answer.REFUSED, 400)
    assert "cannot read" in service.refusals[-1].explanation
    assert subscription.received == []


def test_an_unsubscribed_browser_is_gone(service):
    subscription = service.subscribe()
    service.unsubscribe(subscription)
    with a_sender(service) as sender:
        (outcome,) = send_all(sender, [an_envelope(subscription)]).values()
    assert (outcome.answer, outcome.status) == (Answer.GONE, 410)


def test_a_topic_replaces_only_what_still_waits(service):
    phone = service.subscribe()
    with a_sender(service) as sender:

        def say(words, **fields):
            send_all(sender, [an_envelope(phone, plaintext=words, **fields)])

        say(b"one")
        say(b"two")
        assert phone.received == [b"one", b"two"]
        service.disconnect(phone)
        say(b"three")
        say(b"four")
        say(b"five", topic="another")
        say(b"six", ttl=0)
    assert phone.received == [b"one", b"two"]
    service.connect(phone)
    assert phone.received == [b"one", b"two", b"four", b"five"]


def test_what_waits_lapses_with_its_ttl():
    moment = [time.time()]
    with PushService(clock=lambda: moment[0]) as service, a_sender(service) as sender:
        phone = service.subscribe()
        service.disconnect(phone)
        send_all(sender, [an_envelope(phone, ttl=60, topic="short"), an_envelope(phone, key=2, ttl=120, topic="long")])
        moment[0] += 61
        service.connect(phone)
        assert len(phone.received) == 1


def test_repeats_are_counted_by_message_and_topic(service):
    phone, other = service.subscribe(), service.subscribe()
    with a_sender(service) as sender:
        for envelope in (
            an_envelope(phone),
            an_envelope(other),
            an_envelope(phone, topic="another"),
            an_envelope(phone, plaintext=b"other words"),
        ):
            send_all(sender, [envelope])
        assert service.repeats == 0
        send_all(sender, [an_envelope(phone)])
    assert service.repeats == 1
    assert [delivery.repeated for delivery in service.deliveries] == [False] * 4 + [True]


def test_behaviours_follow_one_another_and_the_last_one_stays(service):
    phone = service.subscribe()
    service.behave(phone, answers(500), answers(429), answers(201))
    with a_sender(service) as sender:
        said = [next(iter(send_all(sender, [an_envelope(phone)]).values())).status for _ in range(4)]
    assert said == [500, 429, 201, 201]
    assert service.statuses == {500: 1, 429: 1, 201: 2}


def test_a_test_can_wait_for_what_arrives(service):
    phone = service.subscribe()
    assert not service.wait_for(lambda: bool(phone.received), timeout=0.05)
    with a_sender(service) as sender:
        send_all(sender, [an_envelope(phone)])
    assert service.wait_for(lambda: bool(phone.received), timeout=60)


def test_a_service_in_a_process_of_its_own_says_what_it_took_and_keeps_it_in_a_file(tmp_path):
    log = tmp_path / "taken.jsonl"
    key = ec.generate_private_key(ec.SECP256R1())
    with PushProcess(log) as service:
        phones = service.subscribe_many(30, FCM)
        service.behave(phones[0].endpoint, answers(500))
        service.unsubscribe(phones[1].endpoint)
        signer = a_signer()
        with a_sender(service, signer=signer) as sender:
            back = send_all(sender, [an_envelope(phone, plaintext=b"bonjour") for phone in phones])
        (foreign,) = service.subscribe_many(
            1, application_key=key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        )
        with a_sender(service, signer=signer) as sender:
            (refused,) = send_all(sender, [an_envelope(foreign)]).values()
        counted, taken = service.count(), service.deliveries()
    assert (back[phones[0].endpoint].status, back[phones[1].endpoint].status, refused.status) == (500, 410, 403)
    assert (counted["requests"], counted["deliveries"], counted["repeats"]) == (31, 28, 0)
    assert counted["statuses"] == {"500": 1, "410": 1, "201": 28, "403": 1}
    assert {delivery["message"] for delivery in taken} == {"bonjour"}
    written = [json.loads(line) for line in log.read_text().splitlines()]
    assert written == taken
    assert {line["endpoint"] for line in written} == {phone.endpoint for phone in phones[2:]}


def test_base64url_is_written_without_padding():
    assert base64url(b"\xfb\xff") == base64.urlsafe_b64encode(b"\xfb\xff").decode().rstrip("=")
    assert "=" not in base64url(b"a")
