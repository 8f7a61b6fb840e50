"""Reports of bad offers: one open report an offer and reason however many people report, decided on once."""

import datetime as dt

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from citylife.audit import Actor, AuditEntry
from citylife.database import new_id
from citylife.errors import Absent
from citylife.ledger.expansion import expand_page
from citylife.ledger.tables import Message, MessageState
from citylife.offers import Offer, OfferStatus, public_offer
from citylife.reports import (
    DETAILS_KEPT,
    MOST_DETAILS,
    Report,
    ReportClosed,
    ReportStatus,
    Wrong,
    dismiss,
    forget_details,
    report_and_offer,
    report_offer,
    reports,
    uphold,
)
from citylife.text import TextRefused
from tests import builders
from tests.builders import NOW
from tests.overlap import overlapping

LATER = NOW + dt.timedelta(hours=1)
MEMBER = new_id()


@pytest.fixture
def offer(session: Session) -> Offer:
    return builders.an_offer(session, builders.a_shop(session))


def test_a_flood_is_one_report_with_a_count_and_the_first_words(session: Session, offer: Offer) -> None:
    for number in range(30):
        words = "" if number % 2 else f"Le prix était de {number} € en caisse"
        report_offer(session, offer, Wrong.MISLEADING, detail=words, now=NOW + dt.timedelta(seconds=number))
    session.commit()
    session.expire_all()

    report = session.scalars(select(Report)).one()
    assert (report.count, len(report.details), report.details[0]) == (
        30,
        MOST_DETAILS,
        "Le prix était de 0 € en caisse",
    )
    assert (report.first_at, report.last_at) == (NOW, NOW + dt.timedelta(seconds=29))
    acts = session.scalars(select(AuditEntry.actor).where(AuditEntry.action == "offer.reported")).all()
    assert acts == [Actor.SYSTEM]


def test_the_same_words_are_kept_once(session: Session, offer: Offer) -> None:
    for _ in range(3):
        report = report_offer(session, offer, Wrong.OTHER, detail="Fermé\r\nà midi", now=NOW)
    assert (report.count, report.details) == (3, ["Fermé\nà midi"])


def test_another_reason_or_another_offer_is_another_report(session: Session, offer: Offer) -> None:
    other = builders.an_offer(session, builders.a_shop(session))
    made = {
        report_offer(session, offer, Wrong.OFFENSIVE, now=NOW).id,
        report_offer(session, offer, Wrong.FORBIDDEN, now=NOW).id,
        report_offer(session, other, Wrong.FORBIDDEN, now=NOW).id,
    }
    assert len(made) == 3


@pytest.mark.parametrize("detail", ["x" * 501, "avec un\x00nul", "à l\u202eenvers"])
def test_words_that_are_not_for_reading_are_refused(session: Session, offer: Offer, detail: str) -> None:
    with pytest.raises(TextRefused):
        report_offer(session, offer, Wrong.OTHER, detail=detail, now=NOW)
    assert session.scalars(select(Report)).all() == []


