"""Merchants, their teams and keys; staff; and the e-mail addresses they are known by."""

import datetime as dt
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.emails import EmailRefused, check_email
from citylife.accounts.merchants import (
    MOST_KEYS,
    KeyEndsTooSoon,
    KeyWithoutScope,
    LastOwner,
    Membership,
    Merchant,
    MerchantKey,
    Role,
    Scope,
    TooManyKeys,
    come_by,
    invite_merchant,
    join_team,
    key_of,
    keys_of,
    leave_team,
    membership,
    new_key,
    revoke_key,
    see_key,
    team_of,
)
from citylife.accounts.staff import StaffMember, StaffRole, invite_staff
from citylife.errors import Absent
from citylife.shops import Shop, ShopStatus, shops_of
from citylife.text import TextRefused
from tests import builders
from tests.builders import NOW
from tests.overlap import overlapping

LATER = NOW + dt.timedelta(days=1)


def test_a_merchant_is_invited_once_however_she_writes_her_address(session: Session):
    first = invite_merchant(session, "Lea.Dupont@Boulangerie-Leon.FR ", now=NOW)
    again = invite_merchant(session, "lea.dupont@boulangerie-leon.fr", now=LATER)

    assert first is again
    assert (first.email, first.created_at) == ("lea.dupont@boulangerie-leon.fr", NOW)


def test_a_merchant_invited_twice_at_once_is_one(sessions: sessionmaker[Session]):
    first, second = overlapping(
        sessions,
        lambda session: invite_merchant(session, "lea@example.org", now=NOW).id,
        lambda session: invite_merchant(session, "lea@example.org", now=NOW).id,
    )

    assert first == second


@pytest.mark.parametrize(
    "address",
    [
        "",
        "lea",
        "lea@",
        "@example.org",
        "lea@localhost",
        "lea@@example.org",
        "lea@exa mple.org",
        "lea@example.org\nBcc: x@example.org",
        "lea@example..org",
        ".lea@example.org",
        "lea.@example.org",
        "lea@-example.org",
        "léa@example.org",
        "lea@example\u212a.org",
        '"lea"@example.org',
        "a" * 65 + "@example.org",
        "lea@" + "a." * 130 + "org",
        "Léa <lea@example.org>",
    ],
)
def test_what_is_no_address_is_refused(session: Session, address: str):
    with pytest.raises(EmailRefused):
        invite_merchant(session, address, now=NOW)

    assert session.scalar(select(func.count()).select_from(Merchant)) == 0


@given(st.emails())
def test_a_plain_address_is_kept_and_stays_the_same(address: str):
    try:
        kept = check_email(address)
    except EmailRefused:
        return
    assert check_email(kept) == kept == address.lower()


def test_a_team_has_its_members_in_the_order_they_came(session: Session):
    owner, seller = builders.a_merchant(session), builders.a_merchant(session)
    shop = builders.a_shop(session, merchant=owner)

    join_team(session, seller, shop, Role.SELLER, now=NOW)
    join_team(session, seller, shop, Role.SELLER, now=LATER)
    session.commit()

    assert [(member.role, merchant) for member, merchant in team_of(session, shop.id)] == [
        (Role.OWNER, owner),
        (Role.SELLER, seller),
    ]
    assert shops_of(session, seller.id) == [shop]
    place = membership(session, seller.id, shop.id)
    assert place is not None
    assert place.begun_at == NOW
    assert membership(session, seller.id, builders.a_shop(session).id) is None


def test_a_change_of_role_keeps_when_the_other_ended(session: Session):
    owner, seller = builders.a_merchant(session), builders.a_merchant(session)
    shop = builders.a_shop(session, merchant=owner)
    join_team(session, seller, shop, Role.SELLER, now=NOW)

    come_by(session, seller.id, shop.id, now=NOW)
    join_team(session, seller, shop, Role.OWNER, now=LATER)
    join_team(session, owner, shop, Role.SELLER, now=LATER)

    rows = session.execute(
        select(Membership.role, Membership.begun_at, Membership.ended_at)
        .where(Membership.merchant_id == seller.id)
        .order_by(Membership.id)
    )
    assert [tuple(row) for row in rows] == [(Role.SELLER, NOW, LATER), (Role.OWNER, LATER, None)]


def test_a_team_keeps_an_owner(session: Session):
    owner = builders.a_merchant(session)
    shop = builders.a_shop(session, merchant=owner)

    with pytest.raises(LastOwner):
        join_team(session, owner, shop, Role.SELLER, now=NOW)
    with pytest.raises(LastOwner):
        leave_team(session, owner.id, shop.id, now=NOW)

    second = builders.a_merchant(session)
    join_team(session, second, shop, Role.OWNER, now=NOW)
    with pytest.raises(LastOwner):  # who was only invited may never come
        leave_team(session, owner.id, shop.id, now=NOW)

    come_by(session, second.id, shop.id, now=NOW)
    assert leave_team(session, owner.id, shop.id, now=LATER)
    assert not leave_team(session, owner.id, shop.id, now=LATER)
    assert membership(session, owner.id, shop.id) is None


