"""A merchant's offers: draft, correct, publish, schedule, withdraw, « tout est parti » and its undo."""

import uuid
from typing import Any, Final

from flask import Response

from blueprints import conditions, cursors, guards, problems
from blueprints.api.audience import shown_sending
from blueprints.api.contract import ApiBlueprint, conditional
from blueprints.api.lists import cut, page
from blueprints.house import house, now
from blueprints.storage import db
from blueprints.transactions import tell_after, transaction
from citylife.accounts.merchants import Scope
from citylife.declared_uses import Declared, declare_use, undo_declared
from citylife.ledger.sending import sending_now
from citylife.merchant_mail.confirming import confirm_published
from citylife.offers import Offer
from citylife.offers.closing import sold_out, undo_sold_out, withdraw
from citylife.offers.drafts import OfferChanges, OfferDraft, correct_offer, draft_offer, hold_offer
from citylife.offers.publishing import publish, schedule
from citylife.offers.reading import every_offer_of_shop
from schemas.declared_uses import DeclaredUseSchema, UndeclaredUseSchema, UndoDeclaredSchema
from schemas.lists import page_of
from schemas.offers import (
    MerchantOfferQuery,
    MerchantOfferSchema,
    NothingSchema,
    OfferChangesSchema,
    OfferDraftSchema,
    PublishedOfferSchema,
    ScheduleSchema,
)
from schemas.sending import SendingNowSchema

blueprint: Final = ApiBlueprint("merchant-offers", "The offers of the shops a merchant runs")


def offer_bytes(offer: Offer) -> bytes:
    """An offer as its merchant reads it: what its ETag is the digest of."""
    return conditions.json_bytes(MerchantOfferSchema().dump(offer))


def actor_id() -> uuid.UUID:
    """Whose act it is, for the audit log."""
    return guards.merchant_id()


@blueprint.route("/merchant/shops/<uuid:shop_id>/offers")
@guards.merchant_required(Scope.READ)
@blueprint.response(200, page_of(MerchantOfferSchema))
@blueprint.arguments(MerchantOfferQuery, location="query")
def list_my_offers(wanted: dict[str, Any], shop_id: uuid.UUID) -> Response:
    """The offers of a shop you run, in every state, the latest first."""
    shop = guards.my_shop(shop_id)
    after = cursors.read_id(wanted["cursor"])
    rows = every_offer_of_shop(db.session(), shop.id, status=wanted["status"], after=after, limit=wanted["limit"] + 1)
    shown, more = cut(rows, wanted["limit"])
    return page(MerchantOfferSchema, shown, shown[-1].id if more else None)


@blueprint.route("/merchant/shops/<uuid:shop_id>/offers", methods=("POST",))
@guards.merchant_required(Scope.OFFERS)
@transaction(idempotent=True)
@blueprint.response(201, MerchantOfferSchema)
@blueprint.arguments(OfferDraftSchema)
def draft_my_offer(draft: dict[str, Any], shop_id: uuid.UUID) -> Response:
    """Keep a draft; nobody but the shop's team sees it until it is published."""
    shop = guards.my_shop(shop_id)
    offer = draft_offer(db.session(), shop, OfferDraft(**draft), now=now())
    headers = {"Location": f"/api/v1/merchant/offers/{offer.id}"}
    return conditions.answer(offer_bytes(offer), 201, headers=headers)


@blueprint.route("/merchant/offers/<uuid:offer_id>")
@guards.merchant_required(Scope.READ)
@blueprint.response(200, MerchantOfferSchema)
def read_my_offer(offer_id: uuid.UUID) -> Offer:
    """An offer of a shop you run, in any state."""
    return guards.my_offer(offer_id)[0]


@blueprint.route("/merchant/offers/<uuid:offer_id>", methods=("PATCH",))
@guards.merchant_required(Scope.OFFERS)
@transaction()
@blueprint.response(200, MerchantOfferSchema)
@blueprint.arguments(OfferChangesSchema)
@conditional
def correct_my_offer(changes: dict[str, Any], offer_id: uuid.UUID) -> Offer:
    """Correct an offer that is not over; a live one keeps its former versions."""
    offer, _ = guards.my_offer(offer_id)
    conditions.must_match(offer_bytes(offer))
    expected = offer.version
    return correct_offer(
        db.session(), offer, OfferChanges(**changes), expected_version=expected, now=now(), actor_id=actor_id()
    )


@blueprint.route("/merchant/offers/<uuid:offer_id>", methods=("DELETE",))
@guards.merchant_required(Scope.OFFERS)
@transaction()
@blueprint.response(204)
@conditional
def delete_my_offer(offer_id: uuid.UUID) -> None:
    """Withdraw an offer, announced or not: it is gone for everyone, and its team still reads that it was."""
    offer, _ = guards.my_offer(offer_id)
    hold_offer(db.session(), offer)
    conditions.must_match(offer_bytes(offer))
    withdraw(db.session(), offer, now=now(), actor_id=actor_id())


