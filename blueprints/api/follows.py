"""Follows: the shops a citizen hears of, and how much.

To follow and to follow no longer go the way of the feed, around the ORM and the schemas, with every habit kept; their
plain case does not even come here: see `short_follows`.
"""

import datetime as dt
import uuid
from typing import Any, Final

from flask import Request, Response

from blueprints import conditions, cursors, guards
from blueprints.api.contract import ApiBlueprint
from blueprints.api.lists import cut, page
from blueprints.application import current_request
from blueprints.house import house, now
from blueprints.storage import db
from citylife.accounts.sessions import AccountKind
from citylife.follows import Follow, Followed, Level, end_follow, follows_of, keep_follow
from citylife.insiders import note_team
from citylife.shops import Shop
from schemas.follows import FollowSchema, WantedFollowSchema
from schemas.lists import ListQuery, page_of

blueprint: Final = ApiBlueprint("follows", "The shops a citizen follows")
WANTED: Final = WantedFollowSchema()
USUAL: Final = {b"": Level.NORMAL, b"{}": Level.NORMAL} | {
    written % level.value.encode(): level for level in Level for written in (b'{"level":"%b"}', b'{"level": "%b"}')
}
"""Bodies as they are usually written."""


def shown_follow(standing: Follow, shop: Shop) -> dict[str, Any]:
    """A follow with its shop."""
    return {"shop": shop, "level": standing.level, "begun_at": standing.begun_at}


@blueprint.route("/me/follows")
@guards.citizen_required
@blueprint.response(200, page_of(FollowSchema))
@blueprint.arguments(ListQuery, location="query")
def list_follows(wanted: dict[str, Any]) -> Response:
    """The shops you follow."""
    after = cursors.read_id(wanted["cursor"])
    citizen = guards.current_citizen()
    rows = follows_of(db.session(), citizen.id, after=after, limit=wanted["limit"] + 1)
    shown, more = cut(rows, wanted["limit"])
    return page(FollowSchema, [shown_follow(*row) for row in shown], shown[-1][1].id if more else None)


def read_level(request: Request) -> Level:
    """How much she wants to hear; what `WantedFollowSchema` reads, which is only asked for what is written unusually.

    Raises:
        ValidationError, WrongType, Malformed: as for any body.
    """
    raw = request.get_data(cache=True)
    level = USUAL.get(raw) if not raw or request.mimetype == "application/json" else None
    if level is None:
        level = blueprint.ARGUMENTS_PARSER.parse(WANTED, request, location="json")["level"]
    return level


def asking() -> uuid.UUID:
    """The citizen who is asking, by a kept connection.

    Raises:
        CitizenNeeded: nobody we know.
    """
    moment = now()
    return house().kept.read(lambda connection: guards.citizen_asking(connection, moment))


@blueprint.route("/me/follows/<uuid:shop_id>", methods=("PUT",))
@blueprint.described(
    blueprint.arguments(WantedFollowSchema),
    blueprint.also(201, FollowSchema, "You did not follow it before"),
    blueprint.response(200, FollowSchema),
    guards.citizen_required,
)
def follow_shop(shop_id: uuid.UUID) -> Response:
    """Follow a shop, or change how much you hear of it. The same twice changes nothing."""
    citizen_id, level, moment = asking(), read_level(current_request()), now()
    followed = house().kept.write(lambda connection: keep_follow(connection, citizen_id, shop_id, level, now=moment))
    if guards.session_cookie_name(AccountKind.MERCHANT) in current_request().cookies:
        note_own_team(citizen_id)
    return conditions.answer(conditions.json_bytes(body_of(followed)), 201 if followed.new else 200)


def body_of(followed: Followed) -> dict[str, Any]:
    """A follow as it is answered."""
    return {
        "shop": {"id": followed.shop_id, "slug": followed.slug, "name": followed.name},
        "level": followed.level,
        "begun_at": followed.begun_at.astimezone(dt.UTC),
    }


def note_own_team(citizen_id: uuid.UUID) -> None:
    """Note whose team she is of, where this browser is signed in as a merchant too."""
    merchant = guards.standing_session(AccountKind.MERCHANT)
    if merchant is not None:
        note_team(db.session(), citizen_id, merchant.account.id)
        db.session().commit()


@blueprint.route("/me/follows/<uuid:shop_id>", methods=("DELETE",))
@blueprint.described(blueprint.response(204), guards.citizen_required)
def unfollow_shop(shop_id: uuid.UUID) -> Response:
    """Follow a shop no longer: nothing more of it is sent, not even what was published before."""
    citizen_id, moment = asking(), now()
    house().kept.write(lambda connection: end_follow(connection, citizen_id, shop_id, now=moment))
    return Response(status=204)
