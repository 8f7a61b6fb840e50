"""Search: what is typed in haste finds the shop that was meant, and the index is always what the rows say."""

import datetime as dt
import importlib
import subprocess
import sys
from collections.abc import Iterator

import pytest
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from hypothesis import assume, given
from hypothesis import settings as rules
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, event, insert, select, text, update
from sqlalchemy.orm import Session

from citylife import migrations, offers
from citylife.categories import REFUSED
from citylife.database import engine_for, new_id, reading, writing
from citylife.geography import communes
from citylife.offers import OfferChanges, OfferStatus, correct_offer, end_due, sold_out, undo_sold_out, withdraw
from citylife.search import Found, Hit, SearchEntry, SearchGram, ask, fill, find_offers, find_shops
from citylife.search.upkeep import _READ_OFFERS, _READ_SHOPS, offer_entries, shop_entries
from citylife.search.words import closeness, grams_of, words_of
from citylife.shops import Shop, ShopChanges, ShopStatus, change_shop, reinstate_shop, suspend_shop
from tests.builders import NOW, a_shop, a_stand, an_offer
from tests.sources import ROOT

AUCHEL = "62048"
TUESDAY = 1
LATER = NOW + dt.timedelta(minutes=5)
STREET = (
    ("Boulangerie du Beffroi", "bakery"),
    ("Le Café du Coin", "cafe"),
    ("Mèche à mèche, coiffeur", "beauty"),
    ("L’Œuf ou la Poule", "grocery"),
    ("Pâtisserie Wiplier", "bakery"),
    ("Fromagerie des Flandres", "greengrocer"),
    ("Librairie Gavroche", "books"),
    ("Garage Dupont", "repair"),
    ("Aux Chaussures de Léa", "fashion"),
    ("Au 36 chandelles", "home"),
    ("Kiosque", "books"),
    ("مخبزة الحي", "bakery"),
)


def names(session: Session, q: str, *, limit: int = 5, **wanted) -> list[str]:
    return [shop.name for shop in find_shops(session, q=q, limit=limit, now=LATER, **wanted).things]


def titles(session: Session, q: str | None, now: dt.datetime = LATER, **wanted) -> list[str]:
    return [offer.title for offer in find_offers(session, q=q, limit=10, now=now, **wanted).things]


@pytest.fixture
def street(session: Session) -> Session:
    for name, category in STREET:
        a_shop(session, name, category=category, status=ShopStatus.LISTED)
    session.commit()
    return session


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("boulangrie", "Boulangerie du Beffroi"),
        ("boulangerie du befroi", "Boulangerie du Beffroi"),
        ("BOULANGERIE BEFFROI", "Boulangerie du Beffroi"),
        ("befrroi boulangerie", "Boulangerie du Beffroi"),
        ("le beffroi boulengerie", "Boulangerie du Beffroi"),
        ("cafe", "Le Café du Coin"),
        ("coifeur", "Mèche à mèche, coiffeur"),
        ("meche a meche", "Mèche à mèche, coiffeur"),
        ("coiffure bethunne", "Mèche à mèche, coiffeur"),
        ("œuf", "L’Œuf ou la Poule"),
        ("oeuf", "L’Œuf ou la Poule"),
        ("l'oeuf ou la poulle", "L’Œuf ou la Poule"),
        ("patiserie wiplié", "Pâtisserie Wiplier"),
        ("fromagrie", "Fromagerie des Flandres"),
        ("fromages", "Fromagerie des Flandres"),
        ("gavrohce", "Librairie Gavroche"),
        ("libraire gavroche", "Librairie Gavroche"),
        ("garagiste", "Garage Dupont"),
        ("dupond", "Garage Dupont"),
        ("chausure", "Aux Chaussures de Léa"),
        ("lea", "Aux Chaussures de Léa"),
        ("36", "Au 36 chandelles"),
        ("مخبزة", "مخبزة الحي"),
    ],
)
def test_what_is_typed_in_haste_finds_the_shop_that_was_meant(street: Session, typed: str, meant: str):
    assert names(street, typed)[0] == meant


