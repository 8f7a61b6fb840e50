"""Behind the counter of a shop: Camille, who runs « Le Fournil », her browser, and the form she writes offers on."""

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.merchants import Merchant
from citylife.offers import Offer
from citylife.shops import Shop
from tests import builders
from tests.pages.conftest import Browser, ReadPage

CAMILLE = "camille@boulangerie.example"
COOKIE = "__Host-citylife-merchant"


def her_shop(sessions: sessionmaker[Session]) -> Shop:
    """« Le Fournil », which Camille owns."""
    with sessions.begin() as session:
        return builders.a_shop(session, "Le Fournil", merchant=builders.a_merchant(session, CAMILLE))


def her_token(sessions: sessionmaker[Session]) -> str:
    """What a new session of Camille's shows."""
    with sessions.begin() as session:
        return builders.signed_in(session, session.scalars(select(Merchant).where(Merchant.email == CAMILLE)).one())


def her_browser(app: Flask, sessions: sessionmaker[Session]) -> Browser:
    """A browser without scripts in which Camille is signed in."""
    browser = Browser(app)
    browser.client.set_cookie(COOKIE, her_token(sessions), secure=True)
    return browser


def path_of(shop: Shop) -> str:
    return f"/commerce/{shop.id}/annonce"


def filled(page: ReadPage, wish: str, **typed: str) -> dict[str, str]:
    """What a browser sends of the form once `typed` was typed and a button pressed."""
    sent = {}
    for field in page.all("#annonce input"):
        attributes = field.attrs
        if attributes.get("type") not in {"radio", "checkbox"} or "checked" in attributes:
            sent[attributes["name"]] = attributes.get("value", "")
    return sent | {"wish": wish, **typed}


def offers(sessions: sessionmaker[Session]) -> list[Offer]:
    """Every offer there is, the oldest first."""
    with sessions() as session:
        return list(session.scalars(select(Offer).order_by(Offer.id)))
