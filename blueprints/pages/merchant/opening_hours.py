"""« Horaires » of a shop: a week to fill in, public holidays, and closures by their dates; owners alone change them."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from babel.dates import get_day_names
from flask import Response, make_response, redirect, render_template, request, url_for

from blueprints import guards
from blueprints.house import now
from blueprints.pages.language import page_locale
from blueprints.pages.merchant.asking import by_our_form, merchant_here
from blueprints.pages.merchant.differing import ShownDifference
from blueprints.pages.merchant.differing_hours import hours_differences
from blueprints.pages.merchant.showing import show_shop
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.clock import local_date
from citylife.errors import Refusal, Stale
from citylife.shops import Shop, ShopStatus
from citylife.shops.changes import ShopChanges, change_shop
from citylife.shops.claims import hold_shop
from citylife.shops.preparing import hours_for_team
from citylife.week_hours import (
    ClosureBackwards,
    DatedClosure,
    Span,
    WeekHours,
    read_week_hours,
    without_past,
    written_hours,
)
from citylife.wording import Sentence, say

OK: Final = 200
REFUSED: Final = 422
SPANS: Final = 2
"""Openings of a day that the form has room for."""
ROOM: Final = 2
"""Empty closures that the form offers beside those there are."""
MOST_CLOSURES: Final = 20
LONGEST_WHY: Final = 60
COPIES: Final = {"week": range(1, 5), "all": range(1, 7)}
"""The days that are given Monday's hours, by the button that was pressed."""
BOTH: Final = Sentence("Écrivez les deux heures, comme 09:00 et 12:30.")
DATES: Final = Sentence("Choisissez le premier jour, et le dernier s’il y en a plusieurs.")


@dataclass
class Sheet:
    """What the form holds as it was written, and what is wrong with it, by day (`d0`) or closure (`c0`).

    `before` is the text of the hours that were there when the form was opened; None where it was not said.
    """

    version: int
    before: str | None
    days: list[list[tuple[str, str]]]
    closures: list[tuple[str, str, str]]
    holidays_off: bool = False
    beyond: str = ""
    faults: dict[str, str] = field(default_factory=dict)


@merchant_here
def read_hours(shop_id: uuid.UUID) -> Response:
    """The week as it stands; where it cannot be shown, its text, and an empty week."""
    shop = guards.my_shop(shop_id, owner=True)
    return _page(shop, _sheet_of(shop))


@by_our_form
@merchant_here
@transaction()
def keep_hours(shop_id: uuid.UUID) -> Response:
    """Keep the week, or give other days Monday's hours and keep nothing yet; what is refused stays written."""
    shop = guards.my_shop(shop_id, owner=True)
    sheet = _written(shop, request.form)
    copied = COPIES.get(request.form.get("copy", ""))
    if copied is not None:
        for number in copied:
            sheet.days[number] = sheet.days[0]
        return _page(shop, sheet)
    week = _week(sheet)
    if sheet.faults:
        return _page(shop, sheet, status=REFUSED)
    try:
        _keep(shop, sheet, week)
    except Stale:
        db.session().rollback()
        return _conflict(shop, sheet, week)
    except Refusal as refusal:
        db.session().rollback()
        at = (refusal.pointer or "").partition("/days/")[2]
        sheet.faults[f"d{at}" if at else ""] = say(refusal.detail, page_locale())
        return _page(shop, sheet, status=refusal.status)
    done = "hours-prepared" if shop.status is ShopStatus.CLAIMED else "hours"
    return make_response(redirect(url_for("merchant.read_shop", shop_id=shop.id, said=done), 303))


def _keep(shop: Shop, sheet: Sheet, week: WeekHours) -> None:
    """Keep the week; a change of the shop that left its hours alone, such as a photo, is in nobody's way.

    Raises:
        Stale: its hours are not those that the form was opened with. Refusal: a rule of the house says no.
    """
    session, who = db.session(), guards.merchant_id()
    hold_shop(session, shop)
    if sheet.before is not None and sheet.before != _text(shop):
        raise Stale
    changes = ShopChanges(opening_hours=written_hours(without_past(week, local_date(now()))))
    expected = sheet.version if sheet.before is None else shop.version
    change_shop(session, shop, changes, expected_version=expected, now=now(), actor_id=who)


