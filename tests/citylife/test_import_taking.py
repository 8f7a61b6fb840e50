"""Shops from a file come into the directory once, never over what somebody has claimed, and twice changes nothing."""

import io
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from citylife.clock import local_date
from citylife.database import engine_for, writing
from citylife.geography import communes
from citylife.imports import Intake, Verdict, known_spots, open_source, take
from citylife.imports.rows import NO_POSITION, TWICE
from citylife.imports.taking import CLAIMED, FACTS, GONE
from citylife.shops import Shop, ShopCommune, ShopStatus, claim_shop, close_down, list_shop, refuse_claim
from citylife.shops.listing import Listing, enter_all, free_slugs
from tests.builders import BETHUNE, GRAND_PLACE, NOW, a_merchant, a_shop, a_siret
from tests.imported import NORTH, a_collection, a_feature, a_line, a_table
from tests.overlap import overlapping

BRUAY = communes()["62178"]
LATER = NOW.replace(day=25)


def imported(session: Session, file: bytes, *, now=NOW):
    """What became of each row of a file, in its order."""
    rows = list(open_source(io.BytesIO(file)).rows)
    candidates, outcomes = Intake(None).prepare(rows, known_spots(session, rows))
    outcomes += take(session, candidates, now=now)
    session.flush()
    return sorted(outcomes, key=lambda outcome: outcome.number)


def verdicts(outcomes):
    return [outcome.verdict.value for outcome in outcomes]


def osm(*features):
    return a_collection(*features)


def stored(session: Session):
    """Everything the directory holds, versions included."""
    session.flush()
    columns = [*(getattr(Shop, name) for name in FACTS), Shop.slug, Shop.source, Shop.version, Shop.updated_at]
    return sorted(tuple(map(str, row)) for row in session.execute(select(*columns)))


def north(metres: float) -> tuple[float, float]:
    return GRAND_PLACE[0] + metres * NORTH * 0.9, GRAND_PLACE[1]


def test_a_shop_comes_into_the_directory_as_one_that_is_listed(session: Session):
    (outcome,) = imported(session, osm(a_feature(opening_hours="24/7", addr__postcode="62400")))
    shop = session.scalars(select(Shop)).one()
    assert (outcome.verdict, outcome.slug, outcome.reason) == (Verdict.TAKEN, shop.slug, None)
    assert (shop.slug, shop.status, shop.fictional) == ("au-pain-d-hier-bethune", ShopStatus.LISTED, False)
    assert (shop.source, shop.version, shop.insee_code) == ("osm:node/123", 1, BETHUNE)
    assert (shop.created_at, shop.updated_at, shop.opening_hours) == (NOW, NOW, "24/7")
    place = session.scalars(select(ShopCommune)).one()
    assert (place.shop_id, place.insee_code, place.since, place.until) == (shop.id, BETHUNE, local_date(NOW), None)


@pytest.mark.parametrize(
    ("tags", "pointer"),
    [
        ({"at": (48.85, 2.35)}, "agglomération"),
        ({"at": (91.0, 2.35)}, "Terre"),
        ({"name": "x" * 121}, "120"),
        ({"name": "Pain\0"}, "contrôle"),
        ({"name": "Pain \u202e"}, "lecture"),
        ({"name": "\u200b\u2063"}, "obligatoire"),
    ],
)
def test_a_row_that_breaks_a_rule_of_the_directory_is_refused_with_its_sentence(session: Session, tags, pointer):
    outcomes = imported(session, osm(a_feature(**tags), a_feature("node/7")))
    assert verdicts(outcomes) == ["refused", "taken"]
    assert pointer in outcomes[0].reason


@pytest.mark.parametrize(
    "name", ["<img src=x onerror=alert(1)>", "'; DELETE FROM shops; --", "مخبز", "Pain 🥖", "=1+1"]
)
def test_a_name_of_strangers_is_kept_word_for_word(session: Session, name):
    imported(session, osm(a_feature(name=name)))
    shop = session.scalars(select(Shop)).one()
    assert shop.name == name
    assert shop.slug.isascii()


