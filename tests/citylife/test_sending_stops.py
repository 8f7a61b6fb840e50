"""Stopping a shop's sending, or all of it: honoured at once, nothing lost, and what has not expired goes on after."""

import datetime as dt
import re
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session, sessionmaker

from citylife import follows, offers
from citylife.audit import Actor, AuditEntry
from citylife.database import new_id
from citylife.ledger import claims, expansion, stops
from citylife.ledger.lanes import open_lanes
from citylife.ledger.statements import Statement
from citylife.ledger.stops import AlreadyStopped, NotStopped, resume_sending, stop_sending
from citylife.ledger.tables import (
    Decision,
    Delivery,
    DeliveryState,
    Message,
    MessageState,
    Outcome,
    Reason,
    SendingStop,
)
from citylife.offers import UNDO
from citylife.shops import Shop
from citylife.text import TextRefused
from tests import builders
from tests.builders import NOW
from tests.ledger_desk import expand_all
from tests.overlap import overlapping

LATER = NOW + dt.timedelta(minutes=1)
RESUMED = NOW + dt.timedelta(hours=2)


def claim_all(sessions: sessionmaker[Session], *, now: dt.datetime = NOW) -> list[uuid.UUID]:
    """Claim everything that is due; the shops it speaks for, by the offers."""
    claimed = []
    while True:
        with sessions.begin() as session:
            lanes = open_lanes(session, now=now)
            if not lanes:
                return claimed
            for lane in lanes:
                claimed += [one.announced.shop_name for one in claims.claim(session, lane, now=now).to_send]


def states(sessions: sessionmaker[Session]) -> Counter[DeliveryState]:
    with sessions() as session:
        return Counter(session.scalars(select(Delivery.state)))


def decisions(sessions: sessionmaker[Session]) -> set[tuple[Outcome, Reason]]:
    with sessions() as session:
        return {(row.outcome, row.reason) for row in session.scalars(select(Decision))}


def stop(sessions: sessionmaker[Session], shop: Shop | None, *, now: dt.datetime = LATER) -> None:
    with sessions.begin() as session:
        stop_sending(session, shop and session.get_one(Shop, shop.id), reason="Emballement", now=now)


def resume(sessions: sessionmaker[Session], shop: Shop | None, *, now: dt.datetime = RESUMED) -> None:
    with sessions.begin() as session:
        resume_sending(session, shop and session.get_one(Shop, shop.id), reason="Corrigé", now=now)


@pytest.fixture
def two(sessions: sessionmaker[Session]) -> tuple[Shop, Shop]:
    """Two shops with three followers each, and an offer each that nobody was told of yet, until the evening."""
    with sessions.begin() as session:
        shops = builders.a_shop(session, "Arrêtée"), builders.a_shop(session, "Libre")
        for shop in shops:
            for _ in range(3):
                builders.a_follower(session, shop)
            builders.an_offer(session, shop)
    return shops


def test_a_stop_between_expansion_and_claim_keeps_the_shops_rows_and_lets_the_others_go(sessions, two) -> None:
    expand_all(sessions)
    stop(sessions, two[0])

    assert claim_all(sessions, now=LATER) == ["Libre"] * 3
    assert states(sessions) == {DeliveryState.WAITING: 3, DeliveryState.CLAIMED: 3}
    with sessions() as session:
        assert open_lanes(session, now=RESUMED) == []  # put off, it costs no look
    resume(sessions, two[0])
    assert claim_all(sessions, now=RESUMED) == ["Arrêtée"] * 3
    assert decisions(sessions) == {(Outcome.SEND, Reason.FOLLOWS)}


def test_a_stop_counts_no_attempt(sessions, two) -> None:
    expand_all(sessions)
    stop(sessions, two[0])
    claim_all(sessions, now=LATER)
    with sessions() as session:
        assert set(session.scalars(select(Delivery.attempts).where(Delivery.state == DeliveryState.WAITING))) == {0}


