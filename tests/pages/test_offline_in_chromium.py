"""Without a network, in a real Chromium: what was seen is read and dated, what is tapped waits and is sent once."""

import io
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, Response, request
from playwright.sync_api import Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.serving import WSGIRequestHandler

from blueprints.pages import assets
from citylife.accounts.citizens import Citizen
from citylife.follows import Follow
from citylife.shops import Shop, ShopStatus
from tests.browser.chromium import PATIENCE, Chromium
from tests.builders import a_shop

pytestmark = pytest.mark.long

Sessions = sessionmaker[Session]
AWAY = 2
CONTROLLED = "() => navigator.serviceWorker.controller !== null"
KEPT = """async () => { const found = [];
  for (const name of await caches.keys()) {
    if (name.startsWith("citylife-pages-")) {
      found.push(...(await (await caches.open(name)).keys()).map(one => new URL(one.url).pathname));
    }
  }
  return found.sort(); }"""
SHELLS = "async () => (await caches.keys()).filter(name => name.startsWith('citylife-shell-'))"
ERASE = "() => fetch('/api/v1/me', {method: 'DELETE'}).then(answer => answer.status)"
MOVE = """code => fetch('/api/v1/citizens/transfer', {method: 'POST', headers: {'Content-Type': 'application/json'},
  body: JSON.stringify({code, cookie: true, old_phones: 'keep'})}).then(answer => answer.status)"""
TRANSFER = "() => fetch('/api/v1/me/transfer', {method: 'POST'}).then(answer => answer.json()).then(said => said.code)"


@pytest.fixture
def slugs(street: Sessions) -> list[str]:
    with street.begin() as session:
        return [a_shop(session, name).slug for name in ("Abricot", "Boulange")]


def at_home(chromium: Chromium, url: str, slugs: list[str]) -> Page:
    """« Mes commerces » of somebody who follows these shops, whose service worker is at work and has kept them."""
    page = chromium.open(f"{url}/s/{slugs[0]}", worker=True)
    page.wait_for_function(CONTROLLED)
    for slug in slugs:
        page.goto(f"{url}/s/{slug}")
        follow(page)
        wait_until_kept(page, f"/s/{slug}")
    page.goto(f"{url}/mes-commerces")
    wait_until_kept(page, "/mes-commerces")
    return page


def follow(page: Page) -> None:
    page.get_by_role("button", name="Suivre", exact=True).click()
    expect(page.get_by_role("heading", name="Vous suivez ce commerce")).to_be_visible()


def wait_until_kept(page: Page, path: str) -> None:
    page.wait_for_function(f"async path => (await ({KEPT})()).includes(path)", arg=path)


def followed(street: Sessions) -> list[str]:
    with street() as session:
        return sorted(session.scalars(select(Shop.name).join(Follow, Follow.shop_id == Shop.id)))


def entry(page: Page, slug: str) -> Any:
    return page.locator(f"#commerce-{slug}")


def test_what_was_seen_is_read_without_a_network_and_says_since_when(chromium: Chromium, url: str, slugs: list[str]):
    page = at_home(chromium, url, slugs)
    expect(page.get_by_text("Vue pour la dernière fois")).to_be_hidden()
    page.context.set_offline(True)

    for address, words in ((f"/s/{slugs[0]}", "Abricot"), ("/mes-commerces", "Mes commerces")):
        page.goto(url + address)
        expect(page.get_by_role("heading", level=1)).to_have_text(words)
        expect(page.get_by_text("Vue pour la dernière fois")).to_be_visible()
        expect(page.locator("[data-network] time")).to_contain_text(":")
        assert page.evaluate("getComputedStyle(document.body).display") == "flex", "without its stylesheet"
    assert chromium.barriers(page) == []

    page.goto(f"{url}/autour")
    expect(page.get_by_role("heading", level=1)).to_have_text("Pas de réseau pour l’instant")
    assert page.locator("[data-kept-pages] a").all_inner_texts() == ["Mes commerces", "Boulange", "Abricot"]
    assert chromium.barriers(page) == []

    page.context.set_offline(False)
    page.get_by_role("link", name="Réessayer").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Autour de moi")
    expect(page.get_by_text("Vue pour la dernière fois")).to_be_hidden()
    chromium.close(page)


