"""`citylife demo --town` writes a whole invented town with its year: counted, marked, and whole or not at all."""

import pytest
from sqlalchemy import func, select, text

from blueprints.commands.welcome import where_to_go
from citylife.accounts.citizens import Citizen
from citylife.accounts.staff import StaffRole, invite_staff
from citylife.database import engine_for, reading, writing
from citylife.devices import Device
from citylife.invented import writing as inventing
from citylife.invented.tables import InventedTown, invented_town
from citylife.ledger.tables import Delivery
from citylife.pilot.freezing import latest_reports
from citylife.pilot.periods import Frequency, last_over
from citylife.pilot.sending import NotOfAnybody, PilotSending, send_again
from citylife.pilot.stocks import stock_of
from citylife.settings import Settings
from citylife.shops import Shop
from tests.builders import NOW, a_citizen

SMALL = ("demo", "--town", "--scale", "0.002")


@pytest.fixture
def engine(citylife, folder, migrated):
    assert citylife("init").code == 0
    engine = engine_for(f"sqlite:///{folder / 'citylife.db'}")
    yield engine
    engine.dispose()


def test_the_town_is_counted_and_said_to_be_invented(citylife, engine):
    said = citylife(*SMALL)
    assert said.code == 0, said.err
    assert "citylife serve" in said.out
    with reading(engine)() as session:
        assert invented_town(session) is not None
        assert not session.scalar(select(func.count()).where(~Shop.fictional))
        assert session.scalar(select(func.count()).select_from(Delivery)) > 1_000
        assert not session.scalar(select(func.count()).select_from(Device))
        assert not session.connection().execute(text("PRAGMA foreign_key_check")).all()

        week = last_over(Frequency.WEEKLY, NOW)
        stocks = stock_of(session, week)
        assert stocks["following-citizens", "agglomeration"] > 400
        assert stocks["eligible-shops", "agglomeration"] == session.scalar(select(func.count()).select_from(Shop))
        reports = latest_reports(session, most=20)
        assert str(week) in {report.period for report in reports}
        assert all(report.content["invented"] for report in reports)
        assert not session.scalar(select(func.count()).select_from(PilotSending))
        with pytest.raises(NotOfAnybody):
            send_again(session, str(week), now=NOW)

    said = list(where_to_go(engine, Settings(), now=NOW))
    assert any("Ville inventée" in line for line in said)

    again = citylife(*SMALL)
    assert again.code == 1
    assert "déjà dans cette base" in again.err


def test_where_somebody_lives_it_is_refused_in_the_callers_language(citylife, engine):
    with writing(engine).begin() as session:
        a_citizen(session)
    said = citylife(*SMALL, LANG="en_GB.UTF-8")
    assert said.code == 1
    assert "empty database" in said.err
    for mistaken in (("--town", "--scale", "0"), ("--scale", "0.1"), ("--town", "--no-courtesy")):
        assert citylife("demo", *mistaken).code == 1
    assert town_of(engine) == (None, 1, 0)


def test_interrupted_it_leaves_nothing(citylife, engine, monkeypatch):
    with writing(engine).begin() as session:
        invite_staff(session, "amina@example.fr", StaffRole.ADMINISTER, now=NOW)

    def interrupted(_connection):
        raise KeyboardInterrupt

    monkeypatch.setattr(inventing.upkeep, "fill", interrupted)
    said = citylife(*SMALL)
    assert said.code == 130
    assert "rien n’est écrit" in said.out
    assert town_of(engine) == (None, 0, 0)


def town_of(engine) -> tuple[InventedTown | None, int, int]:
    with reading(engine)() as session:
        counts = (session.scalar(select(func.count()).select_from(table)) or 0 for table in (Citizen, Shop))
        return (invented_town(session), *counts)
