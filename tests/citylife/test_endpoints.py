"""Whom we may dial, and with which keys: strangers give both."""

import base64
import hashlib
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citylife.endpoints import (
    EndpointRefused,
    KeysRefused,
    check_endpoint,
    check_keys,
    host_allowed,
    is_public_address,
)
from tests.doubles.hostile import HOSTILE_ENDPOINTS
from tests.doubles.push_service import base64url, new_subscription

ENDPOINTS_OF_BROWSERS = {
    "https://fcm.googleapis.com/fcm/send/cZx-_1:APA91bH_abc-DEF": "fcm.googleapis.com",
    "https://fcm.googleapis.com/wp/cZx-_1:APA91bH_abc-DEF": "fcm.googleapis.com",
    "https://jmt17.google.com/fcm/send/abc": "jmt17.google.com",
    "https://updates.push.services.mozilla.com/wpush/v2/gAAAAABk-_": "updates.push.services.mozilla.com",
    "https://updates-autopush.stage.push.services.mozilla.com/wpush/v1/a": (
        "updates-autopush.stage.push.services.mozilla.com"
    ),
    "https://wns2-par02p.notify.windows.com/w/?token=BQYAAAB%2bx%2f0%3d": "wns2-par02p.notify.windows.com",
    "https://web.push.apple.com/QAbc_-d": "web.push.apple.com",
}


@pytest.mark.parametrize(("url", "host"), ENDPOINTS_OF_BROWSERS.items())
def test_the_endpoints_browsers_give_may_be_dialled(url, host):
    endpoint = check_endpoint(url)
    assert (endpoint.url, endpoint.host, endpoint.origin) == (url, host, f"https://{host}")
    assert endpoint.digest == hashlib.sha256(url.encode()).digest()


def test_one_endpoint_has_one_spelling():
    plain = check_endpoint("https://fcm.googleapis.com/fcm/send/aBc")
    assert check_endpoint("HTTPS://FCM.googleapis.COM:443/fcm/send/aBc") == plain
    assert check_endpoint("https://fcm.googleapis.com/fcm/send/abc").digest != plain.digest


@pytest.mark.parametrize("url", HOSTILE_ENDPOINTS)
def test_a_hostile_endpoint_is_refused(url):
    with pytest.raises(EndpointRefused):
        check_endpoint(url)


def test_there_are_forty_hostile_endpoints_and_more():
    assert len(set(HOSTILE_ENDPOINTS)) >= 40


def test_an_endpoint_of_2048_characters_is_taken_and_one_more_is_refused():
    start = "https://fcm.googleapis.com/fcm/send/"
    longest = start + "a" * (2048 - len(start))
    assert check_endpoint(longest).url == longest
    with pytest.raises(EndpointRefused, match=r"2.?048"):
        check_endpoint(longest + "a")


def test_a_setting_adds_a_host_or_its_subdomains_and_nothing_else():
    extra = ("push.example.org", "*.up.example.net")
    assert check_endpoint("https://push.example.org/up/1", extra).host == "push.example.org"
    assert check_endpoint("https://a.b.up.example.net/up/1", extra).host == "a.b.up.example.net"
    for url in ("https://x.push.example.org/1", "https://up.example.net/1", "https://xup.example.net/1"):
        with pytest.raises(EndpointRefused):
            check_endpoint(url, extra)


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.1", "0x7f.0x1", "localhost", "1.2.3.4.5"])
def test_no_setting_makes_an_address_dialled_by_number(host):
    assert not host_allowed(host, (host, f"*.{host}", "*"))


@given(st.text(max_size=80))
def test_no_text_of_chance_is_an_endpoint(text):
    with pytest.raises(EndpointRefused):
        check_endpoint(text)


@given(
    st.sampled_from(["https://", "HTTPS://", "https:/", "http://", "//"]),
    st.text(alphabet="fcm.googleapis@:/#?\\%0123 \t\nK", max_size=12),
    st.sampled_from(["fcm.googleapis.com", "fcm.googleapis.com.", "evil.example"]),
    st.text(alphabet="fcm.googleapis@:/#?\\%0443 \t\nK", max_size=12),
)
def test_what_is_taken_reads_the_same_to_another_parser(scheme, before, host, after):
    try:
        endpoint = check_endpoint(scheme + before + host + after)
    except EndpointRefused:
        return
    parts = urlsplit(endpoint.url)
    assert (parts.scheme, parts.hostname, parts.port) == ("https", "fcm.googleapis.com", None)
    assert parts.username is None
    assert parts.fragment == ""


@pytest.mark.parametrize("address", ["93.184.215.14", "2600:1901::1", "2a00:1450:4007:80c::200a", "64:ff9b::5db8:d70e"])
def test_an_address_of_the_public_internet_is_public(address):
    assert is_public_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "fe80::1",
        "fe80::1%eth0",
        "2600:1901::1%eth0",
        "fc00::1",
        "ff02::1",
        "2001:db8::1",
        "localhost",
        "",
        "1",
    ],
)
def test_any_other_address_is_not(address):
    assert not is_public_address(address)


def some_keys():
    return new_subscription().keys


def test_the_keys_of_a_browser_are_taken_padded_or_not():
    keys = some_keys()
    taken = check_keys(keys["p256dh"], keys["auth"])
    assert (len(taken.p256dh), len(taken.auth)) == (65, 16)
    assert check_keys(keys["p256dh"] + "=", keys["auth"] + "==") == taken


def test_a_point_off_the_curve_is_refused():
    keys = some_keys()
    point = bytearray(base64.urlsafe_b64decode(keys["p256dh"] + "="))
    point[-1] ^= 1
    with pytest.raises(KeysRefused, match="P-256") as refused:
        check_keys(base64url(bytes(point)), keys["auth"])
    assert refused.value.pointer == "/keys/p256dh"


def test_the_point_at_infinity_a_compressed_point_and_a_short_one_are_refused():
    keys = some_keys()
    point = base64.urlsafe_b64decode(keys["p256dh"] + "=")
    compressed = bytes([2 + point[-1] % 2]) + point[1:33]
    for wrong in (b"\x00", compressed, point[:-1], point + b"\x00", b"\x04" + bytes(64), b"\x06" + point[1:]):
        with pytest.raises(KeysRefused):
            check_keys(base64url(wrong), keys["auth"])


@pytest.mark.parametrize("length", [0, 3, 15, 17, 32])
def test_a_secret_that_is_not_of_16_bytes_is_refused(length):
    with pytest.raises(KeysRefused) as refused:
        check_keys(some_keys()["p256dh"], base64url(b"x" * length))
    assert refused.value.pointer == "/keys/auth"


@pytest.mark.parametrize(
    "auth",
    [
        "A",  # one character encodes nothing
        "AAAAAAAAAAAAAAAAAAAAAB",  # bits beyond the sixteenth byte
        "AAAAAAAAAAAAAAAAAAAAA/",  # the other alphabet
        "AAAAAAAAAAA AAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAA===",
        "AAAAAAAAAAAAAAAAAAAAAA\n",
        "é" * 22,
    ],
)
def test_bad_base64_is_refused(auth):
    with pytest.raises(KeysRefused):
        check_keys(some_keys()["p256dh"], auth)


@given(st.text(max_size=100), st.text(max_size=30))
def test_no_text_makes_the_check_of_keys_stumble(p256dh, auth):
    with pytest.raises(KeysRefused):
        check_keys(p256dh, auth)
