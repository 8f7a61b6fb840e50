"""A citizen is an id and a token; her wishes are hers; what is erased is gone."""

import base64
import datetime as dt
import hashlib
import threading
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import (
    ActiveDays,
    Citizen,
    CitizenDay,
    CitizenToken,
    ErasureReceipt,
    Wishes,
    WishRefused,
    change_wishes,
    citizen_of,
    create_citizen,
    forget_days,
    new_token,
    read_token,
    shows_life,
)
from citylife.accounts.erasure import erase_citizen
from citylife.activity import WHOLE, Counted, DailyCount
from citylife.buckets import BUCKETS, bucket_of
from citylife.database import Base, new_id
from citylife.devices import device_gone
from citylife.errors import Absent
from citylife.follows import Follow, follow, unfollow
from citylife.shops import Shop
from tests import builders
from tests.builders import NOW
from tests.overlap import overlapping


def test_a_citizen_gives_nothing_and_gets_a_token_that_speaks_for_her(session: Session):
    citizen, token = create_citizen(session, locale="en", now=NOW)
    session.commit()

    assert len(token) == 64
    assert citizen_of(session, token) is citizen
    assert (citizen.locale, citizen.time_zone, citizen.weekly_budget, citizen.daily_budget) == (
        "en",
        "Europe/Paris",
        5,
        2,
    )
    assert (citizen.quiet_from, citizen.quiet_until, citizen.quiet_sundays) == (dt.time(20), dt.time(9), True)
    assert not citizen.notifications_consented
    assert citizen.created_at == NOW


def test_the_secret_of_a_token_is_stored_nowhere(session: Session):
    citizen, token = create_citizen(session, locale="fr", now=NOW)

    secret = base64.urlsafe_b64decode(token)[16:]
    stored = session.scalars(select(CitizenToken.digest).where(CitizenToken.citizen_id == citizen.id)).one()
    assert stored == hashlib.sha256(secret).digest()
    assert stored != secret


def test_each_token_speaks_for_its_own_citizen(session: Session):
    one, token = create_citizen(session, locale="fr", now=NOW)
    other, other_token = create_citizen(session, locale="fr", now=NOW)
    second_phone = new_token(session, one, now=NOW)

    assert citizen_of(session, token) is one
    assert citizen_of(session, second_phone) is one
    assert citizen_of(session, other_token) is other


def test_a_secret_does_not_speak_for_another_id(session: Session):
    _one, token = create_citizen(session, locale="fr", now=NOW)
    other, _ = create_citizen(session, locale="fr", now=NOW)
    mixed = base64.urlsafe_b64encode(other.id.bytes + base64.urlsafe_b64decode(token)[16:]).decode()

    assert citizen_of(session, mixed) is None


@given(st.binary(min_size=48, max_size=48))
def test_every_token_is_read_back(content: bytes):
    token = base64.urlsafe_b64encode(content).decode()

    assert read_token(token) == (uuid.UUID(bytes=content[:16]), hashlib.sha256(content[16:]).digest())


@given(st.text(max_size=80))
def test_no_text_breaks_the_reading_of_tokens(text: str):
    read = read_token(text)

    assert read is None or base64.urlsafe_b64encode(base64.urlsafe_b64decode(text)).decode() == text


@pytest.mark.parametrize(
    "token", ["", "a" * 63, "a" * 65, "a" * 63 + "=", "a" * 63 + "+", "a" * 64 + "\n", "é" * 64, "a" * 63 + "\u0660"]
)
def test_what_is_no_token_is_nobodys(session: Session, token: str):
    assert read_token(token) is None
    assert citizen_of(session, token) is None


def test_citizens_are_spread_evenly_over_the_lanes():
    counts = [0] * BUCKETS
    for _ in range(4_000):
        counts[bucket_of(new_id())] += 1

    assert min(counts) > 150
    assert max(counts) < 350


