"""Appeals: a merchant whose offer staff withdrew answers once, in her words, and another look decides.

Whoever upheld the report does not decide on the appeal while somebody else of the staff could (the spirit of article 20
of regulation (EU) 2022/2065). One appeal answers every report of the offer that was upheld until then. Granted, it
takes the reason down: the offer is no longer told to be at fault, but for what was upheld since. What it announced is
over all the same; the merchant may publish it again.
"""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Final

from sqlalchemy import ForeignKey, Index, String, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from citylife.accounts.merchants import Merchant
from citylife.accounts.passkeys import staff_with_passkeys
from citylife.accounts.staff import StaffMember, StaffRole
from citylife.audit import Actor, note
from citylife.database import Base, Choice, Identifier, new_id
from citylife.errors import Absent, Refusal
from citylife.forgetting import BATCH, empty_some
from citylife.letters import LetterKind, write_letter
from citylife.offers.drafts import hold_offer, touch
from citylife.offers.tables import Offer, OfferStatus
from citylife.reports import Report, ReportStatus
from citylife.shops.tables import Shop
from citylife.text import check_lines
from citylife.upserts import insert_unless_there

LONGEST_WORDS: Final = 1_000
LONGEST_DECISION: Final = 300
OPEN_FOR: Final = dt.timedelta(days=183)
"""How long after the decision a merchant may answer it: six months."""
WORDS_KEPT: Final = dt.timedelta(days=30)
"""How long after its end the words of an appeal are kept."""
WORTH_READING: Final = dt.timedelta(days=7)


class AppealOutcome(Enum):
    """What became of an appeal."""

    OPEN = "open"
    GRANTED = "granted"
    DISMISSED = "dismissed"


