"""A small town's history written straight into the tables, and what the measures make of it in plain Python."""

import datetime as dt
import random
import uuid
from collections import Counter, defaultdict
from collections.abc import Collection
from functools import cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from citylife.accounts.citizens import Citizen, CitizenDay
from citylife.activity import Counted, DailyCount, count
from citylife.clock import local_date
from citylife.database import new_id
from citylife.follows import EndedFollow, Follow, Level
from citylife.geography import cell_at, communes, near_cells, near_communes
from citylife.insiders import TeamFollower
from citylife.ledger.statements import NIL
from citylife.ledger.tables import (
    Arm,
    Decision,
    Delivery,
    DeliveryState,
    Message,
    MessageKind,
    MessageState,
    Outcome,
    Reason,
)
from citylife.offers.tables import Offer, OfferKind, OfferStatus
from citylife.pilot.areas import area_of
from citylife.pilot.cells import AGGLOMERATION
from citylife.pilot.periods import Frequency, Period, midnight
from citylife.places import Place, PlaceKind
from citylife.redemptions import Surface, TillCode
from citylife.shops.tables import Shop, ShopCommune, ShopStatus
from tests import builders

A_SECOND = dt.timedelta(seconds=1)
HELD_FOR_BUDGET = (Reason.NOT_DRAWN, Reason.WEEK_SPENT, Reason.DAY_SPENT)
Line = tuple[dt.date, str, uuid.UUID, int]


def write_history(
    session: Session,
    *,
    seed: int,
    first: dt.datetime,
    days: int,
    citizens: int = 12,
    shops: int = 4,
    offers: int = 10,
    told: int | None = None,
) -> None:
    """Shops (the last one fictional), citizens, follows, announcements and what became of them, drawn by lot.

    An announcement is decided for fewer than `told` of the citizens.
    """
    lot = random.Random(seed)

    def moment() -> dt.datetime:
        return first + dt.timedelta(seconds=lot.randrange(days * 86_400), microseconds=lot.randrange(1_000_000))

    towns = list(communes().values())
    street = [_a_shop(session, lot.choice(towns), lot, fictional=number == shops - 1) for number in range(shops)]
    people = [builders.a_citizen(session, now=first) for _ in range(citizens)]
    for citizen in people:
        for day in range(lot.choice((0, 0, 1, 2, 3))):
            session.add(CitizenDay(citizen_id=citizen.id, day=local_date(first + dt.timedelta(days=day))))
        _place(session, citizen, lot.choice(towns), lot, moment())
    session.flush()
    for citizen in people:
        for shop in lot.sample(street, k=2):
            begun = moment()
            if lot.random() < 0.3:
                ended = begun + dt.timedelta(hours=lot.randrange(60))
                session.add(EndedFollow(citizen_id=citizen.id, shop_id=shop.id, begun_at=begun, ended_at=ended))
            else:
                session.add(Follow(citizen_id=citizen.id, shop_id=shop.id, level=Level.NORMAL, begun_at=begun))
    for citizen in people[:2]:
        session.add(TeamFollower(citizen_id=citizen.id, shop_id=lot.choice(street).id))
    for _ in range(offers):
        _announce(session, lot.choice(street), people, lot, moment(), told=told or citizens)
    for shop in street:
        count(session, Counted.OPT_OUTS, shop.id, now=moment())
        count(session, Counted.SHOP_PAGE_VISITS, shop.id, now=moment(), by=3)
    count(session, Counted.OPT_OUTS, NIL, now=moment())
    _a_digest(session, people[0], moment())
    session.flush()


def _a_shop(session: Session, town: object, lot: random.Random, *, fictional: bool) -> Shop:
    shop = builders.a_shop(session)
    assert hasattr(town, "latitude")
    shop.latitude, shop.longitude, shop.insee_code = town.latitude, town.longitude, town.insee_code
    shop.fictional, shop.status = fictional, ShopStatus.VERIFIED
    for home in session.scalars(select(ShopCommune).where(ShopCommune.shop_id == shop.id)):
        home.insee_code, home.since = town.insee_code, dt.date(2026, 1, 1)
    session.flush()
    return shop


