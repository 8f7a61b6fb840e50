"""A code lets another phone in once, for as long as it lives; what signs the old phones out leaves them nothing."""

import datetime as dt
import hashlib

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import CitizenToken, citizen_of, new_token
from citylife.accounts.erasure import erase_citizen
from citylife.accounts.moving import (
    ALPHABET,
    MOST_TRIES,
    CodeKind,
    CodeRefused,
    CodeTries,
    MovingCode,
    OldPhones,
    TooManyTries,
    check_tries,
    count_refused,
    forget_codes,
    forget_tries,
    make_recovery_code,
    make_transfer_code,
    move,
    place_of,
    read_code,
    recovery_since,
    revoke_recovery_code,
)
from citylife.activity import WHOLE, Counted, DailyCount
from citylife.devices import Device, EndpointOwner, devices_of
from citylife.follows import Follow
from citylife.ledger.claims import claim
from citylife.ledger.expansion import expand_page
from citylife.ledger.lanes import open_lanes
from citylife.ledger.tables import Decision, Delivery, Reason
from tests import builders
from tests.builders import NOW
from tests.overlap import overlapping

SECRET = "s" * 43
MINUTE = dt.timedelta(minutes=1)


def transfer(session: Session, citizen, *, now=NOW) -> str:
    return make_transfer_code(session, citizen, secret=SECRET, now=now)[0]


def moved(session: Session, code: str, old=OldPhones.KEEP, *, now=NOW):
    return move(session, code, old, secret=SECRET, now=now)


def test_a_code_is_short_to_type_and_too_long_to_guess(session: Session):
    citizen = builders.a_citizen(session)
    code, expires_at = make_transfer_code(session, citizen, secret=SECRET, now=NOW)
    assert expires_at == NOW + 10 * MINUTE
    bare = code.replace("-", "")
    assert len(ALPHABET) ** len(bare) >= 2**50
    assert len(set(ALPHABET)) == 32
    assert len(ALPHABET) ** len(make_recovery_code(session, citizen, now=NOW).replace("-", "")) >= 2**120


def test_no_code_is_stored_and_a_stolen_table_does_not_even_check_a_guess(session: Session):
    citizen = builders.a_citizen(session)
    short, long = transfer(session, citizen), make_recovery_code(session, citizen, now=NOW)
    stored = session.scalars(select(MovingCode.digest)).all()
    plain = {hashlib.sha256(read_code(code).encode()).digest() for code in (short, long)}
    assert len(stored) == 2
    assert len(plain & set(stored)) == 1, "the long one is its SHA-256, the short one needs the secret"
    with pytest.raises(CodeRefused):
        move(session, short, OldPhones.KEEP, secret="another" * 9, now=NOW)


def test_the_new_phone_speaks_for_her_and_the_old_one_goes_on(session: Session):
    citizen, token = builders.a_citizen_with_token(session)
    done = moved(session, transfer(session, citizen))
    session.commit()
    assert done.citizen.id == citizen.id
    assert done.used is CodeKind.TRANSFER
    for held in (token, done.token):
        found = citizen_of(session, held)
        assert found is not None
        assert found.id == citizen.id


def test_a_code_may_be_typed_as_people_type(session: Session):
    citizen = builders.a_citizen(session)
    code = transfer(session, citizen)
    typed = " " + code.lower().replace("-", " ").replace("0", "o").replace("1", "l") + " "
    assert moved(session, typed).citizen.id == citizen.id


@pytest.mark.parametrize("written", ["", "-", "7K3QX", "7K3QX-0M9DU", "7K3QX-0M9DH-1", "é" * 10, "0" * 24, "0" * 26])
def test_what_is_no_code_is_refused_as_a_wrong_one(session: Session, written: str):
    builders.a_citizen(session)
    with pytest.raises(CodeRefused) as refused:
        moved(session, written)
    with pytest.raises(CodeRefused) as wrong:
        moved(session, "00000-00000")
    assert (refused.value.detail, refused.value.pointer) == (wrong.value.detail, wrong.value.pointer)


def test_a_code_works_once_and_for_ten_minutes(session: Session):
    citizen = builders.a_citizen(session)
    code = transfer(session, citizen)
    moved(session, code, now=NOW + 10 * MINUTE - dt.timedelta(seconds=1))
    with pytest.raises(CodeRefused):
        moved(session, code)
    late = transfer(session, citizen)
    with pytest.raises(CodeRefused):
        moved(session, late, now=NOW + 10 * MINUTE)


def test_two_phones_with_one_code_do_not_both_get_in(sessions: sessionmaker[Session]):
    for make in (transfer, lambda session, citizen: make_recovery_code(session, citizen, now=NOW)):
        with sessions.begin() as session:
            code = make(session, builders.a_citizen(session))
        first, second = overlapping(sessions, lambda s, c=code: moved(s, c), lambda s, c=code: moved(s, c))
        assert first.token
        assert isinstance(second, CodeRefused)


def test_a_code_that_meets_an_erasure_lets_nobody_in(sessions: sessionmaker[Session], tombstones):
    with sessions.begin() as session:
        citizen = builders.a_citizen(session)
        code = transfer(session, citizen)
    _, late = overlapping(
        sessions,
        lambda session: erase_citizen(session, session.merge(citizen), tombstones=tombstones, now=NOW),
        lambda session: moved(session, code),
    )
    assert isinstance(late, CodeRefused)


def test_three_codes_are_open_and_a_fourth_ends_the_oldest(session: Session):
    citizen, other = builders.a_citizen(session), builders.a_citizen(session)
    hers = transfer(session, other)
    codes = [transfer(session, citizen, now=NOW + number * MINUTE) for number in range(4)]
    now = NOW + 4 * MINUTE
    with pytest.raises(CodeRefused):
        moved(session, codes[0], now=now)
    for code in (*codes[1:], hers):
        moved(session, code, now=now)


