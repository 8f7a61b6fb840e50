"""`citylife keys`: which keys the database is used with, a new push key, and what to do when one is lost."""

import click
from sqlalchemy.orm import Session

from blueprints.commands.desk import Desk
from blueprints.commands.mistakes import Mistake
from blueprints.commands.speech import SpokenCommand, SpokenGroup, here, option, tell
from citylife import audit, keyring
from citylife.audit import Actor
from citylife.database import reading, writing
from citylife.keys import Keys, keys_of, new_vapid_key, replace_vapid_key
from citylife.wording import Sentence

SHOWN = 12
"""Characters of a public key that are enough to tell it from another."""


@click.group(
    "keys",
    cls=SpokenGroup,
    help=Sentence("Les clés de l’instance : les voir, changer celle des notifications, en abandonner une."),
)
def key_commands() -> None:
    """Hold the commands about keys."""


@key_commands.command(
    "list",
    cls=SpokenCommand,
    help=Sentence(
        "Montre les clés de notification connues de la base, et combien d’appareils sont abonnés avec chacune.\n\n"
        "Une ancienne clé peut être abandonnée (« citylife keys drop ») quand ce nombre ne baisse plus."
    ),
)
@click.pass_obj
def list_keys(desk: Desk) -> None:
    """List the push keys."""
    with desk.engine() as engine:
        held = desk.agreed_keys(engine).push_keys
        with reading(engine)() as session:
            found = keyring.push_keys(session)
    for use in found:
        if use.current:
            state = Sentence("en service depuis le {moment}", moment=use.noted_at)
        elif use.ended_at is not None:
            state = Sentence("abandonnée le {moment}", moment=use.ended_at)
        else:
            state = Sentence("ancienne, encore acceptée")
        here_or_not = Sentence("sur cette machine") if use.public in held else Sentence("pas sur cette machine")
        devices = Sentence("{count} appareils", count=use.devices)
        said = "  ".join(here(sentence) for sentence in (state, devices, here_or_not))
        click.echo(f"{use.number}  {use.public[:SHOWN]}…  {said}")


@key_commands.command(
    "rotate",
    cls=SpokenCommand,
    help=Sentence(
        "Change la clé de notification ; l’ancienne reste acceptée pour les navigateurs qui l’ont.\n\n"
        "Quand la clé est dans un réglage, affiche la nouvelle et dit quoi régler : rien ne change avant."
    ),
)
@click.pass_obj
def rotate(desk: Desk) -> None:
    """Make another push key."""
    settings = desk.settings
    with desk.engine() as engine:
        desk.agreed_keys(engine)
        if settings.vapid_private_key or settings.vapid_previous_keys:
            tell(Sentence("Nouvelle clé, à mettre dans CITYLIFE_VAPID_PRIVATE_KEY sur chaque machine :"))
            click.echo(new_vapid_key())
            tell(
                Sentence(
                    "Ajoutez celle qui y était à CITYLIFE_VAPID_PREVIOUS_KEYS, puis redémarrez les machines l’une "
                    "après l’autre (docs/running.md)."
                )
            )
            return
        replace_vapid_key(settings)
        with writing(engine).begin() as session:
            keyring.agree(session, keys_of(settings), now=desk.clock())
            audit.note(session, "keys.rotated", None, actor=Actor.OPERATOR, now=desk.clock())
    tell(Sentence("La clé de notification est changée. Redémarrez « citylife serve » et « citylife work »."))
    tell(Sentence("Chaque navigateur prend la nouvelle à sa prochaine visite ; d’ici là, l’ancienne sert encore."))


