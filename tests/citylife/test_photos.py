"""Keeping photos: one on the page of a shop, and what nothing shows leaves, but not what was published."""

import datetime as dt
import uuid
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.merchants import team_of
from citylife.backup import shapes
from citylife.errors import Absent, Stale
from citylife.offers import Offer, OfferChanges, OfferStatus, correct_offer, publish, start_due, withdraw
from citylife.photos import (
    Photo,
    PhotoFile,
    PhotoUnknown,
    Size,
    TooManyPhotos,
    content_for_team,
    content_of,
    front_with,
    fronts_for_team,
    fronts_of,
    take_photo,
)
from citylife.photos.forgetting import KEPT_UNUSED, forget_photos
from citylife.photos.keeping import MOST_UNUSED, keep_photo
from citylife.reports import Wrong, report_offer, uphold
from citylife.shops import Proof, Shop, ShopStatus, ShopSuspended, refuse_claim, verify_shop
from tests import builders
from tests.builders import NOW
from tests.overlap import overlapping
from tests.pictures import developed_pictures

LATER = NOW + KEPT_UNUSED + dt.timedelta(minutes=1)


def front(session: Session, shop: Shop, photo: Photo | None, now: dt.datetime = NOW) -> Photo | None:
    return front_with(session, shop, photo and photo.id, expected_version=shop.version, now=now)


def test_the_page_shows_one_photo_at_a_time_and_says_which_it_showed(session: Session):
    shop = builders.a_shop(session)
    navy, teal = builders.a_photo(session, shop, "navy"), builders.a_photo(session, shop, "teal")

    assert front(session, shop, navy) is None
    version = shop.version
    assert front(session, shop, teal) is navy
    assert fronts_of(session, [shop.id]) == {shop.id: teal}
    assert shop.version == version + 1
    assert front(session, shop, teal) is teal
    assert shop.version == version + 1, "nothing has changed"
    assert front(session, shop, None) is teal
    assert fronts_of(session, [shop.id]) == {}


def test_whoever_may_not_change_the_shop_changes_no_photo(session: Session):
    suspended, shop = builders.a_shop(session, status=ShopStatus.SUSPENDED), builders.a_shop(session)
    photo = builders.a_photo(session, suspended)
    with pytest.raises(ShopSuspended):
        front(session, suspended, photo)
    with pytest.raises(PhotoUnknown):
        front(session, shop, photo)
    with pytest.raises(Stale):
        front_with(session, shop, None, expected_version=shop.version - 1, now=NOW)


@pytest.mark.parametrize("accepted", [True, False])
def test_a_claimants_photo_of_a_listed_shop_waits_for_the_verdict(session: Session, accepted):
    shop = builders.a_shop(session, status=ShopStatus.CLAIMED)
    prepared, drafted = builders.a_photo(session, shop), builders.a_photo(session, shop, colour="teal")
    builders.an_offer(session, shop, status=OfferStatus.DRAFT, photo_id=drafted.id)
    owner = team_of(session, shop.id)[0][1]

    assert front(session, shop, prepared) is None
    assert fronts_of(session, [shop.id]) == {}
    assert fronts_for_team(session, [shop]) == {shop.id: prepared}
    for photo in (prepared, drafted):
        with pytest.raises(Absent):
            content_of(session, photo.id, Size.SMALL)
        assert content_for_team(session, owner.id, photo.id, Size.SMALL)
        with pytest.raises(Absent):
            content_for_team(session, builders.a_merchant(session).id, photo.id, Size.SMALL)
    forget_photos(session, now=NOW + dt.timedelta(days=30), most=100)
    assert session.scalar(select(func.count()).select_from(Photo)) == 2

    if accepted:
        verify_shop(session, shop, proof=Proof.VISIT, now=NOW)
        assert fronts_of(session, [shop.id]) == {shop.id: prepared}
        assert content_of(session, prepared.id, Size.SMALL)
        return
    prepared_id = prepared.id
    refuse_claim(session, shop, reason="Pas le bon.", now=NOW)
    session.expire_all()
    assert fronts_of(session, [shop.id]) == {}
    assert session.scalar(select(func.count()).select_from(Offer)) == 0
    with pytest.raises(Absent):
        content_of(session, prepared_id, Size.SMALL)
    assert session.scalar(select(func.count()).select_from(Photo)) == 0, "whoever is verified next shows none of hers"


