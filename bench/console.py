"""The console's pages in the full invented town, one after the other as a member of staff reads them: p95 of each.

`citylife serve` with its worker answers, as an operator starts it. Each page is asked for so often that its slowest
answer in twenty is no accident; the very first, with everything cold, is said beside.
"""

import datetime as dt
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import select

from bench import cores, load
from bench.figures import Figure, median
from bench.year import CONSOLE, Year
from citylife.accounts.sessions import Account, AccountKind, open_session
from citylife.accounts.staff import StaffRole, invite_staff
from citylife.database import engine_for, writing
from citylife.pilot.periods import Frequency, last_over
from citylife.reports import Report
from citylife.shops import Shop, ShopStatus

MOST: Final = 0.3
"""Seconds a page may take, 95 times of 100."""
ROUNDS: Final = 40
SHARE: Final = 0.95
HTML: Final = b"HTTP/1.1 200"


@dataclass(frozen=True, slots=True)
class Known:
    """What pages are read with: a session of staff, another member, a shop, a report of an offer."""

    token: str
    member: uuid.UUID
    shop: uuid.UUID
    report: uuid.UUID


def pages(now: dt.datetime, known: Known) -> dict[str, str]:
    """What is read, by what it is called: every page and download there is for who came in by a passkey."""
    week, month = (last_over(frequency, now) for frequency in (Frequency.WEEKLY, Frequency.MONTHLY))
    return {
        "today": "/console",
        "shops to verify": "/console/commerces",
        "verified shops": "/console/commerces?etat=verifies",
        "a shop by its name": "/console/commerces?q=boutique+4321",
        "a shop": f"/console/commerces/{known.shop}",
        "reports of offers": "/console/signalements",
        "a report of an offer": f"/console/signalements/{known.report}",
        "sending": "/console/envois",
        "audit log": "/console/journal",
        "team": "/console/equipe",
        "a member who leaves": f"/console/equipe/{known.member}/retirer",
        "measures": "/console/mesures",
        "measures by month": "/console/mesures?frequence=monthly",
        "a measure": "/console/mesures/de/following-citizens",
        "its curve": "/console/mesures/de/following-citizens/courbe.svg",
        "areas": "/console/mesures/secteurs",
        "their map": "/console/mesures/secteurs/carte.svg",
        "two weeks beside each other": "/console/mesures/comparer",
        "targets": "/console/mesures/objectifs",
        "costs": "/console/mesures/depenses",
        "reports to the cluster": "/console/mesures/envois",
        "a week's report": f"/console/mesures/rapports/{week}",
        "a month's report": f"/console/mesures/rapports/{month}",
        "a week's report as PDF": f"/console/mesures/rapports/{week}/rapport.pdf",
        "a week's report as NGSI-LD": f"/console/mesures/rapports/{week}/entites.jsonld",
        "a week's report as CSV": f"/pilote/{week}/chiffres.csv",
        "a week's report as JSON": f"/pilote/{week}/chiffres.json",
        "what everybody reads": "/pilote",
    }


def measure(year: Year) -> Iterator[Figure]:
    """How long each page takes, 95 times of 100."""
    now = dt.datetime.now(dt.UTC)
    known = _known(year, now)
    headers = {"Authorization": f"Bearer {known.token}"}
    with tempfile.TemporaryDirectory() as folder:
        port, log = cores.free_port(), Path(folder) / "serve.log"
        command = [CONSOLE, "serve", "--port", str(port)]
        with cores.running(command, year.environment(), core=None, log=log) as process:
            cores.wait_for(port, process, log)
            wanted = {name: load.request(path, headers) for name, path in pages(now, known).items()}
            seconds: dict[str, list[float]] = {name: [] for name in wanted}
            for _ in range(ROUNDS):
                for name, request in wanted.items():
                    seconds[name].append(_asked(port, name, request))
    for name, each in seconds.items():
        slow = sorted(each)[int(len(each) * SHARE) - 1]
        yield Figure.against(f"{name}, p95, {year.name}", slow * 1000, "ms", MOST * 1000)
        yield Figure(f"    median; first {each[0] * 1000:,.0f} ms", median(each) * 1000, "ms")


def _asked(port: int, name: str, request: bytes) -> float:
    began = time.perf_counter()
    answer = load.ask(port, request)
    took = time.perf_counter() - began
    if not answer.startswith(HTML):
        raise load.WrongAnswer(f"{name}: {answer[:300].decode(errors='replace')}")
    return took


def _known(year: Year, now: dt.datetime) -> Known:
    """A session of a member of staff, begun by a passkey; a colleague of hers, and what stands in the town."""
    engine = engine_for(year.url)
    try:
        with writing(engine).begin() as session:
            staff = invite_staff(session, "bench@citylife.invalid", StaffRole.ADMINISTER, now=now)
            other = invite_staff(session, "colleague@citylife.invalid", StaffRole.MODERATE, now=now)
            _, token = open_session(session, Account(AccountKind.STAFF, staff.id), by_passkey=True, now=now)
            shop = session.scalars(select(Shop.id).where(Shop.status == ShopStatus.VERIFIED).limit(1)).one()
            report = session.scalars(select(Report.id).limit(1)).one()
            return Known(token, other.id, shop, report)
    finally:
        engine.dispose()