def test_two_owners_who_leave_at_once_do_not_both_leave(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        owners = [builders.a_merchant(session) for _ in range(2)]
        shop = builders.a_shop(session, merchant=owners[0])
        join_team(session, owners[1], shop, Role.OWNER, now=NOW)
        come_by(session, owners[1].id, shop.id, now=NOW)
        one, other, shop_id = owners[0].id, owners[1].id, shop.id

    first, second = overlapping(
        sessions,
        lambda session: leave_team(session, one, shop_id, now=NOW),
        lambda session: leave_team(session, other, shop_id, now=NOW),
    )

    assert first is True
    assert isinstance(second, LastOwner)


def test_one_invited_into_a_team_twice_at_once_is_in_it_once(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        shop_id, seller_id = builders.a_shop(session).id, builders.a_merchant(session).id

    def invite(session: Session):
        shop, seller = session.get_one(Shop, shop_id), session.get_one(Merchant, seller_id)
        return join_team(session, seller, shop, Role.SELLER, now=NOW).id

    first, second = overlapping(sessions, invite, invite)

    assert first == second


def test_who_is_invited_is_pending_until_she_comes_by(session: Session):
    owner, seller = builders.a_merchant(session), builders.a_merchant(session)
    shop, another = builders.a_shop(session, merchant=owner), builders.a_shop(session)
    places = [join_team(session, seller, where, Role.SELLER, now=NOW) for where in (shop, another)]
    claimed = membership(session, owner.id, shop.id)
    assert claimed is not None
    assert (claimed.pending, [place.pending for place in places]) == (False, [True, True])

    come_by(session, seller.id, shop.id, now=LATER)
    come_by(session, seller.id, shop.id, now=LATER + dt.timedelta(days=1))
    session.expire_all()

    assert [place.seen_at for place in places] == [LATER, None], "another shop's invitation stays"
    promoted = join_team(session, seller, shop, Role.OWNER, now=LATER)
    assert promoted.seen_at == LATER, "another role is no other invitation"


def test_a_key_opens_nothing_once_it_has_expired(session: Session):
    merchant = builders.a_merchant(session)
    key, token = new_key(session, merchant, "Caisse", [Scope.READ], expires_at=LATER, now=NOW)

    assert key_of(session, token, now=LATER - dt.timedelta(seconds=1)) is key
    for late in (LATER, LATER + dt.timedelta(days=1)):
        assert key_of(session, token, now=late) is None
    assert keys_of(session, merchant.id) == [key], "it is listed until it is revoked"
    with pytest.raises(KeyEndsTooSoon):
        new_key(session, merchant, "Caisse", [Scope.READ], expires_at=NOW, now=NOW)


def test_the_last_day_of_a_key_never_goes_back(session: Session):
    key, _ = builders.a_key(session, builders.a_merchant(session))

    for day in (NOW.date(), NOW.date() - dt.timedelta(days=1)):
        see_key(session, key.id, day)
    session.expire_all()

    assert key.used_on == NOW.date()


def test_a_key_is_told_once_and_kept_as_a_hash(session: Session):
    merchant = builders.a_merchant(session)

    key, token = new_key(session, merchant, " Caisse ", [Scope.OFFERS, Scope.READ, Scope.READ], now=NOW)
    session.commit()

    assert re.fullmatch(r"clk_[A-Za-z0-9_-]{43}", token)
    assert key_of(session, token, now=NOW) is key
    assert (key.label, key.scopes) == ("Caisse", ["offers", "read"])
    assert token.encode() not in key.digest
    assert len(key.digest) == 32


@pytest.mark.parametrize(
    "token", ["", "clk_", "clk_" + "a" * 43, "clk_" + "é" * 43, "xlk_" + "a" * 43, "clk_" + "a" * 44]
)
def test_another_token_is_nobodys(session: Session, token: str):
    builders.a_key(session, builders.a_merchant(session))

    assert key_of(session, token, now=NOW) is None


def test_a_revoked_key_opens_nothing(session: Session):
    merchant, other = builders.a_merchant(session), builders.a_merchant(session)
    key, token = builders.a_key(session, merchant)
    with pytest.raises(Absent):
        revoke_key(session, other.id, key.id, now=NOW)
    assert key_of(session, token, now=NOW) is key

    revoke_key(session, merchant.id, key.id, now=NOW)
    revoke_key(session, merchant.id, key.id, now=LATER)

    assert key_of(session, token, now=NOW) is None
    assert key.revoked_at == NOW
    assert keys_of(session, merchant.id) == []


def test_a_key_needs_a_name_and_a_scope(session: Session):
    merchant = builders.a_merchant(session)

    with pytest.raises(KeyWithoutScope):
        new_key(session, merchant, "Caisse", [], now=NOW)
    with pytest.raises(TextRefused):
        new_key(session, merchant, "", [Scope.READ], now=NOW)


def test_at_most_twenty_keys_stand_also_when_two_are_made_at_once(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        merchant = builders.a_merchant(session)
        for _ in range(MOST_KEYS - 1):
            builders.a_key(session, merchant)
        merchant_id = merchant.id

    def make(session: Session):
        return builders.a_key(session, session.get_one(Merchant, merchant_id))[0]

    twentieth, next_one = overlapping(sessions, make, make)

    assert isinstance(twentieth, MerchantKey)
    assert isinstance(next_one, TooManyKeys)


def test_staff_is_invited_again_in_another_role(session: Session):
    first = invite_staff(session, "Zoe@Agglo.example", StaffRole.WATCH, now=NOW)
    first.ended_at = NOW
    session.flush()

    again = invite_staff(session, "zoe@agglo.example", StaffRole.ADMINISTER, now=LATER)

    assert again is first
    assert (again.role, again.ended_at, again.created_at) == (StaffRole.ADMINISTER, None, NOW)
    assert session.scalar(select(func.count()).select_from(StaffMember)) == 1


def test_a_suspended_shop_is_still_its_teams(session: Session):
    merchant = builders.a_merchant(session)
    shop = builders.a_shop(session, merchant=merchant, status=ShopStatus.SUSPENDED)

    assert shops_of(session, merchant.id) == [shop]
