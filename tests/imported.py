"""Files to import, of invented shops: features as overpass-turbo exports them, lines as INSEE publishes them."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from citylife.imports import Row, open_source
from tests.builders import BETHUNE, GRAND_PLACE, a_siret

NORTH = 0.00001
"""About a metre, in degrees of latitude."""


def a_feature(origin: str = "node/123", *, at: tuple[float, float] = GRAND_PLACE, **tags: Any) -> dict[str, Any]:
    """A bakery on the Grand-Place, in the shape of an export; `tags` with two underscores for a colon."""
    said = {
        "shop": "bakery",
        "name": "Au Pain d’Hier",
        **{key.replace("__", ":"): value for key, value in tags.items()},
    }
    properties = {"@id": origin, **{key: value for key, value in said.items() if value is not None}}
    geometry = {"type": "Point", "coordinates": [at[1], at[0]]}
    return {"type": "Feature", "properties": properties, "geometry": geometry, "id": origin}


def a_collection(*features: Any) -> bytes:
    """A whole GeoJSON file."""
    return json.dumps({"type": "FeatureCollection", "generator": "test", "features": list(features)}).encode()


def a_line(**cells: Any) -> dict[str, str]:
    """An open bakery of rue de Lille in Béthune, of which everything may be said, with a position in Lambert 93."""
    line = {
        "siret": a_siret(),
        "statutDiffusionEtablissement": "O",
        "numeroVoieEtablissement": "12",
        "indiceRepetitionEtablissement": "",
        "typeVoieEtablissement": "RUE",
        "libelleVoieEtablissement": "DE LILLE",
        "codePostalEtablissement": "62400",
        "codeCommuneEtablissement": BETHUNE,
        "coordonneeLambertAbscisseEtablissement": "674459.57",
        "coordonneeLambertOrdonneeEtablissement": "7048157.04",
        "etatAdministratifEtablissement": "A",
        "enseigne1Etablissement": "AU PAIN D HIER",
        "denominationUsuelleEtablissement": "",
        "denominationUniteLegale": "",
        "activitePrincipaleEtablissement": "10.71C",
        "nomenclatureActivitePrincipaleEtablissement": "NAFRev2",
    }
    return {**line, **{name: str(value) for name, value in cells.items()}}


def a_table(*lines: Mapping[str, str], delimiter: str = ",") -> bytes:
    """A whole CSV file; its columns are those of the first line."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, list(lines[0]), delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return stream.getvalue().encode()


def rows_of(file: bytes) -> list[Row]:
    """What is read in a file."""
    source = open_source(io.BytesIO(file))
    rows = list(source.rows)
    assert source.count == len(rows)
    return rows


def row_of(file: bytes) -> Row:
    """What is read in a file of one row."""
    (row,) = rows_of(file)
    return row


def kept(folder: Path, name: str, file: bytes) -> str:
    """The path of a file that was written down."""
    path = folder / name
    path.write_bytes(file)
    return str(path)


def said_by(rows: Iterable[Row]) -> list[str]:
    """The refusals of rows."""
    return [str(row.refusal) for row in rows if row.refusal]
