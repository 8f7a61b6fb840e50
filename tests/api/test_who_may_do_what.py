"""Every address × every verb × everybody × hers, another's, hidden, absent: only those of the matrix are let in.

The answers follow from `matrix.py`. What is refused changes no row. What is another's, or hidden, is answered as what
is absent: the same status, body and headers, but for its name in the path (echoed in `instance`), by the same
statements of SQL. Each change that is let in is tried on a town put back as it was, on SQLite. On PostgreSQL are tried
the refusals and the readings of what somebody owns: who is let in is decided in the same Python there.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from werkzeug.test import TestResponse

from citylife import migrations
from citylife.database import engine_for
from tests.api.doors import HERS, SAFE, VERBS, Caller, Door, Line, Realm, Side
from tests.api.matrix import TABLE
from tests.api.stage import Stage, a_stage
from tests.conftest import a_postgres_database

RULES = sorted({line.rule for line in TABLE})
LINES = {rule: [line for line in TABLE if line.rule == rule] for rule in RULES}
ADDRESSES = {line.address for line in TABLE}


@pytest.fixture(scope="module")
def stage(tmp_path_factory, sqlite_template) -> Iterator[Stage]:
    """The town of the matrix on SQLite; how much was asked of it is printed."""
    with closing(a_stage(tmp_path_factory.mktemp("matrix"), sqlite_template)) as stage:
        yield stage


@pytest.fixture(scope="module")
def postgres_stage(tmp_path_factory) -> Iterator[Stage]:
    """The same on PostgreSQL."""
    with a_postgres_database() as url:
        engine = engine_for(url)
        migrations.upgrade(engine)
        engine.dispose()
        with closing(Stage(url, tmp_path_factory.mktemp("matrix"))) as stage:
            yield stage


def on_both(rule: str) -> bool:
    """Whether the SQL of a rule has a say in who is answered what: it is somebody's, or about a thing of somebody."""
    return any(line.door.realms for line in LINES[rule]) or "<uuid:" in rule


def said(answer: TestResponse, named: list[str]) -> tuple[Any, ...]:
    """An answer, less the name of the thing that was asked for, and how often its caller may still ask."""
    text = answer.get_data(as_text=True)
    for name in named:
        text = text.replace(name, "…")
    headers = tuple(sorted(line for line in answer.headers if not line[0].startswith("RateLimit")))
    return answer.status_code, text, headers


