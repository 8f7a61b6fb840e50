"""The town of the authorisation matrix on its stage: an application on a database that can be put back as it was."""

import datetime as dt
import hashlib
import io
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import event, select, update
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from blueprints.house import House
from citylife import migrations
from citylife.accounts.merchants import Membership, MerchantKey
from citylife.accounts.passkeys import site_of
from citylife.settings import Settings
from tests.api.callers import Populace, Settling
from tests.api.doors import EXISTING, HERS, SAFE, Caller, Line, Side
from tests.builders import NOW
from wsgi import create_app

ARGUMENT = re.compile(r"<(?:\w+:)?(\w+)>")
POPULATED = {Side.FIRST, Side.SECOND}
COUNTED = {"paces"}
"""Tables that count how often somebody asked."""


class Stage:
    """The town of the matrix, which can be put back as it was; it counts the statements of SQL of each request."""

    def __init__(self, url: str, instance: Path, *, log_level: str = "ERROR") -> None:
        self.file = Path(str(make_url(url).database)) if url.startswith("sqlite") else None
        settings = Settings(
            instance=instance,
            database_url=url,
            log_level=log_level,
            limits=("*=1000000",),
            aipd_date=dt.date(2026, 1, 2),
            geocoder_url="",
            companies_url="",
        )
        self.app: Flask = create_app(settings, clock=lambda: NOW)
        self.house: House = self.app.extensions["citylife"]
        self.client = self.app.test_client(use_cookies=False)
        with Session(self.house.writing_engine) as session, session.begin():
            keys = self.house.keys
            site = site_of(settings.base_url)
            settling = Settling(session, self.house.tombstones, keys.secret_key, site, NOW)
            self.populace: Populace = settling.populace()
            seen_today(session)
        self.statements: list[str] = []
        event.listen(self.house.engine, "before_cursor_execute", self._note)
        self.asked = 0
        self._keep()

    def _note(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        counting = any(f" {table}" in statement for table in COUNTED)
        if not counting and not statement.startswith(("BEGIN", "PRAGMA")):
            self.statements.append(statement)

    @property
    def callers(self) -> tuple[Caller, ...]:
        return self.populace.callers

    def close(self) -> None:
        print(f"\n{self.asked} requests of the matrix on {self.house.engine.dialect.name}")
        self.house.close()

    def _keep(self) -> None:
        self.house.close()
        if self.file is not None:
            self.kept = self.file.with_suffix(".kept")
            shutil.copyfile(self.file, self.kept)

    def put_back(self) -> None:
        """Let nothing have happened."""
        self.house.close()
        if self.file is not None:
            for beside in self.file.parent.glob(f"{self.file.name}-*"):
                beside.unlink()
            shutil.copyfile(self.kept, self.file)

    def ask(self, line: Line, verb: str, caller: Caller, side: Side, **more: str) -> TestResponse:
        """Send one request about the thing of a side; each comes from another address, so that no limit is met."""
        things = self.populace.things[side]
        named = {name: things[line.uses.get(name, name)] for name in ARGUMENT.findall(line.rule)}
        path = ARGUMENT.sub(lambda found: str(named[found[1]]), line.rule)
        headers = {**caller.headers, **{name.replace("_", "-"): value for name, value in more.items()}}
        sent: dict[str, Any] = {}
        if verb not in SAFE:
            headers["If-Match"] = "*"
            named_there = things if line.there is EXISTING and side in POPULATED else self.populace.things[Side.FIRST]
            sent = {
                name: value if isinstance(value, bytes) else self.filled(value, named_there)
                for name, value in (("data", line.form), ("json", line.json))
                if value is not None
            }
            if isinstance(line.form, bytes):
                sent["content_type"] = "image/png"
        self.asked += 1
        place = {"REMOTE_ADDR": f"10.{self.asked >> 16}.{self.asked >> 8 & 255}.{self.asked & 255}"}
        self.statements.clear()
        return self.client.open(path, method=verb, headers=headers, environ_overrides=place, **sent)

    def filled(self, value: Any, things: Mapping[str, Any]) -> Any:
        """A body, with the names of things where it says so: of the first side, but where all that exists is open."""
        if isinstance(value, dict):
            return {name: self.filled(inner, things) for name, inner in value.items()}
        if isinstance(value, bytes):  # a file of a form
            return io.BytesIO(value), "photo.png"
        if isinstance(value, str) and value.startswith("{"):
            found = things[value.strip("{}")]
            return found if isinstance(found, dict) else str(found)
        return value

    def sides(self, line: Line) -> list[Side]:
        """The sides that have what the line is about; one stands for all where it is about nothing in particular.

        A body that names something of hers names the first owner's.
        """
        wanted = {line.uses.get(name, name) for name in ARGUMENT.findall(line.rule)}
        if not wanted:
            named = line.there is HERS and (line.json is not None or line.form is not None)
            return [Side.FIRST if named else Side.ABSENT]
        return [side for side in line.sides if wanted <= set(self.populace.things[side])]

    def written(self) -> str:
        """A digest of every row, but of how often somebody asked."""
        with self.house.engine.connect() as connection:
            digest = hashlib.sha256()
            for name, table in sorted(migrations.metadata.tables.items()):
                if not name.startswith("commune") and name not in COUNTED:
                    digest.update(repr(sorted(map(repr, connection.execute(select(table))))).encode())
            return digest.hexdigest()

    def names_of(self, line: Line, side: Side) -> list[str]:
        """How the thing a line is about is called, on a side."""
        things = self.populace.things[side]
        return [str(things[line.uses.get(name, name)]) for name in ARGUMENT.findall(line.rule)]


def seen_today(session: Session) -> None:
    """Whoever may be noted to have come today has been: no reading has that to write."""
    session.flush()
    session.execute(update(MerchantKey).values(used_on=NOW.date()))
    session.execute(update(Membership).values(seen_at=NOW))


def a_stage(folder: Path, template: Path, *, log_level: str = "ERROR") -> Stage:
    """The stage on SQLite: `template` is a migrated file."""
    shutil.copyfile(template, folder / "matrix.db")
    return Stage(f"sqlite:///{folder / 'matrix.db'}", folder, log_level=log_level)
