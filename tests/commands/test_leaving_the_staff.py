"""Whoever leaves the staff is out at once, from the console: her sessions, her links, and her way back in."""

import pytest
from sqlalchemy import select

from citylife.accounts.sessions import AccountKind, session_of
from citylife.accounts.sign_in import SignInRefused, account_of, use_link
from citylife.accounts.staff import StaffMember, StaffRole, staff_member
from citylife.audit import Actor, AuditEntry
from citylife.database import engine_for, writing
from tests.builders import NOW, a_staff_member, signed_in

EMAIL = "lou@cluster.example"


@pytest.fixture
def sessions(citylife, folder):
    assert citylife("init").code == 0
    engine = engine_for(f"sqlite:///{folder / 'citylife.db'}")
    yield writing(engine)
    engine.dispose()


def test_who_is_taken_out_is_nobody_from_then_on_and_others_stay(citylife, sessions):
    invited = citylife("staff", "invite", EMAIL, "--role", "administer")
    link = invited.out.split()[-1].rpartition("/")[2]
    with sessions.begin() as session:
        member = session.scalars(select(StaffMember)).one()
        other = a_staff_member(session, StaffRole.WATCH)
        tokens = [signed_in(session, each) for each in (member, other)]
    said = citylife("staff", "end", EMAIL.upper())
    assert (said.code, said.err) == (0, "")
    assert EMAIL in said.out.lower()
    with sessions() as session:
        assert staff_member(session, member.id) is None
        assert staff_member(session, other.id) is not None
        assert [session_of(session, token, now=NOW) is not None for token in tokens] == [False, True]
        assert account_of(session, AccountKind.STAFF, EMAIL) is None
        with pytest.raises(SignInRefused):
            use_link(session, link, now=NOW)
        acts = select(AuditEntry.action, AuditEntry.subject_id).where(AuditEntry.actor == Actor.OPERATOR)
        assert ("staff.left", member.id) in [tuple(row) for row in session.execute(acts)]


def test_who_was_taken_out_may_be_invited_again(citylife, sessions):
    for words in (("invite", EMAIL), ("end", EMAIL), ("invite", EMAIL, "--role", "watch")):
        assert citylife("staff", *words).code == 0
    with sessions() as session:
        member = session.scalars(select(StaffMember)).one()
        assert (member.role, member.ended_at) == (StaffRole.WATCH, None)


@pytest.mark.parametrize("email", ["nobody@cluster.example", EMAIL])
def test_who_is_not_there_cannot_be_taken_out(citylife, sessions, email):
    assert citylife("staff", "invite", EMAIL).code == 0
    assert citylife("staff", "end", EMAIL).code == 0
    again = citylife("staff", "end", email)
    assert (again.code, again.out) == (1, "")
    assert email in again.err
    assert citylife("staff", "end", "lou", LANG="en_GB").code == 1
