"""Merchants, by an API key limited to its scopes, or by a session, which has them all."""

import datetime as dt
import functools
import uuid
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from flask import g, request
from sqlalchemy.orm import Session

from blueprints.documented import documented
from blueprints.guards.refusals import MerchantNeeded, OwnersOnly, ScopeMissing, SessionNeeded
from blueprints.guards.sessions import SCHEMES, note_seen, standing_session
from blueprints.guards.tokens import bearer_token
from blueprints.house import now
from blueprints.limits import count_of
from blueprints.pacing import recognised
from blueprints.storage import SAFE, db
from citylife.accounts.merchants import WRITES, Membership, Merchant, MerchantKey, Role, Scope, come_by, key_of, see_key
from citylife.accounts.sessions import AccountKind
from citylife.clock import local_date
from citylife.offers import Offer, RecurringOffer
from citylife.offers.coming_again import recurring_of_team
from citylife.offers.reading import offer_of_team
from citylife.shops import Shop
from citylife.shops.directory import shop_of_team

P = ParamSpec("P")
R = TypeVar("R")


def merchant_id() -> uuid.UUID:
    """The merchant who is asking, by her key or her session.

    Raises:
        MerchantNeeded: none we know.
    """
    return _asking()[0]


def by_key() -> bool:
    """Whether a program of hers asks, by an API key, and not she herself."""
    return standing_session(AccountKind.MERCHANT) is None


def current_merchant() -> Merchant:
    """The merchant who is asking, with her address and language.

    Raises:
        MerchantNeeded: none we know.
    """
    return db.session.get_one(Merchant, merchant_id())


def merchant_required(scope: Scope) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Answer only a merchant's session, or an API key of hers that has `scope`."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            if scope.value not in _asking()[1]:
                raise ScopeMissing(scope=scope.value)
            return view(*args, **kwargs)

        sessions: list[dict[str, list[str]]] = [{name: []} for name in SCHEMES[AccountKind.MERCHANT]]
        documented(guarded, security=[{"merchantKey": [scope.value]}, *sessions])
        return guarded

    return decorate


def merchant_session_required(view: Callable[P, R]) -> Callable[P, R]:
    """Answer only a merchant signed in: an API key cannot make keys nor change teams, lest it grow by itself."""

    @functools.wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        _asking()
        if by_key():
            raise SessionNeeded
        return view(*args, **kwargs)

    documented(guarded, security=[{name: []} for name in SCHEMES[AccountKind.MERCHANT]])
    return guarded


def my_shop(shop_id: uuid.UUID, *, owner: bool = False) -> Shop:
    """A shop the merchant runs, suspended or not; `owner` asks for an owner.

    Raises:
        NotYours: there is none, or it is run by others.
        OwnersOnly: she is not an owner of it.
    """
    shop, place = shop_of_team(db.session(), merchant_id(), shop_id)
    if owner and place.role is not Role.OWNER:
        raise OwnersOnly
    if place.pending:
        _note_here(place)
    return shop


def _note_here(place: Membership) -> None:
    """Write, once a request, that whoever was invited has come to this shop, herself or by a program of hers."""
    who, shop_id, moment = place.merchant_id, place.shop_id, now()
    noted: set[uuid.UUID] = g.setdefault("came_to", set())
    if shop_id in noted:
        return
    noted.add(shop_id)
    note_seen(lambda writer: come_by(writer, who, shop_id, now=moment), db.session())


def my_offer(offer_id: uuid.UUID) -> tuple[Offer, Shop]:
    """An offer of a shop the merchant runs, in any state, with the shop.

    Raises:
        NotYours: there is none, or it is another shop's.
    """
    offer, shop, _ = offer_of_team(db.session(), merchant_id(), offer_id)
    return offer, shop


def my_recurring(recurring_id: uuid.UUID) -> tuple[RecurringOffer, Shop]:
    """A recurring offer of a shop the merchant runs, in any state, with the shop.

    Raises:
        NotYours: there is none, or it is another shop's.
    """
    return recurring_of_team(db.session(), merchant_id(), recurring_id)


def _asking() -> tuple[uuid.UUID, frozenset[str]]:
    """The merchant's id and what she may do by this request."""
    if "merchant" not in g:
        g.merchant = _by_key() or _by_session()
        if g.merchant is not None:
            g.caller = f"merchant:{g.merchant[0]}"
            if request.method not in SAFE:
                count_of(WRITES, str(g.merchant[0]))
    found: tuple[uuid.UUID, frozenset[str]] | None = g.merchant
    if found is None:
        raise MerchantNeeded
    return found


def _by_key() -> tuple[uuid.UUID, frozenset[str]] | None:
    token = bearer_token()
    session, moment = db.session(), now()
    key = None if token is None else key_of(session, token, now=moment)
    if token is None or key is None:
        return None
    recognised(token)
    if key.used_on is None or key.used_on < local_date(moment):
        _note_used(key, session, moment)
    return key.merchant_id, frozenset(key.scopes)


def _note_used(key: MerchantKey, session: Session, moment: dt.datetime) -> None:
    """Write the day once."""
    key_id = key.id
    note_seen(lambda writer: see_key(writer, key_id, local_date(moment)), session)


def _by_session() -> tuple[uuid.UUID, frozenset[str]] | None:
    standing = standing_session(AccountKind.MERCHANT)
    return None if standing is None else (standing.account.id, frozenset(scope.value for scope in Scope))
