"""From the console an operator freezes a period, reads it, and sees whether it is found again."""

import csv
import datetime as dt
import io
import json
import re
import shutil

import pytest
from sqlalchemy import delete, select, update

from citylife.activity import Counted, count
from citylife.database import engine_for, writing
from citylife.ledger.tables import Delivery
from citylife.pilot.periods import read_period
from citylife.pilot.sending import PilotSending, SendingState
from citylife.pilot.tables import PilotNumber
from citylife.shops import Shop
from tests import builders
from tests.pilot.history import write_history
from tests.pilot.planted import plant_effect, plant_target

WEEK = read_period("2026-W30")


@pytest.fixture
def engine(citylife, folder, migrated):
    assert citylife("init").code == 0
    engine = engine_for(f"sqlite:///{folder / 'citylife.db'}")
    with writing(engine).begin() as session:
        write_history(session, seed=5, first=WEEK.begins, days=7, citizens=24, shops=6, offers=24)
        builders.a_counted_period(session, WEEK, now=WEEK.ends)
    yield engine
    engine.dispose()


def test_a_period_is_frozen_shown_and_found_again(citylife, engine, folder):
    frozen = citylife("pilot", "freeze", str(WEEK))
    assert (frozen.code, frozen.err) == (0, "")
    assert "La période 2026-W30 est arrêtée (version 1)" in frozen.out
    shown = citylife("pilot", "show", "2026-W30")
    assert "Notifications remises — Agglomération" in shown.out
    assert "secret statistique" in shown.out
    content = json.loads(citylife("pilot", "show", "2026-W30", "--format", "json").out)
    rows = citylife("pilot", "show", "2026-W30", "--format", "csv").out.splitlines()
    assert (content["period"], len(rows)) == ("2026-W30", 1 + len(content["figures"]))
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(folder / "citylife.db", folder / "copy.db")
    assert citylife("pilot", "verify", "2026-W30", "--database", str(folder / "copy.db")).code == 0


def test_all_that_is_kept_of_a_figure_is_shown_in_each_form(citylife, engine):
    with writing(engine).begin() as session:
        plant_effect(session, WEEK.first)
        plant_target(session, "delivery-delay", WEEK, 100)
    citylife("pilot", "freeze", str(WEEK))
    table = citylife("pilot", "show", str(WEEK)).out.replace("\N{NO-BREAK SPACE}", " ")
    rows = {
        row["key"]: row
        for row in csv.DictReader(io.StringIO(citylife("pilot", "show", str(WEEK), "--format", "csv").out))
    }
    effect = rows["notification-effect"]
    assert int(effect["low"]) < int(effect["value"]) < int(effect["high"])
    assert (effect["unit"], effect["evidence"]) == ("per-thousand", "A")
    assert f"{effect['value']} pour mille (entre {effect['low']} pour mille et {effect['high']} pour mille)" in table
    assert rows["delivery-delay"]["target"] == "100"
    assert "objectif : 100 s" in table
    assert rows["till-uses"]["formula"] in table
    assert "(utilisations ; classe A)" in table
    content = json.loads(citylife("pilot", "show", str(WEEK), "--format", "json").out)
    assert {each["key"] for each in content["measures"]} == rows.keys()


def test_an_altered_row_of_the_copy_and_an_altered_number_are_told(citylife, engine, folder):
    citylife("pilot", "freeze", str(WEEK))
    with writing(engine).begin() as session:
        session.execute(update(Delivery).values(accepted_at=WEEK.begins + dt.timedelta(days=6)))
    found = citylife("pilot", "verify", "2026-W30", "--database", str(folder / "citylife.db"))
    assert found.code == 1
    assert " delay " in found.err
    assert citylife("pilot", "verify", "2026-W30").code == 0
    with writing(engine).begin() as session:
        session.execute(update(PilotNumber).values(count=PilotNumber.count + 100))
    assert citylife("pilot", "verify", "2026-W30").code == 1


