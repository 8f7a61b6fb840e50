"""The photo of an announcement: it comes with the form, is kept at once, and stays chosen whatever else is wrong."""

import uuid

from flask import request
from werkzeug.datastructures import ImmutableMultiDict

from blueprints import guards
from blueprints.house import now
from blueprints.photographs import field_developed, shown_photo
from blueprints.storage import db
from citylife.errors import Refusal
from citylife.photos import Photo, PhotoTooHeavy, keep_photo, photos_of
from citylife.shops import Shop


def take_along(shop_id: uuid.UUID) -> Refusal | None:
    """Keep the photo that came along with a form, if any, and let the form name it; or what is wrong, at its field.

    Raises:
        PhotoTooHeavy: nothing of the form was read.
    """
    if request.mimetype != "multipart/form-data":
        return None
    try:
        developed = field_developed(shop_id)
        if developed is None:
            return None
        photo = keep_photo(db.session(), guards.my_shop(shop_id), developed, now=now())
        db.session().commit()
    except PhotoTooHeavy:
        raise
    except Refusal as refusal:
        db.session().rollback()
        refusal.pointer = "/photo_id"
        return refusal
    said = [
        (name, value) for name, value in request.form.items(multi=True) if name not in {"photo_id", "without_photo"}
    ]
    request.form = ImmutableMultiDict([*said, ("photo_id", str(photo.id))])
    return None


def chosen_photo(shop: Shop, written: str) -> dict[str, object] | None:
    """The photo that a form names, as it is shown, where it is one of the shop's."""
    try:
        photo: Photo | None = photos_of(db.session(), [uuid.UUID(written)]).get(uuid.UUID(written))
    except ValueError:
        return None
    return shown_photo(photo) if photo is not None and photo.shop_id == shop.id else None
