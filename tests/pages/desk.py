"""At the console of the cluster: Karima, who administers it, and browsers without scripts in any role."""

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.passkeys import passkeys_of
from citylife.accounts.sessions import Account, AccountKind
from citylife.accounts.staff import StaffMember, StaffRole
from tests import builders
from tests.pages.conftest import Browser

KARIMA = "karima@cluster.example"
COOKIE = "__Host-citylife-staff"


def at_the_desk(
    app: Flask,
    sessions: sessionmaker[Session],
    role: StaffRole = StaffRole.ADMINISTER,
    email: str = KARIMA,
    *,
    by_letter: bool = False,
) -> Browser:
    """A browser in which a member of staff came in, by her passkey unless it was by a letter."""
    browser = Browser(app)
    with sessions.begin() as session:
        member = session.scalar(select(StaffMember).where(StaffMember.email == email))
        member = member or builders.a_staff_member(session, role, email)
        account = Account(AccountKind.STAFF, member.id)
        if not by_letter and not passkeys_of(session, account):
            builders.a_passkey(session, member)
        token = builders.signed_in(session, member, by_letter=by_letter)
    browser.client.set_cookie(COOKIE, token, secure=True)
    return browser