def test_a_locale_of_nobody_is_refused(session: Session):
    with pytest.raises(WishRefused) as refusal:
        create_citizen(session, locale="nl", now=NOW)

    assert refusal.value.pointer == "/locale"


def test_wishes_change_what_they_name_and_nothing_else(session: Session):
    citizen = builders.a_citizen(session, consented=False)

    change_wishes(session, citizen, Wishes(quiet_from=dt.time(22, 30), weekly_budget=0, digest=False), now=NOW)
    session.commit()
    session.expire_all()

    assert (citizen.quiet_from, citizen.weekly_budget, citizen.digest) == (dt.time(22, 30), 0, False)
    assert (citizen.quiet_until, citizen.daily_budget, citizen.locale) == (dt.time(9), 2, "fr")
    assert citizen.version == 2


def test_wishes_that_change_nothing_leave_the_version(session: Session):
    citizen = builders.a_citizen(session, consented=False)

    change_wishes(session, citizen, Wishes(weekly_budget=5, locale="fr"), now=NOW)
    change_wishes(session, citizen, Wishes(), now=NOW)

    assert citizen.version == 1


@pytest.mark.parametrize(
    ("wishes", "pointer"),
    [
        (Wishes(locale="xx"), "/locale"),
        (Wishes(time_zone="Europe/Bethune"), "/time_zone"),
        (Wishes(time_zone="../../etc/passwd"), "/time_zone"),
        (Wishes(time_zone=""), "/time_zone"),
        (Wishes(weekly_budget=-1), "/weekly_budget"),
        (Wishes(weekly_budget=21), "/weekly_budget"),
        (Wishes(daily_budget=11), "/daily_budget"),
        (Wishes(daily_budget=3, quiet_from=dt.time(9, tzinfo=dt.UTC)), "/quiet_from"),
    ],
)
def test_a_wish_out_of_bounds_is_refused_and_nothing_changes(session: Session, wishes: Wishes, pointer: str):
    citizen = builders.a_citizen(session, consented=False)
    session.commit()

    with pytest.raises(WishRefused) as refusal:
        change_wishes(session, citizen, wishes, now=NOW)

    assert refusal.value.pointer == pointer
    session.refresh(citizen)
    assert (citizen.version, citizen.daily_budget) == (1, 2)


@pytest.mark.parametrize("zone", ["Europe/Paris", "Indian/Reunion", "America/Martinique", "UTC"])
def test_any_zone_of_the_world_is_accepted(session: Session, zone: str):
    citizen = builders.a_citizen(session)

    assert change_wishes(session, citizen, Wishes(time_zone=zone), now=NOW).time_zone == zone


