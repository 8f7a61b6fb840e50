"""How the process is doing, for those who run it: /healthz, /readyz, /metrics (Prometheus).

The web's own counters, and those of a worker in the same process, are of one process; where several share a port, each
scrape reads the one that answers, and no rate can be taken of them. What waits is read from the database, and is the
same whoever answers. Whoever asks by an IP address is answered too: no answer holds an address made from the Host.
"""

from collections.abc import Iterator
from typing import Final

from flask import Blueprint, Response, current_app
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from blueprints import conditions
from blueprints.application import WebApp
from blueprints.house import EXTENSION, House, house, now
from blueprints.leaving import LEAVING
from blueprints.storage import db
from citylife import migrations
from citylife.doorbell import Doorbell
from citylife.ledger import reading as ledger
from citylife.ledger.sending import sending_now
from citylife.migrations import Schema
from citylife.standing import StandingCollector

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
METRICS: Final = "citylife-metrics"
blueprint: Final = Blueprint("health", __name__)


class BellCollector(Collector):
    """Whether the broker that rings other machines answers; nothing where there is none, or it was not tried yet."""

    def __init__(self, bell: Doorbell) -> None:
        self._bell = bell

    def collect(self) -> Iterator[Metric]:
        """One gauge; no broker is asked for it."""
        found = GaugeMetricFamily("citylife_broker_reachable", "Whether the broker answers", labels=["kind"])
        state = self._bell.state
        if state.reachable is not None:
            found.add_metric([state.kind], state.reachable)
        yield found


def init_app(app: WebApp) -> None:
    """Count every request of the application, and answer the three addresses."""
    registry = CollectorRegistry()
    requests = Counter("citylife_requests", "Requests answered", ["method", "route", "status"], registry=registry)
    seconds = Histogram("citylife_request_seconds", "Time to answer", ["route"], buckets=BUCKETS, registry=registry)
    parts: House = app.extensions[EXTENSION]
    registry.register(StandingCollector(parts.engine, parts.clock, aipd_date=parts.settings.aipd_date))
    registry.register(BellCollector(parts.doorbell))
    app.extensions[METRICS] = registry
    known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def count(method: str, route: str | None, status: int, milliseconds: float) -> None:
        rule = route or "none"
        key = (method, rule, status)
        series = known.get(key)
        if series is None:
            series = known[key] = (requests.labels(method, rule, str(status)), seconds.labels(rule))
        series[0].inc()
        series[1].observe(milliseconds / 1000)

    app.witnesses.append(count)
    app.register_blueprint(blueprint)
    ours = f"{blueprint.name}."
    app.of_any_name.update(rule.rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith(ours))


@blueprint.get("/healthz")
def alive() -> Response:
    """The process lives; nothing else is asked."""
    return conditions.answer(b'{"status":"alive"}', cache=conditions.NEVER)


@blueprint.get("/readyz")
def ready() -> Response:
    """The database answers and has our schema or a later one, and we are not about to leave; how late the ledger is."""
    parts = house()
    if LEAVING.is_set():
        return conditions.answer(b'{"status":"leaving"}', 503, cache=conditions.NEVER)
    try:
        schema = migrations.schema_of(parts.engine)
        usable = schema is not Schema.OLDER
        lag = ledger.lag(db.session(), now=now()) if usable else None
        sending = sending_now(db.session(), parts.settings.aipd_date).value if usable else None
    except SQLAlchemyError:
        body = {"status": "unready", "database": "unreachable"}
        return conditions.answer(conditions.json_bytes(body), 503, cache=conditions.NEVER)
    bell = parts.doorbell.state
    body = {
        "status": "ready" if usable else "unready",
        "database": schema.value,
        "doorbell": bell.kind,
    }
    answer = {
        **body,
        "sending": sending,
        "broker_reachable": bell.reachable,
        "ledger_lag_seconds": None if lag is None else round(lag, 3),
    }
    return conditions.answer(conditions.json_bytes(answer), 200 if usable else 503, cache=conditions.NEVER)


@blueprint.get("/metrics")
def metrics() -> Response:
    """Figures for Prometheus: of this process, and of what waits."""
    registry: CollectorRegistry = current_app.extensions[METRICS]
    response = Response(generate_latest(registry) + generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)
    response.headers["Cache-Control"] = conditions.NEVER
    return response
