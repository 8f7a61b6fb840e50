"""`citylife backup`, `restore` and `erasures`: everything in one file, back again, and nobody brought back by it."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click
from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from blueprints.commands.desk import Desk
from blueprints.commands.mistakes import Mistake
from blueprints.commands.speech import SpokenCommand, SpokenGroup, here, option, tell
from citylife.accounts.erasure import Replayed, replay
from citylife.backup.archive import Manifest, Progress, Reader, reading_from
from citylife.backup.restoring import Graves, Restored, check, restore
from citylife.backup.saving import Begun, save
from citylife.database import engine_for
from citylife.keys import SECRET_FILE, VAPID_FILE, keep_secret, keys_of, open_folder, vapid_text
from citylife.settings import Settings
from citylife.tombstones import Tombstones
from citylife.wording import Sentence

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, exists=True, path_type=Path)
OTHER_HOSTS = Sentence(
    "Un dossier de pierres tombales d’une autre machine ; répétez l’option pour plusieurs. "
    "Celui de CITYLIFE_TOMBSTONES est toujours lu."
)


@click.command(
    "backup",
    cls=SpokenCommand,
    help=Sentence(
        "Sauvegarde toute la base en un fichier lisible de vous seul, pendant que le service tourne.\n\n"
        "Le fichier se restaure dans SQLite comme dans PostgreSQL. Les clés n’y sont pas, sauf avec --with-keys."
    ),
)
@click.argument("file", type=FILE)
@option("--with-keys", is_flag=True, help=Sentence("Y met aussi les deux clés : qui a ce fichier peut alors tout."))
@click.pass_obj
def backup(desk: Desk, file: Path, *, with_keys: bool) -> None:
    """Write a backup."""
    with desk.engine(whole=True) as engine, progress_bar(Sentence("Sauvegarde")) as begun:
        manifest = save(engine, file, keys=_keys(desk.settings) if with_keys else None, now=desk.clock(), begun=begun)
    size = max(file.stat().st_size // 1024, 1)
    tell(Sentence("{rows} lignes sauvegardées dans {path} ({size} Ko).", rows=manifest.rows, path=file, size=size))


@click.command(
    "restore",
    cls=SpokenCommand,
    help=Sentence(
        "Remplit une base vide à partir d’une sauvegarde, entièrement ou pas du tout.\n\n"
        "Arrêtez d’abord « citylife serve » et « citylife work ». Qui a été effacé depuis la sauvegarde l’est à "
        "nouveau, grâce aux pierres tombales (CITYLIFE_TOMBSTONES)."
    ),
)
@click.argument("file", type=FILE)
@option("--force", is_flag=True, help=Sentence("Remplace ce que contient la base, après confirmation."))
@option("--yes", is_flag=True, help=Sentence("Avec --force, ne demande pas de confirmation."))
@option("--tombstones", "also", multiple=True, type=FOLDER, help=OTHER_HOSTS)
@option(
    "--ignore-unreadable-tombstones",
    "foreign_allowed",
    is_flag=True,
    help=Sentence(
        "Restaure malgré des pierres tombales écrites avec une autre clé secrète : qui elles désignent reviendra."
    ),
)
@click.pass_obj
def restore_backup(
    desk: Desk, file: Path, *, force: bool, yes: bool, also: tuple[Path, ...], foreign_allowed: bool
) -> None:
    """Restore a backup."""
    settings = desk.settings
    with reading_from(file) as archive:
        with progress_bar(Sentence("Vérification")) as begun:
            check(archive, begun=begun)
        if force and not yes:
            _confirm(archive.manifest, settings)
        if settings.needs_instance:
            open_folder(settings.instance)
        _take_keys(archive, settings)
        graves = Graves(
            tombstones=Tombstones(settings.tombstones_folder, keys_of(settings).secret_key),
            also=also,
            foreign_allowed=foreign_allowed,
        )
        with _fresh_engine(settings) as engine, progress_bar(Sentence("Restauration")) as begun:
            done = restore(engine, archive, graves, replacing=force, now=desk.clock(), begun=begun)
    _tell_restored(archive.manifest, done)


@click.group("erasures", cls=SpokenGroup, help=Sentence("Les effacements, et les pierres tombales qui les gardent."))
def erasures() -> None:
    """Hold the commands about erasures."""


@erasures.command(
    "replay",
    help=Sentence(
        "Efface à nouveau qui a une pierre tombale et se trouve dans la base.\n\n"
        "À lancer après une restauration faite autrement que par « citylife restore »."
    ),
)
@option("--tombstones", "also", multiple=True, type=FOLDER, help=OTHER_HOSTS)
@click.pass_obj
def replay_erasures(desk: Desk, also: tuple[Path, ...]) -> None:
    """Erase again whoever came back."""
    tombstones = Tombstones(desk.settings.tombstones_folder, keys_of(desk.settings).secret_key)
    with desk.writing() as session:
        done = replay(session, tombstones, also=also)
    _tell_replayed(done)
    if done.foreign:
        raise Mistake(
            "{count} pierres tombales ont été écrites avec une autre clé secrète : elles n’ont pas pu être lues.",
            count=done.foreign,
        )


@contextmanager
def progress_bar(label: Sentence) -> Iterator[Begun]:
    """Show on stderr how far a long work has come."""
    with ExitStack() as shown:

        def begun(rows: int) -> Progress:
            return shown.enter_context(
                click.progressbar(length=max(rows, 1), label=here(label), file=sys.stderr)
            ).update

        yield begun


def _keys(settings: Settings) -> dict[str, bytes]:
    keys = keys_of(settings)
    return {SECRET_FILE: keys.secret_key.encode(), VAPID_FILE: vapid_text(keys.vapid).encode()}


def _take_keys(archive: Reader, settings: Settings) -> None:
    """Put the keys of the backup where the instance has none; those it has stay."""
    for name, variable in ((SECRET_FILE, settings.secret_key), (VAPID_FILE, settings.vapid_private_key)):
        path = settings.instance / name
        if name in archive.manifest.keys:
            saved = archive.key(name).decode("ascii")
            if not variable:
                keep_secret(path, saved)
            if saved != (variable or path.read_text(encoding="ascii").strip()):
                tell(
                    Sentence(
                        "La clé « {name} » de l’instance n’est pas celle de la sauvegarde : elle reste.", name=name
                    )
                )
        elif not variable and not path.exists():
            tell(
                Sentence(
                    "La clé « {name} » n’est ni dans l’instance ni dans la sauvegarde : une nouvelle est faite. "
                    "Remettez l’ancienne si vous l’avez.",
                    name=name,
                )
            )


def _confirm(manifest: Manifest, settings: Settings) -> None:
    where = make_url(settings.database).render_as_string(hide_password=True)
    question = Sentence(
        "Tout ce que contient {where} sera remplacé par la sauvegarde du {moment}. Continuer ?",
        where=where,
        moment=manifest.made_at,
    )
    click.confirm(here(question), abort=True, err=True)


@contextmanager
def _fresh_engine(settings: Settings) -> Iterator[Engine]:
    """The database of the settings, which may not be there yet; one that a failure leaves empty is taken away again."""
    url = make_url(settings.database)
    file = Path(url.database or "") if url.get_backend_name() == "sqlite" else None
    new = file is not None and not file.exists()
    engine = engine_for(url)
    try:
        yield engine
    except BaseException:
        engine.dispose()
        if new and file is not None:
            for left in file.parent.glob(f"{file.name}*"):
                left.unlink()
        raise
    engine.dispose()
    if file is not None:
        file.chmod(0o600)


def _tell_restored(manifest: Manifest, done: Restored) -> None:
    tell(
        Sentence(
            "{rows} lignes restaurées, telles qu’elles étaient le {moment} (UTC).",
            rows=done.rows,
            moment=manifest.made_at,
        )
    )
    _tell_replayed(done.replayed)


def _tell_replayed(done: Replayed) -> None:
    tell(
        Sentence(
            "Pierres tombales lues : {read} ; personnes effacées à nouveau : {erased}.",
            read=done.read,
            erased=done.erased,
        )
    )
