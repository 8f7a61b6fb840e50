"""Who claims a shop proves to be there: a visit that is recorded, or the code of a letter, five tries, sixty days."""

import datetime as dt
import re

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.audit import Actor, AuditEntry
from citylife.database import new_id
from citylife.shops import PostedCode, Proof, Shop, ShopClaim, ShopStatus, ShopSuspension, refuse_claim, reinstate_shop
from citylife.shops.claims import NotClaimed
from citylife.shops.possession import (
    LETTERS,
    LIFETIME,
    TRIES,
    CodeOver,
    NoCodePosted,
    NotProved,
    Visit,
    VisitRefused,
    enter_code,
    pending_claims,
    post_code,
    verify_by_code,
    verify_by_visit,
)
from citylife.text import TextRefused
from tests import builders
from tests.builders import NOW
from tests.overlap import overlapping

MEMBER, MERCHANT = new_id(), new_id()
TODAY = dt.date(2026, 11, 24)


@pytest.fixture
def shop(session: Session) -> Shop:
    return builders.a_shop(session, status=ShopStatus.CLAIMED)


def enter(session: Session, shop: Shop, said: str, *, now: dt.datetime = NOW):
    return enter_code(session, shop, said, now=now, actor_id=MERCHANT)


def another(code: str) -> str:
    return ("2" if code[0] != "2" else "3") + code[1:]


def test_a_visit_is_recorded_with_the_claim_it_proves(session: Session, shop: Shop) -> None:
    verify_by_visit(session, shop, Visit(TODAY, "Vu par Karima, à la caisse"), now=NOW, actor_id=MEMBER)
    session.commit()

    claim = session.scalars(select(ShopClaim)).one()
    assert (shop.status, claim.proof) == (ShopStatus.VERIFIED, Proof.VISIT)
    assert (claim.visited_on, claim.seen_by) == (TODAY, "Vu par Karima, à la caisse")
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "shop.verified")).one()
    assert (entry.actor, entry.actor_id, entry.detail) == (Actor.STAFF, MEMBER, {"proof": "visit"})


@pytest.mark.parametrize(
    ("visit", "refusal"),
    [
        (Visit(TODAY + dt.timedelta(days=1), "Karima"), VisitRefused),
        (Visit(TODAY, " "), TextRefused),
        (Visit(TODAY, "x" * 201), TextRefused),
    ],
)
def test_a_visit_has_been_made_and_by_somebody(session: Session, shop: Shop, visit: Visit, refusal) -> None:
    with pytest.raises(refusal):
        verify_by_visit(session, shop, visit, now=NOW)
    assert shop.status is ShopStatus.CLAIMED


def test_a_posted_code_is_entered_however_it_is_typed_and_lets_staff_verify(session: Session, shop: Shop) -> None:
    code = post_code(session, shop, now=NOW, actor_id=MEMBER)
    assert re.fullmatch(f"[{LETTERS}]{{8}}", code)
    with pytest.raises(NotProved):
        verify_by_code(session, shop, now=NOW)

    trial = enter(session, shop, f" {code[:4].lower()}-{code[4:]} ", now=NOW + dt.timedelta(days=3))

    assert trial.entered_at == NOW + dt.timedelta(days=3)
    assert enter(session, shop, "whatever", now=NOW + LIFETIME).entered_at == trial.entered_at
    assert shop.status is ShopStatus.CLAIMED
    verify_by_code(session, shop, now=NOW, actor_id=MEMBER)
    session.commit()
    assert shop.status is ShopStatus.VERIFIED
    assert session.scalars(select(ShopClaim.proof)).one() is Proof.POSTED_CODE
    acts = session.execute(select(AuditEntry.action, AuditEntry.actor_id).order_by(AuditEntry.id)).all()
    assert [tuple(row) for row in acts][1:] == [
        ("shop.code-made", MEMBER),
        ("shop.code-entered", MERCHANT),
        ("shop.verified", MEMBER),
    ]


