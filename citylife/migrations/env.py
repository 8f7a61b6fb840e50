"""How Alembic reaches the database: through the engine it is handed."""

from alembic import context
from sqlalchemy import Connection, Engine

from citylife.migrations import metadata


def run() -> None:
    """Run the migrations in one transaction: the caller's where it hands its connection, else one of their own."""
    handed: Connection | None = context.config.attributes.get("connection")
    if handed is not None:
        run_on(handed)
        return
    engine: Engine = context.config.attributes["engine"]
    with engine.execution_options(writes=True).connect() as connection:
        run_on(connection)
        connection.commit()


def run_on(connection: Connection) -> None:
    """Run the migrations on a connection, and leave the commit to its owner."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
