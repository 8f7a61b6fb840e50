"""The pages in a real Chromium: no barrier, no complaint, and scripts that only make it quicker."""

import datetime as dt
import json
import uuid
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from blueprints.pages.navigation import TABS
from citylife.activity import Counted, DailyCount
from citylife.consent import Consent
from citylife.follows import Follow
from citylife.ledger.claims import Announced
from citylife.ledger.tables import MessageKind
from citylife.offers import OfferKind, OfferStatus
from citylife.shops import ShopStatus
from citylife.wording import say
from notifications.composer import compose
from tests.browser.chromium import Chromium
from tests.builders import NOW, a_shop, a_stand, an_offer

pytestmark = pytest.mark.long

Sessions = sessionmaker[Session]
SCHEMES = ("light", "dark")
PHONE = 360
"""What is no wider is judged as a phone, elsewhere."""


@pytest.fixture
def paths(street: Sessions) -> dict[str, str]:
    """The address of each page in each state that the server alone decides."""
    with street.begin() as session:
        shop = a_shop(
            session,
            "Le Fournil",
            open_until="19:00",
            street="1 rue d’Arras",
            telephone="0321570000",
            website="https://fournil.example/",
            description="Pains au levain.",
        )
        shop.fictional = True
        claimed = a_shop(session, "Épicerie", status=ShopStatus.CLAIMED)
        listed = a_shop(session, "Librairie", status=ShopStatus.LISTED, category="books")
        wine = a_shop(session, "La Cave", category="wine", opening_hours="Mo-Su 18:00-22:00")
        trader = a_shop(session, "Fromages de Cécile", street="1 rue d’Arras")
        for weekday in (NOW.weekday(), 5):
            a_stand(session, trader, weekday)
        live = an_offer(session, shop, price=1490, prior_price=1800, reduction=True, description="Deux\nlignes")
        an_offer(session, shop, kind=OfferKind.EVENT, title="Un titre long, très long, anticonstitutionnellement long")
        gone = an_offer(session, shop, status=OfferStatus.SOLD_OUT)
        over = an_offer(session, shop, status=OfferStatus.ENDED)
    return {
        "welcome": "/",
        "around": "/autour",
        "nothing found": "/chercher?q=rien",
        "found": "/chercher?q=fournil",
        "every shop": "/chercher",
        "no shop of hers": "/mes-commerces",
        "shop": f"/s/{shop.slug}",
        "listed shop": f"/s/{listed.slug}",
        "claimed shop": f"/s/{claimed.slug}",
        "market trader": f"/s/{trader.slug}",
        "page-only shop": f"/s/{wine.slug}",
        "offer": f"/o/{live.id}",
        "sold out": f"/o/{gone.id}",
        "over": f"/o/{over.id}",
        "report": f"/o/{live.id}/signaler",
        "reported": f"/o/{live.id}/signaler?entendu=1",
        "english": f"/s/{shop.slug}?lang=en",
        "accessibility": "/accessibilite",
        "legal notice": "/mentions-legales",
        "privacy": "/confidentialite",
        "privacy in english": "/confidentialite?lang=en",
        "credits": "/credits",
        "commune": "/c/62119",
        "commune in english": "/c/62119?lang=en",
        "commune without anything": "/c/62023",
        "screen": "/c/62119/ecran",
        "screen that stands": "/c/62119/ecran?pause=1",
        "screen without anything": "/c/62023/ecran",
    }


