"""Places: coarse, few, with consent, overwritten without a history, gone when they lapse or consent is withdrawn."""

import datetime as dt
import uuid

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from citylife.accounts.citizens import ActiveDays
from citylife.accounts.erasure import erase_citizen
from citylife.consent import Purpose
from citylife.errors import Absent
from citylife.geography import cell_at, communes, communes_by_cell, may_be_a_place
from citylife.places import (
    MOST_LASTING,
    Area,
    NoLocationConsent,
    OutsideTerritory,
    Place,
    PlaceKind,
    TooManyPlaces,
    area_of_cell,
    area_of_commune,
    area_of_point,
    forget_lapsed_places,
    places_of,
    remove_place,
    renew_cells,
    set_place,
)
from tests import builders
from tests.builders import BETHUNE, GRAND_PLACE, NOW
from tests.overlap import overlapping

PARIS = (48.8566, 2.3522)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
SPARSE = next(facts for facts in communes().values() if not any(may_be_a_place(cell) for cell in facts.cells))
OF_BETHUNE = area_of_point(*GRAND_PLACE)


def a_wary_citizen(session: Session):
    """A citizen who agreed to location."""
    citizen = builders.a_citizen(session)
    builders.consent(session, citizen, Purpose.LOCATION)
    return citizen


def stored(session: Session) -> list[Place]:
    return list(session.scalars(select(Place)))


def test_a_point_becomes_its_cell_where_enough_people_live():
    assert area_of_point(*GRAND_PLACE) == Area(None, cell_at(*GRAND_PLACE))
    assert area_of_cell(cell_at(*GRAND_PLACE)) == Area(None, cell_at(*GRAND_PLACE))


def test_elsewhere_a_point_becomes_its_commune_and_that_is_said():
    area = area_of_point(SPARSE.latitude, SPARSE.longitude)

    assert (area.insee_code, area.cell, area.coarsened) == (SPARSE.insee_code, None, True)


@pytest.mark.parametrize("cell", sorted(communes_by_cell())[::20])
def test_what_is_kept_of_a_cell_depends_on_the_cell_alone(cell: int):
    area = area_of_cell(cell)

    if may_be_a_place(cell):
        assert area == Area(None, cell)
    else:
        assert cell in communes()[str(area.insee_code)].cells
        assert (area.cell, area.coarsened) == (None, True)


def test_a_place_outside_the_territory_is_refused_without_saying_it_again():
    for attempt in (
        lambda: area_of_point(*PARIS),
        lambda: area_of_cell(cell_at(*PARIS)),
        lambda: area_of_commune("75056"),
    ):
        with pytest.raises(OutsideTerritory) as refusal:
            attempt()
        assert not any(digits in str(refusal.value) for digits in ("48.8", "2.35", "75056"))


def test_no_place_is_kept_without_consent_to_location(session: Session):
    citizen = builders.a_citizen(session)

    with pytest.raises(NoLocationConsent):
        set_place(session, citizen, area_of_commune(BETHUNE), PlaceKind.LASTING, now=NOW)

    assert stored(session) == []


def test_withdrawing_consent_erases_every_place_in_the_same_transaction(
    sessions: sessionmaker[Session], readers: sessionmaker[Session]
):
    with sessions.begin() as session:
        citizen, other = builders.a_citizen(session), builders.a_citizen(session)
        builders.a_place(session, citizen)
        builders.a_place(session, citizen, PlaceKind.NOW)
        builders.a_place(session, other)
    with sessions() as session:
        builders.consent(session, citizen, Purpose.LOCATION, granted=False)
        assert [place.citizen_id for place in stored(session)] == [other.id]
        session.rollback()
    with readers() as session:
        assert len(stored(session)) == 3

    with sessions.begin() as session:
        builders.consent(session, citizen, Purpose.LOCATION, granted=False)
    with readers() as session:
        assert [place.citizen_id for place in stored(session)] == [other.id]


def test_withdrawing_another_consent_leaves_places_alone(session: Session):
    citizen = builders.a_citizen(session)
    builders.a_place(session, citizen)

    builders.consent(session, citizen, Purpose.NOTIFICATIONS, granted=False)

    assert len(stored(session)) == 1


