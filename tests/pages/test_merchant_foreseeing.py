"""What is told of an announcement before it leaves: the notification word for word, and who will hear of it."""

import threading
from typing import Any

import orjson
import pytest
from flask import Flask
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen
from citylife.accounts.merchants import WRITES
from citylife.audience import previews, readiness
from citylife.audience.foresight import Foreseen
from citylife.audience.previews import Previews
from citylife.categories import BY_KEY, Policy
from citylife.follows import Level
from citylife.ledger.claims import Announced
from citylife.ledger.tables import MessageKind
from citylife.limits import Pace
from citylife.offers import Offer
from citylife.shops import Shop, ShopStatus
from notifications.composer import compose
from tests import builders
from tests.builders import NOW
from tests.pages.conftest import Browser, ReadPage, plain
from tests.pages.counter import filled, her_browser, her_shop, offers, path_of

Sessions = sessionmaker[Session]
TOLD_AT_ONCE = 30
PAGE_ONLY = next(key for key, category in BY_KEY.items() if category.policy is Policy.PAGE_ONLY)


@pytest.fixture
def shop(sessions: Sessions) -> Shop:
    return her_shop(sessions)


@pytest.fixture
def counter(app: Flask, sessions: Sessions, shop: Shop) -> Browser:
    return her_browser(app, sessions)


def looked(counter: Browser, shop: Shop, **typed: str) -> ReadPage:
    return ReadPage(counter.post(path_of(shop), form=filled(counter.get(path_of(shop)), "look", **typed)))


def fates(page: ReadPage) -> dict[str, str]:
    (told, *_reasons) = page.all("#apercu dl.foreseen")
    return {plain(row.query("dt")[0].to_text()): plain(row.query("dd")[0].to_text()) for row in told.query("div")}


@pytest.fixture
def followers(sessions: Sessions, shop: Shop) -> None:
    """Thirty who always want to hear of the shop, and three who want no notification."""
    with sessions.begin() as session:
        hers = session.get_one(Shop, shop.id)
        for _ in range(TOLD_AT_ONCE):
            builders.a_follower(session, hers, Level.ALWAYS)
        for _ in range(3):
            builders.a_follower(session, hers, Level.NONE)


@pytest.mark.usefixtures("followers")
def test_who_hears_of_it_is_said_in_words_and_small_numbers_are_not(counter: Browser, shop: Shop):
    page = looked(counter, shop, title="Tarte")

    told = fates(page)
    assert list(told) == ["Tout de suite", "Après leurs heures calmes", "Dans leur récapitulatif", "Pas cette fois"]
    assert told["Tout de suite"] in {"environ 25", "environ 30"}
    assert {told[name] for name in list(told)[1:]} == {"moins de 11"}
    assert "Abonnés : 33" in page.text("#apercu")
    assert "Vous suivent « toujours » " in page.text("#apercu details") + " "
    assert "Tout de suite : environ" in page.text("[data-foreseen]")


@pytest.mark.usefixtures("followers")
def test_looking_keeps_and_sends_nothing_and_what_was_typed_stays(counter: Browser, sessions: Sessions, shop: Shop):
    page = looked(counter, shop, title="Tarte", price="un", radius="7000")
    assert (page.status, offers(sessions)) == (200, [])
    assert [page.one(f"#{name}").attrs["value"] for name in ("title", "price", "radius")] == ["Tarte", "un", "7000"]
    assert page.all("main .problem") == []


