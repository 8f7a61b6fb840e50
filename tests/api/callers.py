"""A small town where everybody of the authorisation matrix lives: two of each, what is theirs, and who was let go."""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from blueprints.pages.assets import present_edition
from citylife.accounts.citizens import Citizen
from citylife.accounts.erasure import erase_citizen
from citylife.accounts.merchants import Merchant, Role, Scope, join_team, leave_team, revoke_key
from citylife.accounts.moving import OldPhones, make_transfer_code, move
from citylife.accounts.passkeys import Site, add_passkey, begin_passkey, begin_sign_in
from citylife.accounts.sessions import Account, AccountKind, end_sessions, open_session
from citylife.accounts.sign_in import ask_to_sign_in
from citylife.accounts.staff import StaffMember, StaffRole
from citylife.appeals import appeal
from citylife.declared_uses import declare_use
from citylife.demand import LEAST_TOLD
from citylife.ledger.stops import stop_sending
from citylife.letters import Letter
from citylife.merchant_mail.links import Purpose, token_of
from citylife.merchant_mail.mondays import week_id
from citylife.offers import Offer, OfferStatus
from citylife.pilot.sending import PilotSending
from citylife.pilot.tables import PilotTarget
from citylife.pilot.targets import propose_target
from citylife.redemptions import take_code
from citylife.reports import Wrong, report_offer, uphold
from citylife.shops import Shop, ShopStatus, close_down
from citylife.shops.oversight import claims_of
from citylife.shops.possession import enter_code, post_code
from citylife.tombstones import Tombstones
from tests import builders
from tests.api.doors import Caller, Realm, Side
from tests.doubles.authenticator import Authenticator

NOBODY = uuid.UUID("01936f00-0000-7000-8000-000000000000")
COOKIES = {realm: f"__Host-citylife{'' if realm is Realm.CITIZEN else f'-{realm.value}'}" for realm in Realm}
LONG_AGO = dt.timedelta(days=91)
Things = Mapping[str, Any]


@dataclass(frozen=True)
class Populace:
    """Who asks, and what they may ask about, by side."""

    callers: tuple[Caller, ...]
    things: Mapping[Side, Things]


