"""From the console an operator learns whether cutting the large tables is worth it, cuts them, and makes them whole."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from citylife import migrations, partitions
from citylife.database import engine_for, writing
from tests import builders
from tests.conftest import a_postgres_database


@pytest.fixture
def url() -> Iterator[str]:
    """A PostgreSQL database with somebody in it."""
    with a_postgres_database() as url:
        engine = engine_for(url)
        migrations.upgrade(engine)
        with writing(engine).begin() as session:
            builders.a_follower(session, builders.a_shop(session))
        with engine.begin() as connection:
            connection.execute(text("ANALYZE"))
        engine.dispose()
        yield url


def test_a_small_town_is_told_that_it_is_not_worth_it_in_the_operators_language(citylife, url):
    said = citylife("partitions", CITYLIFE_DATABASE_URL=url)
    assert (said.code, said.err) == (0, "")
    assert [line.partition("\u00a0: ")[0] for line in said.out.splitlines()[:4]] == list(partitions.TABLES)
    assert "n’en vaut pas la peine" in said.out
    assert "not worth it" in citylife("partitions", CITYLIFE_DATABASE_URL=url, LANG="en_GB").out


def test_a_large_one_is_told_why_it_is(citylife, url, monkeypatch):
    monkeypatch.setattr(partitions, "ROWS_WORTH", 0)
    engine = engine_for(url)
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        name = connection.scalar(text("SELECT current_database()"))
        connection.execute(text(f"ALTER DATABASE {name} SET effective_cache_size = '8kB'"))
    engine.dispose()
    said = citylife("partitions", CITYLIFE_DATABASE_URL=url, LANG="en_GB").out
    assert "no longer fit" in said
    assert "VACUUM" in said
    assert "Cutting them is worth it" in said


def test_the_tables_are_cut_and_made_whole_and_nothing_is_done_twice(citylife, url):
    made = citylife("partitions", "make", "--count", "4", CITYLIFE_DATABASE_URL=url)
    assert (made.code, made.out.strip()) == (0, "Chaque table est découpée en 4 partitions.")
    again = citylife("partitions", "make", CITYLIFE_DATABASE_URL=url)
    assert again.code == 1
    assert "déjà découpées" in again.err
    assert "Les tables sont découpées." in citylife("partitions", CITYLIFE_DATABASE_URL=url).out

    assert citylife("partitions", "undo", CITYLIFE_DATABASE_URL=url).code == 0
    undone = citylife("partitions", "undo", CITYLIFE_DATABASE_URL=url)
    assert undone.code == 1
    assert "ne sont pas découpées" in undone.err
    assert citylife("partitions", "make", "--count", "5", CITYLIFE_DATABASE_URL=url).code == 2


def test_where_others_hold_the_tables_it_gives_up_and_says_so(citylife, url, monkeypatch):
    monkeypatch.setattr(partitions, "PATIENCE", "200ms")
    engine = engine_for(url)
    with engine.begin() as holder:
        holder.execute(text("SELECT 1 FROM follows"))
        said = citylife("partitions", "make", CITYLIFE_DATABASE_URL=url)
    engine.dispose()
    assert said.code == 1
    assert "rien n’a été changé" in said.err


def test_on_sqlite_there_is_nothing_to_cut(citylife, folder):
    assert citylife("init").code == 0
    said = citylife("partitions")
    assert said.code == 1
    assert "SQLite" in said.err
