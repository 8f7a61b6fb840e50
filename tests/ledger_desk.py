"""The ledger, step by step as its tests take it: expand everything, claim everything that is due, settle it."""

import datetime as dt

from sqlalchemy.orm import Session, sessionmaker

from citylife.ledger import claims, expansion, settlement
from citylife.ledger.claims import Claimed
from citylife.ledger.lanes import open_lanes
from citylife.ledger.settlement import Settlement
from citylife.ledger.tables import DeliveryState
from tests.builders import NOW


def expand_all(sessions: sessionmaker[Session], *, now: dt.datetime = NOW, page: int = 3) -> int:
    """Expand everything by small pages; how many pages it took."""
    pages = 0
    while True:
        with sessions.begin() as session:
            if expansion.expand_page(session, now=now, page=page) is None:
                return pages
        pages += 1


def claim_all(sessions: sessionmaker[Session], *, now: dt.datetime = NOW, most: int = 100) -> list[Claimed]:
    """Claim everything that is due, lane by lane."""
    claimed: list[Claimed] = []
    while True:
        with sessions.begin() as session:
            lanes = open_lanes(session, now=now)
            if not lanes:
                return claimed
            for lane in lanes:
                claimed += claims.claim(session, lane, now=now, most=most).to_send


def settle_all(
    sessions: sessionmaker[Session], claimed: list[Claimed], state: DeliveryState, *, now: dt.datetime = NOW
) -> int:
    """Settle what was claimed, all the same way; how many rows took it."""
    with sessions.begin() as session:
        return settlement.settle(session, [Settlement(one, state, 201) for one in claimed], now=now)
