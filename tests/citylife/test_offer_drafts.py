"""What an offer may say: its dates, its prices, its words; and how it is corrected without losing anything."""

import datetime as dt
import hashlib
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.errors import Invalid, Stale
from citylife.offers import (
    LONGEST,
    Offer,
    OfferChanges,
    OfferDraft,
    OfferKind,
    OfferStatus,
    OfferVersion,
    correct_offer,
    draft_offer,
)
from citylife.offers.drafts import (
    FARTHEST_AHEAD,
    MOST_CENTS,
    SOONEST,
    FixedOnceLive,
    OfferBounds,
    OfferClosed,
    OfferDates,
    OfferPrice,
    checked,
)
from citylife.timetable import Due, Task
from tests import builders
from tests.builders import NOW, a_draft
from tests.overlap import overlapping

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


def test_a_draft_is_kept_as_it_was_written(session: Session):
    shop = builders.a_shop(session)
    draft = OfferDraft(
        kind=OfferKind.EVENT,
        title="  Dégustation de bière 🍺 ",
        description="Entrée libre.\r\nApportez un verre !",
        price=450,
        prior_price=900,
        reduction=True,
        quantity=30,
        radius=2000,
        starts_at=NOW + DAY,
        ends_at=NOW + 2 * DAY,
    )

    offer = draft_offer(session, shop, draft, now=NOW)
    session.commit()
    session.expire_all()

    assert (offer.status, offer.kind, offer.title) == (OfferStatus.DRAFT, OfferKind.EVENT, "Dégustation de bière 🍺")
    assert offer.description == "Entrée libre.\nApportez un verre !"
    assert (offer.price, offer.prior_price, offer.reduction, offer.perishable) == (450, 900, True, False)
    assert (offer.quantity, offer.radius, offer.starts_at, offer.ends_at) == (30, 2000, NOW + DAY, NOW + 2 * DAY)
    assert (offer.first_saved_at, offer.live_from, offer.version) == (NOW, None, 1)


@pytest.mark.parametrize(
    ("said", "refusal", "pointer"),
    [
        ({"ends_at": NOW}, OfferDates, "/ends_at"),
        ({"ends_at": NOW - DAY}, OfferDates, "/ends_at"),
        ({"starts_at": NOW + 2 * DAY, "ends_at": NOW + DAY}, OfferDates, "/ends_at"),
        ({"starts_at": NOW + DAY, "ends_at": NOW + DAY}, OfferDates, "/ends_at"),
        ({"ends_at": NOW + LONGEST + HOUR}, OfferDates, "/ends_at"),
        ({"starts_at": NOW + DAY, "ends_at": NOW + DAY + LONGEST + HOUR}, OfferDates, "/ends_at"),
        ({"starts_at": NOW - HOUR}, OfferDates, "/starts_at"),
        ({"starts_at": NOW + 2 * FARTHEST_AHEAD, "ends_at": NOW + 2 * FARTHEST_AHEAD + DAY}, OfferDates, "/starts_at"),
        ({"price": -1}, OfferPrice, "/price"),
        ({"price": MOST_CENTS}, OfferPrice, "/price"),
        ({"price": 100, "prior_price": 200}, OfferPrice, "/prior_price"),
        ({"reduction": True}, OfferPrice, "/price"),
        ({"reduction": True, "price": 100}, OfferPrice, "/prior_price"),
        ({"reduction": True, "price": 100, "prior_price": 100}, OfferPrice, "/prior_price"),
        ({"reduction": True, "price": 100, "prior_price": 99}, OfferPrice, "/prior_price"),
        ({"reduction": True, "price": 100, "prior_price": -5}, OfferPrice, "/prior_price"),
        ({"reduction": True, "perishable": True, "price": 100, "prior_price": 50}, OfferPrice, "/prior_price"),
        ({"reduction": True, "perishable": True}, OfferPrice, "/price"),
        ({"quantity": 0}, OfferBounds, "/quantity"),
        ({"quantity": 1_000_001}, OfferBounds, "/quantity"),
        ({"radius": 99}, OfferBounds, "/radius"),
        ({"radius": 20_001}, OfferBounds, "/radius"),
        ({"title": ""}, Invalid, "/title"),
        ({"title": "x" * 81}, Invalid, "/title"),
        ({"title": "Pain\nfrais"}, Invalid, "/title"),
        ({"title": "Pain \u202efrais"}, Invalid, "/title"),
        ({"description": "x" * 1001}, Invalid, "/description"),
        ({"description": "\0"}, Invalid, "/description"),
    ],
)
def test_what_breaks_a_rule_is_named_and_nothing_is_kept(session: Session, said: dict, refusal, pointer: str):
    shop = builders.a_shop(session)

    with pytest.raises(refusal) as raised:
        draft_offer(session, shop, a_draft(**said), now=NOW)

    assert raised.value.pointer == pointer
    assert session.scalar(select(func.count()).select_from(Offer)) == 0


