"""Positions are planted through every address that takes one, in every shape; none is found anywhere afterwards.

A real server answers, its log at DEBUG, and fails for a while with positions in hand; a citizen is announced an offer
because of where she is, taps « near me now », and asks for the digest by e-mail. Searched are its folder (database,
WAL, keys, mail), what it printed, a backup and, on PostgreSQL, every row: for the digits, for the numbers as the
databases keep them, for cells finer than resolution 7, and for digests of what was sent, from which a point could be
guessed.
"""

import ast
import base64
import datetime as dt
import hashlib
import inspect
import json
import re
import sqlite3
import struct
import textwrap
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import h3
import httpx
import psycopg
import pytest
from psycopg import sql
from sqlalchemy import select
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import Citizen
from citylife.database import engine_for, writing
from citylife.follows import Level
from citylife.geography import CELL_RESOLUTION, cell_at, communes, may_be_a_place
from citylife.ledger.tables import Decision, Delivery, Reason
from citylife.settings import Settings
from tests import builders
from tests.commands.instances import PATIENCE, Instance
from wsgi import create_app

Sessions = sessionmaker[Session]
DENSE = (50.5301723, 2.6403791)
"""In Béthune, to the decimetre."""
ALSO_DENSE = (50.4813347, 2.5472913)
ABROAD = (48.8566317, 2.3522193)
NOWHERE = (95.1234567, 187.7654321)
SPARSE_COMMUNE = next(facts for facts in communes().values() if not any(may_be_a_place(cell) for cell in facts.cells))
SPARSE = (SPARSE_COMMUNE.latitude + 0.0000123, SPARSE_COMMUNE.longitude + 0.0000321)
PLANTED = (DENSE, ALSO_DENSE, ABROAD, NOWHERE, SPARSE)
LARGEST = 64 * 1024
CONSENT = {"purpose": "location", "granted": True, "text_version": "2026-11", "locale": "fr"}
JSON = {"Content-Type": "application/json"}
API = "/api/v1"
TAKES_A_PERSON_S_POSITION = {
    "choose_place": f"{API}/me/places",
    "find_nearby": f"{API}/nearby",
    "tell_me_near": f"{API}/me/near-me-now",
}
TAKES_A_SHOP_S_POSITION = {"claim_my_shop", "change_my_shop"}
FORMS_OF_A_PERSON = {
    "citizen.read_around_her": "/autour",
    "citizen.tell_her_now": "/autour/maintenant",
    "settings.choose_place": "/reglages/lieux",
}
FORMS_OF_A_SHOP = {"merchant.claim": "/commerce/nouveau"}
ALL_OF_A_PERSON = (*TAKES_A_PERSON_S_POSITION.values(), *FORMS_OF_A_PERSON.values())
NAMES_OF_A_POSITION = {"latitude", "longitude", "lat", "lon", "lng", "position"}
BREAKS = {
    "sqlite": (
        "CREATE TRIGGER broken BEFORE INSERT ON places BEGIN SELECT RAISE(ABORT, 'broken'); END",
        "ALTER TABLE shops RENAME COLUMN opening_hours TO broken",
    ),
    "postgresql": (
        "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE USING MESSAGE = NEW::text; END'",
        "CREATE TRIGGER broken BEFORE INSERT ON places FOR EACH ROW EXECUTE FUNCTION broken()",
        "ALTER TABLE shops RENAME COLUMN opening_hours TO broken",
    ),
}
MENDS = {
    "sqlite": ("DROP TRIGGER broken", "ALTER TABLE shops RENAME COLUMN broken TO opening_hours"),
    "postgresql": ("DROP FUNCTION broken CASCADE", "ALTER TABLE shops RENAME COLUMN broken TO opening_hours"),
}
"""No place can be kept and no shop be read: whoever is asked for either fails."""


