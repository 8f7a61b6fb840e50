"""Feed and follow beside npm's parse-server, on the same PostgreSQL and with the same town: how many times as many.

Parse is filled as an application of its users would be: classes Shop, Offer and Follow with pointers, a session a
citizen, an index on what is asked by. Its feed is one relational query, the twenty offers of the shops she follows that
end first; its follow is one save. Every follow is a new one, on either side. Both servers have core 0 for themselves in
turn, PostgreSQL and the rest core 1.
Parse has its fast settings: production, no log, and whom a session token speaks for kept in memory for as long as the
bench lasts, where it is five seconds otherwise; ours asks the database each time, and writes its log.

parse-server is installed into `artefacts/` on first use, from npm's registry; without npm, or without the registry, the
part is left out and says why. Nothing of it is in the repository or needed by a test.
"""

import base64
import contextlib
import hashlib
import json
import random
import secrets
import shutil
import subprocess
import tempfile
import urllib.parse
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import psycopg
from sqlalchemy.engine import make_url

from bench import cores, load
from bench.feed import CALLERS, OFFERS, Measured, check_answers, feed_requests, served
from bench.figures import Figure
from bench.grown import DONE, clear
from bench.town import Town, server
from blueprints.commands.serving import THREADS

VERSION: Final = "7.5.4"
APPLICATION: Final = "town"
MASTER: Final = secrets.token_urlsafe(16)
WANTED: Final = {"feed": 7, "follow": 3}
CALLING: Final = 32
"""Connections that ask at once: either server gives as much as it can then; with eight, both still wait for them."""
ROUNDS: Final = 5
SECONDS: Final = 2.0
INSTALL_SECONDS: Final = 600
SHOPS: Final = 150
"""Shops that every caller begins to follow, the least followed of the town: more than a run comes to."""
REMEMBERED_MILLISECONDS: Final = 3_600_000
POINTER: Final = {"type": "Pointer"}
CLASSES: Final[dict[str, dict[str, Any]]] = {
    "Shop": {"name": {"type": "String"}, "slug": {"type": "String"}},
    "Offer": {
        "title": {"type": "String"},
        "description": {"type": "String"},
        "status": {"type": "String"},
        "price": {"type": "Number"},
        "quantity": {"type": "Number"},
        "endsAt": {"type": "Date"},
        "shop": POINTER | {"targetClass": "Shop"},
    },
    "Follow": {
        "citizen": POINTER | {"targetClass": "_User"},
        "shop": POINTER | {"targetClass": "Shop"},
        "level": {"type": "String"},
    },
}
FILL: Final = (
    (
        "SELECT id, name, slug, created_at, created_at FROM shops",
        'COPY "Shop" ("objectId", name, slug, "createdAt", "updatedAt") FROM STDIN',
    ),
    (
        "SELECT id, title, description, status, price, quantity, ends_at, shop_id, live_from, updated_at FROM offers",
        """COPY "Offer" ("objectId", title, description, status, price, quantity, "endsAt", shop, "createdAt",
            "updatedAt") FROM STDIN""",
    ),
    (
        "SELECT id, id, created_at, created_at FROM citizens",
        'COPY "_User" ("objectId", username, "createdAt", "updatedAt") FROM STDIN',
    ),
    (
        "SELECT md5(citizen_id::text || shop_id::text), citizen_id, shop_id, level, begun_at, begun_at FROM follows",
        'COPY "Follow" ("objectId", citizen, shop, level, "createdAt", "updatedAt") FROM STDIN',
    ),
    (
        "SELECT md5(id::text), 'r:' || md5(id::text), id, now() + interval '1 year', now(), now() FROM citizens",
        'COPY "_Session" ("objectId", "sessionToken", "user", "expiresAt", "createdAt", "updatedAt") FROM STDIN',
    ),
)
INDEXES: Final = (
    'CREATE INDEX ON "Follow" (citizen)',
    'CREATE INDEX ON "Offer" (shop, "endsAt")',
    'CREATE INDEX ON "_Session" ("sessionToken")',
    "VACUUM ANALYZE",
)