class Appeal(Base):
    """A merchant's answer to a report that was upheld; one at most of each."""

    __tablename__ = "appeals"
    __table_args__ = (
        Index("uq_appeals_report", "report_id", unique=True),
        Index(
            "ix_appeals_open", "id", sqlite_where=text("outcome = 'open'"), postgresql_where=text("outcome = 'open'")
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    report_id: Mapped[uuid.UUID] = mapped_column(Identifier(), ForeignKey("reports.id"))
    merchant_id: Mapped[uuid.UUID] = mapped_column(Identifier(), ForeignKey("merchants.id"))
    words: Mapped[str] = mapped_column(String(LONGEST_WORDS))
    made_at: Mapped[dt.datetime]
    outcome: Mapped[AppealOutcome] = mapped_column(Choice(AppealOutcome), default=AppealOutcome.OPEN)
    decided_at: Mapped[dt.datetime | None]
    decision: Mapped[str | None] = mapped_column(String(LONGEST_DECISION))


class NothingToAppeal(Absent):
    """Staff withdrew nothing here, or so long ago that it stands."""


class AppealMade(Refusal):
    """The decision was answered already."""

    slug: ClassVar[str] = "appeal-made"
    status: ClassVar[int] = 409
    title: ClassVar[str] = "Recours déjà fait"
    sentence: ClassVar[str] = "Vous avez déjà répondu à cette décision : elle est relue une fois."


class AppealClosed(Refusal):
    """The appeal was decided on already."""

    slug: ClassVar[str] = "appeal-closed"
    status: ClassVar[int] = 409
    title: ClassVar[str] = "Recours déjà tranché"
    sentence: ClassVar[str] = "Ce recours est déjà tranché."


class AnotherLook(Refusal):
    """Whoever upheld the report would decide on its appeal, and somebody else could."""

    slug: ClassVar[str] = "another-look"
    status: ClassVar[int] = 409
    title: ClassVar[str] = "Un autre regard"
    sentence: ClassVar[str] = "Vous avez retenu ce signalement : une autre personne de l’équipe tranche le recours."


@dataclass(frozen=True, slots=True)
class Appealable:
    """What was decided about an offer, the last first; until when its merchant may answer all of it, or the answer."""

    reports: Sequence[Report]
    until: dt.datetime
    appeal: Appeal | None


def appealable(session: Session, offer: Offer, *, now: dt.datetime) -> Appealable:
    """The last report of the offer that was upheld, with those before it that one answer serves.

    Raises:
        NothingToAppeal: there is none, or it was decided more than six months ago and never answered.
    """
    answers = _answers(session, offer.id)
    if not answers:
        raise NothingToAppeal
    report, made = answers[0]
    until = (report.decided_at or now) + OPEN_FOR
    if made is None and until <= now:
        raise NothingToAppeal
    return Appealable([each for each, its in answers if its is made], until, made)


def appeal(session: Session, offer: Offer, words: str, *, merchant_id: uuid.UUID, now: dt.datetime) -> Appeal:
    """Answer the decision to withdraw an offer, once.

    Raises:
        NothingToAppeal: as `appealable` does. AppealMade: somebody of the shop has answered.
        TextRefused: the words are empty or too long.
    """
    words = check_lines(words, pointer="/words", most=LONGEST_WORDS, least=1)
    report = appealable(session, offer, now=now).reports[0]
    made = insert_unless_there(
        session,
        Appeal,
        id=new_id(),
        report_id=report.id,
        merchant_id=merchant_id,
        words=words,
        made_at=now,
        outcome=AppealOutcome.OPEN,
    )
    if not made:
        raise AppealMade
    note(session, "report.appealed", offer.id, actor=Actor.MERCHANT, actor_id=merchant_id, now=now)
    session.flush()
    return session.scalars(select(Appeal).where(Appeal.report_id == report.id)).one()


def appeal_of(session: Session, report: Report) -> Appeal | None:
    """The answer to a report, which may answer others of its offer; none where there is none."""
    return next((made for each, made in _answers(session, report.offer_id) if each.id == report.id), None)


def answered_with(session: Session, report: Report) -> list[Report]:
    """The reports that the answer to this one answers, itself among them; itself alone where there is none."""
    made = appeal_of(session, report)
    if made is None:
        return [report]
    return [each for each, its in _answers(session, report.offer_id) if its is made]


def stands_besides(session: Session, report: Report) -> Report | None:
    """The last report that is upheld against the offer whatever becomes of the appeal of this one; none mostly."""
    made = appeal_of(session, report)
    for each, its in _answers(session, report.offer_id):
        if its is None or (its is not made and its.outcome is not AppealOutcome.GRANTED):
            return each
    return None


def open_appeals(
    session: Session, *, after: uuid.UUID | None = None, limit: int
) -> Sequence[tuple[Report, Offer, Shop]]:
    """Reports whose appeal waits to be decided, the first appealed first (`ix_appeals_open`)."""
    statement = (
        select(Report, Offer, Shop)
        .select_from(Appeal)
        .join(Report, Report.id == Appeal.report_id)
        .join(Offer, Offer.id == Report.offer_id)
        .join(Shop, Shop.id == Offer.shop_id)
        .where(Appeal.outcome == AppealOutcome.OPEN)
        .order_by(Appeal.id)
        .limit(limit)
    )
    if after is not None:
        earlier = select(Appeal.id).where(Appeal.report_id == after).scalar_subquery()
        statement = statement.where(Appeal.id > earlier)
    return [(row[0], row[1], row[2]) for row in session.execute(statement)]


def may_decide(session: Session, report: Report, member_id: uuid.UUID) -> bool:
    """Whether she may decide on the appeal of a report: she upheld nothing that it answers, or nobody else could."""
    deciders = {each.decided_by for each in answered_with(session, report) if each.decided_by is not None}
    if member_id not in deciders:
        return True
    others = (
        select(StaffMember.id)
        .where(
            StaffMember.ended_at.is_(None),
            StaffMember.id.not_in(deciders),
            StaffMember.role != StaffRole.WATCH,
            StaffMember.id.in_(staff_with_passkeys()),
        )
        .limit(1)
    )
    return session.scalar(others) is None


def was_granted(session: Session, offer: Offer) -> bool:
    """Whether staff withdrew an offer and nothing is held against it any more, its merchant's appeal being granted."""
    if offer.status is not OfferStatus.WITHDRAWN or offer.withdrawn_reason is not None:
        return False
    return any(made is not None and made.outcome is AppealOutcome.GRANTED for _, made in _answers(session, offer.id))


def decide_appeal(
    session: Session, report: Report, outcome: AppealOutcome, *, reason: str, now: dt.datetime, actor_id: uuid.UUID
) -> Appeal:
    """Grant the appeal of a report, or dismiss it, and write to its author why.

    Granted, the offer is no longer told to be at fault, but where another report stands that it does not answer.

    Raises:
        Absent: there is no appeal. AppealClosed: it was decided on already. AnotherLook: she upheld the report.
        TextRefused: the reason is empty or too long.
    """
    reason = check_lines(reason, pointer="/reason", most=LONGEST_DECISION, least=1)
    offer = session.get_one(Offer, report.offer_id)
    hold_offer(session, offer)
    made = appeal_of(session, report)
    if made is None:
        raise Absent
    session.refresh(made, with_for_update=True)
    if made.outcome is not AppealOutcome.OPEN:
        raise AppealClosed
    if not may_decide(session, report, actor_id):
        raise AnotherLook
    made.outcome, made.decision, made.decided_at = outcome, reason, now
    besides = stands_besides(session, report)
    if outcome is AppealOutcome.GRANTED:
        offer.withdrawn_reason = None if besides is None else besides.decision
        touch(offer, now=now)
    act = "appeal.granted" if outcome is AppealOutcome.GRANTED else "appeal.dismissed"
    note(session, act, offer.id, actor=Actor.STAFF, actor_id=actor_id, now=now, report=str(made.report_id))
    merchant = session.get_one(Merchant, made.merchant_id)
    write_letter(
        session,
        LetterKind.APPEAL_DECIDED,
        merchant.email,
        locale=merchant.locale,
        content={
            "offer": offer.title,
            "offer_id": str(offer.id),
            "shop_id": str(offer.shop_id),
            "granted": outcome is AppealOutcome.GRANTED,
            "reason": reason,
            "stands": None if besides is None else besides.decision,
        },
        expires_at=now + WORTH_READING,
        now=now,
    )
    session.flush()
    return made


def forget_words(session: Session, *, now: dt.datetime, most: int = BATCH) -> int:
    """Forget the words of appeals, thirty days after the decision; of how many, at most `most`."""
    over = Appeal.outcome != AppealOutcome.OPEN, Appeal.decided_at < now - WORDS_KEPT, Appeal.words != ""
    return empty_some(session, Appeal, *over, most=most, words="")


def _answers(session: Session, offer_id: uuid.UUID) -> list[tuple[Report, Appeal | None]]:
    """The upheld reports of an offer, the last decided first, each with the appeal that answers it.

    It is the first one made since: an appeal answers what was upheld until then, and nothing before answered.
    """
    upheld = select(Report).where(Report.offer_id == offer_id, Report.status == ReportStatus.UPHELD)
    made = select(Appeal).join(Report, Report.id == Appeal.report_id).where(Report.offer_id == offer_id)
    appeals = session.scalars(made.order_by(Appeal.made_at, Appeal.id)).all()
    found: list[tuple[Report, Appeal | None]] = []
    for report in session.scalars(upheld.order_by(Report.decided_at.desc(), Report.id.desc())):
        since = (each for each in appeals if report.decided_at is not None and each.made_at >= report.decided_at)
        found.append((report, next(since, None)))
    return found
