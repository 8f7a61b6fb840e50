"""Rows that are written once, or counted up, however many write them at the same moment, on both databases."""

from typing import Any

from sqlalchemy import inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from citylife.database import Base


def insert_into(session: Session, table: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that knows ON CONFLICT, in the dialect of the session's database."""
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def insert_unless_there(session: Session, table: type[Base], **values: Any) -> bool:
    """Insert one row; False when a row with one of its unique keys is already there, and nothing is changed.

    A row that another transaction is just writing is waited for.
    """
    session.flush()
    statement = insert_into(session, table).values(**values).on_conflict_do_nothing()
    return session.execute(statement.returning(*inspect(table).primary_key)).first() is not None
