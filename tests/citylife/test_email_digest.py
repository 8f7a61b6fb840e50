"""The address for the digest by e-mail: consent first, a tap on its own letter, in one place, gone at once."""

import datetime as dt

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen
from citylife.accounts.emails import EmailRefused
from citylife.accounts.erasure import erase_citizen
from citylife.accounts.moving import OldPhones, make_transfer_code, move
from citylife.consent import Consent, Purpose, consents_of
from citylife.email_digest.asking import (
    NoDigestConsent,
    address_to_confirm,
    ask_for_digest,
    confirm_address,
    digest_of,
    stop_by_link,
    stop_digest,
)
from citylife.email_digest.due import following_letter_at, next_letter_at
from citylife.email_digest.tables import UNCONFIRMED_FOR, EmailDigest, forget_unconfirmed
from citylife.letters import Letter, LetterKind, LetterState, claim_letter
from citylife.tombstones import Tombstones
from tests import builders
from tests.builders import NOW
from tests.overlap import overlapping

MARIE = "marie@courrier.example"
SECOND, DAY = dt.timedelta(seconds=1), dt.timedelta(days=1)


def an_agreeing_citizen(session: Session) -> Citizen:
    citizen = builders.a_citizen(session, consented=False)
    builders.consent(session, citizen, Purpose.EMAIL_DIGEST)
    return citizen


def letters(session: Session) -> list[Letter]:
    session.expire_all()
    return list(session.scalars(select(Letter).order_by(Letter.id)))


def addresses(session: Session) -> list[str]:
    return list(session.scalars(select(EmailDigest.email).order_by(EmailDigest.email)))


def is_void(letter: Letter) -> bool:
    return (letter.state, letter.recipient, letter.content) == (LetterState.WITHHELD, "", {})


def answers(session: Session, citizen: Citizen) -> list[bool]:
    """Hers to the question of the digest, the latest first."""
    kept = consents_of(session, citizen.id, limit=50)
    return [one.granted for one in kept if one.purpose is Purpose.EMAIL_DIGEST]


def test_an_address_is_written_one_letter_with_a_link_and_nothing_is_due_until_its_tap(session: Session):
    citizen = an_agreeing_citizen(session)

    asked = ask_for_digest(session, citizen, " Marie@Courrier.Example ", may_write=True, now=NOW)

    assert (asked.email, asked.confirmed_at, asked.due_at) == (MARIE, None, None)
    (letter,) = letters(session)
    assert (letter.kind, letter.recipient, letter.locale) == (LetterKind.DIGEST_ASKED, MARIE, "fr")
    assert letter.expires_at == NOW + UNCONFIRMED_FOR
    token = letter.content["token"]
    assert address_to_confirm(session, token, now=NOW) == MARIE
    assert asked.confirmed_at is None, "looking confirms nothing"

    confirmed = confirm_address(session, token, now=NOW + DAY)

    assert confirmed is not None
    assert (confirmed.email, confirmed.confirmed_at) == (MARIE, NOW + DAY)
    assert confirmed.due_at == dt.datetime(2026, 11, 27, 17, 0, tzinfo=dt.UTC), "Friday, 18:00 in Paris"
    assert confirm_address(session, token, now=NOW + DAY) is None, "once"
    assert address_to_confirm(session, token, now=NOW + DAY) is None


def test_the_link_is_not_what_is_stored_of_it(session: Session):
    token = builders.an_address_to_confirm(session, builders.a_citizen(session))
    kept = session.scalars(select(EmailDigest)).one()
    assert kept.confirm_digest is not None
    assert token.encode() not in kept.confirm_digest
    assert token != kept.stop_token


def test_without_consent_no_address_is_kept_nor_written_to(session: Session):
    citizen = builders.a_citizen(session)
    with pytest.raises(NoDigestConsent):
        ask_for_digest(session, citizen, MARIE, may_write=True, now=NOW)
    builders.consent(session, citizen, Purpose.EMAIL_DIGEST)
    builders.consent(session, citizen, Purpose.EMAIL_DIGEST, granted=False, now=NOW + SECOND)
    with pytest.raises(NoDigestConsent):
        ask_for_digest(session, citizen, MARIE, may_write=True, now=NOW + SECOND)
    assert (addresses(session), letters(session)) == ([], [])


@pytest.mark.parametrize("email", ["marie", "marie@courrier", "a@b.example\r\nBcc: c@d.example", ""])
def test_what_is_no_address_is_refused(session: Session, email: str):
    with pytest.raises(EmailRefused):
        ask_for_digest(session, an_agreeing_citizen(session), email, may_write=True, now=NOW)