def test_two_changes_at_once_are_both_kept(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        citizen_id = builders.a_citizen(session, consented=False).id

    def wish(wishes: Wishes):
        return lambda session: change_wishes(session, session.get_one(Citizen, citizen_id), wishes, now=NOW).version

    versions = overlapping(sessions, wish(Wishes(weekly_budget=7)), wish(Wishes(daily_budget=1)))

    assert versions == (2, 3)
    with sessions() as session:
        citizen = session.get_one(Citizen, citizen_id)
        assert (citizen.weekly_budget, citizen.daily_budget) == (7, 1)


def test_erasure_leaves_nothing_that_is_hers(session: Session, tombstones):
    shop, left = builders.a_shop(session), builders.a_shop(session)
    offer = builders.an_offer(session, shop)
    citizen = builders.a_follower(session, shop, devices=2)
    stays = builders.a_follower(session, shop)
    builders.a_follow(session, citizen, left)
    unfollow(session, citizen.id, left.id, now=NOW)
    session.add(CitizenDay(citizen_id=citizen.id, day=NOW.date()))
    builders.a_delivery(session, citizen, offer.id, accepted_at=None)
    session.commit()
    citizen_id, stays_id = citizen.id, stays.id

    receipt = erase_citizen(session, citizen, tombstones=tombstones, now=NOW)
    session.commit()

    assert rows_of(session, citizen_id) == {}
    assert set(rows_of(session, stays_id)) == {
        "citizens",
        "citizen_tokens",
        "consents",
        "devices",
        "endpoints",
        "follows",
    }
    assert session.scalars(select(ErasureReceipt.id)).all() == [receipt.id]
    assert receipt.erased_at == NOW
    assert receipt.id != citizen_id


def test_erasure_keeps_only_that_devices_and_follows_were_lost(session: Session, tombstones):
    shop = builders.a_shop(session)
    offer = builders.an_offer(session, shop)
    citizen = builders.a_follower(session, shop, devices=2)
    builders.a_delivery(session, citizen, offer.id, accepted_at=NOW)

    erase_citizen(session, citizen, tombstones=tombstones, now=NOW + dt.timedelta(hours=3))

    counts = session.execute(select(DailyCount.counted, DailyCount.subject, DailyCount.count)).all()
    assert {tuple(row) for row in counts} == {
        (Counted.DEVICES_REMOVED, WHOLE, 2),
        (Counted.OPT_OUTS, WHOLE, 3),
    }


def test_who_was_erased_has_no_token_and_no_verb_any_more(session: Session, tombstones):
    citizen, token = builders.a_citizen_with_token(session)
    erase_citizen(session, citizen, tombstones=tombstones, now=NOW)
    session.commit()

    assert citizen_of(session, token) is None
    with pytest.raises(Absent):
        change_wishes(session, citizen, Wishes(digest=False), now=NOW)
    with pytest.raises(Absent):
        erase_citizen(session, citizen, tombstones=tombstones, now=NOW)


def test_a_follow_that_meets_an_erasure_finds_nobody(sessions: sessionmaker[Session], tombstones):
    with sessions.begin() as session:
        citizen_id = builders.a_citizen(session).id
        shop_id = builders.a_shop(session).id

    _, followed = overlapping(
        sessions,
        lambda session: erase_citizen(session, session.get_one(Citizen, citizen_id), tombstones=tombstones, now=NOW),
        lambda session: follow(session, citizen_id, session.get_one(Shop, shop_id), builders.Level.NORMAL, now=NOW),
    )

    assert isinstance(followed, Absent)
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Follow)) == 0


