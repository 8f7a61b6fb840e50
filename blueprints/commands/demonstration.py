"""`citylife demo`: fills the instance with a fictional town and a merchant whose API key can be tried at once.

Run again, it keeps everything, adds what is missing, shows the same key, and announces anew once nothing is live.
"""

import datetime as dt
from pathlib import Path
from typing import Final

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from blueprints.commands.desk import Desk
from blueprints.commands.invention import invent_town
from blueprints.commands.mistakes import Mistake
from blueprints.commands.speech import SpokenCommand, here, option, tell
from blueprints.commands.town import (
    MERCHANT,
    STAFF,
    WANDERING,
    FictionalOffer,
    FictionalShop,
    fictional_offers,
    fictional_shops,
    fictional_stands,
)
from citylife import offers, shops
from citylife.accounts.citizens import MOST_A_DAY, MOST_A_WEEK, Citizen, Wishes, change_wishes
from citylife.accounts.merchants import Scope, invite_merchant, key_of, new_key
from citylife.accounts.passkeys import passkeys_of
from citylife.accounts.sessions import Account, AccountKind
from citylife.accounts.sign_in import invite_to_sign_in, sign_in_link
from citylife.accounts.staff import StaffRole, invite_staff
from citylife.audit import Actor
from citylife.courtesy.rules import MOST_ANNOUNCEMENTS, set_announcements_a_day
from citylife.keys import keep_secret
from citylife.offers import Offer, OfferStatus
from citylife.shops import Listing, Proof, Shop, shop_by_source
from citylife.wording import Sentence

KEY_FILE: Final = "demo-merchant-key"


@click.command(
    "demo",
    cls=SpokenCommand,
    help=Sentence(
        "Remplit l’instance de commerces fictifs, dans de vraies communes, pour essayer.\n\n"
        "La relancer garde tout. La clé d’API du commerçant de démonstration est gardée dans le dossier de l’instance."
    ),
)
@option(
    "--no-courtesy",
    is_flag=True,
    help=Sentence(
        "Laisse prévenir ceux qui suivent déjà un commerce, à toute heure et de tout, pour essayer la nuit ou "
        "plusieurs fois de suite. Refusé dès qu’un commerce n’est pas fictif."
    ),
)
@option(
    "--town",
    "whole_town",
    is_flag=True,
    help=Sentence(
        "Écrit dans une base vide toute une ville inventée avec son année : 280 000 citoyens, 5 millions de "
        "notifications. Quelques minutes, quelques gigaoctets. Interrompue, elle ne laisse rien."
    ),
)
@option(
    "--scale",
    type=float,
    help=Sentence("Avec --town : combien de fois cette ville ; 0.01, pour regarder."),
)
@click.pass_obj
def demo(desk: Desk, *, no_courtesy: bool, whole_town: bool, scale: float | None) -> None:
    """Fill the instance with a fictional town."""
    now = desk.clock()
    if no_courtesy and whole_town:
        raise Mistake("--no-courtesy ne va pas avec --town.")
    if no_courtesy:
        _without_courtesy(desk, now=now)
        return
    if whole_town:
        _whole_town(desk, 1.0 if scale is None else scale, now=now)
        return
    if scale is not None:
        raise Mistake("--scale ne va qu’avec --town.")
    town = fictional_shops()
    with desk.writing() as session:
        with click.progressbar(town, label=here(Sentence("Commerces fictifs"))) as progress:
            found = {shop.name: _found(session, shop, now=now) for shop in progress}
        announced = 0 if _something_live(session) else _announce(session, found, now=now)
    key = demo_key(desk, now=now)
    tell(
        Sentence(
            "{shops} commerces fictifs dans {communes} vraies communes, {offers} annonces nouvelles.",
            shops=len(town),
            communes=len({shop.insee_code for shop in town}),
            offers=announced,
        )
    )
    _tell_staff(desk, now=now)
    _tell_key(key)


def _whole_town(desk: Desk, scale: float, *, now: dt.datetime) -> None:
    """Invent a whole town, and say what to do next."""
    invent_town(desk, scale, now=now)
    key = demo_key(desk, now=now)
    _tell_staff(desk, now=now)
    _tell_key(key)
    tell(
        Sentence(
            "Ensuite : « citylife serve », puis {url}/pilote pour le dernier rapport, ou « citylife pilot show ».",
            url=desk.settings.base_url,
        )
    )