def _conflict(shop: Shop, sheet: Sheet, week: WeekHours) -> Response:
    """What was written, still in the form, beside what a colleague kept meanwhile: sent again, it takes its place."""
    sheet.version, sheet.before = shop.version, _text(shop)
    theirs = hours_differences(week, sheet.before, page_locale(), today=local_date(now()))
    return _page(shop, sheet, theirs=theirs, status=Stale.status)


def _text(shop: Shop) -> str:
    return hours_for_team(db.session(), shop) or ""


def _sheet_of(shop: Shop) -> Sheet:
    week = read_week_hours(hours_for_team(db.session(), shop))
    beyond = _beyond(shop)
    if week is None or beyond:
        week = WeekHours(((),) * 7)
    week = without_past(week, local_date(now()))
    days = [[(f"{span.opens:%H:%M}", f"{span.closes:%H:%M}") for span in spans] for spans in week.days]
    closures = [(one.first.isoformat(), one.last.isoformat(), one.comment) for one in week.closures]
    return Sheet(shop.version, _text(shop), days, closures, week.holidays_off, beyond)


def _beyond(shop: Shop) -> str:
    """The hours of a shop where the form has no room for them; empty where it has."""
    hours = hours_for_team(db.session(), shop)
    week = read_week_hours(hours)
    if week is not None:
        week = without_past(week, local_date(now()))
        if max(map(len, week.days)) <= SPANS and len(week.closures) <= MOST_CLOSURES:
            return ""
    return hours or ""


def _written(shop: Shop, form: Mapping[str, str]) -> Sheet:
    """What was written, as it was."""
    version = form.get("version", "")
    days = [
        [(form.get(f"d{day}_{span}_from", "")[:8], form.get(f"d{day}_{span}_to", "")[:8]) for span in range(SPANS)]
        for day in range(7)
    ]
    closures = [
        (form.get(f"c{row}_first", "")[:10], form.get(f"c{row}_last", "")[:10], form.get(f"c{row}_why", "").strip())
        for row in range(MOST_CLOSURES)
    ]
    while closures and not any(closures[-1]):
        closures.pop()
    known = int(version) if version.isascii() and version.isdigit() and len(version) <= len("1000000000") else 0
    return Sheet(known, form.get("before"), days, closures, form.get("holidays") == "off", _beyond(shop))


def _week(sheet: Sheet) -> WeekHours:
    """The week that was written; what cannot be read is noted in the sheet's faults."""
    days = [tuple(_spans(sheet, number)) for number in range(7)]
    closures = [_closure(sheet, number) for number, row in enumerate(sheet.closures) if any(row)]
    return WeekHours(tuple(days), sheet.holidays_off, tuple(one for one in closures if one is not None))


def _spans(sheet: Sheet, number: int) -> list[Span]:
    found = []
    for opens, closes in sheet.days[number]:
        if not opens and not closes:
            continue
        try:
            found.append(Span(dt.time.fromisoformat(opens), dt.time.fromisoformat(closes)))
        except ValueError:
            sheet.faults[f"d{number}"] = say(BOTH, page_locale())
    return found


def _closure(sheet: Sheet, number: int) -> DatedClosure | None:
    first, last, why = sheet.closures[number]
    try:
        closure = DatedClosure(dt.date.fromisoformat(first), dt.date.fromisoformat(last or first), why[:LONGEST_WHY])
    except ValueError:
        sheet.faults[f"c{number}"] = say(DATES, page_locale())
        return None
    if closure.last < closure.first:
        sheet.faults[f"c{number}"] = say(ClosureBackwards().detail, page_locale())
    return closure


def _page(shop: Shop, sheet: Sheet, *, theirs: Sequence[ShownDifference] | None = None, status: int = OK) -> Response:
    locale = page_locale()
    names = get_day_names("wide", locale=locale)
    room = max(0, min(ROOM, MOST_CLOSURES - len(sheet.closures)))
    page = render_template(
        "merchant/hours.html",
        shop=show_shop(shop, locale),
        sheet=sheet,
        days=[names[number].capitalize() for number in range(7)],
        closures=[*sheet.closures, *[("", "", "")] * room],
        spans=range(SPANS),
        theirs=theirs,
    )
    return make_response(page, status)
