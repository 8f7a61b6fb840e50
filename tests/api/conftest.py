"""The application on a fresh database of each kind, a clock that stands, a doorbell that counts, and callers."""

import dataclasses
import datetime as dt
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response, request
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.test import TestResponse

from blueprints.api.refusals import OF_THE_RULES
from citylife import migrations
from citylife.accounts.merchants import Role, Scope, join_team
from citylife.accounts.staff import StaffRole
from citylife.doorbell import BellState
from citylife.settings import Settings
from citylife.shops import Shop
from tests import builders
from tests.builders import NOW
from wsgi import create_app

OPERATION_ID = re.compile(r"\.(\w+)$")
MERCHANT_COOKIE = "__Host-citylife-merchant"
STAFF_COOKIE = "__Host-citylife-staff"


@dataclass
class StandingClock:
    """Time that moves when told to."""

    moment: dt.datetime = NOW

    def __call__(self) -> dt.datetime:
        return self.moment

    def forward(self, **by: float) -> None:
        self.moment += dt.timedelta(**by)


@dataclass
class CountingDoorbell:
    """Counts how often it is rung."""

    rung: int = 0
    state: BellState = field(default=BellState("counting"))

    def ring(self) -> None:
        self.rung += 1


@dataclass
class Caller:
    """Somebody who calls with a token; `cookie` names the one her browser keeps it in, on a page of ours."""

    client: FlaskClient
    token: str
    id: uuid.UUID
    cookie: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.cookie is None:
            self.headers = {"Authorization": f"Bearer {self.token}"}
        else:
            self.headers = {"Cookie": f"{self.cookie}={self.token}", "Sec-Fetch-Site": "same-origin"}

    def __getattr__(self, method: str) -> Any:
        call = getattr(self.client, method)

        def asked(path: str, *, headers: dict[str, str] | None = None, **options: Any) -> TestResponse:
            answer: TestResponse = call("/api/v1" + path, headers={**self.headers, **(headers or {})}, **options)
            return answer

        return asked


@dataclass
class Town:
    """The application, and what a test needs to people it."""

    app: Flask
    clock: StandingClock
    doorbell: CountingDoorbell
    sessions: sessionmaker[Session]

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client(use_cookies=False)

    def citizen(self, *, consented: bool = True) -> Caller:
        with self.sessions.begin() as session:
            citizen, token = builders.a_citizen_with_token(session, consented=consented, now=self.clock())
            return Caller(self.client, token, citizen.id)

    def merchant(self, *shops: Shop, scopes: tuple[Scope, ...] = (), role: Role = Role.OWNER) -> Caller:
        with self.sessions.begin() as session:
            merchant = builders.a_merchant(session, now=self.clock())
            for shop in shops:
                join_team(session, merchant, shop, role, now=self.clock())
            _, token = builders.a_key(session, merchant, *scopes, now=self.clock())
            return Caller(self.client, token, merchant.id)

    def merchant_session(self, *shops: Shop, role: Role = Role.OWNER, cookie: bool = False) -> Caller:
        """A merchant signed in, by the token of her session or, with `cookie`, by her browser."""
        with self.sessions.begin() as session:
            merchant = builders.a_merchant(session, now=self.clock())
            for shop in shops:
                join_team(session, merchant, shop, role, now=self.clock())
            return Caller(
                self.client,
                builders.signed_in(session, merchant, now=self.clock()),
                merchant.id,
                MERCHANT_COOKIE if cookie else None,
            )

    def staff(self, role: StaffRole = StaffRole.MODERATE, *, cookie: bool = False) -> Caller:
        """A member of staff signed in, by the token of her session or, with `cookie`, by her browser."""
        with self.sessions.begin() as session:
            member = builders.a_staff_member(session, role, now=self.clock())
            return Caller(
                self.client,
                builders.signed_in(session, member, now=self.clock()),
                member.id,
                STAFF_COOKIE if cookie else None,
            )

    def shop(self, name: str | None = None, **facts: Any) -> Shop:
        with self.sessions.begin() as session:
            return builders.a_shop(session, name, now=self.clock(), **facts)

    def counts(self) -> dict[str, int]:
        """How many rows each table holds: what a refused request must leave as it was."""
        with self.sessions() as session:
            return {
                name: session.scalar(select(func.count()).select_from(table)) or 0
                for name, table in migrations.metadata.tables.items()
            }


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def doorbell() -> CountingDoorbell:
    return CountingDoorbell()


@pytest.fixture
def app(database_url: str, tmp_path: Path, clock: StandingClock, doorbell: CountingDoorbell) -> Iterator[Flask]:
    settings = Settings(instance=tmp_path / "instance", database_url=database_url, log_level="WARNING")
    app = create_app(settings, doorbell=doorbell, clock=clock)
    undocumented = set()

    @app.after_request
    def look(response: Response) -> Response:
        operation = OPERATION_ID.search(request.endpoint or "")
        if operation and response.content_type == "application/problem+json" and operation[1] in OF_THE_RULES:
            slug = (response.json or {})["type"].rpartition("/")[2]
            if slug not in documented_problems(app)[operation[1]]:
                undocumented.add((operation[1], slug))
        return response

    yield app
    app.extensions["citylife"].close()
    assert undocumented == set(), "the document does not name these problems: see blueprints/api/refusals.py"


_documented: dict[str, list[str]] = {}


def documented_problems(app: Flask) -> dict[str, list[str]]:
    """What each operation may refuse, by the document: that of the first application, for it is the same in all."""
    if not _documented:
        for item in app.extensions["citylife-api"].document["paths"].values():
            for method, operation in item.items():
                if method != "parameters":
                    _documented[operation["operationId"]] = operation["x-problems"]
    return _documented


@pytest.fixture
def town(app: Flask, clock: StandingClock, doorbell: CountingDoorbell, sessions: sessionmaker[Session]) -> Town:
    return Town(app, clock, doorbell, sessions)


@pytest.fixture
def assessed(app: Flask) -> None:
    """The impact assessment was done."""
    house = app.extensions["citylife"]
    object.__setattr__(house, "settings", dataclasses.replace(house.settings, aipd_date=dt.date(2026, 1, 2)))
