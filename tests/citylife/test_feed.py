"""The feed against its plain specification, on both databases: no page skips, repeats or invents an offer."""

import base64
import datetime as dt
import uuid
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from citylife import feed
from citylife.accounts.citizens import Citizen, new_token
from citylife.buckets import bucket_of
from citylife.database import new_id
from citylife.follows import Follow, Level
from citylife.ledger.statements import stored
from citylife.offers import Offer, OfferKind, OfferStatus
from citylife.shops import Shop, ShopStatus

MINUTE = dt.timedelta(minutes=1)
each_example_has_its_own_citizen = settings(max_examples=60)

# A few minutes for many offers, so that several end together and several end just at « now »; ids in any order.
offers = st.lists(st.tuples(st.sampled_from(OfferStatus), st.integers(-2, 4), st.integers(0, 9)), max_size=8)
shops = st.lists(st.tuples(st.sampled_from(ShopStatus), st.sampled_from([None, *Level]), offers), max_size=6)


def a_town(session: Session, plan: list, now: dt.datetime) -> tuple[uuid.UUID, list[Offer]]:
    """Her id, and the offers that she should be shown at `now`, in order, by the plain reading of the rule."""
    citizen_id = new_id()
    citizen = Citizen(id=citizen_id, created_at=now, bucket=bucket_of(citizen_id))
    session.add(citizen)
    session.flush()
    shown = []
    for shop_status, level, drawn in plan:
        shop = Shop(
            id=new_id(),
            slug=f"boutique-{new_id()}",
            status=shop_status,
            name="Boutique",
            category="bakery",
            insee_code="62119",
            latitude=50.53,
            longitude=2.64,
            created_at=now,
            updated_at=now,
        )
        session.add(shop)
        session.flush()
        if level is not None:
            session.add(Follow(citizen_id=citizen.id, shop_id=shop.id, level=level, begun_at=now))
        for status, minutes, rank in drawn:
            offer = an_offer_of(session, shop, status, now + minutes * MINUTE, now, rank=rank)
            listed = level is not None and shop_status is not ShopStatus.SUSPENDED
            if listed and status is OfferStatus.LIVE and minutes > 0:
                shown.append(offer)
    session.flush()
    return citizen.id, sorted(shown, key=lambda offer: (offer.ends_at, offer.id))


def an_offer_of(
    session: Session, shop: Shop, status: OfferStatus, ends_at: dt.datetime, now: dt.datetime, *, rank: int
) -> Offer:
    offer_id = uuid.UUID(bytes=rank.to_bytes(6) + new_id().bytes[6:])
    offer = Offer(
        id=offer_id,
        shop_id=shop.id,
        kind=OfferKind.OFFER,
        status=status,
        title="Brioche « du jour »",
        ends_at=ends_at,
        first_saved_at=now,
        updated_at=now,
        piece=f'{{"id":"{offer_id}","title":"Brioche « du jour » \U0001f950"}}',
    )
    session.add(offer)
    return offer


def bytes_of(offer: Offer) -> bytes:
    return str(offer.piece).encode()


def pages(session: Session, citizen_id: uuid.UUID, limit: int, now: dt.datetime) -> Iterator[feed.FeedPage]:
    """Every page of her feed, as a client that follows the cursors reads them."""
    page = feed.page(session.connection(), citizen_id, limit=limit, now=now)
    yield page
    while page.next is not None:
        after = page.next
        page = feed.page(session.connection(), citizen_id, after=after, limit=limit, now=now)
        yield page
        assert page.next is None or page.next > after, "the pages do not come to an end"


@each_example_has_its_own_citizen
@given(plan=shops, limit=st.integers(1, 7))
def test_the_pages_together_are_the_live_offers_of_followed_shops_soonest_first(session, now, plan, limit):
    citizen_id, expected = a_town(session, plan, now)

    found = list(pages(session, citizen_id, limit, now))

    assert [piece for page in found for piece in page.pieces] == [bytes_of(offer) for offer in expected]
    assert all(len(page.pieces) == limit for page in found[:-1])
    assert expected == [] or found[-1].pieces != []