FILES = {
    "one of each": osm(
        a_feature("node/1", opening_hours="24/7"),
        a_feature("node/2", name="Chez Léon", shop=None, amenity="restaurant", at=north(500)),
        a_feature("node/3", name="Trop Loin", at=(48.85, 2.35)),
    ),
    "an object twice": osm(a_feature("node/1", name="A"), a_feature("node/1", name="B"), a_feature("node/1", name="A")),
    "a shop as a node and as a building": osm(
        a_feature("node/1"),
        a_feature("way/2", at=north(20), phone="3939"),
        a_feature("way/3", at=north(30), phone="3615"),
    ),
    "one SIRET on two objects": osm(
        a_feature("node/1", name="A", ref__FR__SIRET="73282932000074"),
        a_feature("node/2", name="B", ref__FR__SIRET="73282932000074", at=north(900), phone="3939"),
    ),
    "two SIRETs for one name": osm(
        a_feature("node/1"),
        a_feature("node/2", ref__FR__SIRET="73282932000074"),
        a_feature("node/3", ref__FR__SIRET="35600000049837"),
        a_feature("node/4", phone="3939"),
    ),
    "a chain": osm(*(a_feature(f"node/{number}", name="Pain & Cie", at=north(200 * number)) for number in range(1, 8))),
    "SIRENE": a_table(a_line(), a_line(enseigne1Etablissement="CHEZ LEON"), a_line(siret="73282932000074")),
    "SIRENE, an establishment twice": a_table(a_line(siret="73282932000074"), a_line(siret="73282932000074")),
}


@pytest.mark.parametrize("file", FILES.values(), ids=FILES.keys())
def test_twice_changes_nothing(session: Session, file):
    imported(session, file)
    before = stored(session)
    again = imported(session, file, now=LATER)
    assert {outcome.verdict for outcome in again} <= {Verdict.UNCHANGED, Verdict.REFUSED}
    assert stored(session) == before


SIRETS = ("73282932000074", "35600000049837")
FEATURES = st.builds(
    lambda origin, name, metres, **tags: a_feature(origin, name=name, at=north(metres), **tags),
    st.sampled_from(["node/1", "node/2", "way/1", "way/2"]),
    st.sampled_from(["Au Pain", "AU PAIN", "Chez Léon"]),
    st.sampled_from([0, 30, 60, 90, 120]),
    addr__street=st.sampled_from([None, "12 RUE DE LILLE", "Rue Neuve"]),
    ref__FR__SIRET=st.sampled_from([None, *SIRETS]),
    phone=st.sampled_from([None, "3939", "3615"]),
    shop=st.sampled_from(["bakery", "books"]),
)
LINES = st.builds(
    lambda siret, name, metres: a_line(
        siret=siret, enseigne1Etablissement=name, latitude=north(metres)[0], longitude=north(metres)[1]
    ),
    st.sampled_from(SIRETS),
    st.sampled_from(["AU PAIN", "CHEZ LEON"]),
    st.sampled_from([0, 30, 60, 90, 120]),
)
ONE_FILE_OF_EACH = st.tuples(
    st.lists(FEATURES, min_size=1, max_size=6).map(lambda features: osm(*features)),
    st.lists(LINES, min_size=1, max_size=3).map(lambda lines: a_table(*lines)),
)


@given(ONE_FILE_OF_EACH, st.randoms(use_true_random=False))
def test_files_of_two_sources_that_were_both_read_change_nothing_in_any_order(session: Session, files, chance):
    try:
        for file in chance.sample(files, 2):
            imported(session, file)
        before = stored(session)
        for file in chance.sample(files, 2):
            again = imported(session, file, now=LATER)
            assert {outcome.verdict for outcome in again} <= {Verdict.UNCHANGED, Verdict.REFUSED}
        assert stored(session) == before
    finally:
        session.rollback()


