"""Staff of the cluster: who watches, moderates and administers."""

import datetime as dt
import uuid
from enum import Enum
from typing import Final

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from citylife.accounts.emails import check_email
from citylife.accounts.sessions import Account, AccountKind, end_sessions
from citylife.database import Base, Choice, new_id
from citylife.errors import Absent
from citylife.upserts import insert_unless_there


class StaffRole(Enum):
    """Each role may do what the one before it may."""

    WATCH = "watch"
    MODERATE = "moderate"
    ADMINISTER = "administer"

    def may(self, wanted: "StaffRole") -> bool:
        """Whether this role may do what `wanted` may."""
        return _ORDER.index(self) >= _ORDER.index(wanted)


_ORDER: Final = tuple(StaffRole)


class StaffMember(Base):
    """A person of the cluster, known by an e-mail address."""

    __tablename__ = "staff"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    role: Mapped[StaffRole] = mapped_column(Choice(StaffRole))
    created_at: Mapped[dt.datetime]
    ended_at: Mapped[dt.datetime | None]


def invite_staff(session: Session, email: str, role: StaffRole, *, now: dt.datetime) -> StaffMember:
    """The member of staff of an e-mail address, in this role from now on; one who had left comes back.

    Another role ends her sessions: nothing that was open before goes on with other rights.

    Raises:
        EmailRefused: it is no e-mail address.
    """
    address = check_email(email)
    insert_unless_there(session, StaffMember, id=new_id(), email=address, role=role, created_at=now)
    member = session.scalars(select(StaffMember).where(StaffMember.email == address).with_for_update()).one()
    if member.role is not role or member.ended_at is not None:
        end_sessions(session, Account(AccountKind.STAFF, member.id), now=now)
    member.role = role
    member.ended_at = None
    session.flush()
    return member


def end_staff(session: Session, email: str, *, now: dt.datetime) -> StaffMember:
    """Let the person of an address leave the staff: whatever she has open ends, and no letter lets her in again.

    Raises:
        EmailRefused: it is no e-mail address.
        Absent: nobody in function has it.
    """
    in_function = StaffMember.email == check_email(email), StaffMember.ended_at.is_(None)
    member = session.scalar(select(StaffMember).where(*in_function).with_for_update())
    if member is None:
        raise Absent
    end_sessions(session, Account(AccountKind.STAFF, member.id), now=now)
    member.ended_at = now
    session.flush()
    return member


def staff_member(session: Session, member_id: uuid.UUID) -> StaffMember | None:
    """A member of staff in function; None when there is none, or when she has left."""
    return session.scalar(select(StaffMember).where(StaffMember.id == member_id, StaffMember.ended_at.is_(None)))
