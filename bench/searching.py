"""Search at fifty thousand shops: milliseconds of SQL for what people type, rightly, wrongly, and with filters.

Shops have the names, trades and communes that a territory of this kind has: people live and trade where the population
is, many shops are named after their trade, a family or a street. Times are those of the statements of a search, rows
included, the best of three: by the watch, and by the processor (this thread's on SQLite, the backend's on PostgreSQL),
which does not count the waiting for others who share the machine.
"""

import datetime as dt
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.engine import make_url

from bench.drawing import moment
from bench.figures import Figure, median
from bench.town import SERVER, server
from citylife import migrations
from citylife.categories import CATEGORIES, Policy
from citylife.database import engine_for, new_id
from citylife.geography import communes
from citylife.hot import Rows
from citylife.invented.loading import Loader
from citylife.search import Found, ask, fill
from citylife.shops import Shop

SHOPS: Final = 50_000
MOST_MILLISECONDS: Final = 5.0
"""What a search may take in SQL."""
QUERIES: Final = 1_600
ROUNDS: Final = 3
TRADE_NAMES: Final = {
    "bakery": ("Boulangerie", "Pâtisserie", "Fournil", "Aux pains", "Chocolaterie"),
    "butcher": ("Boucherie", "Charcuterie", "Poissonnerie", "Traiteur"),
    "greengrocer": ("Primeur", "Fromagerie", "La ferme", "Fruits et légumes"),
    "grocery": ("Épicerie", "Supérette", "Alimentation"),
    "wine": ("Cave", "Brasserie", "Bar", "Café"),
    "restaurant": ("Restaurant", "Friterie", "Pizzeria", "Brasserie", "Crêperie", "Estaminet", "Kebab"),
    "cafe": ("Café", "Salon de thé", "Glacier"),
    "florist": ("Fleurs", "Fleuriste", "Jardinerie"),
    "fashion": ("Boutique", "Chaussures", "Bijouterie", "Prêt-à-porter"),
    "beauty": ("Coiffure", "Coiffeur", "Salon", "Institut", "Barbier"),
    "books": ("Librairie", "Maison de la presse", "Papeterie"),
    "hardware": ("Menuiserie", "Plomberie", "Électricité", "Quincaillerie"),
    "repair": ("Garage", "Réparation", "Informatique"),
    "optician": ("Optique", "Opticien"),
    "pharmacy": ("Pharmacie",),
    "association": ("Association", "Amicale", "Club"),
    "services": ("Pressing", "Laverie", "Agence"),
}
WEIGHTS: Final = {"restaurant": 6, "beauty": 5, "hardware": 4, "bakery": 3, "repair": 3, "association": 4, "fashion": 3}
PLACES: Final = (
    "du Beffroi", "de la Gare", "du Marché", "du Centre", "de la Place", "des Mineurs", "de la Mairie", "du Canal",
    "de l’Église", "des Lilas", "du Parc", "de la Lawe", "des Flandres", "du Nord", "d’Artois", "du Coin", "Saint-Éloi",
)  # fmt: skip
BEGINNINGS: Final = (
    "Du", "De", "Le", "La", "Van", "Ca", "Car", "Del", "Des", "Le", "Bou", "Bar", "Ber", "Cou", "Dou", "Fla", "Gos",
    "Hen", "Lam", "Mar", "Pet", "Rous", "Tir", "Vas", "War", "Wil", "Bail", "Cap", "Dhe", "Evr", "Four", "Gail",
)  # fmt: skip
MIDDLES: Final = ("le", "lan", "bre", "cha", "que", "pon", "mar", "ni", "ro", "va", "ver", "sel", "bou", "cro", "ghe")
ENDINGS: Final = (
    "court", "ville", "mont", "quet", "in", "ot", "ois", "ier", "man", "aert", "ux", "el", "art", "ez", "ant", "in",
)  # fmt: skip
FANTASIES: Final = (
    "L’Atelier", "Ô Délices", "Histoire d’", "Passion", "L’Instant", "Au Bon", "Chez", "Le Petit", "La Belle", "Maison",
    "L’Œuf et la", "Côté", "Esprit", "Les Jardins", "Le Comptoir", "Au Fil de", "Un Brin de", "Planète", "Espace",
)  # fmt: skip
BEGUN: Final = ("b", "c", "l", "s", "bo", "ca", "re", "bou", "res", "coi", "boul", "saint", "la", "du", "a")