def test_what_had_left_by_the_time_of_the_copy_is_told_apart_and_is_no_error(citylife, engine, folder):
    citylife("pilot", "freeze", str(WEEK))
    with writing(engine).begin() as session:
        session.execute(delete(Delivery))
    found = citylife("pilot", "verify", "2026-W30", "--database", str(folder / "citylife.db"))
    told = found.out.replace("\u00a0", " ")
    assert (found.code, found.err) == (0, "")
    assert "Moins dans la copie, par la purge ou un effacement depuis que le jour a été compté :" in told
    assert re.search(r" delay \S+ \d+ : \d+ gardé, 0 retrouvé", told)
    assert "Rien ne contredit ce qui a été gardé de 2026-W30." in told
    assert "Tout concorde" not in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("freeze", "2026-W99"), "2026-W48"),
        (("freeze", "2099-01"), "n’est pas terminée"),
        (("freeze", "2026-W29"), "ce n’est pas le cas du 2026-07-13"),
        (("freeze", "2026-W29", "--reason", "Retard"), "ce n’est pas le cas du 2026-07-13"),
        (("show", "2026-W29"), "n’est pas arrêtée"),
        (("verify", "2026-W29"), "n’est pas arrêtée"),
    ],
)
def test_what_cannot_be_done_is_said(citylife, engine, words, told):
    refused = citylife("pilot", *words)
    assert refused.code == 1
    assert told in refused.err


def test_a_frozen_period_wants_a_reason_and_a_copy_must_be_one(citylife, engine, folder):
    citylife("pilot", "freeze", str(WEEK))
    assert "il lui faut un motif" in citylife("pilot", "freeze", str(WEEK)).err
    assert "version 2" in citylife("pilot", "freeze", str(WEEK), "--reason", "Retard").out
    assert "pas de base" in citylife("pilot", "verify", str(WEEK), "--database", str(folder / "none.db")).err
    (folder / "other.db").write_text("no database at all")
    assert citylife("pilot", "verify", str(WEEK), "--database", str(folder / "other.db")).code == 1


def test_an_erratum_tells_which_other_periods_it_corrects(citylife, engine):
    month = read_period("2026-07")
    with writing(engine).begin() as session:
        builders.a_counted_period(session, month, now=month.ends)
    assert citylife("pilot", "freeze", str(WEEK)).code == 0
    assert citylife("pilot", "freeze", str(month)).code == 0
    with writing(engine).begin() as session:
        shop = session.scalars(select(Shop).where(~Shop.fictional)).first()
        count(session, Counted.OPT_OUTS, shop.id, now=WEEK.begins, by=50)
    corrected = citylife("pilot", "freeze", str(month), "--reason", "Retard").out.replace("\u00a0", " ")
    assert "Rectifiée avec elle : 2026-W30 (version 2)." in corrected
    assert citylife("pilot", "verify", str(WEEK)).code == 0
    too_long = citylife("pilot", "freeze", str(month), "--reason", "x" * 301)
    assert (too_long.code, "300" in too_long.err) == (1, True)


def test_how_far_reports_have_come_is_told_and_they_are_sent_again_by_hand(citylife, engine):
    citylife("pilot", "freeze", str(WEEK))
    told = citylife("pilot", "status").out
    assert "2026-W30 (version 1) : en attente, 0 chiffres remis" in told.replace("\u00a0", " ")
    assert "CITYLIFE_CLUSTER_URL n’est pas réglé" in told
    waiting = citylife("pilot", "send", str(WEEK))
    assert (waiting.code, "attend déjà" in waiting.err) == (1, True)
    with writing(engine).begin() as session:
        session.execute(update(PilotSending).values(state=SendingState.REFUSED, status=400, answer="unknown attribute"))
    told = citylife("pilot", "status").out
    assert "refusé, à renvoyer à la main" in told
    assert "400 unknown attribute" in told
    assert citylife("pilot", "send", str(WEEK)).code == 0
    assert "en attente" in citylife("pilot", "status").out
