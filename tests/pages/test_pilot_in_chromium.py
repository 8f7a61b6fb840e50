"""« Le pilote se mesure » in a real Chromium: nothing bars anybody's way, on a phone and at a desk, light and dark."""

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session, sessionmaker

from citylife.audit import Actor
from citylife.pilot.freezing import freeze
from citylife.pilot.periods import read_period
from citylife.pilot.tables import PilotNumber
from tests import builders
from tests.browser.chromium import Chromium
from tests.pages.test_pages_in_chromium import SCHEMES, wide
from tests.pilot.history import write_history

pytestmark = pytest.mark.long

MONTH = read_period("2026-07")


@pytest.fixture
def paths(street: sessionmaker[Session]) -> tuple[str, ...]:
    """A week, the month around it with its areas, and the week in English."""
    week = read_period("2026-W30")
    with street.begin() as session:
        write_history(session, seed=5, first=week.begins, days=7, citizens=24, shops=9, offers=40)
        counting = builders.a_counted_period(session, week, now=MONTH.ends)
        freeze(session, counting, revision="abc", actor=Actor.SYSTEM, now=MONTH.ends)
        session.execute(update(PilotNumber).where(PilotNumber.counted != "delay").values(count=PilotNumber.count * 30))
        counting = builders.a_counted_period(session, MONTH, now=MONTH.ends)
        freeze(session, counting, revision="abc", actor=Actor.SYSTEM, now=MONTH.ends)
    return "/pilote", "/pilote/2026-07", "/pilote?lang=en"


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", [320, 360, 1280])
def test_the_figures_bar_nobody(chromium: Chromium, url: str, paths: tuple[str, ...], scheme: str, width: int):
    for path in paths:
        page = chromium.open(url + path, scheme=scheme, width=width)  # type: ignore[arg-type]
        for details in page.locator("details").all():
            details.locator("summary").press("Enter")
        assert page.locator("details:not([open])").count() == 0
        assert chromium.barriers(page) == []
        assert chromium.complaints(page) == []
        assert not wide(page)
        chromium.close(page)