def test_looking_is_counted_and_holds_no_writer_up(
    counter: Browser, sessions: Sessions, shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    counted: list[int] = []
    foresee = Previews.foresee

    def while_others_write(self: Previews, *args: Any, **asked: Any) -> Foreseen:
        with sessions() as other:  # on SQLite its first statement takes the only pen
            paces = select(Pace).where(Pace.limit_name == WRITES.name).with_for_update(nowait=True)
            counted.append(other.scalars(paces).one().ahead_until)
        return foresee(self, *args, **asked)

    sent = filled(counter.get(path_of(shop)), "look", title="Tarte")
    monkeypatch.setattr(Previews, "foresee", while_others_write)
    for _ in range(2):
        assert counter.post(path_of(shop), form=sent).status_code == 200
    assert counted[1] - counted[0] == WRITES.step


@pytest.mark.usefixtures("followers")
def test_whom_she_reaches_is_asked_from_her_shops_page_on(
    counter: Browser, shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    groups, enough = previews._groups, threading.Event()
    looks: list[bool] = []

    def noted(*args: Any, **asked: Any) -> Any:
        found = groups(*args, **asked)
        looks.append(threading.current_thread() is threading.main_thread())
        if len(looks) == len(previews.REACHES):
            enough.set()
        return found

    monkeypatch.setattr(previews, "_groups", noted)
    monkeypatch.setattr(readiness, "MANY", TOLD_AT_ONCE)
    counter.get(f"/commerce/{shop.id}")
    assert enough.wait(30)
    assert fates(looked(counter, shop, title="Tarte"))["Tout de suite"] in {"environ 25", "environ 30"}
    assert looks == [False] * len(previews.REACHES)


@pytest.mark.usefixtures("followers")
def test_what_ends_within_their_quiet_hours_reaches_nobody(counter: Browser, sessions: Sessions, shop: Shop):
    with sessions.begin() as session:
        session.execute(
            update(Citizen).values(quiet_from=NOW.time().replace(hour=8), quiet_until=NOW.time().replace(hour=22))
        )
        session.execute(update(Citizen).values(quiet_sundays=False))
    told = fates(looked(counter, shop, title="Tarte", until="autre", ends_at="2026-11-24T12:00"))
    assert (told["Tout de suite"], told["Pas cette fois"]) in {("moins de 11", f"environ {n}") for n in (25, 30, 35)}


@pytest.mark.parametrize("typed", [{"radius": "5"}, {"radius": "x"}, {"until": "autre"}, {"until": "2026-11-01T10:00"}])
def test_what_cannot_be_foreseen_yet_is_said_quietly(counter: Browser, shop: Shop, typed: dict[str, Any]):
    page = looked(counter, shop, title="Tarte", **typed)
    assert page.status == 200
    if typed.get("until") == "2026-11-01T10:00":  # no choice of today: this evening is chosen
        assert fates(page)
    else:
        assert "Choisissez jusqu’à quand" in page.text("#apercu")


def test_the_notification_is_the_one_that_will_be_sent(counter: Browser, sessions: Sessions, shop: Shop):
    page = looked(counter, shop, title="Tarte à moitié prix")
    counter.post(path_of(shop), form=filled(page, "publish"))

    with sessions() as session:
        offer = session.scalars(select(Offer)).one()
        assert session.scalar(select(func.count()).select_from(Offer)) == 1
    announced = Announced(
        message_id=offer.id,
        kind=MessageKind.ANNOUNCEMENT,
        expires_at=offer.ends_at,
        offer_id=offer.id,
        title=offer.title,
        ends_at=offer.ends_at,
        shop_name=shop.name,
        held=None,
        until=None,
    )
    sent = orjson.loads(compose(announced, locale="fr", base_url="https://town.example", now=NOW))["notification"]
    assert page.text(".on-phone-title") == sent["title"]
    assert page.text(".on-phone-body") == plain(sent["body"])


def test_a_trade_without_notifications_is_shown_none(counter: Browser, sessions: Sessions, shop: Shop):
    with sessions.begin() as session:
        session.get_one(Shop, shop.id).category = PAGE_ONLY
    page = looked(counter, shop, title="Ouvert dimanche")
    assert page.all(".on-phone, #apercu dl") == []
    assert "Aucune notification ne part" in page.text("#apercu figure")


def test_another_s_audience_is_absent_and_another_site_is_not_answered(
    app: Flask, counter: Browser, sessions: Sessions, shop: Shop
):
    with sessions.begin() as session:
        other = builders.a_shop(session, "Ailleurs")
    sent = filled(counter.get(path_of(shop)), "look", title="Tarte")
    assert counter.post(path_of(other), form=sent).status_code == 404
    assert counter.post(path_of(shop), headers={"Sec-Fetch-Site": "cross-site"}, form=sent).status_code == 403
    assert Browser(app).post(path_of(shop), form=sent).status_code == 303


def test_who_only_claims_a_shop_reads_no_number_of_those_who_follow_it(
    counter: Browser, sessions: Sessions, shop: Shop
):
    with sessions.begin() as session:
        for _ in range(30):
            builders.a_follow(session, builders.a_citizen(session), shop)
        session.execute(update(Shop).values(status=ShopStatus.CLAIMED))

    pages = counter.get(f"/commerce/{shop.id}"), counter.get(f"/commerce/{shop.id}/resultats"), looked(counter, shop)

    for page in pages:
        assert "abonnés :" not in page.text("main").replace("\N{NO-BREAK SPACE}", " ").lower()
        assert "Abonnés perdus" not in page.text("main")
    assert "d’ici là, aucun nombre d’abonnés ne se dit" in looked(counter, shop, title="Brioche").text("#apercu")
    with sessions.begin() as session:
        session.execute(update(Shop).values(status=ShopStatus.VERIFIED))
    assert "Abonnés : 30" in counter.get(f"/commerce/{shop.id}").text("main").replace("\N{NO-BREAK SPACE}", " ")
    assert "Abonnés perdus" in counter.get(f"/commerce/{shop.id}/resultats").text("main")
