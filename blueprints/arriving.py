"""Arriving on another phone: a code is spent, or counted as refused; the API and the pages let her in by it."""

from typing import Final

from blueprints.house import house, now
from blueprints.limits import place
from blueprints.storage import db
from citylife.accounts.moving import CodeRefused, Moved, OldPhones, check_tries, count_refused, move, place_of
from citylife.wording import Sentence

PRINT_ANEW: Final = Sentence("Aucun code de secours n’est plus valable : imprimez-en un nouveau.")


def arrive(code: str, old_phones: OldPhones) -> Moved:
    """Spend the code; one that is refused is counted in a transaction of its own, since the request leaves nothing.

    Raises:
        CodeRefused: the code is none that works now.
        TooManyTries: too many were refused to this place of the network.
    """
    session, secret, moment = db.session(), house().keys.secret_key, now()
    here = place_of(place(), f"{secret}\n{moment.date()}")
    check_tries(session, here, now=moment)
    try:
        return move(session, code, old_phones, secret=secret, now=moment)
    except CodeRefused:
        session.rollback()
        count_refused(session, here, now=moment)
        session.commit()
        raise
