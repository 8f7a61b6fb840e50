"""The team of the console: who is in it, taking in, another role, letting go; somebody administers it always."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import ClassVar, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from citylife.accounts.emails import check_email
from citylife.accounts.invitations import invite_into_staff
from citylife.accounts.passkeys import remove_passkeys, staff_with_passkeys
from citylife.accounts.sessions import Account, AccountKind
from citylife.accounts.staff import StaffMember, StaffRole, end_staff, invite_staff, staff_member
from citylife.audit import Actor, note
from citylife.errors import Absent, Refusal
from citylife.limits import Limit

INVITATIONS: Final = Limit("staff-invitation", 20, dt.timedelta(days=1))
"""How many people one who administers may invite in a day."""


class LastAdministrator(Refusal):
    """Nobody who has come would administer the console any more."""

    slug: ClassVar[str] = "last-administrator"
    status: ClassVar[int] = 409
    title: ClassVar[str] = "Dernière personne à administrer"
    sentence: ClassVar[str] = (
        "Seule personne qui administre : quelqu’un d’autre doit d’abord avoir ce rôle et sa clé d’accès."
    )


class AlreadyOfTheStaff(Refusal):
    """The person of this address is in function: another role is given where she stands in the list."""

    slug: ClassVar[str] = "already-of-the-staff"
    status: ClassVar[int] = 409
    title: ClassVar[str] = "Déjà dans l’équipe"
    sentence: ClassVar[str] = "Cette personne est déjà dans l’équipe : changez son rôle dans la liste."


def staff_of_the_cluster(session: Session) -> Sequence[StaffMember]:
    """Who is in function, by address."""
    statement = select(StaffMember).where(StaffMember.ended_at.is_(None)).order_by(StaffMember.email)
    return session.scalars(statement).all()


def who_has_come(session: Session) -> frozenset[uuid.UUID]:
    """Those who have a passkey, and so may enter the console."""
    return frozenset(member_id for member_id in session.scalars(staff_with_passkeys()) if member_id is not None)


def take_into_staff(
    session: Session, email: str, role: StaffRole, *, locale: str, now: dt.datetime, actor_id: uuid.UUID
) -> tuple[StaffMember, str]:
    """Invite somebody who is not in function, and write to her; the token of the link is told too.

    Raises:
        EmailRefused: it is no e-mail address. AlreadyOfTheStaff: she is in function.
    """
    address = check_email(email)
    in_function = StaffMember.email == address, StaffMember.ended_at.is_(None)
    if session.scalar(select(StaffMember.id).where(*in_function)) is not None:
        raise AlreadyOfTheStaff(pointer="/email")
    member, token = invite_into_staff(session, address, role, locale=locale, now=now)
    note(session, "staff.invited", member.id, actor=Actor.STAFF, actor_id=actor_id, now=now, role=role.value)
    return member, token


def give_role(
    session: Session, member_id: uuid.UUID, role: StaffRole, *, now: dt.datetime, actor_id: uuid.UUID
) -> StaffMember:
    """Give somebody in function another role: what she has open ends, and her passkeys stay.

    Raises:
        Absent: nobody in function has this id. LastAdministrator: nobody else who has come administers.
    """
    member = _held(session, member_id)
    if member.role is role:
        return member
    if member.role is StaffRole.ADMINISTER:
        _check_another_administers(session, member)
    invite_staff(session, member.email, role, now=now)
    note(session, "staff.role-given", member.id, actor=Actor.STAFF, actor_id=actor_id, now=now, role=role.value)
    return member


def let_staff_go(session: Session, member_id: uuid.UUID, *, now: dt.datetime, actor_id: uuid.UUID) -> StaffMember:
    """Let somebody leave: her sessions end, her passkeys go, and no letter lets her in again.

    Raises:
        Absent: nobody in function has this id. LastAdministrator: nobody else who has come administers.
    """
    member = _held(session, member_id)
    if member.role is StaffRole.ADMINISTER:
        _check_another_administers(session, member)
    end_staff(session, member.email, now=now)
    remove_passkeys(session, Account(AccountKind.STAFF, member.id))
    note(session, "staff.left", member.id, actor=Actor.STAFF, actor_id=actor_id, now=now)
    return member


def _held(session: Session, member_id: uuid.UUID) -> StaffMember:
    """Somebody in function, while everybody who administers is held: two who go at once go one after the other."""
    administering = StaffMember.ended_at.is_(None), StaffMember.role == StaffRole.ADMINISTER
    session.scalars(select(StaffMember.id).where(*administering).order_by(StaffMember.id).with_for_update()).all()
    member = staff_member(session, member_id)
    if member is None:
        raise Absent
    session.refresh(member, with_for_update=True)
    if member.ended_at is not None:
        raise Absent
    return member


def _check_another_administers(session: Session, member: StaffMember) -> None:
    others = StaffMember.ended_at.is_(None), StaffMember.role == StaffRole.ADMINISTER, StaffMember.id != member.id
    come = StaffMember.id.in_(staff_with_passkeys())
    if session.scalar(select(StaffMember.id).where(*others, come).limit(1)) is None:
        raise LastAdministrator
