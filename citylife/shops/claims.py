"""Claims: a merchant says that a shop is hers, staff look, and a verified shop may speak to those who follow it."""

import datetime as dt
import uuid
from typing import Final

from sqlalchemy import exists, select, text, update
from sqlalchemy.orm import Session

from citylife import timetable
from citylife.accounts.merchants import Membership, Merchant, Role, come_by, join_team
from citylife.audit import Actor, note
from citylife.database import new_id
from citylife.errors import Absent, Invalid, Refusal
from citylife.geography import haversine
from citylife.letters import LetterKind, write_letter
from citylife.limits import Limit
from citylife.shops.facts import check_rna, check_siret
from citylife.shops.listing import Listing, checked, enter
from citylife.shops.preparing import forget_prepared, take_effect
from citylife.shops.tables import ClaimStatus, Proof, Shop, ShopClaim, ShopClosing, ShopStatus, ShopSuspension
from citylife.text import check_lines, plainly
from citylife.timetable import Task

SAME_PLACE: Final = 150.0
"""Metres within which two shops of one commune and one name are the same shop."""
_DEGREE: Final = 111_000.0
"""Metres in a degree of latitude, a little less than any; a degree of longitude here is more than half of it."""
CLAIMS: Final = Limit("claims-a-day", 10, dt.timedelta(days=1))
"""How many shops one merchant may claim: each is somebody's work to verify, and nobody else's to claim meanwhile."""
CLAIMS_NETWORK: Final = Limit("claims-network", 40, dt.timedelta(days=1))
"""The same for a network, whatever the addresses that are used there."""
WORTH_READING: Final = dt.timedelta(days=30)
"""How long the mail server has to take the letter that says what was decided."""
NEVER_LISTED: Final = (
    Shop.source.is_(None)
    & exists().where(ShopClaim.shop_id == Shop.id, ShopClaim.claimed_at == Shop.created_at)
    & ~exists().where(ShopClosing.shop_id == Shop.id, ShopClosing.reopened_at.is_not(None))
)
"""Of a shop: a claim made it in the same moment; neither an import nor staff who reopened it have vouched for it."""
UNPROVED: Final = "Revendication refusée\N{NO-BREAK SPACE}: personne d’autre ne disait que ce commerce existe."
"""Why staff read that a shop is closed which only its refused claim had spoken of."""


class ShopAlreadyClaimed(Refusal):
    """Somebody else has claimed the shop, or runs it."""

    slug = "shop-already-claimed"
    status = 409
    title = "Commerce déjà revendiqué"
    sentence = "Ce commerce est déjà revendiqué. Si c’est le vôtre, écrivez-nous."


class NumberNeeded(Invalid):
    """A claim names a SIRET, or an association's RNA."""

    slug = "number-needed"
    title = "Numéro nécessaire"
    sentence = "Indiquez le SIRET du commerce, ou le numéro RNA de l’association."


class NumberElsewhere(Refusal):
    """The number is another listed shop's than the one that is claimed; `shop` is that one."""

    slug = "number-elsewhere"
    status = 409
    title = "Numéro d’un autre commerce"
    sentence = "Ce numéro est celui de « {name} », qui est dans l’annuaire : c’est lui que vous pouvez revendiquer."

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        super().__init__(name=shop.name, pointer="/number")


class NotClaimed(Refusal):
    """There is no claim to decide on."""

    slug = "not-claimed"
    status = 409
    title = "Aucune revendication"
    sentence = "Aucune revendication n’attend de réponse pour ce commerce."


class NotVerified(Refusal):
    """Only a verified shop is suspended."""

    slug = "not-verified"
    status = 409
    title = "Commerce non vérifié"
    sentence = "Seul un commerce vérifié peut être suspendu."


class NotSuspended(Refusal):
    """The shop is not suspended."""

    slug = "not-suspended"
    status = 409
    title = "Commerce non suspendu"
    sentence = "Ce commerce n’est pas suspendu."