def test_days_are_written_once_however_often_she_is_seen(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        citizen_id = builders.a_citizen(session).id
    days = ActiveDays(sessions)

    for _ in range(3):
        days.note(citizen_id, NOW)
    days.note(citizen_id, NOW - dt.timedelta(days=1))
    assert days.flush(NOW) == 2
    days.note(citizen_id, NOW)
    days.flush(NOW)
    assert days.flush(NOW) == 0

    with sessions() as session:
        assert session.scalars(select(CitizenDay.day).order_by(CitizenDay.day)).all() == [
            NOW.date() - dt.timedelta(days=1),
            NOW.date(),
        ]


def test_a_day_is_the_one_where_she_lives(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        citizens = [builders.a_citizen(session) for _ in range(3)]
        for citizen, zone in zip(citizens, ("Europe/Paris", "America/Cayenne", "Asia/Kolkata"), strict=True):
            citizen.time_zone = zone
        ids = [citizen.id for citizen in citizens]
    days = ActiveDays(sessions)

    for citizen_id in ids:
        days.note(citizen_id, dt.datetime(2026, 11, 23, 18, 44, 59, tzinfo=dt.UTC))
        days.note(citizen_id, dt.datetime(2026, 11, 24, 2, 59, 59, tzinfo=dt.UTC))
    days.flush(NOW)

    with sessions() as session:
        written = [
            session.scalars(select(CitizenDay.day).where(CitizenDay.citizen_id == citizen_id)).all()
            for citizen_id in ids
        ]
    monday, tuesday = dt.date(2026, 11, 23), dt.date(2026, 11, 24)
    assert [sorted(each) for each in written] == [[monday, tuesday], [monday], [tuesday]]


def test_days_pass_over_who_was_erased_meanwhile(sessions: sessionmaker[Session], tombstones):
    with sessions.begin() as session:
        stays, leaves = builders.a_citizen(session), builders.a_citizen(session)
        stays_id, leaves_id = stays.id, leaves.id
    days = ActiveDays(sessions)
    days.note(leaves_id, NOW)
    days.note(stays_id, NOW)

    overlapping(
        sessions,
        lambda session: erase_citizen(session, session.get_one(Citizen, leaves_id), tombstones=tombstones, now=NOW),
        lambda _session: days.flush(NOW),
    )

    with sessions() as session:
        assert session.scalars(select(CitizenDay.citizen_id)).all() == [stays_id]


def test_days_survive_a_database_that_fails(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        citizen_id = builders.a_citizen(session).id
    broken = True

    def factory() -> Session:
        if broken:
            raise ConnectionError
        return sessions()

    days = ActiveDays(factory)  # type: ignore[arg-type]
    days.note(citizen_id, NOW)
    with pytest.raises(ConnectionError):
        days.flush(NOW)
    broken = False

    assert days.flush(NOW) == 1
    with sessions() as session:
        assert session.scalars(select(CitizenDay.citizen_id)).all() == [citizen_id]


def test_days_noted_by_many_threads_are_all_written(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        citizen_id = builders.a_citizen(session).id
    days = ActiveDays(sessions)

    def note_twenty(first: int) -> None:
        for day in range(first, first + 20):
            days.note(citizen_id, dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC) + dt.timedelta(days=day % 24))
            if day % 10 == 0:
                days.flush(NOW)

    threads = [threading.Thread(target=note_twenty, args=(first,)) for first in range(0, 80, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    days.flush(NOW)

    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(CitizenDay)) == 24


def test_days_are_forgotten_after_five_weeks(session: Session):
    citizen = builders.a_citizen(session)
    for age in (0, 35, 36, 60):
        session.add(CitizenDay(citizen_id=citizen.id, day=NOW.date() - dt.timedelta(days=age)))
    session.flush()

    forget_days(session, now=NOW)

    assert session.scalars(select(CitizenDay.day).order_by(CitizenDay.day)).all() == [
        NOW.date() - dt.timedelta(days=35),
        NOW.date(),
    ]


def test_two_days_or_a_notification_show_life(session: Session):
    shop = builders.a_shop(session)
    offer = builders.an_offer(session, shop)
    seen, told, neither = (builders.a_follower(session, shop) for _ in range(3))
    for age in (0, 1):
        session.add(CitizenDay(citizen_id=seen.id, day=NOW.date() - dt.timedelta(days=age)))
    session.add(CitizenDay(citizen_id=neither.id, day=NOW.date()))
    builders.a_delivery(session, told, offer.id, accepted_at=NOW)
    builders.a_delivery(session, neither, offer.id, accepted_at=None)
    session.flush()

    assert [shows_life(session, citizen.id) for citizen in (seen, told, neither)] == [True, True, False]


def test_a_device_gone_after_her_erasure_is_nothing(session: Session, tombstones):
    citizen = builders.a_citizen(session)
    device = builders.a_device(session, citizen)
    citizen_id, device_id, digest = citizen.id, device.id, device.endpoint_sha256
    erase_citizen(session, citizen, tombstones=tombstones, now=NOW)

    assert not device_gone(session, citizen_id, device_id, digest, now=NOW)


def rows_of(session: Session, citizen_id: uuid.UUID) -> dict[str, int]:
    """How many rows of each table name the citizen."""
    found = {}
    for table in Base.metadata.sorted_tables:
        column = table.c.get("citizen_id", table.c.id if table.name == "citizens" else None)
        if column is not None:
            number = session.scalar(select(func.count()).select_from(table).where(column == citizen_id))
            if number:
                found[table.name] = number
    return found
