"""A code of the till: one for a citizen and an offer, used once, by its shop, and leading to nobody."""

import datetime as dt
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, inspect, select
from sqlalchemy.orm import Session, sessionmaker

from citylife import redemptions
from citylife.accounts.citizens import Citizen
from citylife.accounts.merchants import Merchant, Role, join_team, leave_team
from citylife.activity import Counted, DailyCount
from citylife.ledger.tables import Arm, Decision, Message, Outcome, Reason
from citylife.offers import Offer, OfferKind, OfferStatus
from citylife.offers.closing import sold_out, withdraw
from citylife.redemptions import (
    LENGTH,
    LETTERS,
    CodeOver,
    CodeUnknown,
    CodeUsed,
    NoCodeHere,
    Surface,
    TillCode,
    TillTaking,
    forget_codes,
    forget_takings,
    held_code,
    read_code,
    redeem,
    take_code,
)
from citylife.shops import Shop, suspend_shop
from tests import builders
from tests.builders import NOW
from tests.overlap import overlapping

SECRET = "s" * 43
DAY = dt.timedelta(days=1)


def a_sale(session: Session, **said) -> tuple[Merchant, Offer]:
    """An offer, and the merchant at its till."""
    merchant = builders.a_merchant(session)
    return merchant, builders.an_offer(session, builders.a_shop(session, merchant=merchant), **said)


def taken(session: Session, citizen: Citizen, offer: Offer, *, now=NOW) -> str:
    return take_code(session, citizen, offer, secret=SECRET, now=now).code


def used(session: Session, merchant: Merchant, code: str, *, now=NOW):
    return redeem(session, merchant.id, code, secret=SECRET, now=now)


def uses(session: Session) -> int:
    counted = select(func.coalesce(func.sum(DailyCount.count), 0)).where(DailyCount.counted == Counted.TILL_USES)
    return int(session.scalar(counted) or 0)


def test_a_code_is_short_plain_and_the_same_whenever_she_asks(session: Session):
    _, offer = a_sale(session)
    citizen, other = builders.a_citizen(session), builders.a_citizen(session)

    code = taken(session, citizen, offer)

    assert re.fullmatch(f"[{LETTERS}]{{{LENGTH}}}", code)
    assert not set(LETTERS) & set("01ILOU")
    assert taken(session, citizen, offer, now=NOW + dt.timedelta(hours=1)) == code
    assert held_code(session, citizen.id, offer.id, secret=SECRET).code == code
    assert held_code(session, other.id, offer.id, secret=SECRET) is None
    assert taken(session, other, offer) != code
    assert session.scalar(select(func.count()).select_from(TillCode)) == 2


def test_it_is_used_once_and_counted_once(session: Session):
    merchant, offer = a_sale(session)
    citizen = builders.a_citizen(session)
    code = taken(session, citizen, offer)

    done = used(session, merchant, f" {code[:3].lower()}-{code[3:]} ")

    assert (done.offer.id, done.shop.id, done.used_at) == (offer.id, offer.shop_id, NOW)
    assert held_code(session, citizen.id, offer.id, secret=SECRET).used_at == NOW
    with pytest.raises(CodeUsed, match="2026-11-24 à 10"):
        used(session, merchant, code, now=NOW + DAY)
    assert uses(session) == 1
    assert taken(session, citizen, offer) == code  # and she gets no other


