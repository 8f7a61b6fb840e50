"""What PostgreSQL is told about planning, on every connection of the house."""

from sqlalchemy import text

from citylife.database import engine_for


def test_statements_are_planned_once_and_never_compiled(postgres_url: str) -> None:
    engine = engine_for(postgres_url)
    with engine.connect() as connection:
        told = [connection.scalar(text(f"SHOW {name}")) for name in ("plan_cache_mode", "jit")]
    engine.dispose()
    assert told == ["force_generic_plan", "off"]
