"""Photos on their way in and out: read and developed before any transaction begins, and where each size is read."""

import contextlib
import functools
import uuid
from collections.abc import Callable
from typing import Any, Final, ParamSpec, cast

from flask import Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from blueprints import guards
from blueprints.documented import documented
from blueprints.house import house
from blueprints.limits import count_of
from blueprints.problems import WrongType
from blueprints.storage import db
from citylife.photos import MOST_BYTES, PHOTOS, Developed, Photo, PhotoTooHeavy, PhotoUnreadable, Size

P = ParamSpec("P")
TYPES: Final = ("image/jpeg", "image/png", "image/webp")
BESIDE: Final = 64 * 1024
"""Bytes of a form besides its photo."""
IN_HAND: Final = 256 * 1024
"""Bytes of such a form in memory at once: it is read by 64 KiB, after what may be the beginning of a boundary."""
BYTES: Final = "(the bytes of the picture)"
FIELD: Final = "photo"
BODY: Final = {
    "required": True,
    "description": f"The picture itself, {MOST_BYTES} bytes at most",
    "content": {name: {"schema": {"type": "string", "contentMediaType": name, "example": BYTES}} for name in TYPES},
}


class PictureNeeded(WrongType):
    """A body that does not say it is a picture."""

    sentence = "Le contenu doit être une image : image/jpeg, image/png ou image/webp."


def address_of(photo_id: uuid.UUID, size: Size) -> str:
    """Where a photo is read, from the root of this host."""
    return f"/photos/{photo_id}/{size.value}.webp"


def shown_photo(photo: Photo) -> dict[str, Any]:
    """A photo as `PhotoSchema` says it."""
    return {
        "id": photo.id,
        "large": {"url": address_of(photo.id, Size.LARGE), "width": photo.width, "height": photo.height},
        "small": {"url": address_of(photo.id, Size.SMALL), "width": photo.small_width, "height": photo.small_height},
    }


def image_of(photo: Photo | None, base_url: str) -> str | None:
    """The whole address of a photo, for those who read our pages by machine."""
    return None if photo is None else base_url + address_of(photo.id, Size.LARGE)


def developed_first(view: Callable[P, Response]) -> Callable[P, Response]:
    """Hand the view the picture that is the request's body, developed (`developed`), for the shop of its address.

    Who may not is refused before the body is read; nothing waits in a transaction while it comes, nor meanwhile.
    """

    @functools.wraps(view)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> Response:
        _may(cast("uuid.UUID", kwargs["shop_id"]))
        kwargs["developed"] = _developed(_body())
        return view(*args, **kwargs)

    wrapped.reads_its_body = True  # type: ignore[attr-defined]
    documented(wrapped, requestBody=BODY)
    return wrapped


def field_developed(shop_id: uuid.UUID) -> Developed | None:
    """The picture of the form that was sent for a shop, developed; None where none was chosen.

    Whatever transaction there was is committed: none waits meanwhile.

    Raises:
        PhotoTooHeavy and what `Darkroom.develop` refuses. TooFast: she sent too many.
    """
    _may(shop_id)
    request.max_content_length = MOST_BYTES + BESIDE
    request.max_form_memory_size = IN_HAND
    try:
        file = request.files.get(FIELD)
    except RequestEntityTooLarge:
        raise PhotoTooHeavy from None
    if file is None:
        return None
    with contextlib.closing(file):
        raw = file.read(MOST_BYTES + 1)
    return _developed(raw) if raw else None


def _may(shop_id: uuid.UUID) -> None:
    guards.my_shop(shop_id)
    db.session().commit()


def _body() -> bytes:
    if request.mimetype not in TYPES:
        raise PictureNeeded
    request.max_content_length = MOST_BYTES
    try:
        raw = request.get_data(cache=True)
    except RequestEntityTooLarge:
        raise PhotoTooHeavy from None
    if not raw:
        raise PhotoUnreadable
    return raw


def _developed(raw: bytes) -> Developed:
    count_of(PHOTOS, str(guards.merchant_id()))
    db.session().commit()
    return house().darkroom.develop(raw)
