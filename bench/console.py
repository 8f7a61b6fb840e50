"""The console's pages in the full invented town, one after the other as a member of staff reads them: p95 of each.

`citylife serve` with its worker answers, as an operator starts it. Each page is asked for so often that its slowest
answer in twenty is no accident; the very first, with everything cold, is said beside.
"""

import datetime as dt
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench import cores, load
from bench.figures import Figure, median
from bench.year import CONSOLE, Year
from citylife.accounts.sessions import Account, AccountKind, open_session
from citylife.accounts.staff import StaffRole, invite_staff
from citylife.database import engine_for, writing
from citylife.pilot.periods import Frequency, last_over

MOST: Final = 0.3
"""Seconds a page may take, 95 times of 100."""
ROUNDS: Final = 40
SHARE: Final = 0.95
HTML: Final = b"HTTP/1.1 200"


def pages(now: dt.datetime) -> dict[str, str]:
    """What is read, by what it is called."""
    week, month = (last_over(frequency, now) for frequency in (Frequency.WEEKLY, Frequency.MONTHLY))
    return {
        "today": "/console",
        "shops to verify": "/console/commerces",
        "verified shops": "/console/commerces?etat=verifies",
        "a shop by its name": "/console/commerces?q=boutique+4321",
        "reports of offers": "/console/signalements",
        "sending": "/console/envois",
        "audit log": "/console/journal",
        "team": "/console/equipe",
        "measures": "/console/mesures",
        "measures by month": "/console/mesures?frequence=monthly",
        "a measure": "/console/mesures/de/following-citizens",
        "its curve": "/console/mesures/de/following-citizens/courbe.svg",
        "areas": "/console/mesures/secteurs",
        "two weeks beside each other": "/console/mesures/comparer",
        "targets": "/console/mesures/objectifs",
        "costs": "/console/mesures/depenses",
        "reports to the cluster": "/console/mesures/envois",
        "a week's report": f"/console/mesures/rapports/{week}",
        "a month's report": f"/console/mesures/rapports/{month}",
        "a week's report as PDF": f"/console/mesures/rapports/{week}/rapport.pdf",
        "what everybody reads": "/pilote",
    }


def measure(year: Year) -> Iterator[Figure]:
    """How long each page takes, 95 times of 100."""
    now = dt.datetime.now(dt.UTC)
    headers = {"Authorization": f"Bearer {_token(year, now)}"}
    with tempfile.TemporaryDirectory() as folder:
        port, log = cores.free_port(), Path(folder) / "serve.log"
        command = [CONSOLE, "serve", "--port", str(port)]
        with cores.running(command, year.environment(), core=None, log=log) as process:
            cores.wait_for(port, process, log)
            wanted = {name: load.request(path, headers) for name, path in pages(now).items()}
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


def _token(year: Year, now: dt.datetime) -> str:
    """A session of a member of staff, begun by a passkey."""
    engine = engine_for(year.url)
    try:
        with writing(engine).begin() as session:
            staff = invite_staff(session, "bench@citylife.invalid", StaffRole.ADMINISTER, now=now)
            _, token = open_session(session, Account(AccountKind.STAFF, staff.id), by_passkey=True, now=now)
    finally:
        engine.dispose()
    return token
