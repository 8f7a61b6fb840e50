"""A third kind of database: PostgreSQL whose large tables are cut; the domain's own tests run on it unchanged."""

from collections.abc import Iterator

import pytest

from citylife import migrations, partitions
from citylife.database import engine_for
from tests.citylife.ledger.conftest import waiting  # noqa: F401 - a fixture of the ledger's tests
from tests.conftest import a_postgres_database


@pytest.fixture(scope="session")
def postgres_database() -> Iterator[str]:
    """A migrated PostgreSQL database whose tables are cut into eight; its SQLAlchemy URL."""
    with a_postgres_database() as url:
        engine = engine_for(url)
        migrations.upgrade(engine)
        partitions.cut(engine, 8)
        engine.dispose()
        yield url


@pytest.fixture(params=["partitioned"])
def database_url(postgres_url: str) -> str:
    """The only kind of database here."""
    return postgres_url