def test_signing_the_old_phones_out_ends_their_tokens_devices_and_codes(session: Session):
    shop = builders.a_shop(session)
    citizen, token = builders.a_citizen_with_token(session)
    new_token(session, citizen, now=NOW)
    builders.a_device(session, citizen)
    builders.a_device(session, citizen)
    builders.a_follow(session, citizen, shop)
    stranger = builders.a_follower(session, shop)
    left_open, printed = transfer(session, citizen), make_recovery_code(session, citizen, now=NOW)
    done = moved(session, transfer(session, citizen), OldPhones.SIGN_OUT)
    session.commit()
    assert citizen_of(session, token) is None
    assert len(session.scalars(select(CitizenToken).where(CitizenToken.citizen_id == citizen.id)).all()) == 1
    assert citizen_of(session, done.token) is not None
    assert devices_of(session, citizen.id) == []
    assert session.scalars(select(EndpointOwner.citizen_id)).all() == [stranger.id]
    for code in (left_open, printed):
        with pytest.raises(CodeRefused):
            moved(session, code)
    assert done.recovery_stands is False
    assert session.scalars(select(Follow.citizen_id).where(Follow.citizen_id == citizen.id)).all() == [citizen.id]
    counts = session.execute(select(DailyCount.counted, DailyCount.subject, DailyCount.count)).all()
    assert {tuple(row) for row in counts} == {(Counted.DEVICES_REMOVED, WHOLE, 2)}, (
        "she moved, and opted out of nothing"
    )


def test_what_waits_for_a_phone_that_is_signed_out_is_not_sent(session: Session):
    shop = builders.a_shop(session)
    citizen = builders.a_follower(session, shop, devices=2)
    builders.an_offer(session, shop)
    while expand_page(session, now=NOW) is not None:
        pass
    assert len(session.scalars(select(Delivery)).all()) == 2
    moved(session, transfer(session, citizen), OldPhones.SIGN_OUT)
    session.commit()
    taken = [claim(session, lane, now=NOW) for lane in open_lanes(session, now=NOW)]
    assert [delivery for one in taken for delivery in one.to_send] == []
    session.commit()
    assert session.scalars(select(Delivery)).all() == []
    assert session.scalars(select(Decision.reason)).one() is Reason.DEVICE_GONE
    assert session.scalars(select(Device)).all() == []


def test_one_recovery_code_stands_and_a_new_one_replaces_it(session: Session):
    citizen = builders.a_citizen(session)
    assert recovery_since(session, citizen.id) is None
    old = make_recovery_code(session, citizen, now=NOW)
    new = make_recovery_code(session, citizen, now=NOW + MINUTE)
    assert recovery_since(session, citizen.id) == NOW + MINUTE
    with pytest.raises(CodeRefused):
        moved(session, old)
    done = moved(session, new, now=NOW + dt.timedelta(days=900))
    assert (done.used, done.recovery_stands) == (CodeKind.RECOVERY, False)
    with pytest.raises(CodeRefused):
        moved(session, new)


def test_a_transfer_that_keeps_the_phones_keeps_the_printed_code(session: Session):
    citizen = builders.a_citizen(session)
    make_recovery_code(session, citizen, now=NOW)
    assert moved(session, transfer(session, citizen)).recovery_stands is True


def test_a_revoked_recovery_code_works_no_longer_and_transfers_go_on(session: Session):
    citizen = builders.a_citizen(session)
    printed, open_code = make_recovery_code(session, citizen, now=NOW), transfer(session, citizen)
    revoke_recovery_code(session, citizen)
    with pytest.raises(CodeRefused):
        moved(session, printed)
    moved(session, open_code)


def test_after_twenty_refusals_a_place_waits_for_the_next_hour_and_others_do_not(session: Session):
    here, there = place_of("192.0.2.7", SECRET), place_of("192.0.2.8", SECRET)
    for number in range(MOST_TRIES):
        check_tries(session, here, now=NOW + number * MINUTE)
        count_refused(session, here, now=NOW + number * MINUTE)
    with pytest.raises(TooManyTries) as refused:
        check_tries(session, here, now=NOW + 59 * MINUTE)
    assert refused.value.headers == {"Retry-After": "61"}
    check_tries(session, there, now=NOW)
    check_tries(session, here, now=NOW + 60 * MINUTE)


def test_a_whole_ipv6_network_is_one_place_and_no_address_is_kept(session: Session):
    assert place_of("2001:db8:0:1::1", SECRET) == place_of("2001:db8:0:1:ffff::9", SECRET)
    assert place_of("2001:db8:0:1::1", SECRET) != place_of("2001:db8:0:2::1", SECRET)
    assert place_of("192.0.2.7", SECRET) != place_of("192.0.2.7", SECRET + "x")
    assert len(place_of("", SECRET)) == 32


def test_a_purge_forgets_codes_that_are_over_and_old_counters(session: Session):
    citizen = builders.a_citizen(session)
    transfer(session, citizen)
    printed = make_recovery_code(session, citizen, now=NOW)
    kept = transfer(session, citizen, now=NOW + 59 * MINUTE)
    for at in (NOW, NOW + 60 * MINUTE):
        count_refused(session, place_of("192.0.2.7", SECRET), now=at)
    forget_codes(session, now=NOW + 60 * MINUTE)
    forget_tries(session, now=NOW + 60 * MINUTE)
    assert len(session.scalars(select(MovingCode)).all()) == 2
    assert session.scalars(select(CodeTries.since)).all() == [NOW + 60 * MINUTE]
    moved(session, kept, now=NOW + 60 * MINUTE)
    moved(session, printed, now=NOW + 60 * MINUTE)
