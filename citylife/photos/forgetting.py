"""Forgetting photos that nothing shows: neither the page of their shop, nor an offer, former or to come."""

import datetime as dt
from typing import Final

from sqlalchemy import Boolean, exists, literal_column
from sqlalchemy.orm import Session

from citylife.forgetting import forget_some
from citylife.offers.tables import Offer
from citylife.photos.keeping import NOT_TO_COME
from citylife.photos.tables import UNUSED, Photo

KEPT_UNUSED: Final = dt.timedelta(days=7)
"""How long a photo waits to be shown, or shown again; whoever chooses one lets it wait anew, and holds its row."""


def forget_photos(session: Session, *, now: dt.datetime, most: int) -> int:
    """Forget at most `most` photos that nothing has shown for a week, with their bytes; how many."""
    unused = literal_column(UNUSED, Boolean)
    to_come = literal_column(NOT_TO_COME, Boolean)
    shown = exists().where(Offer.photo_id == Photo.id)
    return forget_some(session, Photo, unused, Photo.touched_at < now - KEPT_UNUSED, ~shown, to_come, most=most)
