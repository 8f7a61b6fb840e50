"""« Mes commerces » without scripts: her shops' offers in her order, how much she hears of each, and leaving one."""

import datetime as dt

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen
from citylife.activity import DailyCount
from citylife.consent import TEXTS, Purpose
from citylife.courtesy.tables import DigestLine
from citylife.follows import EndedFollow, Follow, Level
from citylife.ledger.messages import propose_announcement
from citylife.shops import ShopStatus
from tests.builders import NOW, a_citizen, a_follow, a_shop, an_offer, consent
from tests.pages.conftest import Browser, ReadPage, StandingClock

Sessions = sessionmaker[Session]


def names(page: ReadPage, section: str) -> list[str]:
    """The headings of the things in a section, which is named by the id of its title."""
    return [found.to_text().strip() for found in page.all(f"section[aria-labelledby={section}] h3")]


def follow_all(browser: Browser, *slugs: str) -> None:
    for slug in slugs:
        browser.press(browser.get(f"/s/{slug}"), "Suivre")


def chosen(page: ReadPage, slug: str) -> str:
    return page.one(f"#niveau-{slug} option[selected]").attrs["value"]


def choose(browser: Browser, slug: str, level: str, **form: str) -> ReadPage:
    answer = browser.post(f"/mes-commerces/{slug}/level", form={"level": level, **form})
    assert answer.status_code == 303
    return browser.get(answer.headers["Location"].partition("#")[0])


def leave(browser: Browser, slug: str) -> ReadPage:
    answer = browser.post(f"/mes-commerces/{slug}/leave", form={})
    assert answer.headers["Location"].endswith(f"#commerce-{slug}")
    return browser.get(answer.headers["Location"].partition("#")[0])


def test_who_follows_nothing_reads_what_to_do_first(reader: Browser):
    page = reader.get("/mes-commerces")

    assert page.text("h1") == "Mes commerces"
    assert "Vous ne suivez encore aucun commerce" in page.words
    assert "Scannez l’affiche" in page.words
    assert reader.get(page.one("main .button").attrs["href"].partition("#")[0]).status == 200
    assert page.all("main form") == []


def test_a_citizen_is_at_home_there_and_still_finds_every_shop(browser: Browser, sessions: Sessions):
    with sessions.begin() as session:
        shop, other = a_shop(session, "Le Fournil"), a_shop(session, "Autre")
    assert browser.get("/").text("h1") == "Vos commerces vous font signe."
    follow_all(browser, shop.slug)

    home = browser.get("/?lang=fr")

    assert home.text("h1") == "Mes commerces"
    assert home.one("nav.tabs [aria-current=page]").attrs["href"] == "/mes-commerces"
    assert names(browser.get("/chercher?q=autre"), "commerces-trouves") == [other.name]


def test_offers_come_in_the_order_she_chose(browser: Browser, sessions: Sessions):
    with sessions.begin() as session:
        bakery, books = a_shop(session, "Le Fournil"), a_shop(session, "Pages", category="books")
        soon = NOW + dt.timedelta(hours=2)
        an_offer(session, bakery, title="Ancienne", now=NOW - dt.timedelta(hours=1), ends_at=soon)
        an_offer(session, books, title="Nouvelle", ends_at=soon + dt.timedelta(hours=1))
        an_offer(session, a_shop(session), title="D’ailleurs")
    follow_all(browser, bakery.slug, books.slug)

    page = browser.get("/mes-commerces")
    assert names(page, "en-ce-moment") == ["Ancienne", "Nouvelle"]
    [here] = page.all(".choice [aria-current]")
    assert here.to_text() == "Bientôt finies"

    other = browser.get(next(one for one in page.all(".choice a") if one is not here).attrs["href"])
    assert names(other, "en-ce-moment") == ["Nouvelle", "Ancienne"]
    assert names(browser.get("/mes-commerces?order=whatever"), "en-ce-moment") == ["Ancienne", "Nouvelle"]


@pytest.mark.parametrize("order", ["newest", "ending"])
def test_every_offer_is_reached_by_following_the_next_page(browser: Browser, sessions: Sessions, order: str):
    with sessions.begin() as session:
        shop = a_shop(session)
        for number in range(45):
            an_offer(session, shop, title=f"Offre {number:02}")
    follow_all(browser, shop.slug)

    found, address = [], f"/mes-commerces?order={order}"
    for _ in range(3):
        page = browser.get(address)
        found += names(page, "en-ce-moment")
        address = page.all('a[rel="next"]')[0].attrs["href"] if page.all('a[rel="next"]') else ""

    assert (len(found), len(set(found)), address) == (45, 45, "")


