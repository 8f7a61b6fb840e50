"""The gate: nothing leaves for a shop that exists before the operator has said when the impact assessment was done.

What is published meanwhile waits as under a stop of all sending: nothing is expanded nor claimed, nothing is lost, and
what has not expired goes once the date is set. A town whose shops are all fictional needs no assessment.
"""

import datetime as dt

from sqlalchemy.orm import Session

from citylife.errors import Refusal
from citylife.ledger.statements import Statement

_REAL_SHOP = Statement("SELECT 1 FROM shops WHERE NOT fictional LIMIT 1")


class NotSendingYet(Refusal):
    """Nobody is asked for an address that may not be written to yet."""

    slug = "not-sending-yet"
    title = "Pas encore d’envois"
    sentence = "Citylife n’écrit encore à personne : donnez votre adresse quand les envois auront commencé."


def sending_refused(session: Session, aipd_date: dt.date | None) -> bool:
    """Whether nothing may be sent: no date of the AIPD is set, and a shop of the database is not fictional."""
    return aipd_date is None and _REAL_SHOP.run(session.connection()).first() is not None