class NotToBeHad(Exception):
    """parse-server cannot be installed here: the part is left out."""


@dataclass(frozen=True, slots=True)
class Parse:
    """A parse-server that answers: where, and on which database."""

    port: int
    url: str


def measure(town: Town, folder: Path, *, rounds: int = ROUNDS, seconds: float = SECONDS) -> Iterator[Figure]:
    """Requests a second of our feed and follow, held against parse-server's in the same run."""
    try:
        program = installed(folder / "parse")
    except NotToBeHad as why:
        print(f"  left out: {why}")
        return
    settings = {"CITYLIFE_DATABASE_URL": town.url, "CITYLIFE_LIMITS": "*=1000000"}
    with running(program, town) as parse, served("wsgi:create_app", settings, threads=THREADS["postgresql"]) as port:
        new = new_follows(town)
        asked_of_us = {"feed": feed_requests(town), "follow": our_follows(town, new)}
        asked_of_them = {"feed": their_feeds(town), "follow": their_follows(town, new)}
        check_answers(port, asked_of_us["feed"])
        check_same(port, asked_of_us["feed"], parse.port, asked_of_them["feed"])
        ours = {what: _asked(port, requests) for what, requests in asked_of_us.items()}
        theirs = {what: _asked(parse.port, requests) for what, requests in asked_of_them.items()}
        for server_of in (ours, theirs):
            for each in server_of.values():
                _warm_up(each, seconds)
        for url in (town.url, parse.url):
            if not cores.put_backends_aside(url):
                print("  PostgreSQL's backends could not be moved to core 1: they float")
        for _ in range(rounds):
            for what in WANTED:
                ours[what].round(seconds)
                theirs[what].round(seconds)
    clear(town)
    end_new_follows(town)
    asked = max(server_of["follow"].answered for server_of in (ours, theirs))
    if asked > len(new):
        raise SystemExit(f"{asked:,} follows were asked for, of {len(new):,} new ones")
    for what, wanted in WANTED.items():
        label = f"{what} beside parse-server {VERSION}'s (wanted {wanted} x), PostgreSQL, {town.name}"
        yield Figure.against(label, ours[what].per_second, "requests/s", theirs[what].per_second)
        yield Figure.against(
            f"{label}: of its processor",
            ours[what].per_processor_second,
            "requests/s",
            theirs[what].per_processor_second,
        )


def _asked(port: int, requests: list[bytes]) -> Measured:
    return Measured(port, requests, status=DONE, connections=CALLING)


def _warm_up(server_of: Measured, seconds: float) -> None:
    """Ask once for every caller at least: by then her session is remembered, and what runs often is compiled."""
    answered = 0
    while answered < CALLERS:
        answered += server_of.ask(seconds).answers


def installed(folder: Path) -> Path:
    """The program of parse-server, installed into `folder` where it is not there yet.

    Raises:
        NotToBeHad: npm is absent, or could not fetch it.
    """
    program = folder / "node_modules" / "parse-server" / "bin" / "parse-server"
    if program.exists():
        return program
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise NotToBeHad("npm or node is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"private": true}\n')
    command = [npm, "install", f"parse-server@{VERSION}", "--no-audit", "--no-fund"]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=INSTALL_SECONDS)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as why:
        said = (why.stderr or b"").decode(errors="replace").strip()[-300:]
        raise NotToBeHad(f"npm cannot install parse-server {VERSION}: {said or why}") from why
    return program


