"""The weekly letter: what no notification told her of, on Friday at her hour, once a week, silent when empty."""

import datetime as dt

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from citylife import timetable
from citylife.accounts.citizens import Citizen
from citylife.activity import WHOLE
from citylife.courtesy.tables import DigestLine
from citylife.database import new_id
from citylife.email_digest import writing
from citylife.email_digest.asking import stop_digest
from citylife.email_digest.tables import EmailDigest
from citylife.follows import Level
from citylife.ledger.stops import resume_sending, stop_sending
from citylife.ledger.tables import Decision, Message, MessageKind, Outcome, Reason
from citylife.letters import Letter, LetterKind, LetterState
from citylife.offers import Offer, OfferStatus, withdraw
from citylife.shops import suspend_shop
from citylife.timetable import Task
from notifications import timekeeper
from tests import builders
from tests.builders import NOW
from tests.overlap import overlapping

MARIE = "marie@courrier.example"
DAY, HOUR, SECOND = dt.timedelta(days=1), dt.timedelta(hours=1), dt.timedelta(seconds=1)
FRIDAY = dt.datetime(2026, 11, 27, 17, 0, tzinfo=dt.UTC)
"""18:00 in Paris, the hour of her digest."""
WEEK = dt.timedelta(weeks=1)


def a_reader(session: Session, email: str = MARIE) -> Citizen:
    """A citizen without push, whose address is confirmed."""
    citizen = builders.a_citizen(session, consented=False)
    builders.an_email_digest(session, citizen, email)
    return citizen


def a_lasting_offer(session: Session, shop, title: str, *, days: int = 7, **said) -> Offer:
    return builders.an_offer(session, shop, title=title, ends_at=NOW + days * DAY, **said)


def letters(session: Session) -> list[Letter]:
    session.expire_all()
    return list(session.scalars(select(Letter).where(Letter.kind == LetterKind.DIGEST).order_by(Letter.id)))


def titles(session: Session) -> list[list[str]]:
    """What each letter tells of."""
    return [[offer["title"] for offer in letter.content["offers"]] for letter in letters(session)]


def offered(session: Session, citizen: Citizen, *, now: dt.datetime = FRIDAY) -> list[str]:
    return [offer.title for offer, _ in writing.offers_for(session, citizen.id, since=None, now=now)]


def test_on_friday_at_her_hour_she_is_written_what_her_shops_offer_soonest_over_first(session: Session):
    citizen = a_reader(session)
    bakery, florist = builders.a_shop(session, "Le Fournil"), builders.a_shop(session, "Les Roses")
    for shop in (bakery, florist):
        builders.a_follow(session, citizen, shop)
    bread = a_lasting_offer(session, bakery, "Pains à moitié prix", price=225)
    a_lasting_offer(session, florist, "Bouquets", days=5)
    assert writing.write_letters(session, now=FRIDAY - SECOND) == writing.Page(0, 0)

    assert writing.write_letters(session, now=FRIDAY) == writing.Page(1, 1)

    (letter,) = letters(session)
    assert (letter.recipient, letter.locale, letter.state) == (MARIE, "fr", LetterState.WAITING)
    assert titles(session) == [["Bouquets", "Pains à moitié prix"]]
    assert letter.content["offers"][1] == {
        "id": str(bread.id),
        "shop": "Le Fournil",
        "title": "Pains à moitié prix",
        "ends_at": bread.ends_at.isoformat(),
        "price": "2,25\N{NO-BREAK SPACE}€",
        "prior": "",
    }
    kept = session.get_one(EmailDigest, citizen.id)
    assert (letter.content["stop"], letter.content["more"]) == (kept.stop_token, 0)
    assert (kept.written_at, kept.due_at, kept.letter_id) == (FRIDAY, FRIDAY + WEEK, letter.id)
    assert writing.write_letters(session, now=FRIDAY) == writing.Page(0, 0), "once a week"


def test_nothing_to_say_says_nothing_and_is_looked_at_again_next_friday(session: Session):
    citizen = a_reader(session)
    assert writing.write_letters(session, now=FRIDAY) == writing.Page(1, 0)
    kept = session.get_one(EmailDigest, citizen.id)
    assert (kept.written_at, kept.due_at, letters(session)) == (None, FRIDAY + WEEK, [])


def test_an_address_that_is_not_confirmed_is_never_written_to(session: Session):
    citizen = builders.a_citizen(session)
    builders.an_address_to_confirm(session, citizen, MARIE)
    shop = builders.a_shop(session)
    builders.a_follow(session, citizen, shop)
    a_lasting_offer(session, shop, "Pains")
    for week in range(3):
        assert writing.write_letters(session, now=FRIDAY + week * WEEK) == writing.Page(0, 0)


