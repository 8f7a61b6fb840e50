"""Frozen periods: told once and for all, chained, found again to the last figure; what was altered is caught."""

import datetime as dt

import pytest
from sqlalchemy import Engine, delete, func, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from citylife.activity import WHOLE, Counted, count
from citylife.audit import Actor, AuditEntry
from citylife.errors import Absent
from citylife.follows import Follow
from citylife.ledger.tables import Delivery, DeliveryState
from citylife.pilot import freezing
from citylife.pilot.calendar import next_freezing, periods_to_freeze
from citylife.pilot.counting import close_days
from citylife.pilot.freezing import (
    AlreadyFrozen,
    NotCounted,
    NotOver,
    count_period,
    freeze,
    reports_of,
    seal,
)
from citylife.pilot.measures import BY_KEY
from citylife.pilot.periods import A_DAY, Period, read_period
from citylife.pilot.sending import PilotSending
from citylife.pilot.tables import PilotDay, PilotNumber, PilotReport, PilotStock
from citylife.pilot.verifying import Recount, verify, verify_from_rows
from citylife.shops import Shop
from citylife.text import TextRefused
from citylife.timetable import Due, Task
from notifications.measuring import Surveyor
from tests import builders
from tests.pilot.history import write_history

WEEK = read_period("2026-W48")
LATER = WEEK.ends + dt.timedelta(hours=6)
REVISION = "0123456789abcdef0123456789abcdef01234567"


def frozen(sessions: sessionmaker[Session], period: Period = WEEK, *, reason: str = "", now: dt.datetime = LATER):
    with sessions.begin() as session:
        counting = builders.a_counted_period(session, period, now=now)
        report = freeze(session, counting, revision=REVISION, reason=reason, actor=Actor.SYSTEM, now=now)
        session.expunge(report)
    return report


@pytest.fixture
def town(sessions: sessionmaker[Session]) -> sessionmaker[Session]:
    with sessions.begin() as session:
        write_history(session, seed=5, first=WEEK.begins, days=7, citizens=24, shops=6, offers=24)
    return sessions


def test_a_frozen_week_is_found_again_to_the_last_figure(town: sessionmaker[Session]) -> None:
    report = frozen(town)
    assert {figure["key"] for figure in report.content["figures"]} <= set(BY_KEY)
    told = [figure for figure in report.content["figures"] if "value" in figure]
    assert told
    assert all(("value" in figure) != ("hidden" in figure) for figure in report.content["figures"])
    assert (report.revision, report.version, report.number) == (REVISION, 1, 1)
    assert report.rows["deliveries"] > 0
    with town() as session:
        assert verify(session, WEEK) == []
        assert verify_from_rows(session, WEEK, session) == Recount()
        assert session.scalar(select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "pilot.frozen"))


def test_it_is_found_again_when_the_rows_are_gone(town: sessionmaker[Session]) -> None:
    """After the purge, and after everybody was erased: the numbers outlive the ledger."""
    frozen(town)
    with town.begin() as session:
        session.execute(delete(Delivery))
        session.execute(delete(Follow))
    with town() as session:
        assert verify(session, WEEK) == []
        recount = verify_from_rows(session, WEEK, session)
        assert recount.left
        assert recount.differences == []


@pytest.mark.parametrize("altered", ["row", "number", "stock"])
def test_one_altered_row_is_caught(town: sessionmaker[Session], altered: str) -> None:
    frozen(town)
    with town.begin() as session:
        if altered == "row":
            one = session.scalars(select(Delivery).where(Delivery.state == DeliveryState.ACCEPTED)).first()
            assert one is not None
            assert one.accepted_at is not None
            one.accepted_at += A_DAY
        elif altered == "number":
            session.execute(
                update(PilotNumber)
                .where(PilotNumber.counted == "deliveries-accepted")
                .values(count=PilotNumber.count + 9)
            )
        else:
            session.execute(update(PilotStock).values(count=PilotStock.count + 40))
    with town() as session:
        found = verify_from_rows(session, WEEK, session).differences if altered == "row" else verify(session, WEEK)
        assert found