def test_what_she_taps_without_a_network_is_sent_once_when_it_is_back(
    chromium: Chromium, url: str, slugs: list[str], street: Sessions
):
    page = at_home(chromium, url, slugs)
    sent: list[str] = []
    page.context.on("response", lambda said: sent.append(said.url) if said.request.method == "POST" else None)
    page.context.set_offline(True)
    page.reload()

    entry(page, slugs[0]).get_by_role("button", name="Ne plus suivre").click()
    expect(entry(page, slugs[0]).get_by_text("C’est noté sur cet appareil")).to_be_visible()
    assert chromium.barriers(page) == []
    page.reload()
    expect(entry(page, slugs[0]).get_by_text("C’est noté sur cet appareil")).to_be_visible()
    assert followed(street) == ["Abricot", "Boulange"]

    sent.clear()
    page.context.set_offline(False)
    expect(page.get_by_text("Ce que vous aviez demandé sans réseau est fait.")).to_be_visible()
    expect(entry(page, slugs[0])).to_have_count(0)
    expect(entry(page, slugs[1])).to_have_count(1)
    page.goto(f"{url}/mes-commerces")
    page.wait_for_load_state("networkidle")
    assert followed(street) == ["Boulange"]
    assert sent == [f"{url}/s/{slugs[0]}/unfollow"]
    chromium.close(page)


def test_what_waits_may_be_taken_back(chromium: Chromium, url: str, slugs: list[str], street: Sessions):
    page = at_home(chromium, url, slugs[:1])
    page.context.set_offline(True)
    entry(page, slugs[0]).get_by_role("button", name="Ne plus suivre").click()
    entry(page, slugs[0]).get_by_role("button", name="Ne pas l’envoyer").click()
    expect(entry(page, slugs[0]).get_by_role("button", name="Ne plus suivre")).to_be_focused()

    page.context.set_offline(False)
    page.goto(f"{url}/mes-commerces")
    page.wait_for_load_state("networkidle")

    expect(entry(page, slugs[0]).get_by_role("button", name="Ne plus suivre")).to_be_visible()
    assert followed(street) == ["Abricot"]
    chromium.close(page)


def test_what_is_refused_is_undone_and_said(chromium: Chromium, url: str, slugs: list[str], street: Sessions):
    page = at_home(chromium, url, slugs[:1])
    page.goto(f"{url}/s/{slugs[1]}")
    wait_until_kept(page, f"/s/{slugs[1]}")
    page.context.set_offline(True)
    page.get_by_role("button", name="Suivre", exact=True).click()
    expect(page.get_by_text("C’est noté sur cet appareil")).to_be_visible()
    with street.begin() as session:
        session.scalars(select(Shop).where(Shop.slug == slugs[1])).one().status = ShopStatus.SUSPENDED

    page.context.set_offline(False)

    expect(page.get_by_text("n’a pas été accepté")).to_be_visible()
    assert followed(street) == ["Abricot"]
    chromium.close(page)


@pytest.mark.parametrize("status", [503, 409])
def test_what_waits_is_tried_again_where_the_network_comes_later_or_the_first_request_is_still_at_work(
    chromium: Chromium, url: str, slugs: list[str], street: Sessions, monkeypatch: pytest.MonkeyPatch, *, status: int
):
    page = at_home(chromium, url, slugs[:1])
    page.goto(f"{url}/s/{slugs[1]}")
    wait_until_kept(page, f"/s/{slugs[1]}")
    page.context.set_offline(True)
    page.get_by_role("button", name="Suivre", exact=True).click()
    expect(page.get_by_text("C’est noté sur cet appareil")).to_be_visible()
    refused: list[str] = []
    monkeypatch.setattr(Flask, "full_dispatch_request", away_at_first(refused, status, Flask.full_dispatch_request))

    page.context.set_offline(False)

    expect(page.get_by_text("Ce que vous aviez demandé sans réseau est fait.")).to_be_visible()
    assert followed(street) == ["Abricot", "Boulange"]
    assert refused == [f"/s/{slugs[1]}/follow"] * AWAY
    chromium.close(page)


