"""Who says a shop is hers: one claimant at a time, the listed shop matched, the decision kept with its reason."""

import contextlib
import datetime as dt
import uuid

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.merchants import Merchant, Role, membership, team_of
from citylife.around import Asked, shops_around
from citylife.audit import Actor, AuditEntry
from citylife.errors import Absent, NotYours
from citylife.follows import Level, follow
from citylife.search import find_shops
from citylife.shops import (
    IS_PUBLIC,
    ClaimStatus,
    Proof,
    Shop,
    ShopClaim,
    ShopStatus,
    claim_listed_shop,
    claim_shop,
    public_shops,
    refuse_claim,
    reinstate_shop,
    reopen,
    shop_by_id,
    shop_by_slug,
    shop_of_team,
    suspend_shop,
    verify_shop,
)
from citylife.shops.claims import (
    NotClaimed,
    NotSuspended,
    NotVerified,
    NumberElsewhere,
    NumberNeeded,
    ShopAlreadyClaimed,
)
from citylife.shops.closing import closings_of
from citylife.shops.decided import refused_claims
from citylife.shops.directory import ShopClosedDown, public_of
from citylife.shops.facts import SiretRefused
from citylife.text import TextRefused
from tests import builders
from tests.builders import BETHUNE, GRAND_PLACE, NOW
from tests.overlap import overlapping

SIRET = "73282932000074"
LATER = NOW + dt.timedelta(days=2)
METRE = 1 / 111_195  # of latitude, in degrees


def claim(session: Session, merchant: Merchant, **facts):
    said = {
        "name": "Chez Léon",
        "category": "bakery",
        "latitude": GRAND_PLACE[0],
        "longitude": GRAND_PLACE[1],
        "siret": SIRET,
        "now": NOW,
        **facts,
    }
    return claim_shop(session, merchant, **said)


def listed(session: Session, **facts) -> Shop:
    return builders.a_shop(session, "Chez Léon", status=ShopStatus.LISTED, **facts)


def test_a_shop_nobody_listed_is_made_claimed_and_hers(session: Session):
    merchant = builders.a_merchant(session)

    shop = claim(session, merchant, street="12 rue de l’Église", postal_code="62400")
    session.commit()

    assert (shop.status, shop.insee_code, shop.street) == (ShopStatus.CLAIMED, BETHUNE, "12 rue de l’Église")
    place = membership(session, merchant.id, shop.id)
    assert place is not None
    assert place.role is Role.OWNER
    pending = session.scalars(select(ShopClaim)).one()
    assert (pending.status, pending.siret, pending.claimed_at) == (ClaimStatus.PENDING, SIRET, NOW)


@pytest.mark.parametrize(
    ("facts", "moved"),
    [
        ({"siret": SIRET}, {"name": "Un autre nom", "latitude": GRAND_PLACE[0] + 400 * METRE}),
        ({}, {"name": "chez leon", "latitude": GRAND_PLACE[0] + 140 * METRE}),
    ],
    ids=["by its number", "by its name nearby"],
)
def test_a_listed_shop_is_matched_and_keeps_what_the_directory_says(session: Session, facts: dict, moved: dict):
    shop = listed(session, **facts)
    followed = builders.a_follow(session, builders.a_citizen(session), shop)

    claimed = claim(session, builders.a_merchant(session), **moved)
    session.commit()

    assert claimed is shop
    assert (shop.status, shop.name, shop.latitude) == (ShopStatus.CLAIMED, "Chez Léon", GRAND_PLACE[0])
    assert followed.shop_id == claimed.id
    assert session.scalar(select(func.count()).select_from(Shop)) == 1


@pytest.mark.parametrize("typed", ["L’Épi d’Or", "L'EPI D'OR", "l’épi-d’or", "L’Épi d’Or !"])
def test_a_listed_shop_is_matched_whichever_apostrophe_or_hyphen_is_typed(session: Session, typed: str):
    shop = builders.a_shop(session, "L'Épi-d'Or", status=ShopStatus.LISTED)

    assert claim(session, builders.a_merchant(session), name=typed) is shop
    assert shop.name == "L'Épi-d'Or"


