"""Courtesy at work: quiet hours, budgets, the draw, one announcement a day, discovery, and what is put aside."""

import datetime as dt
import random
import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen, Wishes, change_wishes
from citylife.audience.foresight import Fate, Foreseen, foresee
from citylife.courtesy import pace
from citylife.courtesy.draw import CERTAIN, MODULUS, Seeds, chance, is_drawn, new_seed, seeds_of
from citylife.courtesy.rules import (
    RuleRefused,
    announcements_a_day,
    announcements_a_day_then,
    sending_rules,
    set_announcements_a_day,
)
from citylife.courtesy.tables import BudgetSlot, DigestLine, FormerSendingRule, ShopRhythm
from citylife.database import writing
from citylife.follows import Follow, Level, unfollow
from citylife.ledger import claims, digests, expansion
from citylife.ledger.claims import Claimed
from citylife.ledger.lanes import open_lanes
from citylife.ledger.tables import Arm, Decision, Delivery, DeliveryState, Message, MessageKind, Outcome, Reason
from citylife.offers import publish, sold_out
from citylife.shops import Shop
from tests import builders
from tests.builders import NOW
from tests.overlap import overlapping

HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
EVENING = NOW + 10 * HOUR
"""20:00 in Paris, when quiet hours begin."""
MORNING = NOW + 23 * HOUR
"""09:00 in Paris on the next day, when they end."""


def told(
    sessions: sessionmaker[Session], shop: Shop, *, now: dt.datetime = NOW, lasts: dt.timedelta = 3 * DAY, page: int = 3
) -> Message:
    """Publish an offer, and decide for everybody."""
    with sessions.begin() as session:
        shop = session.get_one(Shop, shop.id)
        offer = builders.an_offer(session, shop, now=now, ends_at=now + lasts)
        message = session.scalars(select(Message).where(Message.offer_id == offer.id)).one()
    decided(sessions, now=now, page=page)
    return message


def decided(sessions: sessionmaker[Session], *, now: dt.datetime = NOW, page: int = 3) -> bool:
    """Decide for everybody about everything; true, once it is done."""
    while True:
        with sessions.begin() as session:
            if expansion.expand_page(session, now=now, page=page) is None:
                return True


def reasons(sessions: sessionmaker[Session], message: Message) -> Counter[tuple[Outcome, Reason]]:
    with sessions() as session:
        rows = session.scalars(select(Decision).where(Decision.message_id == message.id))
        return Counter((row.outcome, row.reason) for row in rows)


def claim_all(sessions: sessionmaker[Session], *, now: dt.datetime) -> list[Claimed]:
    claimed: list[Claimed] = []
    while True:
        with sessions.begin() as session:
            lanes = open_lanes(session, now=now)
            if not lanes:
                return claimed
            for lane in lanes:
                claimed += claims.claim(session, lane, now=now).to_send


def wish(sessions: sessionmaker[Session], citizen: Citizen, **wishes: object) -> None:
    with sessions.begin() as session:
        change_wishes(session, session.get_one(Citizen, citizen.id), Wishes(**wishes), now=NOW)  # type: ignore[arg-type]


def rows(sessions: sessionmaker[Session], table: type) -> list[object]:
    with sessions() as session:
        return list(session.scalars(select(table)))


# Quiet hours


def test_what_is_announced_in_quiet_hours_waits_for_their_end_and_counts_on_that_day(
    sessions: sessionmaker[Session],
) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        builders.a_follower(session, shop)
    told(sessions, shop, now=EVENING)

    assert claim_all(sessions, now=MORNING - dt.timedelta(seconds=1)) == []
    assert len(claim_all(sessions, now=MORNING)) == 1
    [slot] = rows(sessions, BudgetSlot)
    assert slot.local_date == MORNING.date()  # type: ignore[attr-defined]