def test_a_newcomer_follows_without_a_network_and_becomes_a_citizen_once(
    chromium: Chromium, url: str, slugs: list[str], street: Sessions
):
    page = chromium.open(f"{url}/s/{slugs[0]}", worker=True)
    page.wait_for_function(CONTROLLED)
    page.reload()
    wait_until_kept(page, f"/s/{slugs[0]}")
    page.context.set_offline(True)
    page.get_by_role("button", name="Suivre", exact=True).click()
    expect(page.get_by_text("C’est noté sur cet appareil")).to_be_visible()
    page.context.set_offline(False)

    expect(page.get_by_role("heading", name="Vous suivez ce commerce")).to_be_visible()
    assert followed(street) == ["Abricot"]
    with street() as session:
        assert len(session.scalars(select(Citizen)).all()) == 1
    chromium.close(page)


def test_a_newcomer_whose_answers_are_lost_becomes_one_citizen_all_the_same(
    chromium: Chromium, url: str, slugs: list[str], street: Sessions, monkeypatch: pytest.MonkeyPatch
):
    page = chromium.open(f"{url}/s/{slugs[0]}", worker=True)
    page.wait_for_function(CONTROLLED)
    page.reload()
    wait_until_kept(page, f"/s/{slugs[0]}")
    lost: list[str] = []
    monkeypatch.setattr(WSGIRequestHandler, "run_wsgi", unheard_at_first(lost, WSGIRequestHandler.run_wsgi))

    page.get_by_role("button", name="Suivre", exact=True).click()

    expect(page.get_by_role("heading", name="Vous suivez ce commerce")).to_be_visible()
    assert lost == [f"/s/{slugs[0]}/follow"] * AWAY
    assert followed(street) == ["Abricot"]
    with street() as session:
        assert len(session.scalars(select(Citizen)).all()) == 1
    page.goto(f"{url}/mes-commerces")
    expect(entry(page, slugs[0])).to_be_visible()
    chromium.close(page)


def test_somebody_else_on_this_browser_finds_nothing_of_hers(
    chromium: Chromium, url: str, slugs: list[str], street: Sessions
):
    other = chromium.open(f"{url}/s/{slugs[1]}", worker=True)
    follow(other)
    code = other.evaluate(TRANSFER)
    page = at_home(chromium, url, slugs[:1])
    page.context.set_offline(True)
    entry(page, slugs[0]).get_by_role("button", name="Ne plus suivre").click()
    expect(entry(page, slugs[0]).get_by_text("C’est noté sur cet appareil")).to_be_visible()

    # The phone becomes the other citizen's: what was kept, and what waited, is the first one's and goes.
    page.context.route("**/unfollow", lambda route: route.abort())
    page.context.set_offline(False)
    assert page.evaluate(MOVE, code) == 201
    assert page.evaluate(KEPT) == []
    page.context.unroute("**/unfollow")
    page.goto(f"{url}/mes-commerces")
    wait_until_kept(page, "/mes-commerces")
    page.wait_for_load_state("networkidle")
    expect(entry(page, slugs[0])).to_have_count(0)
    expect(page.get_by_text("n’a pas été accepté")).to_be_hidden()
    page.context.set_offline(True)
    page.goto(f"{url}/s/{slugs[0]}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Pas de réseau pour l’instant")
    page.goto(f"{url}/mes-commerces")
    expect(entry(page, slugs[1])).to_have_count(1)
    assert followed(street) == ["Abricot", "Boulange"]
    chromium.close(page)
    chromium.close(other)


def test_whoever_lost_her_cookie_leaves_nothing_to_the_next(chromium: Chromium, url: str, slugs: list[str]):
    page = at_home(chromium, url, slugs[:1])
    page.context.clear_cookies()

    page.goto(f"{url}/chercher")
    wait_until_kept(page, "/chercher")

    assert page.evaluate(KEPT) == ["/chercher"]
    chromium.close(page)


