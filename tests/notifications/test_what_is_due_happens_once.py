"""The timetable and the letters with several workers: each deed once, also when one of them stops in the middle."""

import datetime as dt
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session, sessionmaker
from structlog.testing import capture_logs

from citylife import timetable
from citylife.audit import AuditEntry
from citylife.clock import utc_now
from citylife.database import reading, writing
from citylife.ledger.tables import Message, MessageKind
from citylife.letters import Letter, LetterKind, LetterState, write_letter
from citylife.offers import Offer, OfferStatus
from citylife.timetable import Due, Task
from notifications import timekeeper
from tests import builders
from tests.builders import NOW
from tests.doubles.mail_server import MailServer
from tests.processes import CitylifeProcess

WORKERS = 4
MINUTE = dt.timedelta(minutes=1)
PATIENCE = 120.0


def something_due(engine: Engine, *, starting: int, ending: int, now: dt.datetime) -> set[uuid.UUID]:
    """Offers whose start and offers whose end is overdue at `now`; their ids."""
    before = now - 30 * MINUTE
    with writing(engine).begin() as session:
        shop = builders.a_shop(session)
        until = now + 600 * MINUTE
        offers = [
            builders.an_offer(
                session, shop, status=OfferStatus.SCHEDULED, now=before, starts_at=now - MINUTE, ends_at=until
            )
            for _ in range(starting)
        ]
        offers += [builders.an_offer(session, shop, now=before, ends_at=now - MINUTE) for _ in range(ending)]
        return {offer.id for offer in offers}


def noted(engine: Engine, action: str) -> Counter[uuid.UUID]:
    """How often the audit log says it, by offer."""
    with reading(engine)() as session:
        return Counter(session.scalars(select(AuditEntry.subject_id).where(AuditEntry.action == action)))


def announced(engine: Engine) -> Counter[uuid.UUID]:
    with reading(engine)() as session:
        wanted = select(Message.offer_id).where(Message.kind == MessageKind.ANNOUNCEMENT)
        return Counter(session.scalars(wanted))


def left(engine: Engine) -> int:
    """How many deeds of the timetable are overdue and not done."""
    with reading(engine)() as session:
        return session.scalar(select(func.count()).select_from(Due).where(Due.due_at <= utc_now())) or 0


def eventually(condition: Callable[[], object]) -> bool:
    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def test_many_workers_do_each_deed_once(engine: Engine, sessions: sessionmaker[Session]) -> None:
    due = something_due(engine, starting=30, ending=30, now=NOW)
    begin = threading.Barrier(WORKERS)

    def work() -> int:
        begin.wait()
        return sum(iter(lambda: timekeeper.keep_time(sessions, now=NOW), 0))

    with ThreadPoolExecutor(WORKERS) as workers:
        done = [each.result() for each in [workers.submit(work) for _ in range(WORKERS)]]

    # one who found everything in the hands of others has gone home; nothing is left all the same
    assert sum(done) == len(due)
    assert set(announced(engine).values()) == {1}
    assert announced(engine).keys() == due
    published, ended = noted(engine, "offer.published"), noted(engine, "offer.ended")
    assert (len(published), set(published.values())) == (60, {1})
    assert (len(ended), set(ended.values())) == (30, {1})


def test_what_a_worker_left_is_done_when_its_lease_is_over_and_not_before(
    engine: Engine, sessions: sessionmaker[Session]
) -> None:
    due = something_due(engine, starting=3, ending=0, now=NOW)
    with sessions.begin() as session:
        held = timetable.claim_due(session, now=NOW)
    assert len(held) == 3
    assert timekeeper.keep_time(sessions, now=NOW + timetable.LEASE) == 0
    later = NOW + timetable.LEASE + dt.timedelta(seconds=1)
    assert timekeeper.keep_time(sessions, now=later) == 3
    with sessions.begin() as session:  # it was only slow, and comes back
        assert [timetable.finish(session, claim) for claim in held] == [False] * 3
    assert announced(engine) == dict.fromkeys(due, 1)


