"""Six processes writing one SQLite file: they queue, and none is ever told « locked »."""

import datetime as dt
import multiprocessing
import random
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from citylife.accounts.citizens import create_citizen
from citylife.clock import utc_now
from citylife.database import engine_for, reading, settling, writing
from citylife.follows import Follow, Level, follow, unfollow
from citylife.ledger import claims, expansion, settlement
from citylife.ledger.lanes import open_lanes
from citylife.ledger.tables import Delivery, DeliveryState
from citylife.migrations import upgrade
from citylife.offers import Offer
from citylife.shops import Shop
from tests import builders

pytestmark = pytest.mark.long

PROCESSES: Final = 6
ROUNDS: Final = 150
EVERY: Final = 15
"""After so many rounds a process publishes something."""
FOLLOWERS: Final = 30


def write(url: str, seed: int, told: "Queue[str]") -> None:
    """Follow, unfollow, publish, expand, claim and settle, each in a transaction that reads before it writes."""
    engine = engine_for(url)
    dice = random.Random(seed)
    writes, settles = writing(engine), settling(engine)
    locked = done = 0
    for number in range(ROUNDS):
        now = utc_now()
        try:
            if number % EVERY == 0:
                with writes.begin() as session:
                    builders.an_offer(session, session.scalars(select(Shop)).one(), now=now)
            with writes.begin() as session:
                shop = session.scalars(select(Shop)).first()
                assert shop is not None
                citizen, _token = create_citizen(session, locale="fr", now=now)
                follow(session, citizen.id, shop, Level.NORMAL, now=now)
                if dice.random() < 0.5:
                    unfollow(session, citizen.id, shop.id, now=now + dt.timedelta(seconds=1))
            with writes.begin() as session:
                expansion.expand_page(session, now=now, page=50)
            with reading(engine)() as session:
                lanes = open_lanes(session, now=now)
            for lane in lanes[:2]:
                with settles.begin() as session:
                    taken = claims.claim(session, lane, now=now, most=10)
                with settles.begin() as session:
                    answers = [settlement.Settlement(one, DeliveryState.ACCEPTED, 201) for one in taken.to_send]
                    settlement.settle(session, answers, now=now)
            done += 1
        except OperationalError as refused:
            locked += "locked" in str(refused)
    engine.dispose()
    told.put(f"{done} {locked}")


def test_six_processes_write_one_file_and_none_is_told_locked(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'town.db'}"
    engine = engine_for(url)
    upgrade(engine)
    with writing(engine).begin() as session:
        shop = builders.a_shop(session)
        for _ in range(FOLLOWERS):
            builders.a_follower(session, shop, now=utc_now())
        builders.at_any_hour(session)
    context = multiprocessing.get_context("spawn")
    told: Queue[str] = context.Queue()
    writers = [context.Process(target=write, args=(url, seed, told)) for seed in range(PROCESSES)]
    for writer in writers:
        writer.start()
    answers = [tuple(map(int, told.get(timeout=240).split())) for _ in writers]
    for writer in writers:
        writer.join(30)
    assert answers == [(ROUNDS, 0)] * PROCESSES
    with reading(engine)() as session:
        assert session.scalar(select(func.count()).select_from(Follow)) > 0
        assert session.scalar(select(func.count()).select_from(Offer)) == PROCESSES * ROUNDS // EVERY
        accepted = select(func.count()).where(Delivery.state == DeliveryState.ACCEPTED)
        assert (session.scalar(accepted) or 0) > 10 * FOLLOWERS, "hardly anything was claimed and settled"
    engine.dispose()


@pytest.mark.parametrize("relaxed", [False, True])
def test_every_transaction_but_settling_waits_for_the_disk(tmp_path: Path, *, relaxed: bool) -> None:
    engine = engine_for(f"sqlite:///{tmp_path / 'town.db'}")
    sessions = settling(engine) if relaxed else writing(engine)
    with settling(engine)() as session:
        session.connection()
    with sessions() as session:
        level = session.connection().exec_driver_sql("PRAGMA synchronous").scalar()
    assert level == (1 if relaxed else 2)
    engine.dispose()
