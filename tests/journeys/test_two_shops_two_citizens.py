"""Two shops, two citizens, staff and a worker, doing whatever they may in whatever order; what must hold always holds.

Hypothesis draws the steps. Citizens, merchants and staff go through the API; the worker is a real dispatcher whose
sender records and answers as it is told. A small model beside it knows what is true.
"""

import base64
import datetime as dt
import itertools
import os
import shutil
import tempfile
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import orjson
import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from citylife import audit, migrations
from citylife.accounts.merchants import Role, join_team
from citylife.accounts.staff import StaffMember, StaffRole
from citylife.audit import Actor, AuditEntry
from citylife.clock import local_date
from citylife.consent import TEXTS, Purpose
from citylife.database import writing
from citylife.doorbell import ThreadDoorbell
from citylife.follows import Follow
from citylife.ledger.tables import Decision, Delivery, DeliveryState, Message, MessageKind, MessageState, Outcome
from citylife.offers import Offer, OfferStatus
from citylife.settings import Settings
from notifications.dispatcher import Dispatcher
from notifications.webpush import Answer, Envelope
from notifications.webpush_recording import RecordingSender
from tests import builders
from tests.builders import NOW
from tests.conftest import empty
from wsgi import create_app

Fresh = Callable[[Path], str]
"""Gives the URL of a migrated database with nothing in it; what it needs of files goes into the folder."""
PLACE = dict(zip(("latitude", "longitude"), builders.GRAND_PLACE, strict=True))
SEED = int(os.environ.get("CITYLIFE_TEST_SEED", "20261124"))
STEPS = 50
"""Steps of one story, at most; a campaign is many stories."""
STORIES = 16
"""How many are drawn from one seed, before it is asked whether there were enough steps."""
ENDPOINTS = [
    f"https://{host}/wpush/v2/of-two-citizens-{number}"
    for host in ("updates.push.services.mozilla.com", "fcm.googleapis.com")
    for number in range(2)
]
SETTLED = {DeliveryState.ACCEPTED, DeliveryState.GONE, DeliveryState.REFUSED, DeliveryState.EXPIRED}
BY_THEMSELVES = {("scheduled", "live"), ("scheduled", "ended"), ("live", "ended")}
"""What becomes of an offer by the clock alone."""
POINT = builders.browser_keys()[1]
KEYS = {
    name: base64.urlsafe_b64encode(value).rstrip(b"=").decode()
    for name, value in (("p256dh", POINT.p256dh), ("auth", POINT.auth))
}
AT_ANY_HOUR = {
    "quiet_from": "00:00",
    "quiet_until": "00:00",
    "quiet_sundays": False,
    "weekly_budget": 20,
    "daily_budget": 10,
    "digest": False,
}
"""Courtesy has proofs of its own; here it is to keep as little back as it may."""
citizens, shops, which = st.integers(0, 1), st.integers(0, 1), st.integers(0, 40)
rarely = st.sampled_from([True, False, False])
ACTS = ["publish", "withdraw", "sold-out", "sold-out", "sold-out/undo"]
SPANS = [dt.timedelta(seconds=4), dt.timedelta(seconds=15), dt.timedelta(minutes=20), dt.timedelta(hours=5)]


@dataclass
class Her:
    """What is true of a citizen."""

    id: str
    token: str
    consented: bool = False
    follows: dict[str, str] = field(default_factory=dict)
    devices: dict[str, str] = field(default_factory=dict)
    """Endpoints, by the id of the device."""
    old_tokens: list[str] = field(default_factory=list)


@dataclass
class Trade:
    """What is true of a shop; offers as their merchant knows them."""

    id: str
    owner: str
    token: str
    suspended: bool = False
    stopped: bool = False
    offers: dict[str, "Posted"] = field(default_factory=dict)


@dataclass
class Posted:
    """What is true of an offer."""

    status: str
    ends_at: dt.datetime
    closed_at: dt.datetime | None = None