def test_a_stop_before_expansion_expands_the_others_and_the_rest_when_it_is_resumed(sessions, two) -> None:
    stop(sessions, two[0], now=NOW)

    expand_all(sessions)
    assert claim_all(sessions) == ["Libre"] * 3
    assert states(sessions) == {DeliveryState.CLAIMED: 3}  # nothing was written for the stopped shop's followers
    with sessions() as session:
        assert not expansion.next_due(session, now=RESUMED)
    resume(sessions, two[0])
    expand_all(sessions, now=RESUMED)
    assert claim_all(sessions, now=RESUMED) == ["Arrêtée"] * 3


def test_a_stop_in_the_middle_of_expansion_goes_on_from_its_cursor(sessions, two) -> None:
    with sessions.begin() as session:
        expansion.expand_page(session, now=NOW, page=2)
        half = session.scalars(select(Message).where(Message.decided > 0)).one()
        shop = session.get_one(Shop, half.shop_id)
    stop(sessions, shop)
    expand_all(sessions, now=LATER)
    assert shop.name not in claim_all(sessions, now=LATER)
    resume(sessions, shop)
    expand_all(sessions, now=RESUMED)
    assert claim_all(sessions, now=RESUMED) == [shop.name] * 3
    assert states(sessions) == {DeliveryState.CLAIMED: 6}


def test_all_sending_stopped_expands_nothing_claims_nothing_and_loses_nothing(sessions, two) -> None:
    with sessions.begin() as session:
        expansion.expand_page(session, now=NOW, page=2)
        (lane, *_) = open_lanes(session, now=NOW)
    stop(sessions, None, now=NOW)

    assert expand_all(sessions) == 0
    assert claim_all(sessions) == []
    with sessions.begin() as session:
        assert not expansion.next_due(session, now=NOW)
        assert claims.claim(session, lane, now=NOW).rows == 0  # a worker that knew of the lane before the stop
    assert set(states(sessions)) == {DeliveryState.WAITING}
    resume(sessions, None)
    expand_all(sessions, now=RESUMED)
    assert sorted(claim_all(sessions, now=RESUMED)) == ["Arrêtée"] * 3 + ["Libre"] * 3


def test_resuming_all_sending_leaves_a_shop_that_was_stopped_by_itself(sessions, two) -> None:
    expand_all(sessions)
    stop(sessions, two[0])
    stop(sessions, None)
    resume(sessions, None)
    assert claim_all(sessions, now=RESUMED) == ["Libre"] * 3
    resume(sessions, two[0])
    assert claim_all(sessions, now=RESUMED) == ["Arrêtée"] * 3


@pytest.mark.parametrize(("whole", "reason"), [(False, Reason.SHOP_STOPPED), (True, Reason.SENDING_STOPPED)])
@pytest.mark.parametrize("resumed", [True, False])
def test_what_expired_while_stopped_is_not_sent_and_its_decision_says_why(sessions, whole, reason, resumed) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        builders.a_follower(session, shop, devices=2)
        ends_at = builders.an_offer(session, shop).ends_at
    expand_all(sessions)
    stop(sessions, None if whole else shop)
    assert claim_all(sessions, now=LATER) == []
    over = ends_at + dt.timedelta(seconds=1)
    if resumed or whole:
        resume(sessions, None if whole else shop, now=over)

    assert claim_all(sessions, now=over) == []
    assert states(sessions) == {}
    assert decisions(sessions) == {(Outcome.HELD, reason)}


def test_what_expired_before_the_stop_or_after_it_was_resumed_is_only_expired(sessions, two) -> None:
    expand_all(sessions)
    stop(sessions, two[0], now=LATER)
    resume(sessions, two[0], now=RESUMED)
    evening = NOW + dt.timedelta(hours=9)
    stop(sessions, two[1], now=evening)
    assert claim_all(sessions, now=evening) == []
    assert states(sessions) == {DeliveryState.EXPIRED: 6}
    assert decisions(sessions) == {(Outcome.SEND, Reason.FOLLOWS)}


@pytest.mark.parametrize(("whole", "reason"), [(False, Reason.SHOP_STOPPED), (True, Reason.SENDING_STOPPED)])
@pytest.mark.parametrize("resumed", [True, False])
def test_what_expires_unexpanded_while_stopped_is_held_and_its_decision_says_why(
    sessions, two, whole, reason, resumed
) -> None:
    over = NOW + dt.timedelta(hours=9)
    stop(sessions, None if whole else two[0], now=NOW)
    expand_all(sessions)
    if resumed:
        resume(sessions, None if whole else two[0], now=over)
    expand_all(sessions, now=over)
    with sessions() as session:
        told = select(Decision).join(Message, Message.id == Decision.message_id).where(Message.shop_id == two[0].id)
        assert [(row.outcome, row.reason) for row in session.scalars(told)] == [(Outcome.HELD, reason)] * 3
        state = select(Message.state).where(Message.shop_id == two[0].id)
        assert session.scalars(state).one() is MessageState.STOPPED


