"""Photos at their addresses: what is there never changes, so that a browser keeps it; another photo has another one."""

import uuid
from typing import Final

from flask import Blueprint, Response

from blueprints import conditions
from blueprints.pages.assets import FOR_EVER
from blueprints.storage import db
from citylife.photos import Size, content_of

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
    content = content_of(db.session(), photo_id, size)
    return conditions.answer(content, cache=FOR_EVER, vary="Accept-Encoding", content_type=WEBP)
