"""`citylife sending` and `citylife audit`: stop and resume what is sent, and see that the audit log is whole."""

import re
from typing import Final

import click

from blueprints.commands.desk import Desk
from blueprints.commands.mistakes import Mistake
from blueprints.commands.people import shop_named
from blueprints.commands.speech import SpokenGroup, option, tell
from blueprints.commands.welcome import REFUSED
from citylife import audit
from citylife.audit import Actor, Fault, Head
from citylife.database import reading
from citylife.ledger import stops
from citylife.ledger.gate import sending_refused
from citylife.wording import Sentence

BROKEN: Final = {
    Fault.ALTERED: "L’entrée n° {number} a été modifiée après coup. Entrées intactes avant elle : {entries}.",
    Fault.UNLINKED: (
        "La chaîne se rompt à l’entrée n° {number} : ce qui la précédait a été retiré, ajouté ou remplacé. "
        "Entrées intactes avant elle : {entries}."
    ),
    Fault.HEAD_LOST: (
        "L’entrée n° {number} notée ailleurs manque, ou n’est plus la même : la fin du journal a été coupée, "
        "ou tout a été réécrit."
    ),
}
"""What is said of each way the chain can be broken."""
HEAD: Final = re.compile(r"(\d{1,18}):([0-9a-f]{64})")


@click.group("sending", cls=SpokenGroup, help=Sentence("Les envois : les arrêter, les reprendre."))
def sending() -> None:
    """Hold the commands about sending."""


@sending.command(
    "stop",
    help=Sentence(
        "Arrête aussitôt tous les envois, ou ceux d’un commerce.\n\n"
        "Rien n’est perdu : ce qui attend attend, et repart à la reprise s’il n’a pas expiré."
    ),
)
@click.argument("reason")
@option(
    "--shop", "slug", help=Sentence("Un seul commerce (la fin de sa page /s/…). Sans cette option, tous les envois.")
)
@click.pass_obj
def stop(desk: Desk, reason: str, slug: str | None) -> None:
    """Stop a shop's sending, or all of it."""
    now = desk.clock()
    with desk.writing() as session:
        shop = None if slug is None else shop_named(session, slug)
        stops.stop_sending(session, shop, reason=reason, now=now, actor=Actor.OPERATOR)
    if shop is None:
        tell(Sentence("Tous les envois sont arrêtés."))
    else:
        tell(Sentence("Les envois de « {shop} » sont arrêtés.", shop=shop.name))


@sending.command("resume", help=Sentence("Reprend tous les envois, ou ceux d’un commerce."))
@click.argument("reason")
@option(
    "--shop", "slug", help=Sentence("Un seul commerce (la fin de sa page /s/…). Sans cette option, tous les envois.")
)
@click.pass_obj
def resume(desk: Desk, reason: str, slug: str | None) -> None:
    """Resume a shop's sending, or all of it."""
    now = desk.clock()
    with desk.writing() as session:
        shop = None if slug is None else shop_named(session, slug)
        stops.resume_sending(session, shop, reason=reason, now=now, actor=Actor.OPERATOR)
    if shop is None:
        tell(Sentence("Tous les envois reprennent, sauf ceux des commerces arrêtés un par un."))
    else:
        tell(Sentence("Les envois de « {shop} » reprennent.", shop=shop.name))


@sending.command("list", help=Sentence("Montre ce qui est arrêté, depuis quand et pourquoi."))
@click.pass_obj
def list_stops(desk: Desk) -> None:
    """List what is stopped."""
    with desk.engine() as engine, reading(engine)() as session:
        found = stops.current_stops(session)
        refused = sending_refused(session, desk.settings.aipd_date)
    if refused:
        tell(REFUSED)
    if not found:
        tell(Sentence("Rien n’est arrêté."))
    for standing, shop in found:
        what = Sentence("Tous les envois") if shop is None else shop.slug
        tell(
            Sentence(
                "{what} : depuis le {moment}. {reason}", what=what, moment=standing.stopped_at, reason=standing.reason
            )
        )


@click.group("audit", cls=SpokenGroup, help=Sentence("Le journal des actes : qui a fait quoi."))
def audit_commands() -> None:
    """Hold the commands about the audit log."""


@audit_commands.command(
    "verify",
    help=Sentence(
        "Vérifie que le journal des actes est entier, et nomme la première rupture.\n\n"
        "Affiche à la fin le sceau de la dernière entrée. Notez-le ailleurs que dans la base, et redonnez-le par "
        "--expect : lui seul prouve que la fin n’a pas été coupée ni le tout réécrit."
    ),
)
@option("--expect", "noted", help=Sentence("Le sceau d’une vérification d’avant, tel qu’elle l’a affiché."))
@click.pass_obj
def verify(desk: Desk, noted: str | None) -> None:
    """Walk the whole audit log."""
    expected = None if noted is None else _head(noted)
    with desk.engine() as engine, reading(engine)() as session:
        found = audit.walk(session, expected=expected)
    if found.fault is not None:
        raise Mistake(BROKEN[found.fault], number=found.broken_at, entries=found.entries)
    tell(Sentence("Le journal est entier. Entrées : {entries}.", entries=found.entries))
    if found.head is not None:
        click.echo(str(found.head))


def _head(noted: str) -> Head:
    match = HEAD.fullmatch(noted.strip())
    if match is None:
        raise Mistake("--expect attend un sceau tel que « citylife audit verify » l’affiche.")
    return Head(int(match[1]), bytes.fromhex(match[2]))
