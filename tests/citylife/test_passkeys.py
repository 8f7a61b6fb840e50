"""Passkeys: what a device of hers has signed opens her account, and nothing else does, ever again."""

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.merchants import Role, join_team, leave_team
from citylife.accounts.passkeys import (
    CHALLENGE_LIFE,
    MOST_PASSKEYS,
    Passkey,
    PasskeyRefused,
    TooManyPasskeys,
    add_passkey,
    begin_passkey,
    begin_sign_in,
    handle_of,
    passkeys_of,
    remove_passkey,
    site_of,
    use_passkey,
)
from citylife.accounts.recovery import tell_of_recovery
from citylife.accounts.sessions import Account, AccountKind
from citylife.accounts.staff import StaffRole, end_staff
from citylife.errors import Absent
from citylife.letters import Letter, LetterKind
from tests import builders
from tests.builders import NOW
from tests.doubles.authenticator import Authenticator
from tests.doubles.push_service import base64url
from tests.overlap import overlapping

SITE = site_of("https://citylife.example")
SECOND = dt.timedelta(seconds=1)


def a_device(**traits: Any) -> Authenticator:
    return Authenticator(SITE.id, SITE.origin, **traits)


def an_account(session: Session, kind: AccountKind = AccountKind.MERCHANT) -> Account:
    if kind is AccountKind.STAFF:
        return Account(kind, builders.a_staff_member(session, StaffRole.ADMINISTER).id)
    return Account(kind, builders.a_merchant(session).id)


def enrolled(session: Session, account: Account, device: Authenticator, *, now: dt.datetime = NOW) -> Passkey:
    begun = begin_passkey(session, account, now=now)
    return add_passkey(session, account, device.make(begun.challenge, begun.handle), site=SITE, now=now)


def opened(session: Session, device: Authenticator, *, now: dt.datetime = NOW) -> Account:
    return use_passkey(session, device.prove(begin_sign_in(session, now=now)), site=SITE, now=now)


@pytest.mark.parametrize("kind", list(AccountKind))
def test_a_passkey_opens_the_account_it_was_made_for(session: Session, kind: AccountKind):
    account, other, device = an_account(session, kind), an_account(session, kind), a_device()
    made = enrolled(session, account, device)
    assert (made.account, made.used_at) == (account, None)
    assert opened(session, device) == account
    assert passkeys_of(session, other) == []
    assert passkeys_of(session, account)[0].used_at == NOW.replace(minute=0, second=0, microsecond=0)
    assert opened(session, device) == account, "a device that does not count says 0 each time"


def test_the_site_is_that_of_the_base_url():
    assert (site_of("http://localhost:8000").id, site_of("http://localhost:8000").origin) == (
        "localhost",
        "http://localhost:8000",
    )


def test_what_a_device_is_told_of_her_says_nothing(session: Session):
    account = an_account(session)
    assert handle_of(account) == b"m" + account.id.bytes
    assert begin_passkey(session, account, now=NOW).known == []
    made = enrolled(session, account, a_device())
    assert begin_passkey(session, account, now=NOW).known == [made.credential_id]


def test_what_was_signed_once_opens_nothing_again(session: Session):
    account, device = an_account(session), a_device()
    enrolled(session, account, device)
    said = device.prove(begin_sign_in(session, now=NOW))
    assert use_passkey(session, said, site=SITE, now=NOW) == account
    with pytest.raises(PasskeyRefused):
        use_passkey(session, said, site=SITE, now=NOW)


def test_of_two_who_answer_one_challenge_at_once_one_gets_in(sessions: sessionmaker[Session]):
    device = a_device()
    with sessions.begin() as session:
        enrolled(session, an_account(session), device)
        said = device.prove(begin_sign_in(session, now=NOW))

    def use(session: Session) -> object:
        try:
            return use_passkey(session, said, site=SITE, now=NOW).kind
        except PasskeyRefused:
            return None

    assert sorted(map(str, overlapping(sessions, use, use))) == ["AccountKind.MERCHANT", "None"]


def test_a_challenge_lasts_five_minutes(session: Session):
    account, device = an_account(session), a_device()
    enrolled(session, account, device)
    for late, refused in ((CHALLENGE_LIFE - SECOND, False), (CHALLENGE_LIFE, True)):
        said = device.prove(begin_sign_in(session, now=NOW))
        if refused:
            with pytest.raises(PasskeyRefused):
                use_passkey(session, said, site=SITE, now=NOW + late)
        else:
            use_passkey(session, said, site=SITE, now=NOW + late)


def test_a_challenge_serves_its_own_ceremony_and_account_alone(session: Session):
    account, other, device = an_account(session), an_account(session), a_device()
    begun = begin_passkey(session, account, now=NOW)
    with pytest.raises(PasskeyRefused):
        add_passkey(session, other, device.make(begun.challenge, begun.handle), site=SITE, now=NOW)
    with pytest.raises(PasskeyRefused):
        add_passkey(session, account, device.make(begin_sign_in(session, now=NOW)), site=SITE, now=NOW)
    enrolled(session, account, device)
    with pytest.raises(PasskeyRefused):
        use_passkey(session, device.prove(begin_passkey(session, account, now=NOW).challenge), site=SITE, now=NOW)
    said = device.prove(begin_sign_in(session, now=NOW), ceremony="webauthn.create")
    with pytest.raises(PasskeyRefused):
        use_passkey(session, said, site=SITE, now=NOW)
    with pytest.raises(PasskeyRefused):
        use_passkey(session, device.prove(bytes(32)), site=SITE, now=NOW)


