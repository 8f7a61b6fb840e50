"""`citylife init`: the instance folder, its keys and its database, ready to serve; a second time changes nothing."""

from pathlib import Path

import click
from sqlalchemy.engine import make_url

from blueprints.commands.desk import Desk
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
    engine = engine_for(url)
    try:
        if url.get_backend_name() != "sqlite" or Path(url.database or "").exists():
            with engine.connect() as connection:
                migrations.see_known(connection)
        open_folder(settings.instance)
        settings.instance.chmod(0o700)
        tell(Sentence("Dossier de l’instance : {path}", path=settings.instance))
        migrations.upgrade(engine)
        desk.agreed_keys(engine)
        for name in (SECRET_FILE, VAPID_FILE, PREVIOUS_FILE):
            if (path := settings.instance / name).exists():
                path.chmod(0o600)
        tell(Sentence("Clés prêtes, lisibles de vous seul."))
    finally:
        engine.dispose()
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).chmod(0o600)
    tell(Sentence("Base de données à jour : {where}", where=url.render_as_string(hide_password=True)))