def test_her_shops_come_by_name(browser: Browser, sessions: Sessions):
    with sessions.begin() as session:
        shops = [a_shop(session, name) for name in ("Zinc", "Étoile", "abricot")]
    follow_all(browser, *(shop.slug for shop in shops))

    assert names(browser.get("/mes-commerces"), "suivis") == ["abricot", "Étoile", "Zinc"]


@pytest.mark.parametrize("status", [ShopStatus.SUSPENDED, ShopStatus.CLOSED])
@pytest.mark.parametrize("address", ["/mes-commerces/{}/leave", "/s/{}/unfollow"])
def test_a_shop_that_is_gone_is_said_to_be_and_may_be_left_and_nothing_else(
    browser: Browser, sessions: Sessions, status: ShopStatus, address: str
):
    with sessions.begin() as session:
        shop = a_shop(session, "Fermée", open_until="19:00")
    follow_all(browser, shop.slug)
    choose(browser, shop.slug, "always")
    with sessions.begin() as session:
        session.merge(shop).status = status

    page = browser.get("/mes-commerces")
    assert "Vous ne suivez encore aucun commerce" not in page.words
    assert names(page, "suivis") == ["Fermée"]
    assert "Ce commerce n’est plus sur Citylife pour l’instant." in page.words
    assert page.all(f"main a[href='/s/{shop.slug}']") == []
    assert [form.attrs["action"] for form in page.all("main form")] == [f"/mes-commerces/{shop.slug}/leave"]
    assert "Il vous en reste 2" in page.words

    assert browser.post(address.format(shop.slug), form={}).status_code == 303
    left = browser.get(f"/mes-commerces?left={shop.slug}&level=always")
    assert "Vous ne suivez plus Fermée." in left.words
    assert left.all("main form") == []
    assert "Vous ne suivez encore aucun commerce" in browser.get("/mes-commerces").words
    with sessions() as session:
        assert session.scalars(select(Follow)).all() == []
    assert browser.post(address.format(shop.slug), form={}).status_code in {404, 410}


def test_she_sets_how_much_she_hears_of_a_shop(browser: Browser, sessions: Sessions):
    with sessions.begin() as session:
        shop = a_shop(session)
        slug = shop.slug
        an_offer(session, shop)
        other = a_citizen(session)
        a_follow(session, other, session.merge(a_shop(session)))
    follow_all(browser, slug)
    assert chosen(browser.get("/mes-commerces"), slug) == "normal"

    page = choose(browser, slug, "nearby", order="newest")

    assert chosen(page, slug) == "nearby"
    assert page.text("[data-says]") == "C’est noté."
    assert page.text(".choice [aria-current]") == "Les plus récentes"
    with sessions() as session:
        assert session.scalars(select(Follow.level).where(Follow.citizen_id != other.id)).all() == [Level.NEARBY]
    assert chosen(choose(browser, slug, "nonsense"), slug) == "nearby"


def test_nearby_without_a_place_says_that_it_is_as_usual_until_she_has_one(browser: Browser, sessions: Sessions):
    with sessions.begin() as session:
        slug = a_shop(session, "Le Fournil").slug
    follow_all(browser, slug)
    words = "Vous n’avez pas de lieu : « à proximité » vaut alors « Normal »."
    assert words not in browser.get("/mes-commerces").words
    assert "sans lieu, comme « Normal »" in browser.get("/mes-commerces").text(".meanings")

    page = choose(browser, slug, "nearby")

    assert words in page.text(f"#commerce-{slug}")
    assert page.all(f"#commerce-{slug} a[href='/reglages/lieux']")
    english = ReadPage(browser.client.get("/mes-commerces", headers={"Accept": "text/html", "Accept-Language": "en"}))
    assert "You have no place: “Nearby” then means “Normal”." in english.words
    consent = {"agreed": "1", "text_version": TEXTS[Purpose.LOCATION].version}
    assert browser.post("/reglages/lieux", form={"commune": "62119", **consent}).status_code == 303
    assert words not in browser.get("/mes-commerces").words


def test_a_fourth_always_is_neither_offered_nor_taken(browser: Browser, sessions: Sessions):
    with sessions.begin() as session:
        slugs = [a_shop(session, f"Commerce {number}").slug for number in range(4)]
    follow_all(browser, *slugs)
    assert "Il vous en reste 3." in browser.get("/mes-commerces").words
    for slug in slugs[:3]:
        page = choose(browser, slug, "always")

    assert "Vos trois « toujours » sont pris." in page.words
    disabled = [len(page.all(f"#niveau-{slug} option[disabled]")) for slug in slugs]
    assert disabled == [0, 0, 0, 1]

    page = choose(browser, slugs[3], "always")
    assert page.text(f"#commerce-{slugs[3]} [data-says]").startswith("Trois autres commerces sont déjà « toujours »")
    assert chosen(page, slugs[3]) == "normal"


