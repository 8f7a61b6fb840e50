"""Sessions of merchants and staff: opened, renewed, listed, ended, and forgotten."""

import datetime as dt
import re

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from citylife.accounts.merchants import Role, join_team
from citylife.accounts.sessions import (
    IDLE,
    KEPT_FOR,
    LIFE,
    MOST_SESSIONS,
    Account,
    AccountKind,
    AccountSession,
    end_session,
    end_sessions,
    forget_sessions,
    open_session,
    renew_session,
    see_session,
    seen_lately,
    session_of,
    sessions_of,
)
from citylife.accounts.staff import StaffRole, invite_staff
from citylife.errors import Absent
from tests import builders
from tests.builders import NOW

LATER = NOW + dt.timedelta(minutes=90)


def a_merchant_account(session: Session) -> Account:
    return Account(AccountKind.MERCHANT, builders.a_merchant(session).id)


def a_staff_account(session: Session) -> Account:
    return Account(AccountKind.STAFF, builders.a_staff_member(session).id)


def test_a_session_s_token_is_told_once_and_kept_as_a_hash(session: Session):
    account = a_staff_account(session)

    opened, token = open_session(session, account, browser="Firefox", now=NOW)
    session.commit()

    assert re.fullmatch(r"cls_[A-Za-z0-9_-]{43}", token)
    assert session_of(session, token, now=NOW) is opened
    assert (opened.account, opened.browser, len(opened.digest)) == (account, "Firefox", 32)
    assert token.encode() not in opened.digest


@pytest.mark.parametrize(
    "token", ["", "cls_", "cls_" + "a" * 43, "cls_" + "é" * 43, "clk_" + "a" * 43, "cls_" + "a" * 44]
)
def test_another_token_opens_nothing(session: Session, token: str):
    open_session(session, a_merchant_account(session), now=NOW)

    assert session_of(session, token, now=NOW) is None


@pytest.mark.parametrize("kind", AccountKind)
def test_a_session_ends_at_its_end_however_often_it_is_seen(session: Session, kind: AccountKind):
    account = a_merchant_account(session) if kind is AccountKind.MERCHANT else a_staff_account(session)
    opened, token = open_session(session, account, now=NOW)
    moment = NOW
    while moment < opened.expires_at - IDLE[kind]:
        moment += IDLE[kind] - dt.timedelta(hours=1)
        see_session(session, opened.id, now=moment)
    session.expire_all()

    assert session_of(session, token, now=NOW + LIFE[kind] - dt.timedelta(seconds=1)) is not None
    assert session_of(session, token, now=NOW + LIFE[kind]) is None


@pytest.mark.parametrize("kind", AccountKind)
def test_a_session_nobody_comes_by_ends(session: Session, kind: AccountKind):
    account = a_merchant_account(session) if kind is AccountKind.MERCHANT else a_staff_account(session)
    _, token = open_session(session, account, now=NOW)

    assert session_of(session, token, now=NOW + IDLE[kind] - dt.timedelta(seconds=1)) is not None
    assert session_of(session, token, now=NOW + IDLE[kind]) is None
    assert sessions_of(session, account, now=NOW + IDLE[kind]) == []


def test_a_session_is_seen_by_the_hour(session: Session):
    opened, _ = open_session(session, a_staff_account(session), now=NOW + dt.timedelta(minutes=40))
    assert opened.seen_at == NOW
    assert seen_lately(opened, now=NOW + dt.timedelta(minutes=59))
    assert not seen_lately(opened, now=LATER)

    see_session(session, opened.id, now=LATER)
    session.expire_all()

    assert opened.seen_at == NOW + dt.timedelta(hours=1)


def test_a_renewed_session_has_a_new_token_and_the_old_one_opens_nothing(session: Session):
    opened, old = open_session(session, a_merchant_account(session), now=NOW)

    new = renew_session(session, opened)

    assert new != old
    assert session_of(session, old, now=NOW) is None
    assert session_of(session, new, now=NOW) is opened