@each_example_has_its_own_citizen
@given(plan=shops, limit=st.integers(1, 4), passing=st.lists(st.integers(0, 2), max_size=20))
def test_offers_that_end_between_two_pages_make_no_other_be_skipped_or_repeated(session, now, plan, limit, passing):
    citizen_id, expected = a_town(session, plan, now)

    seen: list[bytes] = []
    page = feed.page(session.connection(), citizen_id, limit=limit, now=now)
    seen += page.pieces
    while page.next is not None:
        now += (passing.pop() if passing else 0) * MINUTE
        page = feed.page(session.connection(), citizen_id, after=page.next, limit=limit, now=now)
        seen += page.pieces
        assert len(seen) <= len(expected), "the pages do not come to an end"

    assert len(seen) == len(set(seen))
    order = [bytes_of(offer) for offer in expected]
    assert seen == sorted(seen, key=order.index)
    assert {bytes_of(offer) for offer in expected if offer.ends_at > now} <= set(seen)


def test_a_token_is_shown_its_own_page_and_no_other(session: Session, now):
    fed, _ = a_town(session, [(ShopStatus.VERIFIED, Level.NORMAL, [(OfferStatus.LIVE, 3, 0)] * 3)], now)
    hungry, _ = a_town(session, [], now)
    his, hers = (new_token(session, session.get_one(Citizen, each), now=now) for each in (fed, hungry))
    borrowed = new_token(session, session.get_one(Citizen, hungry), now=now)
    of_another = base64.urlsafe_b64encode(fed.bytes + base64.urlsafe_b64decode(borrowed)[16:]).decode()
    session.flush()

    def shown(token: str, limit: int = 2) -> tuple[uuid.UUID | None, feed.FeedPage]:
        return feed.page_shown(session.connection(), token, limit=limit, now=now)

    page = feed.page(session.connection(), fed, limit=2, now=now)
    assert (len(page.pieces), shown(his)) == (2, (fed, page))
    assert shown(hers) == (hungry, feed.FeedPage([], None))
    for nobodys in (of_another, "of nobody"):
        assert shown(nobodys) == (None, feed.FeedPage([], None))


@pytest.mark.parametrize("analysed", [False, True])
def test_the_ids_are_found_from_the_index_alone(engine: Engine, session: Session, now, analysed):
    live = [(OfferStatus.LIVE, 3, 0)] * 30
    town = [(ShopStatus.VERIFIED, level, live) for level in [Level.NORMAL] * 3 + [None] * 20]
    citizen_id, _ = a_town(session, town, now)
    session.commit()
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as aside:
        if engine.dialect.name == "postgresql":
            aside.execute(text("VACUUM (ANALYZE)"))  # what its planner makes of so few rows without figures is chance
        elif analysed:
            aside.execute(text("ANALYZE"))
    connection = session.connection()
    values = {
        "citizen": stored(connection, citizen_id),
        "ends_at": stored(connection, now),
        "offer": stored(connection, citizen_id),
        "most": 21,
        "digest": bytes(32),
    }

    statement = feed._PAGE_SHOWN._texts[engine.dialect.name]
    if engine.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        plan = "\n".join(row[3] for row in rows)
        assert "SEARCH o USING COVERING INDEX ix_offers_live (shop_id=? AND (ends_at,id)>(?,?))" in plan
        assert "SEARCH f USING PRIMARY KEY (citizen_id=?)" in plan
        assert "SEARCH p USING INTEGER PRIMARY KEY (rowid=?)" in plan
    else:
        # So few offers are too few for the planner to bother; that it can is what is shown.
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
        connection.exec_driver_sql("SET LOCAL enable_hashjoin = off")
        connection.exec_driver_sql("SET LOCAL enable_mergejoin = off")
        plan = "\n".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", values))
        assert "Index Only Scan using ix_offers_live on offers o" in plan
        assert "ROW(ends_at, id) > ROW(" in plan