def test_erasing_herself_empties_the_browser_too(chromium: Chromium, url: str, slugs: list[str], street: Sessions):
    page = at_home(chromium, url, slugs[:1])
    page.evaluate("localStorage.setItem('citylife.recent', 'chocolat')")

    assert page.evaluate(ERASE) == 200

    page.wait_for_function(f"async () => (await ({KEPT})()).length === 0 && localStorage.length === 0")
    assert page.context.cookies() == []
    page.goto(f"{url}/chercher")
    page.wait_for_function(CONTROLLED)
    chromium.close(page)


def test_pages_of_others_are_never_kept(chromium: Chromium, url: str, slugs: list[str]):
    page = at_home(chromium, url, slugs[:1])

    for path in ("/connexion", "/confidentialite", "/c/62119", "/api/docs", "/hors-ligne", "/nulle-part"):
        page.goto(url + path)
    page.goto(f"{url}/mes-commerces?changed={slugs[0]}&lang=fr")
    page.wait_for_load_state("networkidle")

    assert page.evaluate(KEPT) == [*([f"/s/{slugs[0]}"]), "/mes-commerces"][::-1]
    chromium.close(page)


def test_a_new_version_takes_the_place_of_the_old_one(
    chromium: Chromium, url: str, slugs: list[str], monkeypatch: pytest.MonkeyPatch
):
    page = at_home(chromium, url, slugs[:1])
    assert page.evaluate(SHELLS) == [f"citylife-shell-{assets.present_edition()}"]

    monkeypatch.setattr(assets, "present_edition", lambda: "0123456789ab")
    page.reload()

    page.wait_for_function(f"async () => (await ({SHELLS})()).join() === 'citylife-shell-0123456789ab'")
    page.context.set_offline(True)
    page.goto(f"{url}/s/{slugs[0]}")
    expect(page.get_by_text("Vue pour la dernière fois")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).display") == "flex", "an old page without its stylesheet"
    chromium.close(page)


def test_a_network_that_hangs_shows_what_was_kept_and_then_says_what_has_come(
    chromium: Chromium, url: str, slugs: list[str], street: Sessions, monkeypatch: pytest.MonkeyPatch
):
    page = at_home(chromium, url, slugs)
    with street.begin() as session:
        session.scalars(select(Shop).where(Shop.slug == slugs[0])).one().name = "Abricot doré"
    goes_on = threading.Event()
    monkeypatch.setattr(Flask, "full_dispatch_request", held_until(goes_on, Flask.full_dispatch_request))

    page.goto(f"{url}/s/{slugs[0]}")

    expect(page.get_by_role("heading", level=1)).to_have_text("Abricot")
    expect(page.get_by_text("Vue pour la dernière fois")).to_be_visible()
    assert chromium.barriers(page) == []
    goes_on.set()
    expect(page.get_by_text("La page à jour est arrivée.")).to_be_visible()
    page.get_by_role("link", name="L’afficher").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Abricot doré")
    expect(page.get_by_text("Vue pour la dernière fois")).to_be_hidden()
    chromium.close(page)


def away_at_first(
    refused: list[str], status: int, dispatch: Callable[[Flask], Response]
) -> Callable[[Flask], Response]:
    """The first changes are refused as where the house cannot be reached, or is still at work on them."""

    def dispatch_then(app: Flask) -> Response:
        if request.method == "POST" and len(refused) < AWAY:
            refused.append(request.path)
            return Response(status=status, headers={"Retry-After": "1"})
        return dispatch(app)

    return dispatch_then


def unheard_at_first(
    lost: list[str], run: Callable[[WSGIRequestHandler], None]
) -> Callable[[WSGIRequestHandler], None]:
    """The first changes are done, and their answers are lost on the way back."""

    def run_then(handler: WSGIRequestHandler) -> None:
        if handler.command == "POST" and len(lost) < AWAY:
            lost.append(handler.path)
            handler.wfile = io.BytesIO()  # type: ignore[assignment]
            run(handler)
            handler.connection.shutdown(socket.SHUT_RDWR)
        else:
            run(handler)

    return run_then


def held_until(event: threading.Event, dispatch: Callable[[Flask], Response]) -> Callable[[Flask], Response]:
    """Every request waits for it, as behind a wall too thick."""

    def dispatch_then(app: Flask) -> Response:
        assert event.wait(PATIENCE)
        return dispatch(app)

    return dispatch_then