def test_who_unfollows_while_the_shop_is_stopped_hears_nothing_when_it_is_resumed(sessions, two) -> None:
    expand_all(sessions)
    stop(sessions, two[0])
    claim_all(sessions, now=LATER)
    with sessions.begin() as session:
        gone = session.scalars(select(follows.Follow.citizen_id).where(follows.Follow.shop_id == two[0].id)).first()
        follows.unfollow(session, gone, two[0].id, now=LATER)
    resume(sessions, two[0])
    assert claim_all(sessions, now=RESUMED) == ["Arrêtée"] * 2


def test_who_discovers_a_shop_that_was_stopped_meanwhile_hears_of_it_once_it_is_resumed(sessions) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        citizen = builders.a_citizen(session)
        builders.a_device(session, citizen)
        builders.consent(session, citizen, builders.Purpose.LOCATION)
        builders.a_place(session, citizen, position=builders.GRAND_PLACE)
        citizen.discover_nearby = True
        builders.an_offer(session, shop, ends_at=NOW + dt.timedelta(hours=8))
    expand_all(sessions)
    assert decisions(sessions) == {(Outcome.SEND, Reason.DISCOVERY)}
    stop(sessions, shop)
    assert claim_all(sessions, now=LATER) == []
    with sessions.begin() as session:
        resume_sending(session, session.get_one(Shop, shop.id), reason="Réglé", now=RESUMED)
    assert claim_all(sessions, now=RESUMED) == [shop.name]


def test_a_sold_out_is_honoured_while_its_shop_is_stopped(sessions, two) -> None:
    expand_all(sessions)
    stop(sessions, two[0])
    with sessions.begin() as session:
        offer = session.scalars(select(offers.Offer).where(offers.Offer.shop_id == two[0].id)).one()
        offers.sold_out(session, offer, now=LATER)
    expand_all(sessions, now=LATER + UNDO)
    assert "Arrêtée" not in claim_all(sessions, now=LATER + UNDO)
    resume(sessions, two[0])
    expand_all(sessions, now=RESUMED)
    assert claim_all(sessions, now=RESUMED) == []


def test_stopping_twice_and_resuming_what_runs_are_refused_and_so_is_no_reason(sessions, two) -> None:
    for shop in (None, two[0]):
        with pytest.raises(NotStopped):
            resume(sessions, shop)
        stop(sessions, shop)
        with pytest.raises(AlreadyStopped):
            stop(sessions, shop)
    with sessions() as session:
        for verb in (stop_sending, resume_sending):
            for reason in ("", "  ", "x" * 301):
                with pytest.raises(TextRefused):
                    verb(session, None, reason=reason, now=NOW)
        assert [shop and shop.id for _, shop in stops.current_stops(session)] == [None, two[0].id]
    resume(sessions, two[0])
    resume(sessions, None)
    with sessions() as session:
        assert stops.current_stops(session) == []
        kept = session.scalars(select(SendingStop).where(SendingStop.shop_id == two[0].id)).one()
        assert (kept.reason, kept.stopped_at, kept.lifted_at, kept.lifted_reason) == (
            "Emballement",
            LATER,
            RESUMED,
            "Corrigé",
        )


@pytest.mark.parametrize("whole", [True, False])
def test_two_stops_at_once_are_not_both_taken(sessions, two, whole) -> None:
    def deed(session: Session):
        shop = None if whole else session.get_one(Shop, two[0].id)
        return stop_sending(session, shop, reason="Emballement", now=LATER)

    _, second = overlapping(sessions, deed, deed)
    assert isinstance(second, AlreadyStopped)


