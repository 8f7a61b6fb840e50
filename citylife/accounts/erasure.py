"""Erasure: everything that is a citizen's leaves the tables in one transaction, and she is given a receipt.

A tombstone outside the database keeps it so: after a backup is restored, whoever was erased since is erased again.
"""

import datetime as dt
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from citylife.accounts.citizens import Citizen, ErasureReceipt, hold
from citylife.activity import WHOLE, Counted, count, told_lately
from citylife.answers import KeptAnswer, caller_of_citizen
from citylife.database import new_id
from citylife.devices import Device, EndpointOwner
from citylife.email_digest.tables import forget_address_of
from citylife.errors import Absent
from citylife.follows import Follow
from citylife.tombstones import Tombstones
from citylife.upserts import insert_unless_there


@dataclass(frozen=True, slots=True)
class Replayed:
    """What replaying did: tombstones read, citizens erased again, and tombstones of a key that is not ours."""

    read: int
    erased: int
    foreign: int


def erase_citizen(session: Session, citizen: Citizen, *, tombstones: Tombstones, now: dt.datetime) -> ErasureReceipt:
    """Erase everything that is hers, and hand out a receipt that leads back to nothing.

    Daily counters, which hold nothing of who, keep that devices and follows were lost. The tombstone is written last,
    so that an erasure that commits always has one; one that fails afterwards has one too, and was never acknowledged.

    Raises:
        Absent: she was already erased.
        OSError: the tombstone cannot be written; the caller must not commit.
    """
    citizen_id = hold(session, citizen.id).id
    _erase_rows(session, citizen_id, now=now)
    receipt = ErasureReceipt(id=new_id(), erased_at=now)
    session.add(receipt)
    session.flush()
    tombstones.bury(citizen_id, receipt.id, now=now)
    return receipt


def receipt_of(session: Session, receipt_id: uuid.UUID) -> ErasureReceipt:
    """The receipt of a number.

    Raises:
        Absent: none was given.
    """
    receipt = session.get(ErasureReceipt, receipt_id)
    if receipt is None:
        raise Absent
    return receipt


def replay(session: Session, tombstones: Tombstones, *, also: Iterable[Path] = ()) -> Replayed:
    """Erase again whoever has a tombstone and is back, and give their receipts back to the table.

    What is counted for it is counted on the day she left. `also` are folders of other hosts.
    """
    stones = tombstones.read(also)
    ours = {stone.mark: stone for stone in stones if tombstones.is_ours(stone)}
    back = [
        (citizen_id, ours[mark])
        for citizen_id in (session.scalars(select(Citizen.id)).all() if ours else ())
        if (mark := tombstones.mark_of(citizen_id)) in ours
    ]
    for citizen_id, stone in back:
        _erase_rows(session, hold(session, citizen_id).id, now=stone.when)
    for stone in stones:
        insert_unless_there(session, ErasureReceipt, id=stone.receipt, erased_at=stone.when)
    return Replayed(len(stones), len(back), sum(not tombstones.is_ours(stone) for stone in stones))


def _erase_rows(session: Session, citizen_id: uuid.UUID, *, now: dt.datetime) -> None:
    devices = session.scalar(select(func.count()).select_from(Device).where(Device.citizen_id == citizen_id)) or 0
    follows = session.scalar(select(func.count()).select_from(Follow).where(Follow.citizen_id == citizen_id)) or 0
    told = told_lately(session, citizen_id, now=now)
    session.execute(delete(EndpointOwner).where(EndpointOwner.citizen_id == citizen_id))
    forget_address_of(session, citizen_id, now=now)
    session.execute(delete(KeptAnswer).where(KeptAnswer.caller == caller_of_citizen(citizen_id)))
    session.execute(delete(Citizen).where(Citizen.id == citizen_id))
    if devices:
        count(session, Counted.DEVICES_REMOVED, WHOLE, now=now, by=devices)
    if told and devices + follows:
        count(session, Counted.OPT_OUTS, WHOLE, now=now, by=devices + follows)