@pytest.mark.parametrize(
    ("begun", "meant"),
    [
        ("k", "Kiosque"),
        ("ki", "Kiosque"),
        ("kios", "Kiosque"),
        ("garage du", "Garage Dupont"),
        ("le caf", "Le Café du Coin"),
    ],
)
def test_a_word_may_be_unfinished_from_its_first_letter_on(street: Session, begun: str, meant: str):
    assert meant in names(street, begun)


@pytest.mark.parametrize("q", ["zzzzzz", "boulangerie zzzzzz", "'; DROP TABLE shops; --", "kio que", "caf coin zz"])
def test_what_is_not_there_is_not_found(street: Session, q: str):
    assert names(street, q) == []


def test_words_of_three_letters_are_taken_as_they_are_written(session: Session):
    a_shop(session, "Lou", status=ShopStatus.LISTED)

    assert names(session, "lou") == ["Lou"]
    assert names(session, "lov") == []


def test_exact_names_come_first_then_beginnings_then_what_is_close(session: Session):
    for name in ("Boulangerie Dupond", "Chez Dupont, la maison", "Dupont", "Dupontel et fils", "Garage Dupont"):
        a_shop(session, name, category="repair", status=ShopStatus.LISTED)

    assert names(session, "dupont") == [
        "Dupont",
        "Chez Dupont, la maison",
        "Garage Dupont",
        "Dupontel et fils",
        "Boulangerie Dupond",
    ]


def test_a_shop_named_by_its_trade_comes_before_one_that_only_plies_it(session: Session):
    a_shop(session, "Aux bons pains", status=ShopStatus.LISTED)
    a_shop(session, "Boulangerie Louise", status=ShopStatus.LISTED)

    assert names(session, "boulangerie") == ["Boulangerie Louise", "Aux bons pains"]
    assert names(session, "boulangerie béthune") == ["Boulangerie Louise", "Aux bons pains"]


def test_filters_keep_what_they_name(street: Session):
    with street.no_autoflush:
        a_shop(street, "Boulangerie d’Auchel", position=(50.5093, 2.4737), insee_code=AUCHEL, status=ShopStatus.LISTED)

    assert names(street, "boulangerie", insee_code=AUCHEL) == ["Boulangerie d’Auchel"]
    assert "Boulangerie d’Auchel" not in names(street, "boulangerie", insee_code="62119")
    assert names(street, "beffroi", category="books") == []
    assert names(street, "boulangerie auchel") == ["Boulangerie d’Auchel"]
    assert names(street, "b", insee_code=AUCHEL) == ["Boulangerie d’Auchel"]


def test_suspended_shops_and_refused_trades_are_never_found(session: Session):
    shop = a_shop(session, "Beffroi", status=ShopStatus.VERIFIED)
    an_offer(session, shop, title="Brioche")
    smoke = a_shop(session, "Fumée", status=ShopStatus.VERIFIED)
    an_offer(session, smoke, title="Nuage")
    smoke.category = next(iter(sorted(REFUSED)))
    session.flush()
    suspend_shop(session, shop, reason="Signalée.", now=NOW)

    assert names(session, "beffroi") == names(session, "fumée") == []
    assert titles(session, "brioche") == titles(session, "nuage") == titles(session, None) == []
    assert find_shops(session, limit=10, now=LATER).things == []

    reinstate_shop(session, shop, reason="Entendu.", now=NOW)
    assert names(session, "beffroi") == ["Beffroi"]
    assert titles(session, "brioche") == titles(session, None) == ["Brioche"]


def test_what_the_index_still_names_is_not_shown_once_its_shop_is_suspended(session: Session):
    """Two transactions may pass each other; what is shown is what the rows say."""
    shop, other = a_shop(session, "Beffroi"), a_shop(session, "Beffroi bis")
    for each in (shop, other):
        an_offer(session, each, title="Brioche")
    session.execute(update(Shop).where(Shop.id == shop.id).values(status=ShopStatus.SUSPENDED))

    page = find_shops(session, q="beffroi", limit=1, now=LATER)
    assert page.things == []
    assert page.last is not None
    assert find_shops(session, q="beffroi", limit=1, after=page.last, now=LATER).things == [other]
    assert len(titles(session, "brioche")) == 1


