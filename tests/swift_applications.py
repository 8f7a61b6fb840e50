"""What every test's own application and engine would do anew with always the same outcome: done once a process."""

from types import MethodType
from typing import Any, ClassVar, Final

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy import Engine, create_engine
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

from citylife import database

STATEMENTS: Final = 10_000
_compiled = Rule._compile_builder
_statements: Final[LRUCache[Any, Any]] = LRUCache(STATEMENTS)


class KeptTemplates(BytecodeCache):
    """Compiled templates, kept in memory under the hash of their source."""

    kept: ClassVar[dict[str, bytes]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        code = self.kept.get(bucket.key)
        if code is not None:
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept[bucket.key] = bucket.bytecode_to_string()


def _when_first_built(rule: Rule, append_unknown: bool = True) -> Any:
    """What builds the addresses of a rule, compiled at the first address instead of when the rule is made."""

    def build(bound: Rule, *args: Any, **kwargs: Any) -> Any:
        built = MethodType(_compiled(bound, append_unknown), bound)
        setattr(bound, "_build_unknown" if append_unknown else "_build", built)
        return built(*args, **kwargs)

    return build


def _engine_with_kept_statements(*args: Any, **options: Any) -> Engine:
    """An engine of the house, which are all set alike, with the statements that others of its kind have compiled."""
    engine = create_engine(*args, **options)
    engine._compiled_cache = _statements
    return engine


def make_applications_swiftly() -> None:
    """Let the applications of this process share what is the same in all of them."""
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": KeptTemplates()}
    Rule._compile_builder = _when_first_built  # type: ignore[method-assign]
    for dialect in (PGDialect_psycopg, SQLiteDialect_pysqlite):
        dialect.__eq__ = lambda one, other: type(one) is type(other)  # type: ignore[method-assign]
        dialect.__hash__ = lambda one: hash(type(one))  # type: ignore[method-assign]
    database.create_engine = _engine_with_kept_statements  # type: ignore[attr-defined]
