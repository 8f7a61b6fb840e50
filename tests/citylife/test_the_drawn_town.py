"""The town that the benches and the long proofs draw by lot fits the schema of today, on both databases."""

from sqlalchemy import Engine, func, select

from bench.town import build_town
from citylife.follows import Follow
from citylife.offers import Offer
from citylife.shops import Shop


def test_a_small_town_is_loaded_whole(engine: Engine) -> None:
    town = build_town(engine, 0.0005)

    with engine.connect() as connection:
        counts = [connection.scalar(select(func.count()).select_from(model)) for model in (Shop, Offer, Follow)]
        unproved = connection.scalars(select(Shop.unproved)).all()
    assert counts[:2] == [town.shops + 1, town.offers]
    assert counts[2]
    assert not any(unproved)
