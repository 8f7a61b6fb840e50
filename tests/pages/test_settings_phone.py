"""« Changer de téléphone » without scripts: two phones and a code, the printed one, and wrong codes."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen, CitizenToken
from citylife.accounts.moving import MOST_TRIES, MovingCode
from tests.builders import a_shop
from tests.pages.conftest import Browser, ReadPage, StandingClock

Sessions = sessionmaker[Session]
PAGE = "/reglages/telephone"
TRANSFER = re.compile(r"[0-9A-Z]{5}-[0-9A-Z]{5}")
RECOVERY = re.compile(r"[0-9A-Z]{5}(-[0-9A-Z]{5}){4}")


@pytest.fixture
def hers(browser: Browser, sessions: Sessions) -> Browser:
    """The old phone, which follows a shop."""
    with sessions.begin() as session:
        slug = a_shop(session, "Le Fournil").slug
    browser.press(browser.get(f"/s/{slug}"), "Suivre")
    return browser


@pytest.fixture
def other(app: Flask) -> Browser:
    """A new phone, which knows nobody."""
    return Browser(app)


def code_on(page: ReadPage) -> str:
    return page.text(".code-big")


def made(browser: Browser, where: str = "code") -> ReadPage:
    page = ReadPage(browser.post(f"{PAGE}/{where}"))
    assert page.status == 200
    return page


def enter(browser: Browser, code: str, old_phones: str = "keep") -> ReadPage:
    answer = browser.post(PAGE, form={"code": code, "old_phones": old_phones})
    return browser.get(answer.headers["Location"]) if answer.status_code == 303 else ReadPage(answer)


def follows(browser: Browser) -> list[str]:
    return [one.to_text().strip() for one in browser.get("/mes-commerces").all("section[aria-labelledby=suivis] h3")]


def test_a_new_phone_is_only_asked_for_the_code(reader: Browser):
    page = reader.get(PAGE)

    assert [form.attrs["action"] for form in page.all("main form")] == [PAGE]
    assert page.one("#garder").attrs["value"] == "keep"
    assert "checked" in page.one("#garder").attrs


def test_her_shops_arrive_by_the_code_and_the_old_phone_keeps_them(hers: Browser, other: Browser):
    page = made(hers)
    assert TRANSFER.fullmatch(code_on(page))
    assert "jusqu’à 10 h 10." in page.words
    assert page.one(".qr svg")

    arrived = enter(other, code_on(page).lower().replace("-", " "))

    assert "C’est fait" in arrived.words
    assert "imprimez-en un nouveau" in arrived.words, "no printed code stands"
    assert follows(other) == follows(hers) == ["Le Fournil"]


def test_the_old_phones_may_be_signed_out(hers: Browser, other: Browser, sessions: Sessions):
    enter(other, code_on(made(hers)), "sign-out")

    assert follows(other) == ["Le Fournil"]
    assert "Vous ne suivez encore aucun commerce" in hers.get("/mes-commerces").words
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(CitizenToken)) == 1


@pytest.mark.parametrize("spoil", [str.lower, lambda code: code[:-1], lambda _: "ZZZZZ-ZZZZZ", lambda _: ""])
def test_a_code_that_does_not_work_is_said_at_its_field_and_stays_written(
    hers: Browser, other: Browser, spoil: Callable[[str], str]
):
    code = code_on(made(hers))
    if spoil is str.lower:
        enter(Browser(other.app), code)  # it works once

    page = enter(other, spoil(code), "sign-out")

    assert page.status == 422
    assert "Ce code n’est pas valable" in page.text("#code-probleme")
    assert page.one("#code").attrs["aria-describedby"] == "code-probleme code-aide"
    assert page.one("#code").attrs["value"] == spoil(code)
    assert "checked" in page.one("#deconnecter").attrs
    assert follows(other) == []


def test_an_old_code_does_not_work(hers: Browser, other: Browser, clock: StandingClock):
    code = code_on(made(hers))
    clock.forward(minutes=10)

    assert enter(other, code).status == 422


def test_whoever_tries_too_many_codes_has_to_wait(hers: Browser, other: Browser):
    code = code_on(made(hers))
    for _ in range(MOST_TRIES):
        assert enter(other, "ZZZZZ-ZZZZZ").status == 422

    page = enter(other, code)

    assert page.status == 429
    assert "Réessayez dans une heure" in page.text("#code-probleme")
    assert int(page.answer.headers["Retry-After"]) > 0


def test_the_printed_code_brings_her_back_and_is_replaced_or_cancelled(
    hers: Browser, other: Browser, sessions: Sessions
):
    first = code_on(made(hers, "secours"))
    page = made(hers, "secours")
    assert RECOVERY.fullmatch(code_on(page))
    assert "Fait le 24 novembre 2026." in page.words
    assert "http://localhost:8000/reglages/telephone" in page.words
    assert "Vous en avez un depuis le 24 novembre 2026." in hers.get(PAGE).words

    assert enter(other, first).status == 422, "it was replaced"
    assert "C’est fait" in enter(other, code_on(page)).words
    assert follows(other) == ["Le Fournil"]

    last = code_on(made(hers, "secours"))
    answer = hers.post(f"{PAGE}/secours/revoke")
    assert "Votre code de secours ne sert plus." in hers.get(answer.headers["Location"]).words
    with sessions() as session:
        assert session.scalars(select(MovingCode)).all() == []
    assert enter(Browser(other.app), last).status == 422


def test_a_phone_that_has_shops_is_told_what_becomes_of_them(hers: Browser, other: Browser, sessions: Sessions):
    with sessions.begin() as session:
        slug = a_shop(session, "Zinc").slug
    other.press(other.get(f"/s/{slug}"), "Suivre")
    assert "Ceux qu’il suit aujourd’hui ne seront pas repris." in other.get(PAGE).text("details")

    enter(other, code_on(made(hers)))

    assert follows(other) == ["Le Fournil"]
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Citizen)) == 2


def test_a_code_is_shown_once_and_only_to_whom_it_belongs(hers: Browser, other: Browser):
    for where in ("code", "secours"):
        code = code_on(made(hers, where))
        again = hers.get(f"{PAGE}/{where}?lang=en")
        assert again.text("h1") == "Change phones"
        assert code not in again.words
        assert other.post(f"{PAGE}/{where}").status_code == 401
        hers.get("/?lang=fr")