@dataclass
class Settling:
    """Lets people move in, through the domain's own verbs."""

    session: Session
    tombstones: Tombstones
    secret: str
    site: Site
    now: dt.datetime

    def populace(self) -> Populace:
        """Everybody, and everything of theirs."""
        owners = {side: builders.a_merchant(self.session, now=self.now) for side in (Side.FIRST, Side.SECOND)}
        citizens = {side: builders.a_citizen_with_token(self.session, now=self.now) for side in owners}
        shops = {side: self.shop(owners[side]) for side in owners}
        things = {side: self.things(owners[side], citizens[side][0], shops[side]) for side in owners}
        overseen = {side: self.overseen(owners[side], things[side]["offer_id"]) for side in owners}
        for side in owners:
            things[side] |= {name: one.id for name, one in overseen[side].items()}
        followed = self.shop(owners[Side.SECOND])
        for citizen, _ in citizens.values():
            builders.a_follow(self.session, citizen, followed, now=self.now)
        things[Side.HIDDEN] = self.hidden(owners[Side.SECOND])
        things[Side.ABSENT] = absent(things[Side.FIRST])
        callers = (
            Caller("nobody"),
            Caller("nobody, on a page of ours", {"Sec-Fetch-Site": "same-origin"}, ours=True),
            Caller("a token that never was", {"Authorization": "Bearer clk_" + "a" * 43}),
            Caller("no token at all", {"Authorization": "Basic eDp5"}),
            *self.citizens(citizens),
            *self.owners(owners),
            *self.team(shops[Side.FIRST], overseen[Side.FIRST]["claimed_shop"]),
            *self.staff(),
        )
        return Populace(callers, things)

    def shop(self, owner: Merchant, status: ShopStatus = ShopStatus.VERIFIED) -> Shop:
        return builders.a_shop(self.session, merchant=owner, status=status, now=self.now)

    def things(self, owner: Merchant, citizen: Citizen, shop: Shop) -> dict[str, Any]:
        """What is an owner's and a citizen's: all of it public that can be."""
        live, draft, sold_out = (
            builders.an_offer(self.session, shop, status=status, now=self.now).id
            for status in (OfferStatus.LIVE, OfferStatus.DRAFT, OfferStatus.SOLD_OUT)
        )
        erased = builders.a_citizen(self.session, now=self.now)
        seller = builders.a_merchant(self.session, now=self.now)
        place = join_team(self.session, seller, shop, Role.SELLER, now=self.now)
        account = Account(AccountKind.MERCHANT, owner.id)
        asked = ask_to_sign_in(
            self.session, account.kind, owner.email, secret_key=self.secret, locale="fr", now=self.now
        )
        letter = self.session.scalars(select(Letter).order_by(Letter.id.desc()).limit(1)).one()
        return {
            "slug": shop.slug,
            "shop_id": shop.id,
            "shop_version": str(shop.version),
            "offer_id": live,
            "draft": draft,
            "sold_out": sold_out,
            "recurring_id": builders.a_recurring_offer(self.session, shop, now=self.now).id,
            "place_id": builders.a_place(self.session, citizen, now=self.now).id,
            "device_id": builders.a_device(self.session, citizen, now=self.now).id,
            "receipt_id": erase_citizen(self.session, erased, tombstones=self.tombstones, now=self.now).id,
            "transfer_code": make_transfer_code(self.session, citizen, secret=self.secret, now=self.now)[0],
            "till_code": self.till_code(live),
            "declared_undo": self.declared(live),
            "member_id": place.id,
            "session_id": open_session(self.session, account, now=self.now)[0].id,
            "key_id": builders.a_key(self.session, owner, now=self.now)[0].id,
            "request_id": asked.id,
            "token": letter.content["token"],
            "code": letter.content["code"],
            **self.passkeys(account),
            **self.letters(citizen),
            **self.links(owner, shop, live, sold_out),
            "insee_code": builders.BETHUNE,
            "period": self.a_week_to_send_again(),
            "problem": "not-found",
            "measure": "active-merchants",
            "edition": present_edition(),
            "name": "citylife.css",
            "photo_id": builders.a_photo(self.session, shop, now=self.now).id,
        }

    def a_week_to_send_again(self) -> str:
        """A frozen week that was tried in vain."""
        week = builders.a_frozen_week(self.session, now=self.now)
        for sending in self.session.scalars(select(PilotSending)):
            sending.attempts = 1
        return week

    def till_code(self, offer_id: uuid.UUID) -> str:
        """The code that another citizen took for an offer."""
        customer = builders.a_citizen(self.session, now=self.now)
        offer = self.session.get_one(Offer, offer_id)
        return take_code(self.session, customer, offer, secret=self.secret, now=self.now).shown

    def declared(self, offer_id: uuid.UUID) -> str:
        """What takes a use back that was declared just now."""
        offer = self.session.get_one(Offer, offer_id)
        return declare_use(self.session, offer, secret=self.secret, now=self.now).undo

    def passkeys(self, account: Account) -> dict[str, Any]:
        """A passkey of an account, what its device proves, and what another device is about to make."""
        one, other = (Authenticator(self.site.id, self.site.origin) for _ in range(2))
        begun = begin_passkey(self.session, account, now=self.now)
        said = one.make(begun.challenge, begun.handle)
        made = add_passkey(self.session, account, said, site=self.site, now=self.now)
        begun = begin_passkey(self.session, account, now=self.now)
        return {
            "passkey_id": made.id,
            "passkey_proof": one.prove(begin_sign_in(self.session, now=self.now)),
            "new_passkey": other.make(begun.challenge, begun.handle),
        }

    def letters(self, citizen: Citizen) -> dict[str, str]:
        """The secrets in the links of two citizens' letters: one waits for her tap, the other is written to."""
        weekly = builders.an_email_digest(self.session, citizen, now=self.now)
        waiting = builders.a_citizen(self.session, now=self.now)
        token = builders.an_address_to_confirm(self.session, waiting, now=self.now)
        return {"confirm_token": token, "stop_token": weekly.stop_token}

    def links(self, merchant: Merchant, shop: Shop, live: uuid.UUID, sold_out: uuid.UUID) -> dict[str, str]:
        """The tokens in the links of a merchant's letters."""
        over = builders.an_offer(self.session, shop, status=OfferStatus.ENDED, title="Tarte", now=self.now).id
        return {
            "sell_out_link": token_of(Purpose.SELL_OUT, merchant.id, live, secret=self.secret),
            "sold_out_link": token_of(Purpose.SELL_OUT, merchant.id, sold_out, secret=self.secret),
            "again_link": token_of(Purpose.AGAIN, merchant.id, over, week_id(self.now), secret=self.secret),
            "no_mondays_link": token_of(Purpose.STOP_MONDAYS, merchant.id, secret=self.secret),
            "stop_link": token_of(Purpose.STOP_CONFIRMATIONS, merchant.id, secret=self.secret),
        }

    def overseen(self, owner: Merchant, offer_id: uuid.UUID) -> dict[str, Any]:
        """What staff decide on: a claim whose code was entered, a suspension, a report, a stop, a shop waited for."""
        claimed, suspended = self.shop(owner, ShopStatus.CLAIMED), self.shop(owner, ShopStatus.SUSPENDED)
        code = post_code(self.session, claimed, now=self.now)
        enter_code(self.session, claimed, code, now=self.now, actor_id=owner.id)
        stopped, awaited = self.shop(owner), builders.a_shop(self.session, status=ShopStatus.LISTED, now=self.now)
        stop_sending(self.session, stopped, reason="Emballement", now=self.now)
        gone = builders.a_shop(self.session, status=ShopStatus.LISTED, now=self.now)
        close_down(self.session, gone, reason="Rideau baissé", now=self.now)
        for _ in range(LEAST_TOLD):
            builders.a_follow(self.session, builders.a_citizen(self.session, now=self.now), awaited, now=self.now)
        offer = self.session.get_one(Offer, offer_id)
        return {
            "claimed_shop": claimed,
            "claim_id": claims_of(self.session, claimed.id)[0],
            "suspended_shop": suspended,
            "listed_shop": builders.a_shop(self.session, status=ShopStatus.LISTED, now=self.now),
            "closed_shop": gone,
            "stopped_shop": stopped,
            "awaited_id": awaited,
            "target_id": self.a_proposed_target(),
            "report_id": report_offer(self.session, offer, Wrong.OTHER, now=self.now),
            "colleague": builders.a_staff_member(self.session, now=self.now),
            **self.appealed(owner, self.session.get_one(Shop, offer.shop_id)),
        }

    def appealed(self, owner: Merchant, shop: Shop) -> dict[str, Any]:
        """An offer that staff withdrew, and the report of another whose withdrawal its merchant has contested."""
        member = builders.a_staff_member(self.session, now=self.now)
        withheld, contested = (builders.an_offer(self.session, shop, now=self.now) for _ in range(2))
        for offer in (withheld, contested):
            report = report_offer(self.session, offer, Wrong.MISLEADING, now=self.now)
            uphold(self.session, report, reason="Prix faux", now=self.now, actor_id=member.id)
        appeal(self.session, contested, "Il était juste.", merchant_id=owner.id, now=self.now)
        return {"withheld_offer": withheld, "appealed_report": report}

    def a_proposed_target(self) -> PilotTarget:
        """A target that a member of staff proposed, for others to approve."""
        said = {"since": "2027-01", "value": 40, "reason": "Un commerce sur cinq"}
        proposer = builders.a_staff_member(self.session, now=self.now)
        return propose_target(self.session, "active-merchants", **said, staff_id=proposer.id, now=self.now)

    def hidden(self, owner: Merchant) -> dict[str, Any]:
        """What is the second owner's and not public: a shop that staff suspended, and offers of another."""
        suspended = self.shop(owner, ShopStatus.SUSPENDED)
        shop = self.shop(owner)
        offer = builders.an_offer(self.session, shop, status=OfferStatus.DRAFT, now=self.now)
        withdrawn = builders.an_offer(self.session, shop, status=OfferStatus.WITHDRAWN, now=self.now)
        return {
            "slug": suspended.slug,
            "shop_id": suspended.id,
            "offer_id": withdrawn.id,
            "draft": offer.id,
            "recurring_id": builders.a_recurring_offer(self.session, shop, now=self.now).id,
            "photo_id": builders.a_photo(self.session, suspended, now=self.now).id,
        }

    def citizens(self, citizens: Mapping[Side, tuple[Citizen, str]]) -> list[Caller]:
        first, token = citizens[Side.FIRST]
        moved, old = builders.a_citizen_with_token(self.session, now=self.now)
        code, _ = make_transfer_code(self.session, moved, secret=self.secret, now=self.now)
        move(self.session, code, OldPhones.SIGN_OUT, secret=self.secret, now=self.now)
        gone, hers = builders.a_citizen_with_token(self.session, now=self.now)
        erase_citizen(self.session, gone, tombstones=self.tombstones, now=self.now)
        assert first.id != moved.id
        return [
            *spoken_for("a citizen", token, Realm.CITIZEN, Side.FIRST),
            Caller("another citizen", bearer(citizens[Side.SECOND][1]), Realm.CITIZEN, Side.SECOND),
            Caller("a citizen's phone that was signed out", bearer(old)),
            Caller("a citizen who was erased", bearer(hers)),
        ]

    def owners(self, owners: Mapping[Side, Merchant]) -> list[Caller]:
        first, second = owners[Side.FIRST], owners[Side.SECOND]
        key = builders.a_key(self.session, first, now=self.now)[1]
        others_key = builders.a_key(self.session, second, now=self.now)[1]
        found = [
            merchant("an owner's key", key, Role.OWNER, Side.FIRST, by_key=True),
            *spoken_for("an owner", self.signed_in(first), Realm.MERCHANT, Side.FIRST, role=Role.OWNER),
            merchant("another merchant's key", others_key, Role.OWNER, Side.SECOND, by_key=True),
            merchant("another merchant", self.signed_in(second), Role.OWNER, Side.SECOND),
        ]
        for scope in Scope:
            token = builders.a_key(self.session, first, scope, now=self.now)[1]
            name, scopes = f"an owner's key for {scope.value} only", frozenset({scope})
            found.append(merchant(name, token, Role.OWNER, Side.FIRST, scopes, by_key=True))
        revoked, token = builders.a_key(self.session, first, now=self.now)
        revoke_key(self.session, first.id, revoked.id, now=self.now)
        found.append(Caller("a key that was revoked", bearer(token)))
        let_go = builders.a_merchant(self.session, now=self.now)
        ended = self.signed_in(let_go)
        end_sessions(self.session, Account(AccountKind.MERCHANT, let_go.id), now=self.now)
        expired = builders.signed_in(self.session, let_go, now=self.now - LONG_AGO)
        return [
            *found,
            Caller("a merchant's session that was ended", bearer(ended)),
            Caller("a merchant's session that expired", bearer(expired)),
            Caller(
                "a merchant's session in the cookie of staff", cookie(Realm.STAFF, self.signed_in(first)), ours=True
            ),
        ]

    def team(self, shop: Shop, claimed: Shop) -> list[Caller]:
        seller, left, new = (builders.a_merchant(self.session, now=self.now) for _ in range(3))
        join_team(self.session, seller, shop, Role.SELLER, now=self.now)
        join_team(self.session, seller, claimed, Role.SELLER, now=self.now)
        join_team(self.session, left, shop, Role.SELLER, now=self.now)
        leave_team(self.session, left.id, shop.id, now=self.now)
        key = builders.a_key(self.session, seller, now=self.now)[1]
        kept = builders.a_key(self.session, left, now=self.now)[1]
        return [
            merchant("a seller's key", key, Role.SELLER, Side.FIRST, by_key=True),
            merchant("a seller", self.signed_in(seller), Role.SELLER, Side.FIRST),
            merchant("a seller who left", self.signed_in(left), None, None),
            merchant("the key of a seller who left", kept, None, None, by_key=True),
            merchant("a merchant without a shop", self.signed_in(new), None, None),
        ]

    def staff(self) -> list[Caller]:
        found: list[Caller] = []
        for role in StaffRole:
            token = self.signed_in(builders.a_staff_member(self.session, role, now=self.now))
            if role is StaffRole.ADMINISTER:
                found += spoken_for(f"staff who {role.value}", token, Realm.STAFF, None, role=role)
            else:
                found.append(Caller(f"staff who {role.value}", bearer(token), Realm.STAFF, None, role))
        left, signed_out = (builders.a_staff_member(self.session, StaffRole.ADMINISTER, now=self.now) for _ in range(2))
        lefts, ended = self.signed_in(left), self.signed_in(signed_out)
        left.ended_at = self.now
        end_sessions(self.session, Account(AccountKind.STAFF, signed_out.id), now=self.now)
        expired = builders.signed_in(self.session, signed_out, now=self.now - LONG_AGO)
        return [
            *found,
            Caller("staff who left", bearer(lefts)),
            Caller("a session of staff that was ended", bearer(ended)),
            Caller("a session of staff that expired", bearer(expired)),
        ]

    def signed_in(self, who: Merchant | StaffMember) -> str:
        return builders.signed_in(self.session, who, now=self.now)