def test_two_sources_never_quarrel(session: Session):
    from_osm = osm(a_feature(addr__street="Rue de Lille", phone="03 21 00 00 00"))
    siret = a_siret()
    from_insee = a_table(a_line(siret=siret, enseigne1Etablissement="AU PAIN D’HIER"))
    assert verdicts(imported(session, from_osm)) == ["taken"]
    assert verdicts(imported(session, from_insee)) == ["updated"]
    shop = session.scalars(select(Shop)).one()
    assert (shop.name, shop.street, shop.siret) == ("Au Pain d’Hier", "Rue de Lille", siret)
    assert (shop.postal_code, shop.source, shop.version) == ("62400", "osm:node/123", 2)
    before = stored(session)
    for file in (from_osm, from_insee, from_osm):
        assert verdicts(imported(session, file, now=LATER)) == ["unchanged"]
    assert stored(session) == before


def test_the_source_of_a_shop_corrects_it_and_empties_nothing(session: Session):
    imported(session, osm(a_feature(phone="3939", opening_hours="24/7")))
    changed = osm(a_feature(name="Au Pain Neuf", shop="pastry", opening_hours="Mo-Fr 08:00-19:00", at=north(300)))
    (outcome,) = imported(session, changed, now=LATER)
    shop = session.scalars(select(Shop)).one()
    assert outcome.verdict is Verdict.UPDATED
    assert (shop.name, shop.telephone, shop.opening_hours) == ("Au Pain Neuf", "3939", "Mo-Fr 08:00-19:00")
    assert (shop.slug, shop.version, shop.updated_at) == ("au-pain-d-hier-bethune", 2, LATER)


def test_a_shop_that_moved_to_another_commune_has_a_history(session: Session):
    imported(session, osm(a_feature()))
    imported(session, osm(a_feature(at=(BRUAY.latitude, BRUAY.longitude))), now=LATER)
    places = session.scalars(select(ShopCommune).order_by(ShopCommune.since)).all()
    assert [(place.insee_code, place.until) for place in places] == [
        (BETHUNE, local_date(LATER)),
        (BRUAY.insee_code, None),
    ]


@pytest.mark.parametrize("status", [ShopStatus.CLAIMED, ShopStatus.VERIFIED, ShopStatus.SUSPENDED])
@pytest.mark.parametrize("known_by", ["SIRET", "name and place"])
def test_a_shop_that_somebody_runs_is_never_written_over(session: Session, status, known_by):
    siret = a_siret()
    shop = a_shop(session, "Au Pain d’Hier", status=status, siret=siret)
    named = {"name": "Un autre nom", "ref__FR__SIRET": siret, "at": north(400)} if known_by == "SIRET" else {}
    before = stored(session)
    (outcome,) = imported(session, osm(a_feature(phone="3939", **named)), now=LATER)
    assert (outcome.verdict, outcome.reason, outcome.slug) == (Verdict.REFUSED, CLAIMED, shop.slug)
    assert stored(session) == before


def test_an_imported_shop_that_was_claimed_since_is_left_alone(session: Session):
    imported(session, osm(a_feature()))
    facts = {"name": "Au Pain d’Hier", "category": "bakery", "latitude": GRAND_PLACE[0], "longitude": GRAND_PLACE[1]}
    shop = claim_shop(session, a_merchant(session), siret=a_siret(), now=NOW, **facts)
    assert shop.source == "osm:node/123"
    (outcome,) = imported(session, osm(a_feature(name="Autre")), now=LATER)
    assert (outcome.reason, shop.name) == (CLAIMED, "Au Pain d’Hier")


