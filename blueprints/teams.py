"""The team of a shop, shared by the API and the pages: who is in it, taking somebody in, letting somebody go."""

import uuid
from collections.abc import Sequence

from blueprints import guards, problems
from blueprints.house import now
from blueprints.limits import as_set, count_from_here, count_of, left_for
from blueprints.storage import db
from citylife import audit
from citylife.accounts.emails import check_email
from citylife.accounts.invitations import (
    INVITATIONS,
    INVITATIONS_NETWORK,
    INVITATIONS_UNPROVED,
    INVITED,
    invite_into_team,
)
from citylife.accounts.merchants import Membership, Merchant, Role, leave_team, member_of, team_of
from citylife.audit import Actor
from citylife.errors import Absent
from citylife.limits import Limit
from citylife.shops import Shop, ShopStatus
from citylife.shops.directory import shop_of_team


def team_seen(shop_id: uuid.UUID) -> tuple[Shop, Membership, Sequence[tuple[Membership, Merchant]]]:
    """A shop of hers, her own place in it, and the team as she may see it: who has not come yet, owners alone.

    Raises:
        NotYours: she does not run it.
    """
    shop, mine = shop_of_team(db.session(), guards.merchant_id(), shop_id)
    everybody = team_of(db.session(), shop.id)
    return shop, mine, [row for row in everybody if mine.role is Role.OWNER or row[0] is mine or not row[0].pending]


def take_in(shop: Shop, email: str, role: Role) -> tuple[Membership, Merchant]:
    """Take somebody into the team, or change her role; she gets a letter. For owners.

    Raises:
        EmailRefused: it is no e-mail address.
        LastOwner: she is the only owner and would become a seller.
        TooFast: so many letters were sent today, by her, from her network, or to this address.
    """
    session, owner, moment = db.session(), guards.merchant_id(), now()
    count_of(letters_of(shop), str(owner))
    count_from_here(INVITATIONS_NETWORK)
    count_of(INVITED, check_email(email))
    merchant, member, _ = invite_into_team(session, email, shop, role, locale=problems.locale(), now=moment)
    joined = {"merchant": str(merchant.id), "role": member.role.value}
    audit.note(session, "team.joined", shop.id, actor=Actor.MERCHANT, actor_id=owner, now=moment, **joined)
    return member, merchant


def let_go(shop_id: uuid.UUID, member_id: uuid.UUID) -> Membership:
    """End somebody's place in the team at once; her own she may end whoever she is, another's only as an owner.

    Raises:
        NotYours: she does not run the shop. OwnersOnly: it is another's place, and she is no owner.
        Absent: nobody has this place now. LastOwner: it is the only owner's.
    """
    session, moment = db.session(), now()
    shop, member = place_to_end(shop_id, member_id)
    if not leave_team(session, member.merchant_id, shop.id, now=moment):
        raise Absent
    left = str(member.merchant_id)
    audit.note(
        session, "team.left", shop.id, actor=Actor.MERCHANT, actor_id=guards.merchant_id(), now=moment, merchant=left
    )
    return member


def place_to_end(shop_id: uuid.UUID, member_id: uuid.UUID) -> tuple[Shop, Membership]:
    """A place that she may end: her own, or as an owner anybody's.

    Raises:
        NotYours: she does not run the shop. OwnersOnly: it is another's place, and she is no owner.
        Absent: nobody has this place now.
    """
    shop, mine = shop_of_team(db.session(), guards.merchant_id(), shop_id)
    if mine.id != member_id and mine.role is not Role.OWNER:
        raise guards.OwnersOnly
    member = member_of(db.session(), shop.id, member_id)
    if member is None:
        raise Absent
    return shop, member


def letters_of(shop: Shop) -> Limit:
    """How many letters an owner of the shop may have sent to her team."""
    return INVITATIONS_UNPROVED if shop.status is ShopStatus.CLAIMED else INVITATIONS


def most_letters(shop: Shop) -> int:
    """How many letters that is in a day, as the operator has set it."""
    return as_set(letters_of(shop)).most


def letters_left(shop: Shop) -> int:
    """How many of them she has left now."""
    return left_for(letters_of(shop), str(guards.merchant_id()))
