"""One shop that very many follow: while its offer is expanded, page after page, nobody waits for the last of them."""

import datetime as dt
import functools

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from citylife.ledger import expansion
from citylife.ledger.tables import Decision, Message, MessageState
from citylife.shops import Shop
from notifications import dispatcher, expander
from tests import builders
from tests.notifications.test_dispatcher import Town

PAGE = 4
PAGES = 15
FEW = 3


class TwoShops(Town):
    """A town where one shop has fifteen pages of followers, and another has three followers."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        with self.sessions.begin() as session:
            self.large, self.small = session.merge(self.shop), builders.a_shop(session)
            for shop, count in ((self.large, PAGE * PAGES), (self.small, FEW)):
                for _ in range(count):
                    builders.a_follower(session, shop)

    def clock(self) -> dt.datetime:
        """A millisecond later whenever it is asked: no two pages are of one instant."""
        self.now += dt.timedelta(milliseconds=1)
        return self.now

    def announces(self, shop: Shop) -> None:
        with self.sessions.begin() as session:
            builders.an_offer(session, session.merge(shop), now=self.now, title=shop.name)

    def sent(self, shop: Shop) -> int:
        return sum(shop.name in text for text in self.texts())

    def pages(self) -> int:
        """How many pages of the large shop's message are written."""
        with self.sessions() as session:
            return self._decided(session) // PAGE

    def done(self) -> bool:
        """Whether the large shop's message is wholly expanded."""
        with self.sessions() as session:
            states = session.scalars(select(Message.state).where(Message.shop_id == self.large.id)).all()
        return states == [MessageState.EXPANDED]

    def _decided(self, session: Session) -> int:
        of_the_large = select(Message.id).where(Message.shop_id == self.large.id)
        return len(session.scalars(select(Decision.citizen_id).where(Decision.message_id.in_(of_the_large))).all())


@pytest.fixture
def town(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> TwoShops:
    monkeypatch.setattr(expansion, "expand_page", functools.partial(expansion.expand_page, page=PAGE))
    return TwoShops(engine)


def works_until(town: TwoShops, shop: Shop, sent: int) -> None:
    """Some rounds, until so many have left for a shop's followers; a failure where they never do."""
    for _ in range(20 * PAGES):
        if town.sent(shop) >= sent:
            return
        town.works(1)
    raise AssertionError(f"{town.sent(shop)} sent")


def test_an_offer_of_another_shop_leaves_while_a_large_one_is_still_being_expanded(
    town: TwoShops, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expander, "EXPAND_SECONDS", 0)
    town.announces(town.large)
    town.works(2)
    assert 0 < town.pages() < 4
    town.announces(town.small)
    works_until(town, town.small, FEW)
    assert not town.done()
    works_until(town, town.large, PAGE * PAGES)
    assert town.done()


def test_what_is_published_together_is_sent_before_the_large_one_has_written_its_second_page(
    town: TwoShops, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expander, "GIVE_WAY_SECONDS", 600)
    town.announces(town.large)
    town.announces(town.small)
    works_until(town, town.small, FEW)
    assert town.pages() == 1
    works_until(town, town.large, PAGE * PAGES)


def test_a_large_one_alone_is_expanded_before_its_first_push_leaves(
    town: TwoShops, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expander, "EXPAND_SECONDS", 600)
    town.announces(town.large)
    town.works(1)
    assert town.done()
    assert town.sent(town.large) <= PAGE * PAGES


def test_push_services_that_take_nothing_hold_the_expansion_up_no_longer_than_a_moment(
    town: TwoShops, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "PER_ORIGIN", 0)
    town.announces(town.large)
    town.announces(town.small)
    monkeypatch.setattr(expander, "GIVE_WAY_SECONDS", 600)
    town.works(PAGES)
    assert town.pages() == 1
    monkeypatch.setattr(expander, "GIVE_WAY_SECONDS", 0)
    town.works(PAGES)
    assert town.done()