@dataclass
class Timed:
    """A connection that answers a `Statement`, and counts the time its driver takes, rows included."""

    connection: Connection
    seconds: float = 0.0
    processor: float = 0.0
    dialect: Any = field(init=False)

    def __post_init__(self) -> None:
        self.dialect = self.connection.dialect
        self.driver: Any = self.connection.connection.driver_connection
        backend = None if self.dialect.name == "sqlite" else self.driver.info.backend_pid
        self.spent = time.thread_time if backend is None else lambda: _spent_by(backend)

    def exec_driver_sql(self, statement: str, values: dict[str, Any]) -> Rows:
        """Execute, fetch everything, and only then stop the watch."""
        before, begun = self.spent(), time.perf_counter()
        found = self.driver.execute(statement, values).fetchall()
        self.seconds += time.perf_counter() - begun
        self.processor += self.spent() - before
        return Rows(_Fetched(found))


def _spent_by(process: int) -> float:
    """Seconds of processor a process of this machine has had; without number where that cannot be read."""
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9
    except OSError:
        return float("nan")


class _Fetched:
    def __init__(self, rows: list[Any]) -> None:
        self._rows = rows

    def fetchall(self) -> list[Any]:
        return self._rows

    def fetchone(self) -> Any:
        return self._rows[0] if self._rows else None


