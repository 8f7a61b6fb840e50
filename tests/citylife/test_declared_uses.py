"""« Utilisée sans code »: counted by offer and day, apart from the till, and taken back once within ten seconds."""

import datetime as dt

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from citylife.accounts.merchants import Merchant, Role, join_team
from citylife.activity import Counted, DailyCount
from citylife.declared_uses import DeclaredTooLong, NothingToDeclare, declare_use, undo_declared
from citylife.errors import Absent
from citylife.offers import Offer, OfferKind, OfferStatus
from citylife.redemptions import redeem, take_code
from citylife.results import results_of
from citylife.shop_month import Month, month_results
from citylife.shops import Shop
from tests import builders
from tests.builders import NOW

SECRET = "declared"
SECOND = dt.timedelta(seconds=1)


def kept(session: Session) -> list[tuple[dt.date, Counted, int]]:
    rows = session.scalars(select(DailyCount).where(DailyCount.counted == Counted.DECLARED_USES))
    return [(row.day, row.counted, row.count) for row in rows]


def an_offer(session: Session, **said: object) -> Offer:
    return builders.an_offer(session, builders.a_shop(session), **said)


def test_a_declared_use_is_a_number_of_an_offer_and_a_day_and_no_use_of_the_till(session: Session):
    shop = builders.a_shop(session)
    offer = builders.an_offer(session, shop)
    code = take_code(session, builders.a_citizen(session), offer, secret=SECRET, now=NOW)
    merchant = builders.a_merchant(session)
    builders_team(session, merchant, shop)
    redeem(session, merchant.id, code.code, secret=SECRET, now=NOW)

    for _ in range(3):
        declare_use(session, offer, secret=SECRET, now=NOW)

    assert kept(session) == [(NOW.date(), Counted.DECLARED_USES, 3)]
    found = results_of(session, shop, offer, secret=SECRET, now=NOW)
    assert (found.used, found.declared) == (1, 3)
    month = month_results(session, shop, Month.of(NOW), secret=SECRET, now=NOW)
    assert (month.used, month.declared) == (1, 3)


def builders_team(session: Session, merchant: Merchant, shop: Shop) -> None:
    join_team(session, merchant, shop, Role.SELLER, now=NOW)


def test_it_is_taken_back_once_and_only_within_ten_seconds(session: Session):
    offer = an_offer(session)
    first, second = (declare_use(session, offer, secret=SECRET, now=NOW) for _ in range(2))
    assert first.undo != second.undo

    for _ in range(2):
        undo_declared(session, offer, first.undo, secret=SECRET, now=NOW + 10 * SECOND)

    assert [count for _, _, count in kept(session)] == [1]
    with pytest.raises(DeclaredTooLong):
        undo_declared(session, offer, second.undo, secret=SECRET, now=NOW + 11 * SECOND)
    assert [count for _, _, count in kept(session)] == [1]


def test_what_is_taken_back_after_midnight_leaves_the_day_it_was_counted_on(session: Session):
    late = dt.datetime(2026, 11, 24, 22, 59, 55, tzinfo=dt.UTC)
    offer = an_offer(session, ends_at=NOW + dt.timedelta(days=3))
    done = declare_use(session, offer, secret=SECRET, now=late)

    assert undo_declared(session, offer, done.undo, secret=SECRET, now=late + 9 * SECOND) == done.day
    assert [(day, count) for day, _, count in kept(session)] == [(dt.date(2026, 11, 24), 0)]


def test_a_token_takes_nothing_else_back(session: Session):
    offer, other = an_offer(session), an_offer(session)
    undo = declare_use(session, offer, secret=SECRET, now=NOW).undo

    for wrong in ("", "é", "AAAA", undo[:-2] + "AA", undo + "AAAA"):
        with pytest.raises(Absent):
            undo_declared(session, offer, wrong, secret=SECRET, now=NOW)
    with pytest.raises(Absent):
        undo_declared(session, other, undo, secret=SECRET, now=NOW)
    with pytest.raises(Absent):
        undo_declared(session, offer, undo, secret="another", now=NOW)


@pytest.mark.parametrize(
    "said",
    [{"status": OfferStatus.SOLD_OUT}, {"status": OfferStatus.DRAFT}, {"kind": OfferKind.NEWS}],
    ids=["sold out", "draft", "news"],
)
def test_only_a_live_offer_is_used(session: Session, said: dict[str, object]):
    offer = an_offer(session, **said)

    with pytest.raises(NothingToDeclare):
        declare_use(session, offer, secret=SECRET, now=NOW)

    assert kept(session) == []
