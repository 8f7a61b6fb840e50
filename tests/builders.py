"""What tests are made of: plain functions on a session that build the usual citizen, shop, offer, follow or device.

Each says what matters to the test and fills in the rest; what they build went through the domain's own verbs.
"""

import datetime as dt
import secrets
import uuid
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from stdnum import luhn

from citylife.accounts.citizens import Citizen, create_citizen
from citylife.accounts.merchants import Membership, Merchant, MerchantKey, Scope, come_by, invite_merchant, new_key
from citylife.accounts.passkeys import Passkey
from citylife.accounts.sessions import Account, AccountKind, open_session
from citylife.accounts.staff import StaffMember, StaffRole, invite_staff
from citylife.audit import Actor
from citylife.consent import TEXTS, Purpose, record_consent
from citylife.courtesy.tables import SendingRule
from citylife.database import new_id
from citylife.devices import Device, devices_of, register_device
from citylife.email_digest.asking import ask_for_digest, confirm_address
from citylife.email_digest.tables import EmailDigest
from citylife.endpoints import Endpoint, SubscriptionKeys, check_endpoint
from citylife.follows import Follow, Level, follow
from citylife.ledger.tables import Decision, Delivery, DeliveryState, Message, MessageKind, Outcome, Reason
from citylife.letters import Letter
from citylife.offers import (
    Offer,
    OfferDraft,
    OfferStatus,
    RecurringDraft,
    RecurringOffer,
    Rhythm,
    draft_offer,
    end_due,
    publish,
    schedule,
    sold_out,
    withdraw,
)
from citylife.offers.recurring import begin_recurring
from citylife.photos import Photo, keep_photo
from citylife.pilot.costs import enter_cost
from citylife.pilot.counting import close_days
from citylife.pilot.freezing import Counting, count_period, freeze, reports_of
from citylife.pilot.periods import Frequency, Period, last_over
from citylife.pilot.tables import PilotCost, PilotDay
from citylife.places import Place, PlaceKind, area_of_commune, area_of_point, set_place
from citylife.shops import (
    Listing,
    Proof,
    Shop,
    ShopStand,
    ShopStatus,
    claim_listed_shop,
    claim_shop,
    close_down,
    list_shop,
    suspend_shop,
    verify_shop,
)
from tests.pictures import a_developed_picture

NOW = dt.datetime(2026, 11, 24, 9, 0, tzinfo=dt.UTC)
"""A Tuesday, 10:00 in Paris: no holiday, no quiet hour."""
BETHUNE = "62119"
BRUAY = "62178"
GRAND_PLACE = (50.53015, 2.64035)
"""In Béthune, degrees WGS 84."""


def a_citizen(session: Session, *, consented: bool = True, locale: str = "fr", now: dt.datetime = NOW) -> Citizen:
    """A citizen, who has agreed to notifications unless `consented` is false."""
    return a_citizen_with_token(session, consented=consented, locale=locale, now=now)[0]


def a_citizen_with_token(
    session: Session, *, consented: bool = True, locale: str = "fr", now: dt.datetime = NOW
) -> tuple[Citizen, str]:
    """A citizen and the token that speaks for her."""
    citizen, token = create_citizen(session, locale=locale, now=now)
    if consented:
        consent(session, citizen, now=now)
    return citizen, token


def consent(
    session: Session,
    citizen: Citizen,
    purpose: Purpose = Purpose.NOTIFICATIONS,
    *,
    granted: bool = True,
    now: dt.datetime = NOW,
) -> None:
    """Let a citizen agree to a purpose, or withdraw."""
    record_consent(
        session, citizen, purpose, granted=granted, text_version=TEXTS[purpose].version, locale="fr", now=now
    )


def a_merchant(session: Session, email: str | None = None, *, now: dt.datetime = NOW) -> Merchant:
    """A merchant, with an address of her own unless one is given."""
    return invite_merchant(session, email or f"{secrets.token_hex(6)}@boutique.example", now=now)


def a_key(
    session: Session, merchant: Merchant, *scopes: Scope, label: str = "caisse", now: dt.datetime = NOW
) -> tuple[MerchantKey, str]:
    """An API key of a merchant and its token; every scope unless some are named."""
    return new_key(session, merchant, label, scopes or tuple(Scope), now=now)


def a_staff_member(
    session: Session, role: StaffRole = StaffRole.MODERATE, email: str | None = None, *, now: dt.datetime = NOW
) -> StaffMember:
    """A member of staff, with an address of her own unless one is given."""
    return invite_staff(session, email or f"{secrets.token_hex(6)}@cluster.example", role, now=now)


