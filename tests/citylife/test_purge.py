"""What is not kept for ever leaves on time and not before, in small batches that hold nobody up."""

import datetime as dt
import secrets
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session, sessionmaker

from citylife import purge
from citylife.accounts.citizens import CitizenDay, shows_life
from citylife.accounts.moving import CodeKind, CodeTries, MovingCode
from citylife.accounts.passkeys import PasskeyChallenge
from citylife.accounts.sessions import AccountKind, AccountSession
from citylife.accounts.sign_in import SignIn
from citylife.activity import WHOLE
from citylife.answers import KeptAnswer
from citylife.appeals import Appeal, AppealOutcome, appeal, decide_appeal
from citylife.courtesy.tables import BudgetSlot, DigestLine
from citylife.database import Base, engine_for, new_id, writing
from citylife.follows import Follow
from citylife.forgetting import BATCH
from citylife.ledger import claims, sums
from citylife.ledger.lanes import open_lanes
from citylife.ledger.tables import Arm, Decision, Delivery, DeliveryState, Message, MessageKind
from citylife.letters import Letter, LetterKind, LetterState
from citylife.limits import Pace
from citylife.offers import Occurred, Occurrence, Offer
from citylife.offers.recurring import stop_recurring
from citylife.printed_mail import forget_printed_mail
from citylife.purge import RETENTIONS, Batch, Purge, Retention, next_night, purge_a_batch, purge_everything
from citylife.redemptions import Surface, TillCode, TillTaking
from citylife.reports import Report, Wrong, dismiss, report_offer, uphold
from citylife.timetable import Due, Task
from notifications import timekeeper
from notifications.mail import FolderMailer, Mail
from tests import builders
from tests.builders import NOW

HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
PARIS = ZoneInfo("Europe/Paris")


def told(session: Session, at: dt.datetime, state: DeliveryState = DeliveryState.ACCEPTED, devices: int = 1) -> Message:
    """An announcement that was decided, sent and settled at a moment."""
    shop = builders.a_shop(session)
    citizen = builders.a_follower(session, shop, devices=devices)
    offer = builders.an_offer(session, shop)
    for delivery in builders.a_delivery(session, citizen, offer.id):
        delivery.state, delivery.next_at = state, at
        delivery.accepted_at = at if state is DeliveryState.ACCEPTED else None
    session.flush()
    session.execute(update(Decision).where(Decision.citizen_id == citizen.id).values(decided_at=at))
    session.execute(update(Follow).where(Follow.citizen_id == citizen.id).values(begun_at=at))
    return session.scalars(select(Message).where(Message.offer_id == offer.id)).one()


def a_decision(session: Session, since: dt.datetime) -> None:
    """A decision without any delivery."""
    message = told(session, since)
    session.execute(text("DELETE FROM deliveries"))
    assert message.id


def an_answer(session: Session, since: dt.datetime) -> None:
    session.add(
        KeptAnswer(caller="somebody", key=secrets.token_hex(4), fingerprint=bytes(32), status=201, begun_at=since)
    )


def a_code(session: Session, since: dt.datetime) -> None:
    citizen = builders.a_citizen(session)
    digest = secrets.token_bytes(32)
    session.add(
        MovingCode(digest=digest, citizen_id=citizen.id, kind=CodeKind.TRANSFER, made_at=since, expires_at=since)
    )


def a_session(session: Session, since: dt.datetime) -> None:
    builders.signed_in(session, builders.a_merchant(session))
    session.execute(update(AccountSession).where(AccountSession.ended_at.is_(None)).values(ended_at=since))


def a_sign_in(session: Session, since: dt.datetime) -> None:
    digests = {"link_digest": secrets.token_bytes(32), "code_digest": secrets.token_bytes(32)}
    session.add(SignIn(id=new_id(), kind=AccountKind.MERCHANT, created_at=since, expires_at=since, **digests))


def a_challenge(session: Session, since: dt.datetime) -> None:
    session.add(PasskeyChallenge(digest=secrets.token_bytes(32), expires_at=since))


def a_letter(session: Session, since: dt.datetime, state: LetterState = LetterState.SENT) -> None:
    waits = state is LetterState.WAITING
    session.add(
        Letter(
            id=new_id(),
            kind=LetterKind.SIGN_IN,
            state=state,
            recipient="camille@boutique.example" if waits else "",
            locale="fr",
            content={"code": "123456"} if waits else {},
            written_at=since,
            expires_at=since,
            next_at=since,
            settled_at=None if waits else since,
        )
    )