def _place(session: Session, citizen: Citizen, town: object, lot: random.Random, until: dt.datetime) -> None:
    assert hasattr(town, "latitude")
    for _ in range(lot.randrange(3)):
        by_cell = lot.random() < 0.5
        session.add(
            Place(
                citizen_id=citizen.id,
                id=uuid.uuid4(),
                kind=PlaceKind.LASTING,
                insee_code=None if by_cell else town.insee_code,
                cell=cell_at(town.latitude, town.longitude) if by_cell else None,
                set_on=local_date(until),
                expires_at=until if by_cell else None,
            )
        )


def _announce(
    session: Session, shop: Shop, people: list[Citizen], lot: random.Random, at: dt.datetime, *, told: int
) -> None:
    kind = lot.choice(list(OfferKind))
    offer = Offer(
        id=new_id(),
        shop_id=shop.id,
        kind=kind,
        status=lot.choice((OfferStatus.LIVE, OfferStatus.ENDED, OfferStatus.SOLD_OUT)),
        title="Panier",
        radius=lot.choice((500, 5_000, 15_000)),
        ends_at=at + dt.timedelta(days=lot.choice((3, 5, 6))),
        closed_at=lot.choice((None, at + dt.timedelta(hours=lot.randrange(70)))),
        first_saved_at=at,
        live_from=at,
        updated_at=at,
    )
    session.add(offer)
    session.flush()
    message = _a_message(session, at, MessageKind.ANNOUNCEMENT, shop=shop, offer=offer)
    for citizen in lot.sample(people, k=lot.randrange(1, told)):
        _decide(session, citizen, message, lot, at)
    if offer.status is OfferStatus.SOLD_OUT:
        replacement = _a_message(session, at + dt.timedelta(hours=3), MessageKind.SOLD_OUT, shop=shop, offer=offer)
        session.add(_a_delivery(people[0], replacement, DeliveryState.ACCEPTED, at + dt.timedelta(hours=3)))
    for _ in range(lot.randrange(4)):
        used_at = at + dt.timedelta(hours=lot.randrange(40)) if lot.random() < 0.7 else None
        arm = lot.choice(list(Arm))
        session.add(
            TillCode(digest=lot.randbytes(32), offer_id=offer.id, surface=Surface.PHONE, arm=arm, used_at=used_at)
        )
        if used_at is not None:
            count(session, Counted.TILL_USES, offer.id, now=used_at)
    count(session, Counted.OFFER_OPENED, offer.id, now=at, by=2)


def _a_message(
    session: Session, at: dt.datetime, kind: MessageKind, *, shop: Shop | None = None, offer: Offer | None = None
) -> Message:
    message = Message(
        id=new_id(),
        kind=kind,
        state=MessageState.EXPANDED,
        shop_id=None if shop is None else shop.id,
        offer_id=None if offer is None else offer.id,
        offer_version=None if offer is None else 1,
        created_at=at,
        release_at=at,
        expires_at=at + dt.timedelta(days=3),
    )
    session.add(message)
    session.flush()
    return message


def _decide(session: Session, citizen: Citizen, message: Message, lot: random.Random, at: dt.datetime) -> None:
    until = at + dt.timedelta(hours=9) if lot.random() < 0.3 else None
    held = lot.random() < 0.4
    session.add(
        Decision(
            citizen_id=citizen.id,
            message_id=message.id,
            outcome=Outcome.HELD if held else Outcome.SEND,
            reason=lot.choice((*HELD_FOR_BUDGET, Reason.QUIET_HOURS, Reason.NO_DEVICE)) if held else Reason.FOLLOWS,
            decided_at=at + A_SECOND,
            until=None if held else until,
            arm=lot.choice(list(Arm)),
        )
    )
    if held:
        return
    for _ in range(lot.choice((1, 1, 2))):
        state = lot.choice((*[DeliveryState.ACCEPTED] * 4, *DeliveryState))
        settled = (until or at) + dt.timedelta(seconds=lot.randrange(40), microseconds=lot.randrange(1_000_000))
        session.add(_a_delivery(citizen, message, state, settled))


def _a_delivery(citizen: Citizen, message: Message, state: DeliveryState, settled: dt.datetime) -> Delivery:
    return Delivery(
        citizen_id=citizen.id,
        message_id=message.id,
        device_id=new_id(),
        bucket=citizen.bucket,
        origin_id=1,
        state=state,
        next_at=settled,
        accepted_at=settled if state is DeliveryState.ACCEPTED else None,
    )


def _a_digest(session: Session, citizen: Citizen, at: dt.datetime) -> None:
    message = _a_message(session, at, MessageKind.DIGEST)
    session.add(_a_delivery(citizen, message, DeliveryState.ACCEPTED, at))


