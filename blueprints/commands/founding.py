"""`citylife init`: the instance folder, its keys and its database, ready to serve; a second time changes nothing."""

from pathlib import Path

import click
from sqlalchemy.engine import URL, make_url

from blueprints.commands.desk import Desk
from blueprints.commands.mistakes import Mistake
from blueprints.commands.speech import SpokenCommand, tell
from citylife import migrations
from citylife.database import engine_for
from citylife.keys import PREVIOUS_FILE, SECRET_FILE, VAPID_FILE, open_folder
from citylife.wording import Sentence


@click.command(
    "init",
    cls=SpokenCommand,
    help=Sentence(
        "Prépare l’instance : dossier, clés et base de données.\n\n"
        "La relancer ne change que ce qui manque, et met la base à la version installée."
    ),
)
@click.pass_obj
def init(desk: Desk) -> None:
    """Make what is absent, keep what is there."""
    settings = desk.settings
    url = make_url(settings.database)
    if url.get_backend_name() != "sqlite" or Path(url.database or "").exists():
        _see_that_we_know_it(url)
    if settings.needs_instance:
        _make_folder(settings.instance)
    engine = engine_for(url)
    try:
        migrations.upgrade(engine)
        desk.agreed_keys(engine)
        if settings.needs_instance:
            _close_keys(settings.instance)
        tell(Sentence("Clés prêtes, lisibles de vous seul."))
    finally:
        engine.dispose()
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).chmod(0o600)
    tell(Sentence("Base de données à jour : {where}", where=url.render_as_string(hide_password=True)))


def _see_that_we_know_it(url: URL) -> None:
    engine = engine_for(url)
    try:
        with engine.connect() as connection:
            migrations.see_known(connection)
    finally:
        engine.dispose()


def _make_folder(folder: Path) -> None:
    try:
        open_folder(folder)
        folder.chmod(0o700)
    except OSError as error:
        raise Mistake(
            "« {path} » ne peut pas servir de dossier d’instance : {why}. Une machine s’en passe si "
            "CITYLIFE_DATABASE_URL (PostgreSQL), CITYLIFE_SECRET_KEY, CITYLIFE_VAPID_PRIVATE_KEY et "
            "CITYLIFE_TOMBSTONES sont tous réglés.",
            path=folder,
            why=error.strerror or str(error),
        ) from None
    tell(Sentence("Dossier de l’instance : {path}", path=folder))


def _close_keys(folder: Path) -> None:
    for name in (SECRET_FILE, VAPID_FILE, PREVIOUS_FILE):
        if (path := folder / name).exists():
            path.chmod(0o600)