def test_leaving_is_undone_as_if_nothing_had_been(browser: Browser, sessions: Sessions, clock: StandingClock):
    with sessions.begin() as session:
        slug, stays = a_shop(session, "Le Fournil").slug, a_shop(session, "Zinc").slug
    follow_all(browser, slug, stays)
    choose(browser, slug, "always")
    with sessions() as session:
        before = {(one.shop_id, one.level, one.begun_at) for one in session.scalars(select(Follow))}
    clock.forward(minutes=5)

    page = leave(browser, slug)
    assert "Vous ne suivez plus Le Fournil." in page.text(f"#commerce-{slug}")
    assert names(page, "suivis") == ["Zinc"]

    clock.forward(seconds=50)
    form = page.one("undo-notice form")
    fields = {one.attrs["name"]: one.attrs["value"] for one in page.all("undo-notice input")}
    answer = browser.post(form.attrs["action"], form=fields)
    assert names(browser.get(answer.headers["Location"].partition("#")[0]), "suivis") == ["Le Fournil", "Zinc"]
    with sessions() as session:
        assert {(one.shop_id, one.level, one.begun_at) for one in session.scalars(select(Follow))} == before
        assert session.scalars(select(EndedFollow)).all() == []
        assert session.scalars(select(DailyCount)).all() == []


def test_after_a_minute_leaving_is_no_longer_offered_to_be_undone(
    browser: Browser, sessions: Sessions, clock: StandingClock
):
    with sessions.begin() as session:
        slug = a_shop(session).slug
    follow_all(browser, slug)
    address = browser.post(f"/mes-commerces/{slug}/leave", form={}).headers["Location"].partition("#")[0]

    clock.forward(minutes=1)

    assert browser.get(address).all("undo-notice") == []
    for made_up in ("/mes-commerces?left=nowhere", f"/mes-commerces?left={slug}&level=nonsense"):
        assert browser.get(made_up).all("undo-notice") == []


def test_the_last_shop_left_may_be_taken_back_too(browser: Browser, sessions: Sessions):
    with sessions.begin() as session:
        slug = a_shop(session).slug
    follow_all(browser, slug)

    assert len(leave(browser, slug).all("undo-notice")) == 1


def test_always_that_was_given_away_meanwhile_comes_back_as_normal(browser: Browser, sessions: Sessions):
    with sessions.begin() as session:
        slugs = [a_shop(session).slug for _ in range(4)]
    follow_all(browser, *slugs)
    for slug in slugs[:3]:
        choose(browser, slug, "always")
    leave(browser, slugs[0])
    choose(browser, slugs[3], "always")

    assert browser.post(f"/mes-commerces/{slugs[0]}/take-back", form={"level": "always"}).status_code == 303

    assert chosen(browser.get("/mes-commerces"), slugs[0]) == "normal"


def test_a_shop_that_never_notifies_offers_no_level(browser: Browser, sessions: Sessions):
    with sessions.begin() as session:
        slug = a_shop(session, category="wine").slug
    follow_all(browser, slug)

    page = browser.get("/mes-commerces")

    assert "n’envoie jamais de notification" in page.text(f"#commerce-{slug}")
    assert page.all("select[name=level]") == []


def test_what_she_does_not_follow_has_no_level(browser: Browser, sessions: Sessions):
    with sessions.begin() as session:
        followed, other = a_shop(session).slug, a_shop(session).slug
    follow_all(browser, followed)

    assert browser.post(f"/mes-commerces/{other}/level", form={"level": "always"}).status_code == 303
    with sessions() as session:
        assert session.scalars(select(Follow.level)).all() == [Level.NORMAL]


def test_what_a_digest_told_her_of_by_discovery_stands_at_home_where_its_tap_leads(
    reader: Browser, street: Sessions, clock: StandingClock
):
    with street.begin() as session:
        shop, found = a_shop(session, "Le Fournil"), a_shop(session, "Chez Rose")
        offer = an_offer(session, found, title="Pivoines")
    follow_all(reader, shop.slug)
    with street.begin() as session:
        citizen = session.scalars(select(Citizen)).one()
        citizen.discover_nearby = True
        consent(session, citizen, Purpose.LOCATION)
        message = propose_announcement(session, offer, now=clock())
        session.flush()
        session.add(DigestLine(citizen_id=citizen.id, message_id=message.id, digest_id=message.id))

    home = reader.get("/?from=digest")

    assert names(home, "decouvertes") == ["Pivoines"]
    assert "parce que vous avez demandé à découvrir" in home.words
    follow_all(reader, found.slug)
    home = reader.get("/?from=digest")
    assert names(home, "en-ce-moment") == ["Pivoines"]
    assert home.all("#decouvertes") == []
