"""Claims as they are counted, on the page and through the API: by merchant and by network, refused ones too."""

from collections.abc import Callable

from blueprints import guards
from blueprints.limits import count_from_here, count_of
from blueprints.storage import db
from citylife.errors import Refusal
from citylife.shops import Shop
from citylife.shops.claims import CLAIMS, CLAIMS_NETWORK


def counted_claim(act: Callable[[], Shop]) -> Shop:
    """The shop that was claimed. A claim that is refused changes nothing, and yet is counted, and committed so.

    Raises:
        TooFast: she, or her network, has claimed too often. Whatever `act` refuses.
    """
    _count()
    try:
        return act()
    except Refusal:
        db.session().rollback()
        _count()
        db.session().commit()
        raise


def _count() -> None:
    count_of(CLAIMS, str(guards.merchant_id()))
    count_from_here(CLAIMS_NETWORK)