def wide(page: Page) -> bool:
    """Whether a page must be scrolled sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def test_linked_data_is_read_as_data_and_no_policy_complains(chromium: Chromium, url: str, street: Sessions):
    typed = "</script><script>document.title = 'ran'</script> & <b>"
    with street.begin() as session:
        shop = a_shop(session, typed, description=typed)
        offer = an_offer(session, shop, title=typed, description=typed)
    for path, kind in ((f"/s/{shop.slug}", "Bakery"), (f"/o/{offer.id}", "Offer")):
        page = chromium.open(url + path)
        block = page.evaluate("document.querySelector('script[type=\"application/ld+json\"]').textContent")
        thing = json.loads(block)
        assert (thing["@type"], thing["name"]) == (kind, typed)
        assert page.title() != "ran"
        assert chromium.complaints(page) == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_nothing_bars_anyones_way(chromium: Chromium, url: str, paths: dict[str, str], scheme: str):
    for name, path in paths.items():
        page = chromium.open(url + path, scheme=scheme)  # type: ignore[arg-type]
        assert chromium.barriers(page) == [], name
        assert chromium.complaints(page) == [], name
        chromium.close(page)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_page_of_the_api_bars_nobody_with_everything_unfolded(chromium: Chromium, url: str, scheme: str):
    for width in (360, 1280):
        page = chromium.open(url + "/api/docs", scheme=scheme, width=width)  # type: ignore[arg-type]
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        assert chromium.barriers(page) == []
        assert not wide(page), width
        chromium.close(page)


def test_no_page_is_wider_than_a_small_phone_nor_lost_on_a_desk(chromium: Chromium, url: str, paths: dict[str, str]):
    for width in (320, 360, 768, 1280):
        for name, path in paths.items():
            page = chromium.open(url + path, width=width)
            assert not wide(page), (name, width)
            if width > PHONE:
                assert chromium.barriers(page) == [], (name, width)
            chromium.close(page)


def test_whatever_is_pressed_is_large_enough_for_a_thumb(chromium: Chromium, url: str, paths: dict[str, str]):
    page = chromium.open(url + paths["shop"])
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select, .home, .language, .button")]
          .map(one => [one.textContent.trim(), one.getBoundingClientRect()])
          .filter(([, box]) => box.height && box.height < 44).map(([text]) => text)"""
    )

    assert small == []
    chromium.close(page)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_following_happens_without_leaving_the_page(
    chromium: Chromium, url: str, paths: dict[str, str], street: Sessions, scheme: str
):
    page = chromium.open(url + paths["shop"], scheme=scheme)  # type: ignore[arg-type]
    page.evaluate("window.stayed = true")

    page.get_by_role("button", name="Suivre", exact=True).click()
    expect(page.get_by_role("heading", name="Vous suivez ce commerce")).to_be_focused()
    assert chromium.barriers(page) == []
    with street() as session:
        assert len(session.scalars(select(Follow)).all()) == 1

    page.get_by_role("button", name="Ne plus suivre").click()
    expect(page.get_by_role("heading", name="Suivre ce commerce")).to_be_focused()
    assert page.evaluate("window.stayed") is True
    assert page.evaluate("document.cookie") == ""
    with street() as session:
        assert session.scalars(select(Follow)).all() == []
    assert chromium.complaints(page) == []
    chromium.close(page)


def test_following_works_with_scripts_blocked(chromium: Chromium, url: str, paths: dict[str, str], street: Sessions):
    page = chromium.open(url + paths["shop"], scripts=False)

    page.get_by_role("button", name="Suivre", exact=True).click()
    expect(page.get_by_role("heading", name="Vous suivez ce commerce")).to_be_visible()
    expect(page.get_by_text("il faut un navigateur où JavaScript est actif")).to_be_visible()
    expect(page.get_by_role("button", name="Me prévenir")).to_be_hidden()
    assert page.url.endswith("#suivre")
    with street() as session:
        assert len(session.scalars(select(Follow)).all()) == 1
    chromium.close(page)