def test_what_nothing_shows_leaves_after_a_week_with_its_bytes(session: Session):
    shop = builders.a_shop(session)
    unused, fronting, drafted, published, replaced = (
        builders.a_photo(session, shop, colour) for colour in ("navy", "teal", "olive", "plum", "gold")
    )
    front(session, shop, fronting)
    builders.an_offer(session, shop, status=OfferStatus.DRAFT, photo_id=drafted.id)
    offer = builders.an_offer(session, shop, photo_id=published.id)
    draft = builders.an_offer(session, shop, status=OfferStatus.DRAFT, photo_id=replaced.id)
    now = NOW + dt.timedelta(hours=1)
    correct_offer(session, offer, OfferChanges(photo_id=None), expected_version=offer.version, now=now)
    correct_offer(session, draft, OfferChanges(photo_id=None), expected_version=draft.version, now=now)

    assert forget_photos(session, now=LATER, most=10) == 1
    left = set(session.scalars(select(Photo.id)))
    assert left == {fronting.id, drafted.id, published.id, replaced.id}
    assert unused.id not in left
    assert forget_photos(session, now=LATER + dt.timedelta(hours=1), most=10) == 1
    assert set(session.scalars(select(Photo.id))) == {fronting.id, drafted.id, published.id}
    assert session.scalar(select(func.count()).select_from(PhotoFile)) == 6


def test_a_photo_that_is_chosen_again_waits_anew(session: Session):
    shop = builders.a_shop(session)
    photo = builders.a_photo(session, shop)
    take_photo(session, shop.id, photo.id, now=NOW + dt.timedelta(days=6))
    session.flush()
    assert forget_photos(session, now=LATER, most=10) == 0


def test_a_shop_has_only_so_many_in_store(session: Session):
    shop = builders.a_shop(session)
    for picture in developed_pictures(MOST_UNUSED):
        keep_photo(session, shop, picture, now=NOW)
    with pytest.raises(TooManyPhotos):
        builders.a_photo(session, shop, "navy")
    assert keep_photo(session, shop, picture, now=NOW).shop_id == shop.id, "one that is there is no other one"
    builders.a_photo(session, builders.a_shop(session), "navy")


def test_photos_that_offers_refer_to_are_not_in_store(session: Session):
    shop = builders.a_shop(session)
    for picture in developed_pictures(MOST_UNUSED):
        photo = keep_photo(session, shop, picture, now=NOW)
        builders.an_offer(session, shop, status=OfferStatus.DRAFT, photo_id=photo.id)
    assert builders.a_photo(session, shop, "navy").shop_id == shop.id


@pytest.mark.parametrize("status", [OfferStatus.DRAFT, OfferStatus.SCHEDULED], ids=lambda status: status.value)
def test_the_photo_of_an_offer_withdrawn_before_it_was_live_leaves_after_a_week(session: Session, status: OfferStatus):
    shop = builders.a_shop(session)
    photo = builders.a_photo(session, shop)
    offer = builders.an_offer(session, shop, status=status, photo_id=photo.id)
    withdraw(session, offer, now=NOW + dt.timedelta(hours=1))

    assert offer.photo_id is None
    assert forget_photos(session, now=LATER, most=10) == 0, "it stopped being shown an hour later"
    assert forget_photos(session, now=LATER + dt.timedelta(hours=1), most=10) == 1