@cache
def _near(latitude: float, longitude: float, radius: int) -> tuple[Collection[str], Collection[str]]:
    return near_cells(latitude, longitude, radius), near_communes(latitude, longitude, radius)


class InPlainWords:
    """Every number of every day, row by row: slow, and what the statements have to agree with."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.found: Counter[Line] = Counter()
        self.real = {shop.id: shop for shop in session.scalars(select(Shop)) if not shop.fictional}
        self.offers = {offer.id: offer for offer in session.scalars(select(Offer))}
        self.messages = {message.id: message for message in session.scalars(select(Message))}
        self.decisions = {(each.citizen_id, each.message_id): each for each in session.scalars(select(Decision))}
        self.own = {(each.citizen_id, each.shop_id) for each in session.scalars(select(TeamFollower))}
        self.deliveries = list(session.scalars(select(Delivery)))
        self.places: dict[uuid.UUID, list[Place]] = defaultdict(list)
        for place in session.scalars(select(Place)):
            self.places[place.citizen_id].append(place)
        self.count_follows()
        self.count_offers()
        self.count_decisions()
        for delivery in self.deliveries:
            self.count_delivery(delivery)
        self.count_tills()

    def add(self, moment: dt.datetime, counted: str, shop_id: uuid.UUID | None, grade: int = 0, by: int = 1) -> None:
        if shop_id in self.real or shop_id == NIL:
            assert shop_id is not None
            self.found[local_date(moment), counted, shop_id, grade] += by

    def count_follows(self) -> None:
        days = Counter(day.citizen_id for day in self.session.scalars(select(CitizenDay)))
        self.lived = {citizen_id for citizen_id, many in days.items() if many >= 2}
        self.lived |= {each.citizen_id for each in self.deliveries if each.state is DeliveryState.ACCEPTED}
        self.follows = (*self.session.scalars(select(Follow)), *self.session.scalars(select(EndedFollow)))
        for follow in self.follows:
            if follow.citizen_id in self.lived and (follow.citizen_id, follow.shop_id) not in self.own:
                self.add(follow.begun_at, "new-follows", follow.shop_id)
                if isinstance(follow, EndedFollow):
                    self.add(follow.ended_at, "lost-follows", follow.shop_id)
        by_shop = DailyCount.counted.in_((Counted.OPT_OUTS, Counted.SHOP_PAGE_VISITS))
        for number in self.session.scalars(select(DailyCount).where(by_shop)):
            self.add(midnight(number.day), number.counted.value, number.subject, by=number.count)

    def count_offers(self) -> None:
        for offer in self.offers.values():
            assert offer.live_from is not None
            self.add(offer.live_from, f"published-{offer.kind.value}", offer.shop_id)
            self.add(offer.live_from, "offer-opened", offer.shop_id, by=2)

    def count_decisions(self) -> None:
        for decision in self.decisions.values():
            shop_id = self.messages[decision.message_id].shop_id
            if (decision.citizen_id, shop_id) in self.own:
                continue
            if decision.reason in HELD_FOR_BUDGET:
                self.add(decision.decided_at, "held-for-budget", shop_id)
            elif decision.reason is Reason.QUIET_HOURS or (decision.outcome is Outcome.SEND and decision.until):
                self.add(decision.decided_at, "held-for-quiet", shop_id)

            offer_id = self.messages[decision.message_id].offer_id
            if decision.arm is not Arm.NONE and offer_id is not None:
                self.add_over(self.offers[offer_id], f"over-{decision.arm.value}")

    def add_over(self, offer: Offer, counted: str) -> None:
        assert offer.live_from is not None
        over = offer.closed_at or offer.ends_at
        if offer.status is not OfferStatus.LIVE and over - offer.live_from <= dt.timedelta(days=5):
            self.add(offer.closed_at or offer.ends_at, counted, offer.shop_id)

    def count_delivery(self, delivery: Delivery) -> None:
        message = self.messages[delivery.message_id]
        if (delivery.citizen_id, message.shop_id) in self.own:
            return
        if delivery.accepted_at is None:
            of_announcement = message.kind is MessageKind.ANNOUNCEMENT
            if of_announcement and delivery.state in {DeliveryState.GONE, DeliveryState.REFUSED}:
                self.add(delivery.next_at, f"deliveries-{delivery.state.value}", message.shop_id)
        elif message.shop_id is None:
            self.add(delivery.accepted_at, "digests-accepted", NIL)
        elif message.shop_id in self.real and message.kind is MessageKind.ANNOUNCEMENT:
            self.add(delivery.accepted_at, "deliveries-accepted", message.shop_id)
            self.count_accepted(delivery, message, delivery.accepted_at)

    def count_accepted(self, delivery: Delivery, message: Message, at: dt.datetime) -> None:
        decision = self.decisions[delivery.citizen_id, delivery.message_id]
        since = (decision.until or message.release_at).replace(microsecond=0)
        self.add(at, "delay", NIL, min(max(int((at.replace(microsecond=0) - since) / A_SECOND), 0), 32_767))
        assert message.shop_id is not None
        assert message.offer_id is not None
        shop, radius = self.real[message.shop_id], self.offers[message.offer_id].radius
        cells, codes = _near(shop.latitude, shop.longitude, radius)
        hers = self.places[delivery.citizen_id]
        standing = [place for place in hers if place.expires_at is None or place.expires_at > at]
        if any(place.cell in cells or place.insee_code in codes for place in standing):
            self.add(at, "nearby-accepted", shop.id)

    def count_tills(self) -> None:
        for code in self.session.scalars(select(TillCode).where(TillCode.used_at.is_not(None))):
            assert code.used_at is not None
            shop_id = self.offers[code.offer_id].shop_id
            self.add(code.used_at, f"used-{code.arm.value}", shop_id)
            self.add(code.used_at, "till-uses", shop_id)
            if code.arm is not Arm.NONE:
                self.add_over(self.offers[code.offer_id], f"over-used-{code.arm.value}")

    def stock(self, period: Period) -> Counter[tuple[str, str]]:
        """What stands at the end of a period; by areas too where it is a month."""
        stock: Counter[tuple[str, str]] = Counter()
        homes = {
            home.shop_id: home.insee_code
            for home in self.session.scalars(select(ShopCommune))
            if home.shop_id in self.real and home.since <= period.last and (not home.until or home.until > period.last)
        }
        hers: dict[uuid.UUID, list[str]] = defaultdict(list)
        for follow in self.follows:
            stands = follow.begun_at < period.ends
            stands &= not isinstance(follow, EndedFollow) or follow.ended_at >= period.ends
            own = (follow.citizen_id, follow.shop_id) in self.own
            if stands and not own and follow.shop_id in homes and follow.citizen_id in self.lived:
                hers[follow.citizen_id].append(area_of(homes[follow.shop_id]).code)
        stock["following-citizens", AGGLOMERATION] = len(hers)
        many = sorted(len(areas) for areas in hers.values())
        stock["follows-per-citizen", AGGLOMERATION] = many[(len(many) - 1) // 2] if many else 0
        came = Counter(
            day.citizen_id for day in self.session.scalars(select(CitizenDay)) if period.first <= day.day <= period.last
        )
        stock["active-citizens", AGGLOMERATION] = sum(days >= 2 for days in came.values())

        active = {shop_id for shop_id in self.published_often(period.end) if shop_id in homes}
        former = {shop_id for shop_id in self.published_often(period.end - dt.timedelta(days=91)) if shop_id in homes}
        stock["eligible-shops", AGGLOMERATION] = len(homes)
        stock["active-merchants", AGGLOMERATION] = len(active)
        stock["communes-covered", AGGLOMERATION] = len({homes[shop_id] for shop_id in active})
        stock["active-outside-centres", AGGLOMERATION] = sum(homes[each] not in {"62119", "62178"} for each in active)
        stock["active-a-quarter-ago", AGGLOMERATION] = len(former)
        stock["active-still", AGGLOMERATION] = len(former & active)
        if period.frequency is Frequency.MONTHLY:
            stock.update(("following-citizens", area) for areas in hers.values() for area in set(areas))
            stock.update(("eligible-shops", area_of(code).code) for code in homes.values())
            stock.update(("active-merchants", area_of(homes[shop_id]).code) for shop_id in active)
        return stock

    def published_often(self, end: dt.date) -> set[uuid.UUID]:
        """Who published something in three of the four weeks before a day."""
        weeks = defaultdict(set)
        for day, counted, shop_id, _ in self.found:
            if counted.startswith("published-") and end - dt.timedelta(days=28) <= day < end:
                weeks[shop_id].add((end - day - dt.timedelta(days=1)).days // 7)
        return {shop_id for shop_id, published in weeks.items() if len(published) >= 3}
