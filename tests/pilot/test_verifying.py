"""A copy of the database against what was kept: nights of closing and purging, erasures, then one altered row."""

import datetime as dt
import shutil
import uuid
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen
from citylife.accounts.erasure import erase_citizen
from citylife.activity import Counted, DailyCount
from citylife.audit import Actor
from citylife.database import engine_for, new_id, reading, writing
from citylife.insiders import TeamFollower
from citylife.ledger.tables import Delivery, Message, MessageKind
from citylife.migrations import metadata
from citylife.offers.tables import Offer
from citylife.pilot.calendar import days_to_close, periods_to_freeze
from citylife.pilot.counting import close_days
from citylife.pilot.freezing import count_period, freeze
from citylife.pilot.periods import A_DAY, Period, midnight, read_period
from citylife.pilot.verifying import LEAVING, Recount, verify, verify_from_rows
from citylife.places import PlaceKind
from citylife.purge import purge_everything
from citylife.shops.tables import Shop, ShopStatus
from citylife.tombstones import Tombstones
from tests import builders
from tests.pilot.history import write_history

WEEK, MONTH = read_period("2026-W47"), read_period("2026-11")
STAYING = {"communes", "commune_cells"}
"""Tables that every database of the house is born with."""


class Lived:
    """A month lived night by night, as a worker does it: each day closed, then the purge, then what is over frozen."""

    def __init__(self, sessions: sessionmaker[Session], tombstones: Tombstones, copies: "Copies") -> None:
        self.sessions, self.tombstones, self.copies = sessions, tombstones, copies

    def live(self) -> None:
        for night in (*MONTH.days(), MONTH.end):
            if night == MONTH.first:
                continue
            now = midnight(night) + dt.timedelta(hours=3, minutes=15)
            with self.sessions.begin() as session:
                close_days(session, days_to_close(session, now=now), now=now)
            for _ in purge_everything(self.sessions, now=now + dt.timedelta(minutes=15)):
                pass
            self.erase_somebody(now)
            self.freeze_what_is_over(now + dt.timedelta(hours=3))

    def freeze_what_is_over(self, now: dt.datetime) -> None:
        with self.sessions() as session:
            waiting = periods_to_freeze(session, now=now)
        for period in waiting:
            with self.sessions.begin() as session:
                freeze(session, count_period(session, period, now=now), revision="", actor=Actor.SYSTEM, now=now)
            self.copies.take(period)

    def erase_somebody(self, now: dt.datetime) -> None:
        """In the middle of each week, one for whom something was accepted in it."""
        if now.weekday() != 3:
            return
        with self.sessions.begin() as session:
            told = select(Delivery.citizen_id).where(Delivery.accepted_at.between(now - 2 * A_DAY, now)).limit(1)
            citizen = session.get(Citizen, session.scalar(told))
            assert citizen is not None
            erase_citizen(session, citizen, tombstones=self.tombstones, now=now)


class Copies:
    """Copies of a database into files of SQLite, row by row, whatever the database is."""

    def __init__(self, engine: Engine, template: Path, folder: Path) -> None:
        self.engine, self.template, self.folder = engine, template, folder
        self.taken: dict[Period, Engine] = {}

    def take(self, period: Period) -> None:
        file = self.folder / f"{period}.db"
        shutil.copyfile(self.template, file)
        self.taken[period] = engine_for(f"sqlite:///{file}")
        with self.engine.connect() as source, writing(self.taken[period]).begin() as session:
            for table in metadata.sorted_tables:
                written = select(*(column for column in table.columns if column.computed is None))
                rows = [dict(row) for row in source.execute(written).mappings()]
                if rows and table.name not in STAYING:
                    session.connection().execute(table.insert(), rows)

    def verify(self, sessions: sessionmaker[Session], period: Period) -> Recount:
        with sessions() as session, reading(self.taken[period])() as copy:
            assert verify(session, period) == []
            return verify_from_rows(session, period, copy)


