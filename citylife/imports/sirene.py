"""SIRENE: a CSV of INSEE's stock of establishments, or of those who publish it with positions, a line at a time.

The columns are INSEE's (stock file « StockEtablissement »), with a name of the legal unit where the file was joined
with those. What its owner does not let be published (« diffusion partielle », article A123-96 of the Code de commerce)
is refused, whatever else the line says. Names of natural persons are never read.
"""

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, BinaryIO, Final

from pyproj import Transformer

from citylife.addresses import Address
from citylife.categories import Policy
from citylife.errors import Invalid
from citylife.geography import communes
from citylife.imports.activities import activity_of
from citylife.imports.rows import (
    FAR,
    FORBIDDEN,
    NO_NAME,
    NO_POSITION,
    NOT_UTF_8,
    FileRefused,
    Row,
    postal_code_of,
    street_of,
)
from citylife.shops.facts import SiretRefused, check_siret
from citylife.wording import Sentence

SIRET: Final = "siret"
COLUMNS: Final = (
    SIRET,
    "statutDiffusionEtablissement",
    "etatAdministratifEtablissement",
    "activitePrincipaleEtablissement",
    "codeCommuneEtablissement",
)
"""Without these nothing can be decided."""
NAMES: Final = ("enseigne1Etablissement", "denominationUsuelleEtablissement", "denominationUniteLegale")
"""Where the name is, the best first; one of them must be there."""
MASKED: Final = "[ND]"
"""What INSEE writes in place of a value that is not for everybody."""
LAMBERT: Final = ("coordonneeLambertAbscisseEtablissement", "coordonneeLambertOrdonneeEtablissement")
DEGREES: Final = (("latitude", "longitude"), ("y_latitude", "x_longitude"))
SCORE: Final = "geo_score"
SURE_ENOUGH: Final = 0.6
"""The least score of a position that somebody else has geocoded."""
DECIMALS: Final = 6
"""Of a degree: a decimetre."""
NOMENCLATURE: Final = "NAFRev2"

NOT_WHOLE: Final = Sentence("Ce fichier CSV ne se lit pas jusqu’au bout : un guillemet y reste ouvert.")
PARTIAL: Final = Sentence("Diffusion partielle : ses données ne sont pas publiques.")
CLOSED: Final = Sentence("Établissement fermé.")
OTHER_NOMENCLATURE: Final = Sentence("Activité dans une autre nomenclature que la NAF rév. 2.")
NO_TRADE: Final = Sentence("Activité qui n’est pas dans nos catégories.")
BAD_SIRET: Final = Sentence(SiretRefused.sentence)
UNEVEN: Final = Sentence("La ligne n’a pas autant de colonnes que l’en-tête.")
_WAYS: Final[Mapping[str, str]] = {
    "ALL": "ALLÉE",
    "AV": "AVENUE",
    "BD": "BOULEVARD",
    "CHE": "CHEMIN",
    "CRS": "COURS",
    "FG": "FAUBOURG",
    "HAM": "HAMEAU",
    "IMP": "IMPASSE",
    "LD": "LIEU-DIT",
    "LOT": "LOTISSEMENT",
    "PAS": "PASSAGE",
    "PL": "PLACE",
    "QU": "QUAI",
    "RES": "RÉSIDENCE",
    "RPT": "ROND-POINT",
    "RTE": "ROUTE",
    "SQ": "SQUARE",
}


def verify_establishments(stream: BinaryIO) -> int:
    """How many lines the file holds, once it is known to be whole.

    Raises:
        FileRefused: not UTF-8, without the columns, with an open quotation mark, or with a last line cut short.
    """
    count, even = 0, True
    with _table(stream) as (reader, header):
        for cells in reader:
            if cells:
                count, even = count + 1, len(cells) == len(header)
        if not even:
            raise FileRefused(
                Sentence("Ce fichier est coupé : sa dernière ligne ({line}) est incomplète.", line=reader.line_num + 1)
            )
    return count


def read_establishments(stream: BinaryIO) -> Iterator[Row]:
    """The rows of a file that was verified, in its order, numbered by their lines."""
    with _table(stream) as (reader, header):
        for cells in reader:
            line = reader.line_num + 1  # the header was read before
            if not cells:
                continue
            if len(cells) != len(header):
                yield Row(number=line, refusal=UNEVEN)
                continue
            yield row_of(
                line,
                {name: "" if MASKED in cell else cell.strip() for name, cell in zip(header, cells, strict=True)},
            )


