"""« Chercher » without scripts: shops and offers by a few words, typed in haste, by trade and by commune."""

import pytest
from sqlalchemy.orm import Session, sessionmaker

from citylife.shops import ShopStatus
from tests.builders import a_shop, an_offer
from tests.pages.conftest import Browser, ReadPage

Sessions = sessionmaker[Session]
BRUAY = ("62178", (50.4823, 2.5466))


def names(page: ReadPage, section: str = "commerces-trouves") -> list[str]:
    """The headings of what was found in a section, which is named by the id of its title."""
    return [found.to_text().strip() for found in page.all(f"section[aria-labelledby={section}] h3")]


def people(street: Sessions) -> None:
    with street.begin() as session:
        a_shop(session, "Le Fournil")
        a_shop(session, "Café de la Gare", category="cafe", insee_code=BRUAY[0], position=BRUAY[1])
        a_shop(session, "Librairie Neuve", category="books", status=ShopStatus.LISTED)
        a_shop(session, "Fermée d’office", status=ShopStatus.SUSPENDED)


def test_where_nothing_is_sought_every_shop_is_there(reader: Browser, street: Sessions):
    people(street)

    page = reader.get("/chercher")

    assert page.text("h1") == "Chercher"
    assert names(page) == ["Le Fournil", "Café de la Gare", "Librairie Neuve"]
    assert page.one("nav.tabs [aria-current=page]").attrs["href"] == "/chercher"
    assert len(page.all("#commune option")) == 101


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("commune=62178", ["Café de la Gare"]),
        ("commune=62119", ["Le Fournil", "Librairie Neuve"]),
        ("commune=75056", ["Le Fournil", "Café de la Gare", "Librairie Neuve"]),
        ("category=books", ["Librairie Neuve"]),
        ("category=tobacco", ["Le Fournil", "Café de la Gare", "Librairie Neuve"]),
        ("q=CAFE", ["Café de la Gare"]),
        ("q=librarie+beth", ["Librairie Neuve"]),
        ("q=fournil&commune=62178", []),
        ("q=%25", ["Le Fournil", "Café de la Gare", "Librairie Neuve"]),
        ("q=%3Cscript%3E", []),
    ],
)
def test_shops_are_found_by_name_and_commune(reader: Browser, street: Sessions, query: str, found: list[str]):
    people(street)

    page = reader.get(f"/chercher?{query}")

    assert page.status == 200
    assert names(page) == found
    assert ("Rien trouvé" in page.words) is (not found)


def test_the_search_keeps_what_was_asked(reader: Browser, street: Sessions):
    people(street)

    page = reader.get('/chercher?q="><b>&commune=62178')

    assert page.one("#nom").attrs["value"] == '"><b>'
    assert page.one("option[selected]").attrs["value"] == "62178"
    assert page.all("main b") == []


def test_every_shop_is_reached_by_following_the_next_page(reader: Browser, street: Sessions):
    with street.begin() as session:
        wanted = [a_shop(session, f"Épicerie {number:02}", category="grocery").name for number in range(45)]

    found, address = [], "/chercher?q=epicerie"
    for _ in range(3):
        page = reader.get(address)
        found += names(page)
        following = page.all('a[rel="next"]')
        address = following[0].attrs["href"] if following else ""

    assert found == wanted
    assert address == ""


def test_a_cursor_of_somebodys_making_is_refused_as_a_page(reader: Browser):
    page = reader.get("/chercher?cursor=zzz")

    assert page.status == 422
    assert page.answer.mimetype == "text/html"


def test_a_shop_says_how_many_offers_it_has_now(reader: Browser, street: Sessions):
    with street.begin() as session:
        shop = a_shop(session, "Le Fournil")
        an_offer(session, shop)
        an_offer(session, shop)

    assert "2 offres en ce moment" in reader.get("/chercher").words


def test_an_empty_town_says_so(reader: Browser):
    assert "Aucun commerce n’est encore là." in reader.get("/chercher").words


def test_offers_are_found_beside_the_shops(reader: Browser, street: Sessions):
    with street.begin() as session:
        shop = a_shop(session, "Le Fournil")
        an_offer(session, shop, title="Tarte au sucre")
        an_offer(session, a_shop(session, "La Tarterie"), title="Flan")

    page = reader.get("/chercher?q=tart")

    assert names(page) == ["La Tarterie"]
    assert set(names(page, "offres-trouvees")) == {"Tarte au sucre", "Flan"}
    assert page.text("[data-says]") == "1 commerce. 2 offres."
    assert "Le Fournil" in page.text("section[aria-labelledby=offres-trouvees]")
    assert names(reader.get("/chercher"), "offres-trouvees") == []


def test_offers_go_on_by_pages_of_their_own(reader: Browser, street: Sessions):
    with street.begin() as session:
        shop = a_shop(session, "Le Fournil")
        for number in range(25):
            an_offer(session, shop, title=f"Tarte {number}")

    for query in ("q=tarte", "commune=62119"):
        page = reader.get(f"/chercher?{query}")
        first = names(page, "offres-trouvees")
        rest = reader.get(page.one("a[rel=next]").attrs["href"])
        assert names(rest) == []
        assert len({*first, *names(rest, "offres-trouvees")}) == 25
        assert rest.all("a[rel=next]") == []


def test_nothing_found_says_for_what_and_leads_out_of_the_commune(reader: Browser, street: Sessions):
    people(street)

    page = reader.get("/chercher?q=fournil&commune=62178")

    assert "Rien trouvé pour « fournil »." in page.text("[data-says]")
    assert names(reader.get(page.one(".nothing a").attrs["href"])) == ["Le Fournil"]


def test_a_trade_is_chosen_and_left_again(reader: Browser, street: Sessions):
    people(street)

    trade = next(link for link in reader.get("/chercher").all(".trades a") if "Librairie" in link.to_text())
    page = reader.get(trade.attrs["href"])

    assert names(page) == ["Librairie Neuve"]
    chosen, every = page.all(".choice a")
    assert (chosen.attrs["aria-current"], every.attrs["href"]) == ("true", "/chercher")


def test_its_searches_are_kept_by_the_browser_alone(reader: Browser):
    answer = reader.get("/chercher?q=secret").answer

    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "private, no-cache"
