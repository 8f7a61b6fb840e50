"""Offers that come again each week: begin, change, pass over the next time, stop."""

import uuid
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, Final

from flask import Response

from blueprints import conditions, cursors, guards, problems
from blueprints.api.contract import ApiBlueprint, conditional
from blueprints.api.lists import cut, page
from blueprints.house import now
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.merchants import Scope
from citylife.offers.coming_again import OCCURRENCES_KEPT, occurrences_of, recurring_of_shop
from citylife.offers.recurring import (
    WORDS,
    Occurrence,
    RecurringDraft,
    RecurringOffer,
    begin_recurring,
    change_recurring,
    draft_of_recurring,
    hold_recurring,
    skip_next,
    stop_recurring,
    undo_skip,
)
from citylife.offers.weekly import Rhythm
from citylife.wording import say
from schemas.lists import ListQuery, page_of
from schemas.recurring import RecurringChangesSchema, RecurringDraftSchema, RecurringOfferSchema, SkipSchema

blueprint: Final = ApiBlueprint("recurring-offers", "Offers of a shop that come again each week")
OF_RHYTHM: Final = frozenset(field.name for field in fields(Rhythm))


@blueprint.route("/merchant/shops/<uuid:shop_id>/recurring-offers")
@guards.merchant_required(Scope.READ)
@blueprint.response(200, page_of(RecurringOfferSchema))
@blueprint.arguments(ListQuery, location="query")
def list_my_recurring_offers(wanted: dict[str, Any], shop_id: uuid.UUID) -> Response:
    """The recurring offers of a shop you run, the latest first; one that comes no more stays for thirty days."""
    shop = guards.my_shop(shop_id)
    after = cursors.read_id(wanted["cursor"])
    rows = recurring_of_shop(db.session(), shop.id, after=after, limit=wanted["limit"] + 1)
    shown, more = cut(rows, wanted["limit"])
    return page(RecurringOfferSchema, _shown(shown), shown[-1].id if more else None)


@blueprint.route("/merchant/shops/<uuid:shop_id>/recurring-offers", methods=("POST",))
@guards.merchant_required(Scope.OFFERS)
@transaction(idempotent=True)
@blueprint.response(201, RecurringOfferSchema)
@blueprint.arguments(RecurringDraftSchema)
def begin_my_recurring_offer(draft: dict[str, Any], shop_id: uuid.UUID) -> Response:
    """Let an offer come again each week: each time it is published as one that you publish yourself."""
    rhythm = Rhythm(**{name: draft.pop(name) for name in OF_RHYTHM - {"weekdays"}}, weekdays=_days(draft))
    series = begin_recurring(
        db.session(),
        guards.my_shop(shop_id),
        RecurringDraft(**draft, rhythm=rhythm),
        now=now(),
        actor_id=guards.merchant_id(),
        by_key=guards.by_key(),
    )
    headers = {"Location": f"/api/v1/merchant/recurring-offers/{series.id}"}
    return conditions.answer(_bytes(series), 201, headers=headers)


@blueprint.route("/merchant/recurring-offers/<uuid:recurring_id>")
@guards.merchant_required(Scope.READ)
@blueprint.response(200, RecurringOfferSchema)
def read_my_recurring_offer(recurring_id: uuid.UUID) -> dict[str, Any]:
    """An offer that comes again, when it comes next, and what became of it lately."""
    return _shown([guards.my_recurring(recurring_id)[0]])[0]


