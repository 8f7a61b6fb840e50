"""Letters as rows of the ledger: written with their cause, claimed once, settled by who holds them, emptied."""

import datetime as dt

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.letters import (
    BACK_OFF,
    KEPT_FOR,
    LEASE,
    MOST_ATTEMPTS,
    Letter,
    LetterKind,
    LetterState,
    claim_letter,
    forget_letters,
    settle_letter,
    something_to_send,
    write_letter,
)
from tests.builders import NOW
from tests.overlap import overlapping

SECOND = dt.timedelta(seconds=1)
TO = "camille@boulangerie.example"


def a_letter(session: Session, recipient: str | None = TO, *, minutes: int = 15, now: dt.datetime = NOW):
    return write_letter(
        session,
        LetterKind.SIGN_IN,
        recipient,
        locale="fr",
        content={"token": "t" * 43, "code": "123456"},
        expires_at=now + dt.timedelta(minutes=minutes),
        now=now,
    )


def row(session: Session) -> Letter:
    session.expire_all()
    return session.scalars(select(Letter)).one()


def is_empty(letter: Letter) -> bool:
    return (letter.recipient, letter.content, letter.fence, letter.lease_until) == ("", {}, None, None)


def test_a_letter_is_claimed_by_one_worker_with_all_it_needs(session: Session):
    written = a_letter(session)
    assert something_to_send(session, now=NOW)

    claimed = claim_letter(session, now=NOW)

    assert claimed is not None
    assert (claimed.id, claimed.kind, claimed.recipient, claimed.locale) == (written, LetterKind.SIGN_IN, TO, "fr")
    assert claimed.content == {"token": "t" * 43, "code": "123456"}
    assert not something_to_send(session, now=NOW)
    assert claim_letter(session, now=NOW + LEASE) is None


def test_two_workers_at_once_claim_two_letters(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        letters = {a_letter(session), a_letter(session)}

    first, second = overlapping(
        sessions, lambda session: claim_letter(session, now=NOW), lambda session: claim_letter(session, now=NOW)
    )

    assert {first.id, second.id} == letters


@pytest.mark.parametrize("state", [LetterState.SENT, LetterState.REFUSED])
def test_a_settled_letter_keeps_nothing_of_whom_nor_of_what(session: Session, state: LetterState):
    a_letter(session)
    claimed = claim_letter(session, now=NOW)

    assert settle_letter(session, claimed, state, answer=250, now=NOW)

    letter = row(session)
    assert is_empty(letter)
    assert (letter.state, letter.settled_at, letter.answer) == (state, NOW, 250)
    assert claim_letter(session, now=NOW + LEASE + SECOND) is None


def test_a_letter_that_failed_waits_longer_each_time(session: Session):
    a_letter(session, minutes=60 * 24)
    moment = NOW
    for wait in BACK_OFF[:4]:
        claimed = claim_letter(session, now=moment)
        assert settle_letter(session, claimed, LetterState.WAITING, answer=450, now=moment)
        assert claim_letter(session, now=moment + wait - SECOND) is None
        moment += wait
    assert row(session).answer == 450
    assert claim_letter(session, now=moment).attempts == 5


def test_a_letter_that_would_come_too_late_is_emptied_instead(session: Session):
    a_letter(session, minutes=1)
    for moment in (NOW, NOW + 5 * SECOND):
        assert settle_letter(session, claim_letter(session, now=moment), LetterState.WAITING, now=moment)
    assert row(session).state is LetterState.WAITING
    last = claim_letter(session, now=NOW + 35 * SECOND)

    assert settle_letter(session, last, LetterState.WAITING, now=NOW + 35 * SECOND)

    assert row(session).state is LetterState.LATE
    assert is_empty(row(session))


def test_a_letter_nobody_came_for_in_time_is_not_sent(session: Session):
    a_letter(session)

    assert claim_letter(session, now=NOW + dt.timedelta(minutes=15)) is None
    assert row(session).state is LetterState.LATE
    assert is_empty(row(session))


def test_what_a_dead_worker_held_is_sent_by_another_and_the_late_one_settles_nothing(session: Session):
    a_letter(session)
    dead = claim_letter(session, now=NOW)
    after = NOW + LEASE + SECOND

    living = claim_letter(session, now=after)

    assert living.id == dead.id
    assert not settle_letter(session, dead, LetterState.REFUSED, now=after)
    assert row(session).recipient == TO
    assert settle_letter(session, living, LetterState.SENT, now=after)
    assert not settle_letter(session, living, LetterState.SENT, now=after)


def test_a_letter_that_kills_every_worker_is_given_up(session: Session):
    a_letter(session, minutes=60 * 24)
    moment = NOW
    for _ in range(MOST_ATTEMPTS):
        assert claim_letter(session, now=moment) is not None
        moment += LEASE + SECOND

    assert claim_letter(session, now=moment) is None
    assert row(session).state is LetterState.REFUSED
    assert is_empty(row(session))


def test_a_letter_to_nobody_is_written_and_never_sent(session: Session):
    a_letter(session, None)

    assert not something_to_send(session, now=NOW)
    assert claim_letter(session, now=NOW) is None
    letter = row(session)
    assert (letter.state, is_empty(letter)) == (LetterState.WITHHELD, True)


def test_rows_are_forgotten_a_month_after_they_were_settled(session: Session):
    a_letter(session)
    a_letter(session, None)
    session.flush()

    assert forget_letters(session, now=NOW + dt.timedelta(minutes=15)) == 0
    session.expire_all()
    states = sorted(letter.state.value for letter in session.scalars(select(Letter)) if is_empty(letter))
    assert states == ["late", "withheld"], "what no worker came for is emptied all the same"
    assert forget_letters(session, now=NOW + KEPT_FOR) == 1
    assert forget_letters(session, now=NOW + KEPT_FOR + dt.timedelta(minutes=15)) == 1
    assert session.scalars(select(Letter)).all() == []
