"""Changing a shop: without losing a colleague's change, and only when somebody has proved to run it."""

import datetime as dt

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.clock import local_date
from citylife.errors import Invalid, Stale
from citylife.geography import communes
from citylife.shops import (
    Proof,
    Shop,
    ShopChanges,
    ShopCommune,
    ShopNotVerified,
    ShopStand,
    ShopStatus,
    ShopSuspended,
    Stand,
    change_shop,
    refuse_claim,
    set_stands,
    verify_shop,
)
from citylife.shops.changes import StandRefused
from citylife.shops.preparing import hours_for_team
from tests import builders
from tests.builders import BETHUNE, GRAND_PLACE, NOW
from tests.overlap import overlapping

LATER = NOW + dt.timedelta(days=2)
BRUAY = communes()["62178"]


def test_a_change_touches_what_it_names_and_counts_once(session: Session):
    shop = builders.a_shop(session, "Chez Léon", telephone="03 21 00 00 00", open_until="19:00")
    version, slug = shop.version, shop.slug

    change_shop(session, shop, ShopChanges(name="Chez Lucie", telephone=None), expected_version=version, now=LATER)
    session.commit()
    session.expire_all()

    assert (shop.name, shop.telephone, shop.slug) == ("Chez Lucie", None, slug)
    assert shop.opening_hours == "Mo-Su 08:00-19:00; PH off"
    assert (shop.version, shop.updated_at) == (version + 1, LATER)


def test_a_change_of_nothing_is_none(session: Session):
    shop = builders.a_shop(session, "Chez Léon")
    version = shop.version

    change_shop(session, shop, ShopChanges(name=" Chez Léon "), expected_version=version, now=LATER)

    assert (shop.version, shop.updated_at) == (version, NOW)


def test_a_colleagues_change_is_not_lost(session: Session):
    shop = builders.a_shop(session)
    read = shop.version
    change_shop(session, shop, ShopChanges(name="Chez Lucie"), expected_version=read, now=NOW)

    with pytest.raises(Stale):
        change_shop(session, shop, ShopChanges(name="Chez Léa"), expected_version=read, now=NOW)

    assert shop.name == "Chez Lucie"


def test_of_two_changes_at_once_one_is_told(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        shop_id, version = shop.id, shop.version

    def rename(name: str):
        return lambda session: (
            change_shop(
                session, session.get_one(Shop, shop_id), ShopChanges(name=name), expected_version=version, now=NOW
            ).name
        )

    first, second = overlapping(sessions, rename("Chez Lucie"), rename("Chez Léa"))

    assert first == "Chez Lucie"
    assert isinstance(second, Stale)
    with sessions() as session:
        assert session.get_one(Shop, shop_id).name == "Chez Lucie"


@pytest.mark.parametrize(
    ("status", "refusal"),
    [(ShopStatus.CLAIMED, ShopNotVerified), (ShopStatus.SUSPENDED, ShopSuspended)],
)
def test_who_has_not_proved_it_or_is_suspended_changes_nothing(session: Session, status, refusal):
    shop = builders.a_shop(session, "Chez Léon", status=status)

    with pytest.raises(refusal):
        change_shop(session, shop, ShopChanges(name="Autre"), expected_version=shop.version, now=NOW)
    with pytest.raises(refusal):
        set_stands(session, shop, [], expected_version=shop.version, now=NOW)
    assert shop.name == "Chez Léon"


@pytest.mark.parametrize("unproved", [True, False])
@pytest.mark.parametrize("accepted", [True, False])
def test_hours_are_prepared_while_staff_verify(session: Session, unproved, accepted):
    shop = builders.a_shop(session, status=ShopStatus.CLAIMED, unproved=unproved, opening_hours="Mo-Su 08:00-18:00")
    listed, prepared = shop.opening_hours, "Tu-Sa 07:00-13:00; PH off"
    change_shop(session, shop, ShopChanges(opening_hours=prepared), expected_version=shop.version, now=NOW)

    assert hours_for_team(session, shop) == prepared
    assert shop.opening_hours == (prepared if unproved else listed)
    with pytest.raises(Stale):
        change_shop(session, shop, ShopChanges(opening_hours=None), expected_version=shop.version - 1, now=NOW)
    changes = ShopChanges(name="Autre", opening_hours=None)
    with pytest.raises(ShopNotVerified):
        change_shop(session, shop, changes, expected_version=shop.version, now=NOW)

    if accepted:
        verify_shop(session, shop, proof=Proof.VISIT, now=NOW)
        assert shop.opening_hours == prepared
        return
    refuse_claim(session, shop, reason="Pas le bon.", now=NOW)
    assert shop.opening_hours == (None if unproved else listed)
    assert hours_for_team(session, shop) == shop.opening_hours


def test_emptied_hours_are_prepared_too(session: Session):
    shop = builders.a_shop(session, status=ShopStatus.CLAIMED, opening_hours="Mo-Su 08:00-18:00")
    change_shop(session, shop, ShopChanges(opening_hours=None), expected_version=shop.version, now=NOW)
    assert (shop.opening_hours, hours_for_team(session, shop)) == ("Mo-Su 08:00-18:00", None)
    verify_shop(session, shop, proof=Proof.VISIT, now=NOW)
    assert shop.opening_hours is None


def test_the_directory_changes_a_listed_shop(session: Session):
    shop = builders.a_shop(session, status=ShopStatus.LISTED)

    change_shop(session, shop, ShopChanges(category="butcher"), expected_version=1, now=NOW)

    assert (shop.category, shop.version) == ("butcher", 2)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        (ShopChanges(name=""), "/name"),
        (ShopChanges(name="Bon", category="tobacco"), "/category"),
        (ShopChanges(name="Bon", opening_hours="midi"), "/opening_hours"),
        (ShopChanges(name="Bon", latitude=0.0), "/latitude"),
        (ShopChanges(name="Bon", insee_code=BRUAY.insee_code), "/latitude"),
        (ShopChanges(name="Bon", website="javascript:1"), "/website"),
    ],
)
def test_a_fact_that_breaks_its_rule_changes_nothing(session: Session, changes: ShopChanges, pointer: str):
    shop = builders.a_shop(session, "Chez Léon")
    version = shop.version

    with pytest.raises(Invalid) as refusal:
        change_shop(session, shop, changes, expected_version=version, now=NOW)

    assert refusal.value.pointer == pointer
    assert not session.dirty
    assert (shop.name, shop.version) == ("Chez Léon", version)