def bodies() -> Iterator[tuple[bytes, Mapping[str, str]]]:
    """Everything a client might send, rightly and wrongly, with a position in it."""
    for latitude, longitude in PLANTED:
        position = {"latitude": latitude, "longitude": longitude}
        shapes: list[Any] = [
            {"position": position},
            {"position": position, "kind": "now"},
            {"position": position, "radius": 1_000, "limit": 3},
            {"position": {**position, "accuracy": 3}},
            {"position": {"latitude": str(latitude), "longitude": str(longitude)}},
            {"position": [latitude, longitude]},
            {"position": f"{latitude},{longitude}"},
            {"position": {"latitude": latitude}},
            {"position": position, "insee_code": "62119"},
            {"insee_code": f"{latitude}"},
            {"cell": h3.latlng_to_cell(latitude % 90, longitude % 180, 12)},
            {"position": position, "cursor": f"{latitude}{longitude}"},
            {"latitude": latitude, "longitude": longitude},
            [position],
        ]
        for shape in shapes:
            yield json.dumps(shape).encode(), JSON
        whole = json.dumps({"position": position})
        yield json.dumps({"position": position}, separators=(",", ":")).encode(), JSON
        yield json.dumps(position, separators=(",", ":")).encode(), JSON
        yield whole[:-1].encode(), JSON
        yield whole.replace('"longitude"', '"latitude"').encode(), JSON
        yield (whole[:-1] + ', "kind": "' + "x" * LARGEST + '"}').encode(), JSON
        yield whole.encode(), {"Content-Type": "text/plain"}
        yield (
            f"latitude={latitude}&longitude={longitude}".encode(),
            {"Content-Type": "application/x-www-form-urlencoded"},
        )
        yield whole.encode(), {**JSON, "Idempotency-Key": f"a-key-of-more-than-sixteen-{hash((latitude, 1)) % 997}"}
        yield whole.encode("utf-16"), JSON


def forms() -> Iterator[dict[str, str]]:
    """What a form might be sent with a position in it, rightly and wrongly."""
    for latitude, longitude in PLANTED:
        position = {"latitude": str(latitude), "longitude": str(longitude)}
        yield position
        yield {**position, "rayon": "5000", "ouvert": "1", "cursor": f"{latitude}{longitude}"}
        yield {**position, "commune": f"{latitude},{longitude}", "agreed": "1", "text_version": str(longitude)}
        yield {**position, "longitude": f"{longitude} est"}
        yield {"latitude": f"{latitude},{longitude}"}


def wait_until(something: Callable[[], Any]) -> None:
    until = time.monotonic() + PATIENCE
    while not something():
        assert time.monotonic() < until
        time.sleep(0.2)


def lead_a_life(client: httpx.Client, citizen: Mapping[str, str], instance: Instance, sessions: Sessions) -> None:
    """Offers are announced to her since her place is near, or put aside; she taps where she is; a letter is written."""
    for purpose in ("notifications", "email-digest"):
        agreed = client.post("/me/consents", json={**CONSENT, "purpose": purpose}, headers=citizen)
        assert agreed.status_code == 201
    now = dt.datetime.now(dt.UTC)
    hour = dt.timedelta(hours=1)
    her = uuid.UUID(client.get("/me", headers=citizen).json()["id"])
    with sessions.begin() as session:
        shop, other = (builders.a_shop(session, now=now - hour) for _ in range(2))
        builders.a_device(session, session.get_one(Citizen, her), now=now)
        for each in (shop, other):
            builders.a_follow(session, session.get_one(Citizen, her), each, Level.NEARBY, now=now)
        builders.at_any_hour(session)
        builders.an_offer(session, shop, now=now, ends_at=now + 24 * hour)

    def reasons() -> set[Reason]:
        with sessions() as session:
            return set(session.scalars(select(Decision.reason).where(Decision.citizen_id == her)))

    wait_until(lambda: reasons() == {Reason.NEARBY})
    with sessions.begin() as session:
        session.get_one(Citizen, her).daily_budget = 0
        builders.an_offer(session, session.merge(other), now=now, ends_at=now + 24 * hour)
    wait_until(lambda: Reason.DAY_SPENT in reasons())
    here = {"position": {"latitude": DENSE[0], "longitude": DENSE[1]}}
    assert client.post("/me/near-me-now", json=here, headers=citizen).json()["offers"] == 1
    given = client.put("/me/email-digest", json={"email": "elle@courrier.example"}, headers=citizen)
    assert given.status_code == 200, given.text
    wait_until(lambda: list((instance.folder / "mail").glob("*")))

    def tried() -> set[int]:
        with sessions() as session:
            return set(session.scalars(select(Delivery.attempts).where(Delivery.citizen_id == her)))

    wait_until(lambda: 0 not in tried())


