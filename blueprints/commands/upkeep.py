"""`citylife shops`, `origins` and `purge`: decide on shops, resume a push service, forget what is kept no longer."""

from collections import Counter
from collections.abc import Callable

import click
from sqlalchemy import select

from blueprints.commands.desk import Desk
from blueprints.commands.mistakes import Mistake
from blueprints.commands.people import shop_named
from blueprints.commands.speech import SpokenCommand, SpokenGroup, here, option, tell
from citylife import audit, shops
from citylife.audit import Actor
from citylife.clock import local_date
from citylife.database import reading
from citylife.devices import Origin
from citylife.ledger import settlement
from citylife.ledger.reading import health
from citylife.printed_mail import FOLDER, forget_printed_mail
from citylife.purge import purge_everything
from citylife.shops import Proof, Shop
from citylife.shops.possession import Visit, verify_by_code, verify_by_visit
from citylife.wording import Sentence


@click.group(
    "shops",
    cls=SpokenGroup,
    help=Sentence("Les commerces : importer, vérifier, refuser, suspendre, rétablir, fermer, rouvrir."),
)
def shop_commands() -> None:
    """Hold the commands about shops."""


shop_commands.add_later("import", "blueprints.commands.importing", "import_shops")


@shop_commands.command("verify", help=Sentence("Accepte la demande d’un commerçant : le commerce peut publier."))
@click.argument("slug")
@option(
    "--proof",
    type=click.Choice([Proof.POSTED_CODE.value, Proof.VISIT.value]),
    default=Proof.VISIT.value,
    help=Sentence("Comment elle a été prouvée : posted-code, un code posté puis saisi ; visit, une visite."),
)
@option("--seen-by", default="console", help=Sentence("Pour une visite, faite ce jour : qui a vu le commerce."))
@click.pass_obj
def verify(desk: Desk, slug: str, proof: str, seen_by: str) -> None:
    """Verify a claimed shop."""
    now = desk.clock()
    with desk.writing() as session:
        shop = shop_named(session, slug)
        if Proof(proof) is Proof.POSTED_CODE:
            verify_by_code(session, shop, now=now, actor=Actor.OPERATOR)
        else:
            visit = Visit(local_date(now), seen_by)
            verify_by_visit(session, shop, visit, now=now, actor=Actor.OPERATOR)
    tell(Sentence("« {shop} » est vérifié.", shop=shop.name))


@shop_commands.command(
    "refuse", help=Sentence("Refuse la demande d’un commerçant : le commerce reste répertorié, s’il l’était.")
)
@click.argument("slug")
@click.argument("reason")
@click.pass_obj
def refuse(desk: Desk, slug: str, reason: str) -> None:
    """Refuse a claim."""
    shop = _decided(desk, slug, reason, shops.refuse_claim)
    tell(Sentence("La demande sur « {shop} » est refusée.", shop=shop.name))


@shop_commands.command("suspend", help=Sentence("Suspend un commerce : sa page disparaît, rien ne part plus."))
@click.argument("slug")
@click.argument("reason")
@click.pass_obj
def suspend(desk: Desk, slug: str, reason: str) -> None:
    """Suspend a shop."""
    shop = _decided(desk, slug, reason, shops.suspend_shop)
    tell(Sentence("« {shop} » est suspendu.", shop=shop.name))


@shop_commands.command(
    "close", help=Sentence("Déclare fermé un commerce que personne n’a revendiqué : sa page le dit.")
)
@click.argument("slug")
@click.argument("reason")
@click.pass_obj
def close(desk: Desk, slug: str, reason: str) -> None:
    """Say that a listed shop no longer exists."""
    shop = _decided(desk, slug, reason, shops.close_down)
    tell(Sentence("« {shop} » est déclaré fermé.", shop=shop.name))


@shop_commands.command("reopen", help=Sentence("Remet dans l’annuaire un commerce déclaré fermé."))
@click.argument("slug")
@click.argument("reason")
@click.pass_obj
def reopen(desk: Desk, slug: str, reason: str) -> None:
    """Take back that a shop no longer exists."""
    shop = _decided(desk, slug, reason, shops.reopen)
    tell(Sentence("« {shop} » est de nouveau dans l’annuaire.", shop=shop.name))


