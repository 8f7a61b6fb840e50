"""A real worker is killed while a batch of the report is on its way: another one goes on, to one effect."""

import datetime as dt
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update

from citylife.audit import Actor
from citylife.clock import utc_now
from citylife.database import reading, writing
from citylife.pilot.entities import entities_of
from citylife.pilot.freezing import freeze
from citylife.pilot.periods import read_period
from citylife.pilot.sending import PilotSending, SendingState
from tests import builders
from tests.doubles.context_broker import TOKEN, Trouble, a_context_broker
from tests.pilot.history import write_history
from tests.processes import CitylifeProcess

pytestmark = pytest.mark.long

WEEK = read_period("2026-W30")
PATIENCE = 60.0


def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def test_a_batch_in_flight_at_a_kill_comes_again_under_its_key(engine: Engine, tmp_path: Path) -> None:
    with writing(engine).begin() as session:
        write_history(session, seed=5, first=WEEK.begins, days=7, citizens=24, shops=6, offers=24)
        counting = builders.a_counted_period(session, WEEK, now=utc_now())
        report = freeze(session, counting, revision="abc", actor=Actor.SYSTEM, now=utc_now())
        session.flush()
        session.expunge(report)

    def sending() -> PilotSending:
        with reading(engine)() as session:
            return session.scalars(select(PilotSending)).one()

    with a_context_broker() as broker:
        settings = {
            "CITYLIFE_DATABASE_URL": engine.url.render_as_string(hide_password=False),
            "CITYLIFE_INSTANCE": str(tmp_path / "instance"),
            "CITYLIFE_CLUSTER_URL": broker.url,
            "CITYLIFE_CLUSTER_TOKEN": TOKEN,
        }
        broker.troubles = [Trouble(204, taken_first=True, seconds=PATIENCE)]
        worker = CitylifeProcess("work", settings=settings, log=tmp_path / "worker.log")
        with worker:
            until(lambda: bool(broker.came), "nothing was sent")
            worker.kill()
        assert (sending().taken, sending().state) == (0, SendingState.WAITING)
        with writing(engine).begin() as session:
            session.execute(update(PilotSending).values(lease_until=utc_now() - dt.timedelta(seconds=1)))
        with worker:
            until(lambda: sending().state is SendingState.DELIVERED, "the report never arrived")
        assert broker.faults == []
        assert broker.came[0] == broker.came[1]
        assert broker.entities == {entity["id"]: entity for entity in entities_of(report)}
        assert set(broker.writes.values()) == {1}