def plant(base: str, instance: Instance, sessions: Sessions) -> list[bytes]:
    """Send it all, as somebody known and as nobody; the bodies that were sent."""
    sent = []
    alone = httpx.Limits(max_keepalive_connections=0)  # after a body that is too large the server hangs up
    with httpx.Client(base_url=f"{base}{API}", trust_env=False, timeout=30, limits=alone) as client:
        citizen = {"Authorization": f"Bearer {client.post('/citizens', json={}).json()['token']}"}
        assert client.post("/me/places", json={"position": {"latitude": 50.53, "longitude": 2.64}}).status_code == 401
        statuses: dict[str, set[int]] = {path: set() for path in TAKES_A_PERSON_S_POSITION.values()}
        for consented in (False, True):
            if consented:
                assert client.post("/me/consents", json=CONSENT, headers=citizen).status_code == 201
            for body, headers in bodies():
                sent.append(body)
                for path, seen in statuses.items():
                    seen.add(client.post(base + path, content=body, headers={**headers, **citizen}).status_code)
                    client.post(base + path, content=body, headers=headers)
        assert statuses[f"{API}/me/places"] == {200, 201, 400, 409, 413, 415, 422}
        assert statuses[f"{API}/nearby"] == {200, 400, 413, 415, 422}
        for latitude, longitude in PLANTED:
            for path in ("/offers", "/shops", "/nearby", "/me/places"):
                asked = client.get(path, params={"latitude": latitude, "longitude": longitude}, headers=citizen)
                assert asked.status_code in {405, 422}
            assert client.get(f"/nearby/{latitude},{longitude}").status_code == 404
        assert len(client.get("/me/places", headers=citizen).json()["items"]) == 3
        lead_a_life(client, citizen, instance, sessions)
    with httpx.Client(base_url=base, trust_env=False, timeout=30, limits=alone) as client:
        sent += plant_in_forms(client)
        sent += plant_in_failures(client, sessions)
    return sent


def plant_in_forms(client: httpx.Client) -> list[bytes]:
    """Send what forms may hold, as our own pages do, before and after she agrees; the bodies that were sent."""
    sent = []
    token = client.post(f"{API}/citizens", json={}).json()["token"]
    hers = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html", "Cookie": f"__Host-citylife={token}"}
    told = {**CONSENT, "purpose": "notifications"}
    by_token = {"Authorization": f"Bearer {token}"}
    assert client.post(f"{API}/me/consents", json=told, headers=by_token).status_code == 201
    statuses: dict[str, set[int]] = {path: set() for path in FORMS_OF_A_PERSON.values()}
    agreed = {"agreed": "1", "text_version": CONSENT["text_version"]}
    for also in ({}, agreed):
        for form in forms():
            for path, seen in statuses.items():
                answer = client.post(path, data={**form, **also}, headers=hers)
                seen.add(answer.status_code)
                sent.append(answer.request.content)
                client.post(path, data=form)
    assert statuses == {
        "/autour": {200, 422},
        "/autour/maintenant": {200, 409, 422},
        "/reglages/lieux": {303, 409, 422},
    }
    return sent


@contextmanager
def broken(sessions: Sessions) -> Iterator[None]:
    """While it lasts, no place can be kept and no shop be read."""
    for statements in (BREAKS, MENDS):
        with sessions.begin() as session:
            connection = session.connection()
            for statement in statements[connection.dialect.name]:
                connection.exec_driver_sql(statement)
        if statements is BREAKS:
            yield


def plant_in_failures(client: httpx.Client, sessions: Sessions) -> list[bytes]:
    """Let each address fail with a position in hand; the bodies that were sent."""
    token = client.post(f"{API}/citizens", json={}).json()["token"]
    by_token = {"Authorization": f"Bearer {token}"}
    by_cookie = {"Sec-Fetch-Site": "same-origin", "Cookie": f"__Host-citylife={token}"}
    assert client.post(f"{API}/me/consents", json=CONSENT, headers=by_token).status_code == 201
    position = {"latitude": ALSO_DENSE[0], "longitude": ALSO_DENSE[1]}
    with broken(sessions):
        failed = [
            client.post(path, json={"position": position}, headers=by_token)
            for path in TAKES_A_PERSON_S_POSITION.values()
        ]
        failed += [client.post(path, data=position, headers=by_cookie) for path in FORMS_OF_A_PERSON.values()]
    statuses = {answer.request.url.path: answer.status_code for answer in failed}
    assert {status for status in statuses.values() if status not in {409, 500, 503}} == set(), statuses
    return [answer.request.content for answer in failed]