@pytest.mark.parametrize(
    "traits", [{"site": "evil.example"}, {"origin": "https://evil.example"}, {"verified": False}], ids=str
)
def test_another_site_or_nobody_seen_proves_nothing(session: Session, traits: dict[str, Any]):
    account, device = an_account(session), a_device()
    for name, value in traits.items():
        setattr(device, name, value)
    with pytest.raises(PasskeyRefused):
        enrolled(session, account, device)
    good = a_device()
    enrolled(session, account, good)
    for name, value in traits.items():
        setattr(good, name, value)
    with pytest.raises(PasskeyRefused):
        opened(session, good)


def test_a_device_that_counts_backwards_was_copied(session: Session):
    account, device = an_account(session), a_device(counts=True)
    enrolled(session, account, device)
    assert opened(session, device) == account
    assert passkeys_of(session, account)[0].sign_count == 1
    device.count = 0
    with pytest.raises(PasskeyRefused):
        opened(session, device)


def test_another_key_under_her_id_opens_nothing(session: Session):
    account, device = an_account(session), a_device()
    enrolled(session, account, device)
    with pytest.raises(PasskeyRefused):
        opened(session, a_device(credential_id=device.credential_id, handle=device.handle))
    device.handle = handle_of(an_account(session))
    with pytest.raises(PasskeyRefused):
        opened(session, device)


def test_a_passkey_is_kept_once_and_ten_at_most(session: Session):
    account, device = an_account(session), a_device()
    enrolled(session, account, device)
    with pytest.raises(PasskeyRefused):
        enrolled(session, an_account(session), device)
    for _ in range(MOST_PASSKEYS - 1):
        enrolled(session, account, a_device())
    with pytest.raises(TooManyPasskeys):
        begin_passkey(session, account, now=NOW)


def test_what_was_taken_away_opens_nothing_and_only_its_owner_takes_it(session: Session):
    account, device = an_account(session), a_device()
    made = enrolled(session, account, device)
    with pytest.raises(Absent):
        remove_passkey(session, an_account(session), made.id)
    remove_passkey(session, account, made.id)
    with pytest.raises(PasskeyRefused):
        opened(session, device)


def test_who_left_the_staff_is_not_let_in(session: Session):
    member = builders.a_staff_member(session, StaffRole.MODERATE)
    device = a_device()
    enrolled(session, Account(AccountKind.STAFF, member.id), device)
    end_staff(session, member.email, now=NOW)
    with pytest.raises(PasskeyRefused):
        opened(session, device)


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.binary(max_size=40).map(base64url),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(said=ODD | st.fixed_dictionaries({"type": ODD, "challenge": ODD}))
def test_whatever_a_stranger_sends_is_refused_and_breaks_nothing(session: Session, said: Any):
    data = base64url(json.dumps(said).encode())
    with pytest.raises(PasskeyRefused):
        use_passkey(session, {"rawId": "AAAA", "response": {"clientDataJSON": data}}, site=SITE, now=NOW)


@given(spoiled=st.binary(max_size=300), part=st.sampled_from(("attestationObject", "authenticatorData", "signature")))
def test_spoiled_bytes_are_refused(session: Session, spoiled: bytes, part: str):
    account, device = an_account(session), a_device()
    if part == "attestationObject":
        begun = begin_passkey(session, account, now=NOW)
        said = device.make(begun.challenge, begun.handle)
        said["response"][part] = base64url(spoiled)
        with pytest.raises(PasskeyRefused):
            add_passkey(session, account, said, site=SITE, now=NOW)
    else:
        enrolled(session, account, device)
        said = device.prove(begin_sign_in(session, now=NOW))
        said["response"][part] = base64url(spoiled)
        with pytest.raises(PasskeyRefused):
            use_passkey(session, said, site=SITE, now=NOW)


def test_her_teams_and_who_administers_are_told_that_she_came_by_a_letter(session: Session):
    hers, colleague, former, stranger = (builders.a_merchant(session) for _ in range(4))
    shop = builders.a_shop(session, merchant=hers)
    builders.a_shop(session, merchant=stranger)
    for who, where in ((colleague, shop), (former, shop)):
        join_team(session, who, where, Role.OWNER, now=NOW)
    leave_team(session, former.id, shop.id, now=NOW)
    boss = builders.a_staff_member(session, StaffRole.ADMINISTER)
    builders.a_staff_member(session, StaffRole.MODERATE)
    told = tell_of_recovery(session, Account(AccountKind.MERCHANT, hers.id), hers.email, now=NOW)
    letters = session.scalars(select(Letter).where(Letter.kind == LetterKind.CAME_IN_BY_LETTER)).all()
    assert {letter.recipient for letter in letters} == {colleague.email, boss.email}
    assert (told, {letter.content["email"] for letter in letters}) == (2, {hers.email})