@blueprint.route("/merchant/offers/<uuid:offer_id>/publish", methods=("POST",))
@guards.merchant_required(Scope.OFFERS)
@transaction(idempotent=True, rings=True)
@blueprint.response(200, PublishedOfferSchema)
@blueprint.arguments(NothingSchema)
def publish_my_offer(_nothing: dict[str, Any], offer_id: uuid.UUID) -> Response:
    """Make an offer live at once, and announce it to those who follow the shop; `sending` says what may hold that.

    Whoever is signed in is written a letter with a link to « tout est parti »; an API key is not.
    The ETag is the one of the offer, for a change that follows.
    """
    offer, shop = guards.my_offer(offer_id)
    message = publish(db.session(), shop, offer, now=now(), actor_id=actor_id())
    if not guards.by_key():  # a program reads no mail
        confirm_published(db.session(), shop, offer, actor_id(), secret=house().keys.secret_key, now=now())
    tell_after(db.session(), "offer.published", offer=offer.id, message=message.id if message else None)
    sending = shown_sending(sending_now(db.session(), house().settings.aipd_date, shop), problems.locale())
    published = {**MerchantOfferSchema().dump(offer), "sending": SendingNowSchema().dump(sending)}
    response = conditions.answer(conditions.json_bytes(published))
    response.headers["ETag"] = conditions.tag_of(offer_bytes(offer))
    return response


@blueprint.route("/merchant/offers/<uuid:offer_id>/schedule", methods=("POST",))
@guards.merchant_required(Scope.OFFERS)
@transaction(idempotent=True)
@blueprint.response(200, MerchantOfferSchema)
@blueprint.arguments(ScheduleSchema)
def schedule_my_offer(wanted: dict[str, Any], offer_id: uuid.UUID) -> Offer:
    """Let an offer go live by itself, at a moment to come; whoever is signed in is then written to, a key is not."""
    (offer, shop), starts_at = guards.my_offer(offer_id), wanted["starts_at"]
    who, by_key = actor_id(), guards.by_key()
    return schedule(db.session(), shop, offer, starts_at=starts_at, now=now(), actor_id=who, by_key=by_key)


@blueprint.route("/merchant/offers/<uuid:offer_id>/withdraw", methods=("POST",))
@guards.merchant_required(Scope.OFFERS)
@transaction(idempotent=True)
@blueprint.response(200, MerchantOfferSchema)
@blueprint.arguments(NothingSchema)
def withdraw_my_offer(_nothing: dict[str, Any], offer_id: uuid.UUID) -> Offer:
    """Take an offer away: nothing more is sent of it."""
    offer, _ = guards.my_offer(offer_id)
    return withdraw(db.session(), offer, now=now(), actor_id=actor_id())


@blueprint.route("/merchant/offers/<uuid:offer_id>/declared-uses", methods=("POST",))
@guards.merchant_required(Scope.OFFERS)
@transaction(idempotent=True)
@blueprint.response(201, DeclaredUseSchema)
@blueprint.arguments(NothingSchema)
def declare_my_use(_nothing: dict[str, Any], offer_id: uuid.UUID) -> Declared:
    """Count a use of a live offer without a code, as declared: apart from what is used at the till."""
    offer, _ = guards.my_offer(offer_id)
    return declare_use(db.session(), offer, secret=house().keys.secret_key, now=now())


@blueprint.route("/merchant/offers/<uuid:offer_id>/declared-uses/undo", methods=("POST",))
@guards.merchant_required(Scope.OFFERS)
@transaction(idempotent=True)
@blueprint.response(200, UndeclaredUseSchema)
@blueprint.arguments(UndoDeclaredSchema)
def undo_my_declared_use(wanted: dict[str, Any], offer_id: uuid.UUID) -> dict[str, Any]:
    """Take a declared use back, within ten seconds."""
    offer, _ = guards.my_offer(offer_id)
    day = undo_declared(db.session(), offer, wanted["undo"], secret=house().keys.secret_key, now=now())
    return {"offer_id": offer.id, "day": day}


@blueprint.route("/merchant/offers/<uuid:offer_id>/sold-out", methods=("POST",))
@guards.merchant_required(Scope.OFFERS)
@transaction(idempotent=True, rings=True)
@blueprint.response(200, MerchantOfferSchema)
@blueprint.arguments(NothingSchema)
def sell_out_my_offer(_nothing: dict[str, Any], offer_id: uuid.UUID) -> Offer:
    """« Tout est parti »: what is unsent stops at once; after ten seconds what was sent is replaced in silence."""
    offer, _ = guards.my_offer(offer_id)
    sold_out(db.session(), offer, now=now(), actor_id=actor_id())
    return offer


@blueprint.route("/merchant/offers/<uuid:offer_id>/sold-out/undo", methods=("POST",))
@guards.merchant_required(Scope.OFFERS)
@transaction(idempotent=True, rings=True)
@blueprint.response(200, MerchantOfferSchema)
@blueprint.arguments(NothingSchema)
def undo_sell_out_my_offer(_nothing: dict[str, Any], offer_id: uuid.UUID) -> Offer:
    """Take « tout est parti » back, within ten seconds."""
    offer, _ = guards.my_offer(offer_id)
    return undo_sold_out(db.session(), offer, now=now(), actor_id=actor_id())
