"""Every page in every state is HTML without a fault, works without scripts, and stays inside a strict policy."""

import re
from collections.abc import Iterator
from itertools import pairwise

import pytest
from flask import Flask
from sqlalchemy.orm import Session, sessionmaker

from citylife.offers import OfferStatus
from citylife.shops import ShopStatus
from tests.builders import a_shop, an_offer
from tests.pages.conftest import Browser, ReadPage, an_app

Sessions = sessionmaker[Session]
FOR_EVERYBODY = (
    "/accessibilite",
    "/mentions-legales",
    "/confidentialite",
    "/credits",
    "/pilote",
    "/c/62119",
    "/c/62023",
    "/c/62119/ecran",
    "/c/62023/ecran",
)
"""Pages that say the same to all who read one language."""
SETTINGS = (
    "/reglages",
    "/reglages/pourquoi",
    "/reglages/lieux",
    "/reglages/telephone",
    "/reglages/courriel",
    "/reglages/donnees",
    "/reglages/donnees/effacer",
)
ALLOWED_SOURCES = {"'none'", "'self'"}


@pytest.fixture
def every_page(reader: Browser, street: Sessions) -> dict[str, ReadPage]:
    """Each page in each state, in both languages."""
    with street.begin() as session:
        shop = a_shop(
            session,
            "Le Fournil",
            open_until="19:00",
            street="1 rue d’Arras",
            telephone="0321570000",
            website="https://fournil.example/?a=1&b=2",
            description="Ici & là.",
        )
        shop.fictional = True
        listed = a_shop(session, status=ShopStatus.LISTED)
        claimed = a_shop(session, status=ShopStatus.CLAIMED)
        wine = a_shop(session, category="wine")
        live = an_offer(
            session, shop, price=225, prior_price=450, reduction=True, quantity=3, description="Deux\nlignes"
        )
        gone = an_offer(session, shop, status=OfferStatus.SOLD_OUT)
        over = an_offer(session, shop, status=OfferStatus.ENDED)
    paths = [f"/s/{one.slug}" for one in (shop, listed, claimed, wine)]
    pages = {path: reader.get(path) for path in paths}
    for path in ("/", "/mes-commerces", *SETTINGS):
        pages |= {f"newcomer {path}": reader.get(path)}
        pages |= {f"newcomer {path} en": reader.get(path, **{"Accept-Language": "en"})}
    for path in paths:
        pages[f"{path} followed"] = reader.press(pages[path], "Suivre")
    pages["code taken"] = reader.press(reader.get(f"/o/{live.id}"), "Prendre un code")
    others = [
        "/",
        "/chercher?q=rien-du-tout",
        "/chercher?commune=62119",
        "/chercher?category=bakery",
        "/chercher",
        *(f"/o/{offer.id}" for offer in (live, gone, over)),
        *(f"/o/{live.id}/signaler{said}" for said in ("", "?entendu=1")),
    ]
    others += [f"/o/{live.id}?from=notification", "/nulle-part", "/chercher?cursor=x", "/mes-commerces?order=newest"]
    others += [f"/mes-commerces?{said}={shop.slug}" for said in ("changed", "refused", "back")]
    others += FOR_EVERYBODY
    others += SETTINGS
    pages |= {path: reader.get(path) for path in others}
    pages |= {f"{path} en": reader.get(path, **{"Accept-Language": "en"}) for path in [*paths, *others]}
    return pages


def test_they_are_html_without_a_fault(every_page: dict[str, ReadPage]):
    faults = {path: page.document.errors for path, page in every_page.items() if page.document.errors}

    assert faults == {}
    assert len(every_page) == 97


def test_ids_are_unique_and_whatever_refers_to_one_finds_it(every_page: dict[str, ReadPage]):
    for path, page in every_page.items():
        ids = [found.attrs["id"] for found in page.all("[id]")]
        assert len(ids) == len(set(ids)), path
        wanted = {link.attrs["href"][1:] for link in page.all('a[href^="#"]')}
        for name in ("aria-labelledby", "aria-describedby", "for", "data-in-place"):
            wanted |= {word for found in page.all(f"[{name}]") for word in found.attrs[name].split()}
        assert wanted <= set(ids), path