def a_passkey(session: Session, who: Merchant | StaffMember, *, now: dt.datetime = NOW) -> Passkey:
    """A passkey that no device proves."""
    passkey = Passkey(
        id=new_id(),
        credential_id=secrets.token_bytes(16),
        public_key=secrets.token_bytes(77),
        sign_count=0,
        merchant_id=who.id if isinstance(who, Merchant) else None,
        staff_id=who.id if isinstance(who, StaffMember) else None,
        browser="Firefox",
        created_at=now,
    )
    session.add(passkey)
    session.flush()
    return passkey


def signed_in(
    session: Session,
    who: Merchant | StaffMember,
    *,
    browser: str = "Firefox",
    by_letter: bool = False,
    now: dt.datetime = NOW,
) -> str:
    """The token of a new session of a merchant, or of a member of staff, who uses a passkey unless it is by letter."""
    kind = AccountKind.MERCHANT if isinstance(who, Merchant) else AccountKind.STAFF
    if kind is AccountKind.MERCHANT:
        has_come(session, who.id, now=now)
    by_passkey = kind is AccountKind.STAFF and not by_letter
    return open_session(session, Account(kind, who.id), browser=browser, by_passkey=by_passkey, now=now)[1]


def has_come(session: Session, merchant_id: uuid.UUID, *, now: dt.datetime = NOW) -> None:
    """Let a merchant have come to every shop into whose team she was invited."""
    for shop_id in session.scalars(select(Membership.shop_id).where(Membership.merchant_id == merchant_id)).all():
        come_by(session, merchant_id, shop_id, now=now)


def a_siret() -> str:
    """A SIRET whose check digits are right, of a company that does not exist as far as we know."""
    siren = secrets.choice("13579") + "".join(secrets.choice("0123456789") for _ in range(7))
    siren += luhn.calc_check_digit(siren)
    establishment = siren + "".join(secrets.choice("0123456789") for _ in range(4))
    return str(establishment + luhn.calc_check_digit(establishment))


def a_shop(
    session: Session,
    name: str | None = None,
    *,
    status: ShopStatus = ShopStatus.VERIFIED,
    merchant: Merchant | None = None,
    open_until: str | None = None,
    category: str = "bakery",
    position: tuple[float, float] = GRAND_PLACE,
    insee_code: str | None = BETHUNE,
    opening_hours: str | None = None,
    siret: str | None = None,
    unproved: bool = False,
    now: dt.datetime = NOW,
    **facts: Any,
) -> Shop:
    """A shop on the Grand-Place of Béthune, verified unless another status is asked for.

    `open_until` such as "19:00" opens it every day but public holidays from 08:00; `merchant` owns it (a new one
    otherwise, save for a listed shop, which is nobody's). A claimed shop was listed
    before, unless it is `unproved`. Other facts are those of `Listing`.
    """
    facts |= {
        "name": name or f"Boulangerie {secrets.token_hex(4)}",
        "category": category,
        "latitude": position[0],
        "longitude": position[1],
        "insee_code": insee_code,
        "opening_hours": opening_hours or (f"Mo-Su 08:00-{open_until}; PH off" if open_until else None),
        "siret": siret,
    }
    if status in {ShopStatus.LISTED, ShopStatus.CLOSED}:
        listed = list_shop(session, Listing(**facts), now=now)
        return close_down(session, listed, reason="Rideau baissé.", now=now) if status is ShopStatus.CLOSED else listed
    merchant = merchant or a_merchant(session, now=now)
    if status is ShopStatus.CLAIMED and not unproved:
        listed = list_shop(session, Listing(**{**facts, "siret": None}), now=now - dt.timedelta(days=1))
        return claim_listed_shop(session, merchant, listed.id, siret=siret or a_siret(), now=now)
    shop = claim_shop(session, merchant, **{**facts, "siret": siret or a_siret()}, now=now)
    if status is not ShopStatus.CLAIMED:
        verify_shop(session, shop, proof=Proof.VISIT, now=now)
    if status is ShopStatus.SUSPENDED:
        suspend_shop(session, shop, reason="Signalée par plusieurs personnes.", now=now)
    return shop


