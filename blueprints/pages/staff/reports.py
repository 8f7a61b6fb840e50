"""« Signalements »: what people say is wrong with an offer, the offer as they see it, what staff decide; appeals."""

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from flask import Response, make_response, render_template, request, url_for

from blueprints import guards
from blueprints.cursors import read_id, written
from blueprints.house import now
from blueprints.pages.citizen.report import WORDS
from blueprints.pages.language import page_locale
from blueprints.pages.staff.acting import NOTHING_FAILED, Failed, carried_out, confirmed, typed
from blueprints.pages.staff.asking import console_form, console_page
from blueprints.photographs import shown_photo
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.staff import StaffRole
from citylife.appeals import (
    Appeal,
    AppealOutcome,
    answered_with,
    appeal_of,
    decide_appeal,
    may_decide,
    open_appeals,
    stands_besides,
)
from citylife.moments import at_words, until_words
from citylife.offers import Offer, OfferStatus
from citylife.photos import photos_of
from citylife.prices import price_words, prior_words
from citylife.reports import Report, ReportStatus, dismiss, report_and_offer, reports, uphold
from citylife.shops import Shop
from citylife.wording import Sentence, say

PAGE: Final = 20
APPEALS: Final = "recours"
STATES: Final = {
    "": (ReportStatus.OPEN, Sentence("À traiter")),
    APPEALS: (None, Sentence("Recours à trancher")),
    "retenus": (ReportStatus.UPHELD, Sentence("Retenus")),
    "ecartes": (ReportStatus.DISMISSED, Sentence("Écartés")),
}
"""What may be asked for (`?etat=`)."""
STANDING: Final = {
    ReportStatus.OPEN: Sentence("À traiter"),
    ReportStatus.UPHELD: Sentence("Retenu"),
    ReportStatus.DISMISSED: Sentence("Écarté"),
}
OFFER_STANDING: Final = {
    OfferStatus.LIVE: Sentence("En ligne"),
    OfferStatus.SCHEDULED: Sentence("Programmée"),
    OfferStatus.SOLD_OUT: Sentence("Tout est parti"),
    OfferStatus.WITHDRAWN: Sentence("Retirée"),
    OfferStatus.ENDED: Sentence("Terminée"),
    OfferStatus.DRAFT: Sentence("Brouillon"),
}
OUTCOMES: Final = {
    AppealOutcome.GRANTED: Sentence("Recours accepté {moment} : {reason}"),
    AppealOutcome.DISMISSED: Sentence("Recours refusé {moment} : {reason}"),
}
DONE: Final = {
    "upheld": Sentence("C’est fait : l’offre est retirée, et ses propriétaires prévenus par courriel."),
    "dismissed": Sentence("C’est fait : le signalement est écarté."),
    "granted": Sentence("C’est fait : le recours est accepté, et son auteur prévenu par courriel."),
    "kept": Sentence("C’est fait : le recours est refusé, et son auteur prévenu par courriel."),
}


@dataclass(frozen=True, slots=True)
class ShownReport:
    """A report in words, with the offer and the shop that it is about."""

    id: uuid.UUID
    wrong: str
    standing: str
    open: bool
    count: int
    details: list[str]
    since: str
    last: str
    decision: str
    offer: str
    offer_id: uuid.UUID
    shop: str
    shop_id: uuid.UUID


@console_page(StaffRole.WATCH)
def read_reports() -> Response:
    """The queue, the first reported first; by state (`?etat=`), or the appeals that wait."""
    asked, cursor, session = request.args.get("etat", ""), request.args.get("cursor"), db.session()
    state = asked if asked in STATES else ""
    after = read_id(cursor)
    if state == APPEALS:
        rows = open_appeals(session, after=after, limit=PAGE + 1)
    else:
        rows = reports(session, status=STATES[state][0], after=after, limit=PAGE + 1)
    shown, more = rows[:PAGE], len(rows) > PAGE
    page = render_template(
        "staff/reports.html",
        states=[(name, say(words, page_locale())) for name, (_, words) in STATES.items()],
        state=state,
        reports=[_show(*row) for row in shown],
        next_cursor=written(shown[-1][0].id) if more else None,
    )
    return make_response(page)


@console_page(StaffRole.WATCH)
def read_report(report_id: uuid.UUID) -> Response:
    """A report, its offer as people see it, and what may be decided."""
    return report_page(report_id)