def test_an_offer_is_found_by_its_title_its_shop_its_trade_and_its_commune_while_it_is_live(session: Session):
    shop = a_shop(session, "Chez Wiplier")
    offer = an_offer(session, shop, title="Tarte au sucre")
    an_offer(session, shop, title="Secret", status=OfferStatus.DRAFT)
    an_offer(session, shop, title="Secret", status=OfferStatus.SCHEDULED)

    for q in ("tarte", "tarte sucree", "wipliet", "patisserie", "béthune", "tarte wiplier bethune", "tar"):
        assert titles(session, q) == ["Tarte au sucre"], q
    assert titles(session, "tarte poire") == []
    assert titles(session, "secret") == []
    assert titles(session, "tarte", now=offer.ends_at - dt.timedelta(seconds=1)) == ["Tarte au sucre"]
    assert titles(session, "tarte", now=offer.ends_at) == titles(session, None, now=offer.ends_at) == []


def test_live_offers_come_the_first_to_end_first_and_go_on_after_a_page(session: Session):
    shop = a_shop(session)
    for hours in (5, 3, 4):
        an_offer(session, shop, title=f"Fin dans {hours} h", ends_at=NOW + dt.timedelta(hours=hours))

    first = find_offers(session, limit=2, now=LATER)
    rest = find_offers(session, limit=2, after=first.last, now=LATER)

    assert [offer.title for offer in (*first.things, *rest.things)] == ["Fin dans 3 h", "Fin dans 4 h", "Fin dans 5 h"]
    assert rest.last is None
    assert titles(session, None, insee_code=AUCHEL) == titles(session, None, category="books") == []
    assert len(titles(session, None, insee_code="62119", category="bakery")) == 3


def test_only_shops_that_say_they_are_open_are_kept_when_asked(session: Session):
    a_shop(session, "Ouvert", opening_hours="Mo-Su 08:00-19:00", status=ShopStatus.LISTED)
    a_shop(session, "Ouvert aussi", opening_hours="24/7", status=ShopStatus.LISTED)
    a_shop(session, "Fermé", opening_hours="Su 08:00-12:00", status=ShopStatus.LISTED)
    a_shop(session, "Sans horaires", status=ShopStatus.LISTED)

    page = find_shops(session, open_now=True, limit=1, now=LATER)
    rest = find_shops(session, open_now=True, limit=1, after=page.last, now=LATER)

    assert [shop.name for shop in (*page.things, *rest.things)] == ["Ouvert", "Ouvert aussi"]
    assert rest.last is None
    assert names(session, "ouvert", open_now=True) == ["Ouvert", "Ouvert aussi"]
    assert names(session, "fermé", open_now=True) == []


def test_a_market_trader_is_open_when_she_stands_at_the_market_of_the_day(session: Session):
    there, gone, elsewhere = (
        a_shop(session, name, opening_hours=hours, status=ShopStatus.LISTED)
        for name, hours in (("Là", None), ("Partie", "24/7"), ("Ailleurs", "24/7"))
    )
    a_stand(session, there, TUESDAY)
    a_stand(session, gone, TUESDAY, hours="07:00-09:00")
    a_stand(session, elsewhere, TUESDAY + 1, hours="07:00-09:00")

    assert [shop.name for shop in find_shops(session, open_now=True, limit=9, now=LATER).things] == ["Là", "Ailleurs"]


def test_pages_of_a_search_neither_skip_nor_repeat(session: Session):
    for number in range(30):
        a_shop(session, f"Boulangerie {'du Nord' if number % 3 else 'Nord'}", status=ShopStatus.LISTED)

    whole = find_shops(session, q="boulangerie nord", limit=100, now=LATER).things
    paged, last = [], None
    while True:
        page = find_shops(session, q="boulangerie nord", limit=7, after=last, now=LATER)
        paged += page.things
        last = page.last
        if last is None:
            break
        assert isinstance(last, Hit)

    assert paged == whole
    assert len(whole) == 30