def test_an_address_that_may_not_be_written_to_is_noted_all_the_same(session: Session):
    """The caller sees no difference, and the letter that was sent before goes on working."""
    citizen = an_agreeing_citizen(session)
    ask_for_digest(session, citizen, MARIE, may_write=True, now=NOW)
    token = letters(session)[0].content["token"]

    again = ask_for_digest(session, citizen, MARIE, may_write=False, now=NOW)
    assert (again.email, again.confirmed_at, len(letters(session))) == (MARIE, None, 1)
    assert address_to_confirm(session, token, now=NOW) == MARIE

    other = an_agreeing_citizen(session)
    noted = ask_for_digest(session, other, MARIE, may_write=False, now=NOW)
    assert (noted.email, noted.confirmed_at) == (MARIE, None)
    assert is_void(letters(session)[-1])


def test_asking_again_or_for_another_address_voids_the_letter_before(session: Session):
    citizen = an_agreeing_citizen(session)
    tokens = []
    for email in (MARIE, MARIE, "lou@courrier.example"):
        ask_for_digest(session, citizen, email, may_write=True, now=NOW)
        tokens.append(letters(session)[-1].content["token"])
    assert [is_void(letter) for letter in letters(session)] == [True, True, False]
    assert [address_to_confirm(session, token, now=NOW) for token in tokens] == [None, None, "lou@courrier.example"]
    assert addresses(session) == ["lou@courrier.example"]


def test_a_confirmed_address_stays_as_it_is_and_another_one_has_to_be_confirmed(session: Session):
    citizen = builders.a_citizen(session)
    stop = builders.an_email_digest(session, citizen, MARIE).stop_token
    same = ask_for_digest(session, citizen, MARIE, may_write=True, now=NOW + DAY)
    assert (same.confirmed_at, same.stop_token, len(letters(session))) == (NOW, stop, 1)

    other = ask_for_digest(session, citizen, "lou@courrier.example", may_write=True, now=NOW + DAY)

    assert (other.confirmed_at, other.due_at) == (None, None)
    assert other.stop_token != stop, "the letters of another address stop that one alone"
    assert letters(session)[-1].recipient == "lou@courrier.example"


def test_one_address_may_be_two_citizens_and_neither_learns_of_the_other(session: Session):
    first, second = builders.a_citizen(session), builders.a_citizen(session)
    builders.an_email_digest(session, first, MARIE)
    builders.an_address_to_confirm(session, second, MARIE)
    stop_digest(session, second.id, now=NOW)
    kept = digest_of(session, first.id, now=NOW)
    assert kept is not None
    assert kept.confirmed_at == NOW


def test_an_unconfirmed_address_is_forgotten_after_three_days_and_shown_no_longer(session: Session):
    citizen, other = builders.a_citizen(session), builders.a_citizen(session)
    token = builders.an_address_to_confirm(session, citizen, MARIE)
    builders.an_email_digest(session, other, "lou@courrier.example")
    border = NOW + UNCONFIRMED_FOR

    assert digest_of(session, citizen.id, now=border - SECOND) is not None
    assert digest_of(session, citizen.id, now=border) is None
    assert confirm_address(session, token, now=border) is None
    assert forget_unconfirmed(session, now=border - SECOND) == 0
    assert forget_unconfirmed(session, now=border) == 1
    assert addresses(session) == ["lou@courrier.example"]


def by_consent(session: Session, citizen: Citizen, _tombstones: Tombstones) -> None:
    builders.consent(session, citizen, Purpose.EMAIL_DIGEST, granted=False, now=NOW + SECOND)


def by_asking(session: Session, citizen: Citizen, _tombstones: Tombstones) -> None:
    stop_digest(session, citizen.id, now=NOW + SECOND)


def by_link(session: Session, citizen: Citizen, _tombstones: Tombstones) -> None:
    stop_by_link(session, session.get_one(EmailDigest, citizen.id).stop_token, now=NOW + SECOND)


def by_erasure(session: Session, citizen: Citizen, tombstones: Tombstones) -> None:
    erase_citizen(session, citizen, tombstones=tombstones, now=NOW + SECOND)


@pytest.mark.parametrize("leave", [by_consent, by_asking, by_link, by_erasure])
def test_however_she_leaves_her_address_and_the_letter_on_its_way_there_go_at_once(
    session: Session, leave, tombstones: Tombstones
):
    citizen, other = builders.a_citizen(session), builders.a_citizen(session)
    builders.an_address_to_confirm(session, citizen, MARIE)
    builders.an_address_to_confirm(session, other, "lou@courrier.example")

    leave(session, citizen, tombstones)

    hers, others = letters(session)
    assert is_void(hers)
    assert others.recipient == "lou@courrier.example"
    assert addresses(session) == ["lou@courrier.example"]
    if leave is not by_erasure:
        assert answers(session, citizen) == [False, True]


def test_stopping_by_the_link_is_done_once_and_stops_nothing_else(session: Session):
    citizen = builders.a_citizen(session)
    shop = builders.a_shop(session)
    builders.a_follow(session, citizen, shop)
    token = builders.an_email_digest(session, citizen, MARIE).stop_token

    for _ in range(3):
        stop_by_link(session, token, now=NOW + SECOND)

    assert answers(session, citizen) == [False, True], "the withdrawal is noted once"
    assert citizen.notifications_consented
    assert session.scalar(select(func.count()).select_from(Consent)) == 3
    assert confirm_address(session, token, now=NOW) is None, "it is good for nothing else"


