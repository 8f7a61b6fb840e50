"""The draw: even, recorded so that it can be computed again, and nothing is won by posting first."""

import random
import uuid

from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen
from citylife.courtesy.draw import CERTAIN, MODULUS, Seeds, chance, is_drawn, new_seed, seeds_of
from citylife.ledger.tables import Arm, Decision, Outcome
from tests import builders
from tests.builders import NOW
from tests.citylife.courtesy.conftest import DAY, told


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