@pytest.fixture
def copies(engine: Engine, sqlite_template: Path, tmp_path: Path) -> Iterator[Copies]:
    copies = Copies(engine, sqlite_template, tmp_path)
    yield copies
    for taken in copies.taken.values():
        taken.dispose()


@pytest.fixture
def lived(sessions: sessionmaker[Session], tombstones: Tombstones, copies: Copies) -> Copies:
    """After a month: its weeks and itself frozen, and a copy taken of each when it was."""
    with sessions.begin() as session:
        write_history(session, seed=8, first=MONTH.begins, days=30, citizens=24, shops=6, offers=45)
        for citizen in session.scalars(select(Citizen).limit(8)):
            builders.a_place(session, citizen, PlaceKind.NOW, now=WEEK.begins + A_DAY)
    Lived(sessions, tombstones, copies).live()
    return copies


def test_what_the_purge_and_erasures_took_is_told_apart(lived: Copies, sessions: sessionmaker[Session]) -> None:
    for period in (WEEK, MONTH):
        recount = lived.verify(sessions, period)
        assert recount.differences == []
        assert recount.left, "who was erased after the day was closed, and what tells of a place"
        assert {difference.what.split()[1] for difference in recount.left} <= LEAVING
        assert bool(recount.late) == (period is MONTH), "what had left of a team's, on days that their week froze"


def test_one_altered_row_of_the_copy_is_caught(lived: Copies, sessions: sessionmaker[Session]) -> None:
    """Of what may leave, more is caught; of what nothing takes, less is as well."""
    for period, alter in product((WEEK, MONTH), (_one_later, _one_more, _one_unpublished, _one_unread, _one_closed)):
        with sessions() as session, writing(lived.taken[period])() as copy:
            alter(copy, period)
            copy.flush()
            assert verify_from_rows(session, period, copy).differences, (period, alter)
            copy.rollback()


def _an_accepted_one(copy: Session, period: Period) -> Delivery:
    during = Delivery.accepted_at.between(period.ends - 5 * A_DAY, period.ends - 2 * A_DAY)
    of_a_shop = (Message.kind == MessageKind.ANNOUNCEMENT) & Message.shop_id.in_(_real(copy))
    of_a_team = select(TeamFollower.citizen_id).scalar_subquery()
    told = select(Delivery).join(Message).where(during, of_a_shop, Delivery.citizen_id.not_in(of_a_team))
    return copy.scalars(told.order_by(Delivery.accepted_at).limit(1)).one()


def _real(copy: Session) -> list[uuid.UUID]:
    return list(copy.scalars(select(Shop.id).where(~Shop.fictional).order_by(Shop.id)))


def _one_later(copy: Session, period: Period) -> None:
    one = _an_accepted_one(copy, period)
    assert one.accepted_at is not None
    one.accepted_at += A_DAY


def _one_more(copy: Session, period: Period) -> None:
    one = _an_accepted_one(copy, period)
    said = {column.key: getattr(one, column.key) for column in inspect(Delivery).column_attrs}
    copy.add(Delivery(**{**said, "device_id": new_id()}))


def _one_unpublished(copy: Session, period: Period) -> None:
    during = Offer.live_from.between(period.begins, period.ends)
    one = copy.scalars(select(Offer).where(during, Offer.shop_id.in_(_real(copy))).limit(1)).one()
    assert one.live_from is not None
    one.live_from -= 40 * A_DAY


def _one_unread(copy: Session, period: Period) -> None:
    during = DailyCount.day.between(period.first, period.last), DailyCount.counted == Counted.OFFER_OPENED
    of_a_shop = select(Offer.id).where(Offer.shop_id.in_(_real(copy)))
    copy.scalars(select(DailyCount).where(*during, DailyCount.subject.in_(of_a_shop)).limit(1)).one().count -= 1


def _one_closed(copy: Session, period: Period) -> None:
    copy.get_one(Shop, _real(copy)[0]).status = ShopStatus.CLOSED