def test_of_a_code_only_a_digest_is_kept_and_another_letter_has_another(session: Session, shop: Shop) -> None:
    first = post_code(session, shop, now=NOW)
    kept = session.scalars(select(PostedCode)).one()
    assert first.encode() not in kept.digest + kept.salt
    digest = kept.digest
    second = post_code(session, shop, now=NOW)
    assert second != first
    assert kept.digest != digest
    assert enter(session, shop, first).entered_at is None
    assert enter(session, shop, second).entered_at == NOW


def test_five_wrong_tries_spend_a_code_and_a_new_letter_has_five_again(session: Session, shop: Shop) -> None:
    code = post_code(session, shop, now=NOW)
    assert [enter(session, shop, another(code)).left for _ in range(TRIES)] == [4, 3, 2, 1, 0]
    with pytest.raises(CodeOver):
        enter(session, shop, code)
    with pytest.raises(NotProved):
        verify_by_code(session, shop, now=NOW)
    again = post_code(session, shop, now=NOW)
    assert enter(session, shop, another(again)).left == 4
    assert enter(session, shop, again).entered_at == NOW


def test_tries_at_the_same_moment_are_all_counted(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        shop = builders.a_shop(session, status=ShopStatus.CLAIMED)
        code = another(post_code(session, shop, now=NOW))

    def attempt(session: Session) -> int:
        return enter(session, session.get_one(Shop, shop.id), code).left

    assert overlapping(sessions, attempt, attempt) == (4, 3)


def test_after_sixty_days_a_code_is_worth_nothing(session: Session, shop: Shop) -> None:
    code = post_code(session, shop, now=NOW)
    with pytest.raises(CodeOver):
        enter(session, shop, code, now=NOW + LIFETIME)
    assert enter(session, shop, code, now=NOW + LIFETIME - dt.timedelta(seconds=1)).entered_at is not None


def test_without_a_claim_there_is_nothing_to_prove_and_without_a_letter_no_code(session: Session, shop: Shop) -> None:
    with pytest.raises(NoCodePosted):
        enter(session, shop, "ABCDEFGH")
    code = post_code(session, shop, now=NOW)
    refuse_claim(session, shop, reason="Personne à cette adresse", now=NOW)
    for status in (shop, builders.a_shop(session, status=ShopStatus.LISTED), builders.a_shop(session)):
        with pytest.raises(NotClaimed):
            post_code(session, status, now=NOW)
        with pytest.raises(NotClaimed):
            enter(session, status, code)
        with pytest.raises(NotClaimed):
            verify_by_code(session, status, now=NOW)
        with pytest.raises(NotClaimed):
            verify_by_visit(session, status, Visit(TODAY, "Karima"), now=NOW)


def test_staff_see_who_claims_and_whether_the_letter_came_back(session: Session, shop: Shop) -> None:
    verified = builders.a_shop(session)
    found = pending_claims(session, [shop.id, verified.id])
    assert set(found) == {shop.id}
    assert found[shop.id].code is None
    post_code(session, shop, now=NOW)
    again = pending_claims(session, [shop.id])[shop.id]
    assert again.code is not None
    assert again.merchant.id == again.claim.merchant_id


def test_suspensions_are_kept_with_why_they_began_and_why_they_ended(session: Session) -> None:
    suspended = builders.a_shop(session, status=ShopStatus.SUSPENDED)
    with pytest.raises(TextRefused):
        reinstate_shop(session, suspended, reason=" ", now=NOW)
    assert suspended.status is ShopStatus.SUSPENDED
    reinstate_shop(session, suspended, reason="Erreur de notre part", now=NOW + LIFETIME)
    session.commit()
    session.expire_all()
    kept = session.scalars(select(ShopSuspension)).one()
    assert (kept.shop_id, kept.suspended_at, kept.reason) == (
        suspended.id,
        NOW,
        "Signalée par plusieurs personnes.",
    )
    assert (kept.lifted_at, kept.lifted_reason) == (NOW + LIFETIME, "Erreur de notre part")