def row_of(number: int, line: Mapping[str, str]) -> Row:
    """What a line says of a shop; the cells that INSEE masks are empty."""
    name = next((line[column] for column in NAMES if line.get(column)), "")
    siret, fault = line[SIRET], None
    try:
        siret = check_siret(siret)
    except Invalid:
        fault = BAD_SIRET
    fault = fault or _fault(line) or (None if name else NO_NAME)
    category = activity_of(line["activitePrincipaleEtablissement"])
    if fault is not None or category is None:
        # What is not for publication does not come back in a report either.
        hidden = fault is PARTIAL
        source = "" if fault is BAD_SIRET else f"sirene:{siret}"
        return Row(number=number, source=source, name="" if hidden else name, refusal=fault or NO_TRADE)
    remarks: list[Sentence] = []
    street = street_of(_street(line), remarks)
    postal_code = postal_code_of(line.get("codePostalEtablissement", ""), remarks)
    insee_code = line["codeCommuneEtablissement"]
    facts = {
        "name": name,
        "category": category.key,
        "source": f"sirene:{siret}",
        "siret": siret,
        "street": street,
        "postal_code": postal_code,
        "insee_code": insee_code,
    }
    position, address = _position(line), None
    if position is None:
        address = Address(street, postal_code, communes()[insee_code].name, insee_code) if street else None
    nowhere = NO_POSITION if position is None and address is None else None
    return Row(
        number=number,
        source=f"sirene:{siret}",
        name=name,
        facts=facts,
        position=position,
        address=address,
        refusal=nowhere,
        remarks=tuple(remarks),
    )


def _fault(line: Mapping[str, str]) -> Sentence | None:
    """The first reason for which the line is no shop for us; publication comes first."""
    if line["statutDiffusionEtablissement"] != "O":
        return PARTIAL
    if line["etatAdministratifEtablissement"] != "A":
        return CLOSED
    if line["codeCommuneEtablissement"] not in communes():
        return FAR
    if line.get("nomenclatureActivitePrincipaleEtablissement") not in {None, "", NOMENCLATURE}:
        return OTHER_NOMENCLATURE
    category = activity_of(line["activitePrincipaleEtablissement"])
    if category is None:
        return NO_TRADE
    return FORBIDDEN if category.policy is Policy.REFUSED else None


@contextmanager
def _table(stream: BinaryIO) -> Iterator[tuple[Any, Sequence[str]]]:
    """The lines under a header that has our columns, with the delimiter it uses.

    Raises:
        FileRefused: also while the lines are read.
    """
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    try:
        first = text.readline()
        delimiter = ";" if first.count(";") > first.count(",") else ","
        header = [name.strip() for name in next(csv.reader([first], delimiter=delimiter, strict=True), [])]
        lacking = [column for column in COLUMNS if column not in header]
        if lacking:
            raise FileRefused(
                Sentence("Ce n’est pas un fichier SIRENE : il manque {columns}.", columns=", ".join(lacking))
            )
        if not any(column in header for column in NAMES):
            raise FileRefused(
                Sentence("Ce fichier SIRENE ne donne aucun nom : il manque {columns}.", columns=", ".join(NAMES))
            )
        yield csv.reader(text, delimiter=delimiter, strict=True), header
    except UnicodeDecodeError:
        raise FileRefused(NOT_UTF_8) from None
    except csv.Error:
        raise FileRefused(NOT_WHOLE) from None
    finally:
        if not stream.closed:
            text.detach()


def _street(line: Mapping[str, str]) -> str:
    way = line.get("typeVoieEtablissement", "")
    parts = (
        line.get("numeroVoieEtablissement", ""),
        line.get("indiceRepetitionEtablissement", ""),
        _WAYS.get(way.upper(), way),
        line.get("libelleVoieEtablissement", ""),
    )
    return " ".join(part for part in parts if part) if parts[-1] else ""


def _position(line: Mapping[str, str]) -> tuple[float, float] | None:
    """Degrees WGS 84, from degrees or from Lambert 93 metres (EPSG:2154); None where the line gives nothing usable."""
    score = _number(line.get(SCORE, ""))
    for columns in DEGREES:
        degrees = _pair(line, columns)
        if degrees is not None and (score is None or score >= SURE_ENOUGH):
            return round(degrees[0], DECIMALS), round(degrees[1], DECIMALS)
    metres = _pair(line, LAMBERT)
    if metres is None:
        return None
    longitude, latitude = _from_lambert_93().transform(*metres)
    if not (math.isfinite(longitude) and math.isfinite(latitude)):
        return None
    return round(latitude, DECIMALS), round(longitude, DECIMALS)


def _pair(line: Mapping[str, str], columns: tuple[str, str]) -> tuple[float, float] | None:
    first, second = (_number(line.get(column, "")) for column in columns)
    return None if first is None or second is None else (first, second)


def _number(text: str) -> float | None:
    """A finite number, also with a comma; None for anything else."""
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


@cache
def _from_lambert_93() -> Transformer:
    return Transformer.from_crs("EPSG:2154", "EPSG:4326", always_xy=True)