class Town(RuleBasedStateMachine):
    """The whole of it. `fresh` gives the URL of an empty database; `taken` counts the steps of every story."""

    fresh: ClassVar[Fresh]
    taken: ClassVar[Counter[str]]

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="citylife-town-")
        self.now = NOW
        settings = Settings(
            instance=Path(self.folder.name),
            database_url=type(self).fresh(Path(self.folder.name)),
            log_level="CRITICAL",
            limits=("*=1000000",),
            aipd_date=NOW.date(),
        )
        self.app = create_app(settings, clock=lambda: self.now)
        self.house = self.app.extensions["citylife"]
        self.client = self.app.test_client(use_cookies=False)
        self.sessions = writing(self.house.engine)
        self.sender = RecordingSender()
        self.bell = ThreadDoorbell()
        self.dispatcher = Dispatcher(
            self.house.engine, self.sender, base_url="http://localhost:8000", bell=self.bell, clock=lambda: self.now
        )
        self.answers: dict[str, Answer] = {}
        for endpoint in ENDPOINTS:
            self.sender.answer_by(endpoint, self.answered)
        self.stopped = False
        self.acts: Counter[tuple[str, str | None, str]] = Counter()
        self.settled: dict[tuple[Any, Any, Any], DeliveryState] = {}
        self.told: Counter[tuple[str, str, str, str]] = Counter()
        self.expanded: set[Any] = set()
        self.leaving: set[str] = set()
        self.addresses = 0
        with self.sessions.begin() as session:
            builders.at_any_hour(session)
            self.trades = [self._open(session, number) for number in range(2)]
            self.staff = builders.a_staff_member(session, StaffRole.ADMINISTER, now=self.now).id
        with self.sessions() as session:
            self.begun = max(session.scalars(select(AuditEntry.id)))
        self.hers = [self._arrives() for _ in range(2)]
        self.gone: list[Her] = []
        for who in range(2):
            self.answers_the_question_of_consent(who, granted=True)
            self.adds_a_device(who, ENDPOINTS[who])
            self.follows(who, who, "normal")

    def _open(self, session: Session, number: int) -> Trade:
        owner = builders.a_merchant(session, f"owner-{number}@boutique.example", now=self.now)
        shop = builders.a_shop(session, f"Boutique {number}", merchant=owner, now=self.now)
        seller = builders.a_merchant(session, f"seller-{number}@boutique.example", now=self.now)
        join_team(session, seller, shop, Role.SELLER, now=self.now)
        who = owner if number == 0 else seller
        return Trade(str(shop.id), str(who.id), builders.signed_in(session, who, now=self.now))

    def _arrives(self) -> Her:
        made = self.asks("post", "/citizens", json={"locale": "fr"})
        assert made.status_code == 201, made.text
        wished = self.asks("patch", "/me", made.json["token"], json=AT_ANY_HOUR)
        assert wished.status_code == 200, wished.text
        return Her(made.json["id"], made.json["token"])

    def teardown(self) -> None:
        self.look_around()
        self.house.close()
        self.folder.cleanup()

    # How they ask

    def asks(self, method: str, path: str, token: str | None = None, **options: Any) -> TestResponse:
        """A request, each from an address of its own."""
        self.addresses += 1
        self.taken["requests"] += 1
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        place = {"REMOTE_ADDR": f"10.{self.addresses >> 16}.{self.addresses >> 8 & 255}.{self.addresses & 255}"}
        answer: TestResponse = getattr(self.client, method)(
            f"/api/v1{path}", headers={**headers, **options.pop("headers", {})}, environ_overrides=place, **options
        )
        assert answer.status_code < 500, (method, path, answer.text)
        return answer

    def acted(self, action: str, subject: str | None, actor: Any) -> None:
        """An act of a merchant or of staff that must be in the audit log."""
        self.acts[action, subject, str(actor)] += 1

    def picked(self, trade: Trade, number: int) -> tuple[str, Posted]:
        return list(trade.offers.items())[number % len(trade.offers)]

    def some_offers(self) -> bool:
        return all(trade.offers for trade in self.trades)

    # Citizens

    @rule(who=citizens, what=shops, level=st.sampled_from(["normal", "normal", "always", "none", "nearby"]))
    def follows(self, who: int, what: int, level: str) -> None:
        her, trade = self.hers[who], self.trades[what]
        answer = self.asks("put", f"/me/follows/{trade.id}", her.token, json={"level": level})
        expected = 404 if trade.suspended else 200 if trade.id in her.follows else 201
        assert answer.status_code == expected, answer.text
        if not trade.suspended:
            her.follows[trade.id] = level

    @rule(who=citizens, what=shops)
    def unfollows(self, who: int, what: int) -> None:
        her, trade = self.hers[who], self.trades[what]
        assert self.asks("delete", f"/me/follows/{trade.id}", her.token).status_code == 204
        her.follows.pop(trade.id, None)

    @rule(who=citizens, granted=st.sampled_from([True, True, False]))
    def answers_the_question_of_consent(self, who: int, granted: bool) -> None:
        said = {"purpose": "notifications", "granted": granted, "text_version": TEXTS[Purpose.NOTIFICATIONS].version}
        assert self.asks("post", "/me/consents", self.hers[who].token, json=said).status_code == 201
        self.hers[who].consented = granted

    @rule(who=citizens, endpoint=st.sampled_from(ENDPOINTS))
    def adds_a_device(self, who: int, endpoint: str) -> None:
        her, other = self.hers[who], self.hers[1 - who]
        answer = self.asks("post", "/me/devices", her.token, json={"endpoint": endpoint, "keys": KEYS})
        if not her.consented:
            assert answer.status_code == 409, answer.text
            return
        assert answer.status_code == (200 if endpoint in her.devices.values() else 201), answer.text
        other.devices = {number: known for number, known in other.devices.items() if known != endpoint}
        her.devices[answer.json["id"]] = endpoint

    @precondition(lambda self: any(her.devices for her in self.hers))
    @rule(who=citizens, number=which)
    def removes_a_device_of_hers_and_cannot_the_other_s(self, who: int, number: int) -> None:
        her, other = self.hers[who], self.hers[1 - who]
        for owner, expected in ((other, 404), (her, 204)):
            if owner.devices:
                device = list(owner.devices)[number % len(owner.devices)]
                assert self.asks("delete", f"/me/devices/{device}", her.token).status_code == expected
        if her.devices:
            del her.devices[device]

    @rule(who=citizens, keep=st.booleans())
    def moves_to_another_phone(self, who: int, keep: bool) -> None:
        her = self.hers[who]
        code = self.asks("post", "/me/transfer", her.token).json["code"]
        moving = {"code": code, "old_phones": "keep" if keep else "sign-out"}
        moved = self.asks("post", "/citizens/transfer", json=moving)
        assert (moved.status_code, moved.json["id"]) == (201, her.id)
        assert self.asks("post", "/citizens/transfer", json=moving).status_code >= 400, "a code works once"
        if not keep:
            her.old_tokens.append(her.token)
            her.devices.clear()
        her.token = moved.json["token"]

    @rule(who=citizens, rarely=rarely)
    def erases_herself(self, who: int, rarely: bool) -> None:
        if not rarely:
            return
        her = self.hers[who]
        assert self.asks("delete", "/me", her.token).status_code == 200
        her.old_tokens.append(her.token)
        self.gone.append(her)
        self.hers[who] = self._arrives()

    # Merchants

    @rule(what=shops, hours=st.sampled_from([1, 6, 30]))
    def drafts(self, what: int, hours: int) -> None:
        trade, ends_at = self.trades[what], self.now + dt.timedelta(hours=hours)
        said = {"title": "Pains", "ends_at": ends_at.isoformat()}
        made = self.asks("post", f"/merchant/shops/{trade.id}/offers", trade.token, json=said)
        assert made.status_code == 201, made.text
        trade.offers[made.json["id"]] = Posted("draft", ends_at)

    @rule(what=shops, hours=st.sampled_from([1, 6, 30]))
    def drafts_and_publishes(self, what: int, hours: int) -> None:
        self.drafts(what, hours)
        offer_id, posted = list(self.trades[what].offers.items())[-1]
        self._does(self.trades[what], offer_id, posted, "publish")

    @rule(what=shops, hours=st.sampled_from([1, 6, 30]), by=st.sampled_from(SPANS))
    def publishes_and_is_heard_of(self, what: int, hours: int, by: dt.timedelta) -> None:
        self.drafts_and_publishes(what, hours)
        self.the_worker_works(by)

    @rule(what=shops, by=st.sampled_from(SPANS))
    def what_is_heard_of_sells_out(self, what: int, by: dt.timedelta) -> None:
        self.publishes_and_is_heard_of(what, 6, SPANS[0])
        self._does(self.trades[what], *list(self.trades[what].offers.items())[-1], "sold-out")
        self.the_worker_works(by)

    @rule(what=shops)
    def says_it_sold_out_by_mistake(self, what: int) -> None:
        self.drafts_and_publishes(what, 6)
        for act in ("sold-out", "sold-out/undo"):
            self._does(self.trades[what], *list(self.trades[what].offers.items())[-1], act)
            self.now += SPANS[0]

    @rule(
        who=citizens, what=shops, how=st.sampled_from(["unfollows", "hushes", "withdraws consent", "moves", "erases"])
    )
    def changes_her_mind_while_it_waits(self, who: int, what: int, how: str) -> None:
        self.answers_the_question_of_consent(who, granted=True)
        self.adds_a_device(who, ENDPOINTS[who])
        self.follows(who, what, "normal")
        self.answers[ENDPOINTS[who]] = Answer.RETRY
        self.publishes_and_is_heard_of(what, 6, SPANS[0])
        {
            "unfollows": lambda: self.unfollows(who, what),
            "hushes": lambda: self.follows(who, what, "none"),
            "withdraws consent": lambda: self.answers_the_question_of_consent(who, granted=False),
            "moves": lambda: self.moves_to_another_phone(who, keep=False),
            "erases": lambda: self.erases_herself(who, rarely=True),
        }[how]()
        self.answers[ENDPOINTS[who]] = Answer.ACCEPTED
        self.the_worker_works(SPANS[2])

    @precondition(some_offers)
    @rule(what=shops, number=which, act=st.sampled_from(ACTS))
    def acts_on_an_offer(self, what: int, number: int, act: str) -> None:
        self._does(self.trades[what], *self.picked(self.trades[what], number), act)

    def _does(self, trade: Trade, offer_id: str, posted: Posted, act: str) -> None:
        answer = self.asks("post", f"/merchant/offers/{offer_id}/{act}", trade.token)
        before, over = posted.status, posted.ends_at <= self.now
        late = posted.closed_at is None or self.now - posted.closed_at > dt.timedelta(seconds=10)
        may = {
            "publish": before in {"draft", "scheduled"} and not over and not trade.suspended,
            "withdraw": before in {"draft", "scheduled", "live", "withdrawn"},
            "sold-out": (before == "live" and not over) or before == "sold-out",
            "sold-out/undo": before == "sold-out" and not over and not late,
        }[act]
        refusals = {409, 422} if act == "publish" else {409}
        assert answer.status_code in ({200} if may else refusals), (act, before, over, answer.status_code, answer.text)
        if not may:
            return
        after = {"publish": "live", "withdraw": "withdrawn", "sold-out": "sold-out", "sold-out/undo": "live"}[act]
        assert answer.json["status"] == after
        if after == before:
            return
        posted.status = after
        posted.closed_at = self.now if act == "sold-out" else None
        done = {"publish": "published", "withdraw": "withdrawn", "sold-out": "sold-out"}.get(act, "sold-out-undone")
        self.acted(f"offer.{done}", offer_id, trade.owner)

    @precondition(some_offers)
    @rule(what=shops, number=which, soon=st.sampled_from(SPANS))
    def schedules(self, what: int, number: int, soon: dt.timedelta) -> None:
        trade = self.trades[what]
        offer_id, posted = self.picked(trade, number)
        at = self.now + soon
        answer = self.asks(
            "post", f"/merchant/offers/{offer_id}/schedule", trade.token, json={"starts_at": at.isoformat()}
        )
        may = posted.status in {"draft", "scheduled"} and not trade.suspended
        if may and answer.status_code == 422:
            assert posted.ends_at <= at, answer.text
            return
        assert answer.status_code == (200 if may else 409), answer.text
        if may:
            posted.status = "scheduled"
            self.acted("offer.scheduled", offer_id, trade.owner)

    @precondition(some_offers)
    @rule(what=shops, number=which, title=st.sampled_from(["Pains", "Tartes"]))
    def corrects(self, what: int, number: int, title: str) -> None:
        trade = self.trades[what]
        offer_id, posted = self.picked(trade, number)
        path = f"/merchant/offers/{offer_id}"
        read = self.asks("get", path, trade.token)
        changed = read.json["title"] != title
        condition = {"If-Match": read.headers["ETag"]}
        answer = self.asks("patch", path, trade.token, json={"title": title}, headers=condition)
        over = posted.ends_at <= self.now
        if posted.status in {"sold-out", "withdrawn", "ended"} or (posted.status == "live" and over):
            assert answer.status_code == 409, answer.text
        elif over:
            assert answer.status_code in {200, 422}, answer.text
        else:
            assert answer.status_code == 200, answer.text
        if answer.status_code == 200 and changed and posted.status == "live":
            self.acted("offer.corrected", offer_id, trade.owner)

    @precondition(some_offers)
    @rule(what=shops, number=which, act=st.sampled_from(["", "/publish", "/withdraw", "/sold-out", "/sold-out/undo"]))
    def pries_into_the_other_shop(self, what: int, number: int, act: str) -> None:
        trade, other = self.trades[what], self.trades[1 - what]
        offer_id, _ = self.picked(other, number)
        assert self.asks("post" if act else "get", f"/merchant/offers/{offer_id}{act}", trade.token).status_code == 404
        assert self.asks("get", f"/merchant/shops/{other.id}/offers", trade.token).status_code == 404

    # Staff

    def signs_in(self) -> str:
        """A session of the member of staff, opened now: hers are short, and hours pass between two decisions."""
        with self.sessions.begin() as session:
            return builders.signed_in(session, session.get_one(StaffMember, self.staff), now=self.now)

    def decides(self, path: str, *, expected: int = 200, **said: Any) -> TestResponse:
        """A decision of staff, with its reason or its proof; no merchant and no citizen may take it."""
        body = said if "proof" in said else {"reason": "Vérification.", **said}
        token = self.signs_in()
        for other in (self.trades[0].token, self.hers[0].token):
            assert self.asks("post", f"/staff{path}", other, json=body).status_code in {401, 403}
        answer = self.asks("post", f"/staff{path}", token, json=body)
        self.taken["decisions"] += 1
        assert answer.status_code == expected, answer.text
        return answer

    @rule(what=shops, right=st.booleans())
    def somebody_claims_a_shop_and_staff_decide(self, what: int, right: bool) -> None:
        trade, name = self.trades[what], f"Échoppe {self.addresses}"
        claim = {"name": name, "category": "bakery", "siret": builders.a_siret(), **PLACE}
        made = self.asks("post", "/merchant/shops", trade.token, json=claim)
        assert (made.status_code, made.json["status"]) == (201, "claimed"), made.text
        shop = made.json["id"]
        self.acted("shop.claimed", shop, trade.owner)
        draft = {"title": "Pains", "ends_at": (self.now + SPANS[3]).isoformat()}
        offer = self.asks("post", f"/merchant/shops/{shop}/offers", trade.token, json=draft).json["id"]
        early = self.asks("post", f"/merchant/offers/{offer}/publish", trade.token)
        assert early.status_code == 409, "nobody speaks for a shop before it is verified"
        if right:
            visit = {"date": local_date(self.now).isoformat(), "seen_by": "Karima"}
            self.decides(f"/shops/{shop}/verify", proof="visit", visit=visit)
        else:
            self.decides(f"/shops/{shop}/refuse")
            self.decides(
                f"/shops/{shop}/close", expected=409
            )  # the claim alone had spoken of it: closed by the refusal
            self.acted("shop.closed-down", shop, self.staff)
        self.acted("shop.verified" if right else "shop.claim-refused", shop, self.staff)
        found = self.asks("get", f"/shops/{made.json['slug']}")
        assert found.status_code == (200 if right else 410)

    @rule(what=shops, rarely=rarely)
    def suspends_or_reinstates(self, what: int, rarely: bool) -> None:
        trade = self.trades[what]
        if not (trade.suspended or rarely):
            return
        deed = "reinstate" if trade.suspended else "suspend"
        self.decides(f"/shops/{trade.id}/{deed}")
        other = "reinstate" if trade.suspended else "suspend"
        self.decides(f"/shops/{trade.id}/{other}", expected=409)
        self.acted("shop.reinstated" if trade.suspended else "shop.suspended", trade.id, self.staff)
        trade.suspended = not trade.suspended

    @rule(what=st.sampled_from([0, 1, None]), rarely=rarely)
    def stops_or_resumes_sending(self, what: int | None, rarely: bool) -> None:
        trade = None if what is None else self.trades[what]
        stopped = self.stopped if trade is None else trade.stopped
        if not (stopped or rarely):
            return
        said = {} if trade is None else {"shop_id": trade.id}
        self.decides(f"/sending/{'resume' if stopped else 'stop'}", **said)
        self.acted("sending.resumed" if stopped else "sending.stopped", None if trade is None else trade.id, self.staff)
        if trade is None:
            self.stopped = not stopped
        else:
            trade.stopped = not stopped

    @precondition(some_offers)
    @rule(what=shops, number=which, right=st.booleans())
    def decides_on_a_report(self, what: int, number: int, right: bool) -> None:
        trade = self.trades[what]
        offer_id, posted = self.picked(trade, number)
        said = self.asks("post", "/reports", json={"offer_id": offer_id, "reason": "misleading"})
        if said.status_code == 404:  # never published, withdrawn before, or of a suspended shop
            assert trade.suspended or posted.status != "live", said.text
            return
        assert said.status_code == 202, said.text
        assert not trade.suspended
        assert posted.status in {"live", "sold-out", "ended"}
        self.taken["reports"] += 1
        (report,) = self.asks("get", "/staff/reports?status=open", self.signs_in()).json["items"]
        assert report["offer"]["id"] == offer_id
        deed = "uphold" if right else "dismiss"
        self.decides(f"/reports/{report['id']}/{deed}")
        self.decides(f"/reports/{report['id']}/{deed}", expected=409)
        self.acted("report.upheld" if right else "report.dismissed", offer_id, self.staff)
        if right and posted.status in {"draft", "scheduled", "live"}:
            posted.status = "withdrawn"
            self.acted("offer.withdrawn", offer_id, self.staff)

    # Time, and the worker

    @rule(by=st.sampled_from(SPANS), working=st.booleans())
    def time_passes(self, by: dt.timedelta, working: bool) -> None:
        self.now += by
        if working:
            self.the_worker_works(dt.timedelta(0))

    @rule(endpoint=st.sampled_from(ENDPOINTS), answer=st.sampled_from([Answer.ACCEPTED, Answer.GONE, Answer.RETRY]))
    def a_push_service_changes_its_mind(self, endpoint: str, answer: Answer) -> None:
        self.answers[endpoint] = answer

    @rule(by=st.sampled_from([dt.timedelta(0), *SPANS]))
    def the_worker_works(self, by: dt.timedelta) -> None:
        self.now += by
        before = {offer_id: posted.status for trade in self.trades for offer_id, posted in trade.offers.items()}
        for _ in range(5):
            self.bell.ring()
            self.dispatcher.turn()
            for her in self.hers:  # what was in flight beside the first answer was sent rightly
                her.devices = {number: known for number, known in her.devices.items() if known not in self.leaving}
            self.leaving.clear()
        with self.sessions() as session:
            for offer in session.scalars(select(Offer)):
                trade = next((trade for trade in self.trades if trade.id == str(offer.shop_id)), None)
                if trade is None:  # of a shop that was claimed only to be decided on
                    assert offer.status is OfferStatus.DRAFT
                    continue
                posted, status = trade.offers[str(offer.id)], offer.status.value
                if status != posted.status:
                    assert (before[str(offer.id)], status) in BY_THEMSELVES
                    assert status == "ended" or not trade.suspended
                    assert status == "live" or offer.ends_at <= self.now
                    posted.status = status
            self.the_ledger_adds_up(session)
            walked = audit.walk(session)
            assert walked.fault is None, walked

    def answered(self, envelope: Envelope) -> Answer:
        """Judge an envelope as it leaves, and answer it as the push service was told to."""
        said = orjson.loads(envelope.plaintext)["notification"]
        offer_id, kind = (
            said["navigate"].partition("/o/")[2].partition("?")[0],
            "sold-out" if said["silent"] else "news",
        )
        (her,) = [her for her in self.hers if envelope.endpoint in her.devices.values()]
        (trade,) = [trade for trade in self.trades if offer_id in trade.offers]
        posted = trade.offers[offer_id]
        assert her.consented, "sent without consent"
        assert her.follows.get(trade.id, "none") != "none", "sent to who does not follow"
        assert not self.stopped, "sent while all sending is stopped"
        assert not trade.stopped, "sent while the shop is stopped"
        assert not trade.suspended, "sent of a suspended shop"
        assert posted.ends_at > self.now or kind == "sold-out", "sent of an offer that is over"
        assert posted.status in ({"sold-out"} if kind == "sold-out" else {"live", "scheduled"}), posted.status
        if kind == "sold-out":
            assert any(self.told[her.id, known, offer_id, "news"] for known in ENDPOINTS), "replaces nothing"
        answer = self.answers.get(envelope.endpoint, Answer.ACCEPTED)
        if answer is not Answer.RETRY:
            self.told[her.id, envelope.endpoint, offer_id, kind] += 1
            assert self.told[her.id, envelope.endpoint, offer_id, kind] == 1, "sent again"
        if answer is Answer.GONE:
            self.leaving.add(envelope.endpoint)
        self.taken["sent"] += 1
        self.taken[kind] += 1
        return answer

    # What always holds

    def the_ledger_adds_up(self, session: Session) -> None:
        """Decisions for each follower; deliveries where it was decided to send, and nowhere else; nothing unsettled."""
        deliveries = session.scalars(select(Delivery)).all()
        counted = Counter((each.citizen_id, each.message_id) for each in deliveries)
        decisions = session.scalars(select(Decision)).all()
        for decision in decisions:
            some = counted[decision.citizen_id, decision.message_id]
            assert (decision.outcome is Outcome.SEND) == (some > 0), (decision.reason, some)
        assert set(counted) <= {(each.citizen_id, each.message_id) for each in decisions}
        states = {(each.citizen_id, each.message_id, each.device_id): each.state for each in deliveries}
        living = {as_id(her.id) for her in self.hers}
        for key, state in self.settled.items():
            assert key[0] not in living or states[key] is state, "what was settled has changed"
        self.settled = {key: state for key, state in states.items() if state in SETTLED}
        assert {key[0] for key in states} <= living
        sendable = [each for each in deliveries if each.state is DeliveryState.WAITING and each.next_at <= self.now]
        assert self.stopped or sendable == [], "something could have left"
        assert all(state is not DeliveryState.CLAIMED for state in states.values())
        accepted = sum(state is DeliveryState.ACCEPTED for state in self.settled.values())
        gone = sum(state is DeliveryState.GONE for state in self.settled.values())
        told = sum(times for (citizen, *_), times in self.told.items() if as_id(citizen) in living)
        assert accepted + gone == told
        for message in session.scalars(select(Message).where(Message.state == MessageState.EXPANDED)):
            if message.id not in self.expanded:
                self.expanded.add(message.id)
                decided = {str(each.citizen_id) for each in decisions if each.message_id == message.id}
                followers = {her.id for her in self.hers if str(message.shop_id) in her.follows}
                assert decided == followers if message.kind is MessageKind.ANNOUNCEMENT else decided <= followers

    @invariant()
    def each_live_offer_of_a_followed_shop_is_in_the_feed_and_no_other(self) -> None:
        self.taken["steps"] += 1
        for her in self.hers:
            feed = self.asks("get", "/me/feed?limit=100", her.token)
            assert {item["id"] for item in feed.json["items"]} == {
                offer_id
                for trade in self.trades
                if trade.id in her.follows and not trade.suspended
                for offer_id, posted in trade.offers.items()
                if posted.status == "live" and posted.ends_at > self.now
            }

    @invariant()
    def the_audit_log_has_each_act_of_merchants_and_staff_and_no_other(self) -> None:
        with self.sessions() as session:
            rows = session.scalars(select(AuditEntry).where(AuditEntry.id > self.begun)).all()
        written = Counter(
            (row.action, row.subject_id and str(row.subject_id), str(row.actor_id))
            for row in rows
            if row.actor is not Actor.SYSTEM and row.actor_id is not None
        )
        assert written == self.acts, (written - self.acts, self.acts - written)

    def told_why(self, her: Her) -> set[str]:
        """The latest hundred that she is told why of: decided for her, announced before she followed, or held."""
        held = {as_id(trade.id) for trade in self.trades if self.stopped or trade.stopped}
        with self.sessions() as session:
            mine = select(Decision.message_id).where(Decision.citizen_id == as_id(her.id))
            found = set(session.scalars(mine))
            of_hers = (
                select(Message, Offer, Follow.begun_at)
                .join(Offer, Offer.id == Message.offer_id)
                .join(Follow, Follow.shop_id == Message.shop_id)
                .where(Follow.citizen_id == as_id(her.id), Message.kind != MessageKind.SOLD_OUT)
            )
            for message, offer, begun_at in session.execute(of_hers):
                if message.state is MessageState.EXPANDING:
                    holds = message.shop_id in held and offer.status is OfferStatus.LIVE
                    told = holds and message.expires_at > self.now
                else:
                    closed_at = offer.closed_at or message.expires_at
                    told = message.created_at < begun_at < min(closed_at, message.expires_at)
                if told:
                    found.add(message.id)
        return {str(message_id) for message_id in sorted(found, reverse=True)[:100]}

    @rule()
    def look_around(self) -> None:
        """Everybody reads what is hers, and only that; whoever is gone is nobody, and in no table."""
        for her in self.hers:
            read = {name: self.asks("get", f"/me/{name}?limit=100", her.token) for name in ("follows", "deliveries")}
            assert {item["shop"]["id"]: item["level"] for item in read["follows"].json["items"]} == her.follows
            devices = self.asks("get", "/me/devices", her.token).json["items"]
            assert {item["id"] for item in devices} == set(her.devices)
            assert {item["message_id"] for item in read["deliveries"].json["items"]} == self.told_why(her)
        for trade in self.trades:
            answer = self.asks("get", f"/merchant/shops/{trade.id}/offers?limit=100", trade.token)
            assert {item["id"]: item["status"] for item in answer.json["items"]} == {
                offer_id: posted.status for offer_id, posted in trade.offers.items()
            }
        for her in (*self.hers, *self.gone):
            for token in her.old_tokens[-2:]:
                assert self.asks("get", "/me", token).status_code == 401
        with self.sessions() as session:
            for table in migrations.metadata.tables.values():
                if self.gone and "citizen_id" in table.c:
                    kept = session.scalars(select(table.c.citizen_id)).all()
                    assert {str(one) for one in kept} <= {her.id for her in self.hers}, table.name