def absent(like: Things) -> dict[str, Any]:
    """Names of nothing, as long as those of something."""
    return {
        name: NOBODY if isinstance(value, uuid.UUID) else value[:-4] + value[-4:][::-1].replace("-", "x")
        for name, value in like.items()
        if not isinstance(value, dict)
    } | {"slug": like["slug"][::-1]}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def cookie(realm: Realm, token: str, site: str = "same-origin") -> dict[str, str]:
    return {"Cookie": f"{COOKIES[realm]}={token}", "Sec-Fetch-Site": site}


def merchant(
    name: str,
    token: str,
    role: Role | None,
    of: Side | None,
    scopes: frozenset[Scope] = frozenset(Scope),
    *,
    by_key: bool = False,
) -> Caller:
    return Caller(name, bearer(token), Realm.MERCHANT, of, role, scopes, by_key=by_key)


def spoken_for(name: str, token: str, realm: Realm, of: Side | None, **known: Any) -> list[Caller]:
    """Somebody by her token, by her cookie on a page of ours, and by her cookie on another site's page."""
    return [
        Caller(name, bearer(token), realm, of, **known),
        Caller(f"{name}, on a page of ours", cookie(realm, token), realm, of, **known, ours=True),
        Caller(
            f"{name}, on another site's page", cookie(realm, token, "cross-site"), realm, of, **known, elsewhere=True
        ),
    ]