def claim_shop(
    session: Session,
    merchant: Merchant,
    *,
    name: str,
    category: str,
    latitude: float,
    longitude: float,
    siret: str | None = None,
    rna: str | None = None,
    insee_code: str | None = None,
    street: str = "",
    postal_code: str = "",
    description: str = "",
    opening_hours: str | None = None,
    telephone: str | None = None,
    website: str | None = None,
    fictional: bool = False,
    now: dt.datetime,
) -> Shop:
    """Claim a shop: the one that is listed already, or else a new one; the merchant owns its team from now on.

    A listed shop keeps what the directory says of it until the claim is accepted, and of a new one the public sees
    nothing until then: a mailbox alone puts no words before it. The same merchant may claim twice: the second time
    changes nothing.

    Raises:
        NumberNeeded: neither SIRET nor RNA.
        ShopAlreadyClaimed: the shop is claimed or run by somebody else, also when both claim at the same moment.
        Invalid: a fact breaks its rule.
    """
    if not siret and not rna:
        raise NumberNeeded(pointer="/siret")
    listing = checked(
        Listing(
            name=name,
            category=category,
            latitude=latitude,
            longitude=longitude,
            insee_code=insee_code,
            street=street,
            postal_code=postal_code,
            description=description,
            opening_hours=opening_hours,
            telephone=telephone,
            website=website,
            siret=siret,
            rna=rna,
            fictional=fictional,
        )
    )
    _one_claim_at_a_time(session)
    shop = _known(session, listing)
    if shop is not None and shop.status is not ShopStatus.LISTED:
        if _pending(session, shop, merchant.id) is not None:
            return shop
        raise ShopAlreadyClaimed
    if shop is None:
        shop = enter(session, listing, ShopStatus.CLAIMED, now=now, unproved=True)
    return _claimed(session, merchant, shop, siret=listing.siret, rna=listing.rna, now=now)


def claim_listed_shop(
    session: Session,
    merchant: Merchant,
    shop_id: uuid.UUID,
    *,
    siret: str | None = None,
    rna: str | None = None,
    now: dt.datetime,
) -> Shop:
    """Claim the shop that a merchant has found in the directory; a second time changes nothing.

    Raises:
        NumberNeeded: neither SIRET nor RNA. SiretRefused, RnaRefused: no such number.
        Absent: there is no such shop, or it is suspended or gone.
        ShopAlreadyClaimed: the shop is claimed or run by somebody else, also when both claim at the same moment.
        NumberElsewhere: the number is another listed shop's; ShopAlreadyClaimed where that one is claimed or run.
    """
    if not siret and not rna:
        raise NumberNeeded(pointer="/siret")
    siret, rna = check_siret(siret) if siret else None, check_rna(rna) if rna else None
    _one_claim_at_a_time(session)
    shop = session.get(Shop, shop_id, populate_existing=True)
    if shop is None or shop.status in {ShopStatus.CLOSED, ShopStatus.SUSPENDED}:
        raise Absent
    if shop.status is not ShopStatus.LISTED:
        if _pending(session, shop, merchant.id) is not None:
            return shop
        raise ShopAlreadyClaimed
    other = shop_of_number(session, siret, rna)
    if other is not None and other.id != shop.id:
        if other.status is not ShopStatus.LISTED:
            raise ShopAlreadyClaimed
        raise NumberElsewhere(other)
    return _claimed(session, merchant, shop, siret=siret, rna=rna, now=now)


def already_there(session: Session, listing: Listing) -> Shop | None:
    """The shop that a claim of this listing would match: of the same number, or of the same name within 150 m.

    Raises:
        Invalid: a fact of the listing breaks its rule.
    """
    return _known(session, checked(listing))


def _claimed(
    session: Session, merchant: Merchant, shop: Shop, *, siret: str | None, rna: str | None, now: dt.datetime
) -> Shop:
    """Write that a shop is claimed, and that its claimant owns its team."""
    _become(shop, ShopStatus.CLAIMED, now=now)
    claim = ShopClaim(id=new_id(), shop_id=shop.id, merchant_id=merchant.id, siret=siret, rna=rna, claimed_at=now)
    session.add(claim)
    join_team(session, merchant, shop, Role.OWNER, now=now)
    come_by(session, merchant.id, shop.id, now=now)
    note(session, "shop.claimed", shop.id, actor=Actor.MERCHANT, actor_id=merchant.id, now=now)
    session.flush()
    return shop


