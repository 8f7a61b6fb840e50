"""Code that runs while the schema goes forward goes on working: a migration adds, and takes nothing away from it."""

from dataclasses import dataclass
from typing import Final

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from citylife import migrations

ALLOWED: Final = {"0003": "before any release: the audit log became a chain, with the writer that fills it"}
"""Migrations that take something away from the code before them, each with the reason why that may be."""

COLUMNS: Final = {
    "sqlite": """
        SELECT m.name, p.name, p.type, p."notnull", p.dflt_value IS NOT NULL OR p.hidden > 0
        FROM sqlite_master m JOIN pragma_table_xinfo(m.name) p WHERE m.type = 'table'
    """,
    "postgresql": """
        SELECT table_name, column_name, data_type || coalesce(character_maximum_length::text, ''), is_nullable = 'NO',
               column_default IS NOT NULL OR is_identity = 'YES' OR is_generated = 'ALWAYS'
        FROM information_schema.columns WHERE table_schema = current_schema()
    """,
}
UNIQUE: Final = {
    "sqlite": """
        SELECT m.name, i.name FROM sqlite_master m JOIN pragma_index_list(m.name) i
        WHERE m.type = 'table' AND i."unique"
    """,
    "postgresql": """
        SELECT tablename, indexname FROM pg_indexes
        WHERE schemaname = current_schema() AND indexdef LIKE 'CREATE UNIQUE%'
    """,
}


@dataclass(frozen=True, slots=True)
class Column:
    """What code that writes a row has to know of a column."""

    type: str
    required: bool
    filled: bool
    """Whether the database fills it where the row says nothing of it."""


@dataclass(frozen=True, slots=True)
class Tables:
    """What code may rely on: columns by table and name, and unique indexes, which upserts name."""

    columns: dict[tuple[str, str], Column]
    unique: frozenset[tuple[str, str]]

    @property
    def names(self) -> set[str]:
        """The tables."""
        return {table for table, _ in self.columns}


def tables_of(engine: Engine) -> Tables:
    dialect = engine.dialect.name
    with engine.connect() as connection:
        columns = connection.execute(text(COLUMNS[dialect])).all()
        unique = connection.execute(text(UNIQUE[dialect])).all()
    return Tables(
        {(table, name): Column(kind, bool(required), bool(filled)) for table, name, kind, required, filled in columns},
        frozenset((table, name) for table, name in unique),
    )


def taken_away(before: Tables, after: Tables) -> list[str]:
    """What code written for `before` misses in `after`, or is refused by it."""
    found = [f"{'.'.join(name)} is gone" for name in before.columns.keys() - after.columns.keys()]
    found += [f"{'.'.join(name)} is unique no more" for name in before.unique - after.unique]
    for name, column in after.columns.items():
        former = before.columns.get(name)
        if former is None:
            if name[0] in before.names and column.required and not column.filled:
                found.append(f"{'.'.join(name)} wants a value")
        elif former.type != column.type:
            found.append(f"{'.'.join(name)} was {former.type} and is {column.type}")
        elif (column.required and not column.filled) and not (former.required and not former.filled):
            found.append(f"{'.'.join(name)} wants a value")
    return sorted(found)


def history() -> list[str]:
    revisions = ScriptDirectory.from_config(migrations.configuration()).walk_revisions()
    return [each.revision for each in reversed(list(revisions))]


def test_no_migration_takes_anything_from_the_code_that_runs_meanwhile(empty_engine: Engine):
    found = {}
    before = tables_of(empty_engine)
    for revision in history():
        migrations.upgrade(empty_engine, revision)
        after = tables_of(empty_engine)
        if missed := taken_away(before, after):
            found[revision] = missed
        before = after
    assert {revision: missed for revision, missed in found.items() if revision not in ALLOWED} == {}
    assert found.keys() == ALLOWED.keys(), "an exception that is none any more"


@pytest.mark.parametrize(
    ("change", "missed"),
    [
        ("DROP TABLE shop_closings", "shop_closings.reason is gone"),
        ("ALTER TABLE follows DROP COLUMN nearby_until", "follows.nearby_until is gone"),
        ("ALTER TABLE follows RENAME COLUMN nearby_until TO until", "follows.nearby_until is gone"),
        ("ALTER TABLE places RENAME TO spots", "places.citizen_id is gone"),
        ("DROP INDEX uq_memberships_current", "memberships.uq_memberships_current is unique no more"),
    ],
)
def test_what_is_taken_away_is_noticed(empty_engine: Engine, change: str, missed: str):
    migrations.upgrade(empty_engine)
    before = tables_of(empty_engine)
    with empty_engine.execution_options(writes=True).begin() as connection:
        connection.execute(text(change))
    assert missed in taken_away(before, tables_of(empty_engine))


def test_a_column_that_older_code_would_have_to_fill_is_noticed_and_one_with_a_default_may_come():
    table = {("shops", "id"): Column("uuid", required=True, filled=False)}
    for column, missed in (
        (Column("text", required=True, filled=False), ["shops.word wants a value"]),
        (Column("text", required=True, filled=True), []),
        (Column("text", required=False, filled=False), []),
    ):
        with_it = Tables({**table, ("shops", "word"): column}, frozenset())
        assert taken_away(Tables(table, frozenset()), with_it) == missed
    optional = Tables({("shops", "word"): Column("text", required=False, filled=False)}, frozenset())
    required = Tables({("shops", "word"): Column("text", required=True, filled=False)}, frozenset())
    assert taken_away(optional, required) == ["shops.word wants a value"]
    assert taken_away(required, optional) == []