@contextlib.contextmanager
def running(program: Path, town: Town) -> Iterator[Parse]:
    """Serve the town by parse-server, from a database of its own on the same server, dropped at the end."""
    name = f"{make_url(town.url).database}_parse"
    url = make_url(town.url).set(database=name)
    address = url.set(drivername="postgres").render_as_string(hide_password=False)
    with server() as cursor, tempfile.TemporaryDirectory(prefix="bench-parse-") as folder:
        cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        cursor.execute(f"CREATE DATABASE {name}")
        port, log = cores.free_port(), Path(folder) / "parse.log"
        settings = {
            "appId": APPLICATION,
            "masterKey": MASTER,
            "databaseURI": address,
            "host": "127.0.0.1",
            "serverURL": f"http://127.0.0.1:{port}/parse",
            "logsFolder": folder,
            "silent": True,
            "allowCustomObjectId": False,
            "allowClientClassCreation": False,
            "enforcePrivateUsers": True,
            "cacheTTL": REMEMBERED_MILLISECONDS,
            "cacheMaxSize": 10 * CALLERS,
        }
        (Path(folder) / "settings.json").write_text(json.dumps(settings))
        environment = {"NODE_ENV": "production", "PARSE_SERVER_LOGS_FOLDER": folder}
        command = ["node", str(program), f"--port={port}", str(Path(folder) / "settings.json")]
        try:
            with cores.running(command, environment, core=cores.APPLICATION, log=log) as process:
                cores.wait_for(port, process, log)
                for class_name, fields in CLASSES.items():
                    make_class(port, class_name, fields)
                sign_up(port)
                fill(town.url, url.render_as_string(hide_password=False))
                yield Parse(port, url.render_as_string(hide_password=False))
        finally:
            cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def make_class(port: int, name: str, fields: dict[str, Any]) -> None:
    """Make a class through the server's own API, so that it knows it; anybody may read and write, as Parse begins."""
    headers = {"X-Parse-Application-Id": APPLICATION, "X-Parse-Master-Key": MASTER, "Content-Type": "application/json"}
    body = orjson.dumps({"className": name, "fields": fields})
    answer = load.ask(port, load.request(f"/parse/schemas/{name}", headers, method="POST", body=body))
    if not answer.startswith(b"HTTP/1.1 200"):
        raise load.WrongAnswer(answer[:600].decode(errors="replace"))


def sign_up(port: int) -> None:
    """Let one person sign up, by which the server makes its tables of people and sessions."""
    headers = {"X-Parse-Application-Id": APPLICATION, "Content-Type": "application/json"}
    body = orjson.dumps({"username": "first", "password": secrets.token_urlsafe(16)})
    answer = load.ask(port, load.request("/parse/users", headers, method="POST", body=body))
    if not answer.startswith(b"HTTP/1.1 201"):
        raise load.WrongAnswer(answer[:600].decode(errors="replace"))


def fill(source: str, target: str) -> None:
    """Copy the town into Parse's tables, and index them."""
    read_from, write_to = (
        make_url(each).set(drivername="postgresql").render_as_string(hide_password=False) for each in (source, target)
    )
    with psycopg.connect(read_from) as town, psycopg.connect(write_to, autocommit=True) as parse:
        for wanted, into in FILL:
            with parse.cursor().copy(into) as copy:
                for row in town.execute(wanted):
                    copy.write_row([str(each) if isinstance(each, uuid.UUID) else each for each in row])
        for statement in INDEXES:
            parse.execute(statement)


def callers(town: Town) -> list[tuple[str, dict[str, str]]]:
    """The citizens whom our own requests speak for, in their order, each with Parse's headers for her session."""
    tokens = random.Random(1).sample(town.tokens, min(CALLERS, len(town.tokens)))
    citizens = [str(uuid.UUID(bytes=base64.urlsafe_b64decode(token)[:16])) for token in tokens]
    return [
        (one, {"X-Parse-Application-Id": APPLICATION, "X-Parse-Session-Token": f"r:{_digest(one)}"}) for one in citizens
    ]


