"""What staff decide about a shop: verify or refuse its claim, post a code, suspend it, hold what it sends."""

import datetime as dt
import uuid
from collections.abc import Callable
from functools import partial

from flask import Response, make_response, url_for

from blueprints import guards
from blueprints.house import now
from blueprints.pages.staff.acting import Failed, carried_out, confirmed, typed
from blueprints.pages.staff.asking import console_form
from blueprints.pages.staff.letters import code_letter
from blueprints.pages.staff.shops import shop_page
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.staff import StaffRole
from citylife.errors import Refusal
from citylife.ledger.stops import resume_sending, stop_sending
from citylife.shops import Proof, Shop
from citylife.shops.claims import refuse_claim, reinstate_shop, suspend_shop
from citylife.shops.oversight import any_shop
from citylife.shops.possession import (
    LIFETIME,
    Visit,
    VisitRefused,
    check_is_read,
    pending_claims,
    post_code,
    verify_by_code,
    verify_by_visit,
)


@console_form(StaffRole.MODERATE)
@transaction(rings=True)
def verify(shop_id: uuid.UUID) -> Response:
    """Accept the claim on a visit, or on the code of the letter; it cannot be taken back, and is confirmed."""

    def act(shop: Shop) -> None:
        confirmed()
        _read_before(shop)
        who = guards.current_staff().id
        if typed("proof") == Proof.POSTED_CODE.value:
            verify_by_code(db.session(), shop, now=now(), actor_id=who)
            return
        try:
            visit = Visit(dt.date.fromisoformat(typed("date")), typed("seen_by"))
        except ValueError:
            raise VisitRefused(pointer="/visit/date") from None
        verify_by_visit(db.session(), shop, visit, now=now(), actor_id=who)

    return _decided(shop_id, "verify", act, "verified")


@console_form(StaffRole.MODERATE)
@transaction(rings=True)
def refuse(shop_id: uuid.UUID) -> Response:
    """Refuse the claim, with the reason that its author is written."""

    def act(shop: Shop) -> None:
        confirmed()
        _read_before(shop)
        refuse_claim(db.session(), shop, reason=typed("reason"), now=now(), actor_id=guards.current_staff().id)

    return _decided(shop_id, "refuse", act, "refused")


@console_form(StaffRole.MODERATE)
@transaction()
def print_code(shop_id: uuid.UUID) -> Response:
    """The letter with a new code, to print and to post; shown this once, and one posted before is worth nothing."""
    session = db.session()
    try:
        shop = any_shop(session, shop_id)
        _read_before(shop)
        code = post_code(session, shop, now=now(), actor_id=guards.current_staff().id)
    except Refusal as refusal:
        session.rollback()
        return shop_page(shop_id, Failed.told("letter", refusal))
    claimant = pending_claims(session, [shop.id])[shop.id].merchant
    return make_response(code_letter(shop, code, until=now() + LIFETIME, locale=claimant.locale))


@console_form(StaffRole.MODERATE)
@transaction()
def suspend(shop_id: uuid.UUID) -> Response:
    """Suspend a verified shop, with the reason that its team reads."""
    return _reasoned(shop_id, "suspend", suspend_shop, "suspended")


@console_form(StaffRole.MODERATE)
@transaction(rings=True)
def reinstate(shop_id: uuid.UUID) -> Response:
    """Lift a suspension."""
    return _reasoned(shop_id, "reinstate", reinstate_shop, "reinstated")


@console_form(StaffRole.MODERATE)
@transaction()
def stop(shop_id: uuid.UUID) -> Response:
    """Stop what a shop sends; nothing of it is lost."""
    return _reasoned(shop_id, "stop", stop_sending, "stopped")


@console_form(StaffRole.MODERATE)
@transaction(rings=True)
def resume(shop_id: uuid.UUID) -> Response:
    """Let a shop send again."""
    return _reasoned(shop_id, "resume", resume_sending, "resumed")


def _read_before(shop: Shop) -> None:
    """Go on only where the claim that waits is the one that the page showed."""
    try:
        claim_id = uuid.UUID(typed("claim"))
    except ValueError:
        claim_id = None
    check_is_read(db.session(), shop, claim_id)


def _reasoned(shop_id: uuid.UUID, name: str, act: Callable[..., object], said: str) -> Response:
    """An act of the domain's that takes a reason and who decides."""

    def with_reason(shop: Shop) -> None:
        act(db.session(), shop, reason=typed("reason"), now=now(), actor_id=guards.current_staff().id)

    return _decided(shop_id, name, with_reason, said)


def _decided(shop_id: uuid.UUID, name: str, act: Callable[[Shop], None], said: str) -> Response:
    shop = any_shop(db.session(), shop_id)
    to = url_for("console.read_shop", shop_id=shop.id, said=said)
    return carried_out(name, partial(act, shop), to=to, again=partial(shop_page, shop_id))
