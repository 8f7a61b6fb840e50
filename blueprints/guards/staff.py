"""Staff of the cluster, by a session; each role may do what the one before it may."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from flask import g

from blueprints.documented import documented
from blueprints.guards.refusals import PasskeyNeeded, RoleMissing, StaffNeeded
from blueprints.guards.sessions import SCHEMES, standing_session
from blueprints.storage import db
from citylife.accounts.sessions import AccountKind
from citylife.accounts.staff import StaffMember, StaffRole, staff_member

P = ParamSpec("P")
R = TypeVar("R")


def current_staff() -> StaffMember:
    """The member of staff who is asking, by a session that a passkey began.

    Raises:
        StaffNeeded: none we know, or one who has left.
        PasskeyNeeded: she has come in by a letter.
    """
    if "staff" not in g:
        standing = standing_session(AccountKind.STAFF)
        if standing is not None and not standing.by_passkey:
            raise PasskeyNeeded
        g.staff = None if standing is None else staff_member(db.session(), standing.account.id)
        if g.staff is not None:
            g.caller = f"staff:{g.staff.id}"
    member: StaffMember | None = g.staff
    if member is None:
        raise StaffNeeded
    return member


def staff_required(role: StaffRole) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Answer only a member of staff in `role`, or in one that may do more."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            if not current_staff().role.may(role):
                raise RoleMissing
            return view(*args, **kwargs)

        documented(guarded, security=[{name: []} for name in SCHEMES[AccountKind.STAFF]])
        return guarded

    return decorate
