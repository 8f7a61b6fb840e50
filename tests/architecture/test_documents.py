"""The documents say what is true: settings, tables, reasons, answers, routes, dependencies, and links that lead."""

import ast
import datetime as dt
import re
import sys
import tomllib
from dataclasses import MISSING, fields
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from blueprints.limits import LIMITS
from citylife import migrations, printed_mail
from citylife.ledger.tables import DeliveryState, Reason
from citylife.limits import Limit
from citylife.purge import RETENTIONS
from citylife.settings import PREFIX, Settings
from notifications.webpush import Answer, meaning_of
from tests.sources import PACKAGES, ROOT, SOURCES, tree_of
from wsgi import create_app

DOCS = ROOT / "docs"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
PAGE_HALF = 45
WITHOUT_GAP = 23
"""Every decision before this number is there."""
COME_WITH_FLASK = {"werkzeug", "jinja2", "markupsafe", "webargs", "apispec"}
"""Parts of Flask and flask-smorest that their own documentation tells to import."""


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("field", fields(Settings), ids=lambda field: field.name)
def test_every_setting_is_documented_with_its_default(field):
    row = re.search(rf"^\| `{PREFIX}{field.name.upper()}` \| (.*?) \| ", read("docs/settings.md"), re.MULTILINE)
    assert row, f"docs/settings.md does not document {PREFIX}{field.name.upper()}"
    assert field.default is not MISSING
    said = {"": "empty", (): "empty", None: "empty"}.get(field.default, f"`{field.default}`")
    assert row[1] == said


def test_no_setting_is_documented_that_does_not_exist():
    named = set(re.findall(rf"^\| `({PREFIX}\w+)`", read("docs/settings.md"), re.MULTILINE))
    assert named == {PREFIX + field.name.upper() for field in fields(Settings)}


def test_every_limit_is_documented_with_its_number_and_can_be_set():
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d+) \| (1 \w+|\d+ minutes) \|", read("docs/settings.md"), re.MULTILINE)
    names = {dt.timedelta(minutes=1): "1 minute", dt.timedelta(hours=1): "1 hour", dt.timedelta(days=1): "1 day"}
    assert rows == [
        (limit.name, str(limit.most), names.get(limit.window, f"{limit.window // dt.timedelta(minutes=1)} minutes"))
        for limit in LIMITS
    ]


def test_no_limit_of_the_rules_is_left_out():
    found = {
        limit
        for name, module in sys.modules.items()
        if name.startswith("citylife.")
        for value in list(vars(module).values())
        for limit in (value if isinstance(value, tuple) else (value,))
        if isinstance(limit, Limit)
    }
    assert found == set(LIMITS)


def test_the_readme_is_short_and_begins_with_the_two_commands():
    lines = read("README.md").splitlines()
    assert len(lines) <= 150
    commands = [line.split("#")[0].strip() for line in lines if line.strip().startswith(("make ", "citylife "))]
    assert commands[:2] == ["make run", "make test"]


def test_the_readme_says_what_was_never_tried_and_whose_data_it_is():
    text = read("README.md")
    for name in ("Google", "Apple", "Mozilla", "INSEE", "IGN", "OpenStreetMap", "Base Adresse Nationale"):
        assert name in text
    assert "never" in text


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_of_a_document_leads_somewhere(document: Path):
    targets = re.findall(r"\]\(([^)#\s]+)", document.read_text(encoding="utf-8"))
    dead = [target for target in targets if "://" not in target and not (document.parent / target).exists()]
    assert dead == []


def test_decisions_have_a_number_each_and_stay_short():
    decisions = sorted((DOCS / "adr").glob("*.md"))
    numbers = [path.name[:4] for path in decisions]
    assert len(numbers) == len(set(numbers)), "two decisions have one number"
    missing = {f"{number:04}" for number in range(1, WITHOUT_GAP)} - set(numbers)
    assert missing == set(), (
        "several people write decisions at once: a later number may still be to come, none of these"
    )
    assert all(re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", path.name) for path in decisions)
    for path in decisions:
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= PAGE_HALF, f"{path.name} is longer than half a page"
        title, *parts = re.split(r"^## ", text, flags=re.MULTILINE)
        assert re.fullmatch(rf"# {int(path.name[:4])}\. \S.*", title.strip()), (
            f"{path.name} begins with its number and title"
        )
        assert [part.partition("\n")[0] for part in parts] == ["Context", "Choice", "What it costs"], path.name
        assert all(part.partition("\n")[2].strip() for part in parts), f"{path.name} leaves a part empty"


def test_every_dependency_is_named_with_its_reason():
    project = tomllib.loads(read("pyproject.toml"))
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["test"]]
    names = {re.split(r"[\[<>=]", requirement)[0] for requirement in wanted}
    (decision,) = (DOCS / "adr").glob("*-dependencies.md")
    named = set(re.findall(r"`([\w-]+)`", decision.read_text(encoding="utf-8")))
    assert names - named == set()