@pytest.mark.parametrize("kept", [PilotNumber, PilotStock])
def test_one_that_was_altered_by_one_is_caught_without_a_copy(
    town: sessionmaker[Session], kept: type[PilotNumber | PilotStock]
) -> None:
    """Rounding to five hides it from every figure that is told; the hash of the numbers does not."""
    frozen(town)
    with town.begin() as session:
        session.scalars(select(kept).where(kept.counted != "delay").limit(1)).one().count += 1
    with town() as session:
        assert "2026-W48 v1: numbers" in {difference.what for difference in verify(session, WEEK)}


def test_a_report_from_before_its_numbers_were_sealed_is_found_again(
    town: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freezing, "_with_numbers", lambda _session, _period, rows: {**rows, "salt": "0"})
    assert "numbers" not in frozen(town).rows
    with town() as session:
        assert verify(session, WEEK) == []


def test_a_report_is_never_changed_and_a_chain_that_was_is_caught(town: sessionmaker[Session]) -> None:
    first = frozen(town)
    second = frozen(town, WEEK.next, now=WEEK.next.ends)
    assert second.previous == first.sha256
    assert second.rows["salt"] != first.rows["salt"]
    with town() as session, pytest.raises(DBAPIError):
        session.execute(update(PilotReport).values(reason="autre"))
    with town.begin() as session:
        _without_trigger(session)
        session.execute(update(PilotReport).where(PilotReport.number == 1).values(reason="autre"))
    with town() as session:
        assert any("sha256" in difference.what for difference in verify(session, WEEK.next))


def test_a_period_is_frozen_once_it_is_over_and_only_once(town: sessionmaker[Session]) -> None:
    with town() as session, pytest.raises(NotOver):
        count_period(session, WEEK, now=WEEK.ends - dt.timedelta(seconds=1))
    frozen(town)
    with pytest.raises(AlreadyFrozen):
        frozen(town)
    with town() as session:
        assert len(reports_of(session, WEEK)) == 1
        with pytest.raises(Absent):
            verify(session, WEEK.next)


def test_a_period_of_which_a_day_was_never_closed_is_frozen_by_nobody(town: sessionmaker[Session]) -> None:
    """Nor does whoever tries by hand open the way to what is older than the pilot."""
    open_day = WEEK.first + 3 * A_DAY
    with town.begin() as session:
        for day in WEEK.days():
            if day != open_day:
                close_days(session, [day], now=WEEK.ends)
    with town.begin() as session:
        with pytest.raises(NotCounted, match=open_day.isoformat()):
            count_period(session, WEEK, now=LATER)
        assert periods_to_freeze(session, now=LATER) == []
        assert open_day not in session.scalars(select(PilotDay.day)).all()
        close_days(session, [open_day], now=LATER)
        assert periods_to_freeze(session, now=LATER) == [WEEK]


def test_an_erratum_of_a_month_is_one_of_the_weeks_it_changes(town: sessionmaker[Session]) -> None:
    month, other = read_period("2026-11"), read_period("2026-W47")
    frozen(town, other)
    frozen(town)
    frozen(town, month, now=WEEK.ends + 3 * A_DAY)
    with town.begin() as session:
        shop = session.scalars(select(Shop).where(~Shop.fictional)).first()
        assert shop is not None
        count(session, Counted.OPT_OUTS, shop.id, now=WEEK.begins, by=50)
    erratum = frozen(town, month, reason="Cinquante départs comptés en retard.", now=WEEK.ends + 4 * A_DAY)
    with town() as session:
        assert [each.version for each in reports_of(session, other)] == [1], "nothing of it changed"
        also = reports_of(session, WEEK)[-1]
        assert (also.version, also.reason, also.number) == (2, erratum.reason, erratum.number + 1)
        assert also.previous == erratum.sha256
        assert [verify(session, period) for period in (WEEK, other, month)] == [[], [], []]
        assert len(session.scalars(select(PilotSending.report)).all()) == 5


