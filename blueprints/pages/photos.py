"""Photos at their addresses: what is there never changes, so that a browser keeps it; another photo has another one."""

import uuid
from typing import Final

from flask import Blueprint, Response

from blueprints import conditions, guards
from blueprints.pages.assets import FOR_EVER
from blueprints.storage import db
from citylife.accounts.sessions import AccountKind
from citylife.errors import Absent, Refusal
from citylife.photos import Size, content_for_staff, content_for_team, content_of

WEBP: Final = "image/webp"
blueprint: Final = Blueprint("photos", __name__)


@blueprint.get("/photos/<uuid:photo_id>/large.webp")
def read_large(photo_id: uuid.UUID) -> Response:
    """A photo where there is room for it, while its shop is public."""
    return _photo(photo_id, Size.LARGE)


@blueprint.get("/photos/<uuid:photo_id>/small.webp")
def read_small(photo_id: uuid.UUID) -> Response:
    """The same photo for a phone, or in a list."""
    return _photo(photo_id, Size.SMALL)


def _photo(photo_id: uuid.UUID, size: Size) -> Response:
    try:
        content = content_of(db.session(), photo_id, size)
    except Absent:
        return _before_it_is_shown(photo_id, size)
    return conditions.answer(content, cache=FOR_EVER, vary="Accept-Encoding", content_type=WEBP)


def _before_it_is_shown(photo_id: uuid.UUID, size: Size) -> Response:
    """The photo for staff, who decide on it, and for a merchant of the team that has sent it; kept by nobody."""
    standing = guards.standing_session(AccountKind.MERCHANT)
    if _is_staff():
        content = content_for_staff(db.session(), photo_id, size)
    elif standing is not None:
        content = content_for_team(db.session(), standing.account.id, photo_id, size)
    else:
        raise Absent
    return conditions.answer(content, cache=conditions.NEVER, content_type=WEBP)


def _is_staff() -> bool:
    try:
        guards.current_staff()
    except Refusal:
        return False
    return True