@pytest.mark.parametrize(
    "said",
    [
        {"ends_at": NOW + LONGEST},
        {"starts_at": NOW - SOONEST, "ends_at": NOW + DAY},
        {"price": 0},
        {"price": MOST_CENTS - 1},
        {"reduction": True, "price": 0, "prior_price": 1},
        {"reduction": True, "perishable": True, "price": 100},
        {"perishable": True},
        {"quantity": 1},
        {"title": "x" * 80, "description": "y" * 1000},
        {"title": "<script>alert(1)</script>'; DROP TABLE offers; --", "description": "خصم 50٪ 🥖"},
    ],
)
def test_what_stays_within_the_rules_is_kept_word_for_word(session: Session, said: dict):
    offer = draft_offer(session, builders.a_shop(session), a_draft(**said), now=NOW)
    session.commit()
    session.expire_all()

    assert {name: getattr(offer, name) for name in said} == said


moments = st.timedeltas(min_value=-30 * DAY, max_value=500 * DAY).map(lambda ahead: NOW + ahead)


@given(st.none() | moments, moments)
def test_dates_that_are_accepted_follow_each_other(starts_at: dt.datetime | None, ends_at: dt.datetime):
    begins = starts_at or NOW
    fits = (
        begins < ends_at <= begins + LONGEST
        and ends_at > NOW
        and (starts_at is None or NOW - SOONEST <= starts_at <= NOW + FARTHEST_AHEAD)
    )

    try:
        checked(a_draft(starts_at=starts_at, ends_at=ends_at), now=NOW)
    except OfferDates:
        assert not fits
    else:
        assert fits


@given(
    st.none() | st.integers(-2, MOST_CENTS + 2),
    st.none() | st.integers(-2, MOST_CENTS + 2),
    st.booleans(),
    st.booleans(),
)
def test_a_reduction_that_is_accepted_reduces(price: int | None, prior: int | None, reduction: bool, perishable: bool):
    draft = a_draft(price=price, prior_price=prior, reduction=reduction, perishable=perishable)

    try:
        checked(draft, now=NOW)
    except OfferPrice:
        sound = all(cents is None or 0 <= cents < MOST_CENTS for cents in (price, prior))
        stated = prior is None if not reduction else price is not None and (prior is not None or perishable)
        assert not (sound and stated and (prior is None or price is None or price < prior))
    else:
        assert price is None or 0 <= price < MOST_CENTS
        assert not reduction or price is not None
        assert (prior is not None and price is not None and price < prior) or prior is None
        assert prior is not None or perishable or not reduction


def correct(session: Session, offer: Offer, *, now: dt.datetime = NOW, **changes) -> Offer:
    return correct_offer(session, offer, OfferChanges(**changes), expected_version=offer.version, now=now)


@pytest.mark.parametrize("status", [OfferStatus.DRAFT, OfferStatus.SCHEDULED, OfferStatus.LIVE])
def test_a_correction_touches_what_it_names_and_counts_once(session: Session, status: OfferStatus):
    offer = builders.an_offer(session, builders.a_shop(session), status=status, price=450, quantity=5)
    version, ends_at = offer.version, offer.ends_at

    correct(session, offer, now=NOW + HOUR, title="Pains au chocolat", price=None)
    session.commit()
    session.expire_all()

    assert (offer.title, offer.price, offer.quantity, offer.ends_at) == ("Pains au chocolat", None, 5, ends_at)
    assert (offer.version, offer.updated_at, offer.status) == (version + 1, NOW + HOUR, status)


def test_a_correction_of_nothing_is_none(session: Session):
    offer = builders.an_offer(session, builders.a_shop(session))
    version = offer.version

    correct(session, offer, title=f" {offer.title} ", now=NOW + HOUR)

    assert (offer.version, offer.updated_at) == (version, NOW)
    assert session.scalar(select(func.count()).select_from(OfferVersion)) == 1


def test_every_published_version_is_kept_word_for_word(session: Session):
    offer = builders.an_offer(session, builders.a_shop(session), title="Pain", price=450)
    published = offer.version

    correct(session, offer, now=NOW + HOUR, title="Pain de seigle")
    session.commit()

    first, second = session.scalars(select(OfferVersion).order_by(OfferVersion.number)).all()
    assert (first.number, first.content["title"], first.published_at) == (published, "Pain", NOW)
    assert (second.number, second.content["title"]) == (published + 1, "Pain de seigle")
    assert second.content["price"] == 450
    assert second.content["ends_at"] == offer.ends_at.isoformat()
    assert second.sha256 == hashlib.sha256(orjson.dumps(second.content, option=orjson.OPT_SORT_KEYS)).digest()


def test_a_draft_leaves_no_published_version(session: Session):
    offer = builders.an_offer(session, builders.a_shop(session), status=OfferStatus.DRAFT)
    correct(session, offer, title="Pain de seigle")

    assert session.scalar(select(func.count()).select_from(OfferVersion)) == 0


@pytest.mark.parametrize("changes", [{"kind": OfferKind.NEWS}, {"radius": 200}])
def test_what_decided_who_hears_of_it_is_fixed_once_live(session: Session, changes: dict):
    shop = builders.a_shop(session)
    live = builders.an_offer(session, shop)
    draft = builders.an_offer(session, shop, status=OfferStatus.DRAFT)

    with pytest.raises(FixedOnceLive) as refusal:
        correct(session, live, title="Autre", **changes)
    correct(session, draft, **changes)

    assert refusal.value.pointer == f"/{next(iter(changes))}"
    assert live.title == "Pains à moitié prix"
    assert {name: getattr(draft, name) for name in changes} == changes