def test_every_table_has_its_purpose_and_its_retention():
    text = read("docs/donnees.md").partition("## Ce qui part")[0]
    rows = dict(re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| (.+) \|$", text, re.MULTILINE))
    named = {name for cell in rows for name in re.findall(r"`(\w+)`", cell)}
    assert named == set(migrations.metadata.tables)
    for cell, rest in rows.items():
        assert len([part for part in rest.split(" | ") if part.strip()]) == 3, f"{cell}: what, why, how long"


def test_what_leaves_and_when_is_told_as_it_is_done():
    by_table, _, leaving = read("docs/donnees.md").partition("## Ce qui part")
    units = {"jour": dt.timedelta(days=1), "heure": dt.timedelta(hours=1)}
    row = r"^\| (?:`(\w+)`|dossier `(\w+)` de l’instance) \| (\d+) (jour|heure)s? \| .+ \|$"
    told = [
        (table or f"{folder}/", int(count) * units[unit])
        for table, folder, count, unit in re.findall(row, leaving, re.MULTILINE)
    ]
    assert told == [
        *((retention.name, retention.kept) for retention in RETENTIONS),
        (f"{printed_mail.FOLDER}/", printed_mail.KEPT_FOR),
    ]
    rows = re.findall(r"^\| `(\w+)` \| .+ \| .+ \| (.+) \|$", by_table, re.MULTILINE)
    purged = {name for name, how_long in rows if re.search(r"\(purge\)|jusqu’à la purge", how_long)}
    assert purged == {retention.name for retention in RETENTIONS}


def test_every_reason_and_state_of_the_ledger_is_explained():
    text = read("docs/ledger.md")
    for word in (*Reason, *DeliveryState):
        assert f"`{word.value}`" in text, word


def test_the_table_of_answers_is_the_one_the_sender_follows():
    table = re.findall(
        r"^\| ((?:\d{3}|\dxx)(?:, (?:\d{3}|\dxx))*)[^|]* \| `([\w ]+)` \|", read("docs/ledger.md"), re.MULTILINE
    )
    said = {int(status.replace("x", "0")): answer for cell, answer in table for status in cell.split(", ")}
    assert len(said) >= 12
    assert {status: meaning_of(status).value for status in said} == said
    assert set(said.values()) == {answer.value for answer in Answer}


def test_every_route_a_document_names_exists(tmp_path):
    app = create_app(Settings(instance=tmp_path, database_url=f"sqlite:///{tmp_path / 'none.db'}"))
    patterns = [re.compile(re.sub(r"<[^>]+>", "[^/?]+", rule.rule)) for rule in app.url_map.iter_rules()]
    text = "\n".join(document.read_text(encoding="utf-8") for document in DOCUMENTS)
    named = set(re.findall(r"`(?:(?:GET|POST|PUT|PATCH|DELETE) )?(/[a-z][\w/.-]*)`", text))
    assert {"/healthz", "/readyz", "/metrics", "/api/openapi.json", "/api/v1/me", "/api/v1/me/deliveries"} <= named
    assert [path for path in sorted(named) if not any(pattern.fullmatch(path) for pattern in patterns)] == []


def test_every_import_of_somebody_elses_package_is_a_declared_dependency():
    declared = {
        normalised(re.split(r"[\[<>=]", requirement)[0])
        for requirement in tomllib.loads(read("pyproject.toml"))["project"]["dependencies"]
    }
    providers = packages_distributions()
    imported = {
        name
        for source in SOURCES
        for node in ast.walk(tree_of(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""])
    }
    tops = {name.partition(".")[0] for name in imported} - {*sys.stdlib_module_names, *PACKAGES, "_typeshed"}
    assert "flask" in tops
    undeclared = {top for top in tops if not {normalised(name) for name in providers[top]} & declared}
    assert undeclared <= COME_WITH_FLASK


def normalised(name: str) -> str:
    """A distribution's name as PyPA's specification compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()