def report_page(report_id: uuid.UUID, failed: Failed = NOTHING_FAILED) -> Response:
    """The page of a report, with what was refused where something was."""
    session, locale = db.session(), page_locale()
    report, offer, shop = report_and_offer(session, report_id)
    made = appeal_of(session, report)
    photo = None if offer.photo_id is None else photos_of(session, [offer.photo_id]).get(offer.photo_id)
    page = render_template(
        "staff/reported.html",
        report=_show(report, offer, shop),
        offer=offer,
        offer_standing=say(OFFER_STANDING[offer.status], locale),
        until=_until(offer, now()),
        price=price_words(offer.price, locale),
        prior=prior_words(offer, locale),
        photo=None if photo is None else shown_photo(photo),
        appeal=made,
        answered=[each.decision for each in answered_with(session, report) if each is not report],
        besides=None if made is None else stands_besides(session, report),
        appealed="" if made is None else at_words(made.made_at, now=now(), locale=locale),
        outcome=_outcome(made),
        appeal_open=made is not None and made.outcome is AppealOutcome.OPEN,
        hers=may_decide(session, report, guards.current_staff().id),
        said=DONE.get(request.args.get("said", "")),
        failed=failed,
    )
    return make_response(page, failed.status)


@console_form(StaffRole.MODERATE)
@transaction(rings=True)
def uphold_report(report_id: uuid.UUID) -> Response:
    """Withdraw the offer, with the reason that its owners are written; it cannot be taken back, and is confirmed."""

    def act(report: Report) -> None:
        confirmed()
        uphold(db.session(), report, reason=typed("reason"), now=now(), actor_id=guards.current_staff().id)

    return _decided(report_id, "uphold", act, "upheld")


@console_form(StaffRole.MODERATE)
@transaction()
def dismiss_report(report_id: uuid.UUID) -> Response:
    """Say that nothing is wrong with the offer, and why."""

    def act(report: Report) -> None:
        dismiss(db.session(), report, reason=typed("reason"), now=now(), actor_id=guards.current_staff().id)

    return _decided(report_id, "dismiss", act, "dismissed")


@console_form(StaffRole.MODERATE)
@transaction(rings=True)
def grant_appeal(report_id: uuid.UUID) -> Response:
    """Grant the appeal: what it answers is held against the offer no more."""
    return _decided(report_id, "grant", partial(_appeal_decided, AppealOutcome.GRANTED), "granted")


@console_form(StaffRole.MODERATE)
@transaction(rings=True)
def dismiss_appeal(report_id: uuid.UUID) -> Response:
    """Dismiss the appeal: the decision stands."""
    return _decided(report_id, "keep", partial(_appeal_decided, AppealOutcome.DISMISSED), "kept")


def _appeal_decided(outcome: AppealOutcome, report: Report) -> None:
    who = guards.current_staff().id
    decide_appeal(db.session(), report, outcome, reason=typed("reason"), now=now(), actor_id=who)


def _decided(report_id: uuid.UUID, name: str, act: Callable[[Report], None], said: str) -> Response:
    report, _, _ = report_and_offer(db.session(), report_id)
    to = url_for("console.read_report", report_id=report.id, said=said)
    return carried_out(name, partial(act, report), to=to, again=partial(report_page, report_id))


def _show(report: Report, offer: Offer, shop: Shop) -> ShownReport:
    locale, moment = page_locale(), now()
    decision = ""
    if report.decided_at is not None:
        when = at_words(report.decided_at, now=moment, locale=locale)
        standing, reason = STANDING[report.status], report.decision or ""
        words = Sentence("{standing} {moment} : {reason}", standing=standing, moment=when, reason=reason)
        decision = say(words, locale)
    return ShownReport(
        id=report.id,
        wrong=say(WORDS[report.wrong], locale),
        standing=say(STANDING[report.status], locale),
        open=report.status is ReportStatus.OPEN,
        count=report.count,
        details=list(report.details),
        since=at_words(report.first_at, now=moment, locale=locale),
        last=at_words(report.last_at, now=moment, locale=locale),
        decision=decision,
        offer=offer.title,
        offer_id=offer.id,
        shop=shop.name,
        shop_id=shop.id,
    )


def _outcome(made: Appeal | None) -> str:
    if made is None or made.decided_at is None:
        return ""
    locale = page_locale()
    moment = at_words(made.decided_at, now=now(), locale=locale)
    return say(OUTCOMES[made.outcome].format(moment=moment, reason=made.decision or ""), locale)


def _until(offer: Offer, moment: dt.datetime) -> str:
    locale = page_locale()
    if offer.ends_at <= moment:
        return say(Sentence("Terminée {moment}", moment=at_words(offer.ends_at, now=moment, locale=locale)), locale)
    return until_words(offer.ends_at, now=moment, locale=locale)