def test_the_next_letter_tells_of_what_came_since_and_of_shops_she_follows_since(session: Session):
    citizen = a_reader(session)
    shop, other = builders.a_shop(session), builders.a_shop(session)
    builders.a_follow(session, citizen, shop)
    a_lasting_offer(session, shop, "Avant", days=14)
    a_lasting_offer(session, other, "D’un autre", days=14)
    writing.write_letters(session, now=FRIDAY)
    builders.a_follow(session, citizen, other, now=FRIDAY + DAY)
    builders.an_offer(session, shop, title="Depuis", ends_at=FRIDAY + 10 * DAY, now=FRIDAY + DAY)

    writing.write_letters(session, now=FRIDAY + WEEK)

    assert titles(session) == [["Avant"], ["Depuis", "D’un autre"]]


@pytest.mark.parametrize("level", list(Level))
def test_every_level_but_none_is_told(session: Session, level: Level):
    citizen, shop = a_reader(session), builders.a_shop(session)
    builders.a_follow(session, citizen, shop, level)
    a_lasting_offer(session, shop, "Pains")
    assert offered(session, citizen) == ([] if level is Level.NONE else ["Pains"])


def test_what_is_over_withdrawn_stopped_suspended_or_of_nobody_she_follows_is_not_told(session: Session):
    citizen = a_reader(session)
    shop, stopped, suspended, stranger = (builders.a_shop(session) for _ in range(4))
    for followed in (shop, stopped, suspended):
        builders.a_follow(session, citizen, followed)
    for one in (stopped, suspended, stranger):
        a_lasting_offer(session, one, "Rien")
    builders.an_offer(session, shop, title="Passé", ends_at=NOW + HOUR)
    builders.an_offer(session, shop, status=OfferStatus.DRAFT, title="Brouillon", ends_at=NOW + 7 * DAY)
    withdraw(session, a_lasting_offer(session, shop, "Retiré"), now=NOW)
    a_lasting_offer(session, shop, "Pains")
    stop_sending(session, stopped, reason="Emballement", now=NOW)
    suspend_shop(session, suspended, reason="Signalée.", now=NOW)

    assert offered(session, citizen) == ["Pains"]


def test_what_may_not_be_announced_is_not_written_either(session: Session):
    """A shop that has a page and no push, as the law wants it for wine (L3323-2)."""
    citizen, wine = a_reader(session), builders.a_shop(session, category="wine")
    builders.a_follow(session, citizen, wine)
    a_lasting_offer(session, wine, "Millésime")
    assert offered(session, citizen) == []


def test_what_a_notification_told_her_of_is_not_written_and_what_was_held_is(session: Session):
    citizen = builders.a_citizen(session)
    builders.an_email_digest(session, citizen, MARIE)
    shop = builders.a_shop(session)
    builders.a_follow(session, citizen, shop)
    told, in_a_digest, held, digest_held = (
        a_lasting_offer(session, shop, title) for title in ("Dit", "Récapitulé", "Retenu", "Perdu")
    )

    def message_of(offer: Offer) -> Message:
        return session.scalars(select(Message).where(Message.offer_id == offer.id)).one()

    def decide(message: Message, outcome: Outcome) -> None:
        session.add(
            Decision(
                citizen_id=citizen.id,
                message_id=message.id,
                outcome=outcome,
                reason=Reason.FOLLOWS,
                decided_at=NOW,
            )
        )

    decide(message_of(told), Outcome.SEND)
    decide(message_of(held), Outcome.HELD)
    for offer, outcome in ((in_a_digest, Outcome.SEND), (digest_held, Outcome.HELD)):
        digest = Message(id=new_id(), kind=MessageKind.DIGEST, created_at=NOW, release_at=NOW, expires_at=NOW)
        session.add(digest)
        decide(message_of(offer), Outcome.HELD)
        session.flush()
        decide(digest, outcome)
        session.add(DigestLine(citizen_id=citizen.id, message_id=message_of(offer).id, digest_id=digest.id))
    session.flush()

    assert offered(session, citizen) == ["Retenu", "Perdu"]