def test_two_tills_at_the_same_moment_use_it_once(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        merchant, offer = a_sale(session)
        code = taken(session, builders.a_citizen(session), offer)

    done, refused = overlapping(
        sessions, lambda session: used(session, merchant, code), lambda session: used(session, merchant, code)
    )

    assert done.offer.id == offer.id
    assert isinstance(refused, CodeUsed)
    with sessions() as session:
        assert uses(session) == 1


def test_two_taps_at_the_same_moment_take_one_code(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        _, offer = a_sale(session)
        citizen = builders.a_citizen(session)

    first, second = overlapping(
        sessions, lambda session: taken(session, citizen, offer), lambda session: taken(session, citizen, offer)
    )

    assert first == second
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(TillCode)) == 1


def test_another_shop_s_code_is_as_unknown_as_one_that_never_was(session: Session):
    _, offer = a_sale(session)
    stranger, _ = a_sale(session)
    code = taken(session, builders.a_citizen(session), offer)
    said = set()
    for typed in (code, "222222", "", "IIIIII", code + code, "é" * 6):
        with pytest.raises(CodeUnknown) as refused:
            used(session, stranger, typed)
        said.add((refused.value.detail, refused.value.pointer))

    assert len(said) == 1
    assert uses(session) == 0


def test_who_left_the_team_uses_no_code(session: Session):
    merchant, offer = a_sale(session)
    code = taken(session, builders.a_citizen(session), offer)
    owner = builders.a_merchant(session)
    shop = session.get_one(Shop, offer.shop_id)
    join_team(session, owner, shop, Role.OWNER, now=NOW)
    builders.has_come(session, owner.id, now=NOW)
    leave_team(session, merchant.id, shop.id, now=NOW)

    with pytest.raises(CodeUnknown):
        used(session, merchant, code)


@pytest.mark.parametrize("ending", ["ended", "sold out", "withdrawn", "suspended"])
def test_it_is_worth_nothing_once_its_offer_is_over(session: Session, ending: str):
    merchant, offer = a_sale(session)
    citizen = builders.a_citizen(session)
    code, later = taken(session, citizen, offer), NOW
    if ending == "ended":
        later = offer.ends_at
    elif ending == "sold out":
        sold_out(session, offer, now=NOW)
    elif ending == "withdrawn":
        withdraw(session, offer, now=NOW)
    else:
        suspend_shop(session, session.get_one(Shop, offer.shop_id), reason="Signalée.", now=NOW)

    with pytest.raises(CodeOver):
        used(session, merchant, code, now=later)
    assert uses(session) == 0


@pytest.mark.parametrize(
    "said",
    [
        {"kind": OfferKind.EVENT},
        {"kind": OfferKind.NEWS},
        {"status": OfferStatus.SOLD_OUT},
        {"status": OfferStatus.ENDED},
        {"status": OfferStatus.SCHEDULED},
    ],
)
def test_only_a_live_offer_gives_codes(session: Session, said):
    _, offer = a_sale(session, **said)

    with pytest.raises(NoCodeHere):
        taken(session, builders.a_citizen(session), offer)


def test_neither_table_alone_leads_from_a_citizen_to_her_code(session: Session):
    _, offer = a_sale(session)
    citizen = builders.a_citizen(session)
    code = taken(session, citizen, offer)
    row = session.scalars(select(TillCode)).one()

    assert {column.key for column in inspect(TillCode).columns} == {"digest", "offer_id", "surface", "arm", "used_at"}
    assert {column.key for column in inspect(TillTaking).columns} == {"citizen_id", "offer_id", "drawing"}
    assert code.encode() not in row.digest
    assert row.surface is Surface.PHONE
    assert held_code(session, citizen.id, offer.id, secret="another" * 9) is None
    with pytest.raises(CodeUnknown):
        redeem(session, citizen.id, code, secret="another" * 9, now=NOW)


def test_a_code_that_another_has_is_drawn_again(session: Session, monkeypatch: pytest.MonkeyPatch):
    merchant, offer = a_sale(session)
    first, second = builders.a_citizen(session), builders.a_citizen(session)
    drawn = redemptions._drawn
    monkeypatch.setattr(
        redemptions,
        "_drawn",
        lambda who, what, drawing, secret: drawn(who, what, drawing, secret) if drawing else "ABCDEF",
    )

    codes = taken(session, first, offer), taken(session, second, offer)

    assert codes[0] == "ABCDEF" != codes[1]
    assert [used(session, merchant, code).offer.id for code in codes] == [offer.id] * 2
    assert held_code(session, second.id, offer.id, secret=SECRET).code == codes[1]


@pytest.mark.parametrize("arm", list(Arm))
def test_it_keeps_the_arm_of_the_draw_that_her_announcement_fell_in(session: Session, arm: Arm):
    _, offer = a_sale(session)
    citizen = builders.a_citizen(session)
    message = session.scalars(select(Message).where(Message.offer_id == offer.id)).one()
    session.add(
        Decision(
            citizen_id=citizen.id,
            message_id=message.id,
            outcome=Outcome.SEND,
            reason=Reason.FOLLOWS,
            decided_at=NOW,
            arm=arm,
        )
    )
    session.flush()

    taken(session, citizen, offer)

    assert session.scalars(select(TillCode.arm)).one() is arm


def test_what_was_taken_is_forgotten_a_day_after_the_end_and_codes_a_quarter_after(session: Session):
    merchant, offer = a_sale(session)
    citizen = builders.a_citizen(session)
    used(session, merchant, taken(session, citizen, offer))
    end = offer.ends_at

    assert (forget_takings(session, now=end + DAY), forget_codes(session, now=end + DAY)) == (0, 0)
    late = end + DAY + dt.timedelta(seconds=1)
    assert (forget_takings(session, now=late), forget_codes(session, now=late)) == (1, 0)
    assert forget_codes(session, now=end + 91 * DAY + dt.timedelta(seconds=1)) == 1
    assert uses(session) == 1  # the number stays


@given(st.text(alphabet=LETTERS, min_size=LENGTH, max_size=LENGTH), st.lists(st.integers(0, LENGTH)))
def test_a_code_is_read_however_it_is_spaced(code: str, blanks: list[int]):
    written = code
    for at in blanks:
        written = f"{written[:at]}-{written[at:]} "

    assert read_code(written.lower()) == code