def test_a_network_that_falls_is_said_and_the_button_stays(chromium: Chromium, url: str, paths: dict[str, str]):
    page = chromium.open(url + paths["shop"])
    page.context.set_offline(True)

    page.get_by_role("button", name="Suivre", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Cela n’a pas abouti")
    page.context.set_offline(False)
    page.get_by_role("button", name="Suivre", exact=True).click()
    expect(page.get_by_role("heading", name="Vous suivez ce commerce")).to_be_visible()
    assert [said for said in chromium.complaints(page) if "ERR_INTERNET_DISCONNECTED" not in said] == []
    chromium.close(page)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    "standing",
    [
        ("off", "", "Recevoir ses offres sur cet appareil"),
        ("unsupported", "delete window.PushManager", "Ce navigateur ne reçoit pas de notifications"),
        (
            "denied",
            "Object.defineProperty(Notification, 'permission', {get: () => 'denied'})",
            "Votre navigateur bloque les notifications",
        ),
    ],
)
def test_every_state_of_being_told_is_plain_to_all(
    chromium: Chromium, url: str, paths: dict[str, str], standing: tuple[str, str, str], scheme: str
):
    state, script, heading = standing
    page = chromium.open(url, scheme=scheme, notified=state == "off")  # type: ignore[arg-type]
    page.add_init_script(script or "null")
    page.goto(url + paths["shop"])
    page.get_by_role("button", name="Suivre", exact=True).click()

    expect(page.locator(f'notify-me[data-now="{state}"]')).to_be_visible()
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    shown = page.evaluate(
        """[...document.querySelectorAll("notify-me [data-state]")].filter(one => one.checkVisibility())
           .map(one => one.dataset.state)"""
    )
    assert shown
    assert all(state in part.split() for part in shown)
    assert chromium.barriers(page) == []
    chromium.close(page)


def test_what_a_browser_cannot_subscribe_is_said_and_leaves_the_button_and_the_other_ways(
    chromium: Chromium, url: str, paths: dict[str, str], street: Sessions
):
    page = chromium.open(url + paths["shop"], notified=True)
    page.evaluate(
        "() => { PushManager.prototype.subscribe = async () => { throw new DOMException('', 'AbortError'); }; }"
    )
    page.get_by_role("button", name="Suivre", exact=True).click()

    page.get_by_role("button", name="Me prévenir").click()

    expect(page.locator("[data-trouble]")).to_contain_text("le service de notification ne répond pas")
    expect(page.get_by_role("button", name="Me prévenir")).to_be_focused()
    others = page.locator("[data-otherwise] a")
    expect(others.first).to_be_visible()
    assert others.count() == 4
    assert chromium.barriers(page) == []
    with street() as session:
        granted = list(session.scalars(select(Consent.granted).order_by(Consent.id)))
    assert granted == [True, False]
    chromium.close(page)


def test_a_question_put_away_unanswered_is_said_and_leaves_the_button_and_the_other_ways(
    chromium: Chromium, url: str, paths: dict[str, str], street: Sessions
):
    page = chromium.open(url + paths["shop"], worker=True)
    page.evaluate("() => { Notification.requestPermission = async () => 'default'; }")
    page.get_by_role("button", name="Suivre", exact=True).click()

    page.get_by_role("button", name="Me prévenir").click()

    expect(page.get_by_text("La question est restée sans réponse")).to_be_visible()
    expect(page.get_by_role("button", name="Me prévenir")).to_be_focused()
    expect(page.locator("[data-otherwise] a").first).to_be_visible()
    assert page.locator("[data-otherwise] a").count() == 4
    assert chromium.barriers(page) == []
    with street() as session:
        granted = list(session.scalars(select(Consent.granted).order_by(Consent.id)))
    assert granted == [True, False]
    chromium.close(page)


