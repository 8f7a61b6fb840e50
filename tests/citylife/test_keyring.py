"""Every host holds the keys that the database is used with; a push key is replaced without anybody noticing."""

import dataclasses
import datetime as dt

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife import keyring
from citylife.activity import DailyCount
from citylife.devices import Device, EndpointOwner
from citylife.keyring import KeysDiffer, NotedKey
from citylife.keys import Keys, keys_of, new_vapid_key
from citylife.settings import Settings
from citylife.wording import say
from tests import builders
from tests.builders import NOW

A, B, C = (new_vapid_key() for _ in range(3))


def keys(current: str = A, *previous: str, secret: str = "s" * 43) -> Keys:
    """The keys of a host, from settings alone."""
    return keys_of(Settings(secret_key=secret, vapid_private_key=current, vapid_previous_keys=previous))


def agree(sessions: sessionmaker[Session], held: Keys) -> list[int]:
    """The numbers under which a host that starts holds its push keys."""
    with sessions.begin() as session:
        return sorted(keyring.agree(session, held, now=NOW))


def test_the_first_host_notes_its_keys_and_the_second_finds_them_the_same(sessions):
    assert agree(sessions, keys()) == [1]
    assert agree(sessions, keys()) == [1]
    with sessions() as session:
        noted = session.scalars(select(NotedKey).order_by(NotedKey.kind)).all()
        assert [(row.kind.value, row.number, row.current) for row in noted] == [("push", 1, True), ("secret", 1, True)]
        assert "s" * 43 not in {row.mark for row in noted}


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (keys(secret="t" * 43), "CITYLIFE_SECRET_KEY"),
        (keys(B), "CITYLIFE_VAPID_PRIVATE_KEY"),
    ],
    ids=["another secret", "another push key"],
)
def test_a_host_with_other_keys_is_refused_in_both_languages(sessions, other: Keys, named: str):
    agree(sessions, keys())
    with pytest.raises(KeysDiffer) as refused:
        agree(sessions, other)
    french, english = (say(refused.value.sentence, locale) for locale in ("fr", "en"))
    assert named in french
    assert named in english
    assert ("machine" in french, "host" in english) == (True, True)
    assert agree(sessions, keys()) == [1], "what was refused has changed nothing"


def test_a_new_push_key_beside_the_old_one_is_a_rotation(sessions):
    agree(sessions, keys())
    assert agree(sessions, keys(B, A)) == [1, 2]
    with sessions() as session:
        assert [(use.number, use.current) for use in keyring.push_keys(session)] == [(1, False), (2, True)]


def test_a_host_that_was_not_told_of_the_rotation_is_refused_and_told_which_key_it_lacks(sessions):
    agree(sessions, keys())
    agree(sessions, keys(B, A))
    with pytest.raises(KeysDiffer, match="VAPID"):
        agree(sessions, keys(A))
    with pytest.raises(KeysDiffer, match="n°\u00a02"):
        agree(sessions, keys(A, B))


def test_a_key_may_be_handed_out_before_it_is_put_to_use(sessions):
    agree(sessions, keys())
    assert agree(sessions, keys(A, B)) == [1, 2]
    with sessions() as session:
        assert [(use.number, use.current) for use in keyring.push_keys(session)] == [(1, True), (2, False)]
    assert agree(sessions, keys(B, A)) == [1, 2]


def test_an_old_key_may_be_left_out_once_no_device_relies_on_it(sessions):
    agree(sessions, keys())
    with sessions.begin() as session:
        device = builders.a_device(session, builders.a_citizen(session))
    agree(sessions, keys(B, A))
    with pytest.raises(KeysDiffer, match=r"n°\u00a01.*keys drop 1"):
        agree(sessions, keys(B))

    with sessions.begin() as session:
        keyring.end_push_key(session, 1, now=NOW)
        assert keyring.forget_devices(session, 1) == 1
        assert keyring.forget_devices(session, 1) == 0
        assert session.get(Device, (device.citizen_id, device.id)) is None
        assert session.get(EndpointOwner, device.endpoint_sha256) is None
    assert agree(sessions, keys(B)) == [2]


def test_the_key_in_service_cannot_be_ended(sessions):
    agree(sessions, keys())
    with sessions.begin() as session:
        keyring.end_push_key(session, 1, now=NOW)
        assert [use.ended_at for use in keyring.push_keys(session)] == [None]


def test_a_browser_is_taken_with_the_keys_of_the_house_and_no_other(sessions):
    house = keys(B, A)
    publics = list(house.push_keys)
    agree(sessions, keys())
    agree(sessions, house)
    with sessions.begin() as session:
        assert [keyring.number_of(session, house, public, now=NOW) for public in publics] == [2, 1]
        assert keyring.number_of(session, house, keys(C).vapid_public, now=NOW) is None
        keyring.end_push_key(session, 1, now=NOW)
        assert keyring.number_of(session, house, publics[1], now=NOW) is None


def test_lost_keys_are_given_up_deliberately_and_only_what_hung_on_them_goes(sessions):
    agree(sessions, keys())
    with sessions.begin() as session:
        builders.a_device(session, builders.a_citizen(session))
    new_host = keys(B, secret="n" * 43)
    with pytest.raises(KeysDiffer):
        agree(sessions, new_host)

    with sessions.begin() as session:
        found = keyring.differences(session, new_host)
        assert (found.secret, found.devices, [use.number for use in found.lost]) == (True, 1, [1])
        assert keyring.accept(session, new_host, now=NOW) == found
        assert keyring.forget_devices(session, 1) == 1
    assert agree(sessions, new_host) == [2]
    with pytest.raises(KeysDiffer):
        agree(sessions, keys())


def test_accepting_the_same_keys_loses_nothing(sessions):
    agree(sessions, keys())
    with sessions.begin() as session:
        found = keyring.accept(session, keys(), now=NOW)
    assert dataclasses.astuple(found) == (False, ())
    assert agree(sessions, keys()) == [1]


def test_the_same_browser_subscribed_again_takes_its_own_place_and_is_no_opt_out(sessions, readers):
    with sessions.begin() as session:
        citizen = builders.a_citizen(session)
        first = builders.a_device(session, citizen)
    with sessions.begin() as session:
        second = builders.a_device(
            session, session.merge(citizen), push_key=2, replaces=first.id, now=NOW + dt.timedelta(hours=1)
        )
    with readers() as session:
        assert [(device.id, device.push_key) for device in session.scalars(select(Device))] == [(second.id, 2)]
        assert session.scalars(select(EndpointOwner.device_id)).all() == [second.id]
        assert session.scalars(select(DailyCount.count)).all() == []