def a_report(session: Session, since: dt.datetime) -> None:
    offer = builders.an_offer(session, builders.a_shop(session))
    report = report_offer(session, offer, Wrong.MISLEADING, detail="Le prix est faux.", now=NOW)
    dismiss(session, report, reason="Vérifié.", now=since, actor_id=builders.a_staff_member(session).id)


def an_appeal(session: Session, since: dt.datetime) -> None:
    merchant, one, other = (
        builders.a_merchant(session),
        builders.a_staff_member(session),
        builders.a_staff_member(session),
    )
    offer = builders.an_offer(session, builders.a_shop(session, merchant=merchant))
    report = report_offer(session, offer, Wrong.MISLEADING, now=NOW)
    uphold(session, report, reason="Faux.", now=since, actor_id=one.id)
    appeal(session, offer, "Juste.", merchant_id=merchant.id, now=since)
    decide_appeal(session, report, AppealOutcome.DISMISSED, reason="Faux.", now=since, actor_id=other.id)


def a_place(session: Session, since: dt.datetime) -> None:
    builders.a_place(session, builders.a_citizen(session)).expires_at = since


def a_slot(session: Session, since: dt.datetime) -> None:
    message = told(session, NOW)
    [citizen] = session.scalars(select(Decision.citizen_id).where(Decision.message_id == message.id))
    day = since.date()
    session.add(BudgetSlot(citizen_id=citizen, week_of=day, slot=1, local_date=day, message_id=message.id))


def a_line(session: Session, since: dt.datetime) -> None:
    message = told(session, NOW)
    [citizen] = session.scalars(select(Decision.citizen_id).where(Decision.message_id == message.id))
    digest = Message(id=new_id(), kind=MessageKind.DIGEST, created_at=since, release_at=since, expires_at=since)
    session.add(digest)
    session.flush()
    session.add(DigestLine(citizen_id=citizen, message_id=message.id, digest_id=digest.id))


def an_address(session: Session, since: dt.datetime) -> None:
    builders.an_address_to_confirm(session, builders.a_citizen(session), now=since)


def over_since(session: Session, since: dt.datetime) -> Offer:
    offer = builders.an_offer(session, builders.a_shop(session))
    offer.ends_at = since
    return offer


def a_taking(session: Session, since: dt.datetime) -> None:
    offer = over_since(session, since)
    session.add(TillTaking(citizen_id=builders.a_citizen(session).id, offer_id=offer.id, drawing=0))


def a_till_code(session: Session, since: dt.datetime) -> None:
    digest, offer = secrets.token_bytes(32), over_since(session, since)
    session.add(TillCode(digest=digest, offer_id=offer.id, surface=Surface.PHONE, arm=Arm.NONE))


def an_occurrence(session: Session, since: dt.datetime) -> None:
    series = builders.a_recurring_offer(session, builders.a_shop(session))
    session.add(Occurrence(recurring_id=series.id, day=since.date(), outcome=Occurred.MISSED, noted_at=since))


MADE: dict[str, Callable[[Session, dt.datetime], object]] = {
    "deliveries": told,
    "decisions": a_decision,
    "budget_slots": a_slot,
    "digest_lines": a_line,
    "citizen_days": lambda session, since: session.add(
        CitizenDay(citizen_id=builders.a_citizen(session).id, day=since.date())
    ),
    "kept_answers": an_answer,
    "moving_codes": a_code,
    "code_tries": lambda session, since: session.add(
        CodeTries(place=secrets.token_bytes(32), since=since.replace(minute=0), refused=3)
    ),
    "account_sessions": a_session,
    "sign_ins": a_sign_in,
    "passkey_challenges": a_challenge,
    "letters": a_letter,
    "places": a_place,
    "till_takings": a_taking,
    "till_codes": a_till_code,
    "email_digests": an_address,
    "paces": lambda session, since: session.add(
        Pace(limit_name="x", subject=secrets.token_bytes(32), ahead_until=int(since.timestamp() * 1_000_000))
    ),
    "reports": a_report,
    "appeals": an_appeal,
    "recurring_offers": lambda session, since: stop_recurring(
        session, builders.a_recurring_offer(session, builders.a_shop(session), now=since), now=since
    ),
    "occurrences": an_occurrence,
    "photos": lambda session, since: builders.a_photo(session, builders.a_shop(session), now=since),
}