def test_a_shop_that_moves_is_in_its_new_commune_from_that_day(session: Session):
    shop = builders.a_shop(session)
    moved = ShopChanges(latitude=BRUAY.latitude, longitude=BRUAY.longitude)

    change_shop(session, shop, moved, expected_version=shop.version, now=LATER)
    session.commit()

    assert shop.insee_code == BRUAY.insee_code
    places = session.scalars(select(ShopCommune).order_by(ShopCommune.since)).all()
    assert [(place.insee_code, place.since, place.until) for place in places] == [
        (BETHUNE, local_date(NOW), local_date(LATER)),
        (BRUAY.insee_code, local_date(LATER), None),
    ]


def test_a_shop_that_moves_twice_in_a_day_is_only_where_it_ended(session: Session):
    shop = builders.a_shop(session)
    for place in ((BRUAY.latitude, BRUAY.longitude), GRAND_PLACE, (BRUAY.latitude, BRUAY.longitude)):
        change_shop(
            session,
            shop,
            ShopChanges(latitude=place[0], longitude=place[1]),
            expected_version=shop.version,
            now=NOW,
        )
    session.commit()

    places = session.scalars(select(ShopCommune)).all()
    assert [(place.insee_code, place.until) for place in places] == [(BRUAY.insee_code, None)]


def stand(weekday: int, **facts) -> Stand:
    said = {"label": "Marché", "latitude": GRAND_PLACE[0], "longitude": GRAND_PLACE[1], "hours": "08:00-12:30", **facts}
    return Stand(weekday=weekday, **said)


def test_a_trader_stands_elsewhere_each_weekday(session: Session):
    shop = builders.a_shop(session, category="market")
    version = shop.version
    set_stands(session, shop, [stand(0), stand(5)], expected_version=version, now=NOW)

    set_stands(
        session,
        shop,
        [stand(5, label="Halle"), stand(2, latitude=BRUAY.latitude, longitude=BRUAY.longitude)],
        expected_version=version + 1,
        now=NOW,
    )
    session.commit()

    rows = session.scalars(select(ShopStand).order_by(ShopStand.weekday)).all()
    assert [(row.weekday, row.label, row.insee_code) for row in rows] == [
        (2, "Marché", BRUAY.insee_code),
        (5, "Halle", BETHUNE),
    ]
    assert shop.version == version + 2
    with pytest.raises(Stale):
        set_stands(session, shop, [], expected_version=version, now=NOW)


@pytest.mark.parametrize(
    ("stands", "pointer"),
    [
        ([stand(7)], "/stands/0/weekday"),
        ([stand(0), stand(-1)], "/stands/1/weekday"),
        ([stand(1), stand(1)], "/stands"),
    ],
)
def test_a_stand_has_a_weekday_of_its_own(session: Session, stands: list[Stand], pointer: str):
    shop = builders.a_shop(session)

    with pytest.raises(StandRefused) as refusal:
        set_stands(session, shop, stands, expected_version=shop.version, now=NOW)

    assert refusal.value.pointer == pointer


@pytest.mark.parametrize("facts", [{"label": ""}, {"latitude": 48.0}, {"hours": "le matin"}])
def test_a_stand_has_facts_like_a_shops(session: Session, facts: dict):
    shop = builders.a_shop(session)

    with pytest.raises(Invalid):
        set_stands(session, shop, [stand(0, **facts)], expected_version=shop.version, now=NOW)
