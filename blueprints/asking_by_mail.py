"""An address given for the digest by e-mail: how often, and from where; the API and the pages ask so."""

from blueprints.house import house, now
from blueprints.limits import count_from_here, count_of, has_room
from blueprints.storage import db
from citylife.accounts.citizens import Citizen
from citylife.accounts.emails import check_email
from citylife.email_digest.asking import PER_ADDRESS, PER_CITIZEN, PER_NETWORK, ask_for_digest, digest_of
from citylife.email_digest.tables import EmailDigest
from citylife.ledger.gate import NotSendingYet, sending_refused


def check_sending() -> None:
    """Go on only where somebody may be written to.

    Raises:
        NotSendingYet: nobody may.
    """
    if sending_refused(db.session(), house().settings.aipd_date):
        raise NotSendingYet


def ask_by_mail(citizen: Citizen, email: str) -> EmailDigest:
    """Note her address and write it a request to confirm; the answer is the same whether that could be sent.

    Raises:
        NotSendingYet: nobody may be written to.
        EmailRefused: it is no e-mail address.
        NoDigestConsent: she has not agreed.
        TooFast: she, or her place of the network, gave too many.
    """
    check_sending()
    address = check_email(email)
    count_from_here(PER_NETWORK)
    count_of(PER_CITIZEN, str(citizen.id))
    kept = digest_of(db.session(), citizen.id, now=now())
    known = kept is not None and kept.email == address and kept.confirmed_at is not None
    may_write = known or has_room(PER_ADDRESS, address)
    return ask_for_digest(db.session(), citizen, address, may_write=may_write, now=now())
