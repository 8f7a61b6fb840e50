"""The report's way to the cluster: each entity as the schema wants it, to one effect, retried, sent again by hand."""

import datetime as dt
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from citylife.activity import Counted, count
from citylife.audit import Actor
from citylife.clock import utc_now
from citylife.database import writing
from citylife.pilot.cells import AGGLOMERATION
from citylife.pilot.costs import enter_cost
from citylife.pilot.entities import entities_of, entity_id
from citylife.pilot.freezing import GENESIS, freeze
from citylife.pilot.measures import BY_KEY
from citylife.pilot.periods import Period, read_period
from citylife.pilot.sending import (
    BATCH,
    LONGEST_ANSWER,
    LONGEST_WAIT,
    NotOnItsWay,
    PilotSending,
    SendingState,
    claim_batch,
    send_again,
)
from citylife.pilot.tables import PilotReport
from citylife.pilot.words import defined
from citylife.shops import Shop
from notifications import cluster
from notifications.cluster import Courier, HttpCluster
from tests import builders
from tests.doubles.context_broker import ORION, SCORPIO, TOKEN, PlayedBroker, Trouble, a_context_broker
from tests.doubles.kpi_schema import kpi_schema, plain
from tests.pilot.history import write_history
from tests.pilot.planted import HIGH, LOW, plant_effect, plant_target

WEEK = read_period("2026-W30")
MONTH = read_period("2026-07")