def test_an_offer_that_ends_with_her_quiet_hours_is_only_recorded(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        builders.a_follower(session, shop)
        builders.a_follower(session, shop, Level.ALWAYS)
    message = told(sessions, shop, now=EVENING, lasts=13 * HOUR)  # it ends at 09:00 sharp

    assert reasons(sessions, message) == {(Outcome.HELD, Reason.QUIET_HOURS): 2}
    assert rows(sessions, Delivery) == rows(sessions, DigestLine) == rows(sessions, BudgetSlot) == []


def test_quiet_hours_set_after_publishing_are_heeded_when_it_is_to_leave(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        citizen = builders.a_follower(session, shop)
    message = told(sessions, shop)
    wish(sessions, citizen, quiet_from=dt.time(9), quiet_until=dt.time(12))

    assert claim_all(sessions, now=NOW) == []
    assert claim_all(sessions, now=NOW + HOUR) == []
    assert len(claim_all(sessions, now=NOW + 2 * HOUR)) == 1
    with sessions() as session:
        decision = session.get_one(Decision, (citizen.id, message.id))
    assert (decision.outcome, decision.until) == (Outcome.SEND, NOW + 2 * HOUR)


def test_what_waits_for_another_day_takes_a_slot_of_that_day_or_goes_into_the_digest(
    sessions: sessionmaker[Session],
) -> None:
    with sessions.begin() as session:
        first, second = builders.a_shop(session), builders.a_shop(session)
        citizen = builders.a_follower(session, first, devices=2)
        builders.a_follow(session, citizen, second)
    wish(sessions, citizen, daily_budget=1)
    tomorrow = told(sessions, second, now=EVENING)  # it counts on the morrow
    today = told(sessions, first, now=NOW)
    wish(sessions, citizen, quiet_from=dt.time(9), quiet_until=dt.time(8, 30))  # all day but half an hour

    assert claim_all(sessions, now=NOW + HOUR) == []

    with sessions() as session:
        decision = session.get_one(Decision, (citizen.id, today.id))
        assert (decision.outcome, decision.reason) == (Outcome.HELD, Reason.DAY_SPENT)
        left = session.scalars(select(Delivery.message_id)).all()
        assert set(left) == {tomorrow.id}
        assert session.scalars(select(DigestLine.message_id)).all() == [today.id]
        assert session.scalars(select(BudgetSlot.message_id)).all() == [tomorrow.id]


def test_a_replacement_waits_for_the_end_of_quiet_hours_too(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        citizen = builders.a_follower(session, shop)
        offer = builders.an_offer(session, shop, ends_at=NOW + 3 * DAY)
        builders.a_delivery(session, citizen, offer.id, accepted_at=NOW)
        session.scalars(select(Message)).one().cursor = uuid.UUID(int=2**128 - 1)
    with sessions.begin() as session:
        sold_out(session, session.merge(offer), now=EVENING)
    for _ in range(4):
        with sessions.begin() as session:
            expansion.expand_page(session, now=EVENING + HOUR)

    assert claim_all(sessions, now=EVENING + HOUR) == []
    assert len(claim_all(sessions, now=MORNING)) == 1


# Budgets


def test_a_budget_holds_for_all_shops_together_and_toujours_stands_outside(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        shops = [builders.a_shop(session) for _ in range(4)]
        citizen = builders.a_follower(session, shops[0])
        for shop in shops[1:3]:
            builders.a_follow(session, citizen, shop)
        builders.a_follow(session, citizen, shops[3], Level.ALWAYS)
    found = [reasons(sessions, told(sessions, shop)) for shop in shops]

    assert found == [
        {(Outcome.SEND, Reason.FOLLOWS): 1},
        {(Outcome.SEND, Reason.FOLLOWS): 1},
        {(Outcome.HELD, Reason.DAY_SPENT): 1},  # two a day
        {(Outcome.SEND, Reason.ALWAYS): 1},
    ]
    assert len(rows(sessions, DigestLine)) == 1


@pytest.mark.parametrize(
    ("weekly", "daily", "reason"),
    [(0, 2, Reason.WEEK_SPENT), (5, 0, Reason.DAY_SPENT), (0, 0, Reason.WEEK_SPENT)],
    ids=["of the week", "of the day", "both: that of the week would hold it anyhow"],
)
def test_which_budget_is_spent_is_told_apart(sessions: sessionmaker[Session], weekly, daily, reason) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        citizen = builders.a_follower(session, shop)
    wish(sessions, citizen, weekly_budget=weekly, daily_budget=daily)
    assert reasons(sessions, told(sessions, shop)) == {(Outcome.HELD, reason): 1}


def test_what_waits_for_another_week_says_when_that_one_is_spent(sessions: sessionmaker[Session]) -> None:
    sunday = NOW + 5 * DAY
    with sessions.begin() as session:
        first, second = builders.a_shop(session), builders.a_shop(session)
        citizen = builders.a_follower(session, first, devices=2)
        builders.a_follow(session, citizen, second)
    wish(sessions, citizen, weekly_budget=1)
    told(sessions, second, now=sunday)  # her Sundays are quiet: it counts on Monday, in the next week
    wish(sessions, citizen, quiet_sundays=False)
    today = told(sessions, first, now=sunday)
    wish(sessions, citizen, quiet_sundays=True)

    assert claim_all(sessions, now=sunday + HOUR) == []
    assert reasons(sessions, today) == {(Outcome.HELD, Reason.WEEK_SPENT): 1}


def test_who_wants_no_digest_has_nothing_put_aside(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        citizen = builders.a_follower(session, shop)
    wish(sessions, citizen, digest=False, daily_budget=0)
    told(sessions, shop)
    assert rows(sessions, DigestLine) == []


def test_what_is_refused_when_it_is_to_leave_gives_its_slot_back(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        shop, other = builders.a_shop(session), builders.a_shop(session)
        citizen = builders.a_follower(session, shop, devices=2)
        builders.a_follow(session, citizen, other)
    wish(sessions, citizen, daily_budget=1)
    told(sessions, shop)
    with sessions.begin() as session:
        unfollow(session, citizen.id, shop.id, now=NOW)
    assert claim_all(sessions, now=NOW) == []

    message = told(sessions, other, now=NOW + HOUR)
    assert reasons(sessions, message) == {(Outcome.SEND, Reason.FOLLOWS): 1}


def test_two_announcements_decided_at_once_never_both_take_the_last_slot(engine: Engine) -> None:
    sessions = writing(engine)
    with sessions.begin() as session:
        shops = [builders.a_shop(session) for _ in range(2)]
        for _ in range(30):
            citizen = builders.a_follower(session, shops[0])
            builders.a_follow(session, citizen, shops[1])
            citizen.weekly_budget = 1
        for shop in shops:
            builders.an_offer(session, shop, ends_at=NOW + DAY)
    both = threading.Barrier(2)

    def expand() -> bool:
        both.wait()
        return decided(sessions, page=7)

    with ThreadPoolExecutor(2) as pool:
        assert all(pool.map(lambda _: expand(), range(2)))
    decided(sessions, page=7)  # a thread ends when the other still has the last message

    with sessions() as session:
        found = Counter((row[0], row[1]) for row in session.execute(select(Decision.outcome, Decision.reason)))
        taken = session.execute(select(BudgetSlot.citizen_id, func.count()).group_by(BudgetSlot.citizen_id)).all()
    assert found == {(Outcome.SEND, Reason.FOLLOWS): 30, (Outcome.HELD, Reason.WEEK_SPENT): 30}
    assert {count for _, count in taken} == {1}


# One announcement a shop a day


def test_a_shop_announces_once_a_day_unless_the_cluster_sets_otherwise(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        builders.a_follower(session, shop, Level.ALWAYS)
    told(sessions, shop)
    assert reasons(sessions, told(sessions, shop, now=NOW + HOUR)) == {(Outcome.HELD, Reason.ONE_A_DAY): 1}
    assert reasons(sessions, told(sessions, shop, now=NOW + DAY)) == {(Outcome.SEND, Reason.ALWAYS): 1}

    with sessions.begin() as session:
        set_announcements_a_day(session, None, 3, reason="Braderie", now=NOW)
    assert reasons(sessions, told(sessions, shop, now=NOW + DAY + HOUR)) == {(Outcome.SEND, Reason.ALWAYS): 1}
    with sessions.begin() as session:
        set_announcements_a_day(session, shop.id, 0, reason="Trop d’annonces", now=NOW)
        assert announcements_a_day(session, shop.id) == 0
        assert announcements_a_day(session, uuid.uuid4()) == 3
    assert reasons(sessions, told(sessions, shop, now=NOW + 2 * DAY)) == {(Outcome.HELD, Reason.ONE_A_DAY): 1}


def test_a_rule_is_taken_back_and_each_moment_keeps_its_own(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        shop, other = builders.a_shop(session).id, builders.a_shop(session).id
    for hours, shop_id, most in (
        (1, None, 3),
        (2, shop, 0),
        (3, shop, 5),
        (4, None, 2),
        (5, shop, None),
        (6, None, None),
    ):
        with sessions.begin() as session:
            set_announcements_a_day(session, shop_id, most, reason="Braderie", now=NOW + hours * HOUR)
    asked = [(each, NOW + hours * HOUR + HOUR / 2) for each in (shop, other) for hours in range(7)]
    with sessions() as session:
        then = announcements_a_day_then(session, asked)
        assert [then[each] for each in asked] == [1, 3, 0, 5, 5, 2, 1, 1, 3, 3, 3, 2, 2, 1]
        assert announcements_a_day(session, shop) == 1
        assert sending_rules(session) == []


@pytest.mark.parametrize("of_a_shop", [True, False])
def test_of_two_rules_set_at_once_one_stands(sessions: sessionmaker[Session], of_a_shop: bool) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session).id if of_a_shop else None

    def deed(session: Session):
        return set_announcements_a_day(session, shop, 3, reason="Braderie", now=NOW)

    overlapping(sessions, deed, deed)
    with sessions() as session:
        assert len(sending_rules(session)) == len(session.scalars(select(FormerSendingRule)).all()) == 1


@pytest.mark.parametrize("most", [-1, 11])
def test_a_rule_nobody_would_want_is_refused(session: Session, most: int) -> None:
    with pytest.raises(RuleRefused):
        set_announcements_a_day(session, None, most, reason="Braderie", now=NOW)


# The draw


def test_the_recorded_draw_can_be_computed_again(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        for _ in range(40):
            builders.a_follower(session, shop).pace = 12_000
    message = told(sessions, shop, page=50)

    with sessions() as session:
        judged = session.scalars(select(Decision).where(Decision.message_id == message.id)).all()
        arms = {decision.arm for decision in judged}
        assert message.draw_a is not None
        assert message.draw_b is not None
        seeds = Seeds(message.draw_a, message.draw_b)
        for decision in judged:
            citizen = session.get_one(Citizen, decision.citizen_id)
            assert decision.chance is not None
            drawn = is_drawn(seeds, citizen.draw_seed, decision.chance)
            assert (decision.arm, decision.outcome) == (
                (Arm.DRAWN, Outcome.SEND) if drawn else (Arm.NOT_DRAWN, Outcome.HELD)
            )
    assert arms == {Arm.DRAWN, Arm.NOT_DRAWN}


def test_the_recorded_draw_can_be_computed_again_in_sql(sessions: sessionmaker[Session]) -> None:
    """By whoever has the tables and the rule of `citylife.courtesy.draw`, with the same words on both databases."""
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        for number in range(60):
            builders.a_follower(session, shop).pace = 9_000 + 400 * number
    told(sessions, shop, page=50)

    again = text("""
        SELECT d.arm, count(*),
            sum(CASE WHEN (m.draw_a * c.draw_seed + m.draw_b) % 2147483647 * 1000000
                < CAST(d.chance AS bigint) * 2147483647 THEN 1 ELSE 0 END)
        FROM decisions d JOIN messages m ON m.id = d.message_id JOIN citizens c ON c.id = d.citizen_id
        WHERE d.chance IS NOT NULL GROUP BY d.arm
    """)
    with sessions() as session:
        found = {arm: (decided, drawn) for arm, decided, drawn in session.execute(again)}
    assert set(found) == {Arm.DRAWN.value, Arm.NOT_DRAWN.value}
    assert sum(count for count, _ in found.values()) == 60
    assert found["drawn"][0] == found["drawn"][1]
    assert found["not-drawn"][1] == 0


def test_trying_again_draws_nothing_new(session: Session) -> None:
    shop = builders.a_shop(session)
    assert seeds_of(shop.id, NOW.date(), 0) == seeds_of(shop.id, NOW.date(), 0)
    others = {
        seeds_of(shop.id, NOW.date(), 1),
        seeds_of(shop.id, NOW.date() + DAY, 0),
        seeds_of(uuid.uuid4(), NOW.date(), 0),
    }
    assert seeds_of(shop.id, NOW.date(), 0) not in others


def test_the_draw_is_even() -> None:
    seeds = [new_seed() for _ in range(4_000)]
    assert all(0 < seed < MODULUS for seed in seeds)
    for permille in (50, 300, 900):
        wanted = permille * 1_000
        drawn = sum(is_drawn(seeds_of(uuid.uuid4(), NOW.date(), 0), seed, wanted) for seed in seeds)
        assert abs(drawn - 4 * permille) < 5 * (4_000 * 0.25) ** 0.5
    assert all(is_drawn(Seeds(1, 0), seed, CERTAIN) for seed in seeds)
    assert not any(is_drawn(Seeds(1, 0), seed, 0) for seed in seeds)


def weeks_of_ten_shops(order: random.Random | None, *, citizens: int = 6_000) -> list[float]:
    """How often each of ten shops is heard that announce once a week, one after the other or in an order drawn anew."""
    dice = random.Random(2026)
    heard = [0] * 10
    for _ in range(citizens):
        left = 5
        shops = list(range(10))
        if order is not None:
            order.shuffle(shops)
        for number, shop in enumerate(shops):
            share = CERTAIN - CERTAIN * (2 * number + 1) // 20
            of_her = chance(week_left=left, day_left=2, pace=10_000, week_share=share, day_share=CERTAIN // 20)
            if is_drawn(
                seeds_of(uuid.UUID(int=shop), NOW.date(), dice.randrange(60_000)), 1 + dice.randrange(10**9), of_her
            ):
                left -= 1
                heard[shop] += 1
    return [times / citizens for times in heard]


def test_over_many_weeks_every_shop_has_the_same_chance() -> None:
    shares = weeks_of_ten_shops(random.Random(7))
    mean = sum(shares) / len(shares)
    assert 0.40 < mean <= 0.5  # five of ten, less what is kept for what never comes
    interval = 4 * (mean * (1 - mean) / 6_000) ** 0.5
    assert all(abs(share - mean) < interval for share in shares), shares


def test_nobody_gains_by_posting_first() -> None:
    shares = weeks_of_ten_shops(None)
    others = sum(shares[1:]) / 9
    assert shares[0] - others < 4 * (0.25 / 6_000) ** 0.5, shares


# Pace


def test_a_pace_follows_the_shops_rhythms(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        busy, calm = builders.a_shop(session), builders.a_shop(session)
        for ago in (1, 2, 3, 29):
            builders.an_offer(session, busy, now=NOW - ago * DAY)
        builders.an_offer(session, busy, now=NOW - DAY)
        builders.an_offer(session, calm, now=NOW - DAY)
        pace.keep_rhythms(session, now=NOW)
        assert {row.shop_id: row.weekly for row in session.scalars(select(ShopRhythm))} == {busy.id: 750, calm.id: 250}
        citizen = builders.a_follower(session, busy)
        builders.a_follow(session, citizen, calm, Level.NEARBY)
        session.refresh(citizen)
        assert citizen.pace == 1_000
        builders.a_follow(session, citizen, calm, Level.ALWAYS)
        session.refresh(citizen)
        assert citizen.pace == 750
        unfollow(session, citizen.id, busy.id, now=NOW)
        session.refresh(citizen)
        assert citizen.pace == 0
    with sessions.begin() as session:
        pace.keep_rhythms(session, now=NOW + 40 * DAY)
        assert session.scalars(select(ShopRhythm)).all() == []


def test_paces_are_counted_anew_page_by_page(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        everybody = [builders.a_follower(session, shop) for _ in range(5)]
        builders.an_offer(session, shop)
        pace.keep_rhythms(session, now=NOW + HOUR)
    pages = 0
    after: uuid.UUID | None = uuid.UUID(int=0)
    while after is not None:
        with sessions.begin() as session:
            after = pace.keep_paces(session, after, page=2)
            pages += 1
    assert pages == 4
    with sessions() as session:
        assert {session.get_one(Citizen, one.id).pace for one in everybody} == {250}


# The preview


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


# The digest


def put_aside(sessions: sessionmaker[Session], *titles: str, lasts: dt.timedelta = DAY) -> Citizen:
    """A citizen without any budget, and an offer of another shop for each title: all of it goes into her digest."""
    with sessions.begin() as session:
        shops = [builders.a_shop(session, f"Chez {title}") for title in titles]
        citizen = builders.a_citizen(session)
        builders.a_device(session, citizen)
        citizen.daily_budget = 0
        for shop in shops:
            builders.a_follow(session, citizen, shop)
        for shop, title in zip(shops, titles, strict=True):
            builders.an_offer(session, shop, title=title, ends_at=NOW + lasts)
    decided(sessions)
    return citizen


def taken_up(sessions: sessionmaker[Session], *, now: dt.datetime) -> int:
    """Make every digest that is due; how many."""
    made = 0
    while True:
        with sessions.begin() as session:
            if not digests.something_due(session, now=now):
                return made
            page = digests.take_up(session, now=now, page=2)
            made += 0 if page is None else page.digests


SIX = NOW + 8 * HOUR
"""18:00 in Paris, when digests come."""


def test_a_digest_comes_at_her_hour_with_what_was_put_aside(sessions: sessionmaker[Session]) -> None:
    put_aside(sessions, "Pains", "Roses")
    assert taken_up(sessions, now=SIX - dt.timedelta(seconds=1)) == 0
    assert taken_up(sessions, now=SIX) == 1
    assert taken_up(sessions, now=SIX) == 0

    [claimed] = claim_all(sessions, now=SIX)
    assert claimed.announced.kind is MessageKind.DIGEST
    assert sorted(claimed.announced.lines) == [("Chez Pains", "Pains"), ("Chez Roses", "Roses")]
    assert rows(sessions, BudgetSlot) == []


def test_a_digest_of_which_nothing_is_left_is_silent(sessions: sessionmaker[Session]) -> None:
    put_aside(sessions, "Pains", lasts=4 * HOUR)
    assert taken_up(sessions, now=SIX) == 0
    assert claim_all(sessions, now=SIX) == rows(sessions, DigestLine) == []

    citizen = put_aside(sessions, "Roses")
    assert taken_up(sessions, now=SIX) == 1
    with sessions.begin() as session:
        [shop_id] = session.scalars(select(Follow.shop_id).where(Follow.citizen_id == citizen.id))
        unfollow(session, citizen.id, shop_id, now=SIX)
    assert claim_all(sessions, now=SIX) == []


def test_whoever_wants_no_digest_any_more_gets_none_and_nobody_gets_two_on_a_day(
    sessions: sessionmaker[Session],
) -> None:
    citizen = put_aside(sessions, "Pains")
    wish(sessions, citizen, digest=False)
    assert taken_up(sessions, now=SIX) == 0

    other = put_aside(sessions, "Roses")
    assert taken_up(sessions, now=SIX) == 1
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        builders.a_follow(session, session.get_one(Citizen, other.id), shop)
    wish(sessions, other, digest_at=dt.time(19))
    told(sessions, shop, now=SIX + HOUR / 2)
    assert taken_up(sessions, now=SIX + HOUR) == 0  # 19:00, and she has had one at 18:00
    assert taken_up(sessions, now=SIX + DAY + HOUR) == 1
