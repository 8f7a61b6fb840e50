"""The one metadata, the column types, and the engine that web and worker share, on SQLite and on PostgreSQL."""

import datetime as dt
import select
import uuid
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar, Final, Generic, TypeVar

import orjson
import uuid_utils
from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Uuid,
    create_engine,
    event,
)
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Session, registry, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection
from sqlalchemy.types import TypeDecorator

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
BUSY_SECONDS: Final = 30
"""How long a writer on SQLite waits for its turn before giving up."""
CACHE_KILOBYTES: Final = 4_000
"""Pages of SQLite's file a connection keeps in memory; nothing is mapped, so that memory is what the process says."""


PATIENCE: Final = {"connect_timeout": 5, "tcp_user_timeout": 30_000, "keepalives_idle": 30}
"""How long PostgreSQL may leave us without an answer to a connection (seconds), to what we sent (milliseconds), and
before we ask whether it is still there (seconds); a URL that sets them is heeded."""
PLANNING: Final = "-c plan_cache_mode=force_generic_plan -c jit=off"
"""Statements are planned once, and none is compiled: in a hundred towns PostgreSQL would compile those of a page of
followers each time anew, and take longer for that than for the page."""

E = TypeVar("E", bound=Enum)


class UtcDateTime(TypeDecorator[dt.datetime]):
    """An aware moment: `timestamptz` on PostgreSQL, UTC text that sorts as time on SQLite. Naive values are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """Towards the database: always UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A naive datetime reached the database")
        value = value.astimezone(dt.UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        """From the database: aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if dialect.name == "sqlite" else value.astimezone(dt.UTC)


class Identifier(TypeDecorator[uuid.UUID]):
    """A UUIDv7: native on PostgreSQL, its 16 bytes on SQLite (half the index of hexadecimal text, same order)."""

    impl = Uuid
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """16 raw bytes where the database has no type of its own."""
        return dialect.type_descriptor(LargeBinary(16) if dialect.name == "sqlite" else Uuid())

    def process_bind_param(self, value: uuid.UUID | None, dialect: Dialect) -> Any:
        """Towards the database."""
        return value.bytes if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> uuid.UUID | None:
        """From the database."""
        return uuid.UUID(bytes=value) if value is not None and dialect.name == "sqlite" else value


class Choice(TypeDecorator[E], Generic[E]):
    """An enumeration stored as its short text value, the same on both databases; the application checks membership."""

    impl = String(24)
    cache_ok = True

    def __init__(self, choices: type[E]) -> None:
        super().__init__()
        self.choices = choices

    def process_bind_param(self, value: E | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - the interface
        """Towards the database."""
        return None if value is None else str(self.choices(value).value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> E | None:  # noqa: ARG002 - the interface
        """From the database."""
        return None if value is None else self.choices(value)


class Base(DeclarativeBase):
    """What every table of the house derives from."""

    registry: ClassVar[registry] = registry(
        metadata=MetaData(naming_convention=NAMING),
        type_annotation_map={
            dt.datetime: UtcDateTime(),
            uuid.UUID: Identifier(),
            dict[str, Any]: JSON(),
            list[str]: JSON(),
        },
    )


BigKey: Final = BigInteger().with_variant(Integer(), "sqlite")
"""A counting key that SQLite can count by itself."""


def new_id() -> uuid.UUID:
    """A fresh UUIDv7 (RFC 9562): unique without asking anyone, and sorted by time of making."""
    return uuid.UUID(int=uuid_utils.uuid7().int)


def id_of(moment: dt.datetime, drawn: bytes) -> uuid.UUID:
    """The UUIDv7 of a moment and of ten bytes that were drawn: the same again for the same ones."""
    milliseconds = (moment - EPOCH) // dt.timedelta(milliseconds=1)
    octets = bytearray(milliseconds.to_bytes(6) + drawn[:10])
    octets[6] = 0x70 | octets[6] & 0x0F
    octets[8] = 0x80 | octets[8] & 0x3F
    return uuid.UUID(bytes=bytes(octets))


def engine_for(url: str | URL, *, pool_size: int = 5) -> Engine:
    """An engine prepared for this house (see `prepare`)."""
    url = make_url(url)
    if url.get_backend_name() == "sqlite":
        if url.database and url.database != ":memory:":
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        options: dict[str, Any] = {"connect_args": {"timeout": BUSY_SECONDS, "check_same_thread": False}}
    else:
        options = {
            "connect_args": {
                "options": f"-c timezone=UTC {PLANNING}",
                "prepare_threshold": 1,
                **{name: value for name, value in PATIENCE.items() if name not in url.query},
            },
            "pool_pre_ping": False,
        }
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=10,
        pool_use_lifo=True,  # the one used last has its pages and statements at hand; in turn, each would fill a cache
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        **options,
    )
    prepare(engine)
    return engine


def prepare(engine: Engine) -> None:
    """Set what every connection needs. On SQLite: WAL, foreign keys, a patient busy handler, and our own BEGIN.

    A transaction on SQLite opened with the execution option `writes` begins IMMEDIATE, so that two writers queue
    instead of failing in the middle (six processes: 0 of 1,800 locked; deferred read-then-write: 1,500). One opened
    with `relaxed` is acknowledged before it reaches the disk; every other waits for the disk. What is deleted or
    overwritten is replaced by zeros in the file (`secure_delete`).
    """
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin_on_sqlite)
    else:
        event.listen(engine, "begin", _begin_on_postgresql)
        event.listen(engine, "checkout", _see_that_it_stands)


def _set_pragmas(dbapi_connection: Any, _record: ConnectionPoolEntry) -> None:
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    for pragma in (
        f"busy_timeout = {BUSY_SECONDS * 1000}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "secure_delete = ON",
        "temp_store = MEMORY",
        f"cache_size = -{CACHE_KILOBYTES}",
        "journal_size_limit = 67108864",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_on_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    level = "NORMAL" if options.get("relaxed") else "FULL"
    if connection.info.get("synchronous", "FULL") != level:
        connection.exec_driver_sql(f"PRAGMA synchronous = {level}")
        connection.info["synchronous"] = level
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writes") else "BEGIN")


def _begin_on_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get("relaxed"):
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")


def _see_that_it_stands(
    dbapi_connection: Any, _record: ConnectionPoolEntry, _proxy: PoolProxiedConnection | None
) -> None:
    """Let a pooled connection go that the server has closed: a database that was away and is back costs no error.

    An idle server says nothing, so a socket with something to read was closed, or is about to be. Asking the kernel
    costs a microsecond; asking the server, as SQLAlchemy's own ping does, a round trip at every checkout.
    """
    poll = select.poll()
    poll.register(dbapi_connection.pgconn.socket, select.POLLIN)
    if poll.poll(0):
        raise DisconnectionError("the server has hung up")


def writing(engine: Engine) -> sessionmaker[Session]:
    """Sessions that may write: on SQLite their transactions begin IMMEDIATE."""
    return sessionmaker(engine.execution_options(writes=True), expire_on_commit=False)


def settling(engine: Engine) -> sessionmaker[Session]:
    """Sessions that settle deliveries: they write, and are acknowledged before the disk has it.

    A crash of the machine then sends again what was settled last, which is counted; nothing is lost.
    """
    return sessionmaker(engine.execution_options(writes=True, relaxed=True), expire_on_commit=False)


def reading(engine: Engine) -> sessionmaker[Session]:
    """Sessions that only read: they never wait for a writer."""
    return sessionmaker(engine, expire_on_commit=False)
