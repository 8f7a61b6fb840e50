"""Forgetting a little at a time: a batch of rows leaves in a short transaction, so that nobody waits long for it."""

from typing import Any, Final

from sqlalchemy import ColumnElement, Table, delete, select, tuple_, update
from sqlalchemy.orm import Session

from citylife.database import Base

BATCH: Final = 1_000
"""Rows that leave in one transaction, at most: some ten milliseconds during which a writer on SQLite waits."""


def table_of(model: type[Base]) -> Table:
    """The table of a model."""
    table = model.__table__
    if not isinstance(table, Table):  # pragma: no cover - every model of the house has a table of its own
        raise TypeError(model)
    return table


def some_of(model: type[Base], *wanted: ColumnElement[bool], most: int) -> ColumnElement[bool]:
    """A condition that picks at most `most` of the wanted rows; on PostgreSQL none that somebody holds just now."""
    keys = list(table_of(model).primary_key)
    picked = select(*keys).where(*wanted).limit(most).with_for_update(skip_locked=True).cte("picked")
    return tuple_(*keys).in_(select(*picked.c))


def forget_some(session: Session, model: type[Base], *wanted: ColumnElement[bool], most: int = BATCH) -> int:
    """Delete at most `most` of the wanted rows; how many. Fewer than `most` means that no more are to be had now."""
    table = table_of(model)
    forgotten = delete(table).where(some_of(model, *wanted, most=most)).returning(*table.primary_key)
    return len(session.execute(forgotten).all())


def empty_some(
    session: Session, model: type[Base], *wanted: ColumnElement[bool], most: int = BATCH, **values: Any
) -> int:
    """Write `values` over at most `most` of the wanted rows; how many, as above."""
    table = table_of(model)
    emptied = update(table).where(some_of(model, *wanted, most=most)).values(**values).returning(*table.primary_key)
    return len(session.execute(emptied).all())
