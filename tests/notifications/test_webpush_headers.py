"""What stands in a request: who we are, how long it may wait, what it replaces."""

import base64
import datetime as dt
import json
import re

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from citylife.clock import utc_now
from citylife.settings import SettingRefused
from notifications.vapid import VapidSigner
from notifications.webpush import Answer, Urgency
from tests.doubles.push_checks import PushRefused, check_vapid
from tests.doubles.push_service import APPLE, FCM, MOZILLA, WINDOWS, PushService, answers
from tests.doubles.sending import CONTACT, a_sender, a_signer, an_envelope, send_all


@pytest.fixture(scope="module")
def service():
    with PushService() as running:
        yield running


def claims_of(authorization):
    token = re.fullmatch(r"vapid t=([^,]+),\s*k=(.+)", authorization)[1]
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


class Hands:
    """A clock a test moves."""

    def __init__(self) -> None:
        self.now = utc_now()

    def __call__(self) -> dt.datetime:
        return self.now


def test_a_request_says_what_the_envelope_says(service):
    subscription = service.subscribe()
    envelope = an_envelope(subscription, ttl=1234, topic="AZrXyz-_0123456789abcd", urgency=Urgency.HIGH)
    with a_sender(service) as sender:
        send_all(sender, [envelope])
    (headers,) = service.headers[subscription.endpoint]
    assert headers["ttl"] == "1234"
    assert headers["topic"] == "AZrXyz-_0123456789abcd"
    assert headers["urgency"] == "high"
    assert headers["content-encoding"] == "aes128gcm"
    assert headers["content-type"] == "application/octet-stream"
    delivery = service.deliveries[-1]
    assert (delivery.ttl, delivery.topic, delivery.urgency) == (1234, "AZrXyz-_0123456789abcd", "high")


def test_a_request_says_nothing_more(service):
    subscription = service.subscribe()
    with a_sender(service) as sender:
        send_all(sender, [an_envelope(subscription)])
    (headers,) = service.headers[subscription.endpoint]
    assert set(headers) == {
        "authorization",
        "ttl",
        "topic",
        "urgency",
        "content-encoding",
        "content-type",
        "content-length",
        "user-agent",
        "accept",
    }
    assert headers["user-agent"] == "Citylife"


def test_a_header_is_signed_once_for_many_messages(service):
    subscriptions = [service.subscribe() for _ in range(50)]
    with a_sender(service) as sender:
        send_all(sender, [an_envelope(each) for each in subscriptions])
    signed = {service.headers[each.endpoint][0]["authorization"] for each in subscriptions}
    assert len(signed) == 1


def test_each_origin_is_told_its_own_name_and_all_the_same_key(service):
    subscriptions = {host: service.subscribe(host) for host in (FCM, MOZILLA, APPLE, WINDOWS)}
    with a_sender(service) as sender:
        back = send_all(sender, [an_envelope(each) for each in subscriptions.values()])
    assert {outcome.answer for outcome in back.values()} == {Answer.ACCEPTED}
    signed = {host: service.headers[each.endpoint][0]["authorization"] for host, each in subscriptions.items()}
    assert {host: claims_of(header)["aud"] for host, header in signed.items()} == {
        host: f"https://{host}" for host in subscriptions
    }
    assert len({header.partition("k=")[2] for header in signed.values()}) == 1


def test_the_subscription_of_another_key_is_refused_and_ours_is_not(service):
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    ours = service.subscribe(application_key=public)
    theirs = service.subscribe(application_key=service.subscribe().p256dh)
    with a_sender(service, signer=VapidSigner(key, CONTACT)) as sender:
        back = send_all(sender, [an_envelope(ours), an_envelope(theirs)])
    assert back[ours.endpoint].answer is Answer.ACCEPTED
    assert back[theirs.endpoint].answer is Answer.KEY_WRONG


def test_a_header_is_kept_for_twelve_hours_and_valid_for_less_than_a_day():
    hands = Hands()
    signer = a_signer(clock=hands)
    first = signer.header("https://fcm.googleapis.com")
    lives = claims_of(first)["exp"] - hands.now.timestamp()
    assert 12 * 3600 < lives < 24 * 3600
    hands.now += dt.timedelta(hours=12) - dt.timedelta(seconds=1)
    assert signer.header("https://fcm.googleapis.com") == first
    check_vapid(first, "https://fcm.googleapis.com", hands.now.timestamp())
    hands.now += dt.timedelta(seconds=1)
    second = signer.header("https://fcm.googleapis.com")
    assert second != first
    check_vapid(second, "https://fcm.googleapis.com", hands.now.timestamp())


def test_a_header_for_one_origin_is_refused_by_another():
    header = a_signer().header("https://fcm.googleapis.com")
    with pytest.raises(PushRefused, match="aud"):
        check_vapid(header, f"https://{MOZILLA}", utc_now().timestamp())


def test_after_a_refusal_of_our_key_the_next_message_is_signed_anew(service):
    subscription = service.subscribe(APPLE)
    service.behave(subscription, answers(403), answers(201))
    with a_sender(service) as sender:
        send_all(sender, [an_envelope(subscription)])
        send_all(sender, [an_envelope(subscription)])
    first, second = (headers["authorization"] for headers in service.headers[subscription.endpoint])
    assert first != second


@pytest.mark.parametrize("contact", ["mailto:a@b.fr", "https://citylife.example", "https://citylife.example/contact"])
def test_a_mailbox_or_a_page_can_be_the_contact(contact):
    header = a_signer(contact=contact).header("https://fcm.googleapis.com")
    assert claims_of(header)["sub"] == contact
    check_vapid(header, "https://fcm.googleapis.com", utc_now().timestamp())


@pytest.mark.parametrize(
    "contact", ["", "mailto:", "mailto: a@b.fr", "mailto:<a@b.fr>", "a@b.fr", "http://a.fr", "https://"]
)
def test_anything_else_is_refused_before_any_message(contact):
    with pytest.raises(SettingRefused, match="CITYLIFE_CONTACT"):
        a_signer(contact=contact)


@pytest.mark.parametrize(("ttl", "policy"), [(0, "no-cache"), (60, "cache")])
def test_windows_is_told_the_cache_policy_that_goes_with_the_ttl(service, ttl, policy):
    subscription = service.subscribe(WINDOWS)
    with a_sender(service) as sender:
        send_all(sender, [an_envelope(subscription, ttl=ttl)])
    (headers,) = service.headers[subscription.endpoint]
    assert headers["x-wns-cache-policy"] == policy


def test_the_messages_of_two_offers_carry_their_own_topics_whatever_handle_they_use(service):
    subscription = service.subscribe()
    topics = [f"offer{number:017}" for number in range(6)]
    with a_sender(service, most_to_one_origin=2) as sender:
        send_all(sender, [an_envelope(subscription, key=topic, topic=topic) for topic in topics])
    assert sorted(headers["topic"] for headers in service.headers[subscription.endpoint]) == topics


def test_what_arrives_is_what_was_said(service):
    subscriptions = [service.subscribe() for _ in range(40)]
    with a_sender(service) as sender:
        send_all(
            sender,
            [an_envelope(each, plaintext=f"« {number} » élèves".encode()) for number, each in enumerate(subscriptions)],
        )
    assert [each.received for each in subscriptions] == [[f"« {number} » élèves".encode()] for number in range(40)]