def traces(sent: list[bytes]) -> dict[str, bytes]:
    """What would tell a planted position, as it might be written down; named."""
    found: dict[str, bytes] = {}
    for point in PLANTED:
        for degrees in point:
            digits = repr(degrees)
            found[f"digits of {digits}"] = digits[: digits.index(".") + 6].encode()
            found[f"big-endian {digits}"] = struct.pack(">d", degrees)
            found[f"little-endian {digits}"] = struct.pack("<d", degrees)
        if point is NOWHERE:
            continue
        for resolution in range(CELL_RESOLUTION + 1, 16):
            cell = h3.latlng_to_cell(*point, resolution)
            found[f"cell {cell}"] = cell.encode()
            found[f"cell {cell} as SQLite keeps it"] = h3.str_to_int(cell).to_bytes(8)
            found[f"cell {cell} as a number"] = str(h3.str_to_int(cell)).encode()
    for body in sent:
        for path in ALL_OF_A_PERSON:
            asked = hashlib.sha256(f"POST {path}\n".encode() + body).digest()
            for digest in (asked, hashlib.sha256(body).digest()):
                found[f"digest {digest.hex()}"] = digest
                found[f"hexadecimal digest {digest.hex()}"] = digest.hex().encode()
                found[f"digest {digest.hex()} as a backup keeps it"] = base64.b64encode(digest)
    return found


INSTANT = re.compile(rb"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}\.\d{1,6}")
"""Its seconds and their fraction may be the digits of a planted degree, by chance: 12.352219 s ends like 2.35221°."""


def found_in(content: bytes, wanted: Mapping[str, bytes]) -> list[str]:
    """The names of the traces that stand in it; the clock's own digits are none."""
    content = INSTANT.sub(b"(instant)", content)
    return [name for name, trace in wanted.items() if trace in content]


