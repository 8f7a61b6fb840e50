"""What goes live by itself has its letter, with its link: to whoever scheduled or began it, if she wants it."""

import datetime as dt
import uuid
from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.merchants import Role, join_team, leave_team
from citylife.letters import Letter, LetterKind
from citylife.merchant_mail.confirming import want_confirmations
from citylife.merchant_mail.links import Purpose, ids_of
from citylife.offers import Offer, OfferKind, OfferStatus, RecurringDraft, Rhythm, schedule
from citylife.offers.recurring import begin_recurring
from citylife.shops import Shop
from notifications import timekeeper
from tests import builders
from tests.builders import NOW

Sessions = sessionmaker[Session]
SECRET = "a secret of the tests, long enough to be one"
LATER = NOW + dt.timedelta(hours=3)
THURSDAY = dt.datetime(2026, 11, 26, 7, 0, tzinfo=dt.UTC)
"""At eight in Paris."""
WEEK = dt.timedelta(days=7)


class Fournil:
    """A shop of two, and what its worker writes."""

    def __init__(self, sessions: Sessions, readers: Sessions) -> None:
        self.sessions, self.deeds = sessions, timekeeper.letter_deeds(SECRET, readers)
        with sessions.begin() as session:
            camille, yanis = (builders.a_merchant(session, f"{name}@fournil.example") for name in ("camille", "yanis"))
            shop = builders.a_shop(session, "Le Fournil", merchant=yanis)
            join_team(session, camille, shop, Role.OWNER, now=NOW)
            self.shop_id, self.camille, self.yanis = shop.id, camille.id, yanis.id

    def schedules(self, *, by_key: bool = False, who: uuid.UUID | None = None, **said: object) -> uuid.UUID:
        """An offer of hers that goes live in three hours."""
        with self.sessions.begin() as session:
            shop = session.get_one(Shop, self.shop_id)
            offer = builders.an_offer(session, shop, status=OfferStatus.DRAFT, title="Tarte", **said)
            schedule(session, shop, offer, starts_at=LATER, now=NOW, actor_id=who or self.camille, by_key=by_key)
            return offer.id

    def begins(self, *, by_key: bool = False, **_said: object) -> uuid.UUID:
        """An offer of hers that comes again each Thursday at eight."""
        rhythm = Rhythm(weekdays=frozenset({3}), at=dt.time(8), hours=4)
        with self.sessions.begin() as session:
            shop = session.get_one(Shop, self.shop_id)
            draft = RecurringDraft(title="Tarte", rhythm=rhythm)
            return begin_recurring(session, shop, draft, now=NOW, actor_id=self.camille, by_key=by_key).id

    def letters(self, now: dt.datetime) -> list[Letter]:
        """What was written of what went live until then."""
        while timekeeper.keep_time(self.sessions, now=now, besides=self.deeds):
            pass
        with self.sessions() as session:
            written = select(Letter).where(Letter.kind == LetterKind.PUBLISHED).order_by(Letter.written_at)
            return list(session.scalars(written))

    def live(self) -> list[Offer]:
        with self.sessions() as session:
            return list(session.scalars(select(Offer).where(Offer.status == OfferStatus.LIVE)))


@pytest.fixture
def fournil(sessions: Sessions, readers: Sessions) -> Fournil:
    return Fournil(sessions, readers)


def test_what_was_scheduled_has_its_letter_once_it_is_live(fournil: Fournil):
    offer = fournil.schedules()
    assert fournil.letters(NOW) == []
    for now in (LATER, LATER, LATER + dt.timedelta(hours=1)):
        (letter,) = fournil.letters(now)
    assert (letter.recipient, letter.content["title"]) == ("camille@fournil.example", "Tarte")
    assert ids_of(Purpose.SELL_OUT, letter.content["sell_out"], 2, secret=SECRET) == (fournil.camille, offer)


def test_whoever_scheduled_it_last_is_written_to(fournil: Fournil):
    offer_id = fournil.schedules()
    with fournil.sessions.begin() as session:
        shop, offer = session.get_one(Shop, fournil.shop_id), session.get_one(Offer, offer_id)
        schedule(session, shop, offer, starts_at=LATER, now=NOW, actor_id=fournil.yanis)
    assert [letter.recipient for letter in fournil.letters(LATER)] == ["yanis@fournil.example"]


def test_what_comes_again_has_a_letter_each_time(fournil: Fournil):
    fournil.begins()
    assert fournil.letters(THURSDAY - dt.timedelta(seconds=1)) == []
    assert len(fournil.letters(THURSDAY)) == 1
    letters = fournil.letters(THURSDAY + WEEK)
    assert [letter.recipient for letter in letters] == 2 * ["camille@fournil.example"]
    sold_out = [ids_of(Purpose.SELL_OUT, each.content["sell_out"], 2, secret=SECRET) for each in letters]
    assert (fournil.camille, fournil.live()[0].id) in sold_out
    assert len(set(sold_out)) == 2


Asking = Callable[..., uuid.UUID]
ASKED = pytest.mark.parametrize("asks", [Fournil.schedules, Fournil.begins], ids=["scheduled", "begun"])


@ASKED
def test_who_wants_no_letter_gets_none(fournil: Fournil, asks: Asking):
    asks(fournil)
    with fournil.sessions.begin() as session:
        want_confirmations(session, fournil.camille, wanted=False)
    assert fournil.letters(THURSDAY) == []


@ASKED
def test_who_left_the_team_gets_none_and_it_is_published_all_the_same(fournil: Fournil, asks: Asking):
    asks(fournil, ends_at=THURSDAY + WEEK)
    with fournil.sessions.begin() as session:
        leave_team(session, fournil.camille, fournil.shop_id, now=NOW)
    assert fournil.letters(THURSDAY) == []
    assert len(fournil.live()) == 1


@ASKED
def test_what_a_program_asked_for_has_none(fournil: Fournil, asks: Asking):
    asks(fournil, by_key=True)
    assert fournil.letters(THURSDAY) == []


def test_news_has_none(fournil: Fournil):
    fournil.schedules(kind=OfferKind.NEWS)
    assert fournil.letters(LATER) == []