def test_two_reports_at_once_are_both_counted_the_first_ones_and_any_other(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        offer_id = builders.an_offer(session, builders.a_shop(session)).id

    def deed(session: Session):
        return report_offer(session, session.get_one(Offer, offer_id), Wrong.OTHER, now=NOW).count

    assert overlapping(sessions, deed, deed) == (1, 2)
    assert overlapping(sessions, deed, deed) == (3, 4)


def test_an_upheld_report_withdraws_the_offer_and_its_merchant_reads_why(session: Session, offer: Offer) -> None:
    report = report_offer(session, offer, Wrong.MISLEADING, now=NOW)
    uphold(session, report, reason="Le prix annoncé n’est pas celui de la caisse.", now=LATER, actor_id=MEMBER)
    session.commit()
    session.expire_all()

    assert (offer.status, offer.withdrawn_reason) == (
        OfferStatus.WITHDRAWN,
        "Le prix annoncé n’est pas celui de la caisse.",
    )
    assert (report.status, report.decided_at, report.decision) == (ReportStatus.UPHELD, LATER, offer.withdrawn_reason)
    expand_page(session, now=LATER)
    assert session.scalars(select(Message.state)).all() == [MessageState.STOPPED]
    rows = session.execute(select(AuditEntry.action, AuditEntry.actor_id).where(AuditEntry.subject_id == offer.id))
    assert {("report.upheld", MEMBER), ("offer.withdrawn", MEMBER)} <= {tuple(row) for row in rows}


@pytest.mark.parametrize("status", [OfferStatus.SOLD_OUT, OfferStatus.ENDED, OfferStatus.WITHDRAWN])
def test_an_upheld_report_takes_away_the_page_of_an_offer_that_is_over(session: Session, status: OfferStatus) -> None:
    offer = builders.an_offer(session, builders.a_shop(session), status=status)
    report = report_offer(session, offer, Wrong.FORBIDDEN, now=NOW)
    version = offer.version
    uphold(session, report, reason="Vente interdite", now=LATER, actor_id=MEMBER)
    assert (offer.status, offer.withdrawn_reason, offer.version) == (status, "Vente interdite", version + 1)
    with pytest.raises(Absent):
        public_offer(session, offer.id)


def test_a_dismissed_report_leaves_the_offer_and_may_be_followed_by_another(session: Session, offer: Offer) -> None:
    first = report_offer(session, offer, Wrong.OTHER, now=NOW)
    dismiss(session, first, reason="Rien à redire", now=LATER, actor_id=MEMBER)
    assert (first.status, first.decision, offer.status) == (ReportStatus.DISMISSED, "Rien à redire", OfferStatus.LIVE)
    second = report_offer(session, offer, Wrong.OTHER, now=LATER)
    assert (second.id != first.id, second.count, first.count) == (True, 1, 1)


@pytest.mark.parametrize("decide", [uphold, dismiss])
def test_a_report_is_decided_on_once_and_with_a_reason(session: Session, offer: Offer, decide) -> None:
    report = report_offer(session, offer, Wrong.OTHER, now=NOW)
    for reason in ("", " ", "x" * 301):
        with pytest.raises(TextRefused):
            decide(session, report, reason=reason, now=LATER, actor_id=MEMBER)
    assert (report.status, offer.status) == (ReportStatus.OPEN, OfferStatus.LIVE)
    decide(session, report, reason="Vu", now=LATER, actor_id=MEMBER)
    for again in (uphold, dismiss):
        with pytest.raises(ReportClosed):
            again(session, report, reason="Encore", now=LATER, actor_id=MEMBER)


def test_two_decisions_at_once_are_not_both_taken(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        offer = builders.an_offer(session, builders.a_shop(session))
        report_id = report_offer(session, offer, Wrong.OTHER, now=NOW).id

    _, second = overlapping(
        sessions,
        lambda session: dismiss(session, session.get_one(Report, report_id), reason="Non", now=NOW, actor_id=MEMBER),
        lambda session: uphold(session, session.get_one(Report, report_id), reason="Oui", now=NOW, actor_id=MEMBER),
    )
    assert isinstance(second, ReportClosed)
    with sessions() as session:
        assert session.get_one(Offer, offer.id).status is OfferStatus.LIVE


def test_reports_are_listed_the_oldest_first_by_their_state(session: Session, offer: Offer) -> None:
    made = [report_offer(session, offer, wrong, now=NOW) for wrong in Wrong]
    dismiss(session, made[0], reason="Non", now=NOW, actor_id=MEMBER)
    everything = [row[0].id for row in reports(session, limit=10)]
    assert everything == [report.id for report in made]
    waiting = reports(session, status=ReportStatus.OPEN, after=made[1].id, limit=2)
    assert [row[0].id for row in waiting] == [made[2].id, made[3].id]
    assert report_and_offer(session, made[2].id)[1:] == (offer, session.get_one(type(waiting[0][2]), offer.shop_id))
    with pytest.raises(Absent):
        report_and_offer(session, new_id())


def test_thirty_days_after_the_decision_the_words_are_forgotten(session: Session, offer: Offer) -> None:
    decided, standing = (report_offer(session, offer, wrong, detail="Mots", now=NOW) for wrong in list(Wrong)[:2])
    dismiss(session, decided, reason="Non", now=NOW, actor_id=MEMBER)
    assert forget_details(session, now=NOW + DETAILS_KEPT) == 0
    assert forget_details(session, now=NOW + DETAILS_KEPT + dt.timedelta(seconds=1)) == 1
    session.expire_all()
    assert (decided.details, decided.count, standing.details) == ([], 1, ["Mots"])
    assert forget_details(session, now=NOW + 3 * DETAILS_KEPT) == 0