@pytest.mark.parametrize("status", [OfferStatus.ENDED, OfferStatus.WITHDRAWN, OfferStatus.SOLD_OUT])
def test_an_offer_that_is_over_is_not_corrected(session: Session, status: OfferStatus):
    offer = builders.an_offer(session, builders.a_shop(session), status=status)

    with pytest.raises(OfferClosed):
        correct(session, offer, title="Autre")


def test_a_live_offer_past_its_end_is_over_even_before_the_timetable_says_so(session: Session):
    offer = builders.an_offer(session, builders.a_shop(session))

    with pytest.raises(OfferClosed):
        correct(session, offer, now=offer.ends_at, ends_at=offer.ends_at + DAY)


def test_a_colleagues_correction_is_not_lost(session: Session):
    offer = builders.an_offer(session, builders.a_shop(session))
    read = offer.version
    correct(session, offer, title="Par Lucie")

    with pytest.raises(Stale):
        correct_offer(session, offer, OfferChanges(title="Par Léa"), expected_version=read, now=NOW)
    assert offer.title == "Par Lucie"


def test_of_two_corrections_at_once_one_is_told(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        offer = builders.an_offer(session, builders.a_shop(session))
        offer_id, version = offer.id, offer.version

    def retitle(title: str):
        return lambda session: (
            correct_offer(
                session, session.get_one(Offer, offer_id), OfferChanges(title=title), expected_version=version, now=NOW
            ).title
        )

    first, second = overlapping(sessions, retitle("Par Lucie"), retitle("Par Léa"))

    assert first == "Par Lucie"
    assert isinstance(second, Stale)
    with sessions() as session:
        assert session.get_one(Offer, offer_id).title == "Par Lucie"


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"title": "Bon", "price": -1}, OfferPrice),
        ({"title": "Bon", "ends_at": NOW - HOUR}, OfferDates),
        ({"title": "Bon", "ends_at": NOW + 15 * DAY}, OfferDates),
        ({"title": "Bon", "starts_at": None}, OfferDates),
        ({"title": "Bon", "description": "\x07"}, Invalid),
    ],
)
def test_a_correction_that_breaks_a_rule_changes_nothing(session: Session, changes: dict, refusal):
    offer = builders.an_offer(session, builders.a_shop(session))
    version = offer.version

    with pytest.raises(refusal):
        correct(session, offer, **changes)

    assert not session.dirty
    assert (offer.title, offer.version) == ("Pains à moitié prix", version)


def test_a_live_offer_never_lasts_longer_than_fourteen_days_by_corrections(session: Session):
    offer = builders.an_offer(session, builders.a_shop(session))
    later = NOW + 5 * HOUR

    with pytest.raises(OfferDates):
        correct(session, offer, now=later, ends_at=later + LONGEST)
    with pytest.raises(OfferDates):
        correct(session, offer, now=later, starts_at=NOW + DAY, ends_at=NOW + LONGEST + HOUR)
    assert correct(session, offer, now=later, ends_at=NOW + LONGEST).ends_at == NOW + LONGEST


def test_a_correction_moves_what_is_due(session: Session):
    shop = builders.a_shop(session)
    live = builders.an_offer(session, shop)
    scheduled = builders.an_offer(session, shop, status=OfferStatus.SCHEDULED)

    correct(session, live, ends_at=NOW + 3 * DAY)
    correct(session, scheduled, starts_at=NOW + 4 * HOUR)
    with pytest.raises(OfferDates):
        correct(session, scheduled, starts_at=None)
    session.commit()

    due = {(row.task, row.subject): row.due_at for row in session.scalars(select(Due))}
    assert due == {(Task.OFFER_ENDS, live.id): NOW + 3 * DAY, (Task.OFFER_STARTS, scheduled.id): NOW + 4 * HOUR}


def test_words_of_a_lapsed_draft_are_corrected_and_its_dates_must_fit_again(session: Session):
    offer = builders.an_offer(session, builders.a_shop(session), status=OfferStatus.DRAFT)
    later = offer.ends_at + DAY

    assert correct(session, offer, now=later, title="Pain de demain").title == "Pain de demain"
    with pytest.raises(OfferDates):
        correct(session, offer, now=later, ends_at=later - HOUR)
    assert correct(session, offer, now=later, ends_at=later + HOUR).ends_at == later + HOUR


@given(st.text(max_size=90), st.text(max_size=200))
def test_no_text_is_half_accepted(title: str, description: str):
    draft = a_draft(title=title, description=description)

    pointer = None
    try:
        kept = checked(draft, now=NOW)
    except Invalid as refusal:
        pointer = refusal.pointer
    else:
        assert checked(kept, now=NOW) == kept == replace(kept, title=kept.title.strip())
        assert 1 <= len(kept.title) <= 80
    assert pointer in {None, "/title", "/description"}