def every_row(url: str) -> bytes:
    """Every row of a PostgreSQL database as text, its bytes in hexadecimal."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    rows: list[str] = []
    with psycopg.connect(plain) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            query = sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(table))
            rows += [row[0] for row in connection.execute(query)]
    return "\n".join(rows).encode()


@pytest.mark.long
def test_nothing_finer_than_a_cell_stands_anywhere(database_url: str, tmp_path: Path):
    settings = {
        "CITYLIFE_LOG_LEVEL": "DEBUG",
        "CITYLIFE_LIMITS": "*=1000000",
        "CITYLIFE_AIPD_DATE": "2026-01-02",
        "CITYLIFE_PUSH_CONNECT_TO": "127.0.0.1:9",
    }
    on_postgresql = database_url.startswith("postgresql")
    if on_postgresql:
        settings["CITYLIFE_DATABASE_URL"] = database_url
    instance = Instance(tmp_path / "instance", settings)
    done = instance.call("init")
    assert done.returncode == 0, done.stderr
    engine = engine_for(database_url if on_postgresql else f"sqlite:///{instance.folder / 'citylife.db'}")
    with instance.serving() as base:
        wanted = traces(plant(base, instance, writing(engine)))
        engine.dispose()
        kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    done = instance.call("backup", str(tmp_path / "town.backup"))
    assert done.returncode == 0, done.stderr
    kept |= {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with zipfile.ZipFile(tmp_path / "town.backup") as backup:
        kept |= {Path("backup", name): backup.read(name) for name in backup.namelist()}
    cells = {str(cell_at(*point)).encode() for point in (DENSE, ALSO_DENSE)}
    assert any(cell in kept[Path("backup", "tables", "places.jsonl")] for cell in cells), (
        "a backup is searched as it is"
    )
    if on_postgresql:
        kept[Path("every row")] = every_row(database_url)
    else:
        assert any(path.name == "citylife.db-wal" for path in kept), "the WAL was there while it served"
    assert any("mail" in path.parts for path in kept)
    assert [path for path in ALL_OF_A_PERSON if path not in instance.printed()] == []
    assert '"frames":[' in instance.printed(), "what failed is consigned, with where it passed"
    assert {str(path): found for path, content in kept.items() if (found := found_in(content, wanted))} == {}


def test_the_search_would_find_what_is_there(tmp_path: Path):
    path = tmp_path / "leaky.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE leak (latitude REAL, said TEXT, cell INTEGER, digest BLOB)")
    body = next(bodies())[0]
    connection.execute(
        "INSERT INTO leak VALUES (?, ?, ?, ?)",
        (
            DENSE[0],
            f"at {DENSE[1]}",
            h3.str_to_int(h3.latlng_to_cell(*DENSE, 9)),
            hashlib.sha256(b"POST /api/v1/me/places\n" + body).digest(),
        ),
    )
    connection.commit()
    connection.close()

    found = found_in(path.read_bytes(), traces([body]))

    assert sorted(name.split(" ")[0] for name in found) == ["big-endian", "cell", "digest", "digits"]


def test_a_clock_that_shows_a_planted_degree_has_told_nothing():
    wanted = traces([])
    at = b'{"at":"2026-11-29T08:14:12.352219+00:00","of":"2026-11-29 08:14:50.530172"'

    assert found_in(at + b"}", wanted) == []
    assert found_in(at + b',"said":"50.53017232.352219"}', wanted) == [
        f"digits of {DENSE[0]}",
        f"digits of {ABROAD[1]}",
    ]


def test_every_address_that_takes_a_position_is_planted(tmp_path: Path):
    app = create_app(Settings(instance=tmp_path, database_url=f"sqlite:///{tmp_path / 'none.db'}"))
    document = app.test_client().get("/api/openapi.json").json
    assert document is not None
    shapes = document["components"]["schemas"]

    def takes(shape: Any) -> bool:
        if isinstance(shape, list):
            return any(takes(part) for part in shape)
        if not isinstance(shape, dict):
            return False
        if "$ref" in shape:
            return takes(shapes[shape["$ref"].rpartition("/")[2]])
        return "latitude" in shape.get("properties", {}) or any(takes(part) for part in shape.values())

    taking = {
        operation["operationId"]
        for item in document["paths"].values()
        for method, operation in item.items()
        if method != "parameters" and takes(operation.get("requestBody", {}).get("content", {}))
    }
    assert taking == {*TAKES_A_PERSON_S_POSITION, *TAKES_A_SHOP_S_POSITION}
    for item in document["paths"].values():
        for method, operation in item.items():
            if method != "parameters":
                named = {parameter.get("name") for parameter in operation.get("parameters", ())}
                assert not named & {"latitude", "longitude", "lat", "lon", "position"}


def reads_a_position(view: Callable[..., Any], seen: set[Callable[..., Any]]) -> bool:
    """Whether a view, or a function of ours that it calls, names a coordinate that it might read."""
    view = inspect.unwrap(view)
    if view in seen or not view.__module__.startswith("blueprints."):
        return False
    seen.add(view)
    known, nodes = view.__globals__, list(ast.walk(ast.parse(textwrap.dedent(inspect.getsource(view)))))
    written = {id(key) for node in nodes if isinstance(node, ast.Dict) for key in node.keys}
    called = []
    for node in nodes:
        if isinstance(node, ast.Constant) and node.value in NAMES_OF_A_POSITION and id(node) not in written:
            return True
        if isinstance(node, ast.Name):
            called.append(known.get(node.id))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = known.get(node.value.id)
            called.append(getattr(module, node.attr, None) if isinstance(module, ModuleType) else None)
    return any(isinstance(one, FunctionType) and reads_a_position(one, seen) for one in called)


def test_every_page_that_takes_a_position_is_planted(tmp_path: Path):
    app = create_app(Settings(instance=tmp_path, database_url=f"sqlite:///{tmp_path / 'none.db'}"))
    taking = {
        rule.endpoint: rule.rule
        for rule in app.url_map.iter_rules()
        if not rule.rule.startswith(API) and reads_a_position(app.view_functions[rule.endpoint], set())
    }
    assert taking == {**FORMS_OF_A_PERSON, **FORMS_OF_A_SHOP}
    for rule in app.url_map.iter_rules():
        assert rule.endpoint not in taking or "GET" not in (rule.methods or ()), "no position in an address"