def verify_shop(
    session: Session,
    shop: Shop,
    *,
    proof: Proof,
    now: dt.datetime,
    actor: Actor = Actor.STAFF,
    actor_id: uuid.UUID | None = None,
) -> Shop:
    """Accept the pending claim: the shop may publish from now on, and says what was prepared.

    The proof itself is `possession`'s to ask for.

    Raises:
        NotClaimed: no claim waits for an answer.
    """
    claim = held_claim(session, shop)
    claim.status, claim.proof, claim.decided_at = ClaimStatus.ACCEPTED, proof, now
    shop.siret, shop.rna = claim.siret or shop.siret, claim.rna or shop.rna
    take_effect(session, claim, shop)
    shop.unproved = False
    _become(shop, ShopStatus.VERIFIED, now=now)
    note(session, "shop.verified", shop.id, actor=actor, actor_id=actor_id, now=now, proof=proof.value)
    session.flush()
    return shop


def refuse_claim(
    session: Session,
    shop: Shop,
    *,
    reason: str,
    now: dt.datetime,
    actor: Actor = Actor.STAFF,
    actor_id: uuid.UUID | None = None,
) -> Shop:
    """Refuse the pending claim with a reason, which its claimant is written: the shop is nobody's.

    A shop that was listed before is listed again, as it was; what its claimant prepared is forgotten, drafts too.
    One that the claim itself had brought is closed down: nothing but the refused claim says that there is such a shop,
    and staff may reopen it.

    Raises:
        NotClaimed: no claim waits for an answer.
        TextRefused: the reason is empty or too long.
    """
    reason = check_lines(reason, pointer="/reason", most=1000, least=1)
    claim = held_claim(session, shop)
    claim.status, claim.reason, claim.decided_at = ClaimStatus.REFUSED, reason, now
    tell_claimant(session, claim, shop, LetterKind.CLAIM_REFUSED, now=now, reason=reason)
    team = select(Membership).where(Membership.shop_id == shop.id, Membership.ended_at.is_(None))
    for member in session.scalars(team):
        member.ended_at = now
    forget_prepared(session, claim, shop)
    unproved = session.scalar(select(Shop.id).where(Shop.id == shop.id, NEVER_LISTED)) is not None
    if unproved:
        shop.siret = shop.rna = None  # whose they are is not known, and the rightful shop may still come under them
        session.add(ShopClosing(id=new_id(), shop_id=shop.id, closed_at=now, reason=UNPROVED))
    _become(shop, ShopStatus.CLOSED if unproved else ShopStatus.LISTED, now=now)
    note(session, "shop.claim-refused", shop.id, actor=actor, actor_id=actor_id, now=now)
    if unproved:
        note(session, "shop.closed-down", shop.id, actor=actor, actor_id=actor_id, now=now)
    session.flush()
    return shop


def tell_claimant(
    session: Session, claim: ShopClaim, shop: Shop, kind: LetterKind, *, now: dt.datetime, **said: str
) -> None:
    """Write to who made a claim what became of it."""
    merchant = session.get_one(Merchant, claim.merchant_id)
    write_letter(
        session,
        kind,
        merchant.email,
        locale=merchant.locale,
        content={"shop": shop.name, **said},
        expires_at=now + WORTH_READING,
        now=now,
    )


def suspend_shop(
    session: Session,
    shop: Shop,
    *,
    reason: str,
    now: dt.datetime,
    actor: Actor = Actor.STAFF,
    actor_id: uuid.UUID | None = None,
) -> Shop:
    """Suspend a verified shop: it is absent for the public, publishes nothing, and what waits is not sent.

    What it announced every week ends, once a worker has seen it.

    Raises:
        NotVerified: it is not verified.
        TextRefused: the reason is empty or too long.
    """
    reason = check_lines(reason, pointer="/reason", most=300, least=1)
    hold_shop(session, shop)
    if shop.status is not ShopStatus.VERIFIED:
        raise NotVerified
    shop.suspended_reason = reason
    session.add(ShopSuspension(id=new_id(), shop_id=shop.id, suspended_at=now, reason=reason))
    _become(shop, ShopStatus.SUSPENDED, now=now)
    timetable.plan(session, Task.SHOP_SILENT, shop.id, now)
    note(session, "shop.suspended", shop.id, actor=actor, actor_id=actor_id, now=now)
    session.flush()
    return shop