def test_a_shop_that_only_a_refused_claim_spoke_of_hides_none_that_a_source_knows(session: Session):
    claimed = a_shop(session, "Au Pain d’Hier", status=ShopStatus.CLAIMED, unproved=True)
    refuse_claim(session, claimed, reason="Un autre commerce.", now=NOW)
    assert verdicts(imported(session, osm(a_feature(phone="3939")), now=LATER)) == ["taken"]
    shop = session.scalars(select(Shop).where(Shop.source == "osm:node/123")).one()
    assert (shop.status, shop.telephone, claimed.status) == (ShopStatus.LISTED, "3939", ShopStatus.CLOSED)
    before = stored(session)
    assert verdicts(imported(session, osm(a_feature(phone="3939")), now=LATER)) == ["unchanged"]
    assert stored(session) == before


def test_a_claim_in_the_middle_of_an_import_wins(sessions: sessionmaker[Session]):
    file = osm(a_feature(phone="3939"))
    with sessions.begin() as session:
        imported(session, osm(a_feature()))

    def claim(session: Session):
        facts = {"category": "bakery", "latitude": GRAND_PLACE[0], "longitude": GRAND_PLACE[1]}
        return claim_shop(session, a_merchant(session), name="Au Pain d’Hier", siret=a_siret(), now=NOW, **facts).slug

    _, outcomes = overlapping(sessions, claim, lambda session: imported(session, file, now=LATER))
    assert outcomes[0].reason == CLAIMED
    with sessions() as session:
        assert session.scalars(select(Shop)).one().telephone is None


def test_a_shop_that_staff_said_is_gone_is_not_brought_back(session: Session):
    file = osm(a_feature(), a_feature("node/77"))
    imported(session, osm(a_feature()))
    shop = session.scalars(select(Shop)).one()
    close_down(session, shop, reason="Rideau baissé", now=NOW)
    before = stored(session)
    for _ in range(2):
        outcomes = imported(session, file, now=LATER)
        assert [(outcome.verdict, outcome.reason) for outcome in outcomes] == [(Verdict.REFUSED, GONE)] * 2
        assert stored(session) == before
    assert shop.status is ShopStatus.CLOSED


def test_whoever_claims_where_a_shop_has_closed_opens_a_new_one(session: Session):
    imported(session, osm(a_feature()))
    gone = session.scalars(select(Shop)).one()
    close_down(session, gone, reason="Rideau baissé", now=NOW)
    facts = {"category": "bakery", "latitude": GRAND_PLACE[0], "longitude": GRAND_PLACE[1]}
    new = claim_shop(session, a_merchant(session), name=gone.name, siret=a_siret(), now=LATER, **facts)
    assert (new.status, gone.status) == (ShopStatus.CLAIMED, ShopStatus.CLOSED)
    assert new.slug == f"{gone.slug}-2"


def test_two_imports_at_once_bring_a_shop_once(sessions: sessionmaker[Session]):
    def bring(session: Session):
        return verdicts(imported(session, osm(a_feature())))

    first, second = overlapping(sessions, bring, bring)
    assert first == ["taken"]
    assert second == ["unchanged"] or isinstance(second, IntegrityError)
    with sessions.begin() as session:
        assert bring(session) == ["unchanged"]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ({}, {"at": north(45)}, True),
        ({}, {"at": north(60)}, False),
        ({}, {"name": "AU PAIN D’HIER", "at": north(45)}, True),
        ({}, {"name": "Au pain d’avant-hier"}, False),
        ({"addr__street": "Rue X"}, {"addr__street": "RUE X", "at": north(120)}, True),
        ({"addr__street": "Rue X"}, {"addr__street": "Rue X", "at": north(120), "shop": "books"}, False),
        ({"addr__street": "Rue X"}, {"addr__street": "Rue Y", "at": north(120)}, False),
        ({"addr__street": "Rue X"}, {"addr__street": "Rue X", "at": north(170)}, False),
        ({"ref__FR__SIRET": "73282932000074"}, {"ref__FR__SIRET": "35600000049837"}, False),
        ({"ref__FR__SIRET": "73282932000074"}, {"ref__FR__SIRET": "73282932000074", "at": north(900)}, True),
    ],
)
@pytest.mark.parametrize("in_one_file", [True, False])
def test_two_objects_are_one_shop_by_number_or_by_name_and_place(session: Session, first, second, same, in_one_file):
    one, other = a_feature("node/1", **first), a_feature("node/2", **second)
    for file in [osm(one, other)] if in_one_file else [osm(one), osm(other)]:
        imported(session, file)
    assert session.scalar(select(func.count()).select_from(Shop)) == (1 if same else 2)


