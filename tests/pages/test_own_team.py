"""Who works in a shop and follows it does not count: her browser tells, signed in as a merchant or not yet."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.sessions import AccountKind
from citylife.accounts.sign_in import ask_to_sign_in
from citylife.insiders import TeamFollower
from citylife.letters import Letter
from tests.builders import NOW, a_merchant, a_shop, signed_in
from tests.pages.conftest import OURS, Browser

Sessions = sessionmaker[Session]


@pytest.mark.parametrize("way", ["page", "api", "sign-in", "customer"])
def test_her_browser_tells_of_whose_team_she_is(reader: Browser, street: Sessions, way: str):
    with street.begin() as session:
        merchant = a_merchant(session)
        shop, other = a_shop(session, merchant=merchant), a_shop(session)
        token, secret = signed_in(session, merchant), reader.app.extensions["citylife"].keys.secret_key
    if way in {"sign-in", "customer"}:
        reader.press(reader.get(f"/s/{shop.slug}"), "Suivre")
    if way == "sign-in":
        with street.begin() as session:
            ask_to_sign_in(session, AccountKind.MERCHANT, merchant.email, secret_key=secret, locale="fr", now=NOW)
            letter = session.scalars(select(Letter).order_by(Letter.id.desc())).first()
            assert letter is not None
            link = letter.content["token"]
        assert reader.post(f"/connexion/lien/{link}").status_code == 303
    if way in {"page", "api"}:
        reader.client.set_cookie("__Host-citylife-merchant", token, secure=True)
        reader.press(reader.get(f"/s/{other.slug}" if way == "api" else f"/s/{shop.slug}"), "Suivre")
    if way == "api":
        with street.begin() as session:
            session.query(TeamFollower).delete()
        assert reader.client.put(f"/api/v1/me/follows/{shop.id}", headers=OURS, json={}).status_code in {200, 201}
    with street() as session:
        found = [row.shop_id for row in session.scalars(select(TeamFollower))]
    assert found == ([] if way == "customer" else [shop.id])
