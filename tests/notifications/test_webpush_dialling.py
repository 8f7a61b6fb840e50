"""Where the sender connects, and where it never does."""

import logging

import pycurl
import pytest

from notifications import webpush_sockets
from notifications.webpush import Answer
from notifications.webpush_curl import CurlSender, SenderLimits
from tests.doubles.hostile import HOSTILE_ENDPOINTS
from tests.doubles.push_service import FCM, MOZILLA, PushService, answers, new_subscription
from tests.doubles.sending import Listener, a_sender, a_signer, an_envelope, send_all


def test_hostile_endpoints_cause_no_connection_at_all_and_the_sound_one_beside_them_does():
    with PushService() as service, a_sender(service) as sender:
        sound = service.subscribe()
        hostile = [an_envelope(sound, endpoint=url, key=url) for url in HOSTILE_ENDPOINTS]
        back = send_all(sender, hostile)
        assert {outcome.answer for outcome in back.values()} == {Answer.REFUSED}
        assert len(back) == len(HOSTILE_ENDPOINTS)
        assert service.connections == 0
        (outcome,) = send_all(sender, [an_envelope(sound)]).values()
        assert (outcome.answer, service.connections) == (Answer.ACCEPTED, 1)


def sender_where_names_lead_to_loopback(port, monkeypatch):
    """The sender of production, in a world whose resolver says that every push service is this machine.

    Only the port is changed beside that, since nobody here may listen on 443.
    """
    monkeypatch.setattr(webpush_sockets, "HTTPS_PORT", port)
    sender = CurlSender(a_signer(), limits=SenderLimits(seconds_a_message=2.0))
    make = sender._new_flight

    def led_astray():
        flight = make()
        flight.curl.setopt(pycurl.CONNECT_TO, [f"::localhost:{port}"])
        return flight

    monkeypatch.setattr(sender, "_new_flight", led_astray)
    return sender


def test_an_allowed_name_that_resolves_to_loopback_is_not_dialled(monkeypatch, caplog):
    caplog.set_level(logging.WARNING)
    with Listener() as listener, sender_where_names_lead_to_loopback(listener.port, monkeypatch) as sender:
        subscription = new_subscription()
        (outcome,) = send_all(sender, [an_envelope(subscription)]).values()
        assert listener.connections == 0
    # the name may lead elsewhere tomorrow: the device is kept, and the message tried again
    assert (outcome.answer, outcome.status, outcome.detail) == (Answer.RETRY, None, "not connected")
    assert "127.0.0.1" in caplog.text or "::1" in caplog.text
    assert subscription.token not in caplog.text


def test_it_would_have_been_dialled_but_for_the_look_at_its_address(monkeypatch):
    monkeypatch.setattr(webpush_sockets, "is_public_address", lambda _address: True)
    with Listener() as listener, sender_where_names_lead_to_loopback(listener.port, monkeypatch) as sender:
        send_all(sender, [an_envelope(new_subscription())])
        assert listener.connections > 0


def test_a_public_address_on_another_port_than_443_is_not_dialled(monkeypatch):
    monkeypatch.setattr(webpush_sockets, "is_public_address", lambda _address: True)
    with Listener() as listener, sender_where_names_lead_to_loopback(listener.port, monkeypatch) as sender:
        monkeypatch.setattr(webpush_sockets, "HTTPS_PORT", 443)
        send_all(sender, [an_envelope(new_subscription())])
        assert listener.connections == 0


def test_with_a_connect_override_no_other_address_is_dialled():
    with Listener() as listener, PushService() as service, a_sender(service) as sender:
        sender._connect_to = listener.address  # libcurl is led elsewhere than the one address allowed
        (outcome,) = send_all(sender, [an_envelope(service.subscribe())]).values()
        assert (outcome.answer, outcome.detail) == (Answer.RETRY, "not connected")
        assert listener.connections == 0


def test_a_redirect_is_followed_nowhere():
    with Listener() as listener, PushService() as service, a_sender(service) as sender:
        envelopes = []
        for status in (301, 302, 303, 307, 308):
            for place in (
                f"https://{listener.address}/",
                f"http://{listener.address}/",
                f"https://{MOZILLA}/wpush/v2/a",
            ):
                subscription = service.subscribe(FCM)
                service.behave(subscription, answers(status, location=place))
                envelopes.append(an_envelope(subscription))
        back = send_all(sender, envelopes)
        assert {outcome.answer for outcome in back.values()} == {Answer.REFUSED}
        assert listener.connections == 0
        assert service.requests_to[MOZILLA] == 0


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"])
def test_a_proxy_of_the_environment_is_not_used(variable, monkeypatch):
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with Listener() as listener, PushService() as service:
        monkeypatch.setenv(variable, f"http://{listener.address}")
        with a_sender(service) as sender:
            (outcome,) = send_all(sender, [an_envelope(service.subscribe())]).values()
        assert outcome.answer is Answer.ACCEPTED
        assert listener.connections == 0


def test_a_thousand_messages_to_one_origin_share_a_few_connections():
    with PushService() as service, a_sender(service, connections_to_one_origin=3) as sender:
        back = send_all(sender, [an_envelope(service.subscribe()) for _ in range(1000)])
        assert {outcome.answer for outcome in back.values()} == {Answer.ACCEPTED}
        assert 1 <= service.connections <= 3


def test_a_service_that_knows_no_http2_is_not_flooded_with_connections_either():
    with (
        PushService(protocols=("http/1.1",)) as service,
        a_sender(service, connections_to_one_origin=3, seconds_a_message=10.0) as sender,
    ):
        service.behave(FCM, answers(201, delay=0.02))
        back = send_all(sender, [an_envelope(service.subscribe()) for _ in range(60)])
        assert {outcome.answer for outcome in back.values()} == {Answer.ACCEPTED}
        assert service.connections == 3
