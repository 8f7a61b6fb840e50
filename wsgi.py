"""The composition root: where real parts are chosen and put together. Nothing imports it."""

import multiprocessing.util
import signal
import sys
from collections.abc import Callable

from flask import Flask
from sqlalchemy.orm import Session
from werkzeug.middleware.proxy_fix import ProxyFix

from blueprints import feeds, guards, headers, health, pacing, pages, pieces, problems, request_log
from blueprints.api import document, short_feed, short_follows
from blueprints.application import WebApp
from blueprints.commands import console
from blueprints.house import EXTENSION, House
from blueprints.pages.problem_page import problem_page
from blueprints.storage import db
from citylife.accounts.citizens import ActiveDays
from citylife.activity import Visits
from citylife.audience.readiness import Readiness
from citylife.clock import Clock, utc_now
from citylife.database import engine_for, reading, writing
from citylife.doorbell import BothDoorbells, Doorbell, SilentDoorbell, ThreadDoorbell
from citylife.hot import KeptConnections
from citylife.keys import keys_of
from citylife.places import renew_cells
from citylife.registers import Registers
from citylife.settings import Settings
from citylife.tombstones import Tombstones
from notifications.broker import BrokerDoorbell, broker_of
from notifications.worker import Worker

MOST_BYTES = 64 * 1024
"""The largest body that is read."""


def create_app(settings: Settings | None = None, *, doorbell: Doorbell | None = None, clock: Clock = utc_now) -> Flask:
    """The web application: one engine, no thread before it is needed. The database must be migrated."""
    settings = settings if settings is not None else Settings.read()
    app = WebApp("citylife", static_folder=None)
    app.config.update(
        MAX_CONTENT_LENGTH=MOST_BYTES,
        MAX_FORM_MEMORY_SIZE=MOST_BYTES,
        TRUSTED_HOSTS=list(settings.hosts),
        SQLALCHEMY_DATABASE_URI=settings.database,
    )
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    db.init_app(app)
    with app.app_context():
        engine = db.engine
    keys = keys_of(settings)
    app.extensions[EXTENSION] = House(
        settings=settings,
        clock=clock,
        doorbell=doorbell or _far_doorbell(settings) or SilentDoorbell(),
        engine=engine,
        active_days=ActiveDays(writing(engine), also=renew_cells),
        visits=Visits(writing(engine)),
        keys=keys,
        kept=KeptConnections(engine),
        tombstones=Tombstones(settings.tombstones_folder, keys.secret_key),
        turnstiles=pacing.turnstiles(settings.quotas),
        quotas=settings.quotas,
        registers=Registers.of(settings),
        previews=Readiness(reading(engine), clock),
    )
    app.response_class = headers.protected(settings)
    request_log.init_app(app, settings)
    problems.init_app(app, problem_page)
    pacing.init_app(app, guards.tokens_shown)
    health.init_app(app)
    document.init_app(app)
    short_feed.init_app(app)
    short_follows.init_app(app)
    pages.register(app)
    feeds.register(app)
    pieces.keep_pieces(Session)
    return app


def create_worker(
    settings: Settings | None = None, *, bell: ThreadDoorbell | None = None, clock: Clock = utc_now
) -> Worker:
    """A worker on the database of the settings, with a pool of its own and nothing started yet.

    `dramatiq wsgi:create_worker` starts and stops it too.
    """
    settings = settings if settings is not None else Settings.read()
    bell = bell if bell is not None else ThreadDoorbell()
    worker = Worker(settings, keys_of(settings), engine_for(settings.database, pool_size=2), bell=bell, clock=clock)
    if "dramatiq" in sys.modules:
        from notifications.under_dramatiq import hand_over  # noqa: PLC0415 - its command has loaded it already

        hand_over(worker, settings)
    return worker


def create_served_app(settings: Settings, *, worker: bool) -> Flask:
    """The application of one web process; with `worker`, a thread of it does the work and its views ring for it.

    The thread ends, settling what is in flight, after the last request of a stopping process.
    """
    near, far = ThreadDoorbell(), _far_doorbell(settings)
    app = create_app(settings, doorbell=_doorbell(near if worker else None, far))
    parts: House = app.extensions[EXTENSION]
    multiprocessing.util.Finalize(None, parts.visits.flush, exitpriority=5)
    multiprocessing.util.Finalize(None, parts.previews.close, exitpriority=5)
    multiprocessing.util.Finalize(None, lambda: parts.active_days.flush(utc_now()), exitpriority=5)
    if worker:
        in_process = create_worker(settings, bell=near)
        in_process.start()
        multiprocessing.util.Finalize(None, in_process.stop, exitpriority=10)
    if far is not None:
        far.start()
        multiprocessing.util.Finalize(None, far.stop, exitpriority=8)
    return app


def _far_doorbell(settings: Settings) -> BrokerDoorbell | None:
    broker = broker_of(settings)
    return BrokerDoorbell(broker) if broker is not None else None


def _doorbell(near: Doorbell | None, far: Doorbell | None) -> Doorbell | None:
    return BothDoorbells(near, far) if near is not None and far is not None else near or far


def run_worker(settings: Settings, *, heeds: Callable[[], None]) -> None:
    """Work in this process until it is asked to stop (SIGTERM, SIGINT), then settle what is in flight and return.

    `heeds` is called once it would hear that.
    """
    worker = create_worker(settings)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.ask_to_stop())
    heeds()
    worker.run()


def main() -> None:
    """The `citylife` console script."""
    sys.exit(console(serve=create_served_app, work=run_worker))
