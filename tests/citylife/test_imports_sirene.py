"""What is read in a file of SIRENE: a shop's facts, or why it is none; what may not be published never is."""

import io
import re

import pytest

from citylife.geography import haversine
from citylife.imports import FileRefused, Kind, open_source, sirene
from citylife.imports.activities import _ACTIVITIES, activity_of
from citylife.imports.rows import FAR, FORBIDDEN, NO_NAME, NO_POSITION
from tests.builders import BETHUNE, GRAND_PLACE, a_siret
from tests.imported import a_line, a_table, row_of, rows_of


def read(**cells):
    return row_of(a_table(a_line(**cells)))


def test_an_establishment_is_read_with_its_facts():
    siret = a_siret()
    row = read(siret=siret)
    assert (row.number, row.source, row.refusal, row.remarks) == (2, f"sirene:{siret}", None, ())
    assert row.facts == {
        "source": f"sirene:{siret}",
        "siret": siret,
        "name": "AU PAIN D HIER",
        "category": "bakery",
        "street": "12 RUE DE LILLE",
        "postal_code": "62400",
        "insee_code": BETHUNE,
    }


def test_lambert_93_is_turned_into_degrees():
    assert haversine(*read().position, *GRAND_PLACE) < 5


@pytest.mark.parametrize(
    ("columns", "position"),
    [
        ({"latitude": "50.53015", "longitude": "2.64035"}, GRAND_PLACE),
        ({"y_latitude": "50.53015", "x_longitude": "2.64035"}, GRAND_PLACE),
        ({"latitude": "50,53015", "longitude": "2,64035"}, GRAND_PLACE),
        ({"latitude": "50.53015", "longitude": "2.64035", "geo_score": "0.9"}, GRAND_PLACE),
        ({"latitude": "50.53015", "longitude": "2.64035", "geo_score": "0.3"}, None),
        ({"latitude": "NaN", "longitude": "inf"}, None),
        ({"latitude": "", "longitude": ""}, None),
        ({"latitude": "[ND]", "longitude": "[ND]"}, None),
        ({"latitude": "'; --", "longitude": "0x10"}, None),
    ],
)
def test_degrees_are_taken_where_a_file_has_them(columns, position):
    nowhere = {"coordonneeLambertAbscisseEtablissement": "", "coordonneeLambertOrdonneeEtablissement": ""}
    row = read(**nowhere, **columns)
    assert row.position == position
    assert (row.address is None) == (position is not None)


@pytest.mark.parametrize("metres", [("NaN", "NaN"), ("1e400", "0"), ("inf", "1"), ("[ND]", "[ND]"), ("", "7048047")])
def test_metres_that_are_nowhere_are_no_position(metres):
    row = read(coordonneeLambertAbscisseEtablissement=metres[0], coordonneeLambertOrdonneeEtablissement=metres[1])
    assert row.position is None
    assert row.address.words == "12 RUE DE LILLE 62400 Béthune"


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"statutDiffusionEtablissement": "P"}, sirene.PARTIAL),
        ({"statutDiffusionEtablissement": "N"}, sirene.PARTIAL),
        ({"statutDiffusionEtablissement": ""}, sirene.PARTIAL),
        ({"statutDiffusionEtablissement": "P", "etatAdministratifEtablissement": "F"}, sirene.PARTIAL),
        ({"etatAdministratifEtablissement": "F"}, sirene.CLOSED),
        ({"codeCommuneEtablissement": "59350"}, FAR),
        ({"codeCommuneEtablissement": ""}, FAR),
        ({"activitePrincipaleEtablissement": "47.26Z"}, FORBIDDEN),
        ({"activitePrincipaleEtablissement": "92.00Z"}, FORBIDDEN),
        ({"activitePrincipaleEtablissement": "70.10Z"}, sirene.NO_TRADE),
        ({"activitePrincipaleEtablissement": ""}, sirene.NO_TRADE),
        ({"nomenclatureActivitePrincipaleEtablissement": "NAP"}, sirene.OTHER_NOMENCLATURE),
        ({"siret": "73282932000075"}, sirene.BAD_SIRET),
        ({"siret": "'; DROP TABLE shops; --"}, sirene.BAD_SIRET),
        ({"enseigne1Etablissement": ""}, NO_NAME),
        ({"enseigne1Etablissement": "[ND]"}, NO_NAME),
    ],
)
def test_what_is_no_shop_for_us_is_refused_with_its_reason(cells, reason):
    assert read(**cells).refusal == reason