def test_the_photo_of_a_scheduled_offer_that_never_began_leaves_after_a_week(session: Session):
    shop = builders.a_shop(session)
    photo = builders.a_photo(session, shop)
    offer = builders.an_offer(session, shop, status=OfferStatus.SCHEDULED, photo_id=photo.id)
    assert start_due(session, offer.id, now=offer.ends_at) is None

    assert (offer.status, offer.photo_id) == (OfferStatus.ENDED, None)
    assert forget_photos(session, now=offer.ends_at + KEPT_UNUSED, most=10) == 0
    assert forget_photos(session, now=offer.ends_at + KEPT_UNUSED + dt.timedelta(minutes=1), most=10) == 1


def test_an_offer_that_was_live_keeps_its_photo_when_it_is_withdrawn(session: Session):
    shop = builders.a_shop(session)
    photo = builders.a_photo(session, shop)
    offer = builders.an_offer(session, shop, status=OfferStatus.WITHDRAWN, photo_id=photo.id)
    assert offer.photo_id == photo.id
    assert forget_photos(session, now=LATER, most=10) == 0


def test_an_offer_with_a_photo_and_another_for_the_page_do_not_wait_for_each_other(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        photo = builders.a_photo(session, shop)
    offers: list[Offer] = []

    def draft(session: Session) -> None:
        offers.append(builders.an_offer(session, shop_in(session), status=OfferStatus.DRAFT, photo_id=photo.id))

    def go_live(session: Session) -> None:
        publish(session, shop_in(session), offers[0], now=NOW)

    def shop_in(session: Session) -> Shop:
        return session.get_one(Shop, shop.id)

    outcome = overlapping(sessions, draft, lambda session: front(session, shop_in(session), photo), then=go_live)

    assert outcome == (None, None)
    with sessions() as session:
        assert session.get_one(Offer, offers[0].id).status is OfferStatus.LIVE
        assert fronts_of(session, [shop.id])[shop.id].id == photo.id


def test_two_offers_that_swap_their_photos_do_not_wait_for_each_other(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        shop = builders.a_shop(session)
        low, high = sorted(builders.a_photo(session, shop, colour).id for colour in ("navy", "teal"))
        offer = builders.an_offer(session, shop, status=OfferStatus.DRAFT, photo_id=high)

    def take(session: Session, photo_id: uuid.UUID) -> None:
        take_photo(session, shop.id, photo_id, now=NOW)

    def swap(session: Session) -> None:
        mine = session.get_one(Offer, offer.id)
        correct_offer(session, mine, OfferChanges(photo_id=low), expected_version=mine.version, now=NOW)

    outcome = overlapping(sessions, lambda session: take(session, low), swap, then=lambda session: take(session, high))
    assert outcome == (None, None)


def test_a_backup_takes_files_by_small_pages(session: Session, tmp_path: Path):
    shape = next(shape for shape in shapes.shapes_of(Photo.metadata) if shape.name == PhotoFile.__tablename__)
    assert (shape.page, dict(shape.columns)["content"]) == (shapes.HEAVY_PAGE, shapes.Kind.FILE)
    builders.a_photo(session, builders.a_shop(session))
    session.flush()
    assert len(list(shapes.lines_of(session.connection(), shape))) == 2


def test_a_photo_whose_offer_staff_withdrew_is_gone_unless_something_else_shows_it(session: Session):
    shop, staff = builders.a_shop(session), builders.a_staff_member(session)
    photo = builders.a_photo(session, shop)
    offer = builders.an_offer(session, shop, photo_id=photo.id)
    assert content_of(session, photo.id, Size.SMALL)
    report = report_offer(session, offer, Wrong.OTHER, now=NOW)
    uphold(session, report, reason="Choquant", now=NOW, actor_id=staff.id)
    builders.an_offer(session, shop, status=OfferStatus.DRAFT, photo_id=photo.id)
    with pytest.raises(Absent):
        content_of(session, photo.id, Size.LARGE)
    builders.an_offer(session, shop, photo_id=photo.id)
    assert content_of(session, photo.id, Size.LARGE), "another offer that is live"