def test_at_most_two_places_last_beside_now(session: Session):
    citizen = a_wary_citizen(session)
    codes = list(communes())[: MOST_LASTING + 1]
    for code in codes[:MOST_LASTING]:
        set_place(session, citizen, area_of_commune(code), PlaceKind.LASTING, now=NOW)
    set_place(session, citizen, OF_BETHUNE, PlaceKind.NOW, now=NOW)

    with pytest.raises(TooManyPlaces):
        set_place(session, citizen, area_of_commune(codes[-1]), PlaceKind.LASTING, now=NOW)

    assert len(places_of(session, citizen.id, now=NOW)) == MOST_LASTING + 1


def test_two_phones_at_once_do_not_make_a_third_lasting_place(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        citizen = a_wary_citizen(session)
        set_place(session, citizen, OF_BETHUNE, PlaceKind.LASTING, now=NOW)
    codes = list(communes())[:2]

    def add(code: str):
        def work(session: Session) -> None:
            set_place(session, citizen, area_of_commune(code), PlaceKind.LASTING, now=NOW)

        return work

    outcomes = overlapping(sessions, *(add(code) for code in codes))

    assert sum(isinstance(outcome, TooManyPlaces) for outcome in outcomes) == 1
    with sessions() as session:
        assert len(stored(session)) == MOST_LASTING


def test_the_same_lasting_place_again_is_one_place(session: Session):
    citizen = a_wary_citizen(session)
    first, new = set_place(session, citizen, OF_BETHUNE, PlaceKind.LASTING, now=NOW)
    again, also_new = set_place(session, citizen, OF_BETHUNE, PlaceKind.LASTING, now=NOW + 3 * DAY)

    assert (new, also_new, again.id) == (True, False, first.id)
    assert again.set_on == (NOW + 3 * DAY).date()


def test_now_is_overwritten_and_leaves_no_history(session: Session):
    citizen = a_wary_citizen(session)
    before, _ = set_place(session, citizen, OF_BETHUNE, PlaceKind.NOW, now=NOW)
    after, new = set_place(session, citizen, area_of_commune(SPARSE.insee_code), PlaceKind.NOW, now=NOW + HOUR)

    assert (after.id, new) == (before.id, False)
    (row,) = stored(session)
    assert (row.insee_code, row.cell) == (SPARSE.insee_code, None)


def test_now_lasts_four_hours(session: Session):
    citizen = a_wary_citizen(session)
    set_place(session, citizen, area_of_commune(BETHUNE), PlaceKind.NOW, now=NOW)

    assert len(places_of(session, citizen.id, now=NOW + 4 * HOUR - dt.timedelta(seconds=1))) == 1
    assert places_of(session, citizen.id, now=NOW + 4 * HOUR) == []


def test_a_commune_does_not_lapse_and_a_cell_does_after_thirty_days(session: Session):
    citizen = a_wary_citizen(session)
    commune, _ = set_place(session, citizen, area_of_commune(BETHUNE), PlaceKind.LASTING, now=NOW)
    cell, _ = set_place(session, citizen, OF_BETHUNE, PlaceKind.LASTING, now=NOW)

    assert commune.expires_at is None
    assert len(places_of(session, citizen.id, now=NOW + 30 * DAY)) == 2
    assert places_of(session, citizen.id, now=NOW + 31 * DAY) == [commune]
    assert places_of(session, citizen.id, now=NOW + 4000 * DAY) == [commune]
    assert cell.expires_at is not None
    assert cell.expires_at.time() == dt.time()


def test_a_lapsed_place_makes_room_and_is_deleted(session: Session):
    citizen = a_wary_citizen(session)
    set_place(session, citizen, area_of_commune(BETHUNE), PlaceKind.LASTING, now=NOW)
    set_place(session, citizen, OF_BETHUNE, PlaceKind.LASTING, now=NOW)

    set_place(session, citizen, area_of_commune(SPARSE.insee_code), PlaceKind.LASTING, now=NOW + 31 * DAY)

    assert {place.insee_code for place in stored(session)} == {BETHUNE, SPARSE.insee_code}


def test_use_renews_a_cell_for_thirty_days_and_nothing_else(sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        citizen, idle = a_wary_citizen(session), a_wary_citizen(session)
        for one in (citizen, idle):
            set_place(session, one, OF_BETHUNE, PlaceKind.LASTING, now=NOW)
            set_place(session, one, area_of_commune(BETHUNE), PlaceKind.LASTING, now=NOW)
            set_place(session, one, OF_BETHUNE, PlaceKind.NOW, now=NOW)
    later = NOW + 20 * DAY
    days = ActiveDays(sessions, also=renew_cells)
    days.note(citizen.id, later)

    days.flush(later)

    with sessions() as session:
        hers = places_of(session, citizen.id, now=NOW + 50 * DAY)
        assert {(place.cell, place.insee_code) for place in hers} == {
            (OF_BETHUNE.cell, None),
            (None, BETHUNE),
        }
        assert [place.cell for place in places_of(session, idle.id, now=NOW + 50 * DAY)] == [None]


def test_a_lapsed_cell_is_not_renewed(session: Session):
    citizen = a_wary_citizen(session)
    set_place(session, citizen, OF_BETHUNE, PlaceKind.LASTING, now=NOW)

    renew_cells(session, [citizen.id], NOW + 31 * DAY)

    assert places_of(session, citizen.id, now=NOW + 31 * DAY) == []


def test_what_has_lapsed_is_deleted_by_the_purge(session: Session):
    citizen = a_wary_citizen(session)
    set_place(session, citizen, area_of_commune(BETHUNE), PlaceKind.LASTING, now=NOW)
    set_place(session, citizen, OF_BETHUNE, PlaceKind.NOW, now=NOW)

    forget_lapsed_places(session, now=NOW + 4 * HOUR)

    assert [place.kind for place in stored(session)] == [PlaceKind.LASTING]


def test_a_place_is_forgotten_and_another_citizen_s_is_not_there(session: Session):
    citizen, other = builders.a_citizen(session), builders.a_citizen(session)
    hers, theirs = builders.a_place(session, citizen), builders.a_place(session, other)

    assert not remove_place(session, citizen.id, theirs.id, now=NOW)
    assert not remove_place(session, citizen.id, uuid.uuid4(), now=NOW)
    assert remove_place(session, citizen.id, hers.id, now=NOW)
    assert not remove_place(session, citizen.id, hers.id, now=NOW)
    assert [place.id for place in stored(session)] == [theirs.id]


def test_erasure_takes_her_places(session: Session, tombstones):
    citizen, other = builders.a_citizen(session), builders.a_citizen(session)
    builders.a_place(session, citizen)
    builders.a_place(session, other)

    erase_citizen(session, citizen, tombstones=tombstones, now=NOW)

    assert [place.citizen_id for place in stored(session)] == [other.id]
    with pytest.raises(Absent):
        set_place(session, citizen, OF_BETHUNE, PlaceKind.NOW, now=NOW)


def test_no_row_tells_when_in_the_day_a_place_was_set(session: Session):
    rows = []
    for moment in (NOW, NOW + 5 * HOUR + dt.timedelta(seconds=42)):
        citizen = builders.a_citizen(session, now=NOW)
        place = builders.a_place(session, citizen, now=moment)
        rows.append((place.kind, place.cell, place.set_on, place.expires_at))
        assert place.id.version == 4

    assert rows[0] == rows[1]


@pytest.mark.parametrize("where", [(None, None), (BETHUNE, 1)], ids=["nowhere", "twice"])
def test_a_place_is_a_commune_or_a_cell(session: Session, where: tuple[str | None, int | None]):
    citizen = builders.a_citizen(session)
    session.add(
        Place(
            citizen_id=citizen.id,
            id=uuid.uuid4(),
            kind=PlaceKind.LASTING,
            insee_code=where[0],
            cell=where[1],
            set_on=NOW.date(),
        )
    )
    with pytest.raises(IntegrityError):
        session.flush()
    session.rollback()
    assert session.scalar(select(func.count()).select_from(Place)) == 0