@pytest.mark.parametrize(
    "facts",
    [{"latitude": GRAND_PLACE[0] + 160 * METRE}, {"name": "Chez Lucie"}],
    ids=["too far", "another name"],
)
def test_another_shop_is_not_matched(session: Session, facts: dict):
    shop = listed(session)

    claimed = claim(session, builders.a_merchant(session), **facts)

    assert claimed is not shop
    assert shop.status is ShopStatus.LISTED


def test_an_association_claims_by_its_rna(session: Session):
    shop = claim(session, builders.a_merchant(session), siret=None, rna="W621000123", category="association")
    verify_shop(session, shop, proof=Proof.VISIT, now=LATER)

    assert (shop.siret, shop.rna) == (None, "W621000123")
    with pytest.raises(NumberNeeded):
        claim(session, builders.a_merchant(session), siret=None)


def test_claiming_twice_changes_nothing_and_anothers_claim_is_refused(session: Session):
    merchant = builders.a_merchant(session)
    shop = claim(session, merchant)
    version = shop.version

    assert claim(session, merchant) is shop
    assert shop.version == version
    for facts in ({}, {"siret": builders.a_siret()}, {"name": "Ailleurs", "latitude": GRAND_PLACE[0] + 500 * METRE}):
        with pytest.raises(ShopAlreadyClaimed):
            claim(session, builders.a_merchant(session), **facts)
    verify_shop(session, shop, proof=Proof.VISIT, now=NOW)
    with pytest.raises(ShopAlreadyClaimed):
        claim(session, builders.a_merchant(session))
    assert session.scalar(select(func.count()).select_from(ShopClaim)) == 1


@pytest.mark.parametrize("is_listed", [True, False])
def test_two_claims_of_one_shop_at_once_are_not_both_taken(sessions: sessionmaker[Session], is_listed: bool):
    with sessions.begin() as session:
        if is_listed:
            listed(session)
        merchants = [builders.a_merchant(session).id for _ in range(2)]

    first, second = overlapping(
        sessions,
        lambda session: claim(session, session.get_one(Merchant, merchants[0])).id,
        lambda session: claim(session, session.get_one(Merchant, merchants[1])).id,
    )

    assert isinstance(second, ShopAlreadyClaimed)
    with sessions() as session:
        assert session.scalars(select(Shop.id)).all() == [first]
        assert [merchant.id for _, merchant in team_of(session, first)] == [merchants[0]]


def test_an_accepted_claim_makes_the_shop_verified_under_its_number(session: Session):
    shop = listed(session)
    claim(session, builders.a_merchant(session))
    version = shop.version

    verify_shop(session, shop, proof=Proof.POSTED_CODE, now=LATER)
    session.commit()

    assert (shop.status, shop.siret, shop.version) == (ShopStatus.VERIFIED, SIRET, version + 1)
    accepted = session.scalars(select(ShopClaim)).one()
    assert (accepted.status, accepted.proof, accepted.decided_at) == (ClaimStatus.ACCEPTED, Proof.POSTED_CODE, LATER)
    with pytest.raises(NotClaimed):
        verify_shop(session, shop, proof=Proof.POSTED_CODE, now=LATER)