def left(session: Session, name: str) -> int:
    """How many rows, or reports and appeals with words, are left."""
    if name == "appeals":
        return sum(bool(words) for words in session.scalars(select(Appeal.words)))
    if name == "reports":
        return sum(bool(details) for details in session.scalars(select(Report.details)))
    return session.scalar(select(func.count()).select_from(Base.metadata.tables[name])) or 0


def purge_all(session: Session, *, now: dt.datetime = NOW, most: int = BATCH) -> list[Batch]:
    """Every batch of today's purge, within the transaction of the session."""
    batches = []
    while (batch := purge_a_batch(session, now=now, most=most)) is not None:
        batches.append(batch)
    session.expire_all()
    return batches


def test_there_is_something_to_forget_of_every_kind():
    assert set(MADE) == {retention.name for retention in RETENTIONS}


@pytest.mark.parametrize("retention", RETENTIONS, ids=lambda retention: retention.name)
def test_what_is_on_this_side_of_the_border_stays_and_what_is_beyond_leaves(session: Session, retention: Retention):
    margin = DAY if retention.name in {"citizen_days", "budget_slots"} else HOUR
    MADE[retention.name](session, NOW - retention.kept + margin)
    session.flush()
    before = left(session, retention.name)
    assert before == 1
    purge_all(session)
    assert left(session, retention.name) == before, "too early"

    MADE[retention.name](session, NOW - retention.kept - margin)
    session.flush()
    assert left(session, retention.name) > before
    purge_all(session, now=NOW + dt.timedelta(seconds=1))
    assert left(session, retention.name) > before, "a day's purge is done once"
    purged = [batch.forgotten for batch in purge_all(session, now=NOW + DAY) if batch.name == retention.name]
    assert sum(purged) >= 1
    assert left(session, retention.name) in {0, before}, "beyond the border nothing stays"


def test_a_letter_that_nobody_sent_in_time_is_emptied(session: Session):
    a_letter(session, NOW - HOUR, LetterState.WAITING)
    purge_all(session)

    letter = session.scalars(select(Letter)).one()
    assert (letter.state, letter.recipient, letter.content) == (LetterState.LATE, "", {})


def fates(session: Session, message: Message) -> Counter[str]:
    """What became of a message by its rows and by the numbers of those that left."""
    rows: Counter[str] = Counter(
        fate.value
        for column in (Decision.reason, Delivery.state)
        for fate in session.scalars(select(column).where(column.class_.message_id == message.id))
    )
    return rows + Counter(sums.forgotten_of(session, message.id))


def test_a_row_that_leaves_the_ledger_becomes_a_number_of_its_message_and_day(session: Session):
    old = NOW - sums.KEPT_FOR
    late_at_night = dt.datetime.combine((old - 3 * DAY).date(), dt.time(23, 30), dt.UTC)
    sent = told(session, late_at_night, devices=2)
    gone = told(session, old - HOUR, DeliveryState.GONE)
    before = [fates(session, message) for message in (sent, gone)]
    assert before == [Counter(follows=1, accepted=2), Counter(follows=1, gone=1)]

    purge_all(session)

    assert left(session, "deliveries") == left(session, "decisions") == 0
    assert [fates(session, message) for message in (sent, gone)] == before
    days = session.scalars(select(sums.LedgerSum.day).where(sums.LedgerSum.message_id == sent.id)).all()
    assert set(days) == {late_at_night.astimezone(PARIS).date()}, "the day is Paris's"


def test_numbers_of_two_nights_are_added_up(session: Session):
    old = NOW - sums.KEPT_FOR
    message = told(session, old - HOUR, devices=3)
    assert sums.forget_deliveries(session, now=NOW, most=2) == 2
    assert sums.forget_deliveries(session, now=NOW, most=2) == 1
    assert sums.forgotten_of(session, message.id) == {"accepted": 3}


@pytest.mark.parametrize("state", [DeliveryState.WAITING, DeliveryState.CLAIMED], ids=lambda state: state.value)
def test_what_still_waits_stays_with_its_decision_however_old(session: Session, state: DeliveryState):
    told(session, NOW - 2 * sums.KEPT_FOR, state)
    purge_all(session)
    assert left(session, "deliveries") == left(session, "decisions") == 1


