"""`citylife merchants` and `citylife staff`: who may run a shop, with which keys, and who watches over the whole."""

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from blueprints.commands.desk import Desk
from blueprints.commands.mistakes import Mistake
from blueprints.commands.speech import SpokenGroup, option, spoken_locale, tell
from citylife import audit
from citylife.accounts.emails import check_email
from citylife.accounts.invitations import invite_into_staff, invite_into_team
from citylife.accounts.merchants import Merchant, Role, Scope, new_key
from citylife.accounts.passkeys import remove_passkeys
from citylife.accounts.sessions import Account, AccountKind
from citylife.accounts.sign_in import sign_in_link
from citylife.accounts.staff import StaffRole, end_staff
from citylife.audit import Actor
from citylife.errors import Absent
from citylife.shops import Shop
from citylife.wording import Sentence


@click.group("merchants", cls=SpokenGroup, help=Sentence("Les commerçants, leurs équipes et leurs clés d’API."))
def merchants() -> None:
    """Hold the commands about merchants."""


@merchants.command("invite", help=Sentence("Donne à un commerçant une place dans l’équipe d’un commerce."))
@click.argument("email")
@click.argument("shop")
@option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default=Role.OWNER.value,
    help=Sentence("Ce qu’il peut y faire : owner, tout ; seller, les offres et la caisse."),
)
@click.pass_obj
def invite(desk: Desk, email: str, shop: str, role: str) -> None:
    """Invite a merchant into a shop's team."""
    now = desk.clock()
    with desk.writing() as session:
        place = shop_named(session, shop)
        merchant, _, token = invite_into_team(session, email, place, Role(role), locale=spoken_locale(), now=now)
        audit.note(
            session, "team.joined", place.id, actor=Actor.OPERATOR, now=now, merchant=str(merchant.id), role=role
        )
    tell(Sentence("{email} fait partie de l’équipe de « {shop} » ({role}).", email=email, shop=place.name, role=role))
    tell_link(desk, token)


@merchants.command(
    "key",
    help=Sentence("Crée une clé d’API pour un commerçant.\n\nElle n’est montrée qu’une fois : gardez-la."),
)
@click.argument("email")
@option("--label", default="console", help=Sentence("Le nom de la clé, pour la reconnaître."))
@option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([scope.value for scope in Scope]),
    default=[scope.value for scope in Scope],
    help=Sentence("Un droit de la clé ; répétez l’option pour plusieurs. Sans elle, tous."),
)
@click.pass_obj
def key(desk: Desk, email: str, label: str, scopes: tuple[str, ...]) -> None:
    """Print a new API key, once."""
    now = desk.clock()
    with desk.writing() as session:
        merchant = session.scalar(select(Merchant).where(Merchant.email == check_email(email)))
        if merchant is None:
            raise Mistake("Aucun commerçant n’a l’adresse {email}. Invitez-le d’abord.", email=email)
        made, token = new_key(session, merchant, label, [Scope(scope) for scope in scopes], now=now)
        audit.note(session, "key.made", made.id, actor=Actor.OPERATOR, now=now, scopes=made.scopes)
    tell(Sentence("Clé d’API de {email}, montrée une seule fois :", email=email))
    click.echo(token)


@click.group("staff", cls=SpokenGroup, help=Sentence("Les personnes du cluster qui veillent sur l’ensemble."))
def staff() -> None:
    """Hold the commands about staff."""


@staff.command("invite", help=Sentence("Donne un rôle à une personne du cluster."))
@click.argument("email")
@option(
    "--role",
    type=click.Choice([role.value for role in StaffRole]),
    default=StaffRole.MODERATE.value,
    help=Sentence("Son rôle : watch, regarder ; moderate, vérifier et suspendre ; administer, tout."),
)
@click.pass_obj
def invite_member(desk: Desk, email: str, role: str) -> None:
    """Invite a member of staff."""
    now = desk.clock()
    with desk.writing() as session:
        member, token = invite_into_staff(session, email, StaffRole(role), locale=spoken_locale(), now=now)
        audit.note(session, "staff.invited", member.id, actor=Actor.OPERATOR, now=now, role=role)
    tell(Sentence("{email} fait partie de l’équipe du cluster ({role}).", email=email, role=role))
    tell_link(desk, token)


@staff.command("end", help=Sentence("Retire une personne du cluster : ses sessions se ferment aussitôt."))
@click.argument("email")
@click.pass_obj
def end_member(desk: Desk, email: str) -> None:
    """Let a member of staff leave."""
    now = desk.clock()
    with desk.writing() as session:
        try:
            member = end_staff(session, email, now=now)
        except Absent:
            raise Mistake("Personne du cluster n’a l’adresse {email}.", email=email) from None
        remove_passkeys(session, Account(AccountKind.STAFF, member.id))
        audit.note(session, "staff.left", member.id, actor=Actor.OPERATOR, now=now)
    tell(Sentence("{email} ne fait plus partie de l’équipe du cluster.", email=email))


def tell_link(desk: Desk, token: str) -> None:
    """Say that a letter goes out, or, where no mail server is set, the link that would have been in it."""
    if desk.settings.smtp_url:
        tell(Sentence("Une invitation part par courriel : elle sert une fois, dans les trois jours."))
        return
    tell(Sentence("Son lien d’invitation, qui sert une fois, dans les trois jours :"))
    click.echo(sign_in_link(desk.settings.base_url, token))


def shop_named(session: Session, slug: str) -> Shop:
    """Return the shop of a slug, suspended ones too.

    Raises:
        Mistake: there is none.
    """
    shop = session.scalar(select(Shop).where(Shop.slug == slug))
    if shop is None:
        raise Mistake("Aucun commerce n’a l’adresse « {slug} » (la fin de sa page /s/…).", slug=slug)
    return shop
