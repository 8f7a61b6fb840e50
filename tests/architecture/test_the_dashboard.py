"""The Grafana dashboard is well formed, and asks for nothing that Citylife does not expose."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from citylife.database import engine_for, writing
from citylife.ledger.tables import DeliveryState
from citylife.settings import Settings
from notifications.webpush import Answer
from tests import builders
from tests.sources import ROOT
from wsgi import create_app

DASHBOARD = json.loads((ROOT / "docs" / "grafana-citylife.json").read_text(encoding="utf-8"))
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


@pytest.fixture
def exposed(sqlite_url: str, sessions_on_sqlite, tmp_path) -> dict[str, set[str]]:
    """Every series of a web process with a worker's code in it, and the labels each has."""
    settings = Settings(instance=tmp_path / "instance", database_url=sqlite_url, log_level="WARNING")
    with sessions_on_sqlite.begin() as session:
        builders.a_device(session, builders.a_citizen(session))
    app = create_app(settings)
    client = app.test_client()
    client.get("/healthz")
    text = client.get("/metrics").text
    app.extensions["citylife"].close()
    found: dict[str, set[str]] = {}
    for name, labels in re.findall(r"^([a-z_]+)(?:\{(.*?)\})? ", text, re.MULTILINE):
        found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    for name in re.findall(r"^# TYPE ([a-z_]+) (?:counter|gauge)", text, re.MULTILINE):
        found.setdefault(name, set())
    return found


@pytest.fixture
def sessions_on_sqlite(sqlite_url: str) -> Iterator[Any]:
    engine = engine_for(sqlite_url)
    yield writing(engine)
    engine.dispose()


def test_it_is_a_dashboard_that_grafana_takes():
    assert isinstance(DASHBOARD["schemaVersion"], int)
    assert DASHBOARD["title"] == "Citylife"
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert all(panel["title"] and panel["description"] and panel["targets"] for panel in DASHBOARD["panels"])
    assert len(EXPRESSIONS) >= 15


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_it_names_only_what_is_exposed(expression: str, exposed: dict[str, set[str]]):
    names = set(re.findall(r"\b((?:citylife|process)_[a-z_]+)\b", expression))
    assert names
    assert names <= set(exposed)


def test_a_name_that_does_not_exist_is_noticed(exposed: dict[str, set[str]]):
    assert "citylife_requests_total" in exposed
    assert "citylife_deliveries_lost" not in exposed


def test_the_values_it_picks_out_are_those_that_exist():
    picked = set(re.findall(r'answer="([\w ]+)"', " ".join(EXPRESSIONS)))
    assert picked
    assert picked <= {answer.value for answer in Answer} | {state.value for state in DeliveryState}
