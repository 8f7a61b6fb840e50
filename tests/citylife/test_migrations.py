"""The schema's history goes forward and back on both databases, and ends where the models are."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, delete, func, inspect, select, text, update
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from blueprints.pieces import keep_pieces
from citylife import migrations, timetable
from citylife.activity import WHOLE
from citylife.database import engine_for, writing
from citylife.geography import Commune, CommuneCell, communes
from citylife.migrations import Schema
from citylife.offers import Offer, OfferStatus
from citylife.photos import Photo
from citylife.search.tables import SearchEntry
from citylife.shops import Shop, ShopStatus
from citylife.timetable import Task
from tests import builders
from tests.conftest import a_postgres_database


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of this test alone, since its schema changes."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'citylife.db'}"
    else:
        with a_postgres_database() as url:
            yield url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on it, migrated."""
    engine = engine_for(database_url)
    migrations.upgrade(engine)
    yield engine
    engine.dispose()


def differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        options = {
            "compare_type": True,
            "compare_server_default": False,
            "include_name": lambda name, kind, _: kind != "table" or name not in migrations.OF_SQLITE,
        }
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, migrations.metadata))


def stand_at(engine: Engine, revision: str) -> None:
    """Let a database say that it stands at a revision, whatever is in it."""
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision})


def test_the_migrated_schema_is_the_one_of_the_models(engine: Engine):
    assert differences(engine) == []
    own = migrations.OF_SQLITE if engine.dialect.name == "sqlite" else set()
    assert set(inspect(engine).get_table_names()) == {*migrations.metadata.tables, "alembic_version", *own}


def test_a_difference_between_schema_and_models_is_noticed(engine: Engine):
    with engine.begin() as connection:
        connection.execute(text("DROP INDEX ix_follows_shop"))

    assert [kind for kind, *_ in differences(engine)] == ["add_index"]


def test_the_code_is_written_for_the_last_revision():
    assert ScriptDirectory.from_config(migrations.configuration()).get_current_head() == migrations.HEAD


def test_the_revisions_known_by_the_names_of_their_files_are_those_of_the_history():
    history = {each.revision for each in ScriptDirectory.from_config(migrations.configuration()).walk_revisions()}
    files = {path.stem.partition("_")[0] for path in Path(migrations.__file__).parent.glob("versions/*.py")}
    assert history == files
    assert all(migrations.knows(revision) for revision in history)
    assert not migrations.knows("9999")


def test_a_schema_of_a_later_version_is_told_from_one_of_an_earlier_and_is_not_touched(engine: Engine):
    stand_at(engine, "0046")
    assert migrations.schema_of(engine) is Schema.OLDER
    stand_at(engine, "9999")
    assert migrations.schema_of(engine) is Schema.NEWER

    for change in (migrations.upgrade, lambda engine: migrations.downgrade(engine, "base")):
        with pytest.raises(migrations.RevisionUnknown, match="9999"):
            change(engine)
    with engine.connect() as connection:
        assert migrations.revision_of(connection) == "9999"
    assert differences(engine) == []


def test_the_schema_goes_back_to_nothing_and_forward_again(engine: Engine):
    migrations.downgrade(engine, "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    assert migrations.schema_of(engine) is Schema.OLDER

    migrations.upgrade(engine)
    assert migrations.schema_of(engine) is Schema.CURRENT
    assert differences(engine) == []


def test_going_back_leaves_nothing_due_that_the_version_before_does_not_know(engine: Engine):
    with writing(engine).begin() as session:
        for task in Task:
            timetable.plan(session, task, WHOLE, builders.NOW)
    migrations.downgrade(engine, "0030")
    with engine.connect() as connection:
        left = set(connection.execute(text("SELECT task FROM timetable")).scalars())
    newer = {Task.PILOT_DAYS, Task.PILOT_REPORTS, Task.OFFER_RECURS, Task.SHOP_SILENT}
    assert left == {task.value for task in Task if task not in newer}


def test_a_second_upgrade_changes_nothing(engine: Engine):
    migrations.upgrade(engine)

    with Session(engine) as session:
        assert session.scalar(select(func.count()).select_from(Commune)) == len(communes()) == 100
        cells = sum(len(facts.cells) for facts in communes().values())
        assert session.scalar(select(func.count()).select_from(CommuneCell)) == cells


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_log SET action = 'x'",
        "DELETE FROM audit_log",
        "UPDATE offer_versions SET number = 9",
        "DELETE FROM offer_versions",
        "UPDATE consents SET granted = false",
    ],
)
def test_what_is_append_only_is_refused_by_the_database_itself(session: Session, change: str):
    builders.a_citizen(session)
    builders.an_offer(session, builders.a_shop(session))
    session.commit()

    with pytest.raises((DBAPIError, SQLAlchemyError), match="append-only"):
        session.execute(text(change))
    session.rollback()


