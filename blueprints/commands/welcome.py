"""What `citylife serve` prints as it starts: where to look, what to paste, and what is set in a way that matters."""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from sqlalchemy import Engine, select

from blueprints.commands.demonstration import KEY_FILE, kept_key
from blueprints.commands.speech import here
from blueprints.commands.town import SHOWN
from citylife.accounts.merchants import key_of
from citylife.clock import PARIS
from citylife.database import reading
from citylife.invented.tables import invented_town
from citylife.ledger.gate import sending_refused
from citylife.settings import Settings
from citylife.shops import Shop
from citylife.wording import Sentence

REFUSED: Final = Sentence(
    "ATTENTION : aucune notification ne part tant que CITYLIFE_AIPD_DATE n’est pas réglé : de vrais commerces sont "
    "inscrits, et l’analyse d’impact (AIPD) n’est pas déclarée faite. Rien n’est perdu : ce qui n’aura pas expiré "
    "partira ensuite."
)
"""Said wherever somebody may wonder why nothing is sent."""


def where_to_go(engine: Engine, settings: Settings, *, now: dt.datetime) -> Iterator[str]:
    """Say where to go, in the operator's language, with a demo shop and its key where there is a demonstration."""
    yield here(Sentence("Citylife écoute : {url} (API : {url}/api/docs)", url=settings.base_url))
    yield from _warnings(settings)
    with reading(engine)() as session:
        if sending_refused(session, settings.aipd_date):
            yield here(REFUSED)
        shop = session.scalar(select(Shop).where(Shop.name == SHOWN, Shop.fictional))
        invented = invented_town(session) is not None
        key = kept_key(settings.instance / KEY_FILE)
        if key is not None and key_of(session, key, now=now) is None:
            key = None
    if shop is None and invented:
        yield here(Sentence("Ville inventée : tout y est fictif. Ses chiffres : {url}/pilote", url=settings.base_url))
        return
    if shop is None:
        yield here(Sentence("Pour essayer avec des commerces fictifs : citylife demo"))
        return
    yield ""
    yield here(Sentence("La page d’un commerce fictif, où « Suivre » et « Me prévenir » :"))
    yield f"  {settings.base_url}/s/{shop.slug}"
    if key is not None:
        yield here(Sentence("Clé d’API de son commerçant :"))
        yield f"  {key}"
        yield here(Sentence("Pour publier une offre en son nom, collez ceci dans un autre terminal :"))
        yield paste(settings.base_url, str(shop.id), key, ends_at=now + dt.timedelta(days=1))
        yield here(
            Sentence(
                "Citylife ne dérange ni de 20 h à 9 h, ni le dimanche, ni plus de deux fois par jour. Pour essayer "
                "sans attendre, une fois le commerce suivi :"
            )
        )
        yield "  .venv/bin/citylife demo --no-courtesy"
    yield ""
    yield here(Sentence("Ctrl-C pour arrêter."))


def paste(base_url: str, shop_id: str, key: str, *, ends_at: dt.datetime) -> str:
    """Return shell commands that draft an offer of a shop and publish it."""
    until = ends_at.astimezone(PARIS).replace(minute=0, second=0, microsecond=0).isoformat()
    title = here(Sentence("Croissants du matin, les deux derniers plateaux"))
    body = f'{{"title": "{title}", "price": {{"amount": "0.80", "currency": "EUR"}}, "ends_at": "{until}"}}'
    return f"""
  API={base_url}/api/v1/merchant
  KEY={key}
  OFFER=$(curl -fsS -X POST "$API/shops/{shop_id}/offers" -H "Authorization: Bearer $KEY" \\
    -H 'Content-Type: application/json' -d '{body}' |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')
  curl -fsS -X POST "$API/offers/$OFFER/publish" -H "Authorization: Bearer $KEY"
"""


def _warnings(settings: Settings) -> Iterator[str]:
    if settings.push_connect_to:
        warning = Sentence(
            "ATTENTION : CITYLIFE_PUSH_CONNECT_TO détourne toutes les notifications vers {where}. "
            "C’est fait pour les essais : aucune n’arrive à un vrai navigateur.",
            where=settings.push_connect_to,
        )
        yield here(warning)
    if not settings.secure and not settings.base_url.startswith(("http://localhost", "http://127.0.0.1")):
        warning = Sentence(
            "ATTENTION : {url} n’est pas en https. Les navigateurs y refusent les notifications.", url=settings.base_url
        )
        yield here(warning)
    if settings.secure and not settings.trusted_proxies:
        warning = Sentence(
            "ATTENTION : {url} est en https, donc derrière un serveur mandataire, et CITYLIFE_TRUSTED_PROXIES vaut 0 : "
            "toutes les demandes semblent venir de lui, et se partagent ses limites.",
            url=settings.base_url,
        )
        yield here(warning)
    if settings.contact.endswith(".invalid"):
        warning = Sentence(
            "CITYLIFE_CONTACT n’est pas réglé : Apple refuse les notifications sans une vraie adresse de contact."
        )
        yield here(warning)