class Way:
    """A frozen week that waits to be sent, the broker it goes to, and time that is moved on as told."""

    def __init__(self, engine: Engine, broker: PlayedBroker) -> None:
        self.sessions, self.broker, self.ahead = writing(engine), broker, dt.timedelta(0)
        self.courier = Courier(engine, HttpCluster(broker.url, TOKEN), clock=self.now)
        broker.clock = self.now
        with self.sessions.begin() as session:
            write_history(session, seed=5, first=WEEK.begins, days=7, citizens=24, shops=6, offers=24)
            self.plant(session)
        self.report = self.freeze(WEEK)
        self.batches = -(-len(self.report.content["figures"]) // BATCH)

    def plant(self, session: Session) -> None:
        """Uses that are told, with what they cost, a target, and an effect with its interval."""
        for shop in session.scalars(select(Shop).where(~Shop.fictional)):
            offer = builders.an_offer(session, shop, now=WEEK.begins)
            count(session, Counted.TILL_USES, offer.id, now=WEEK.begins, by=40)
        paid = {"first": WEEK.first, "last": WEEK.last, "cents": 70_000, "source": "Facture"}
        enter_cost(session, **paid, staff_id=builders.new_id(), now=WEEK.ends)
        plant_target(session, "deliveries-accepted", WEEK, 10)
        plant_effect(session, WEEK.first)

    def now(self) -> dt.datetime:
        return utc_now() + self.ahead

    def freeze(self, period: Period, reason: str = "") -> PilotReport:
        with self.sessions.begin() as session:
            counting = builders.a_counted_period(session, period, now=self.now())
            report = freeze(session, counting, revision="abc", reason=reason, actor=Actor.SYSTEM, now=self.now())
            session.flush()
            session.expunge(report)
            return report

    def work(self) -> int:
        """Send what is due; how many batches that were."""
        batches = 0
        while self.courier.turn():
            batches += 1
        return batches

    @property
    def standing(self) -> PilotSending:
        with self.sessions() as session:
            return session.scalars(select(PilotSending).order_by(PilotSending.report.desc()).limit(1)).one()


@pytest.fixture
def way(engine: Engine) -> Iterator[Way]:
    with a_context_broker() as broker:
        yield Way(engine, broker)
        assert broker.faults == []


def test_every_figure_arrives_once_in_batches_of_ten(way: Way) -> None:
    figures = way.report.content["figures"]
    assert way.work() == way.batches
    assert way.broker.entities == {entity["id"]: entity for entity in entities_of(way.report)}
    assert set(way.broker.writes.values()) == {1}
    told = {each["key"] for each in figures if "value" in each}
    with_value = {entity["id"].split(":")[4] for entity in way.broker.entities.values() if "kpiValue" in entity}
    assert with_value == told
    sending = way.standing
    assert (sending.state, sending.taken) == (SendingState.DELIVERED, len(figures))
    assert way.work() == 0


TROUBLES = (
    Trouble(503),
    Trouble(500, body=b"<html>"),
    Trouble(429, headers=(("Retry-After", "90"),)),
    Trouble(401),
    Trouble(302, headers=(("Location", "http://127.0.0.1:1/"),)),
    Trouble(207, body=b"neither shape", taken_first=True),
    Trouble(204, taken_first=True, hang_up=True),
    Trouble(failing=(0, 3)),
)


@pytest.mark.parametrize("kind", [ORION, SCORPIO])
def test_what_fails_is_tried_again_later_to_one_effect(way: Way, kind: str) -> None:
    """Outages, lost answers, partial failures in either shape: the same batch comes again, under the same key."""
    way.broker.kind = kind
    for number, trouble in enumerate(TROUBLES, start=1):
        way.broker.troubles = [trouble]
        assert way.work() == 1
        failed = way.standing
        assert (failed.state, failed.taken, failed.attempts) == (SendingState.WAITING, 0, number)
        assert failed.next_at - way.now() > dt.timedelta(seconds=55)
        way.ahead += max(failed.next_at - way.now(), dt.timedelta(0)) + dt.timedelta(seconds=1)
    assert "no room" in way.standing.answer
    assert way.work() == way.batches
    assert way.standing.state is SendingState.DELIVERED
    assert set(way.broker.writes.values()) == {1}
    assert len(set(way.broker.came)) == way.batches


def test_an_outage_of_days_ends_well_and_one_of_weeks_waits_for_a_hand(way: Way) -> None:
    way.broker.troubles = [Trouble(503)] * 500
    hours = 0
    while way.standing.state is SendingState.WAITING and hours < 24 * 5:
        way.work()
        way.ahead += dt.timedelta(hours=1)
        hours += 1
    assert way.standing.state is SendingState.WAITING
    assert 15 < len(way.broker.came) < 40
    while way.standing.state is SendingState.WAITING and way.ahead < dt.timedelta(days=20):
        way.ahead += LONGEST_WAIT
        way.work()
    assert dt.timedelta(days=12) < way.ahead < dt.timedelta(days=17)
    refused = way.standing
    assert (refused.state, refused.status) == (SendingState.REFUSED, 503)
    way.broker.troubles = []
    with way.sessions.begin() as session:
        send_again(session, way.report.period, now=way.now())
    way.work()
    assert way.standing.state is SendingState.DELIVERED


def test_a_report_that_waited_for_months_is_tried_as_long_as_a_new_one(way: Way) -> None:
    """A cluster that is named long after the freezing, on a day when it is away."""
    way.ahead = dt.timedelta(days=90)
    way.broker.troubles = [Trouble(503)]
    way.work()
    assert way.standing.state is SendingState.WAITING
    way.ahead += dt.timedelta(minutes=2)
    way.work()
    assert way.standing.state is SendingState.DELIVERED
    with way.sessions.begin() as session:
        send_again(session, way.report.period, now=way.now())
    way.broker.troubles = [Trouble(503)]
    way.work()
    way.ahead += dt.timedelta(minutes=2)
    way.work()
    assert way.standing.state is SendingState.DELIVERED
    assert way.broker.came[-1] not in way.broker.came[: way.batches]  # by hand it goes under new keys


def test_an_answer_of_any_bytes_is_kept_as_words(way: Way) -> None:
    way.broker.troubles = [Trouble(503, body=b"no\0 room\x1b[31m \xff")]
    way.work()
    assert way.standing.answer.startswith("no room[31m")
    assert way.standing.attempts == 1


def test_what_can_never_be_taken_is_not_sent_for_ever(way: Way) -> None:
    way.broker.troubles = [Trouble(400, body=b'{"type":"BadRequestData","title":"unknown attribute","status":400}')]
    way.work()
    refused = way.standing
    assert (refused.state, refused.status) == (SendingState.REFUSED, 400)
    assert "unknown attribute" in refused.answer


def test_a_kill_between_sending_and_noting_sends_once_more_under_the_same_key(way: Way) -> None:
    with way.sessions.begin() as session:
        batch = claim_batch(session, now=way.now())
    assert batch is not None
    assert HttpCluster(way.broker.url, TOKEN).send(batch, now=way.now()).taken
    assert way.work() == 0  # the lease of who was killed holds
    way.ahead += dt.timedelta(minutes=4)
    assert way.work() == 0
    way.ahead -= dt.timedelta(minutes=4)
    with way.sessions.begin() as session:
        held = session.get_one(PilotSending, way.report.number)
        held.lease_until = way.now() - dt.timedelta(seconds=1)
    way.work()
    assert way.broker.came[0] == way.broker.came[1]
    assert set(way.broker.writes.values()) == {1}
    assert way.standing.state is SendingState.DELIVERED


def test_a_broker_that_is_not_there_is_an_answer_too(way: Way) -> None:
    way.courier = Courier(way.sessions.kw["bind"], HttpCluster("http://127.0.0.1:9", TOKEN), clock=way.now)
    way.work()
    sending = way.standing
    assert (sending.state, sending.status, sending.attempts) == (SendingState.WAITING, None, 1)
    assert sending.answer


def test_an_erratum_replaces_what_still_waits_and_a_waiting_report_is_not_sent_twice(way: Way) -> None:
    with way.sessions.begin() as session:
        held = claim_batch(session, now=way.now())
    assert held is not None
    way.freeze(WEEK, reason="Retard")
    assert way.work() == 0  # the first version's batch may still arrive, and would overwrite it
    way.ahead += dt.timedelta(minutes=6)
    way.work()
    assert {key.split("-v")[1][0] for key in way.broker.came} == {"2"}
    with way.sessions.begin() as session:
        send_again(session, way.report.period, now=way.now())
        with pytest.raises(NotOnItsWay):
            send_again(session, way.report.period, now=way.now())


def test_every_entity_is_as_the_smart_data_models_have_it(way: Way) -> None:
    """Weeks and months with their areas, told and withheld, with target, cost and interval, against the schema."""
    entities = [*entities_of(way.report), *entities_of(way.freeze(MONTH))]
    schema = kpi_schema()
    assert {"kpiValue" in entity for entity in entities} == {True, False}
    told = {entity["id"].split(":")[4]: entity for entity in entities if "kpiValue" in entity}
    assert told["cost-per-use"]["kpiValue"]["value"] > 0
    assert f"entre {LOW} et {HIGH}" in told["notification-effect"]["description"]["value"]
    judged = [each["id"] for each in entities if "currentStanding" in each]
    assert judged == [entity_id("deliveries-accepted", AGGLOMERATION, str(WEEK))]
    for entity in entities:
        assert list(schema.iter_errors(plain(entity))) == []
    one = plain(entities[0])
    for wrong in ({"calculationMethod": "by magic"}, {"updatedAt": "hier"}, {"kpiValue": None}):
        assert list(schema.iter_errors({**one, **wrong})), wrong


UNITS = {
    "following-citizens": ("IE", "citizens", "B"),
    "active-citizens": ("IE", "citizens", "B"),
    "new-follows": ("C62", "follows", "B"),
    "lost-follows": ("C62", "follows", "B"),
    "follows-per-citizen": ("C62", "follows", "B"),
    "active-merchants": ("C62", "shops", "B"),
    "eligible-shops": ("C62", "shops", "B"),
    "communes-covered": ("C62", "communes", "B"),
    "active-outside-centres": ("P1", "percent", "B"),
    "offers-published": ("C62", "announcements", "B"),
    "events-published": ("C62", "announcements", "B"),
    "news-published": ("C62", "announcements", "B"),
    "deliveries-accepted": ("C62", "notifications", "B"),
    "deliveries-gone": ("C62", "notifications", "B"),
    "deliveries-refused": ("C62", "notifications", "B"),
    "delivery-delay": ("SEC", "seconds", "B"),
    "delivery-delay-p95": ("SEC", "seconds", "B"),
    "nearby-share": ("P1", "percent", "B"),
    "opt-outs": ("NX", "per-thousand", "B"),
    "held-for-quiet": ("C62", "notifications", "B"),
    "held-for-budget": ("C62", "notifications", "B"),
    "till-uses": ("C62", "uses", "A"),
    "cost-per-use": (None, "euro-cents", "A"),
    "notification-effect": ("NX", "per-thousand", "A"),
    "opened": ("C62", "openings", "C"),
    "reached-without-push": ("C62", "visits", "C"),
    "merchant-retention": ("P1", "percent", "B"),
}
"""Of each measure: the code of its unit, its unit in a word, its class of evidence."""


def test_every_entity_says_its_unit_its_class_of_evidence_and_its_formula_as_the_spreadsheets_do(way: Way) -> None:
    """Told or withheld; a value has the code of its unit too, where UN/CEFACT has one, which it has not of money."""
    report = way.report
    defined_as = {each["key"]: each for each in defined(report.content["figures"], "fr")}
    seen, coded = set(), set()
    for entity in entities_of(report):
        key = entity["id"].split(":")[4]
        code, unit, letter = UNITS[key]
        assert (entity["unit"]["value"], entity["evidence"]["value"]) == (unit, letter)
        measure = defined_as[key]
        assert (unit, letter, entity["calculationFormula"]["value"]) == tuple(
            measure[name] for name in ("unit", "evidence", "formula")
        )
        if "kpiValue" in entity:
            assert entity["kpiValue"].get("unitCode") == code
            coded.add(code)
        seen.add(key)
    assert seen == set(UNITS) == set(BY_KEY)
    assert coded >= {None, "C62", "IE", "SEC", "P1", "NX"}


@pytest.mark.parametrize("wrong", [{"unitCode": "seconds"}, {"unitCode": 1}, {"unit": "s"}, {"observedAt": "hier"}])
def test_a_broker_takes_no_member_of_a_value_but_as_the_standard_has_it(way: Way, wrong: dict[str, object]) -> None:
    entity = next(each for each in entities_of(way.report) if "kpiValue" in each)
    assert way.broker.fault_of_entities([entity]) is None
    assert way.broker.fault_of_entities([entity | {"kpiValue": entity["kpiValue"] | wrong}]) == "the attribute kpiValue"


def test_every_entity_carries_what_its_report_is_sealed_with(way: Way) -> None:
    """Of which version and revision, its hash and that of the one before; of the rows, nothing but that hash."""
    for report, before in ((way.report, GENESIS), (way.freeze(WEEK, reason="Retard"), way.report.sha256)):
        way.work()
        seal = {"version": report.version, "revision": "abc", "sha256": report.sha256.hex(), "previous": before.hex()}
        for entity in entities_of(report):
            assert {name: entity[name]["value"] for name in seal} == seal
            assert "rows" not in entity
    assert {entity["previous"]["value"] for entity in way.broker.entities.values()} == {way.report.sha256.hex()}


@pytest.mark.parametrize(
    ("trouble", "status", "words"),
    [
        (Trouble(204, taken_first=True, seconds=1), None, "ReadTimeout"),
        (Trouble(503, body=b"later" + b"." * 100, drips=True), 503, "l"),
        (Trouble(503, body=b"later", endless=True), 503, "l"),
        (Trouble(207, body=b"[" + b" " * 100, drips=True, taken_first=True), 207, "["),
    ],
    ids=["silence", "drips", "endless", "half a 207"],
)
def test_an_answer_that_does_not_come_or_does_not_end_is_waited_for_and_asked_again(
    way: Way, monkeypatch: pytest.MonkeyPatch, trouble: Trouble, status: int | None, words: str
) -> None:
    """Nobody waits longer than there is patience; what was said by then is kept, and the batch is taken once."""
    way.broker.troubles = [trouble]
    with monkeypatch.context() as impatient:
        impatient.setattr(cluster, "SECONDS", (0.2, 0.2) if status is None else (5.0, 5.0))
        impatient.setattr(cluster, "PATIENCE", 0.2)
        assert way.work() == 1
    failed = way.standing
    assert (failed.state, failed.taken, failed.attempts, failed.status) == (SendingState.WAITING, 0, 1, status)
    assert failed.answer.startswith(words)
    assert len(failed.answer) <= (LONGEST_ANSWER if trouble.endless else len("ReadTimeout"))
    assert failed.next_at - way.now() > dt.timedelta(seconds=55)
    way.ahead += dt.timedelta(minutes=2)
    assert way.work() == way.batches
    assert way.standing.state is SendingState.DELIVERED
    assert way.broker.came[0] == way.broker.came[1]
    assert set(way.broker.writes.values()) == {1}
