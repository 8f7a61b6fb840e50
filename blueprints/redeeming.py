"""A customer's code at the till, for the API and the page alike: used once, and few wrong ones an hour."""

import uuid

from blueprints.house import house, now
from blueprints.limits import count_of, look_for
from blueprints.storage import db
from citylife.redemptions import GUESSES, CodeUnknown, Redemption, redeem


def redeem_typed(merchant_id: uuid.UUID, typed: str) -> Redemption:
    """Mark a code used, for a merchant who typed it; a code nobody knows is counted, though nothing else is left.

    Raises:
        CodeUnknown: no such code was given for a shop of hers.
        CodeUsed: it was used before.
        CodeOver: its offer is over.
        TooFast: she typed too many that nobody knows.
    """
    session, merchant = db.session(), str(merchant_id)
    look_for(GUESSES, merchant)
    try:
        return redeem(session, merchant_id, typed, secret=house().keys.secret_key, now=now())
    except CodeUnknown:
        session.rollback()
        count_of(GUESSES, merchant)
        session.commit()
        raise
