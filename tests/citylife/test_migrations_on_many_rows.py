"""A hundred thousand rows go down to the first schema and up again, and each comes back as it was."""

import hashlib
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, insert, inspect, select, text

from citylife import migrations
from citylife.accounts.citizens import Citizen, CitizenDay, CitizenToken
from citylife.backup.shapes import Shape, Sum, shapes_of, sums_of
from citylife.buckets import bucket_of
from citylife.database import engine_for, new_id, writing
from citylife.devices import Device, EndpointOwner, Origin
from citylife.follows import Follow, Level
from citylife.ledger.tables import Decision, Delivery, DeliveryState, Message, Outcome, Reason
from citylife.migrations import Schema
from tests import builders
from tests.builders import NOW
from tests.conftest import a_postgres_database

CITIZENS = 13_000
"""Each with a row in eight tables."""
FIRST = "0001"


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A migrated database of this test alone, since its schema changes."""
    if request.param == "sqlite":
        made = engine_for(f"sqlite:///{tmp_path / 'citylife.db'}")
        migrations.upgrade(made)
        yield made
        made.dispose()
        return
    with a_postgres_database() as url:
        made = engine_for(url)
        migrations.upgrade(made)
        yield made
        made.dispose()


@pytest.fixture
def first_shapes(tmp_path: Path) -> list[Shape]:
    """The tables of the first schema, with those of its columns that are still there today."""
    engine = engine_for(f"sqlite:///{tmp_path / 'first.db'}")
    migrations.upgrade(engine, FIRST)
    there = inspect(engine)
    columns = {name: {column["name"] for column in there.get_columns(name)} for name in there.get_table_names()}
    engine.dispose()
    return [
        Shape(shape.name, tuple(pair for pair in shape.columns if pair[0] in columns[shape.name]), shape.key)
        for shape in shapes_of(migrations.metadata)
        if shape.name in columns
    ]


def fill(engine: Engine) -> None:
    """A town's worth of rows, beside a few that went through the domain's own verbs."""
    with writing(engine).begin() as session:
        shop = builders.a_shop(session, open_until="19:00")
        builders.an_offer(session, shop)
        builders.a_shop(session, status=builders.ShopStatus.SUSPENDED)
        builders.a_key(session, builders.a_merchant(session))
        builders.a_follower(session, shop)
        message = session.scalars(select(Message.id)).one()
        origin = session.scalars(select(Origin.id)).one()
    rows: dict[type, list[dict[str, object]]] = {
        table: [] for table in (Citizen, CitizenToken, CitizenDay, Follow, Device, EndpointOwner, Decision, Delivery)
    }
    for number in range(CITIZENS):
        citizen, device = new_id(), new_id()
        bucket = bucket_of(citizen)
        endpoint = f"https://updates.push.services.mozilla.com/wpush/v2/{number}"
        digest = hashlib.sha256(endpoint.encode()).digest()
        hers = {"citizen_id": citizen}
        rows[Citizen].append({"id": citizen, "created_at": NOW, "bucket": bucket, "locale": "fr"})
        rows[CitizenToken].append({**hers, "digest": secrets.token_bytes(32), "created_at": NOW})
        rows[CitizenDay].append({**hers, "day": NOW.date()})
        rows[Follow].append({**hers, "shop_id": shop.id, "level": Level.NORMAL, "begun_at": NOW})
        rows[Device].append(
            {
                **hers,
                "id": device,
                "bucket": bucket,
                "origin_id": origin,
                "endpoint": endpoint,
                "endpoint_sha256": digest,
                "p256dh": secrets.token_bytes(65),
                "auth": secrets.token_bytes(16),
                "registered_at": NOW,
            }
        )
        rows[EndpointOwner].append({**hers, "endpoint_sha256": digest, "device_id": device})
        decided = {"outcome": Outcome.SEND, "reason": Reason.FOLLOWS, "decided_at": NOW}
        rows[Decision].append({**hers, "message_id": message, **decided})
        sent = {"bucket": bucket, "origin_id": origin, "state": DeliveryState.ACCEPTED, "next_at": NOW}
        rows[Delivery].append({**hers, "message_id": message, "device_id": device, **sent})
    with writing(engine).begin() as session:
        for table, values in rows.items():
            session.execute(insert(table), values)


def sums(engine: Engine, shapes: list[Shape]) -> dict[str, Sum]:
    with engine.connect() as connection:
        return sums_of(connection, shapes)


@pytest.mark.long
def test_down_to_the_first_schema_and_up_again_changes_no_row(engine: Engine, first_shapes: list[Shape]):
    fill(engine)
    with engine.execution_options(writes=True).begin() as connection:  # going back takes the tasks it knows nothing of
        connection.execute(text("DELETE FROM timetable WHERE task NOT IN ('offer-starts', 'offer-ends')"))
    before = sums(engine, first_shapes)
    assert sum(held.rows for held in before.values()) > 100_000
    assert before["audit_log"].rows > 3
    assert before["timetable"].rows > 0

    migrations.downgrade(engine, FIRST)
    assert sums(engine, first_shapes) == before, "going down changed a row"
    migrations.upgrade(engine)
    assert migrations.schema_of(engine) is Schema.CURRENT
    assert sums(engine, first_shapes) == before, "going up changed a row"

    migrations.downgrade(engine, "base")
    migrations.upgrade(engine)
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(Citizen)) == 0
