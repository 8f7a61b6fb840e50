"""What the public registers propose to a merchant who claims a shop, for the API and for the pages.

A register may keep one waiting: it is counted first, and the database is let go before anybody waits.
"""

from blueprints import guards
from blueprints.house import house
from blueprints.limits import count_of
from blueprints.storage import db
from citylife.limits import Limit
from citylife.registers import ADDRESSES, COMPANIES, Proposals, ProposedCompany, Unanswered
from citylife.shops.facts import check_siret
from citylife.wording import Sentence


def proposed_addresses(words: str) -> Proposals | None:
    """The addresses that some words may mean; None where the register does not answer.

    Raises:
        TooFast: she has asked too often.
    """
    _counted(ADDRESSES)
    try:
        return house().registers.addresses.propose(words)
    except Unanswered:
        return None


def proposed_company(siret: str) -> ProposedCompany | Sentence:
    """The establishment of a SIRET, or why nothing can be proposed.

    Raises:
        SiretRefused: it is no SIRET. TooFast: she has asked too often.
    """
    number = check_siret(siret)
    _counted(COMPANIES)
    return house().registers.companies.find(number)


def _counted(limit: Limit) -> None:
    count_of(limit, str(guards.merchant_id()))
    db.session().commit()
