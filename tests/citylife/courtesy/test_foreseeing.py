"""What a merchant foresees of her audience is what her publication then finds."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.audience.foresight import Fate, Foreseen, foresee
from citylife.follows import Level
from citylife.ledger.tables import Decision, Delivery, DeliveryState, Outcome
from citylife.offers import publish
from tests import builders
from tests.builders import NOW
from tests.citylife.courtesy.conftest import DAY, decided


def test_a_preview_of_a_shop_nobody_follows_says_so(session: Session) -> None:
    shop = builders.a_shop(session)
    assert foresee(session, shop, radius=5_000, ends_at=NOW + DAY, now=NOW) == Foreseen(0, {})


def test_a_publication_is_what_was_foreseen_for_many(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        for number in range(60):
            builders.a_follower(session, shop, list(Level)[number % 4]).pace = 9_000 * (number % 2)
        draft = builders.an_offer(session, shop, status=builders.OfferStatus.DRAFT, ends_at=NOW + DAY)
        foreseen = foresee(session, shop, radius=draft.radius, ends_at=draft.ends_at, now=NOW)
        publish(session, shop, draft, now=NOW)
    decided(sessions, page=17)
    with sessions() as session:
        sent = session.scalar(select(func.count()).where(Decision.outcome == Outcome.SEND))
        waiting = session.scalar(select(func.count()).where(Delivery.state == DeliveryState.WAITING))
    assert foreseen.of(Fate.NOW) == sent == waiting
    assert foreseen.followers == 60
