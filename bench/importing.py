"""The import of 50,000 rows through the real console: seconds, and the most memory that the process held.

The rows are drawn as real files have them: shops crowd around the centres of the communes, chains repeat their names,
some buildings are outlines, some rows lie elsewhere, are closed, or are no shops. Nothing is geocoded.
"""

import contextlib
import csv
import json
import math
import os
import random
import secrets
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
from pyproj import Transformer
from sqlalchemy.engine import make_url
from stdnum import luhn

from bench import cores
from bench.figures import Figure
from bench.town import SERVER, server
from citylife.geography import CommuneFacts, communes

ROWS: Final = 50_000
SEED: Final = 62
MOST_SECONDS: Final = 120.0
MOST_MEBIBYTES: Final = 300.0

_TRADES: Final = (
    ("shop=bakery", "10.71C", "Boulangerie"),
    ("shop=hairdresser", "96.02A", "Salon"),
    ("amenity=restaurant", "56.10A", "Restaurant"),
    ("amenity=fast_food", "56.10C", "Friterie"),
    ("shop=clothes", "47.71Z", "Boutique"),
    ("shop=convenience", "47.11B", "Épicerie"),
    ("shop=florist", "47.76Z", "Fleurs"),
    ("amenity=pharmacy", "47.73Z", "Pharmacie"),
    ("shop=butcher", "47.22Z", "Boucherie"),
    ("shop=tobacco", "47.26Z", "Tabac"),
    ("craft=plumber", "43.22A", "Plomberie"),
    ("office=company", "70.10Z", "Bureau"),
)
_OWNERS: Final = ("du Coin", "Léon", "de la Gare", "du Marché", "Martin", "Dubois", "Lefebvre", "des Mines", "du Canal")
_STREETS: Final = ("Rue de Lille", "Grand’Place", "Rue d’Arras", "Avenue de la Gare", "Rue Neuve", "Rue de l’Église")
_HOURS: Final = (
    "Mo-Sa 09:00-12:00,14:00-19:00",
    "Tu-Su 07:00-13:00; PH off",
    "Mo-Fr 08:30-18:30; Sa 09:00-17:00",
    "24/7",
    "de 9h à midi",
)
Rows = Callable[[Path], None]


def figures() -> Iterator[Figure]:
    """A file of each kind, into an empty directory and then once more, on each database."""
    with tempfile.TemporaryDirectory(prefix="bench-import-") as name:
        folder = Path(name)
        for label, write in (("OpenStreetMap", write_openstreetmap), ("SIRENE", write_sirene)):
            file = folder / label
            write(file)
            for database, url in _databases(folder):
                for again in ("", ", again"):
                    seconds, processor, mebibytes = _imported(file, folder, url)
                    what = f"import of {ROWS:,} rows of {label}{again}, {database}"
                    yield Figure.against(what, seconds, "s", MOST_SECONDS)
                    yield Figure(f"{what}: processor", processor, "s")
                    yield Figure.against(f"{what}: most memory", mebibytes, "MiB", MOST_MEBIBYTES)


def write_openstreetmap(path: Path, rows: int = ROWS) -> None:
    """An export as overpass-turbo writes it."""
    draw = random.Random(SEED)
    with path.open("w", encoding="utf-8") as stream:
        stream.write('{\n  "type": "FeatureCollection",\n  "generator": "overpass-turbo",\n  "features": [\n')
        for number in range(1, rows + 1):
            json.dump(_feature(draw, number), stream, ensure_ascii=False, indent=2)
            stream.write(",\n" if number < rows else "\n")
        stream.write("  ]\n}\n")


