"""The feed of a citizen, the hottest read of the house, and what she opens.

The feed goes around what other views are made of (the ORM, schemas, decorators that wrap): it asks the driver, joins
stored bytes, and answers. What it keeps is every habit: token, problems, cursor, ETag, headers, counters, the log.
Its plain case does not even come here: see `short_feed`.
"""

import uuid
from typing import Final

from flask import Response

from blueprints import cursors, guards
from blueprints.api.contract import ApiBlueprint
from blueprints.api.lists import joined
from blueprints.application import current_request
from blueprints.house import house, now
from blueprints.storage import db
from blueprints.transactions import tell_after, transaction
from citylife import feed
from citylife.activity import Counted, count
from citylife.offers.reading import public_offer
from schemas.lists import DEFAULT_LIMIT, ListQuery, page_of
from schemas.offers import OfferSchema

blueprint: Final = ApiBlueprint("feed", "The live offers of the shops a citizen follows")


@blueprint.route("/me/feed")
@blueprint.described(
    blueprint.arguments(ListQuery, location="query"),
    blueprint.response(200, page_of(OfferSchema)),
    guards.citizen_required,
)
def read_feed() -> Response:
    """The live offers of the shops you follow, the first to end first."""
    asked = current_request()
    after, limit = None, DEFAULT_LIMIT
    if asked.query_string:
        wanted = blueprint.ARGUMENTS_PARSER.parse(ListQuery(), asked, location="query")
        limit = wanted["limit"]
        place = cursors.read_moment(wanted["cursor"])
        after = None if place is None else feed.Place(*place)
    moment, token = now(), guards.shown_token()
    citizen_id, found = house().kept.read(
        lambda connection: feed.page_shown(connection, token, after=after, limit=limit, now=moment)
    )
    guards.asking(token, citizen_id, moment)
    return joined(found.pieces, None if found.next is None else (found.next.ends_at, found.next.offer_id))


@blueprint.route("/me/offers/<uuid:offer_id>/opened", methods=("POST",))
@guards.citizen_required
@transaction(idempotent=True)
@blueprint.response(204)
def say_opened(offer_id: uuid.UUID) -> None:
    """Say that you opened an offer: a number of the day goes up, and nothing is kept of who."""
    offer = public_offer(db.session(), offer_id)
    times = count(db.session(), Counted.OFFER_OPENED, offer.id, now=now())
    if times & (times - 1) == 0:  # a power of two: the log follows the offer, and never a person
        tell_after(db.session(), "offer.opened", offer=offer.id, today=times)