def reinstate_shop(
    session: Session,
    shop: Shop,
    *,
    reason: str,
    now: dt.datetime,
    actor: Actor = Actor.STAFF,
    actor_id: uuid.UUID | None = None,
) -> Shop:
    """Lift the suspension; its reason is kept beside that of the suspension.

    Raises:
        NotSuspended: it is not suspended.
        TextRefused: the reason is empty or too long.
    """
    reason = check_lines(reason, pointer="/reason", most=300, least=1)
    hold_shop(session, shop)
    if shop.status is not ShopStatus.SUSPENDED:
        raise NotSuspended
    lifted = ShopSuspension.shop_id == shop.id, ShopSuspension.lifted_at.is_(None)
    session.execute(update(ShopSuspension).where(*lifted).values(lifted_at=now, lifted_reason=reason))
    shop.suspended_reason = None
    _become(shop, ShopStatus.VERIFIED, now=now)
    note(session, "shop.reinstated", shop.id, actor=actor, actor_id=actor_id, now=now)
    session.flush()
    return shop


def hold_shop(session: Session, shop: Shop) -> None:
    """Read the shop as it is now and hold it until the transaction ends; what points to it can still be written."""
    session.flush()
    session.refresh(shop, with_for_update={"key_share": True})


def _become(shop: Shop, status: ShopStatus, *, now: dt.datetime) -> None:
    shop.status = status
    shop.updated_at = now
    shop.version += 1


def _one_claim_at_a_time(session: Session) -> None:
    """Let two claims of one shop look for it one after the other; on SQLite there is only one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("LOCK TABLE shop_claims IN SHARE ROW EXCLUSIVE MODE"))


def _known(session: Session, listing: Listing) -> Shop | None:
    """The shop of the same number, or else of the same commune and name within 150 m; never one that is gone."""
    return shop_of_number(session, listing.siret, listing.rna) or _namesake(session, listing)


def shop_of_number(session: Session, siret: str | None, rna: str | None) -> Shop | None:
    """The shop that has one of the two numbers, or that is claimed with it; never one that is gone."""
    there = Shop.status != ShopStatus.CLOSED
    claimed = select(ShopClaim.shop_id).where(ShopClaim.status == ClaimStatus.PENDING)
    for column, claims, number in ((Shop.siret, ShopClaim.siret, siret), (Shop.rna, ShopClaim.rna, rna)):
        if number is not None:
            shop = session.scalar(
                select(Shop)
                .where((column == number) | Shop.id.in_(claimed.where(claims == number)), there)
                .order_by(Shop.id)
                .limit(1)
                .execution_options(populate_existing=True)
            )
            if shop is not None:
                return shop
    return None


def _namesake(session: Session, listing: Listing) -> Shop | None:
    """The shop of the same commune and name within 150 m."""
    around = SAME_PLACE / _DEGREE
    near = select(Shop).where(
        Shop.latitude.between(listing.latitude - around, listing.latitude + around),
        Shop.longitude.between(listing.longitude - 2 * around, listing.longitude + 2 * around),
        Shop.insee_code == listing.insee_code,
        Shop.status != ShopStatus.CLOSED,
    )
    for shop in session.scalars(near.order_by(Shop.id).execution_options(populate_existing=True)):
        metres = haversine(shop.latitude, shop.longitude, listing.latitude, listing.longitude)
        if metres <= SAME_PLACE and plainly(shop.name) == plainly(listing.name):
            return shop
    return None


def _pending(session: Session, shop: Shop, merchant_id: uuid.UUID) -> ShopClaim | None:
    return session.scalar(
        select(ShopClaim).where(
            ShopClaim.shop_id == shop.id,
            ShopClaim.merchant_id == merchant_id,
            ShopClaim.status == ClaimStatus.PENDING,
        )
    )


def held_claim(session: Session, shop: Shop) -> ShopClaim:
    """The claim that waits for an answer, and its shop, both held until the transaction ends.

    Raises:
        NotClaimed: there is none.
    """
    hold_shop(session, shop)
    claim = session.scalar(
        select(ShopClaim).where(ShopClaim.shop_id == shop.id, ShopClaim.status == ClaimStatus.PENDING).with_for_update()
    )
    if claim is None or shop.status is not ShopStatus.CLAIMED:
        raise NotClaimed
    return claim