def test_each_has_one_heading_of_the_first_level_landmarks_and_a_language(every_page: dict[str, ReadPage]):
    for path, page in every_page.items():
        assert page.one("html").attrs["lang"] == ("en" if path.endswith(" en") else "fr"), path
        assert all(len(page.all(landmark)) == 1 for landmark in ("header", "main", "footer", "h1")), path
        levels = [int(heading.name[1]) for heading in page.all("h1, h2, h3, h4")]
        assert levels[0] == 1, path
        assert all(lower - upper <= 1 for upper, lower in pairwise(levels)), (path, levels)
        assert page.one("title").to_text().strip(), path
        assert page.one("a.skip").attrs["href"] == f"#{page.one('main').attrs['id']}", path


def test_nothing_is_said_in_the_other_language(every_page: dict[str, ReadPage]):
    french = re.compile(r"[«»]|\b(?:Suivre|Fermé|Ouvert|Jusqu’|Trouver|commerce)\b")
    for path, page in every_page.items():
        if path.endswith(" en"):
            said = page.words.replace("Le Fournil", "").replace("Pains à moitié prix", "")
            assert not french.search(said), (path, french.findall(said))


def test_no_script_nor_style_stands_inside_a_page(every_page: dict[str, ReadPage]):
    for path, page in every_page.items():
        assert page.all("style, [style], base, iframe, object, embed") == [], path
        assert all(script.attrs.get("src") and not script.to_text() for script in page.scripts), path
        for element in page.all("*"):
            assert not [name for name in element.attrs if name.startswith("on")], path
            assert not str(element.attrs.get("href", "")).lower().startswith(("javascript:", "data:")), path


def test_no_page_asks_another_host_for_anything(every_page: dict[str, ReadPage]):
    for path, page in every_page.items():
        asked = [found.attrs["src"] for found in page.all("[src]")]
        asked += [found.attrs["href"] for found in page.all('link:not([rel="canonical"]), use')]
        assert asked, path
        assert all(address.startswith("/") and not address.startswith("//") for address in asked), (path, asked)


def test_every_address_that_a_page_asks_for_is_there(every_page: dict[str, ReadPage], reader: Browser):
    asked = {
        str(found.attrs.get("src") or found.attrs["href"]).partition("#")[0]
        for page in every_page.values()
        for found in page.all('[src], link:not([rel="canonical"]), use')
    }

    assert len(asked) >= 8
    for address in sorted(asked):
        with reader.client.get(address) as answer:
            assert answer.status_code == 200, address


def test_the_policy_of_every_page_is_strict(every_page: dict[str, ReadPage]):
    for path, page in every_page.items():
        headers = page.answer.headers
        [policy] = headers.getlist("Content-Security-Policy")
        rules = {name: values for name, *values in (rule.split() for rule in policy.split(";"))}
        assert rules["default-src"] == ["'none'"], path
        assert rules["base-uri"] == rules["frame-ancestors"] == ["'none'"], path
        assert rules["form-action"] == ["'self'"], path
        assert all(set(values) <= ALLOWED_SOURCES for values in rules.values()), path
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["Referrer-Policy"] == "same-origin", path
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin", path


def test_no_shared_cache_keeps_what_one_citizen_saw(every_page: dict[str, ReadPage]):
    for path, page in every_page.items():
        if path.removesuffix(" en") not in FOR_EVERYBODY:
            assert page.answer.headers["Cache-Control"] in {"private, no-cache", "no-store"}, path
        assert {"accept-language"} <= {name.lower() for name in page.answer.vary}, path
        if page.status == 200:
            assert "cookie" in {name.lower() for name in page.answer.vary}, path


def test_the_cookie_of_a_language_says_nothing_else(reader: Browser):
    answer = reader.get("/?lang=en").answer

    [cookie] = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("citylife-language=en;")
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))


@pytest.fixture
def secure_app(sqlite_url: str, tmp_path, clock) -> Iterator[Flask]:
    yield from an_app(sqlite_url, tmp_path, clock, base_url="https://citylife.example")


def test_over_https_browsers_are_told_to_stay_there(secure_app: Flask):
    answer = secure_app.test_client().get("/?lang=en", base_url="https://citylife.example")

    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
    assert "Secure" in answer.headers["Set-Cookie"]