def measure(folder: Path, shops: int = SHOPS) -> Iterator[Figure]:
    """Search on SQLite, then on PostgreSQL, each in a database of its own that is gone afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "searching.db"
    _without(path)
    yield from _measured(engine_for(f"sqlite:///{path}"), "sqlite", shops)
    _without(path)
    name = "citylife_bench_searching"
    with server() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        cursor.execute(f"CREATE DATABASE {name}")
        url = make_url(SERVER).set(database=name)
        try:
            yield from _measured(engine_for(url), "postgresql", shops)
        finally:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _without(path: Path) -> None:
    for leftover in path.parent.glob(f"{path.name}*"):
        leftover.unlink()


def _measured(engine: Engine, database: str, shops: int) -> Iterator[Figure]:
    migrations.upgrade(engine)
    rows = list(drawn_shops(shops))
    table = Shop.__table__
    assert isinstance(table, Table)
    with engine.connect() as connection:
        loader = Loader(connection)
        loader.begin()
        loader.fill(table, iter(rows))
        loader.end()
    begun = time.perf_counter()
    with engine.execution_options(writes=True).begin() as connection:
        fill(connection)
    filled = time.perf_counter() - begun
    with engine.connect() as connection:
        loader = Loader(connection)
        loader.begin()
        loader.end()
    yield Figure(f"search, {database}, {shops:,} shops: words written anew", filled, "s")
    for label, questions in kinds_of_questions(rows):
        yield from _asked(engine, f"search, {database}, {label}", questions)
    yield from _found_again(engine, f"search, {database}", rows)
    engine.dispose()


Question = tuple[str, str | None, str | None]
"""What was typed, a commune, a category."""


def _asked(engine: Engine, label: str, questions: list[Question]) -> Iterator[Figure]:
    """Every question several times over, in turn; its best time counts, since others share the machine."""
    now = dt.datetime.now(dt.UTC)
    watch, processor, whole = ([float("inf")] * len(questions) for _ in range(3))
    with engine.connect() as connection:
        timed = Timed(connection)
        for _ in range(ROUNDS):
            for number, (q, insee_code, category) in enumerate(questions):
                seconds, spent, begun = timed.seconds, timed.processor, time.perf_counter()
                ask(timed, Found.SHOP, q, insee_code=insee_code, category=category, limit=21, now=now)  # type: ignore[arg-type]
                whole[number] = min(whole[number], (time.perf_counter() - begun) * 1000)
                watch[number] = min(watch[number], (timed.seconds - seconds) * 1000)
                processor[number] = min(processor[number], (timed.processor - spent) * 1000)
    for by, times in (("SQL", watch), ("SQL by the processor", processor)):
        ranked = sorted(times)
        yield Figure.against(f"{label}: {by}, median", median(times), "ms", MOST_MILLISECONDS)
        yield Figure.against(f"{label}: {by}, p95", ranked[int(len(ranked) * 0.95)], "ms", MOST_MILLISECONDS)
        yield Figure(f"{label}: {by}, slowest", ranked[-1], "ms")
    yield Figure(f"{label}: with Python, median", median(whole), "ms")
    slow = sorted(zip(processor, questions, strict=True), reverse=True)[:3]
    print("    slowest:", "; ".join(f"{ms:.1f} ms {q!r} {place or ''} {trade or ''}" for ms, (q, place, trade) in slow))


def _found_again(engine: Engine, label: str, rows: list[dict[str, Any]]) -> Iterator[Figure]:
    """How often a shop asked for by its name with one error in each long word is among the first five."""
    rng = random.Random(7)
    now = dt.datetime.now(dt.UTC)
    counted = Counter(row["name"] for row in rows)
    only = [row for row in rows if counted[row["name"]] == 1]
    chosen = rng.sample(only, min(500, len(only)))
    found = 0
    with engine.connect() as connection:
        for row in chosen:
            hits = ask(connection, Found.SHOP, misspelt(rng, row["name"]), limit=5, now=now)
            found += uuid.UUID(bytes=row["id"]) in {hit.thing_id for hit in hits}
    yield Figure(f"{label}, names with an error a word: in the first five", 100 * found / len(chosen), "%")


def kinds_of_questions(rows: list[dict[str, Any]]) -> Iterator[tuple[str, list[Question]]]:
    """Names, trades with communes, each with errors, beginnings, and the same with filters."""
    rng = random.Random(3)
    trades = [name for names in TRADE_NAMES.values() for name in names]
    places = list(communes().values())
    people = [place.population for place in places]

    def names() -> str:
        return str(rng.choice(rows)["name"])

    def trade_and_commune() -> str:
        return f"{rng.choice(trades)} {rng.choices(places, people)[0].name}".lower()

    def commune() -> str:
        return rng.choices(places, people)[0].name

    def beginnings() -> str:
        return rng.choice(BEGUN) if rng.random() < 0.4 else names()[: rng.randint(1, 8)]

    kinds: list[tuple[str, Callable[[], str]]] = [
        ("names", names),
        ("names misspelt", lambda: misspelt(rng, names())),
        ("trade and commune", trade_and_commune),
        ("trade and commune misspelt", lambda: misspelt(rng, trade_and_commune())),
        ("one trade", lambda: rng.choice(trades)),
        ("one commune", commune),
        ("beginnings", beginnings),
        ("three words", lambda: f"{rng.choice(trades)} {names()}"),
    ]
    everything: list[Question] = []
    for label, kind in kinds:
        questions: list[Question] = [(kind(), None, None) for _ in range(QUERIES // len(kinds))]
        everything += questions
        yield label, questions
    keys = [category.key for category in CATEGORIES if category.key in TRADE_NAMES]
    filtered = [(q, rng.choices(places, people)[0].insee_code, None) for q, _, _ in everything[::3]]
    filtered += [(q, None, rng.choice(keys)) for q, _, _ in everything[1::3]]
    yield "with a filter", filtered
    yield "all together", rng.sample(everything + filtered, len(everything))


def misspelt(rng: random.Random, text: str) -> str:
    """One error in every word of five letters or more: wrong, missing, added or swapped."""
    words = []
    for word in text.split():
        wrong = word
        if len(word) >= 5:
            at = rng.randrange(len(word) - 1)
            letter = rng.choice("abcdefghijklmnopqrstuvwxyz")
            wrong = rng.choice(
                (
                    word[:at] + letter + word[at + 1 :],
                    word[:at] + word[at + 1 :],
                    word[:at] + letter + word[at:],
                    word[:at] + word[at + 1] + word[at] + word[at + 2 :],
                )
            )
        words.append(wrong)
    return " ".join(words)


def drawn_shops(count: int) -> Iterator[dict[str, Any]]:
    """Shops as SQLite stores them, drawn from one seed."""
    rng = random.Random(1)
    now = moment(dt.datetime.now(dt.UTC))
    places = list(communes().values())
    people = [place.population for place in places]
    admitted = [category.key for category in CATEGORIES if category.policy is not Policy.REFUSED]
    weights = [WEIGHTS.get(key, 1) for key in admitted]
    families = [a.capitalize() + b + c for a in BEGINNINGS for b in ("", *MIDDLES) for c in ENDINGS]
    rng.shuffle(families)
    for number in range(count):
        place = rng.choices(places, people)[0]
        category = rng.choices(admitted, weights)[0]
        yield {
            "id": new_id().bytes,
            "slug": f"commerce-{number}",
            "status": "listed",
            "name": _name(rng, category, place.name, families),
            "description": "",
            "category": category,
            "siret": None,
            "rna": None,
            "street": "",
            "postal_code": place.postal_codes[0],
            "insee_code": place.insee_code,
            "latitude": place.latitude,
            "longitude": place.longitude,
            "opening_hours": None,
            "telephone": None,
            "website": None,
            "source": None,
            "fictional": 1,
            "suspended_reason": None,
            "created_at": now,
            "updated_at": now,
            "version": 1,
        }


def _name(rng: random.Random, category: str, commune: str, families: list[str]) -> str:
    trade = rng.choice(TRADE_NAMES.get(category, ("Maison",)))
    family = families[min(int(rng.expovariate(1 / 1500)), len(families) - 1)]
    kind = rng.random()
    if kind < 0.4:
        return f"{trade} {family}"
    if kind < 0.55:
        return f"{trade} {rng.choice(PLACES)}"
    if kind < 0.62:
        return f"{trade} de {commune}"
    if kind < 0.7:
        return f"Chez {family}"
    if kind < 0.85:
        return f"{rng.choice(FANTASIES)} {trade.lower()} {family}"
    return f"{rng.choice(FANTASIES)} {rng.choice(families).lower()}"
