"""Whom an address lets in: the callers there are, the doors they stand before, and a line of the matrix."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from citylife.accounts.merchants import Role, Scope
from citylife.accounts.staff import StaffRole

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
VERBS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW")
"""Every verb that is tried; the last is nobody's."""


class Realm(Enum):
    """Whom a token speaks for."""

    CITIZEN = "citizen"
    MERCHANT = "merchant"
    STAFF = "staff"


class Side(Enum):
    """Whose thing a request is about: one of two owners', the second owner's that is not public, or nobody's."""

    FIRST = "first"
    SECOND = "second"
    HIDDEN = "hidden"
    ABSENT = "absent"


@dataclass(frozen=True)
class Caller:
    """Somebody who asks. `realm` is None where nothing she shows is good (any more); `of` says whose things are hers.

    `ours` says that a page of ours asks, `elsewhere` that another site's page does with her cookie.
    """

    name: str
    headers: Mapping[str, str] = field(default_factory=dict)
    realm: Realm | None = None
    of: Side | None = None
    role: Role | StaffRole | None = None
    scopes: frozenset[Scope] = frozenset(Scope)
    by_key: bool = False
    ours: bool = False
    elsewhere: bool = False

    def __str__(self) -> str:
        return self.name

    def owns(self, side: Side) -> bool:
        """Whether a thing of this side is hers."""
        return self.of is side or (self.of is Side.SECOND and side is Side.HIDDEN)


@dataclass(frozen=True)
class Door:
    """Who is let in: nobody in particular, or a realm and in it a scope, an ownership, a session, a role of staff.

    `form` asks that a page of ours sends the request, whoever is there; `a_key` is what an API key is answered where it
    does not do, and `unknown` what nobody is. `beside` is the realm whose cookie nobody may send along from another
    site's page, since it would be ended.
    """

    realms: tuple[Realm, ...] = ()
    scope: Scope | None = None
    owner: bool = False
    a_key: int | None = None
    role: StaffRole | None = None
    form: bool = False
    unknown: int = 401
    beside: Realm | None = None

    def refuses(self, caller: Caller, verb: str) -> int | None:
        """The status of who is not let in, whatever she asks about; None for who is."""
        if self.form and not caller.ours:
            return 403
        if self.beside is not None and caller.elsewhere and caller.realm is self.beside:
            return 403
        if not self.realms:
            return None
        if caller.realm not in self.realms:
            return self.unknown
        if self.a_key is not None and caller.by_key:
            return self.a_key
        may = (
            not caller.elsewhere or verb in SAFE,
            self.scope is None or self.scope in caller.scopes,
            self.role is None or (isinstance(caller.role, StaffRole) and caller.role.may(self.role)),
        )
        return None if all(may) else 403


EVERYBODY: Final = Door()
CITIZENS: Final = Door((Realm.CITIZEN,))
EVERYBODY_BY_FORM: Final = Door(form=True)
CITIZENS_BY_FORM: Final = Door((Realm.CITIZEN,), form=True)
TEAM_READING: Final = Door((Realm.MERCHANT,), Scope.READ)
TEAM_OFFERING: Final = Door((Realm.MERCHANT,), Scope.OFFERS)
CLAIMING: Final = Door((Realm.MERCHANT,), Scope.SHOP)
OWNERS: Final = Door((Realm.MERCHANT,), Scope.SHOP, owner=True)
MERCHANTS_THEMSELVES: Final = Door((Realm.MERCHANT,), a_key=403)
OWNERS_THEMSELVES: Final = Door((Realm.MERCHANT,), a_key=403, owner=True)
SIGNED_IN: Final = Door((Realm.MERCHANT, Realm.STAFF), a_key=401)
SIGNED_IN_BY_FORM: Final = Door((Realm.MERCHANT, Realm.STAFF), a_key=303, form=True, unknown=303)
MERCHANTS_BY_FORM: Final = Door((Realm.MERCHANT,), a_key=303, form=True, unknown=303)
OWNERS_BY_FORM: Final = Door((Realm.MERCHANT,), a_key=303, form=True, unknown=303, owner=True)
MERCHANTS_OR_SENT_AWAY: Final = Door((Realm.MERCHANT,), a_key=303, unknown=303)
OWNERS_OR_SENT_AWAY: Final = Door((Realm.MERCHANT,), a_key=303, unknown=303, owner=True)
SIGNED_IN_OR_SENT_AWAY: Final = Door((Realm.MERCHANT, Realm.STAFF), a_key=303, unknown=303)
CONSOLE_OR_SENT_AWAY: Final = Door((Realm.STAFF,), a_key=303, unknown=303, role=StaffRole.WATCH)
MODERATORS_OR_SENT_AWAY: Final = Door((Realm.STAFF,), a_key=303, unknown=303, role=StaffRole.MODERATE)
ADMINISTRATORS_OR_SENT_AWAY: Final = Door((Realm.STAFF,), a_key=303, unknown=303, role=StaffRole.ADMINISTER)
MODERATORS_BY_FORM: Final = Door((Realm.STAFF,), a_key=303, form=True, unknown=303, role=StaffRole.MODERATE)
ADMINISTRATORS_BY_FORM: Final = Door((Realm.STAFF,), a_key=303, form=True, unknown=303, role=StaffRole.ADMINISTER)
WATCHING: Final = Door((Realm.STAFF,), role=StaffRole.WATCH)
MODERATING: Final = Door((Realm.STAFF,), role=StaffRole.MODERATE)
ADMINISTERING: Final = Door((Realm.STAFF,), role=StaffRole.ADMINISTER)
PUBLISHED: Final = frozenset({Side.FIRST, Side.SECOND})
ANYTHING: Final = frozenset(Side)
EXISTING: Final = ANYTHING - {Side.ABSENT}
HERS: Final[frozenset[Side] | None] = None


@dataclass(frozen=True)
class Line:
    """One verb of one rule: who is let in, the status she is answered, and what is there for her (None: what is hers).

    `uses` names, for an argument of the rule, another thing of the side than the one of its name; `sides` are those
    that mean something here. A value of `json` such as "{transfer_code}" is the first owner's thing of that name. A
    `personal` thing is its owner's alone, not her team's; `absent` is what is answered of nothing;
    of what is `overseen` staff see all that exists.
    """

    address: str
    door: Door
    status: int = 200
    there: frozenset[Side] | None = ANYTHING
    form: Any = None
    sides: tuple[Side, ...] = tuple(Side)
    json: Any = None
    uses: Mapping[str, str] = field(default_factory=dict)
    personal: bool = False
    absent: int = 404
    overseen: bool = False

    @property
    def verb(self) -> str:
        return self.address.partition(" ")[0]

    @property
    def rule(self) -> str:
        return self.address.partition(" ")[2]

    def finds(self, caller: Caller, side: Side) -> bool:
        """Whether a thing of this side is there for the caller."""
        if self.overseen and caller.realm is Realm.STAFF and side in EXISTING:
            return True
        if self.there is not None:
            return side in self.there
        return caller.owns(side) and (not self.personal or caller.role is Role.OWNER)

    def expected(self, caller: Caller, verb: str, side: Side) -> int:
        """The status this caller is answered about a thing of this side."""
        refused = self.door.refuses(caller, verb)
        if refused is not None:
            return refused
        if not self.finds(caller, side):
            return self.absent
        return 403 if self.door.owner and caller.role is not Role.OWNER else self.status


PUBLIC_OR_ABSENT: Final = (Side.FIRST, Side.SECOND, Side.ABSENT)
