"""What every command has at hand: the settings, the clock, and a database that is known to be ready."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Protocol

from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session, sessionmaker

from blueprints.commands.mistakes import Mistake
from blueprints.commands.speech import tell
from blueprints.pieces import keep_pieces
from citylife import keyring, migrations
from citylife.clock import Clock, utc_now
from citylife.database import engine_for, writing
from citylife.keys import Keys, keys_of
from citylife.migrations import Schema
from citylife.settings import Settings
from citylife.wording import Sentence

WebApplication = Callable[..., Any]
"""What PEP 3333 calls an application."""


class Serving(Protocol):
    """Makes the application of one web process."""

    def __call__(self, settings: Settings, *, worker: bool) -> WebApplication:
        """With `worker`, a thread of the process sends the notifications."""
        ...


NEWER: Final = Sentence(
    "Attention : la base de données vient d’une version plus récente de Citylife que ce programme. Il fonctionne ; "
    "mettez-le à jour."
)


def see_schema(engine: Engine, *, whole: bool = False) -> Schema:
    """Return how the schema stands to this code, where it can be worked on.

    Raises:
        Mistake: it was not migrated to this version; or, where the `whole` of it has to be known, is a later one's.
    """
    schema = migrations.schema_of(engine)
    if schema is Schema.OLDER:
        raise Mistake("La base de données n’a pas le schéma de cette version. Lancez « citylife init ».")
    if whole and schema is Schema.NEWER:
        raise Mistake(
            "La base de données vient d’une version plus récente de Citylife : ce programme n’en connaît pas tout. "
            "Lancez cette commande avec la version la plus récente."
        )
    return schema


class Working(Protocol):
    """Sends the notifications until the process is asked to stop."""

    def __call__(self, settings: Settings, *, heeds: Callable[[], None]) -> None:
        """`heeds` is called once a stop that is asked for ends it in good order."""
        ...


@dataclass
class Desk:
    """The parts that the composition root hands to the console, and what commands share.

    `serve` makes the application of one web process, with a worker thread or without; `work` dispatches until the
    process is asked to stop.
    """

    serve: Serving
    work: Working
    clock: Clock = utc_now
    read_settings: Callable[[], Settings] = field(default=Settings.read)

    @cached_property
    def settings(self) -> Settings:
        """The settings, read when first asked for, so that `--help` needs none."""
        return self.read_settings()

    @contextmanager
    def engine(self, *, whole: bool = False) -> Iterator[Engine]:
        """The database, once it is known to answer and to have our schema.

        One that a later version has migrated serves too, with a warning: hosts are upgraded one after the other. Not
        where the work needs the `whole` schema to be known to it, to copy or to rebuild it.

        Raises:
            Mistake: there is no database yet, or its schema is another version's.
        """
        url = make_url(self.settings.database)
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
            raise Mistake(
                "Il n’y a pas encore de base de données ({path}). Lancez d’abord « citylife init ».", path=url.database
            )
        engine = engine_for(url)
        try:
            if see_schema(engine, whole=whole) is Schema.NEWER:
                tell(NEWER, err=True)
            yield engine
        finally:
            engine.dispose()

    def agreed_keys(self, engine: Engine) -> Keys:
        """The keys of this host, which are those the database is used with; the first host makes and notes them.

        Raises:
            KeysDiffer: they are others. KeyAbsent: there are none here, and making some would not help.
        """
        with writing(engine).begin() as session:
            keys = keys_of(self.settings, make=not keyring.any_noted(session))
            keyring.agree(session, keys, now=self.clock())
        return keys

    @contextmanager
    def sessions(self) -> Iterator[sessionmaker[Session]]:
        """Transactions that may write, for work that takes several; the public pieces follow what they change."""
        with self.engine() as engine:
            sessions: sessionmaker[Session] = writing(engine)
            keep_pieces(sessions)
            yield sessions

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """One transaction, committed at the end; the public pieces follow what it changes."""
        with self.sessions() as sessions, sessions.begin() as session:
            yield session