# The index and the rows.


def stored_index(session: Session) -> list[tuple]:
    columns = list(SearchEntry.__table__.columns)
    return sorted(map(tuple, session.execute(select(*columns))), key=repr)


def written_anew(session: Session) -> list[tuple]:
    """What the index should be: from the rows as they are, by the same functions that write one thing's words."""
    rows = [entry for row in session.execute(_READ_SHOPS).mappings() for entry in shop_entries(row)]
    rows += [entry for row in session.execute(_READ_OFFERS).mappings() for entry in offer_entries(row)]
    order = [column.name for column in SearchEntry.__table__.columns]
    return sorted((tuple(row[name] for name in order) for row in rows), key=repr)


def agrees(session: Session) -> bool:
    session.flush()
    assert stored_index(session) == written_anew(session)
    words = set(session.scalars(select(SearchEntry.word)))
    known = {word: set() for word in words}
    for gram, word in session.execute(select(SearchGram.gram, SearchGram.word)):
        known.setdefault(word, set()).add(gram)
    assert all(known[word] == grams_of(word) for word in words)
    return True


def test_the_index_and_the_rows_agree_after_every_kind_of_change(session: Session):
    shop = a_shop(session, "Le Fournil")
    assert agrees(session)
    assert {row.word for row in session.scalars(select(SearchEntry))} >= {"fournil", "bethune", "boulangerie"}
    a_shop(session, "La Cave", status=ShopStatus.LISTED)
    a_shop(session, "Presque", status=ShopStatus.CLAIMED)
    assert agrees(session)
    offer = an_offer(session, shop, title="Brioche", status=OfferStatus.DRAFT)
    assert agrees(session)
    offers.publish(session, shop, offer, now=NOW)
    assert agrees(session)
    assert titles(session, "brioche") == ["Brioche"]
    changes = OfferChanges(title="Couque", ends_at=offer.ends_at + dt.timedelta(hours=1))
    correct_offer(session, offer, changes, expected_version=offer.version, now=NOW)
    assert agrees(session)
    assert (titles(session, "brioche"), titles(session, "couque")) == ([], ["Couque"])
    for change in (
        ShopChanges(name="Le Moulin"),
        ShopChanges(category="cafe"),
        ShopChanges(latitude=50.5093, longitude=2.4737, insee_code=AUCHEL),
    ):
        change_shop(session, shop, change, expected_version=shop.version, now=NOW)
        assert agrees(session)
    assert names(session, "fournil") == []
    assert names(session, "moulin café auchel") == ["Le Moulin"]
    assert titles(session, "couque moulin auchel") == ["Couque"]
    sold_out(session, offer, now=NOW)
    assert agrees(session)
    assert titles(session, "couque") == []
    undo_sold_out(session, offer, now=NOW)
    assert agrees(session)
    assert titles(session, "couque") == ["Couque"]
    suspend_shop(session, shop, reason="Signalée.", now=NOW)
    assert agrees(session)
    reinstate_shop(session, shop, reason="Entendu.", now=NOW)
    assert agrees(session)
    withdraw(session, offer, now=NOW)
    assert agrees(session)
    short = an_offer(session, shop, title="Galette")
    later = an_offer(session, shop, title="Gaufre", status=OfferStatus.SCHEDULED)
    assert agrees(session)
    end_due(session, short.id, now=short.ends_at)
    assert later.starts_at is not None
    offers.start_due(session, later.id, now=later.starts_at)
    assert agrees(session)
    assert titles(session, "gaufre") == ["Gaufre"]
    session.rollback()
    assert stored_index(session) == []


def test_filling_anew_gives_the_same_index(street: Session):
    an_offer(street, a_shop(street, "Chez Wiplier"), title="Tarte au sucre")
    street.commit()
    before = stored_index(street)
    street.execute(delete(SearchEntry))
    street.execute(delete(SearchGram))

    fill(street.connection())

    assert stored_index(street) == before
    assert agrees(street)