def test_a_worker_that_dies_in_a_deed_has_done_nothing_of_it(
    engine: Engine, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    due = something_due(engine, starting=1, ending=0, now=NOW)
    deed = timekeeper.DEEDS[Task.OFFER_STARTS]

    def dies(session: Session, offer: uuid.UUID, now: dt.datetime) -> None:
        deed(session, offer, now)
        session.flush()
        raise RuntimeError("killed here")

    with monkeypatch.context() as patched:
        patched.setattr(timekeeper, "DEEDS", {Task.OFFER_STARTS: dies})
        assert timekeeper.keep_time(sessions, now=NOW) == 0
    assert announced(engine) == {}
    assert timekeeper.keep_time(sessions, now=NOW) == 0
    assert timekeeper.keep_time(sessions, now=NOW + 2 * timetable.LEASE) == 1
    assert announced(engine) == dict.fromkeys(due, 1)


def workers(engine: Engine, folder: Path, number: int, **more: str) -> list[CitylifeProcess]:
    settings = {
        "CITYLIFE_INSTANCE": str(folder / "instance"),
        "CITYLIFE_DATABASE_URL": engine.url.render_as_string(hide_password=False),
        "CITYLIFE_LOOK_SECONDS": "1",
        **more,
    }
    return [CitylifeProcess("work", settings=settings, log=folder / f"work-{each}.log") for each in range(number)]


@pytest.mark.long
def test_worker_processes_do_each_deed_once_also_when_one_is_killed_among_them(engine: Engine, tmp_path: Path) -> None:
    due = something_due(engine, starting=150, ending=150, now=utc_now())
    with writing(engine).begin() as session:  # by a worker that is no more, and whose lease runs out while we look
        held = timetable.claim_due(session, now=utc_now(), limit=40)
        session.execute(
            update(Due)
            .where(Due.fence.in_([claim.fence for claim in held]))
            .values(lease_until=utc_now() + dt.timedelta(seconds=8))
        )
    victim, *others = workers(engine, tmp_path, 3)
    with victim, others[0], others[1]:
        assert eventually(lambda: left(engine) <= len(due) - 30), victim.tail()
        victim.kill()
        assert eventually(lambda: left(engine) == 0), others[0].tail()
    assert set(announced(engine).values()) == {1}
    assert announced(engine).keys() == due
    published, ended = noted(engine, "offer.published"), noted(engine, "offer.ended")
    assert (len(published), set(published.values())) == (300, {1})
    assert (len(ended), set(ended.values())) == (150, {1})
    with reading(engine)() as session:
        assert dict(session.execute(select(Offer.status, func.count()).group_by(Offer.status)).all()) == {
            OfferStatus.LIVE: 150,
            OfferStatus.ENDED: 150,
        }


@pytest.mark.long
def test_worker_processes_send_each_letter_once_also_when_one_is_stopped_among_them(
    engine: Engine, tmp_path: Path
) -> None:
    names = {f"camille-{number}@boulangerie.example" for number in range(60)}
    with writing(engine).begin() as session:
        for name in names:
            write_letter(
                session,
                LetterKind.STAFF_INVITED,
                name,
                locale="fr",
                content={"role": "moderate", "token": "t" * 43},
                expires_at=utc_now() + 600 * MINUTE,
                now=utc_now(),
            )

    def sent() -> int:
        with reading(engine)() as session:
            wanted = select(func.count()).select_from(Letter).where(Letter.state == LetterState.SENT)
            return session.scalar(wanted) or 0

    with MailServer(tmp_path) as server:
        stopped, *others = workers(engine, tmp_path, 3, CITYLIFE_SMTP_URL=server.url)
        with stopped, others[0], others[1]:
            assert eventually(lambda: "worker.started" in stopped.tail()), stopped.tail()
            assert eventually(lambda: sent() >= 5), stopped.tail()
            assert stopped.stop() == 0, stopped.tail()
            assert eventually(lambda: sent() == len(names)), others[0].tail()
        assert Counter(mail for taken in server.taken for mail in taken.recipients) == dict.fromkeys(names, 1)
        assert server.refused == []


@pytest.mark.parametrize(("task", "said"), [(Task.PACES, False), (Task.OFFER_ENDS, True)])
def test_a_deed_that_fails_is_logged_without_a_citizen(
    sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch, task: Task, *, said: bool
) -> None:
    subject = uuid.uuid4()
    with sessions.begin() as session:
        timetable.plan(session, task, subject, NOW)

    def fails(*_arguments: object) -> None:
        raise RuntimeError("no pace today")

    monkeypatch.setattr(timekeeper, "DEEDS", {task: fails})
    with capture_logs() as lines:
        assert timekeeper.keep_time(sessions, now=NOW) == 0
    (line,) = (line for line in lines if line["event"] == "timetable.failed")
    assert line["task"] == task.value
    assert (str(subject) in str(line)) is said