def test_the_matrix_has_every_address_of_the_application_and_no_other(stage):
    stated = sorted(line.address for line in TABLE)
    assert len(set(stated)) == len(stated), "an address is stated twice"
    there = {
        f"{verb} {rule.rule}"
        for rule in stage.app.url_map.iter_rules()
        for verb in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert there - set(stated) == set(), "add a line: see tests/api/matrix.py"
    assert set(stated) - there == set(), "these lines of the matrix have no address"


def test_everybody_the_matrix_speaks_of_is_there(stage):
    callers = stage.callers
    assert len({caller.name for caller in callers}) == len(callers) >= 35
    assert {caller.realm for caller in callers} == {None, *Realm}
    for side in (Side.FIRST, Side.SECOND):
        assert sum(caller.of is side for caller in callers) >= 3


Tried = tuple[Line, Caller, Side]


def verbs_of(line: Line) -> tuple[str, ...]:
    """The verbs that a line speaks of: who may read the whole may read its head."""
    return ("GET", "HEAD") if line.verb == "GET" else (line.verb,)


def ask_what_changes_nothing(stage: Stage, line: Line, verb: str) -> tuple[list[str], list[Tried]]:
    """Ask everything that must be refused, and every reading; what was answered wrongly, and the changes left to try.

    Whatever a caller is refused, she is refused in the same words and by the same statements.
    """
    wrong, let_in = [], []
    for caller in stage.callers:
        refusals: dict[int, set[Any]] = defaultdict(set)
        for side in stage.sides(line):
            expected = line.expected(caller, verb, side)
            refused = expected >= 400 or line.door.refuses(caller, verb) is not None
            if not refused and verb not in SAFE:
                if side is not Side.HIDDEN:  # hers, but not in a state to be changed
                    let_in.append((line, caller, side))
                continue
            with stage.ask(line, verb, caller, side) as answer:
                if answer.status_code != expected:
                    wrong.append(f"{verb} {line.rule} by {caller}, {side.value}: {answer.status_code} not {expected}")
                if refused:
                    refusals[expected].add((said(answer, stage.names_of(line, side)), tuple(stage.statements)))
        wrong += [f"{verb} {line.rule} by {caller}: {kinds}" for kinds in refusals.values() if len(kinds) > 1]
    return wrong, let_in


@pytest.mark.parametrize("rule", RULES)
def test_only_those_of_the_matrix_are_let_in(stage, rule):
    before = stage.written()
    found = [ask_what_changes_nothing(stage, line, line.verb) for line in LINES[rule]]
    assert [each for wrong, _ in found for each in wrong] == []
    assert stage.written() == before, "a refused request, or a reading, has written something"
    for line, caller, side in (each for _, let_in in found for each in let_in):
        with stage.ask(line, line.verb, caller, side) as answer:
            assert answer.status_code == line.status, (line.address, caller.name, side, answer.text)
        stage.put_back()
    for line, (_, let_in) in zip(LINES[rule], found, strict=True):
        assert line.verb in SAFE or let_in, f"nobody may {line.address}"


@pytest.mark.long
@pytest.mark.parametrize("rule", [line.rule for line in TABLE if line.verb == "GET"])
def test_the_head_of_an_answer_is_for_whom_the_answer_is_for(stage, rule):
    before = stage.written()
    (reading,) = (line for line in LINES[rule] if line.verb == "GET")
    assert ask_what_changes_nothing(stage, reading, "HEAD") == ([], [])
    assert stage.written() == before, "a reading has written something"


@pytest.mark.long
@pytest.mark.parametrize("rule", [rule for rule in RULES if on_both(rule)])
def test_nobody_else_is_let_in_on_postgresql(postgres_stage, rule):
    before = postgres_stage.written()
    for line in LINES[rule]:
        for verb in verbs_of(line):
            assert ask_what_changes_nothing(postgres_stage, line, verb)[0] == []
    assert postgres_stage.written() == before, "a refused request, or a reading, has written something"


@pytest.mark.long
@pytest.mark.parametrize("rule", RULES)
def test_a_verb_that_is_not_stated_is_answered_alike_to_everybody(stage, rule):
    stated = {line.verb for line in LINES[rule]} | {"OPTIONS"} | ({"HEAD"} if f"GET {rule}" in ADDRESSES else set())
    for verb in set(VERBS) - stated | {"OPTIONS"}:
        alike: set[Any] = set()
        for caller, side in itertools.product(stage.callers, stage.sides(LINES[rule][0])):
            answer = stage.ask(LINES[rule][0], verb, caller, side)
            assert answer.status_code == (200 if verb == "OPTIONS" else 405), (verb, rule, caller.name, side)
            allowed = {name.strip() for name in answer.headers["Allow"].split(",")}
            assert allowed == stated, (verb, rule)
            assert stage.statements == [], (verb, rule)
            _, text, headers = said(answer, stage.names_of(LINES[rule][0], side))
            alike.add((text, tuple(line for line in headers if line[0] != "Allow")))
        assert len(alike) == 1, (verb, rule, alike)


def test_an_answer_that_is_let_in_by_mistake_would_be_noticed():
    owner = Caller("an owner", realm=Realm.MERCHANT, of=Side.FIRST)
    line = Line("GET /x/<uuid:shop_id>", Door((Realm.MERCHANT,)), there=HERS)
    assert [line.expected(owner, "GET", side) for side in Side] == [200, 404, 404, 404]
    assert line.expected(Caller("nobody"), "GET", Side.FIRST) == 401
    citizen = Caller("a citizen", realm=Realm.CITIZEN, of=Side.FIRST)
    assert line.expected(citizen, "GET", Side.FIRST) == 401
