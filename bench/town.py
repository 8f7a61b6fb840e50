"""A town to measure in: citizens, shops, follows after Zipf, live offers, and one shop that 20,000 phones hear of.

At scale 1: 280,000 citizens with 20 follows each (or as many as a bench wants), 5,000 shops, 10,000 live offers. The
shop of the fan-out has its 20,000 followers at every scale. A town is drawn from a seed, loaded in sets, and kept in a
folder (SQLite) or on the server (PostgreSQL) so that the next bench finds it ready.
"""

import contextlib
import datetime as dt
import hashlib
import json
import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import psycopg
from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from bench import crowd as crowds
from bench import drawing, room
from bench.crowd import Crowd
from bench.drawing import CrowdedDraw, Draw
from bench.lanes import in_lanes
from bench.late import made_late
from blueprints import pieces
from citylife import migrations
from citylife.accounts.citizens import Citizen, CitizenToken
from citylife.accounts.merchants import Membership, Merchant, Role, Scope, new_key
from citylife.courtesy.tables import SendingRule
from citylife.database import Base, engine_for, writing
from citylife.devices import Device, EndpointOwner, Origin
from citylife.follows import Follow
from citylife.invented.loading import Loader
from citylife.offers import Offer
from citylife.search import SearchEntry, SearchGram
from citylife.shops import Shop