@pytest.mark.parametrize("token", ["", "x", "a" * 43, "é" * 43, "a" * 44, "%"], ids=range(6))
def test_a_link_that_nobody_was_sent_does_nothing(session: Session, token: str):
    builders.an_email_digest(session, builders.a_citizen(session), MARIE)
    stop_by_link(session, token, now=NOW)
    assert confirm_address(session, token, now=NOW) is None
    assert addresses(session) == [MARIE]


def test_withdrawing_another_consent_leaves_the_address(session: Session):
    citizen = builders.a_citizen(session)
    builders.an_email_digest(session, citizen, MARIE)
    builders.consent(session, citizen, Purpose.NOTIFICATIONS, granted=False)
    builders.consent(session, citizen, Purpose.LOCATION)
    assert addresses(session) == [MARIE]


@pytest.mark.parametrize("phones", list(OldPhones))
def test_the_address_follows_her_to_another_phone(session: Session, phones: OldPhones):
    citizen = builders.a_citizen(session)
    builders.an_email_digest(session, citizen, MARIE)
    code, _ = make_transfer_code(session, citizen, secret="s" * 43, now=NOW)
    moved = move(session, code, phones, secret="s" * 43, now=NOW)
    kept = digest_of(session, moved.citizen.id, now=NOW)
    assert kept is not None
    assert kept.email == MARIE


def test_two_taps_at_the_same_moment_confirm_once(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        token = builders.an_address_to_confirm(session, builders.a_citizen(session), MARIE)

    def tap(session: Session) -> bool:
        return confirm_address(session, token, now=NOW) is not None

    assert overlapping(sessions, tap, tap) == (True, False)


def test_a_tap_after_the_withdrawal_it_waited_for_confirms_nothing(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        citizen = builders.a_citizen(session)
        token = builders.an_address_to_confirm(session, citizen, MARIE)
        citizen_id = citizen.id

    def withdraw(session: Session) -> None:
        stop_digest(session, citizen_id, now=NOW)

    assert overlapping(sessions, withdraw, lambda session: confirm_address(session, token, now=NOW)) == (None, None)
    with sessions() as session:
        assert addresses(session) == []


def test_a_letter_that_a_worker_holds_can_still_be_emptied(session: Session):
    citizen = builders.a_citizen(session)
    builders.an_address_to_confirm(session, citizen, MARIE)
    assert claim_letter(session, now=NOW) is not None
    stop_digest(session, citizen.id, now=NOW)
    assert is_void(letters(session)[0])


@pytest.mark.parametrize(
    ("zone", "hour", "now", "due"),
    [
        ("Europe/Paris", "18:00", "2026-11-24T09:00", "2026-11-27T17:00"),
        ("Europe/Paris", "18:00", "2026-11-27T16:59", "2026-11-27T17:00"),
        ("Europe/Paris", "18:00", "2026-11-27T17:00", "2026-12-04T17:00"),
        ("Europe/Paris", "18:00", "2026-07-01T12:00", "2026-07-03T16:00"),
        ("Europe/Paris", "00:00", "2026-11-26T22:59", "2026-11-26T23:00"),
        ("Indian/Reunion", "08:30", "2026-11-24T09:00", "2026-11-27T04:30"),
        ("Pacific/Kiritimati", "01:00", "2026-11-24T09:00", "2026-11-26T11:00"),
        ("America/Guadeloupe", "23:00", "2026-11-24T09:00", "2026-11-28T03:00"),
    ],
)
def test_a_letter_is_due_on_friday_at_her_hour_on_her_own_clock(zone: str, hour: str, now: str, due: str):
    moment = dt.datetime.fromisoformat(now).replace(tzinfo=dt.UTC)
    expected = dt.datetime.fromisoformat(due).replace(tzinfo=dt.UTC)
    assert next_letter_at(zone, dt.time.fromisoformat(hour), moment) == expected


@pytest.mark.parametrize(
    ("written", "following"),
    [
        ("2026-11-27T17:00:01", "2026-12-04T17:00"),  # on time
        ("2026-11-28T06:00", "2026-12-04T17:00"),  # a night late: six days before
        ("2026-12-03T12:00", "2026-12-11T17:00"),  # on a Thursday: not the day after
        ("2026-03-27T17:00", "2026-04-03T16:00"),  # summer time begins between
    ],
)
def test_the_next_one_is_a_week_away_and_never_nearer_than_six_days(written: str, following: str):
    moment = dt.datetime.fromisoformat(written).replace(tzinfo=dt.UTC)
    expected = dt.datetime.fromisoformat(following).replace(tzinfo=dt.UTC)
    assert following_letter_at("Europe/Paris", dt.time(18, 0), moment) == expected