@key_commands.command(
    "drop",
    cls=SpokenCommand,
    help=Sentence(
        "Abandonne une ancienne clé de notification, et oublie les appareils encore abonnés avec elle.\n\n"
        "Ils ne recevront plus rien, jusqu’à ce que leur propriétaire touche à nouveau « Me prévenir »."
    ),
)
@click.argument("number", type=click.IntRange(1, 32_767))
@option("--yes", is_flag=True, help=Sentence("Ne demande pas de confirmation."))
@click.pass_obj
def drop(desk: Desk, number: int, *, yes: bool) -> None:
    """Drop an old push key."""
    with desk.engine() as engine:
        with reading(engine)() as session:
            use = next((use for use in keyring.push_keys(session) if use.number == number), None)
        if use is None:
            raise Mistake("La clé n° {number} n’existe pas. Voyez « citylife keys list ».", number=number)
        if use.current:
            raise Mistake("La clé n° {number} est en service : changez-en d’abord.", number=number)
        if not yes:
            question = Sentence(
                "{count} appareils abonnés avec la clé n° {number} seront oubliés. Continuer ?",
                count=use.devices,
                number=number,
            )
            click.confirm(here(question), abort=True, err=True)
        with writing(engine).begin() as session:
            keyring.end_push_key(session, number, now=desk.clock())
            audit.note(session, "keys.dropped", None, actor=Actor.OPERATOR, now=desk.clock(), number=number)
    forgotten = _forget_devices(desk, number)
    tell(Sentence("La clé n° {number} est abandonnée ; appareils oubliés : {count}.", number=number, count=forgotten))


@key_commands.command(
    "accept",
    cls=SpokenCommand,
    help=Sentence(
        "Prend les clés de cette machine pour celles de la base, quand celles d’avant sont perdues.\n\n"
        "Dit d’abord ce qui est perdu avec elles, et demande confirmation. Arrêtez avant « citylife serve » et "
        "« citylife work » partout."
    ),
)
@option("--yes", is_flag=True, help=Sentence("Ne demande pas de confirmation."))
@click.pass_obj
def accept(desk: Desk, *, yes: bool) -> None:
    """Accept other keys."""
    with desk.engine() as engine:
        keys = keys_of(desk.settings)
        with reading(engine)() as session:
            found = keyring.differences(session, keys)
        _tell_losses(found)
        if (found.secret or found.lost) and not yes:
            click.confirm(here(Sentence("Accepter ces clés ?")), abort=True, err=True)
        with writing(engine).begin() as session:
            _accept(session, keys, desk)
    forgotten = sum(_forget_devices(desk, use.number) for use in found.lost)
    tell(Sentence("Les clés de cette machine sont celles de la base ; appareils oubliés : {count}.", count=forgotten))


def _accept(session: Session, keys: Keys, desk: Desk) -> None:
    done = keyring.accept(session, keys, now=desk.clock())
    audit.note(
        session,
        "keys.accepted",
        None,
        actor=Actor.OPERATOR,
        now=desk.clock(),
        secret_changed=done.secret,
        push_keys_lost=[use.number for use in done.lost],
    )


def _tell_losses(found: keyring.Differences) -> None:
    if found.secret:
        tell(
            Sentence(
                "La clé secrète est une autre. Sont perdus : les pierres tombales écrites avec l’ancienne (une "
                "sauvegarde d’avant ramènerait qui a été effacé), les codes de connexion et de transfert en cours, et "
                "le décompte des limites."
            )
        )
    if found.lost:
        tell(
            Sentence(
                "{count} appareils sont abonnés avec une clé de notification que cette machine n’a pas : ils seront "
                "oubliés, et leur propriétaire devra toucher à nouveau « Me prévenir ».",
                count=found.devices,
            )
        )
    if not found.secret and not found.lost:
        tell(Sentence("Rien n’est perdu : cette machine a toutes les clés que la base connaît."))


def _forget_devices(desk: Desk, number: int) -> int:
    """Forget the devices of an ended key, in small transactions; how many."""
    forgotten = 0
    with desk.engine() as engine:
        sessions = writing(engine)
        while True:
            with sessions.begin() as session:
                done = keyring.forget_devices(session, number)
            if not done:
                return forgotten
            forgotten += done
