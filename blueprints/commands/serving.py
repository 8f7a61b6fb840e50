"""`citylife serve` and `citylife work`: processes that run until they are asked to stop, and stop in good order."""

import datetime as dt
import multiprocessing
import os
import signal
import socket
import threading
import time
from dataclasses import replace
from functools import partial
from typing import Final

import click
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels
from sqlalchemy.engine import make_url

from blueprints.commands.desk import Desk, Serving, WebApplication
from blueprints.commands.mistakes import Mistake
from blueprints.commands.speech import SpokenCommand, option, tell
from blueprints.commands.welcome import REFUSED, where_to_go
from blueprints.leaving import leave
from citylife.database import reading
from citylife.keys import Keys
from citylife.ledger.gate import sending_refused
from citylife.logs import configure_logs, standard_logging
from citylife.settings import Settings
from citylife.tombstones import Tombstones
from citylife.wording import Sentence

PORT: Final = 8000
STOPS: Final = (signal.SIGTERM, signal.SIGINT)
LOOK_SECONDS: Final = 0.2
"""How often a web process looks whether its parent is still there."""
STOP_SECONDS: Final = 30
"""How long a web process may take to end its requests and settle its deliveries; longer than the dispatcher drains."""
THREADS: Final = {"sqlite": 1, "postgresql": 32}
"""Requests that a web process answers at once: on PostgreSQL some wait for its disk while others use the processor."""


@click.command(
    "serve",
    cls=SpokenCommand,
    help=Sentence(
        "Sert les pages et l’API ; sans courtier (CITYLIFE_BROKER_URL), envoie aussi les notifications.\n\n"
        "Ctrl-C ou SIGTERM l’arrête proprement : les demandes en cours finissent, les envois en cours sont notés."
    ),
)
@option("--host", default="127.0.0.1", help=Sentence("L’adresse où écouter ; 0.0.0.0 pour toutes [127.0.0.1]."))
@option("--port", type=click.IntRange(1, 65535), default=PORT, help=Sentence("Le port où écouter [8000]."))
@option(
    "--processes",
    type=click.IntRange(1, 64),
    default=1,
    help=Sentence("Le nombre de processus web [1] ; ils partagent le port, et /metrics ne compte que pour l’un d’eux."),
)
@option(
    "--worker/--no-worker",
    default=None,
    help=Sentence("Envoie aussi les notifications, ou laisse cela à « citylife work » [oui sans courtier]."),
)
@click.pass_obj
def serve(desk: Desk, host: str, port: int, processes: int, worker: bool | None) -> None:
    """Serve until asked to stop."""
    settings = _reachable(desk.settings, port)
    with desk.engine() as engine:
        keys = desk.agreed_keys(engine)
        _see_that_erasures_can_be_noted(settings, keys, now=desk.clock())
        address = free_address(host, port)
        for line in where_to_go(engine, settings, now=desk.clock()):
            click.echo(line)
    Granian(
        target="citylife",
        address=address,
        port=port,
        interface=Interfaces.WSGI,
        workers=processes,
        blocking_threads=THREADS[make_url(settings.database).get_backend_name()],
        websockets=False,
        log_level=LogLevels.warning,
        log_dictconfig=standard_logging(settings.log_level),
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS + settings.drain_seconds,
    ).serve(target_loader=partial(_in_web_process, desk.serve, settings, worker), wrap_loader=False)


@click.command(
    "work",
    cls=SpokenCommand,
    help=Sentence(
        "Envoie les notifications, dans un processus à part.\n\n"
        "Autant qu’on veut, sur autant de machines qu’on veut. Ctrl-C ou SIGTERM l’arrête proprement."
    ),
)
@click.pass_obj
def work(desk: Desk) -> None:
    """Dispatch until asked to stop."""
    settings = desk.settings
    with desk.engine() as engine:
        desk.agreed_keys(engine)
        with reading(engine)() as session:
            refused = sending_refused(session, settings.aipd_date)
    if settings.metrics_port:
        _see_that_metrics_can_be_shown(settings)
    configure_logs(settings.log_level)
    if refused:
        tell(REFUSED)
    desk.work(settings, heeds=lambda: tell(Sentence("Les notifications partent d’ici. Ctrl-C pour arrêter.")))


def free_address(host: str, port: int) -> str:
    """Return the IP address of a host name of this machine, once the port is known to be free.

    Raises:
        Mistake: the name is unknown, is not this machine's, or something already listens there.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror:
        raise Mistake("L’adresse « {host} » est inconnue.", host=host) from None
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as busy:
            raise Mistake(
                "Impossible d’écouter sur {host}, port {port} : {why}. Choisissez-en un autre avec --port.",
                host=host,
                port=str(port),
                why=os.strerror(busy.errno or 0),
            ) from None
    return str(address[0])


def _see_that_erasures_can_be_noted(settings: Settings, keys: Keys, *, now: dt.datetime) -> None:
    folder = settings.tombstones_folder
    try:
        Tombstones(folder, keys.secret_key).rehearse(now=now)
    except OSError as error:
        raise Mistake(
            "Aucun effacement ne pourrait être noté dans « {path} » : {why}. Donnez à CITYLIFE_TOMBSTONES un dossier "
            "où cette machine peut écrire ; sans pierre tombale, une sauvegarde ramènerait qui a été effacé.",
            path=folder,
            why=error.strerror or str(error),
        ) from None


def _see_that_metrics_can_be_shown(settings: Settings) -> None:
    try:
        free_address(settings.metrics_host, settings.metrics_port)
    except Mistake:
        raise Mistake(
            "Impossible d’écouter sur {host}, port {port} : choisissez-en un autre pour cette machine "
            "(CITYLIFE_METRICS_HOST, CITYLIFE_METRICS_PORT).",
            host=settings.metrics_host,
            port=str(settings.metrics_port),
        ) from None


def _reachable(settings: Settings, port: int) -> Settings:
    """Let the address people use follow the port, where the operator set none."""
    if settings.base_url == Settings().base_url and port != PORT:
        return replace(settings, base_url=f"http://localhost:{port}")
    return settings


def _in_web_process(make: Serving, settings: Settings, worker: bool | None) -> WebApplication:
    """Make the application in a child of the server, which stops once it is asked to, or once its parent is dead.

    A stop often comes twice: Ctrl-C reaches parent and child, and the parent asks its child too. Two signals at once
    can both be taken by a thread that wakes nobody, and granian's own handler locks up when it is called twice. So
    the signals are blocked for every thread of this process, one thread waits for them, and stops the server once.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the parent's, inherited, until the server sets its own
    configure_logs(settings.log_level)
    threading.Thread(target=_stop_once, args=(settings.drain_seconds,), name="stop-once", daemon=True).start()
    return make(settings, worker=not settings.broker_url if worker is None else worker)


def _stop_once(drain_seconds: int) -> None:
    parent = multiprocessing.parent_process()
    while signal.sigtimedwait(STOPS, LOOK_SECONDS) is None and (parent is None or parent.is_alive()):
        pass
    leave(drain_seconds)
    while not callable(stop := signal.getsignal(signal.SIGTERM)):
        time.sleep(LOOK_SECONDS)
    stop(signal.SIGTERM, None)