@shop_commands.command("reinstate", help=Sentence("Rétablit un commerce suspendu."))
@click.argument("slug")
@click.argument("reason")
@click.pass_obj
def reinstate(desk: Desk, slug: str, reason: str) -> None:
    """Reinstate a suspended shop."""
    shop = _decided(desk, slug, reason, shops.reinstate_shop)
    tell(Sentence("« {shop} » est rétabli.", shop=shop.name))


def _decided(desk: Desk, slug: str, reason: str, act: Callable[..., object]) -> Shop:
    """The shop, once an act of the domain's was done to it that takes a reason."""
    now = desk.clock()
    with desk.writing() as session:
        shop = shop_named(session, slug)
        act(session, shop, reason=reason, now=now, actor=Actor.OPERATOR)
    return shop


@click.group("origins", cls=SpokenGroup, help=Sentence("Les services de notification des navigateurs."))
def origins() -> None:
    """Hold the commands about push services."""


@origins.command("list", help=Sentence("Montre ce qui attend pour chaque service, et s’il est en pause ou arrêté."))
@click.pass_obj
def list_origins(desk: Desk) -> None:
    """List the push services."""
    with desk.engine() as engine, reading(engine)() as session:
        found = health(session, now=desk.clock()).origins
    if not found:
        tell(Sentence("Aucun navigateur ne s’est encore inscrit aux notifications."))
    for origin in found:
        state = Sentence("en service")
        if origin.stopped_at is not None:
            state = Sentence("arrêté depuis le {moment}", moment=origin.stopped_at)
        elif origin.paused_until is not None and origin.paused_until > desk.clock():
            state = Sentence("en pause jusqu’au {moment}", moment=origin.paused_until)
        waiting = Sentence("{count} en attente", count=origin.waiting + origin.claimed)
        click.echo(f"{origin.origin}  {here(state)}  {here(waiting)}")


@origins.command(
    "resume",
    help=Sentence(
        "Recommence à envoyer à un service arrêté.\n\n"
        "Un service s’arrête quand il refuse notre clé (401, 403) : corrigez d’abord CITYLIFE_CONTACT ou la clé VAPID."
    ),
)
@click.argument("origin")
@click.pass_obj
def resume(desk: Desk, origin: str) -> None:
    """Resume a stopped push service."""
    now = desk.clock()
    with desk.writing() as session:
        found = session.scalar(select(Origin).where(Origin.origin == origin.rstrip("/")))
        if found is None:
            raise Mistake(
                "Aucun navigateur n’utilise le service {origin}. Voyez « citylife origins list ».", origin=origin
            )
        settlement.resume_origin(session, found.id)
        audit.note(session, "origin.resumed", None, actor=Actor.OPERATOR, now=now, origin=found.origin)
    tell(Sentence("Les envois vers {origin} reprennent.", origin=found.origin))


@click.command(
    "purge",
    cls=SpokenCommand,
    help=Sentence(
        "Oublie maintenant ce qui n’est plus gardé, par petits lots, pendant que le service tourne.\n\n"
        "« citylife serve » et « citylife work » le font d’eux-mêmes chaque nuit. docs/donnees.md dit ce qui part, "
        "et quand."
    ),
)
@click.pass_obj
def purge(desk: Desk) -> None:
    """Forget what is kept no longer."""
    now = desk.clock()
    forgotten: Counter[str] = Counter()
    with desk.sessions() as sessions:
        for batch in purge_everything(sessions, now=now):
            forgotten[batch.name] += batch.forgotten
            if batch.cursor is None and forgotten[batch.name]:
                tell(Sentence("{name} : {count}", name=batch.name, count=forgotten[batch.name]))
    if mail := forget_printed_mail(desk.settings.instance / FOLDER, now=now):
        tell(Sentence("{name} : {count}", name=f"{FOLDER}/", count=mail))
    tell(Sentence("Ce qui n’est plus gardé est oublié."))