UNPROVED = "0033_shops_of_which_only_a_claim_speaks"
"""The migration that writes the words of a database in which there are none."""


def test_the_migration_fills_the_index_for_what_was_there(empty_engine: Engine):
    migrations.upgrade(empty_engine)
    sessions = writing(empty_engine)
    with sessions.begin() as session:
        an_offer(session, a_shop(session, "Chez Wiplier"), title="Tarte au sucre")
    with sessions() as session:
        before = stored_index(session)
    assert len(before) > 10
    with empty_engine.execution_options(writes=True).connect() as connection:
        history = "citylife.migrations.versions"
        tables, words = (importlib.import_module(f"{history}.{name}") for name in ("0005_search", UNPROVED))
        with Operations.context(MigrationContext.configure(connection)):
            words.downgrade()
            tables.downgrade()
            tables.upgrade()
            words.upgrade()
        connection.commit()

    with sessions() as session:
        assert stored_index(session) == before


def test_every_process_of_the_house_keeps_the_index_whoever_changes_the_rows():
    code = "import wsgi; from sqlalchemy import event; from sqlalchemy.orm import Session; "
    code += "from citylife.search.upkeep import keep_found; print(event.contains(Session, 'after_flush', keep_found))"
    for start in (code, code.replace("wsgi", "citylife.migrations")):
        done = subprocess.run([sys.executable, "-c", start], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.stdout.strip() == "True", done.stderr


# Errors of every kind.

PEOPLE = (
    "Delattre", "Lefebvre", "Duquesne", "Wiplier", "Carpentier", "Fontaine", "Legrand", "Vasseur", "Dhénin", "Caron",
    "Mercier", "Blondel", "Roussel", "Deleporte", "Hennebelle", "Marquette", "Boulet", "Courtois", "Dambrine", "Evrard",
)  # fmt: skip
TRADES = (
    ("Boulangerie", "bakery"),
    ("Fleuriste", "florist"),
    ("Garage", "repair"),
    ("Librairie", "books"),
    ("Boucherie", "butcher"),
)
THINGS = ("du Beffroi", "des Lilas", "du Canal", "de l’Église", "des Mineurs", "du Rivage", "d’Artois", "du Terril")


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """Two hundred and some shops on SQLite; what is typed does not depend on the database."""
    engine = engine_for(f"sqlite:///{tmp_path_factory.mktemp('many') / 'town.db'}")
    migrations.upgrade(engine)
    with writing(engine).begin() as session:
        for trade, category in TRADES:
            for rest in (*PEOPLE, *THINGS, *(facts.name for facts in list(communes().values())[::7])):
                a_shop(session, f"{trade} {rest}", category=category, status=ShopStatus.LISTED)
    with reading(engine)() as session:
        yield session
    engine.dispose()


LETTERS = "abcdefghijklmnopqrstuvwxyz"


@st.composite
def a_typed_name(draw: st.DrawFn) -> tuple[str, str]:
    """A shop's name, and what was typed: one error in one of its words of five letters or more."""
    trade, _ = draw(st.sampled_from(TRADES))
    name = f"{trade} {draw(st.sampled_from((*PEOPLE, *THINGS)))}"
    words = words_of(name)
    chosen = draw(st.sampled_from([number for number, word in enumerate(words) if len(word) >= 5]))
    word = words[chosen]
    at = draw(st.integers(0, len(word) - 1))
    letter = draw(st.sampled_from(LETTERS))
    kind = draw(st.sampled_from(("wrong", "missing", "added", "swapped")))
    if kind == "wrong":
        wrong = word[:at] + letter + word[at + 1 :]
    elif kind == "missing":
        wrong = word[:at] + word[at + 1 :]
    elif kind == "added":
        wrong = word[:at] + letter + word[at:]
    else:
        at = min(at, len(word) - 2)
        wrong = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    words[chosen] = wrong
    return name, " ".join(words)


@rules(max_examples=300)
@given(a_typed_name())
def test_one_error_in_a_long_word_still_finds_the_shop_among_the_first_five(many: Session, typed: tuple[str, str]):
    name, wrong = typed

    assert name in names(many, wrong)


@rules(max_examples=100)
@given(st.sampled_from((*PEOPLE, *THINGS)), st.data())
def test_an_error_in_the_only_word_finds_a_shop_of_that_name(many: Session, name: str, data: st.DataObject):
    word = words_of(name)[0]
    assume(len(word) >= 5)
    at = data.draw(st.integers(0, len(word) - 1))
    wrong = word[:at] + word[at + 1 :]
    assume(not any(other == wrong for shop in (*PEOPLE, *THINGS) for other in words_of(shop)))

    found = names(many, wrong)

    assert found
    assert all(word in words_of(shop) for shop in found)


@rules(max_examples=100)
@given(st.text(max_size=80))
def test_nothing_that_is_typed_breaks_it(many: Session, q: str):
    found = find_shops(many, q=q, limit=5, now=LATER).things

    assert len(found) <= 5


@given(st.text(alphabet=LETTERS, min_size=4, max_size=12), st.data())
def test_a_swap_a_loss_a_gain_or_a_slip_is_one_error(word: str, data: st.DataObject):
    at = data.draw(st.integers(0, len(word) - 2))
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    for wrong in (swapped, word[:at] + word[at + 1 :], word[:at] + "q" + word[at:], word[:at] + "q" + word[at + 1 :]):
        if len(wrong) >= 4:
            assert closeness(wrong, word) in {700, 1000}


def test_what_lies_further_apart_is_not_close():
    assert closeness("poire", "sucre") == closeness("pain", "bien") == closeness("lou", "lov") == 0
    assert closeness("boulangrei", "boulangerie") == 500
    assert closeness("bulangrei", "boulangerie") == 0


def test_words_are_folded_and_the_little_ones_left_out():
    assert words_of("L’Œuf, ou la Poule d’Élise — n° 12") == ["oeuf", "ou", "poule", "elise", "n", "12"]
    assert words_of("Chez les") == ["chez", "les"]
    assert words_of("Aux Aux pains pains") == ["pains"]
    assert words_of("🥖 !") == []
    assert grams_of("pain") == {"_pa", "pai", "ain", "in_"}


@pytest.mark.parametrize("by_an_index", [True, False])
def test_the_number_of_things_looked_at_is_bounded(session: Session, *, by_an_index: bool):
    """A trade that everybody plies answers with a bounded number, names first, whatever way a planner finds."""
    if not by_an_index and session.get_bind().dialect.name == "postgresql":
        for way in ("indexscan", "indexonlyscan", "bitmapscan"):
            session.execute(text(f"SET LOCAL enable_{way} = off"))
    rows = [
        {
            "kind": Found.SHOP,
            "word": "partout",
            "penalty": 60,
            "thing_id": new_id(),
            "insee_code": "62119",
            "category": "bakery",
            "words": 1,
            "ends_at": None,
        }
        for _ in range(900)
    ]
    session.execute(insert(SearchEntry), rows)
    named = a_shop(session, "Partout", status=ShopStatus.LISTED)

    hits = ask(session.connection(), Found.SHOP, "partout", limit=1000, now=LATER)

    assert len(hits) == 500
    assert hits[0].thing_id == named.id


def test_a_question_takes_two_statements_and_two_more_where_a_word_may_be_an_error(session: Session):
    for _ in range(20):
        a_shop(session, "Boulangerie", status=ShopStatus.LISTED)
    session.flush()
    asked: list[str] = []

    def heard(_connection, _cursor, statement, *_rest) -> None:
        asked.append(statement)

    event.listen(session.connection(), "before_cursor_execute", heard)
    counts = []
    for typed in ("boulangerie", "boulangrie", "rien de tel"):
        ask(session.connection(), Found.SHOP, typed, limit=20, now=LATER)
        counts.append(len(asked))
        asked.clear()
    event.remove(session.connection(), "before_cursor_execute", heard)

    assert counts[:2] == [2, 4]
    assert counts[2] <= 3
