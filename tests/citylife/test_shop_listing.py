"""A shop in the directory: its facts are checked, its commune found, its page's address its own."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.clock import local_date
from citylife.database import new_id
from citylife.errors import Absent, Invalid
from citylife.geography import cell_at, communes
from citylife.shops import (
    Listing,
    Shop,
    ShopCommune,
    ShopStatus,
    list_shop,
    public_shops,
    shop_by_id,
    shop_by_slug,
    shop_by_source,
    suspend_shop,
)
from citylife.shops.directory import ShopClosedDown
from citylife.shops.facts import check_place, check_rna, check_siret, check_telephone, check_website
from citylife.shops.listing import LONGEST_SLUG, AlreadyListed, slug_of
from tests import builders
from tests.builders import BETHUNE, GRAND_PLACE, NOW
from tests.overlap import overlapping

LEON = Listing(name="Chez Léon", category="bakery", latitude=GRAND_PLACE[0], longitude=GRAND_PLACE[1])
BRUAY = "62178"


def test_a_listed_shop_is_found_by_its_address(session: Session):
    shop = list_shop(
        session,
        replace(LEON, opening_hours="Mo-Sa 08:00-19:00", telephone="+33 3 21 00 00 00", website="https://leon.example"),
        now=NOW,
    )
    session.commit()

    assert shop.slug == "chez-leon-bethune"
    assert (shop.status, shop.insee_code, shop.version, shop.fictional) == (ShopStatus.LISTED, BETHUNE, 1, False)
    assert shop_by_slug(session, "chez-leon-bethune") is shop
    assert shop_by_id(session, shop.id) is shop
    place = session.scalars(select(ShopCommune)).one()
    assert (place.shop_id, place.insee_code, place.since, place.until) == (shop.id, BETHUNE, local_date(NOW), None)


def test_two_shops_of_one_name_have_two_addresses(session: Session):
    slugs = [list_shop(session, LEON, now=NOW).slug for _ in range(3)]

    assert slugs == ["chez-leon-bethune", "chez-leon-bethune-2", "chez-leon-bethune-3"]


def test_two_shops_of_one_name_at_once_have_two_addresses(sessions: sessionmaker[Session]):
    def enter(session: Session):
        return list_shop(session, LEON, now=NOW).slug

    assert overlapping(sessions, enter, enter) == ("chez-leon-bethune", "chez-leon-bethune-2")


def test_an_import_brings_a_shop_once(session: Session):
    listing = replace(LEON, source="osm:node/123")
    shop = list_shop(session, listing, now=NOW)

    with pytest.raises(AlreadyListed):
        list_shop(session, listing, now=NOW)
    assert shop_by_source(session, "osm:node/123") is shop
    assert shop_by_source(session, "osm:node/124") is None


def test_an_import_that_meets_itself_brings_a_shop_once(sessions: sessionmaker[Session]):
    def enter(session: Session):
        return list_shop(session, replace(LEON, source="osm:node/123"), now=NOW).slug

    slug, refusal = overlapping(sessions, enter, enter)

    assert slug == "chez-leon-bethune"
    assert isinstance(refusal, AlreadyListed)
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Shop)) == 1


@pytest.mark.parametrize(
    ("facts", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "x" * 121}, "/name"),
        ({"name": "Pain\0"}, "/name"),
        ({"category": "tobacco"}, "/category"),
        ({"category": "nuclear"}, "/category"),
        ({"latitude": 48.85, "longitude": 2.35}, "/latitude"),
        ({"latitude": 91.0}, "/latitude"),
        ({"longitude": math.nan}, "/latitude"),
        ({"latitude": math.inf}, "/latitude"),
        ({"insee_code": "75056"}, "/insee_code"),
        ({"insee_code": BRUAY}, "/latitude"),
        ({"postal_code": "6240"}, "/postal_code"),
        ({"postal_code": "٦٢٤٠٠"}, "/postal_code"),
        ({"opening_hours": "de 9h à midi"}, "/opening_hours"),
        ({"telephone": "appelez-moi"}, "/telephone"),
        ({"website": "javascript:alert(1)"}, "/website"),
        ({"siret": "73282932000075"}, "/siret"),
        ({"rna": "W12345678"}, "/rna"),
        ({"description": "x" * 501}, "/description"),
    ],
)
def test_a_fact_that_breaks_its_rule_is_named_and_nothing_is_kept(session: Session, facts: dict, pointer: str):
    with pytest.raises(Invalid) as refusal:
        list_shop(session, replace(LEON, **facts), now=NOW)

    assert refusal.value.pointer == pointer
    assert session.scalar(select(func.count()).select_from(Shop)) == 0


@pytest.mark.parametrize("text", ["Le Fournil 🥖", "<b>Pain</b>", "مخبز", "'; DELETE FROM shops; --"])
def test_a_name_of_any_script_has_a_plain_address(session: Session, text: str):
    shop = list_shop(session, replace(LEON, name=text), now=NOW)
    session.commit()

    assert shop.name == text
    assert shop.slug.isascii()
    assert shop_by_slug(session, shop.slug) is shop


@given(st.text(min_size=1, max_size=120), st.sampled_from(list(communes().values())))
def test_an_address_is_plain_and_fits(name: str, commune):
    slug = slug_of(name, commune.name)

    assert set(slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert not slug.startswith("-")
    assert not slug.endswith("-")
    assert len(slug) + len("-99999") <= LONGEST_SLUG


@pytest.mark.parametrize("facts", communes().values(), ids=lambda facts: facts.insee_code)
def test_the_centre_of_a_commune_is_in_it(facts):
    assert check_place(facts.latitude, facts.longitude).insee_code == facts.insee_code
    assert check_place(facts.latitude, facts.longitude, facts.insee_code).insee_code == facts.insee_code


def test_near_a_border_the_postal_code_decides():
    here, across = next(
        (here, across)
        for here in communes().values()
        for across in communes().values()
        if cell_at(here.latitude, here.longitude) in across.cells
        and not set(here.postal_codes) & set(across.postal_codes)
    )

    assert check_place(here.latitude, here.longitude).insee_code == here.insee_code
    assert (
        check_place(here.latitude, here.longitude, postal_code=across.postal_codes[0]).insee_code == across.insee_code
    )
    assert check_place(here.latitude, here.longitude, postal_code="75001").insee_code == here.insee_code


def test_numbers_are_read_as_people_write_them():
    assert check_siret("732 829 320 00074") == "73282932000074"
    assert check_siret("35600000049837") == "35600000049837"  # La Poste's own rule
    assert check_rna(" w621 000 123 ") == "W621000123"


@pytest.mark.parametrize("siret", ["", "7328293200007", "732829320000745", "abcdefghijklmn", "73282932000075"])
def test_a_wrong_siret_is_refused(siret: str):
    with pytest.raises(Invalid) as refusal:
        check_siret(siret)

    assert refusal.value.pointer == "/siret"


@given(st.integers(min_value=0, max_value=13), st.integers(min_value=1, max_value=9))
def test_a_siret_with_one_wrong_digit_is_refused(position: int, shift: int):
    right = builders.a_siret()
    assert check_siret(right) == right
    wrong = right[:position] + str((int(right[position]) + shift) % 10) + right[position + 1 :]

    with pytest.raises(Invalid):
        check_siret(wrong)


@pytest.mark.parametrize("number", ["03 21 00 00 00", "+33 3 21 00 00 00", "+33(0)321000000", "3939", "03.21.00.00.00"])
def test_a_telephone_number_is_kept_as_written(number: str):
    assert check_telephone(f" {number} ") == number


@pytest.mark.parametrize("number", ["1", "+", "03 21 00 00 00 poste 4", "0" * 25, "٠٣٢١", "03\n21", "<script>"])
def test_what_is_no_telephone_number_is_refused(number: str):
    with pytest.raises(Invalid):
        check_telephone(number)


@pytest.mark.parametrize(
    "address", ["https://leon.example", "http://www.leon.example/pain?jour=mardi#prix", "https://boulangerie-léon.fr/"]
)
def test_the_address_of_a_site_is_kept(address: str):
    assert check_website(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "leon.example",
        "ftp://leon.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "https://",
        "https://localhost/",
        "https://leon@evil.example/",
        "https://leon.example:8080/",
        "https://leon.example:99999/",
        "https://leon.example/a b",
        "https://leon.example/<script>",
        "https://leon.example/\u202egpj",
        "https://[::1]/",
        "https://127.0.0.1/",
        "https://a..example/",
        "https://leon.example/" + "x" * 300,
    ],
)
def test_an_address_nobody_should_follow_is_refused(address: str):
    with pytest.raises(Invalid):
        check_website(address)


def test_the_public_finds_shops_by_category_and_commune(session: Session):
    leon = list_shop(session, replace(LEON, category="bakery"), now=NOW)
    fleurs = list_shop(session, replace(LEON, name="Fleurs d’Été", category="florist"), now=NOW)
    bruay = communes()[BRUAY]
    far = list_shop(session, replace(LEON, latitude=bruay.latitude, longitude=bruay.longitude), now=NOW)

    def found(**filters):
        return {shop.id for shop in public_shops(session, limit=10, **filters)}

    assert found() == {leon.id, fleurs.id, far.id}
    assert found(category="florist") == {fleurs.id}
    assert found(insee_code=BRUAY) == {far.id}
    assert found(category="florist", insee_code=BRUAY) == set()


def test_shops_are_read_by_pages(session: Session):
    shops = [builders.a_shop(session, status=ShopStatus.LISTED).id for _ in range(5)]

    first = public_shops(session, limit=3)
    rest = public_shops(session, after=first[-1].id, limit=3)

    assert [shop.id for shop in (*first, *rest)] == sorted(shops)


@pytest.mark.parametrize("status", list(ShopStatus))
def test_a_shop_is_public_unless_it_is_suspended_or_closed(session: Session, status: ShopStatus):
    shop = builders.a_shop(session, status=status)

    if status in {ShopStatus.SUSPENDED, ShopStatus.CLOSED}:
        for look in (lambda: shop_by_id(session, shop.id), lambda: shop_by_slug(session, shop.slug)):
            with pytest.raises((Absent, ShopClosedDown)):
                look()
        assert public_shops(session, limit=10) == []
    else:
        assert shop_by_id(session, shop.id) is shop_by_slug(session, shop.slug) is shop
        assert public_shops(session, limit=10) == [shop]


def test_what_is_not_there_is_absent(session: Session):
    shop = builders.a_shop(session)
    suspend_shop(session, shop, reason="Plaintes", now=NOW)

    with pytest.raises(Absent):
        shop_by_slug(session, "personne-bethune")
    with pytest.raises(Absent):
        shop_by_id(session, new_id())