def test_a_citizen_shows_life_for_as_long_as_it_is_kept_that_she_was_told(session: Session):
    told(session, NOW - sums.KEPT_FOR + HOUR)
    citizen = session.scalars(select(Delivery.citizen_id)).one()
    purge_all(session)
    assert shows_life(session, citizen)
    purge_all(session, now=NOW + DAY)
    assert not shows_life(session, citizen)


def many_old(session: Session, followers: int, devices: int = 1) -> Message:
    """A settled announcement of long ago, to many."""
    old = NOW - sums.KEPT_FOR - DAY
    shop = builders.a_shop(session)
    offer = builders.an_offer(session, shop)
    message = session.scalars(select(Message).where(Message.offer_id == offer.id)).one()
    for _ in range(followers):
        citizen = builders.a_follower(session, shop, devices=devices)
        for delivery in builders.a_delivery(session, citizen, offer.id, accepted_at=old):
            delivery.next_at = old
    session.flush()
    session.execute(update(Decision).values(decided_at=old))
    return message


@pytest.mark.parametrize("page", [1, 4, 500])
@pytest.mark.parametrize("seconds", [0.0, 60.0])
def test_batches_are_bounded_and_nothing_is_passed_over(
    session: Session, page: int, seconds: float, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(purge, "CITIZENS", page)
    monkeypatch.setattr(purge, "BATCH_SECONDS", seconds)
    message = many_old(session, 9, devices=2)

    batches = [batch for batch in purge_all(session, most=5) if batch.name in {"deliveries", "decisions"}]

    assert max(batch.forgotten for batch in batches) <= 5
    assert sums.forgotten_of(session, message.id) == {"accepted": 18, "follows": 9}
    assert left(session, "deliveries") == left(session, "decisions") == 0


def test_a_batch_walks_past_those_who_have_nothing_old_for_as_long_as_it_may(
    session: Session, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(purge, "CITIZENS", 1)
    shop = builders.a_shop(session)
    for _ in range(20):
        builders.a_follower(session, shop)

    def batches() -> int:
        return sum(batch.name == "deliveries" for batch in purge_all(session, now=NOW))

    monkeypatch.setattr(purge, "BATCH_SECONDS", 60.0)
    assert batches() == 1
    session.execute(update(Purge).values(ended_on=None))
    monkeypatch.setattr(purge, "BATCH_SECONDS", 0.0)
    assert batches() == 21, "one for each, and one that finds nobody beyond"


def test_a_purge_that_is_killed_goes_on_where_it_was(sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(purge, "CITIZENS", 2)
    monkeypatch.setattr(purge, "BATCH_SECONDS", 0.0)
    with sessions.begin() as session:
        message = many_old(session, 9)
    with sessions.begin() as session:
        first = purge_a_batch(session, now=NOW)
    with sessions() as killed:  # what a kill leaves behind: a transaction that never committed
        killed.begin()
        second = purge_a_batch(killed, now=NOW)
        killed.rollback()
    assert first is not None
    assert second is not None
    with sessions.begin() as session:
        assert session.get_one(Purge, "deliveries").cursor == first.cursor
        again = purge_a_batch(session, now=NOW)
        assert again == second, "the killed batch is done anew, and no other"
        purge_all(session)
        assert sums.forgotten_of(session, message.id) == {"accepted": 9, "follows": 9}
        assert session.get_one(Purge, "deliveries").forgotten == 9


def test_by_hand_everything_leaves_at_once_whatever_was_done_today(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        purge_all(session)
        message = many_old(session, 3)

    batches = list(purge_everything(sessions, now=NOW, most=2))

    assert {batch.name for batch in batches if batch.cursor is None} == {one.name for one in RETENTIONS}
    with sessions() as session:
        assert sums.forgotten_of(session, message.id) == {"accepted": 3, "follows": 3}


def test_on_postgresql_a_claim_does_not_wait_for_an_open_batch_nor_a_batch_for_a_claim(
    postgres_url: str, request: pytest.FixtureRequest
):
    engine = engine_for(postgres_url)
    request.addfinalizer(engine.dispose)
    factory = writing(engine)
    with factory.begin() as session:
        message = many_old(session, 4)
        waiting = told(session, NOW - 2 * sums.KEPT_FOR, DeliveryState.WAITING)
        session.execute(update(Delivery).where(Delivery.message_id == waiting.id).values(next_at=NOW - HOUR))
    with factory() as batch, factory() as other:
        purge_a_batch(batch, now=NOW)
        assert sums.forgotten_of(batch, message.id) == {"accepted": 4}
        other.execute(text("SET LOCAL lock_timeout = '2s'"))
        lane = next(iter(open_lanes(other, now=NOW)))
        assert claims.claim(other, lane, now=NOW).rows == 1, "a claim waited for a purge"
        other.commit()
        batch.rollback()
    with factory() as holder, factory() as batch:
        held = holder.scalars(select(Delivery).where(Delivery.message_id == message.id).limit(1).with_for_update())
        assert held.one()
        batch.execute(text("SET LOCAL lock_timeout = '2s'"))
        purge_a_batch(batch, now=NOW)
        assert sums.forgotten_of(batch, message.id) == {"accepted": 3}, "what somebody holds is left for another night"


@pytest.mark.parametrize(
    ("now", "night"),
    [
        ("2026-11-24T09:00+00:00", "2026-11-25T03:30+01:00"),
        ("2026-11-25T02:29+00:00", "2026-11-25T03:30+01:00"),
        ("2026-11-25T02:30+00:00", "2026-11-26T03:30+01:00"),
        ("2027-03-27T22:00+00:00", "2027-03-28T03:30+02:00"),
        ("2026-10-24T22:00+00:00", "2026-10-25T03:30+01:00"),
    ],
    ids=["by-day", "just-before", "just-then", "spring", "autumn"],
)
def test_the_next_night_is_half_past_three_in_paris(now: str, night: str):
    assert next_night(dt.datetime.fromisoformat(now)) == dt.datetime.fromisoformat(night)


def purge_due(session: Session) -> dt.datetime | None:
    return session.scalar(select(Due.due_at).where(Due.task == Task.PURGE, Due.subject == WHOLE))


def test_the_purge_is_on_the_timetable_once_and_plans_itself_anew(sessions: sessionmaker[Session]):
    timekeeper.open_timetable(sessions, now=NOW)
    timekeeper.open_timetable(sessions, now=NOW + 5 * DAY)  # another worker, later
    with sessions() as session:
        assert purge_due(session) == next_night(NOW), "one worker puts it there, the others leave it as it is"
    assert timekeeper.keep_time(sessions, now=NOW) == 0

    with sessions.begin() as session:
        message = many_old(session, 3)
    much_later = NOW + 40 * DAY  # nobody worked for weeks: it is made up for at once, by day
    rounds = 0
    while timekeeper.keep_time(sessions, now=much_later):
        rounds += 1
    assert rounds == len(RETENTIONS) + 1
    with sessions() as session:
        assert purge_due(session) == next_night(much_later)
        assert sums.forgotten_of(session, message.id) == {"accepted": 3, "follows": 3}


def test_a_purge_that_nothing_waits_for_takes_several_batches_a_look(sessions: sessionmaker[Session]):
    timekeeper.open_timetable(sessions, now=NOW)
    assert timekeeper.keep_time(sessions, now=NOW + DAY) == 3  # a batch, the rhythms, and who is due a letter
    assert timekeeper.keep_time(sessions, now=NOW + DAY, seconds=60) == len(RETENTIONS) + 1  # and the paces


def test_printed_mail_leaves_after_a_week_and_nothing_else_does(tmp_path: Path):
    mailer = FolderMailer(tmp_path / "mail", sender="Citylife <citylife@localhost>", say=lambda _: None)
    for days in (8, 6, 0):
        mail = Mail(f"mail-{days}", "camille@boutique.example", "fr", "Votre lien", "Le voici.")
        mailer.send(mail, now=NOW - days * DAY)
    (tmp_path / "mail" / "a-moi.eml").write_text("mine")

    assert forget_printed_mail(tmp_path / "mail", now=NOW) == 1
    assert forget_printed_mail(tmp_path / "nowhere", now=NOW) == 0
    kept = sorted(path.name.partition("-")[2] for path in (tmp_path / "mail").iterdir())
    assert kept == ["mail-0.eml", "mail-6.eml", "moi.eml"]