def test_a_refused_claim_leaves_a_listed_shop_listed_as_it_was_and_nobodys(session: Session):
    merchant, rightful = builders.a_merchant(session), builders.a_merchant(session)
    shop = listed(session, siret=SIRET, website="https://leon.example/", telephone="0321570000")
    claim(session, merchant, website="https://evil.example/", now=LATER)

    refuse_claim(session, shop, reason="Le code posté n’est pas revenu.", now=LATER)
    session.commit()

    assert (shop.status, shop.siret) == (ShopStatus.LISTED, SIRET)
    assert (shop.website, shop.telephone) == ("https://leon.example/", "0321570000")
    assert membership(session, merchant.id, shop.id) is None
    refused = session.scalars(select(ShopClaim)).one()
    assert (refused.status, refused.reason) == (ClaimStatus.REFUSED, "Le code posté n’est pas revenu.")
    with pytest.raises(NotYours):
        shop_of_team(session, merchant.id, shop.id)
    with pytest.raises(NotClaimed):
        refuse_claim(session, shop, reason="Encore", now=LATER)

    assert claim(session, rightful, now=LATER) is shop
    assert shop_of_team(session, rightful.id, shop.id)[0] is shop


def test_a_refused_claim_of_a_shop_nobody_had_listed_leaves_none(session: Session):
    merchant, rightful = builders.a_merchant(session), builders.a_merchant(session)
    shop = claim(session, merchant, website="https://evil.example/")

    refuse_claim(session, shop, reason="Personne à cette adresse.", now=LATER)
    session.commit()

    assert (shop.status, shop.siret) == (ShopStatus.CLOSED, None)
    with pytest.raises(ShopClosedDown):
        shop_by_slug(session, shop.slug)
    assert [closing.closed_at for closing in closings_of(session, shop.id)] == [LATER]
    acts = session.scalars(select(AuditEntry.action).where(AuditEntry.subject_id == shop.id).order_by(AuditEntry.id))
    assert acts.all() == ["shop.claimed", "shop.claim-refused", "shop.closed-down"]
    theirs = claim(session, rightful, now=LATER)
    assert (theirs is not shop, theirs.status, theirs.siret) == (True, ShopStatus.CLAIMED, SIRET)


def seen_of(session: Session, shop: Shop) -> set[str]:
    """Where the public sees a shop."""
    session.flush()
    here = Asked(latitude=shop.latitude, longitude=shop.longitude)
    seen = {
        "search": [one.id for one in find_shops(session, q=shop.name, limit=9, now=NOW).things],
        "around": [near.thing_id for near in shops_around(session.connection(), here, now=NOW).things],
        "directory": [one.id for one in public_shops(session, limit=9)],
        "some of them": public_of(session, [shop.id]),
    }
    found = {where for where, shops in seen.items() if shop.id in shops}
    citizen = builders.a_citizen(session)
    for where, look in (
        ("page", lambda: shop_by_slug(session, shop.slug)),
        ("id", lambda: shop_by_id(session, shop.id)),
        ("follow", lambda: follow(session, citizen.id, shop, Level.NORMAL, now=NOW)),
    ):
        with contextlib.suppress(Absent):
            look()
            found.add(where)
    return found


EVERYWHERE = {"search", "around", "directory", "some of them", "page", "id", "follow"}


def test_of_a_shop_that_only_a_claim_speaks_of_the_public_sees_nothing_until_it_is_verified(session: Session):
    shop = claim(session, builders.a_merchant(session), name="CAF", website="https://evil.example/")
    assert seen_of(session, shop) == set()
    assert session.scalars(select(Shop.id).where(IS_PUBLIC)).all() == []

    verify_shop(session, shop, proof=Proof.VISIT, now=LATER)

    assert seen_of(session, shop) == EVERYWHERE


def test_a_listed_shop_stays_public_as_it_was_while_it_is_claimed(session: Session):
    shop = listed(session)
    said = {column.name: getattr(shop, column.name) for column in Shop.__table__.columns if column.name != "band"}

    claim_listed_shop(session, builders.a_merchant(session), shop.id, siret=SIRET, now=LATER)

    changed = {name for name, value in said.items() if getattr(shop, name) != value}
    assert (changed, shop.status) == ({"status", "updated_at", "version"}, ShopStatus.CLAIMED)
    assert seen_of(session, shop) == EVERYWHERE


