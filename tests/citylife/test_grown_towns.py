"""The bench of growth asks every town for the same, and leaves each as it was built."""

import datetime as dt
import uuid

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from bench import drawing, grown
from bench.grown import clear, follow_requests
from bench.town import Town, build_town
from citylife.database import Base, engine_for, writing
from citylife.follows import Level, keep_follow
from citylife.hot import speaks_for
from citylife.ledger import expansion
from citylife.offers import OfferDraft, draft_offer, publish
from citylife.shops import Shop
from tests.builders import NOW

SMALL = 0.0005


def test_a_town_that_was_written_to_is_as_it_was_built(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "FOLLOWERS", 30)
    engine = engine_for(postgres_url)
    town = build_town(engine, SMALL, now=NOW)
    before = rows(engine)

    with writing(engine).begin() as session:
        announce(session, town)
        citizen = speaks_for(session.connection(), town.tokens[0])
        assert citizen is not None
        keep_follow(session.connection(), citizen, uuid.UUID(town.quiet_shop), Level.NORMAL, now=NOW)
    with writing(engine).begin() as session:
        expansion.expand_page(session, now=NOW)
    assert {name for name, count in rows(engine).items() if count != before[name]} >= {
        "offers",
        "messages",
        "decisions",
        "deliveries",
        "follows",
        "search_entries",
    }

    clear(town)
    # A word that was learnt once is no longer new.
    assert {name for name, count in rows(engine).items() if count != before[name]} <= {"search_grams"}
    engine.dispose()


def test_nobody_follows_twice_or_ends_what_has_not_begun(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grown, "TOGETHER", 7)
    following: set[bytes] = set()
    for request in follow_requests(town):
        token = request.partition(b"Authorization: Bearer ")[2].split(b"\r\n")[0]
        begins = request.startswith(b"PUT ")
        assert (token in following) is not begins
        following ^= {token}
        assert len(following) <= 7
    assert not following


@pytest.fixture
def town() -> Town:
    """Twenty who call."""
    tokens = [f"token-{number}" for number in range(20)]
    return Town("", 1, "", 20, 22, 1, 20, tokens, str(uuid.uuid4()), str(uuid.uuid4()), "")


def announce(session: Session, town: Town) -> None:
    """Publish an offer for the followers of the fan-out."""
    shop = session.get_one(Shop, uuid.UUID(town.fan_out_shop))
    offer = draft_offer(session, shop, OfferDraft(title="Pains du soir", ends_at=NOW + dt.timedelta(days=1)), now=NOW)
    publish(session, shop, offer, now=NOW)


def rows(engine: Engine) -> dict[str, int]:
    """How many rows each table has."""
    with engine.connect() as connection:
        return {
            name: connection.scalar(select(func.count()).select_from(table)) or 0
            for name, table in Base.metadata.tables.items()
        }
