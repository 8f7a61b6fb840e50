"""`citylife demo` fills an instance with a fictional town, says so everywhere, and keeps everything when run again."""

import datetime as dt
import stat

import orjson
import pytest
from sqlalchemy import func, select
from stdnum.fr import siret

from blueprints.commands.town import MERCHANT, SHOWN, STAFF, WANDERING, fictional_offers, fictional_shops
from blueprints.pieces import piece_of
from citylife.accounts.citizens import MOST_A_DAY, Citizen
from citylife.accounts.merchants import Merchant, Scope, key_of
from citylife.accounts.staff import StaffMember
from citylife.categories import BY_KEY, Policy
from citylife.courtesy.rules import MOST_ANNOUNCEMENTS, announcements_a_day
from citylife.database import engine_for, reading, writing
from citylife.follows import Level, follow, follows_of
from citylife.geography import communes
from citylife.offers import OfferKind, OfferStatus
from citylife.offers.tables import Offer
from citylife.shops import Shop, ShopStatus, shops_of
from citylife.shops.tables import ShopStand
from tests.builders import NOW, a_citizen, a_passkey, a_shop


@pytest.fixture
def town(citylife, folder, migrated):
    assert citylife("init").code == 0
    said = citylife("demo")
    assert (said.code, said.err) == (0, "")
    engine = engine_for(f"sqlite:///{folder / 'citylife.db'}")
    yield said, engine
    engine.dispose()


def test_the_town_is_as_various_as_a_town(town):
    _, engine = town
    with reading(engine)() as session:
        shops = session.scalars(select(Shop)).all()
        stands = session.scalars(select(ShopStand)).all()
    assert len(shops) >= 60
    assert len({shop.insee_code for shop in shops}) >= 25
    assert {shop.status for shop in shops} == {ShopStatus.LISTED, ShopStatus.CLAIMED, ShopStatus.VERIFIED}
    assert {"bakery", "library", "pool", "market", "association", "pharmacy"} <= {shop.category for shop in shops}
    assert {BY_KEY[shop.category].policy for shop in shops} == {Policy.ADMITTED, Policy.PAGE_ONLY, Policy.SENSITIVE}
    assert len({stand.insee_code for stand in stands}) == len(stands) == 4
    assert {stand.shop_id for stand in stands} == {shop.id for shop in shops if shop.name == WANDERING}


def test_everything_of_it_is_marked_as_fictional(town):
    _, engine = town
    with reading(engine)() as session:
        shops = session.scalars(select(Shop)).all()
        merchants = session.scalars(select(Merchant)).all()
        pieces = [orjson.loads(offer.piece) for offer in session.scalars(select(Offer)) if offer.piece]
    assert all(shop.fictional and "Commerce fictif" in shop.description for shop in shops)
    assert all(merchant.email.endswith(".invalid") for merchant in merchants)
    assert pieces
    assert all(piece["shop"]["fictional"] for piece in pieces)
    claimed = [shop for shop in shops if shop.status is ShopStatus.VERIFIED]
    assert all(siret.is_valid(shop.siret) and shop.siret.startswith("000") for shop in claimed)
    assert len({shop.siret for shop in claimed}) == len(claimed)


def test_it_stands_in_real_communes():
    for shop in fictional_shops():
        commune = communes()[shop.insee_code]
        assert abs(shop.latitude - commune.latitude) < 0.004
        assert abs(shop.longitude - commune.longitude) < 0.006
        assert shop.postal_code in commune.postal_codes


def test_something_is_live_scheduled_and_sold_out_and_its_pieces_are_written(town):
    _, engine = town
    with reading(engine)() as session:
        offers = session.scalars(select(Offer)).all()
        shops = {shop.id: shop for shop in session.scalars(select(Shop))}
        assert {offer.status for offer in offers} == {OfferStatus.LIVE, OfferStatus.SCHEDULED, OfferStatus.SOLD_OUT}
        assert {offer.kind for offer in offers} == set(OfferKind)
        assert [offer.piece for offer in offers] == [piece_of(offer, shops[offer.shop_id]) for offer in offers]


def test_its_merchant_has_a_key_that_works_and_is_kept_for_the_owner_alone(town, folder):
    said, engine = town
    token = said.out.split()[-1]
    path = folder / "demo-merchant-key"
    assert path.read_text() == token + "\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with reading(engine)() as session:
        key = key_of(session, token, now=NOW)
        assert key is not None
        assert set(key.scopes) == {scope.value for scope in Scope}
        merchant = session.scalars(select(Merchant).where(Merchant.email == MERCHANT)).one()
        assert key.merchant_id == merchant.id
        assert {shop.name for shop in shops_of(session, merchant.id)} == {SHOWN, WANDERING}