def test_a_shop_that_staff_reopened_is_public_though_it_is_claimed_again(session: Session):
    shop = claim(session, builders.a_merchant(session))
    refuse_claim(session, shop, reason="Non.", now=LATER)
    reopen(session, shop, reason="Il existe.", now=LATER)
    assert seen_of(session, shop) == EVERYWHERE
    assert claim(session, builders.a_merchant(session), now=LATER) is shop
    assert seen_of(session, shop) == EVERYWHERE


def test_a_shop_that_staff_reopened_is_listed_again_after_another_refusal(session: Session):
    shop = claim(session, builders.a_merchant(session))
    refuse_claim(session, shop, reason="Non.", now=LATER)
    reopen(session, shop, reason="Il existe.", now=LATER)
    claim(session, builders.a_merchant(session), now=LATER)

    refuse_claim(session, shop, reason="Non plus.", now=LATER)

    assert shop.status is ShopStatus.LISTED


def test_a_refusal_gives_a_reason(session: Session):
    shop = claim(session, builders.a_merchant(session))

    with pytest.raises(TextRefused):
        refuse_claim(session, shop, reason=" ", now=NOW)
    assert shop.status is ShopStatus.CLAIMED


def test_an_acceptance_and_a_refusal_at_once_are_not_both_taken(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        shop_id = claim(session, builders.a_merchant(session)).id

    _, refusal = overlapping(
        sessions,
        lambda session: verify_shop(session, session.get_one(Shop, shop_id), proof=Proof.VISIT, now=NOW),
        lambda session: refuse_claim(session, session.get_one(Shop, shop_id), reason="Non", now=NOW),
    )

    assert isinstance(refusal, NotClaimed)
    with sessions() as session:
        assert session.get_one(Shop, shop_id).status is ShopStatus.VERIFIED


def test_a_verified_shop_is_suspended_and_reinstated(session: Session):
    shop = builders.a_shop(session)

    suspend_shop(session, shop, reason="Plaintes répétées", now=NOW)
    assert (shop.status, shop.suspended_reason) == (ShopStatus.SUSPENDED, "Plaintes répétées")
    with pytest.raises(NotVerified):
        suspend_shop(session, shop, reason="Encore", now=NOW)

    reinstate_shop(session, shop, reason="Tout est rentré dans l’ordre", now=LATER)
    assert (shop.status, shop.suspended_reason) == (ShopStatus.VERIFIED, None)
    with pytest.raises(NotSuspended):
        reinstate_shop(session, shop, reason="Tout est rentré dans l’ordre", now=LATER)


@pytest.mark.parametrize("status", [ShopStatus.LISTED, ShopStatus.CLAIMED])
def test_only_a_verified_shop_is_suspended(session: Session, status: ShopStatus):
    with pytest.raises(NotVerified):
        suspend_shop(session, builders.a_shop(session, status=status), reason="Plaintes", now=NOW)


def test_every_decision_is_in_the_audit_log_under_whose_it_was(session: Session):
    merchant, member = builders.a_merchant(session), builders.a_merchant(session)
    shop = claim(session, merchant)
    verify_shop(session, shop, proof=Proof.VISIT, now=NOW, actor=Actor.OPERATOR)
    suspend_shop(session, shop, reason="Plaintes", now=NOW, actor_id=member.id)
    reinstate_shop(session, shop, reason="Tout est rentré dans l’ordre", now=NOW)
    session.commit()

    rows = session.execute(
        select(AuditEntry.action, AuditEntry.actor, AuditEntry.actor_id)
        .where(AuditEntry.subject_id == shop.id)
        .order_by(AuditEntry.id)
    )
    assert [tuple(row) for row in rows] == [
        ("shop.claimed", Actor.MERCHANT, merchant.id),
        ("shop.verified", Actor.OPERATOR, None),
        ("shop.suspended", Actor.STAFF, member.id),
        ("shop.reinstated", Actor.STAFF, None),
    ]


def test_a_shop_chosen_in_the_directory_is_claimed_as_it_stands_there(session: Session):
    shop, merchant = listed(session, street="3 rue d’Arras"), builders.a_merchant(session)

    claimed = claim_listed_shop(session, merchant, shop.id, siret=f" {SIRET[:9]} {SIRET[9:]}", now=LATER)
    again = claim_listed_shop(session, merchant, shop.id, siret=SIRET, now=LATER)

    assert claimed is again is shop
    assert (shop.status, shop.street, shop.siret) == (ShopStatus.CLAIMED, "3 rue d’Arras", None)
    assert session.scalars(select(ShopClaim.siret)).all() == [SIRET]
    place = membership(session, merchant.id, shop.id)
    assert place is not None
    assert place.role is Role.OWNER


def test_a_chosen_shop_is_claimed_with_a_number_of_its_own(session: Session):
    shop, merchant = listed(session), builders.a_merchant(session)
    other = builders.a_shop(session, "Le Moulin", status=ShopStatus.LISTED, siret=SIRET)
    with pytest.raises(NumberNeeded):
        claim_listed_shop(session, merchant, shop.id, now=NOW)
    with pytest.raises(SiretRefused):
        claim_listed_shop(session, merchant, shop.id, siret="73282932000075", now=NOW)
    with pytest.raises(NumberElsewhere) as refusal:
        claim_listed_shop(session, merchant, shop.id, siret=SIRET, now=NOW)
    assert refusal.value.shop is other
    claim_listed_shop(session, builders.a_merchant(session), other.id, siret=SIRET, now=NOW)
    with pytest.raises(ShopAlreadyClaimed):
        claim_listed_shop(session, merchant, shop.id, siret=SIRET, now=NOW)
    assert shop.status is ShopStatus.LISTED


@pytest.mark.parametrize("status", [ShopStatus.CLOSED, ShopStatus.SUSPENDED])
def test_a_shop_that_is_gone_or_suspended_is_not_there_to_be_claimed(session: Session, status: ShopStatus):
    shop = builders.a_shop(session, status=status)
    for shop_id in (shop.id, uuid.UUID(int=1)):
        with pytest.raises(Absent):
            claim_listed_shop(session, builders.a_merchant(session), shop_id, siret=SIRET, now=NOW)


def test_of_two_who_choose_one_listed_shop_at_the_same_moment_one_gets_it(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        shop_id = listed(session).id
        merchants = [builders.a_merchant(session).id for _ in range(2)]

    def claiming(number: int):
        def deed(session: Session):
            merchant = session.get_one(Merchant, merchants[number])
            return claim_listed_shop(session, merchant, shop_id, siret=builders.a_siret(), now=NOW).id

        return deed

    first, second = overlapping(sessions, claiming(0), claiming(1))

    assert first == shop_id
    assert isinstance(second, ShopAlreadyClaimed)
    with sessions() as session:
        assert [merchant.id for _, merchant in team_of(session, shop_id)] == [merchants[0]]


def test_refusals_are_read_by_who_claimed_until_she_claims_again(session: Session):
    shop, merchant, rival = (
        listed(session, now=NOW - dt.timedelta(days=9)),
        *(builders.a_merchant(session) for _ in "ab"),
    )
    for who, reason in ((rival, "Pas vous."), (merchant, "Le SIRET est faux."), (merchant, "Toujours faux.")):
        claim_listed_shop(session, who, shop.id, siret=SIRET, now=NOW)
        refuse_claim(session, shop, reason=reason, now=NOW)

    (refused,) = refused_claims(session, merchant.id, now=LATER)
    assert (refused.shop, refused.reason, refused.listed) == (shop, "Toujours faux.", True)
    assert refused_claims(session, merchant.id, now=NOW + dt.timedelta(days=91)) == []

    claim_listed_shop(session, merchant, shop.id, siret=SIRET, now=LATER)
    assert refused_claims(session, merchant.id, now=LATER) == []
    assert [one.reason for one in refused_claims(session, rival.id, now=LATER)] == ["Pas vous."]
