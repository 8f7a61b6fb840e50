"""What the public is told is kept: every table that holds something of somebody, and the periods of the purge."""

import datetime as dt
import re

import pytest

from citylife import migrations
from citylife.disclosure import OF_ACCOUNTS, OF_CITIZENS, PURPOSES, WITHOUT_PERSONS, lasting, recipients
from citylife.purge import RETENTIONS
from citylife.settings import Settings
from tests.sources import ROOT

KEPT = (*OF_CITIZENS, *OF_ACCOUNTS)
ENDS_BY_ITSELF = {"moving_codes", "passkey_challenges", "places", "paces"}
"""Tables whose rows carry their own end: the purge adds nothing to it."""


def test_no_table_is_left_out_and_none_is_told_twice():
    told = [table for kept in KEPT for table in kept.tables]

    assert len(told) == len(set(told))
    assert set(told) | WITHOUT_PERSONS == set(migrations.metadata.tables)
    assert not set(told) & WITHOUT_PERSONS


@pytest.mark.parametrize("retention", RETENTIONS, ids=lambda retention: retention.name)
def test_what_the_purge_forgets_is_told_with_its_period(retention):
    (kept,) = (kept for kept in KEPT if retention.name in kept.tables)

    assert retention.name in ENDS_BY_ITSELF or str(lasting(retention.kept)) in kept.until


def test_purposes_and_grounds_are_those_of_the_document_word_for_word():
    text = (ROOT / "docs" / "donnees.md").read_text(encoding="utf-8")
    table = text.partition("## Finalités et bases légales")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", table, re.MULTILINE)[2:]

    said = [(plain(str(purpose.what)), plain(str(purpose.ground))) for purpose in PURPOSES]
    assert said == [(plain(what), plain(ground)) for what, ground in rows]


def plain(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("period", "said"),
    [
        (dt.timedelta(days=91), "91\u00a0jours"),
        (dt.timedelta(days=1), "1\u00a0jour"),
        (dt.timedelta(hours=4), "4\u00a0heures"),
        (dt.timedelta(minutes=10), "10\u00a0minutes"),
        (dt.timedelta(0), "0\u00a0jour"),
    ],
)
def test_a_period_is_said_in_its_largest_unit(period: dt.timedelta, said: str):
    assert plain(str(lasting(period))) == plain(said)


def test_recipients_follow_the_settings():
    bare = "\n".join(recipients(Settings(geocoder_url="", companies_url="", map_tiles="")))
    assert "Google, Mozilla, Microsoft, Apple" in bare
    assert "Aucun serveur de courrier" in bare
    assert "service d’adresses" not in bare
    assert "annuaire des entreprises" not in bare
    assert "L’hébergeur" not in bare
    assert "fond de carte" not in bare

    whole = "\n".join(
        recipients(
            Settings(
                push_hosts=("push.example",),
                smtp_url="smtp://localhost",
                hosted_by="Hébergeur du Nord; 1 rue du Port",
                geocoder_url="https://adresses.example/g",
                companies_url="https://entreprises.example",
                map_tiles="https://cartes.example/{z}/{x}/{y}.png",
            )
        )
    )
    for name in (
        "push.example",
        "Hébergeur du Nord.",
        "adresses.example",
        "entreprises.example",
        "cartes.example",
        "10\u00a0km²",
    ):
        assert name in whole
    for letter in (
        "connexion",
        "invitation",
        "demande de commerce",
        "clé d’accès",
        "offres publiées",
        "lundi",
        "capitulatif",
    ):
        assert letter in whole
    assert "rue du Port" not in whole