@pytest.mark.parametrize("reason", ["x" * 301, "deux\nlignes", " "])
def test_a_reason_is_one_line_that_everybody_can_be_told(town: sessionmaker[Session], reason: str) -> None:
    frozen(town)
    with pytest.raises(TextRefused):
        frozen(town, reason=reason)
    assert frozen(town, reason="x" * 300).reason == "x" * 300


def test_an_erratum_is_a_new_version_that_says_why(town: sessionmaker[Session]) -> None:
    first = frozen(town)
    with town.begin() as session:
        number = session.scalars(select(PilotNumber).where(PilotNumber.counted == "deliveries-accepted")).first()
        assert number is not None
        number.count += 60
    second = frozen(town, reason="Un lot arrivé en retard.", now=LATER + A_DAY)
    assert (second.version, second.reason) == (2, "Un lot arrivé en retard.")
    assert second.previous == first.sha256
    assert second.sha256 == seal(second)
    with town() as session:
        assert [report.version for report in reports_of(session, WEEK)] == [1, 2]
        assert verify(session, WEEK) == []


def test_a_month_changes_nothing_of_its_frozen_weeks(town: sessionmaker[Session]) -> None:
    frozen(town)
    with town.begin() as session:
        shop = session.scalars(select(Shop).where(~Shop.fictional)).first()
        assert shop is not None
        count(session, Counted.OPT_OUTS, shop.id, now=WEEK.begins, by=50)
    frozen(town, read_period("2026-11"), now=WEEK.ends + 3 * A_DAY)
    with town() as session:
        assert verify(session, WEEK) == []
        assert verify(session, read_period("2026-11")) == []
    frozen(town, reason="Cinquante départs comptés en retard.")
    with town() as session:
        assert verify_from_rows(session, WEEK, session) == Recount()


def test_the_timetable_freezes_what_is_over_once(engine: Engine, town: sessionmaker[Session]) -> None:
    """A worker that was away over some Mondays and a first of the month makes up for them in their order."""
    with town.begin() as session:
        close_days(session, list(WEEK.days()), now=WEEK.ends)
    away_until = dt.datetime(2027, 1, 2, 9, tzinfo=dt.UTC)
    now = [WEEK.ends]
    surveyor = Surveyor(engine, revision=REVISION, clock=lambda: now[0])
    assert not surveyor.turn()
    now[0] = away_until
    while surveyor.turn():
        pass
    with town() as session:
        periods = [report.period for report in session.scalars(select(PilotReport).order_by(PilotReport.number))]
        assert periods == ["2026-W48", "2026-W49", "2026-W50", "2026-W51", "2026-W52", "2026-12"]
        assert periods_to_freeze(session, now=away_until) == []
        due = session.get(Due, (Task.PILOT_REPORTS, WHOLE))
        assert due is not None
        assert due.due_at == next_freezing(away_until)


def test_stuffing_moves_no_measure_that_may_have_a_target(town: sessionmaker[Session]) -> None:
    """Invented citizens who follow move nothing: they were never seen twice, and nothing was ever accepted for them."""
    with town.begin() as session:
        before = builders.a_counted_period(session, WEEK, now=LATER)
    with town.begin() as session:
        shop = session.scalars(select(Shop).where(~Shop.fictional)).first()
        assert shop is not None
        for _ in range(100):
            citizen = builders.a_citizen(session, now=WEEK.begins)
            builders.a_follow(session, citizen, shop, now=WEEK.begins)
    with town() as session:
        after = count_period(session, WEEK, now=LATER)
    assert (after.lines, after.stocks) == (before.lines, before.stocks)
    assert after.rows["follows"] == before.rows["follows"] + 100


def _without_trigger(session: Session) -> None:
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text("DROP TRIGGER pilot_reports_no_update"))
    else:
        session.execute(text("DROP TRIGGER pilot_reports_append_only ON pilot_reports"))