def as_id(text: str) -> uuid.UUID:
    return uuid.UUID(text)


def databases(request: pytest.FixtureRequest, kind: str) -> Fresh:
    """What gives each story a database of that kind with nothing in it."""
    if kind == "postgresql":
        url = str(request.getfixturevalue("postgres_url"))

        def emptied(_folder: Path) -> str:
            empty(url)
            return url

        return emptied
    template = request.getfixturevalue("sqlite_template")
    return lambda folder: f"sqlite:///{shutil.copyfile(template, folder / 'town.db')}"


def play(fresh: Fresh, steps: int) -> Counter[str]:
    """Play stories of at most `STEPS` steps until so many were taken in all; what was done in them.

    How long a story gets hangs on what is drawn, and that on every constant of the code that is told of.
    """
    taken: Counter[str] = Counter()
    for turn in itertools.count():
        town = seed(SEED + turn)(type("SeededTown", (Town,), {"fresh": staticmethod(fresh), "taken": taken}))
        run_state_machine_as_test(
            town,
            settings=settings(
                max_examples=STORIES,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                print_blob=False,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
            ),
        )
        if taken["steps"] >= steps:
            print(f"\n{dict(taken)} from seed {SEED}")
            return taken
    raise AssertionError("the stories never end")


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_what_must_hold_holds_through_a_thousand_steps(request, database):
    taken = play(databases(request, database), 1_000)
    assert taken["news"] >= 50, "hardly anything was sent: the stories say little of sending"
    assert taken["sold-out"] >= 3
    assert taken["decisions"] >= 50
    assert taken["reports"] >= 5


@pytest.mark.soak
def test_what_must_hold_holds_through_twenty_thousand_steps(request):
    taken = play(databases(request, "sqlite"), 20_000)
    assert taken["news"] >= 500
    assert taken["sold-out"] >= 30
