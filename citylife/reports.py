"""Reports of bad offers: anybody says, without a name, what is wrong; staff uphold them or dismiss them.

However many people report an offer for one reason, it is one open report with a count and a few of their words: a flood
makes no queue. Upholding withdraws the offer, and its merchant reads why.
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from enum import Enum
from typing import Final

from sqlalchemy import ForeignKey, Index, String, Text, cast, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from citylife.accounts.merchants import Role, team_of
from citylife.audit import Actor, note
from citylife.database import Base, Choice, Identifier, new_id
from citylife.errors import Absent, Refusal
from citylife.forgetting import BATCH, empty_some
from citylife.letters import LetterKind, write_letter
from citylife.limits import Limit
from citylife.offers.closing import withdraw
from citylife.offers.coming_again import end_withdrawn
from citylife.offers.drafts import OPEN_TO_CHANGE, hold_offer, touch
from citylife.offers.tables import Offer
from citylife.shops.tables import Shop
from citylife.text import check_lines
from citylife.upserts import insert_unless_there

LONGEST_DETAIL: Final = 500
LONGEST_REASON: Final = 300
MOST_DETAILS: Final = 5
"""How many of the words of those who reported are kept with a report: the first ones."""
PER_NETWORK: Final = (
    Limit("reports-an-hour", 10, dt.timedelta(hours=1)),
    Limit("reports-a-day", 40, dt.timedelta(days=1)),
)
"""How many offers may be reported from one place of the network."""
WORTH_READING: Final = dt.timedelta(days=7)
DETAILS_KEPT: Final = dt.timedelta(days=30)
"""How long after the decision those words are kept."""


class Wrong(Enum):
    """What is wrong with an offer."""

    MISLEADING = "misleading"  # a false price, a false promise
    NOT_HONOURED = "not-honoured"  # the shop did not give what it announced
    FORBIDDEN = "forbidden"  # goods that may not be sold or announced
    OFFENSIVE = "offensive"
    OTHER = "other"


class ReportStatus(Enum):
    """Where a report stands."""

    OPEN = "open"
    UPHELD = "upheld"
    DISMISSED = "dismissed"


class Report(Base):
    """What people said is wrong with an offer: how many of them, since when, and a few of their words."""

    __tablename__ = "reports"
    __table_args__ = (
        Index(
            "uq_reports_open",
            "offer_id",
            "wrong",
            unique=True,
            sqlite_where=text("status = 'open'"),
            postgresql_where=text("status = 'open'"),
        ),
        Index("ix_reports_status", "status", "id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    offer_id: Mapped[uuid.UUID] = mapped_column(Identifier(), ForeignKey("offers.id"))
    wrong: Mapped[Wrong] = mapped_column(Choice(Wrong))
    status: Mapped[ReportStatus] = mapped_column(Choice(ReportStatus), default=ReportStatus.OPEN)
    count: Mapped[int]
    details: Mapped[list[str]]
    first_at: Mapped[dt.datetime]
    last_at: Mapped[dt.datetime]
    decided_at: Mapped[dt.datetime | None]
    decision: Mapped[str | None] = mapped_column(String(LONGEST_REASON))
    decided_by: Mapped[uuid.UUID | None]
    """Who of the staff decided: whoever upheld it does not decide on its appeal."""


class ReportClosed(Refusal):
    """The report was decided on already."""

    slug = "report-closed"
    status = 409
    title = "Signalement déjà traité"
    sentence = "Ce signalement est déjà traité."


def report_offer(session: Session, offer: Offer, wrong: Wrong, *, detail: str = "", now: dt.datetime) -> Report:
    """Say that something is wrong with an offer: one more of its open report for that reason, or the first.

    Raises:
        TextRefused: the detail is too long, or holds what is not for reading.
    """
    detail = check_lines(detail, pointer="/detail", most=LONGEST_DETAIL)
    first = insert_unless_there(
        session,
        Report,
        id=new_id(),
        offer_id=offer.id,
        wrong=wrong,
        status=ReportStatus.OPEN,
        count=0,
        details=[],
        first_at=now,
        last_at=now,
    )
    report = session.scalars(
        select(Report)
        .where(Report.offer_id == offer.id, Report.wrong == wrong, Report.status == ReportStatus.OPEN)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    report.count += 1
    report.last_at = now
    if detail and len(report.details) < MOST_DETAILS and detail not in report.details:
        report.details = [*report.details, detail]
    if first:
        note(session, "offer.reported", offer.id, actor=Actor.SYSTEM, now=now, wrong=wrong.value)
    session.flush()
    return report


def reports(
    session: Session, *, status: ReportStatus | None = None, after: uuid.UUID | None = None, limit: int
) -> Sequence[tuple[Report, Offer, Shop]]:
    """Reports with their offers and shops, the oldest first; `after` is the one a page ended with."""
    statement = (
        select(Report, Offer, Shop)
        .join(Offer, Offer.id == Report.offer_id)
        .join(Shop, Shop.id == Offer.shop_id)
        .order_by(Report.id)
        .limit(limit)
    )
    if status is not None:
        statement = statement.where(Report.status == status)
    if after is not None:
        statement = statement.where(Report.id > after)
    return [(row[0], row[1], row[2]) for row in session.execute(statement)]


def report_and_offer(session: Session, report_id: uuid.UUID) -> tuple[Report, Offer, Shop]:
    """A report, its offer and its shop.

    Raises:
        Absent: there is no such report.
    """
    row = session.execute(
        select(Report, Offer, Shop)
        .join(Offer, Offer.id == Report.offer_id)
        .join(Shop, Shop.id == Offer.shop_id)
        .where(Report.id == report_id)
    ).first()
    if row is None:
        raise Absent
    return row[0], row[1], row[2]


def uphold(session: Session, report: Report, *, reason: str, now: dt.datetime, actor_id: uuid.UUID) -> Report:
    """Say that the report is right: the offer is withdrawn, or its page is if it is over; its owners are written why.

    What it came from does not come again. The other open reports of the offer stand until they are decided on too.

    Raises:
        ReportClosed: it was decided on already.
        TextRefused: the reason is empty or too long.
    """
    offer = session.get_one(Offer, report.offer_id)
    hold_offer(session, offer)
    _decide(session, report, ReportStatus.UPHELD, reason=reason, now=now, actor_id=actor_id)
    offer.withdrawn_reason = report.decision
    if offer.status in OPEN_TO_CHANGE:
        withdraw(session, offer, now=now, actor=Actor.STAFF, actor_id=actor_id)
    else:
        touch(offer, now=now)
    end_withdrawn(session, offer.id, now=now)
    _tell_owners(session, offer, now=now)
    session.flush()
    return report


def dismiss(session: Session, report: Report, *, reason: str, now: dt.datetime, actor_id: uuid.UUID) -> Report:
    """Say that nothing is wrong with the offer, and why.

    Raises:
        ReportClosed: it was decided on already.
        TextRefused: the reason is empty or too long.
    """
    _decide(session, report, ReportStatus.DISMISSED, reason=reason, now=now, actor_id=actor_id)
    session.flush()
    return report


def forget_details(session: Session, *, now: dt.datetime, most: int = BATCH) -> int:
    """Forget the words of those who reported, thirty days after the decision; of how many reports, at most `most`."""
    over = Report.status != ReportStatus.OPEN, Report.decided_at < now - DETAILS_KEPT
    wordy = cast(Report.details, Text) != "[]"
    return empty_some(session, Report, *over, wordy, most=most, details=[])


def _tell_owners(session: Session, offer: Offer, *, now: dt.datetime) -> None:
    """Write to the owners of the shop why its offer was withdrawn, and where to answer that."""
    shop = session.get_one(Shop, offer.shop_id)
    for member, merchant in team_of(session, shop.id):
        if member.role is Role.OWNER:
            write_letter(
                session,
                LetterKind.OFFER_WITHDRAWN,
                merchant.email,
                locale=merchant.locale,
                content={
                    "shop": shop.name,
                    "offer": offer.title,
                    "reason": offer.withdrawn_reason,
                    "offer_id": str(offer.id),
                },
                expires_at=now + WORTH_READING,
                now=now,
            )


def _decide(
    session: Session, report: Report, status: ReportStatus, *, reason: str, now: dt.datetime, actor_id: uuid.UUID
) -> None:
    reason = check_lines(reason, pointer="/reason", most=LONGEST_REASON, least=1)
    session.flush()
    session.refresh(report, with_for_update=True)
    if report.status is not ReportStatus.OPEN:
        raise ReportClosed
    report.status, report.decision, report.decided_at, report.decided_by = status, reason, now, actor_id
    act = "report.upheld" if status is ReportStatus.UPHELD else "report.dismissed"
    note(session, act, report.offer_id, actor=Actor.STAFF, actor_id=actor_id, now=now, report=str(report.id))