def test_the_keyboard_alone_reaches_and_presses_everything(chromium: Chromium, url: str, paths: dict[str, str]):
    page = chromium.open(url + paths["shop"])
    reached = []
    for _ in range(12 + len(TABS)):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent.trim()"))
        seen = page.evaluate(
            """() => { const one = document.activeElement, around = one.closest(".offer") ?? one;
              const ringed = it => getComputedStyle(it).outlineStyle === "solid";
              return one === document.body || ringed(one) || ringed(around); }"""
        )
        assert seen, reached[-1]

    tabs = [say(tab.label, "fr") for tab in TABS]
    assert reached[: 4 + len(tabs)] == ["Aller au contenu", "Citylife", *tabs, "English", "Suivre"]
    page.get_by_role("button", name="Suivre", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Vous suivez ce commerce")).to_be_focused()
    chromium.close(page)


def test_the_worker_shows_exactly_what_the_message_says(chromium: Chromium, url: str, paths: dict[str, str]):
    page = followed(chromium, url + paths["shop"])
    announced = Announced(
        message_id=uuid.uuid4(),
        kind=MessageKind.ANNOUNCEMENT,
        expires_at=NOW + dt.timedelta(hours=8),
        offer_id=uuid.UUID(paths["offer"].rpartition("/")[2]),
        title="Pains de la veille",
        ends_at=NOW + dt.timedelta(hours=8),
        shop_name="Le Fournil",
        held=None,
        until=None,
    )
    message = compose(announced, locale="fr", base_url=url, now=NOW).decode()
    told = json.loads(message)["notification"]
    assert set(told) == {"title", "body", "navigate", "lang", "tag", "silent"}

    chromium.push_to(page, message)
    [shown] = wait_for_notifications(chromium, page, 1)
    assert {**shown, **shown["data"]} == {**told, "data": shown["data"]}
    assert shown["data"] == {"navigate": told["navigate"]}

    # Sold out: the same tag takes the place of what is shown, without a sound.
    chromium.push_to(
        page, json.dumps({"web_push": 8030, "notification": {**told, "body": "Tout est parti", "silent": True}})
    )
    page.wait_for_function(
        "navigator.serviceWorker.ready.then(r => r.getNotifications()).then(n => n.some(one => one.silent))"
    )
    [shown] = chromium.notifications_of_the_page(page)
    assert (shown["body"], shown["silent"]) == ("Tout est parti", True)
    chromium.close(page)


@pytest.mark.parametrize(
    "message", ["", "pas du JSON", "[]", "null", '{"web_push": 1}', '{"web_push": 8030, "notification": {"title": ""}}']
)
def test_a_push_that_cannot_be_read_shows_something_all_the_same(
    chromium: Chromium, url: str, paths: dict[str, str], message: str
):
    page = followed(chromium, url + paths["shop"])

    chromium.push_to(page, message)

    [shown] = wait_for_notifications(chromium, page, 1)
    assert (shown["title"], shown["body"], shown["tag"]) == ("Citylife", "Du nouveau chez vos commerces.", "citylife")
    chromium.close(page)


def test_opening_from_a_notification_is_counted_once_and_the_address_forgets_it(
    chromium: Chromium, url: str, paths: dict[str, str], street: Sessions
):
    page = followed(chromium, url + paths["shop"])

    with page.expect_response(lambda answer: answer.url.endswith("/opened")) as counted:
        page.goto(f"{url}{paths['offer']}?from=notification")
    assert counted.value.ok
    assert page.url == url + paths["offer"]
    page.reload()
    page.wait_for_load_state("networkidle")  # nothing says that nothing is counted; half a second of silence does

    with street() as session:
        opened = session.scalars(select(DailyCount.count).where(DailyCount.counted == Counted.OFFER_OPENED)).all()
    assert opened == [1]
    assert chromium.complaints(page) == []
    chromium.close(page)


def followed(chromium: Chromium, address: str) -> Page:
    """A page of somebody who follows, may be notified, and whose service worker is at work."""
    page = chromium.open(address, notified=True)
    page.get_by_role("button", name="Suivre", exact=True).click()
    expect(page.get_by_role("heading", name="Vous suivez ce commerce")).to_be_visible()
    page.evaluate(
        "navigator.serviceWorker.register('/service-worker.js').then(() => navigator.serviceWorker.ready).then(() => 0)"
    )
    return page


def wait_for_notifications(chromium: Chromium, page: Page, count: int) -> list[dict[str, Any]]:
    page.wait_for_function(
        "count => navigator.serviceWorker.ready.then(r => r.getNotifications()).then(n => n.length >= count)", arg=count
    )
    return chromium.notifications_of_the_page(page)