def write_sirene(path: Path, rows: int = ROWS) -> None:
    """A part of the stock of establishments, with the columns of INSEE that matter here and some that do not."""
    draw = random.Random(SEED + 1)
    to_lambert = Transformer.from_crs("EPSG:4326", "EPSG:2154", always_xy=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer: csv.DictWriter[str] | None = None
        for number in range(1, rows + 1):
            line = _line(draw, number, to_lambert)
            if writer is None:
                writer = csv.DictWriter(stream, list(line))
                writer.writeheader()
            writer.writerow(line)


def _feature(draw: random.Random, number: int) -> dict[str, Any]:
    commune, latitude, longitude = _place(draw)
    tag, _, trade = draw.choice(_TRADES)
    key, _, value = tag.partition("=")
    way = draw.random() < 0.25
    origin = f"{'way' if way else 'node'}/{1_000_000 + number}"
    tags = {"@id": origin, key: value, "name": _name(draw, trade), "addr:city": commune.name}
    if draw.random() < 0.7:
        tags |= {
            "addr:housenumber": str(draw.randint(1, 150)),
            "addr:street": draw.choice(_STREETS),
            "addr:postcode": commune.postal_codes[0],
        }
    if draw.random() < 0.5:
        tags["opening_hours"] = draw.choice(_HOURS)
    if draw.random() < 0.4:
        tags["phone"] = f"+33 3 21 {draw.randint(10, 99)} {draw.randint(10, 99)} {draw.randint(10, 99)}"
    if draw.random() < 0.3:
        tags["website"] = f"https://commerce-{number}.example/"
    point = [round(longitude, 7), round(latitude, 7)]
    geometry: dict[str, Any] = {"type": "Point", "coordinates": point}
    if way:
        corners = [(0, 0), (0.0002, 0), (0.0002, 0.0001), (0, 0.0001), (0, 0)]
        geometry = {
            "type": "Polygon",
            "coordinates": [[[point[0] + east, point[1] + north] for east, north in corners]],
        }
    return {"type": "Feature", "properties": tags, "geometry": geometry, "id": origin}


def _line(draw: random.Random, number: int, to_lambert: Transformer) -> dict[str, object]:
    commune, latitude, longitude = _place(draw)
    _, activity, trade = draw.choice(_TRADES)
    east, north = to_lambert.transform(longitude, latitude)
    siren = f"9{number:07}"
    siren += luhn.calc_check_digit(siren)
    nic = draw.choice(("0001", "0002", "0003"))
    return {
        "siren": siren,
        "nic": nic,
        "siret": siren + nic + luhn.calc_check_digit(siren + nic),
        "statutDiffusionEtablissement": draw.choices(("O", "P"), (9, 1))[0],
        "dateCreationEtablissement": "2015-03-01",
        "trancheEffectifsEtablissement": "01",
        "etablissementSiege": "true",
        "numeroVoieEtablissement": draw.randint(1, 150),
        "typeVoieEtablissement": draw.choice(("RUE", "AV", "PL", "BD")),
        "libelleVoieEtablissement": draw.choice(("DE LILLE", "D ARRAS", "DE LA GARE", "NEUVE", "DE L EGLISE")),
        "codePostalEtablissement": commune.postal_codes[0],
        "libelleCommuneEtablissement": commune.name.upper(),
        "codeCommuneEtablissement": commune.insee_code if draw.random() < 0.95 else "62041",
        "coordonneeLambertAbscisseEtablissement": f"{east:.2f}",
        "coordonneeLambertOrdonneeEtablissement": f"{north:.2f}",
        "etatAdministratifEtablissement": draw.choices(("A", "F"), (8, 2))[0],
        "enseigne1Etablissement": _name(draw, trade).upper() if draw.random() < 0.8 else "",
        "denominationUsuelleEtablissement": "",
        "denominationUniteLegale": f"{trade.upper()} {draw.choice(_OWNERS).upper()} SARL",
        "activitePrincipaleEtablissement": activity,
        "nomenclatureActivitePrincipaleEtablissement": "NAFRev2",
        "caractereEmployeurEtablissement": "O",
    }


def _name(draw: random.Random, trade: str) -> str:
    """Half of the names are somebody's, half are met again and again."""
    return f"{trade} {draw.choice(_OWNERS)}" if draw.random() < 0.5 else f"{trade} {draw.randint(1, 20_000)}"


def _place(draw: random.Random) -> tuple[CommuneFacts, float, float]:
    """A point around the centre of a commune, large ones more often; one in twenty lies far away."""
    everywhere = list(communes().values())
    commune = draw.choices(everywhere, [facts.population for facts in everywhere])[0]
    if draw.random() < 0.05:
        return commune, 48.85 + draw.random() / 10, 2.3 + draw.random() / 10
    around = 400 * math.sqrt(commune.area_km2 / 6)
    north, east = draw.gauss(0, around), draw.gauss(0, around)
    return commune, commune.latitude + north / 111_320, commune.longitude + east / 71_000


def _databases(folder: Path) -> Iterator[tuple[str, str]]:
    """A migrated, empty database of each kind."""
    path = folder / f"import-{secrets.token_hex(4)}.db"
    yield "SQLite", f"sqlite:///{path}"
    name = f"citylife_bench_import_{os.getpid()}"
    try:
        with server() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
    except psycopg.OperationalError as why:
        print(f"  PostgreSQL is left out: {why}")
        return
    try:
        yield "PostgreSQL", make_url(SERVER).set(database=name).render_as_string(hide_password=False)
    finally:
        with server() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _imported(file: Path, folder: Path, url: str) -> tuple[float, float, float]:
    """Seconds of wall clock and of the processor, and MiB resident at most, of one `citylife shops import`.

    On a busy machine only the second says something of the import; PostgreSQL's own share is not in it.
    """
    console = str(cores.ROOT / ".venv/bin/citylife")
    environment = {
        **os.environ,
        "CITYLIFE_INSTANCE": str(folder / "instance"),
        "CITYLIFE_DATABASE_URL": url,
        "CITYLIFE_GEOCODER_URL": "",
    }
    with contextlib.closing((folder / "import.log").open("wb")) as log:
        subprocess.run([console, "init"], env=environment, check=True, stdout=log, stderr=log)
        mine = os.sched_getaffinity(0)
        cores.stay_on(cores.APPLICATION)
        began = time.perf_counter()
        process = subprocess.Popen([console, "shops", "import", str(file)], env=environment, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        os.sched_setaffinity(0, mine)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit((folder / "import.log").read_text(encoding="utf-8"))
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