def their_feeds(town: Town) -> list[bytes]:
    """The twenty live offers that end first, of the shops each citizen follows, each with its shop."""
    requests = []
    for citizen, headers in callers(town):
        hers = {"className": "Follow", "where": {"citizen": pointer("_User", citizen)}}
        where = {
            "status": "live",
            "endsAt": {"$gt": {"__type": "Date", "iso": town.built_at[:23] + "Z"}},
            "shop": {"$select": {"query": hers, "key": "shop"}},
        }
        asked = {"where": json.dumps(where), "order": "endsAt", "limit": str(OFFERS), "include": "shop"}
        requests.append(load.request(f"/parse/classes/Offer?{urllib.parse.urlencode(asked)}", headers))
    return requests


def new_follows(town: Town) -> list[tuple[int, str]]:
    """Who of the callers begins to follow which shop, one citizen after the other; none of them follows it yet."""
    known = [citizen for citizen, _ in callers(town)]
    with _connected(town.url) as connection:
        shops = [
            str(row[0])
            for row in connection.execute(
                """SELECT s.id FROM shops s LEFT JOIN follows f ON f.shop_id = s.id WHERE s.status = 'verified'
                GROUP BY s.id ORDER BY count(f.citizen_id), s.id LIMIT %s""",
                (SHOPS,),
            )
        ]
        followed = {
            (str(citizen), str(shop))
            for citizen, shop in connection.execute(
                "SELECT citizen_id, shop_id FROM follows WHERE shop_id = ANY(%s) AND citizen_id = ANY(%s)",
                ([uuid.UUID(each) for each in shops], [uuid.UUID(each) for each in known]),
            )
        }
    return [(at, shop) for shop in shops for at, one in enumerate(known) if (one, shop) not in followed]


def end_new_follows(town: Town) -> None:
    """Take what was followed since the town was built away again."""
    with _connected(town.url) as connection:
        connection.execute("DELETE FROM follows WHERE begun_at > %s", (town.built_at,))


def _connected(url: str) -> psycopg.Connection[Any]:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, autocommit=True)


def our_follows(town: Town, new: Sequence[tuple[int, str]]) -> list[bytes]:
    """Each begins to follow a shop that she does not follow."""
    tokens = random.Random(1).sample(town.tokens, min(CALLERS, len(town.tokens)))
    headers = [{"Authorization": f"Bearer {token}", "Content-Type": "application/json"} for token in tokens]
    body = b'{"level":"normal"}'
    return [load.request(f"/api/v1/me/follows/{shop}", headers[at], method="PUT", body=body) for at, shop in new]


def their_follows(town: Town, new: Sequence[tuple[int, str]]) -> list[bytes]:
    """Each saves that she follows that shop."""
    known = [(citizen, {**headers, "Content-Type": "application/json"}) for citizen, headers in callers(town)]
    return [
        load.request(
            "/parse/classes/Follow",
            known[at][1],
            method="POST",
            body=orjson.dumps(
                {"citizen": pointer("_User", known[at][0]), "shop": pointer("Shop", shop), "level": "normal"}
            ),
        )
        for at, shop in new
    ]


def check_same(port: int, ours: Sequence[bytes], their_port: int, theirs: Sequence[bytes]) -> None:
    """See that both answer the same twenty offers, to some citizens."""
    for asked, asked_of_them in list(zip(ours, theirs, strict=True))[:20]:
        answer = load.ask(their_port, asked_of_them)
        found = [each["objectId"] for each in _body(answer).get("results", [])]
        wanted = [each["id"] for each in _body(load.ask(port, asked))["items"]]
        if found != wanted:
            raise SystemExit(f"parse-server answers other offers: {answer[:600].decode(errors='replace')}\n{wanted}")


def pointer(class_name: str, object_id: str) -> dict[str, str]:
    """A pointer as Parse writes it."""
    return {"__type": "Pointer", "className": class_name, "objectId": object_id}


def _body(answer: bytes) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(answer.partition(b"\r\n\r\n")[2])
    return found


def _digest(said: str) -> str:
    return hashlib.md5(said.encode(), usedforsecurity=False).hexdigest()