def a_stand(
    session: Session,
    shop: Shop,
    weekday: int,
    *,
    label: str = "Marché de Bruay",
    insee_code: str = BRUAY,
    position: tuple[float, float] = (50.4833, 2.55),
    hours: str = "08:00-12:30",
) -> ShopStand:
    """Where a market trader stands on a weekday (0 is Monday): at Bruay's market in the morning unless told."""
    latitude, longitude = position
    place = {"insee_code": insee_code, "latitude": latitude, "longitude": longitude}
    stand = ShopStand(shop_id=shop.id, weekday=weekday, label=label, hours=hours, **place)
    session.add(stand)
    session.flush()
    return stand


def a_draft(now: dt.datetime = NOW, **said: Any) -> OfferDraft:
    """What a merchant writes: bread at half price until the evening, unless `said` otherwise."""
    return OfferDraft(**{"title": "Pains à moitié prix", "ends_at": now + dt.timedelta(hours=8), **said})


def an_offer(
    session: Session, shop: Shop, *, status: OfferStatus = OfferStatus.LIVE, now: dt.datetime = NOW, **said: Any
) -> Offer:
    """An offer of a verified shop, live since `now` unless another status is asked for; `said` as in `OfferDraft`.

    A scheduled one begins in two hours; a withdrawn, sold-out or ended one was live before.
    """
    offer = draft_offer(session, shop, a_draft(now, **said), now=now)
    if status is OfferStatus.SCHEDULED:
        schedule(session, shop, offer, starts_at=said.get("starts_at") or now + dt.timedelta(hours=2), now=now)
    elif status is not OfferStatus.DRAFT:
        publish(session, shop, offer, now=now)
    if status is OfferStatus.WITHDRAWN:
        withdraw(session, offer, now=now)
    elif status is OfferStatus.SOLD_OUT:
        sold_out(session, offer, now=now)
    elif status is OfferStatus.ENDED:
        end_due(session, offer.id, now=offer.ends_at)
    return offer


def a_recurring_offer(
    session: Session, shop: Shop, *weekdays: int, now: dt.datetime = NOW, **said: Any
) -> RecurringOffer:
    """An offer that comes again, each Thursday at eight in Paris for four hours unless told; `said` its words."""
    rhythm = Rhythm(weekdays=frozenset(weekdays or {3}), at=dt.time(8), hours=4)
    draft = RecurringDraft(**{"title": "Fournée de brioches", "rhythm": rhythm, **said})
    return begin_recurring(session, session.get_one(Shop, shop.id), draft, now=now)


def a_photo(session: Session, shop: Shop, colour: str = "sienna", *, now: dt.datetime = NOW) -> Photo:
    """A photo that the shop's team sent, which nothing shows yet; another colour makes another photo."""
    return keep_photo(session, shop, a_developed_picture(colour), now=now)


def a_follow(
    session: Session, citizen: Citizen, shop: Shop, level: Level = Level.NORMAL, *, now: dt.datetime = NOW
) -> Follow:
    """The citizen follows the shop."""
    return follow(session, citizen.id, shop, level, now=now)


def a_place(
    session: Session,
    citizen: Citizen,
    kind: PlaceKind = PlaceKind.LASTING,
    *,
    insee_code: str | None = None,
    position: tuple[float, float] = GRAND_PLACE,
    now: dt.datetime = NOW,
) -> Place:
    """A place of a citizen, who agrees to it: a commune, or what is kept of a position."""
    if not citizen.location_consented:
        consent(session, citizen, Purpose.LOCATION, now=now)
    area = area_of_point(*position) if insee_code is None else area_of_commune(insee_code)
    return set_place(session, citizen, area, kind, now=now)[0]


def an_address_to_confirm(
    session: Session, citizen: Citizen, email: str | None = None, *, now: dt.datetime = NOW
) -> str:
    """An address she gave for the digest by e-mail, with her consent; the secret of the link it was sent."""
    consent(session, citizen, Purpose.EMAIL_DIGEST, now=now)
    address = email or f"{secrets.token_hex(6)}@courrier.example"
    asked = ask_for_digest(session, citizen, address, may_write=True, now=now)
    assert asked.letter_id is not None
    return str(session.get_one(Letter, asked.letter_id).content["token"])


def an_email_digest(
    session: Session, citizen: Citizen, email: str | None = None, *, now: dt.datetime = NOW
) -> EmailDigest:
    """An address to which a citizen gets her weekly letter: given with her consent, and confirmed."""
    token = an_address_to_confirm(session, citizen, email, now=now)
    confirmed = confirm_address(session, token, now=now)
    assert confirmed is not None
    return confirmed


def browser_keys() -> tuple[ec.EllipticCurvePrivateKey, SubscriptionKeys]:
    """A browser's private key, and what it tells the server: a real point on P-256 and a secret."""
    private = ec.generate_private_key(ec.SECP256R1())
    point = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return private, SubscriptionKeys(p256dh=point, auth=secrets.token_bytes(16))