def test_who_stopped_and_who_resumed_is_in_the_audit_log(sessions, two) -> None:
    member = new_id()
    with sessions.begin() as session:
        stop_sending(session, None, reason="Panne", now=NOW, actor_id=member)
        resume_sending(session, None, reason="Réparé", now=NOW, actor=Actor.OPERATOR)
    with sessions() as session:
        rows = session.execute(
            select(AuditEntry.action, AuditEntry.actor, AuditEntry.actor_id).order_by(AuditEntry.id)
        ).all()
    assert [tuple(row) for row in rows][-2:] == [
        ("sending.stopped", Actor.STAFF, member),
        ("sending.resumed", Actor.OPERATOR, None),
    ]


def test_what_is_being_put_off_when_the_shop_is_resumed_is_not_forgotten(sessions, two) -> None:
    """A claim that has read the stop and not yet committed: the resumption waits for it, and brings its rows back."""
    expand_all(sessions)
    stop(sessions, two[0])
    lanes = []
    with sessions() as session:
        lanes = open_lanes(session, now=LATER)

    overlapping(
        sessions,
        lambda session: [claims.claim(session, lane, now=LATER) for lane in lanes],
        lambda session: resume_sending(session, session.get_one(Shop, two[0].id), reason="Corrigé", now=RESUMED),
    )
    assert claim_all(sessions, now=RESUMED) == ["Arrêtée"] * 3


def test_a_message_being_put_off_when_the_shop_is_resumed_is_not_forgotten(sessions, two) -> None:
    stop(sessions, two[0], now=NOW)

    def expand(session: Session) -> None:
        while expansion.expand_page(session, now=LATER) is not None:
            pass

    overlapping(
        sessions,
        expand,
        lambda session: resume_sending(session, session.get_one(Shop, two[0].id), reason="Corrigé", now=RESUMED),
    )
    expand_all(sessions, now=RESUMED)
    assert sorted(claim_all(sessions, now=RESUMED)) == ["Arrêtée"] * 3 + ["Libre"] * 3


def test_workers_and_a_shop_that_is_stopped_and_resumed_lose_and_repeat_nothing(engine: Engine, sessions) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        for _ in range(40):
            builders.a_follower(session, shop)
        builders.an_offer(session, shop)
    claimed: list[tuple[object, object]] = []
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            with sessions.begin() as session:
                expansion.expand_page(session, now=LATER, page=5)
            with sessions.begin() as session:
                for lane in open_lanes(session, now=LATER):
                    taken = claims.claim(session, lane, now=LATER, most=2)
                    claimed.extend((one.citizen_id, one.device_id) for one in taken.to_send)

    with ThreadPoolExecutor(3) as pool:
        workers = [pool.submit(work) for _ in range(3)]
        for _ in range(5):
            stop(sessions, shop, now=LATER)
            resume(sessions, shop, now=LATER)
        until = time.monotonic() + 60
        while len(claimed) < 40 and time.monotonic() < until:
            over.wait(0.05)
        over.set()
    for worker in workers:
        worker.result()  # which raises what the worker raised
    assert len(claimed) == len(set(claimed)) == 40


STATEMENTS = {
    "all": stops._ALL,
    "shop": stops._SHOP,
    "messages": stops._BRING_MESSAGES_BACK,
    "live": stops._LIVE_MESSAGES,
    "deliveries": stops._BRING_DELIVERIES_BACK,
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_of_a_stop_walks_a_whole_table(engine: Engine, sessions, two, name: str) -> None:
    plan = plan_of(engine, STATEMENTS[name])
    if engine.dialect.name == "sqlite":
        assert re.search(r"SCAN (?!\w+ USING INDEX ix_messages_expanding)", plan) is None, plan
    else:
        assert "Seq Scan" not in plan, plan


def plan_of(engine: Engine, statement: Statement) -> str:
    """How the database would run it, were its tables large (PostgreSQL prefers to walk small ones)."""
    sqlite = engine.dialect.name == "sqlite"
    some = new_id().bytes if sqlite else new_id()
    values = {"shop": some, "message": some, "now": "2026-11-24 09:00:00.000000" if sqlite else NOW}
    with engine.connect() as connection:
        if not sqlite:
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        words = statement._texts[engine.dialect.name]
        explain = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN "
        rows = connection.exec_driver_sql(explain + words, values).all()
    return "\n".join(str(row[-1]) for row in rows)
