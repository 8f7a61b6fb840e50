"""The habits of the house hold in every module: names, lengths, opening sentences, and where time comes from."""

import ast
from pathlib import Path

import pytest

from tests.sources import PACKAGES, ROOT, SOURCES, tree_of

FORBIDDEN_NAMES = {
    "base",
    "common",
    "helper",
    "helpers",
    "manager",
    "managers",
    "misc",
    "service",
    "services",
    "util",
    "utils",
}
MOST_LINES = 450
CLOCKS = {"now", "utcnow", "today", "time"}
CLOCK = Path("citylife/clock.py")
WRITTEN = [source for source in SOURCES if source.parent != Path("citylife/migrations/versions")]
"""Migrations are generated once, and never touched again."""


def test_there_is_something_to_look_at():
    assert len(SOURCES) > 50
    assert {source.parts[0] for source in SOURCES} == {*PACKAGES, "wsgi.py"}


@pytest.mark.parametrize("source", WRITTEN, ids=str)
def test_a_module_opens_with_a_sentence(source: Path):
    said = ast.get_docstring(tree_of(source))
    assert said, f"{source} says nothing of itself"
    assert said.partition("\n\n")[0].rstrip().endswith((".", ":")), f"{source} does not open with a sentence"


@pytest.mark.parametrize("source", WRITTEN, ids=str)
def test_a_module_fits_in_a_head(source: Path):
    lines = len((ROOT / source).read_text(encoding="utf-8").splitlines())
    assert lines <= MOST_LINES, f"{source} has {lines} lines"


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_a_module_is_named_after_something_of_the_field(source: Path):
    assert not {part.removesuffix(".py") for part in source.parts} & FORBIDDEN_NAMES


@pytest.mark.parametrize("source", [source for source in SOURCES if source != CLOCK], ids=str)
def test_time_is_passed_in(source: Path):
    assert clocks_read(tree_of(source)) == []


def test_a_module_that_reads_the_clock_is_noticed():
    sly = "import datetime as dt\nfrom datetime import date, datetime\nimport time\n"
    for call in ("dt.datetime.now(dt.UTC)", "datetime.utcnow()", "date.today()", "dt.date.today()", "time.time()"):
        assert len(clocks_read(ast.parse(sly + call))) == 1, call
    assert clocks_read(ast.parse(sly + "time.monotonic(); house().now(); clock(); moment.time()")) == []


def clocks_read(tree: ast.Module) -> list[str]:
    """Where a module asks the wall clock itself; measuring how long something takes is no such thing."""
    return [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CLOCKS
        and ast.unparse(node.func.value) in {"datetime", "date", "time", "dt.datetime", "dt.date", "datetime.datetime"}
    ]
