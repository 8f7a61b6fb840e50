"""« Chaque jeudi », for its team: changing what comes again, passing over the next time, stopping, which asks first."""

import datetime as dt
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from flask import Response, make_response, redirect, render_template, request, url_for

from blueprints import guards
from blueprints.house import now
from blueprints.pages.citizen.showing import KINDS
from blueprints.pages.language import page_locale
from blueprints.pages.merchant.asking import by_our_form, merchant_here
from blueprints.pages.merchant.coming_again import show_recurring
from blueprints.pages.merchant.differing import ShownDifference, recurring_differences
from blueprints.pages.merchant.illustrating import chosen_photo, take_along
from blueprints.pages.merchant.shops import shop_page
from blueprints.pages.merchant.showing import show_shop
from blueprints.pages.merchant.taking_up import version_in_form
from blueprints.pages.merchant.weekly import (
    LABELS,
    LASTS,
    field_of,
    read_recurring,
    weekday_names,
    written_of_recurring,
)
from blueprints.pages.merchant.writing import LABELS as OF_WORDS
from blueprints.pages.merchant.writing import Faults, written_in
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.errors import Refusal, Stale
from citylife.offers.recurring import (
    NotNext,
    RecurringOffer,
    RecurringOver,
    change_recurring,
    skip_next,
    stop_recurring,
    undo_skip,
)
from citylife.shops import Shop
from citylife.wording import Sentence, say

OK: Final = 200
REFUSED: Final = 422
NO_VERSION: Final = 0
"""That of nothing, for a form that says none."""
MEANWHILE: Final = Sentence(
    "Quelqu’un de l’équipe a changé cette annonce entre-temps : rien n’est enregistré. Ce que vous avez écrit est "
    "encore là ; comparez avec la version actuelle, puis enregistrez."
)


@merchant_here
def read_recurring_form(recurring_id: uuid.UUID) -> Response:
    """The form, filled with what comes now."""
    series, shop = guards.my_recurring(recurring_id)
    return _form(series, shop, written_of_recurring(series)) if series.running else _over(shop)


@by_our_form
@merchant_here
def change(recurring_id: uuid.UUID) -> Response:
    """Change what comes from now on."""
    series, shop = guards.my_recurring(recurring_id)
    photo_refused = take_along(shop.id)
    if photo_refused is not None:
        said = {"photo_id": say(photo_refused.detail, page_locale())}
        return _form(series, shop, written_in(request.form), said, status=photo_refused.status)
    return _change(recurring_id)


@transaction()
def _change(recurring_id: uuid.UUID) -> Response:
    series, shop = guards.my_recurring(recurring_id)
    written, locale = written_in(request.form), page_locale()
    try:
        draft = read_recurring(request.form, locale)
        expected = version_in_form() or NO_VERSION
        change_recurring(
            db.session(), series, draft, expected_version=expected, now=now(), actor_id=guards.merchant_id()
        )
    except Faults as faults:
        return _form(series, shop, written, faults.said, status=REFUSED)
    except RecurringOver:
        db.session().rollback()
        return _over(guards.my_shop(shop.id))
    except Stale:
        db.session().rollback()
        series, shop = guards.my_recurring(recurring_id)
        written["version"] = str(series.version)
        differs = recurring_differences(series, draft, locale)
        return _form(series, shop, written, {"": say(MEANWHILE, locale)}, status=Stale.status, differs=differs)
    except Refusal as refusal:
        db.session().rollback()
        series, shop = guards.my_recurring(recurring_id)
        said = {field_of(refusal.pointer): say(refusal.detail, locale)}
        return _form(series, shop, written, said, status=refusal.status)
    return make_response(redirect(url_for("merchant.read_shop", shop_id=shop.id, said="recurring-changed"), 303))


@by_our_form
@merchant_here
@transaction()
def skip(recurring_id: uuid.UUID) -> Response:
    """Leave out the next time, which the form names."""
    return _done(recurring_id, "skipped", lambda series, day: skip_next(db.session(), series, day, **_act()))


@by_our_form
@merchant_here
@transaction()
def take_skip_back(recurring_id: uuid.UUID) -> Response:
    """Let it come after all."""
    return _done(recurring_id, "skip-undone", lambda series, day: undo_skip(db.session(), series, day, **_act()))


@merchant_here
def read_stopping(recurring_id: uuid.UUID) -> Response:
    """What stopping does, before it is done."""
    series, shop = guards.my_recurring(recurring_id)
    if not series.running:
        return _over(shop)
    locale = page_locale()
    page = render_template(
        "merchant/stopping.html",
        series=show_recurring(series, [], now=now(), locale=locale),
        shop=show_shop(shop, locale),
    )
    return make_response(page)


@by_our_form
@merchant_here
@transaction()
def stop(recurring_id: uuid.UUID) -> Response:
    """Let it come no more, once it was confirmed."""
    series, shop = guards.my_recurring(recurring_id)
    stop_recurring(db.session(), series, **_act())
    return make_response(redirect(url_for("merchant.read_shop", shop_id=shop.id, said="recurring-stopped"), 303))


def _act() -> dict[str, Any]:
    return {"now": now(), "actor_id": guards.merchant_id()}


def _done(recurring_id: uuid.UUID, said: str, act: Callable[[RecurringOffer, dt.date], object]) -> Response:
    """Back to the shop's page once it is done; the page with the reason where it is refused."""
    series, shop = guards.my_recurring(recurring_id)
    shop_id = shop.id
    try:
        act(series, _day())
    except Refusal as refusal:
        db.session().rollback()
        return shop_page(guards.my_shop(shop_id), refusal.status, problem=say(refusal.detail, page_locale()))
    return make_response(redirect(url_for("merchant.read_shop", shop_id=shop_id, said=said), 303))


def _day() -> dt.date:
    try:
        return dt.date.fromisoformat(request.form.get("day", ""))
    except ValueError:
        raise NotNext from None


def _over(shop: Shop) -> Response:
    return shop_page(shop, RecurringOver.status, problem=say(RecurringOver().detail, page_locale()))


def _form(
    series: RecurringOffer,
    shop: Shop,
    written: dict[str, str],
    faults: Mapping[str, str] | None = None,
    *,
    status: int = OK,
    differs: Sequence[ShownDifference] = (),
) -> Response:
    """The form as it is written; with how it `differs` from what a colleague kept meanwhile."""
    locale = page_locale()
    page = render_template(
        "merchant/recurring.html",
        series=show_recurring(series, [], now=now(), locale=locale),
        shop=show_shop(shop, locale),
        written=written,
        faults=faults or {},
        labels=OF_WORDS | LABELS,
        kinds=KINDS,
        weekdays=weekday_names(locale),
        lasts=LASTS,
        photo=chosen_photo(shop, written["photo_id"]),
        differs=differs,
    )
    return make_response(page, status)