def test_one_ends_her_own_sessions_and_nobody_else_s(session: Session):
    mine, theirs = a_merchant_account(session), a_merchant_account(session)
    same_number = Account(AccountKind.STAFF, mine.id)
    first, first_token = open_session(session, mine, now=NOW)
    _, second_token = open_session(session, mine, now=NOW)
    other, other_token = open_session(session, theirs, now=NOW)
    for account in (mine, same_number):
        with pytest.raises(Absent):
            end_session(session, account, other.id, now=NOW)
    with pytest.raises(Absent):
        end_session(session, same_number, first.id, now=NOW)

    end_session(session, mine, first.id, now=NOW)
    end_session(session, mine, first.id, now=LATER)

    assert first.ended_at == NOW
    assert session_of(session, first_token, now=NOW) is None
    assert [standing.id for standing in sessions_of(session, mine, now=NOW)] != [first.id]
    end_sessions(session, mine, now=LATER)
    assert session_of(session, second_token, now=NOW) is None
    assert session_of(session, other_token, now=NOW) is other
    session.refresh(first)
    assert first.ended_at == NOW, "when it ended is not written over"


def test_one_session_too_many_ends_the_oldest(session: Session):
    account = a_merchant_account(session)
    tokens = [open_session(session, account, now=NOW)[1] for _ in range(MOST_SESSIONS + 1)]

    assert session_of(session, tokens[0], now=NOW) is None
    assert all(session_of(session, token, now=NOW) for token in tokens[1:])
    assert len(sessions_of(session, account, now=NOW)) == MOST_SESSIONS


def test_another_role_ends_the_sessions_and_the_same_one_does_not(session: Session):
    member = builders.a_staff_member(session, StaffRole.WATCH)
    token = builders.signed_in(session, member)

    invite_staff(session, member.email, StaffRole.WATCH, now=LATER)
    assert session_of(session, token, now=NOW) is not None

    invite_staff(session, member.email, StaffRole.ADMINISTER, now=LATER)
    assert session_of(session, token, now=NOW) is None


def test_a_seller_who_becomes_an_owner_signs_in_again(session: Session):
    seller, shop = builders.a_merchant(session), builders.a_shop(session)
    join_team(session, seller, shop, Role.SELLER, now=NOW)
    token = builders.signed_in(session, seller)

    join_team(session, seller, builders.a_shop(session), Role.OWNER, now=NOW)
    assert session_of(session, token, now=NOW) is not None, "a shop more is no other role in the same one"

    join_team(session, seller, shop, Role.OWNER, now=NOW)
    assert session_of(session, token, now=NOW) is None


def test_each_role_may_do_what_the_one_before_may():
    allowed = {(role, wanted) for role in StaffRole for wanted in StaffRole if role.may(wanted)}

    watch, moderate, administer = StaffRole.WATCH, StaffRole.MODERATE, StaffRole.ADMINISTER
    assert allowed == {
        (watch, watch),
        (moderate, watch),
        (moderate, moderate),
        (administer, watch),
        (administer, moderate),
        (administer, administer),
    }


def test_ended_sessions_are_forgotten_after_a_month(session: Session):
    account = a_merchant_account(session)
    ended, _ = open_session(session, account, now=NOW)
    standing, _ = open_session(session, account, now=NOW)
    end_session(session, account, ended.id, now=NOW)

    assert forget_sessions(session, now=NOW + KEPT_FOR - dt.timedelta(seconds=1)) == 0
    assert forget_sessions(session, now=NOW + KEPT_FOR) == 1
    assert session.scalars(select(AccountSession.id)).all() == [standing.id]
    assert forget_sessions(session, now=standing.expires_at + KEPT_FOR) == 1
    assert session.scalar(select(func.count()).select_from(AccountSession)) == 0