@blueprint.route("/merchant/recurring-offers/<uuid:recurring_id>", methods=("PATCH",))
@guards.merchant_required(Scope.OFFERS)
@transaction()
@blueprint.response(200, RecurringOfferSchema)
@blueprint.arguments(RecurringChangesSchema)
@conditional
def change_my_recurring_offer(changes: dict[str, Any], recurring_id: uuid.UUID) -> dict[str, Any]:
    """Change what comes from now on; what was published stays as it is. `hours` takes the place of `until`, and so."""
    series, _ = guards.my_recurring(recurring_id)
    hold_recurring(db.session(), series)
    conditions.must_match(_bytes(series))
    before = draft_of_recurring(series)
    when = {name: changes[name] for name in OF_RHYTHM & changes.keys()}
    if "weekdays" in when:
        when["weekdays"] = _days(changes)
    for one, other in (("hours", "until"), ("until", "hours")):
        if when.get(one) is not None:
            when.setdefault(other, None)
    words = {name: changes[name] for name in WORDS if name in changes}
    change_recurring(
        db.session(),
        series,
        replace(before, **words, rhythm=replace(before.rhythm, **when)),
        expected_version=series.version,
        now=now(),
        actor_id=guards.merchant_id(),
    )
    return _shown([series])[0]


@blueprint.route("/merchant/recurring-offers/<uuid:recurring_id>", methods=("DELETE",))
@guards.merchant_required(Scope.OFFERS)
@transaction()
@blueprint.response(204)
@conditional
def stop_my_recurring_offer(recurring_id: uuid.UUID) -> None:
    """Let it come no more; what is live stays live."""
    series, _ = guards.my_recurring(recurring_id)
    hold_recurring(db.session(), series)
    conditions.must_match(_bytes(series))
    stop_recurring(db.session(), series, now=now(), actor_id=guards.merchant_id())


@blueprint.route("/merchant/recurring-offers/<uuid:recurring_id>/skip", methods=("POST",))
@guards.merchant_required(Scope.OFFERS)
@transaction(idempotent=True)
@blueprint.response(200, RecurringOfferSchema)
@blueprint.arguments(SkipSchema)
def skip_my_recurring_offer(wanted: dict[str, Any], recurring_id: uuid.UUID) -> dict[str, Any]:
    """Leave the next time out; one at a time."""
    series, _ = guards.my_recurring(recurring_id)
    skip_next(db.session(), series, wanted["day"], now=now(), actor_id=guards.merchant_id())
    return _shown([series])[0]


@blueprint.route("/merchant/recurring-offers/<uuid:recurring_id>/skip/undo", methods=("POST",))
@guards.merchant_required(Scope.OFFERS)
@transaction(idempotent=True)
@blueprint.response(200, RecurringOfferSchema)
@blueprint.arguments(SkipSchema)
def undo_my_skip(wanted: dict[str, Any], recurring_id: uuid.UUID) -> dict[str, Any]:
    """Let the day that was left out come after all, while its moment is to come."""
    series, _ = guards.my_recurring(recurring_id)
    undo_skip(db.session(), series, wanted["day"], now=now(), actor_id=guards.merchant_id())
    return _shown([series])[0]


def _days(said: dict[str, Any]) -> frozenset[int]:
    return frozenset(said.pop("weekdays"))


def _bytes(series: RecurringOffer) -> bytes:
    return conditions.json_bytes(RecurringOfferSchema().dump(_shown([series])[0]))


def _shown(rows: Sequence[RecurringOffer]) -> list[dict[str, Any]]:
    """What the schema says of each, with what became of it lately, in the caller's language."""
    since = now() - OCCURRENCES_KEPT
    lately = occurrences_of(db.session(), [series.id for series in rows], since=since)
    return [_said(series, lately[series.id]) for series in rows]


def _said(series: RecurringOffer, lately: Sequence[Occurrence]) -> dict[str, Any]:
    columns = {column.key: getattr(series, column.key) for column in RecurringOffer.__table__.columns}
    coming = None if series.next_on is None else series.rhythm.begins(series.next_on)
    told = [
        {"day": each.day, "outcome": each.outcome, "offer_id": each.offer_id, "reason": _reason(each)}
        for each in lately
    ]
    return columns | {"weekdays": sorted(series.rhythm.weekdays), "next_at": coming, "occurrences": told}


def _reason(occurrence: Occurrence) -> str | None:
    return None if occurrence.reason is None else say(occurrence.reason, problems.locale())
