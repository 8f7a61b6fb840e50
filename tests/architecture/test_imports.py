"""Imports run one way, and none hides in a function."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.sources import PACKAGES, ROOT, SOURCES, tree_of

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def lint(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_contracts_of_imports_are_kept():
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in done.stdout


LOADED_LATE = (
    "alembic",
    "psycopg",
    "reportlab",
    "webauthn",
    "notifications.cluster",
    "notifications.rabbitmq",
    "notifications.under_dramatiq",
)
"""Two to ten megabytes each that many a process never needs: see the decision on memory."""
LEFT_OUT = [
    "aiohttp",
    "alembic",
    "dramatiq",
    "geopy",
    "pika",
    "PIL",
    "psycopg",
    "pyproj",
    "reportlab",
    "requests",
    "webauthn",
]


def test_the_layers_are_those_of_the_house():
    (layers,) = [contract["layers"] for contract in CONTRACTS if contract["type"] == "layers"]
    assert layers == ["blueprints | notifications", "schemas", "citylife"]
    root, framework = [contract for contract in CONTRACTS if contract["type"] == "forbidden"]
    assert (set(root["source_modules"]), root["forbidden_modules"]) == (set(PACKAGES), ["wsgi"])
    assert {"citylife", "schemas"} == set(framework["source_modules"])
    assert {"flask", "flask_sqlalchemy", "flask_smorest", "werkzeug"} <= set(framework["forbidden_modules"])


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_no_import_hides_in_a_function(source: Path):
    hidden = [
        f"{source}:{inner.lineno}"
        for outer in ast.walk(tree_of(source))
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for inner in ast.walk(outer)
        if isinstance(inner, ast.Import | ast.ImportFrom)
        for module in modules_of(inner)
        if not any(module == late or module.startswith(f"{late}.") for late in LOADED_LATE)
    ]
    assert hidden == []


def modules_of(statement: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(statement, ast.ImportFrom):
        return [statement.module or ""]
    return [each.name for each in statement.names]


def test_a_web_process_on_sqlite_holds_nothing_that_it_does_not_need():
    look = f"import sys, wsgi; print(*{set(LEFT_OUT)} & sys.modules.keys())"
    found = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


def test_the_glossary_imports_nothing():
    glossary = tree_of(Path("citylife/__init__.py"))
    assert ast.get_docstring(glossary)
    assert len(glossary.body) == 1, "a docstring, and nothing else"