def row_of(connection: Connection, offer: Offer) -> dict[str, Any]:
    return dict(connection.execute(select(Offer.__table__).where(Offer.id == offer.id)).mappings().one())


def test_what_is_stored_of_an_offer_of_before_the_photos_says_that_it_has_none(engine: Engine):
    sessions = writing(engine)
    keep_pieces(sessions)
    with sessions.begin() as session:
        shop = builders.a_shop(session, 'Chez "Léon", "shop":{')
        offers = [
            builders.an_offer(session, shop, status=status, title=title)
            for status in (OfferStatus.LIVE, OfferStatus.ENDED, OfferStatus.DRAFT)
            for title in ("100 % beurre", 'x,"photo":null,"shop":{', "x,")
        ]
    whole = [offer.piece for offer in offers]
    assert [piece is None for piece in whole] == [False] * 6 + [True] * 3
    migrations.downgrade(engine, "0023")
    with engine.execution_options(writes=True).begin() as connection:
        for offer in offers:
            if offer.piece is not None:
                said = {key: value for key, value in orjson.loads(offer.piece).items() if key != "photo"}
                former = update(Offer.__table__).where(Offer.id == offer.id).values(piece=orjson.dumps(said).decode())
                connection.execute(former)

    migrations.upgrade(engine)

    with engine.connect() as connection:
        assert [row_of(connection, offer)["piece"] for offer in offers] == whole


def test_offers_that_were_over_before_they_were_live_let_their_photos_go_and_no_other_does(engine: Engine):
    sessions = writing(engine)
    keep_pieces(sessions)
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        photo = builders.a_photo(session, shop)
        gone = [
            builders.an_offer(session, shop, status=status, photo_id=photo.id)
            for status in (OfferStatus.DRAFT, OfferStatus.SCHEDULED, OfferStatus.SCHEDULED)
        ]
        kept = [builders.an_offer(session, shop, status=status, photo_id=photo.id) for status in OfferStatus]
        for offer, status in zip(gone, (OfferStatus.WITHDRAWN, OfferStatus.WITHDRAWN, OfferStatus.ENDED), strict=True):
            offer.status, offer.closed_at = status, builders.NOW
    with engine.connect() as connection:
        before = {offer.id: row_of(connection, offer) for offer in (*gone, *kept)}
        photos = connection.execute(select(Photo.__table__)).all()
    assert {row["photo_id"] for row in before.values()} == {photo.id}
    migrations.downgrade(engine, "0025")

    migrations.upgrade(engine)

    with engine.connect() as connection:
        for offer in gone:
            said = orjson.loads(str(before[offer.id]["piece"]))
            assert said["photo"]["id"] == str(photo.id)
            piece = orjson.dumps({**said, "photo": None}).decode()
            assert row_of(connection, offer) == {**before[offer.id], "photo_id": None, "piece": piece}
        for offer in kept:
            assert row_of(connection, offer) == before[offer.id]
        assert connection.execute(select(Photo.__table__)).all() == photos


def test_shops_of_which_only_a_claim_speaks_are_found_out_and_their_words_go(engine: Engine):
    sessions = writing(engine)
    with sessions.begin() as session:
        unproved = builders.a_shop(session, "Presque", status=ShopStatus.CLAIMED, unproved=True)
        claimed, verified = (
            builders.a_shop(session, status=each) for each in (ShopStatus.CLAIMED, ShopStatus.VERIFIED)
        )
        unproved.unproved = False  # as it was entered before there was such a thing
    migrations.downgrade(engine, "0034")

    migrations.upgrade(engine)

    with sessions() as session:
        found = dict(session.execute(select(Shop.id, Shop.unproved)).all())
        words = set(session.scalars(select(SearchEntry.thing_id)))
    # The listed shop was claimed later than it was listed.
    assert found == {unproved.id: True, claimed.id: False, verified.id: False}
    assert words == {claimed.id, verified.id}


def test_a_database_of_before_the_search_has_its_words_written(engine: Engine):
    sessions = writing(engine)
    with sessions.begin() as session:
        shop = builders.a_shop(session, "Le Fournil")
        session.execute(delete(SearchEntry))
    migrations.downgrade(engine, "0034")

    migrations.upgrade(engine)

    with sessions() as session:
        assert "fournil" in set(session.scalars(select(SearchEntry.word).where(SearchEntry.thing_id == shop.id)))
