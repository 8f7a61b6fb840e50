"""The audience of a shop with 20,000 followers: decisions a second, asked and written down; and its preview over HTTP.

The followers are made to differ on a copy of the town: four levels, four kinds of quiet hours, a place in one of the
communes for those who want to hear of what is near, usual budgets in a busy week. The question is asked as a preview
asks it without its memory; expansion writes decisions, slots, digest lines and deliveries, and commits each page. Every
round is the morning of another day of one week, so that the draw decides more and more.
"""

import datetime as dt
import itertools
import random
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson
import psycopg
from sqlalchemy import Engine, insert, select, update
from sqlalchemy.orm import Session

from bench import cores, load
from bench.figures import Figure, median
from bench.stage import copied, staged
from bench.town import Town
from citylife.accounts.citizens import Citizen
from citylife.audience.foresight import foresee
from citylife.audience.previews import reach_of
from citylife.database import engine_for, writing
from citylife.follows import Follow, Level
from citylife.geography import communes
from citylife.ledger import expansion
from citylife.offers import OfferDraft, draft_offer, publish
from citylife.places import Place, PlaceKind
from citylife.shops import Shop

ROUNDS: Final = 5
"""Mornings from Monday to Friday."""
WANTED: Final = {"sqlite": 100_000, "postgresql": 40_000}
"""Decisions a second."""
FAST_ENOUGH: Final = 50.0
"""Milliseconds that a preview may take."""
SECONDS: Final = 10.0
MINUTES: Final = 4
PAUSE: Final = 0.4
"""Seconds after a letter at which a page asks (`foreseeing.js`)."""
UNTIL_TYPED: Final = 3.0
"""Seconds from the shop's page to the first letter in the form."""
TYPED: Final = 2_000
"""Different questions of the merchant who types."""
PARIS: Final = ZoneInfo("Europe/Paris")
DAY: Final = dt.timedelta(days=1)
LEVELS: Final = {Level.NONE: (0,), Level.ALWAYS: (1,), Level.NEARBY: (8, 9)}
"""Which tenths of the followers have chosen something else than normal."""


def mix(engine: Engine, town: Town) -> None:
    """Make the followers of the fan-out's shop differ, as those of a real one do; one in five has a place."""
    shop_id = uuid.UUID(town.fan_out_shop)
    followers = select(Follow.citizen_id).where(Follow.shop_id == shop_id)
    dice, codes = random.Random(5), sorted(communes())[::3]
    with writing(engine).begin() as session:
        for kind, until in enumerate((dt.time(7), dt.time(8, 30), dt.time(9), dt.time(9, 30))):
            session.execute(
                update(Citizen)
                .where(Citizen.id.in_(followers), Citizen.draw_seed % 4 == kind)
                .values(
                    quiet_from=dt.time(20),
                    quiet_until=until,
                    quiet_sundays=True,
                    weekly_budget=5,
                    daily_budget=2,
                    pace=9_000,
                )
                .execution_options(synchronize_session=False)
            )
        for level, tenths in LEVELS.items():
            of_them = select(Citizen.id).where(Citizen.draw_seed % 10 == tenths[0])
            if len(tenths) > 1:
                of_them = select(Citizen.id).where(Citizen.draw_seed % 10 >= tenths[0])
            session.execute(
                update(Follow)
                .where(Follow.shop_id == shop_id, Follow.citizen_id.in_(of_them))
                .values(level=level)
                .execution_options(synchronize_session=False)
            )
        near = select(Follow.citizen_id).where(Follow.shop_id == shop_id, Follow.level == Level.NEARBY)
        session.execute(
            insert(Place),
            [
                {
                    "citizen_id": citizen_id,
                    "id": uuid.uuid4(),
                    "kind": PlaceKind.LASTING,
                    "insee_code": dice.choice(codes),
                    "set_on": dt.date.fromisoformat(town.built_at[:10]),
                }
                for citizen_id in session.scalars(near.order_by(Follow.citizen_id))
            ],
        )
    _tidy(engine)


def _tidy(engine: Engine) -> None:
    """Let PostgreSQL have cleaned up after so many changes, as it does by itself within a minute."""
    if engine.dialect.name == "postgresql":
        address = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")


def measure(town: Town, *, rounds: int = ROUNDS) -> list[Figure]:
    """Decisions a second: as a question, and with every row written; medians over the mornings of a week."""
    asked, written = [], []
    with tempfile.TemporaryDirectory(prefix="bench-audience-") as folder, copied(town, Path(folder)) as url:
        engine = engine_for(url)
        mix(engine, town)
        cores.stay_on(cores.APPLICATION)
        try:
            if engine.dialect.name == "postgresql" and not cores.put_backends_aside(url):
                print("  PostgreSQL's backends could not be moved to core 1: they float")
            for number in range(rounds):
                now = _monday_after(town) + number * DAY
                asked.append(town.followers / _seconds_to_ask(engine, town, now))
                written.append(town.followers / _seconds_to_write(engine, town, now))
        finally:
            cores.stay_on(cores.REST)
        name = engine.dialect.name
        engine.dispose()
    label = f"{town.followers:,} followers, {name}, {town.name}"
    return [
        Figure.against(f"audience asked, {label}", median(asked), "decisions/s", WANTED[name]),
        Figure.against(f"audience written, {label}", median(written), "decisions/s", WANTED[name]),
    ]


