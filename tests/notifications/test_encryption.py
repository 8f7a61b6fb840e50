"""RFC 8291, held to its own example, to two independent readings of it, and to the reference library."""

import base64

import http_ece
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from pywebpush import WebPusher

from citylife.endpoints import KeysRefused
from notifications.encryption import MAX_PLAINTEXT, MessageTooLong, encrypt
from tests.doubles.push_checks import Undecipherable, check_body, decrypt
from tests.doubles.push_service import new_subscription


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def private_key(text):
    return ec.derive_private_key(int.from_bytes(decoded(text)), ec.SECP256R1())


# RFC 8291, section 5 and appendix A
PLAINTEXT = b"When I grow up, I want to be a watermelon"
AS_PRIVATE = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
UA_PRIVATE = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
UA_PUBLIC = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml"
    "mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
    "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def test_the_example_of_the_rfc_comes_out_byte_for_byte():
    body = encrypt(
        PLAINTEXT,
        decoded(UA_PUBLIC),
        decoded(AUTH),
        salt=decoded(SALT),
        ephemeral_key=private_key(AS_PRIVATE),
    )
    assert body == decoded(BODY)


def test_the_example_of_the_rfc_is_read_by_the_double_too():
    assert decrypt(decoded(BODY), private_key(UA_PRIVATE), decoded(AUTH)) == PLAINTEXT


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=MAX_PLAINTEXT) | st.integers(0, MAX_PLAINTEXT).map(bytes))
def test_any_message_is_read_by_two_independent_readers(message):
    browser = new_subscription()
    body = encrypt(message, browser.p256dh, browser.auth)
    check_body("aes128gcm", body)
    assert decrypt(body, browser.private_key, browser.auth) == message
    assert http_ece.decrypt(body, private_key=browser.private_key, auth_secret=browser.auth) == message


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=1, max_size=MAX_PLAINTEXT), st.binary(min_size=16, max_size=16))
def test_the_reference_library_gives_the_same_bytes_for_the_same_salt_and_key(message, salt):
    browser = new_subscription()
    ephemeral = ec.generate_private_key(ec.SECP256R1())
    ours = encrypt(message, browser.p256dh, browser.auth, salt=salt, ephemeral_key=ephemeral)
    theirs = http_ece.encrypt(
        message, salt=salt, private_key=ephemeral, dh=browser.p256dh, auth_secret=browser.auth, version="aes128gcm"
    )
    assert ours == theirs


def test_what_pywebpush_encodes_and_what_we_encrypt_are_read_alike():
    browser = new_subscription()
    theirs = WebPusher({"endpoint": browser.endpoint, "keys": browser.keys}).encode(PLAINTEXT)["body"]
    ours = encrypt(PLAINTEXT, browser.p256dh, browser.auth)
    assert len(ours) == len(theirs)
    for body in (ours, theirs):
        assert decrypt(body, browser.private_key, browser.auth) == PLAINTEXT


def test_3993_bytes_fill_a_body_of_4096_and_3994_are_refused():
    browser = new_subscription()
    body = encrypt(b"x" * 3993, browser.p256dh, browser.auth)
    assert len(body) == 4096
    check_body("aes128gcm", body)
    assert decrypt(body, browser.private_key, browser.auth) == b"x" * 3993
    with pytest.raises(MessageTooLong, match="3994"):
        encrypt(b"x" * 3994, browser.p256dh, browser.auth)


def test_no_two_messages_share_a_salt_or_an_ephemeral_key():
    browser = new_subscription()
    bodies = [encrypt(b"same", browser.p256dh, browser.auth) for _ in range(200)]
    assert len({body[:16] for body in bodies}) == 200
    assert len({body[21:86] for body in bodies}) == 200


def test_nobody_else_reads_it():
    browser, other = new_subscription(), new_subscription()
    body = encrypt(b"for her", browser.p256dh, browser.auth)
    with pytest.raises(Undecipherable):
        decrypt(body, other.private_key, browser.auth)
    with pytest.raises(Undecipherable):
        decrypt(body, browser.private_key, other.auth)
    touched = body[:-1] + bytes([body[-1] ^ 1])
    with pytest.raises(Undecipherable):
        decrypt(touched, browser.private_key, browser.auth)


def test_a_key_off_the_curve_and_a_secret_of_3_bytes_encrypt_nothing():
    browser = new_subscription()
    off_curve = browser.p256dh[:-1] + bytes([browser.p256dh[-1] ^ 1])
    compressed = browser.private_key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    for point in (off_curve, compressed, b"", bytes(65)):
        with pytest.raises(KeysRefused):
            encrypt(b"message", point, browser.auth)
    for secret in (b"abc", b"", bytes(17)):
        with pytest.raises(KeysRefused):
            encrypt(b"message", browser.p256dh, secret)
