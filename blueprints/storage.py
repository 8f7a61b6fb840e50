"""The request's database session: one an application context, over the house's own metadata and engine.

A safe request (GET, HEAD, OPTIONS) reads in a deferred transaction and never waits for a writer. Any other begins
IMMEDIATE on SQLite, so that writers queue instead of failing in the middle; after `only_read` it reads as a safe one.
What is not committed is rolled back.
"""

from typing import Any, Final

import structlog
from flask import Flask, g, has_request_context, request
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as ExtensionSession
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from blueprints.house import house
from citylife.database import Base, engine_for

log = structlog.get_logger("citylife.web")
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
READS: Final = "only_reads"


class RequestSession(ExtensionSession):
    """A session whose engine follows from the request's method."""

    def get_bind(self, *_args: Any, bind: Engine | Connection | None = None, **_kwargs: Any) -> Engine | Connection:
        """The engine that may write, unless the request is safe."""
        if bind is not None:
            return bind
        reads = has_request_context() and (request.method in SAFE or READS in g)
        return house().engine if reads else house().writing_engine


class Storage(SQLAlchemy):
    """Flask-SQLAlchemy with the house's engine instead of one of its own making."""

    def _apply_driver_defaults(self, options: dict[str, Any], app: Flask) -> None:
        """Leave the URL alone: `citylife.database` knows where things are."""

    def _teardown_session(self, exc: BaseException | None) -> None:
        """End the session; a database that went away since the answer was made does not take the answer with it."""
        try:
            super()._teardown_session(exc)
        except SQLAlchemyError as error:
            log.warning("session-not-closed", error=type(error).__name__)
            self.session.registry.clear()

    def _make_engine(self, bind_key: str | None, options: dict[str, Any], app: Flask) -> Engine:  # noqa: ARG002
        return engine_for(options["url"])


db: Final = Storage(
    model_class=Base,
    session_options={"class_": RequestSession, "expire_on_commit": False},
    add_models_to_shell=False,
)


def only_read() -> None:
    """Commit what the request did so far, and read from here on as a safe request does: no writer waits for it."""
    db.session().commit()
    setattr(g, READS, True)