def preview(town: Town, *, seconds: float = SECONDS, minutes: int = MINUTES) -> list[Figure]:
    """Milliseconds of a preview while its merchant types radius and end.

    First what nothing is ready for: the whole question. Then a merchant who opens her shop, and soon after types
    for some minutes, a question whenever a page asks one; the first of each minute and reach, which nobody can
    remember, are told apart. Last the same questions without a pause.
    """
    with (
        tempfile.TemporaryDirectory(prefix="bench-preview-") as folder,
        staged(town, Path(folder)) as stage,
    ):
        mix(stage.engine, town)
        name = stage.engine.dialect.name
        whole = [_asked(stage.port, request) for request in _starting_later(town)]
        stage.put_database_aside()
        _asked(stage.port, load.request(f"/api/v1/merchant/shops/{town.fan_out_shop}", _headers(town)))
        time.sleep(UNTIL_TYPED)
        every, first = _while_typing(stage.port, _typed(town), minutes)
        rate = load.measure(stage.port, [request for _, request in _typed(town)], seconds, connections=1)
    label = f"{town.followers:,} followers, {name}, {town.name}"
    return [
        Figure.against(f"preview nothing is ready for, {label}", median(whole) * 1000, "ms", FAST_ENOUGH),
        *(
            Figure.against(f"preview, {what}, {label}", value * 1000, "ms", FAST_ENOUGH)
            for what, value in (
                (f"99th of a hundred of {len(every)} typed", sorted(every)[len(every) * 99 // 100]),
                (f"slowest of {len(first)} first ones of a minute", max(first)),
                ("median without a pause", rate.latency),
                ("99th of a hundred without a pause", rate.slow),
            )
        ),
    ]


def _while_typing(port: int, typed: list[tuple[int, bytes]], minutes: int) -> tuple[list[float], list[float]]:
    """Seconds of every question, asked as a page asks them, and of those that are the first of a minute and a reach."""
    every, first, known = [], [], set[tuple[int, int | None]]()
    end = time.time() + 60 * minutes
    for radius, request in itertools.cycle(typed):
        if time.time() >= end:
            return every, first
        about = int(time.time()) // 60, reach_of(radius)
        every.append(_asked(port, request))
        if about not in known:
            known.add(about)
            first.append(every[-1])
        time.sleep(PAUSE)
    raise AssertionError("a cycle ended")


def _asked(port: int, request: bytes) -> float:
    began = time.perf_counter()
    answer = load.ask(port, request)
    took = time.perf_counter() - began
    if not answer.startswith(b"HTTP/1.1 200"):
        raise load.WrongAnswer(answer[:400].decode(errors="replace"))
    return took


def _headers(town: Town) -> dict[str, str]:
    return {"Authorization": f"Bearer {town.merchant_key}", "Content-Type": "application/json"}


def _question(town: Town, **asked: Any) -> bytes:
    path = f"/api/v1/merchant/shops/{town.fan_out_shop}/audience"
    return load.request(path, _headers(town), method="POST", body=orjson.dumps(asked))


def _starting_later(town: Town) -> list[bytes]:
    """Questions about starts that nobody has asked about."""
    now = dt.datetime.now(dt.UTC)
    starts = [now + dt.timedelta(minutes=30 + number) for number in range(ROUNDS)]
    return [_question(town, radius=5_000, starts_at=start, ends_at=start + DAY) for start in starts]


def _typed(town: Town) -> list[tuple[int, bytes]]:
    """What a merchant asks who moves the radius and the end about, each with its radius."""
    dice = random.Random(3)
    now = dt.datetime.now(dt.UTC)
    questions = []
    for _ in range(TYPED):
        radius, ends_at = dice.randrange(20_001), now + dt.timedelta(hours=1 + dice.random() * 72)
        questions.append((radius, _question(town, radius=radius, ends_at=ends_at)))
    return questions


def _monday_after(town: Town) -> dt.datetime:
    """Half past ten in Paris on the Monday after the town was built."""
    built = dt.datetime.fromisoformat(town.built_at).astimezone(PARIS)
    return (built + (7 - built.weekday()) * DAY).replace(hour=10, minute=30, second=0, microsecond=0)


def _seconds_to_ask(engine: Engine, town: Town, now: dt.datetime) -> float:
    with Session(engine) as session:
        shop = session.get_one(Shop, uuid.UUID(town.fan_out_shop))
        began = time.perf_counter()
        foreseen = foresee(session, shop, radius=5_000, ends_at=now + DAY, now=now)
        took = time.perf_counter() - began
    if foreseen.followers != town.followers:
        raise SystemExit(f"{foreseen.followers:,} followers were asked about, of {town.followers:,}")
    return took


def _seconds_to_write(engine: Engine, town: Town, now: dt.datetime) -> float:
    """Publish, and expand page after page; only the second is timed."""
    sessions = writing(engine)
    with sessions.begin() as session:
        shop = session.get_one(Shop, uuid.UUID(town.fan_out_shop))
        offer = draft_offer(session, shop, OfferDraft(title="Pains du soir", ends_at=now + DAY), now=now)
        publish(session, shop, offer, now=now)
    began, decisions = time.perf_counter(), 0
    while True:
        with sessions.begin() as session:
            page = expansion.expand_page(session, now=now)
        if page is None:
            break
        decisions += page.decisions
    took = time.perf_counter() - began
    if decisions < town.followers:
        raise SystemExit(f"{decisions:,} decisions were written, of {town.followers:,}")
    return took