FRESH_FOR: Final = dt.timedelta(days=2)
"""A kept town older than this is built anew: its offers would begin to end."""
LATE: Final = ("search_entries", "follows", "citizen_tokens", "search_grams", "citizens", "offers", "shops")
"""Tables of PostgreSQL whose indexes are made after their rows."""
SERVER: Final = os.environ.get("CITYLIFE_TEST_POSTGRES_URL", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres")


@dataclass(frozen=True, slots=True)
class Town:
    """A town that is ready: where it is, and who may call."""

    url: str
    scale: float
    built_at: str
    citizens: int
    shops: int
    offers: int
    followers: int
    tokens: list[str]
    """Device tokens of citizens drawn by lot."""
    quiet_shop: str
    """A shop that nobody follows."""
    fan_out_shop: str
    merchant_key: str
    """An API key of the merchant of that shop."""
    follows: int = drawing.FOLLOWS

    @property
    def name(self) -> str:
        """The scale as figures are labelled with it."""
        return f"{self.scale:g} x town" + ("" if self.follows == drawing.FOLLOWS else f", {self.follows} follows")


def town_on_sqlite(folder: Path, scale: float, *, seed: int = 62) -> Town:
    """The town in a SQLite file of `folder`, built where it is not there or no longer fresh."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"town-{scale:g}-{seed}.db"
    facts = path.with_suffix(".json")
    url = f"sqlite:///{path}"
    kept = _kept(facts, url)
    if kept is not None and path.exists():
        return kept
    for leftover in folder.glob(f"{path.name}*"):
        leftover.unlink()
    return _built(url, facts, scale, seed)


def town_on_postgresql(folder: Path, scale: float, *, seed: int = 62, follows: int = drawing.FOLLOWS) -> Town:
    """The town in a database of its own on the PostgreSQL server; `folder` keeps the facts that go with it."""
    folder.mkdir(parents=True, exist_ok=True)
    few = "" if follows == drawing.FOLLOWS else f"_{follows}"
    name = f"citylife_bench_{f'{scale:g}'.replace('.', '_')}_{seed}{few}"
    facts = folder / f"{name}.json"
    url = make_url(SERVER).set(database=name).render_as_string(hide_password=False)
    kept = _kept(facts, url)
    with server() as cursor:
        there = cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
        if kept is not None and there:
            return kept
        cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        room.see_to_it(cursor, scale, follows)
        cursor.execute(f"CREATE DATABASE {name}")
    return _built(url, facts, scale, seed, follows)


@contextlib.contextmanager
def server() -> Iterator[psycopg.Cursor[Any]]:
    """A cursor on the PostgreSQL server itself, to make and drop databases with."""
    url = make_url(SERVER).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        yield cursor


def drop_postgresql(town: Town) -> None:
    """Drop the database of a town."""
    name = make_url(town.url).database
    with server() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _kept(facts: Path, url: str) -> Town | None:
    if not facts.exists():
        return None
    known = json.loads(facts.read_text())
    signature = known.pop("signature")
    if signature != _signature() or known["url"] != url:
        return None
    town = Town(**known)
    fresh = dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(town.built_at) < FRESH_FOR
    return town if fresh else None


def _signature() -> str:
    """What a kept town depends on: this module, the schema and the way offers are written out."""
    modules = (Path(__file__), Path(drawing.__file__), Path(crowds.__file__), Path(pieces.__file__))
    sources = [*modules, *sorted(Path(migrations.__file__).parent.glob("versions/*.py"))]
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()


def _built(url: str, facts: Path, scale: float, seed: int, follows: int = drawing.FOLLOWS) -> Town:
    started = time.perf_counter()
    engine = engine_for(url)
    migrations.upgrade(engine)
    town = build_town(engine, scale, seed, follows=follows)
    engine.dispose()
    facts.write_text(json.dumps({**asdict(town), "signature": _signature()}))
    print(f"  {town.name} on {make_url(url).get_backend_name()} built in {time.perf_counter() - started:.0f} s")
    return town


def build_town(
    engine: Engine, scale: float, seed: int = 62, *, now: dt.datetime | None = None, follows: int = drawing.FOLLOWS
) -> Town:
    """Fill a migrated, empty database."""
    now = now or dt.datetime.now(dt.UTC)
    draw = (CrowdedDraw if engine.dialect.name == "postgresql" else Draw)(scale, seed, now, follows)
    with engine.connect() as connection:
        loader = Loader(connection)
        loader.begin()
        if isinstance(draw, CrowdedDraw):
            connect = partial(_unguarded, engine)
            with made_late(connect, LATE):
                in_lanes([Crowd(connect, draw).come, partial(_fill, loader, _things(draw))])
        else:
            _fill(loader, [*_things(draw), *_people(draw)])
        _fill(loader, _phones(draw))
        loader.end()
    key = _merchant_key(engine, draw, now=now)
    with writing(engine).begin() as session:
        session.add(
            SendingRule(id=draw.new_id(), announcements_a_day=30_000, reason="The bench posts all day", set_at=now)
        )
    return Town(
        url=engine.url.render_as_string(hide_password=False),
        scale=scale,
        built_at=now.isoformat(),
        citizens=draw.citizen_count,
        shops=len(draw.shop_ids),
        offers=draw.offer_count,
        followers=len(draw.follower_ids),
        tokens=draw.callers(),
        quiet_shop=str(uuid.UUID(bytes=draw.quiet_shop)),
        fan_out_shop=str(uuid.UUID(bytes=draw.fan_out_shop)),
        merchant_key=key,
        follows=follows,
    )


Fillings = list[tuple[type[Base], Iterator[drawing.Row]]]


def _things(draw: Draw) -> Fillings:
    return [
        (Shop, draw.shops()),
        (Offer, draw.live_offers()),
        (SearchEntry, draw.entries()),
        (SearchGram, draw.grams()),
    ]


def _people(draw: Draw) -> Fillings:
    return [(Citizen, draw.citizens()), (CitizenToken, draw.tokens()), (Follow, draw.follows())]


def _phones(draw: Draw) -> Fillings:
    return [
        (Origin, iter([{"id": 1, "origin": drawing.PUSH_ORIGIN}])),
        (Device, draw.devices()),
        (EndpointOwner, draw.endpoint_owners()),
    ]


def _fill(loader: Loader, fillings: Fillings) -> None:
    for model, rows in fillings:
        loader.fill(Base.metadata.tables[model.__tablename__], rows)


def _unguarded(engine: Engine) -> psycopg.Connection[Any]:
    """A connection that asks no foreign key, waits for no disk, and reads every table from its beginning."""
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    settings = {
        "timezone": "UTC",
        "session_replication_role": "replica",
        "synchronous_commit": "off",
        "synchronize_seqscans": "off",
    }
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    return psycopg.connect(url, autocommit=True, options=options)


def _merchant_key(engine: Engine, draw: "Draw", *, now: dt.datetime) -> str:
    with writing(engine)() as session, session.begin():
        merchant = Merchant(id=draw.new_id(), email="bench@citylife.invalid", created_at=now)
        session.add(merchant)
        session.flush()
        session.add(
            Membership(
                id=draw.new_id(),
                shop_id=uuid.UUID(bytes=draw.fan_out_shop),
                merchant_id=merchant.id,
                role=Role.OWNER,
                begun_at=now,
            )
        )
        _, token = new_key(session, merchant, "bench", list(Scope), now=now)
        return token