def test_nothing_of_a_partial_diffusion_is_repeated():
    row = read(statutDiffusionEtablissement="P", enseigne1Etablissement="JEANNE DUPONT")
    assert (row.name, row.facts, row.position) == ("", {}, None)


def test_a_natural_persons_name_is_never_read():
    line = {**a_line(enseigne1Etablissement=""), "nomUniteLegale": "DUPONT", "prenomUsuelUniteLegale": "JEANNE"}
    row = row_of(a_table(line))
    assert row.refusal == NO_NAME
    assert "DUPONT" not in repr(row)


@pytest.mark.parametrize(
    ("cells", "name"),
    [
        ({"denominationUsuelleEtablissement": "PAIN", "denominationUniteLegale": "SARL X"}, "AU PAIN D HIER"),
        ({"enseigne1Etablissement": "", "denominationUsuelleEtablissement": "PAIN"}, "PAIN"),
        ({"enseigne1Etablissement": "", "denominationUniteLegale": "SARL X"}, "SARL X"),
    ],
)
def test_the_best_name_is_taken(cells, name):
    assert read(**cells).name == name


@pytest.mark.parametrize(
    ("cells", "street"),
    [
        ({"typeVoieEtablissement": "AV"}, "12 AVENUE DE LILLE"),
        ({"indiceRepetitionEtablissement": "B"}, "12 B RUE DE LILLE"),
        ({"typeVoieEtablissement": "QUELQUE", "numeroVoieEtablissement": ""}, "QUELQUE DE LILLE"),
        ({"libelleVoieEtablissement": ""}, ""),
        ({"libelleVoieEtablissement": "[ND]"}, ""),
        ({"libelleVoieEtablissement": "x" * 200}, ""),
        ({"libelleVoieEtablissement": "DE\u202eLILLE"}, ""),
    ],
)
def test_a_street_is_put_together(cells, street):
    assert read(**cells).facts["street"] == street


def test_a_line_with_neither_position_nor_street_is_refused():
    cells = {"coordonneeLambertAbscisseEtablissement": "", "libelleVoieEtablissement": ""}
    assert read(**cells).refusal == NO_POSITION


def test_every_code_of_the_table_is_one_of_the_nomenclature_and_has_one_trade():
    codes = [code for some in _ACTIVITIES.values() for code in some]
    assert all(re.fullmatch(r"\d\d\.\d\d[A-Z]", code) for code in codes)
    assert len(set(codes)) == len(codes)
    assert activity_of("1071c").key == activity_of(" 10.71C ").key == "bakery"
    assert activity_of("") is None


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_both_delimiters_and_marks_are_known(delimiter, mark):
    file = mark + a_table(a_line(), a_line(enseigne1Etablissement='"PAIN, VIN; ET\nCIE"'), delimiter=delimiter)
    assert open_source(io.BytesIO(file)).kind is Kind.SIRENE
    rows = rows_of(file)
    assert [row.refusal for row in rows] == [None, None]
    assert rows[1].name == '"PAIN, VIN; ET\nCIE"'


def without(*names):
    return a_table({name: cell for name, cell in a_line().items() if name not in names})


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (b"bonjour", "il manque siret"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\xff", "SIRENE|UTF-8"),
        (a_table({name: cell for name, cell in a_line().items() if name != "siret"}), "il manque siret"),
        (
            a_table({name: cell for name, cell in a_line().items() if name != "statutDiffusionEtablissement"}),
            "statutDiff",
        ),
        (a_table({name: cell for name, cell in a_line().items() if name not in sirene.NAMES}), "aucun nom"),
        (a_table(a_line(), a_line())[:-60], "coupé"),
        (a_table(a_line()) + b'"', "jusqu’au bout"),
        (a_table(a_line(enseigne1Etablissement="x" * 200_000)), "jusqu’au bout"),
        (a_table(a_line(enseigne1Etablissement="CAFÉ")).decode().encode("latin-1"), "UTF-8"),
        (a_table(a_line()).decode().encode("utf-16"), "UTF-8"),
    ],
)
def test_a_broken_file_is_refused_whole(file, why):
    with pytest.raises(FileRefused, match=why):
        open_source(io.BytesIO(file))


def test_an_uneven_line_in_the_middle_is_refused_alone():
    whole = a_table(a_line(), a_line()).decode().splitlines()
    rows = rows_of("\n".join([*whole[:2], "a,b", "", whole[2]]).encode())
    assert [(row.number, row.refusal) for row in rows] == [(2, None), (3, sirene.UNEVEN), (5, None)]