def test_run_again_it_keeps_everything_and_shows_the_same_key(citylife, town):
    first, engine = town
    with writing(engine).begin() as session:
        citizen = a_citizen(session)
        shop = session.scalars(select(Shop).where(Shop.name == SHOWN)).one()
        follow(session, citizen.id, shop, Level.ALWAYS, now=NOW)
    before = counts(engine)
    again = citylife("demo", now=NOW + dt.timedelta(hours=3))
    assert again.out.split()[-1] == first.out.split()[-1]
    assert counts(engine) == before
    with reading(engine)() as session:
        assert [kept.shop_id for kept, _ in follows_of(session, citizen.id, limit=5)] == [shop.id]


def test_its_staff_whose_passkey_is_elsewhere_is_told_how_to_get_another_link(citylife, town):
    first, engine = town
    assert "/connexion/lien/" in first.out
    with writing(engine).begin() as session:
        a_passkey(session, session.scalars(select(StaffMember)).one())
    again = citylife("demo")
    assert "/connexion/lien/" not in again.out
    assert f"citylife staff end {STAFF}" in again.out.replace("\n", " ")
    assert citylife("staff", "end", STAFF).code == 0
    assert "/connexion/lien/" in citylife("demo").out


def test_a_lost_or_foreign_key_is_made_anew(citylife, town, folder):
    first, engine = town
    path = folder / "demo-merchant-key"
    path.unlink()
    second = citylife("demo").out.split()[-1]
    path.write_text("clk_" + "A" * 43)
    third = citylife("demo").out.split()[-1]
    assert len({first.out.split()[-1], second, third}) == 3
    with reading(engine)() as session:
        assert key_of(session, third, now=NOW) is not None
    assert path.read_text() == third + "\n"


def test_once_nothing_is_live_it_announces_anew(citylife, town):
    _, engine = town
    before = counts(engine)
    with writing(engine).begin() as session:
        for offer in session.scalars(select(Offer).where(Offer.status == OfferStatus.LIVE)):
            offer.status = OfferStatus.ENDED
    later = NOW + dt.timedelta(days=20)
    assert citylife("demo", now=later).code == 0
    after = counts(engine)
    assert after["offers"] == before["offers"] + len(list(fictional_offers(later)))
    assert {**after, "offers": 0} == {**before, "offers": 0}


@pytest.mark.parametrize(
    "moment",
    [
        dt.datetime(2026, 3, 28, 22, tzinfo=dt.UTC),
        dt.datetime(2026, 3, 28, 23, tzinfo=dt.UTC),
        dt.datetime(2026, 10, 24, 0, tzinfo=dt.UTC),
        dt.datetime(2026, 10, 24, 22, tzinfo=dt.UTC),
        dt.datetime(2026, 12, 31, 12, tzinfo=dt.UTC),
        dt.datetime(2026, 12, 31, 23, tzinfo=dt.UTC),
    ],
)
def test_its_offers_keep_the_rules_whenever_it_is_run(citylife, migrated, moment):
    assert citylife("init").code == 0
    said = citylife("demo", now=moment)
    assert (said.code, said.err) == (0, "")


def counts(engine) -> dict[str, int]:
    with reading(engine)() as session:
        return {
            table.__tablename__: session.scalar(select(func.count()).select_from(table))
            for table in (Shop, Merchant, Offer, ShopStand)
        }


def test_it_can_be_tried_at_any_hour_while_nothing_is_real(citylife, town):
    _, engine = town
    with writing(engine).begin() as session:
        citizen = a_citizen(session).id
    assert citylife("demo", "--no-courtesy").code == 0
    with reading(engine)() as session:
        her = session.get_one(Citizen, citizen)
        assert (her.quiet_from, her.quiet_sundays, her.daily_budget) == (her.quiet_until, False, MOST_A_DAY)
        assert announcements_a_day(session, citizen) == MOST_ANNOUNCEMENTS

    with writing(engine).begin() as session:
        a_shop(session, "Une vraie boulangerie")
    refused = citylife("demo", "--no-courtesy")
    assert refused.code != 0
    assert "n’est pas fictif" in refused.err
