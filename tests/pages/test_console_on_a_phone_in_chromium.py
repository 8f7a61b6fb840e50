"""The ways of the console on a phone: a row for its sections, a row for the pages of one, and then what was asked for.

Each way is reached by thumb, by keyboard and without scripts, in daylight and at night.
"""

import pytest
from playwright.sync_api import Page
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.staff import StaffRole
from tests import builders
from tests.browser.chromium import Chromium, Scheme
from tests.pages.desk import COOKIE, KARIMA
from tests.pages.test_pages_in_chromium import SCHEMES, wide

pytestmark = pytest.mark.long

TITLE_BY = 250
"""Pixels from the top of a page by which its title has begun: a third of a small phone's screen."""
ROWS = {"/console/equipe": ["Équipe"], "/console/mesures/envois": ["Mesures", "Envois au cluster"]}
"""Pages that lie at the end of their rows, and what is open in each row."""
IN_SIGHT = """(one) => {
  const { left, right } = one.getBoundingClientRect();
  return left >= 0 && right <= innerWidth;
}"""
TOP = "(one) => one.getBoundingClientRect().top"


@pytest.fixture
def token(street: sessionmaker[Session]) -> str:
    """What the browser of Karima shows, who administers."""
    with street.begin() as session:
        member = builders.a_staff_member(session, StaffRole.ADMINISTER, KARIMA)
        builders.a_passkey(session, member)
        return builders.signed_in(session, member)


def on_a_phone(
    chromium: Chromium, url: str, token: str, *, width: int = 360, scheme: Scheme = "light", scripts: bool = True
) -> Page:
    page = chromium.open(url, width=width, scheme=scheme, scripts=scripts)
    secure = url.replace("http:", "https:")
    page.context.add_cookies([{"name": COOKIE, "value": token, "url": secure, "secure": True}])
    return page


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [320, 360, 390])
def test_each_row_is_one_and_what_is_open_stands_in_sight(
    chromium: Chromium, url: str, token: str, scheme: Scheme, width: int
):
    page = on_a_phone(chromium, url, token, width=width, scheme=scheme)
    for path, names in ROWS.items():
        page.goto(url + path)
        rows = page.locator(".sections").all()
        assert len(rows) == len(names)
        for row, name in zip(rows, names, strict=True):
            assert len({link.evaluate(TOP) for link in row.get_by_role("link").all()}) == 1
            here = row.locator("[aria-current]")
            assert here.inner_text() == name
            assert here.evaluate(IN_SIGHT), (path, name)
        assert page.get_by_role("heading", level=1).evaluate(TOP) < TITLE_BY
        assert page.evaluate("scrollY") == 0
        assert not wide(page)
        assert chromium.barriers(page) == []
        assert chromium.complaints(page) == []
    chromium.close(page)


def test_the_keyboard_goes_through_both_rows_and_sees_where_it_is(chromium: Chromium, url: str, token: str):
    page = on_a_phone(chromium, url, token)
    page.goto(url + "/console/mesures")
    ways = page.locator(".sections a")
    names, ways_passed = ways.all_inner_texts(), []
    ways.first.focus()
    for _ in names:
        focused = page.locator(":focus")
        ways_passed.append(focused.inner_text())
        assert focused.evaluate(IN_SIGHT), ways_passed[-1]
        page.keyboard.press("Tab")
    assert ways_passed == names
    assert len(names) == 13
    chromium.close(page)


def test_without_scripts_every_way_is_still_in_its_row(chromium: Chromium, url: str, token: str):
    page = on_a_phone(chromium, url, token, scripts=False)
    page.goto(url + "/console/mesures")
    page.get_by_role("link", name="Envois au cluster").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Envois au cluster"
    assert page.get_by_role("heading", level=1).evaluate(TOP) < TITLE_BY
    chromium.close(page)