def test_a_letter_names_so_many_offers_and_counts_the_others(session: Session, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(writing, "MOST_TOLD", 2)
    few, many = a_reader(session), a_reader(session, "lou@courrier.example")
    shops = [builders.a_shop(session) for _ in range(4)]
    for number, shop in enumerate(shops):
        a_lasting_offer(session, shop, f"Offre {number}")
        builders.a_follow(session, many, shop)
        if number < 3:
            builders.a_follow(session, few, shop)
    assert writing.write_letters(session, now=FRIDAY) == writing.Page(2, 2)
    said = {letter.recipient: (len(letter.content["offers"]), letter.content["more"]) for letter in letters(session)}
    assert said == {MARIE: (3, 0), "lou@courrier.example": (2, 2)}, "« et 1 autres » is never said"


def test_a_letter_is_not_worth_more_than_what_it_tells_of(session: Session):
    citizen, shop = a_reader(session), builders.a_shop(session)
    builders.a_follow(session, citizen, shop)
    offer = builders.an_offer(session, shop, ends_at=FRIDAY + HOUR)
    writing.write_letters(session, now=FRIDAY)
    assert letters(session)[0].expires_at == offer.ends_at


def test_who_stops_is_not_written_the_letter_that_still_waits(session: Session):
    citizen, shop = a_reader(session), builders.a_shop(session)
    builders.a_follow(session, citizen, shop)
    a_lasting_offer(session, shop, "Pains")
    writing.write_letters(session, now=FRIDAY)
    stop_digest(session, citizen.id, now=FRIDAY)
    assert [(one.state, one.recipient, one.content) for one in letters(session)] == [(LetterState.WITHHELD, "", {})]


def test_while_all_sending_is_stopped_nobody_is_written_to_and_afterwards_she_is(session: Session):
    citizen, shop = a_reader(session), builders.a_shop(session)
    builders.a_follow(session, citizen, shop)
    a_lasting_offer(session, shop, "Pains")
    stop_sending(session, None, reason="Emballement", now=NOW)
    assert writing.write_letters(session, now=FRIDAY) == writing.Page(0, 0)
    assert writing.next_look_at(session, now=FRIDAY) == FRIDAY + writing.LOOK_EVERY, "not at once, again and again"
    resume_sending(session, None, reason="Réparé", now=FRIDAY + HOUR)
    assert writing.write_letters(session, now=FRIDAY + HOUR) == writing.Page(1, 1)


def a_street_of_readers(session: Session, count: int) -> None:
    shop = builders.a_shop(session)
    for number in range(count):
        builders.a_follow(session, a_reader(session, f"r{number}@courrier.example"), shop)
    a_lasting_offer(session, shop, "Pains")


def test_the_timetable_writes_to_everybody_by_pages_once_and_looks_again(
    sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch
):
    whole = writing.write_letters
    monkeypatch.setattr(writing, "write_letters", lambda session, *, now: whole(session, now=now, page=2))
    with sessions.begin() as session:
        a_street_of_readers(session, 5)
        timetable.plan(session, Task.EMAIL_DIGESTS, WHOLE, FRIDAY)
    assert timekeeper.keep_time(sessions, now=FRIDAY, seconds=60) == 4  # three pages, and the one that finds nobody
    with sessions() as session:
        written = sorted(one.recipient for one in letters(session))
        assert written == [f"r{number}@courrier.example" for number in range(5)]
        assert timetable.next_due(session) == FRIDAY + writing.LOOK_EVERY
    assert timekeeper.keep_time(sessions, now=FRIDAY + writing.LOOK_EVERY) == 1
    with sessions() as session:
        assert len(letters(session)) == 5


def test_while_sending_is_refused_whoever_is_due_stays_so(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        a_street_of_readers(session, 1)
        timetable.plan(session, Task.EMAIL_DIGESTS, WHOLE, FRIDAY)
    assert timekeeper.keep_time(sessions, now=FRIDAY, refused=True) == 1
    with sessions() as session:
        assert letters(session) == []
    assert timekeeper.keep_time(sessions, now=FRIDAY + writing.LOOK_EVERY) == 1
    with sessions() as session:
        assert len(letters(session)) == 1


def test_two_workers_at_the_same_moment_write_one_letter(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        a_street_of_readers(session, 3)

    def write(session: Session) -> int:
        return writing.write_letters(session, now=FRIDAY).letters

    assert sorted(overlapping(sessions, write, write)) == [0, 3]
    with sessions() as session:
        assert len(letters(session)) == 3


def test_the_next_look_is_when_somebody_is_due_or_a_quarter_of_an_hour_away(session: Session):
    quarter = writing.LOOK_EVERY
    assert writing.next_look_at(session, now=FRIDAY) == FRIDAY + quarter
    citizen = a_reader(session)
    assert writing.next_look_at(session, now=FRIDAY - 5 * SECOND) == FRIDAY
    assert writing.next_look_at(session, now=FRIDAY - DAY) == FRIDAY - DAY + quarter
    session.execute(update(EmailDigest).where(EmailDigest.citizen_id == citizen.id).values(due_at=None))
    assert writing.next_look_at(session, now=FRIDAY - 5 * SECOND) == FRIDAY - 5 * SECOND + quarter