def test_of_two_shops_of_one_name_the_one_listed_first_is_meant(session: Session):
    imported(session, osm(a_feature("node/1", ref__FR__SIRET="73282932000074")))
    imported(session, osm(a_feature("node/2", ref__FR__SIRET="35600000049837", at=north(40))))
    imported(session, osm(a_feature("node/3", at=north(35), phone="3939")))
    shop = session.scalars(select(Shop).where(Shop.telephone == "3939")).one()
    assert shop.source == "osm:node/1"


def test_a_fictional_shop_is_never_taken_for_a_real_one(session: Session):
    siret = a_siret()
    demo = a_shop(session, "Au Pain d’Hier", status=ShopStatus.LISTED, siret=siret, fictional=True, source="demo:1")
    assert verdicts(imported(session, osm(a_feature(ref__FR__SIRET=siret)))) == ["taken"]
    assert (demo.source, demo.version) == ("demo:1", 1)


def test_an_identifier_that_comes_twice_is_taken_once(session: Session):
    outcomes = imported(session, osm(a_feature(name="A"), a_feature(name="B")))
    assert [(outcome.verdict, outcome.reason) for outcome in outcomes] == [
        (Verdict.TAKEN, None),
        (Verdict.REFUSED, TWICE),
    ]


def test_a_known_shop_at_the_same_address_needs_no_geocoding(session: Session):
    nowhere = {"coordonneeLambertAbscisseEtablissement": "", "coordonneeLambertOrdonneeEtablissement": ""}
    line = a_line()
    assert imported(session, a_table({**line, **nowhere}))[0].reason == NO_POSITION
    imported(session, a_table(line))
    assert verdicts(imported(session, a_table({**line, **nowhere}))) == ["unchanged"]
    moved = {**line, **nowhere, "libelleVoieEtablissement": "D ARRAS"}
    assert imported(session, a_table(moved))[0].reason == NO_POSITION


LEON = Listing(name="Léon", category="bakery", latitude=GRAND_PLACE[0], longitude=GRAND_PLACE[1], insee_code=BETHUNE)


def test_many_shops_of_one_name_have_addresses_of_their_own(session: Session):
    list_shop(session, LEON, now=NOW)
    list_shop(session, LEON, now=NOW)
    others = [replace(LEON, name="Zoé"), *[LEON] * 60, replace(LEON, name="Zoé")]
    slugs = [shop.slug for shop in enter_all(session, others, ShopStatus.LISTED, now=NOW)]
    assert slugs == ["zoe-bethune", *(f"leon-bethune-{number}" for number in range(3, 63)), "zoe-bethune-2"]
    assert free_slugs(session, ["leon-bethune"] * 2) == ["leon-bethune-63", "leon-bethune-64"]
    assert free_slugs(session, []) == []


def test_what_stands_near_a_row_is_found_by_its_band_however_many_shops_there_are(sqlite_url: str):
    engine = engine_for(sqlite_url)
    asked: list[tuple[str, Any]] = []
    event.listen(engine, "before_cursor_execute", lambda *call: asked.append((call[2], call[3])))
    with writing(engine).begin() as session:
        imported(session, osm(a_feature()))
        [(statement, values)] = [each for each in asked if "shops.band IN" in each[0]]
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
    engine.dispose()

    assert "SEARCH shops USING INDEX ix_shops_band (band=? AND longitude>? AND longitude<?)" in plan[0]
