"""A citizen's Firefox loses the network and finds it again, and what she has there goes over to her other one."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen
from citylife.clock import utc_now
from citylife.follows import EndedFollow, Follow
from citylife.shops import Shop
from tests.browser.firefox import Firefox
from tests.builders import a_shop
from tests.doubles.browser_push import BrowserPush
from tests.needs import needs_firefox

pytestmark = pytest.mark.long

Sessions = sessionmaker[Session]
KEPT: Final = """(async (path) => {
  for (const name of await caches.keys()) {
    if (name.startsWith("citylife-pages-") &&
        (await (await caches.open(name)).keys()).some((one) => new URL(one.url).pathname === path)) { return true; }
  }
  return false;
})(arguments[0])"""
OFFLINE: Final = """
Services.prefs.setBoolPref("network.disable-localhost-when-offline", true);
Services.io.offline = arguments[0];
"""
SAYS_WHEN: Final = "document.querySelector('[data-network] time')?.checkVisibility()"


def the_network(firefox: Firefox, *, gone: bool) -> None:
    """Take the network from a browser, as its own menu « Travailler hors connexion » does, or give it back."""
    firefox._in_chrome(OFFLINE, gone)


def followed(street: Sessions) -> list[str]:
    with street() as session:
        return sorted(session.scalars(select(Shop.name).join(Follow, Follow.shop_id == Shop.id)))


def follow(firefox: Firefox, url: str, slug: str) -> None:
    firefox.navigate(f"{url}/s/{slug}")
    firefox.click("button", "Suivre")
    firefox.find("h2", "Vous suivez ce commerce")
    firefox.wait_until(KEPT, f"/s/{slug}")


def test_offline_and_back_and_over_to_another_phone(serve: Callable[..., Any], street: Sessions):
    program = needs_firefox()
    with street.begin() as session:
        slugs = [a_shop(session, name, now=utc_now()).slug for name in ("Abricot", "Boulange")]
    with serve(utc_now) as url, BrowserPush() as push, Firefox(program, push_url=push.ws_url) as old:
        old.navigate(f"{url}/s/{slugs[0]}")
        old.wait_until("navigator.serviceWorker.controller !== null")
        for slug in slugs:
            follow(old, url, slug)
        old.navigate(f"{url}/mes-commerces")
        old.wait_until(KEPT, "/mes-commerces")

        the_network(old, gone=True)
        old.navigate(f"{url}/s/{slugs[1]}")
        assert old.text("h1") == "Boulange"
        old.wait_until(SAYS_WHEN)
        old.navigate(f"{url}/mes-commerces")
        old.click(f"#commerce-{slugs[0]} button", "Ne plus suivre")
        old.find(f"#commerce-{slugs[0]}", "C’est noté sur cet appareil")
        assert followed(street) == ["Abricot", "Boulange"]

        the_network(old, gone=False)
        old.find("p", "Ce que vous aviez demandé sans réseau est fait.")
        assert followed(street) == ["Boulange"]
        with street() as session:
            assert session.scalar(select(func.count()).select_from(EndedFollow)) == 1

        old.navigate(f"{url}/reglages/telephone")
        old.click("button", "Obtenir un code")
        code = old.text(".code-big")
        with Firefox(program, push_url=push.ws_url) as new:
            new.navigate(f"{url}/reglages/telephone")
            new.type("#code", code)
            new.click("button", "Retrouver mes commerces ici")
            new.find("p", "Pour être prévenu sur ce téléphone aussi")
            new.navigate(f"{url}/mes-commerces")
            new.find("h3", "Boulange")
            assert new.run("return document.cookie") == ""
        old.navigate(f"{url}/mes-commerces")
        old.find("h3", "Boulange")
        with street() as session:
            assert session.scalar(select(func.count()).select_from(Citizen)) == 1