def an_endpoint(host: str = "updates.push.services.mozilla.com") -> Endpoint:
    """An endpoint nobody else has, of a push service that is allowed."""
    return check_endpoint(f"https://{host}/wpush/v2/{secrets.token_urlsafe(24)}")


def a_device(
    session: Session,
    citizen: Citizen,
    endpoint: Endpoint | str | None = None,
    *,
    keys: SubscriptionKeys | None = None,
    expires_at: dt.datetime | None = None,
    push_key: int = 1,
    replaces: uuid.UUID | None = None,
    now: dt.datetime = NOW,
) -> Device:
    """A device of a citizen who has agreed to notifications, with real keys."""
    if endpoint is None:
        endpoint = an_endpoint()
    elif isinstance(endpoint, str):
        endpoint = check_endpoint(endpoint)
    keys = keys or browser_keys()[1]
    return register_device(
        session, citizen, endpoint, keys, expires_at=expires_at, push_key=push_key, replaces=replaces, now=now
    )[0]


def a_follower(
    session: Session, shop: Shop, level: Level = Level.NORMAL, *, devices: int = 1, now: dt.datetime = NOW
) -> Citizen:
    """A citizen with devices who follows the shop: whom an announcement reaches."""
    citizen = a_citizen(session, now=now)
    for _ in range(devices):
        a_device(session, citizen, now=now)
    a_follow(session, citizen, shop, level, now=now)
    return citizen


def at_any_hour(session: Session) -> None:
    """Let everybody who is there be told of anything at any hour: for tests on the real clock, also at night."""
    session.flush()
    session.execute(
        update(Citizen).values(
            quiet_from=dt.time(0), quiet_until=dt.time(0), quiet_sundays=False, weekly_budget=20, daily_budget=10
        )
    )
    session.execute(update(Follow).where(Follow.level == Level.NORMAL).values(level=Level.ALWAYS))
    if session.scalar(select(SendingRule.id).where(SendingRule.shop_id.is_(None))) is None:
        rule = SendingRule(id=new_id(), announcements_a_day=30_000, reason="essais", set_at=NOW)
        session.add(rule)
    session.flush()


def a_delivery(
    session: Session, citizen: Citizen, offer_id: uuid.UUID, *, accepted_at: dt.datetime | None = None
) -> list[Delivery]:
    """A decision to tell the citizen of a live offer, and a delivery to each of her devices, accepted or waiting."""
    message = session.scalars(
        select(Message).where(Message.offer_id == offer_id, Message.kind == MessageKind.ANNOUNCEMENT)
    ).one()
    session.add(
        Decision(
            citizen_id=citizen.id,
            message_id=message.id,
            outcome=Outcome.SEND,
            reason=Reason.FOLLOWS,
            decided_at=message.created_at,
        )
    )
    session.flush()
    deliveries = [
        Delivery(
            citizen_id=citizen.id,
            message_id=message.id,
            device_id=device.id,
            bucket=citizen.bucket,
            origin_id=device.origin_id,
            state=DeliveryState.WAITING if accepted_at is None else DeliveryState.ACCEPTED,
            next_at=message.created_at,
            accepted_at=accepted_at,
        )
        for device in devices_of(session, citizen.id)
    ]
    session.add_all(deliveries)
    session.flush()
    return deliveries


def a_cost(session: Session, *, cents: int, now: dt.datetime = NOW) -> PilotCost:
    """What the public paid for November 2026, by an invoice."""
    days = {"first": dt.date(2026, 11, 1), "last": dt.date(2026, 11, 30)}
    return enter_cost(session, **days, cents=cents, source="Facture", staff_id=new_id(), now=now)


def a_counted_period(session: Session, period: Period, *, now: dt.datetime) -> Counting:
    """What is counted of a period, whose days are closed one after the other where they were not."""
    closed = set(session.scalars(select(PilotDay.day)))
    for day in period.days():
        if day not in closed:
            close_days(session, [day], now=now)
    return count_period(session, period, now=now)


def a_frozen_week(session: Session, *, now: dt.datetime = NOW) -> str:
    """The last week, frozen as the pilot's figures are; its name, such as 2026-W48."""
    week = last_over(Frequency.WEEKLY, now)
    if not reports_of(session, week):
        freeze(session, a_counted_period(session, week, now=now), revision="tests", actor=Actor.SYSTEM, now=now)
    return str(week)
