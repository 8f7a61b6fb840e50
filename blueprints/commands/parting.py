"""`citylife partitions`: say whether cutting the large tables is worth it, cut them, and make them whole again."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from blueprints.commands.desk import Desk
from blueprints.commands.mistakes import Mistake
from blueprints.commands.saving import progress_bar
from blueprints.commands.speech import SpokenGroup, option, tell
from citylife.partitions import (
    COUNTS,
    ROWS_WORTH,
    NotAsWished,
    Weighed,
    cut,
    make_whole,
    rows_to_move,
    weigh,
)
from citylife.wording import Sentence

MEGABYTE = 1 << 20
IN_THE_WAY = frozenset({"55P03", "40P01"})
"""PostgreSQL's codes of a lock that is not to be had and of a deadlock."""


@click.group(
    "partitions",
    cls=SpokenGroup,
    invoke_without_command=True,
    help=Sentence(
        "Dit si découper les grandes tables de PostgreSQL en vaut la peine ; les découpe, les réunit.\n\n"
        "Seule, cette commande ne change rien. Voyez docs/partitions.md."
    ),
)
@click.pass_context
def partitions(context: click.Context) -> None:
    """Say how large the tables are, and whether cutting them is worth it."""
    if context.invoked_subcommand is not None:
        return
    desk: Desk = context.obj
    with _postgresql(desk) as engine, engine.connect() as connection:
        found = weigh(connection)
    for size in found.sizes:
        tell(
            Sentence(
                "{name} : environ {rows} lignes, {megabytes} Mo avec les index, partitions : {partitions}",
                name=size.name,
                rows=size.rows,
                megabytes=size.bytes // MEGABYTE,
                partitions=size.partitions,
            )
        )
    _judge(found)


@partitions.command(
    "make",
    help=Sentence(
        "Découpe les tables selon un hachage du citoyen, entièrement ou pas du tout.\n\n"
        "Arrêtez d’abord « citylife serve » et « citylife work » : jusqu’à la fin, tout ce qui lit ou écrit attend."
    ),
)
@option(
    "--count",
    type=click.Choice([str(count) for count in COUNTS]),
    default=str(COUNTS[-1]),
    help=Sentence("En combien de partitions chaque table est découpée."),
)
@click.pass_obj
def make(desk: Desk, count: str) -> None:
    """Cut the tables."""
    with _postgresql(desk) as engine, _explained(), progress_bar(Sentence("Découpage")) as begun:
        with engine.connect() as connection:
            moved = begun(rows_to_move(connection))
        try:
            cut(engine, int(count), moved=moved)
        except NotAsWished:
            raise Mistake(
                "Les tables sont déjà découpées. Réunissez-les d’abord : « citylife partitions undo »."
            ) from None
    tell(Sentence("Chaque table est découpée en {count} partitions.", count=int(count)))


@partitions.command(
    "undo",
    help=Sentence(
        "Réunit les tables, entièrement ou pas du tout.\n\n"
        "Arrêtez d’abord « citylife serve » et « citylife work » : jusqu’à la fin, tout ce qui lit ou écrit attend."
    ),
)
@click.pass_obj
def undo(desk: Desk) -> None:
    """Make the tables whole again."""
    with _postgresql(desk) as engine, _explained(), progress_bar(Sentence("Réunion")) as begun:
        with engine.connect() as connection:
            moved = begun(rows_to_move(connection))
        try:
            make_whole(engine, moved=moved)
        except NotAsWished:
            raise Mistake("Les tables ne sont pas découpées.") from None
    tell(Sentence("Les tables sont réunies."))


def _judge(found: Weighed) -> None:
    """Say what to do, and why."""
    memory = found.memory // MEGABYTE
    if found.too_large:
        tell(
            Sentence(
                "Ces tables ne tiennent plus dans la mémoire que le serveur pense avoir ({memory} Mo, "
                "effective_cache_size) : par partition, une recherche et un nettoyage en touchent moins.",
                memory=memory,
            )
        )
    if found.too_many:
        tell(
            Sentence(
                "Une table dépasse {rows} lignes : un nettoyage (VACUUM) la parcourt en une fois, ses partitions "
                "se nettoient une à une, et plusieurs à la fois.",
                rows=ROWS_WORTH,
            )
        )
    if found.cut:
        tell(Sentence("Les tables sont découpées."))
    elif found.too_large or found.too_many:
        tell(Sentence("Les découper en vaut la peine : « citylife partitions make »."))
    else:
        tell(
            Sentence(
                "Les découper n’en vaut pas la peine : elles tiennent dans la mémoire que le serveur pense avoir "
                "({memory} Mo, effective_cache_size), et aucune ne dépasse {rows} lignes. "
                "Chaque demande y perdrait un peu.",
                memory=memory,
                rows=ROWS_WORTH,
            )
        )


@contextmanager
def _postgresql(desk: Desk) -> Iterator[Engine]:
    with desk.engine(whole=True) as engine:
        if engine.dialect.name != "postgresql":
            raise Mistake(
                "Seul PostgreSQL découpe des tables ; cette base est SQLite, qui suffit à une ville sur une machine."
            )
        yield engine


@contextmanager
def _explained() -> Iterator[None]:
    """Say it where others held the tables: nothing was changed."""
    try:
        yield
    except OperationalError as error:
        if getattr(error.orig, "sqlstate", None) not in IN_THE_WAY:
            raise
        raise Mistake(
            "D’autres tiennent les tables : rien n’a été changé. Arrêtez « citylife serve » et « citylife work », "
            "puis recommencez."
        ) from error