def _without_courtesy(desk: Desk, *, now: dt.datetime) -> None:
    """Let everybody who is there be told at any hour of everything; only where nothing is real.

    Raises:
        Mistake: a shop that is not fictional is there.
    """
    with desk.writing() as session:
        if session.scalar(select(Shop.id).where(~Shop.fictional).limit(1)) is not None:
            raise Mistake("Un commerce d’ici n’est pas fictif : la courtoisie reste.")
        wishes = Wishes(
            quiet_from=dt.time(0),
            quiet_until=dt.time(0),
            quiet_sundays=False,
            weekly_budget=MOST_A_WEEK,
            daily_budget=MOST_A_DAY,
        )
        citizens = session.scalars(select(Citizen)).all()
        for citizen in citizens:
            change_wishes(session, citizen, wishes, now=now)
        set_announcements_a_day(
            session, None, MOST_ANNOUNCEMENTS, reason="Démonstration", now=now, actor=Actor.OPERATOR
        )
    tell(Sentence("Sans heures calmes et avec le plus grand budget : {citizens} citoyens.", citizens=len(citizens)))


def _tell_staff(desk: Desk, *, now: dt.datetime) -> None:
    """Say how the demonstration's member of staff enters the console: by a link, until she has made a passkey."""
    with desk.writing() as session:
        account = Account(AccountKind.STAFF, invite_staff(session, STAFF, StaffRole.ADMINISTER, now=now).id)
        token = None if passkeys_of(session, account) else invite_to_sign_in(session, account, now=now)
    if token is None:
        console = f"{desk.settings.base_url}/console"
        tell(Sentence("Console du cluster ({email}), par sa clé d’accès : {address}", email=STAFF, address=console))
        tell(
            Sentence(
                "Cette clé n’est pas sur cet appareil ? « citylife staff end {email} », puis "
                "« citylife demo », en font créer une autre.",
                email=STAFF,
            )
        )
        return
    tell(Sentence("Console du cluster ({email}), par ce lien, puis une clé d’accès à créer :", email=STAFF))
    click.echo(sign_in_link(desk.settings.base_url, token))


def _tell_key(key: str) -> None:
    tell(Sentence("Clé d’API du commerçant de démonstration ({email}) :", email=MERCHANT))
    click.echo(key)


def demo_key(desk: Desk, *, now: dt.datetime) -> str:
    """Return the demo merchant's API key: the one kept in the instance folder, or a new one where it is not ours."""
    path = desk.settings.instance / KEY_FILE
    with desk.writing() as session:
        kept = kept_key(path)
        if kept is not None and key_of(session, kept, now=now) is not None:
            return kept
        merchant = invite_merchant(session, MERCHANT, now=now)
        _, token = new_key(session, merchant, "demo", list(Scope), now=now)
    path.unlink(missing_ok=True)
    keep_secret(path, token)
    return token


def kept_key(path: Path) -> str | None:
    """Return the key a file keeps; None when there is no file."""
    return path.read_text(encoding="ascii").strip() if path.exists() else None


def _found(session: Session, fictional: FictionalShop, *, now: dt.datetime) -> Shop:
    """Return the fictional shop, listed, claimed and verified as far as it has come; made where it is absent."""
    shop = shop_by_source(session, fictional.source)
    if shop is not None:
        return shop
    shop = shops.list_shop(
        session,
        Listing(
            name=fictional.name,
            category=fictional.category,
            latitude=fictional.latitude,
            longitude=fictional.longitude,
            insee_code=fictional.insee_code,
            street=fictional.street,
            postal_code=fictional.postal_code,
            description=fictional.description,
            opening_hours=fictional.opening_hours,
            source=fictional.source,
            fictional=True,
        ),
        now=now,
    )
    if fictional.stage == "listed":
        return shop
    shop = shops.claim_shop(
        session,
        invite_merchant(session, fictional.email, now=now),
        siret=fictional.siret,
        name=fictional.name,
        category=fictional.category,
        latitude=fictional.latitude,
        longitude=fictional.longitude,
        insee_code=fictional.insee_code,
        fictional=True,
        now=now,
    )
    if fictional.stage == "verified":
        shops.verify_shop(session, shop, proof=Proof.DEMO, actor=Actor.OPERATOR, now=now)
    if fictional.name == WANDERING:
        shops.set_stands(session, shop, fictional_stands(), expected_version=shop.version, now=now)
    return shop


def _something_live(session: Session) -> bool:
    live = select(Offer.id).join(Shop, Shop.id == Offer.shop_id).where(Shop.fictional, Offer.status == OfferStatus.LIVE)
    return session.scalar(live.limit(1)) is not None


def _announce(session: Session, found: dict[str, Shop], *, now: dt.datetime) -> int:
    announced = list(fictional_offers(now))
    for fictional in announced:
        _publish(session, found[fictional.shop], fictional, now=now)
    return len(announced)


def _publish(session: Session, shop: Shop, fictional: FictionalOffer, *, now: dt.datetime) -> None:
    offer = offers.draft_offer(session, shop, fictional.draft, now=now)
    if fictional.fate == "scheduled" and fictional.draft.starts_at is not None:
        offers.schedule(session, shop, offer, starts_at=fictional.draft.starts_at, now=now)
        return
    offers.publish(session, shop, offer, now=now)
    if fictional.fate == "sold-out":
        offers.sold_out(session, offer, now=now)
