"""Shops at the console: those that wait to be verified, any other by its name, and one with all that is known of it."""

import uuid
from dataclasses import dataclass
from typing import Final

from flask import Response, make_response, render_template, request

from blueprints.cursors import read_id, written
from blueprints.headers import allow_map
from blueprints.house import house, now
from blueprints.pages.citizen.opening import show_closures, show_days
from blueprints.pages.language import page_locale
from blueprints.pages.merchant.showing import STANDING
from blueprints.pages.staff.acting import NOTHING_FAILED, Failed
from blueprints.pages.staff.asking import console_page
from blueprints.photographs import shown_photo
from blueprints.storage import db
from citylife.accounts.staff import StaffRole
from citylife.categories import BY_KEY
from citylife.clock import local_date
from citylife.geography import communes
from citylife.ledger.stops import stop_of
from citylife.moments import at_words, date_words
from citylife.photos import fronts_for_team
from citylife.shops import Shop, ShopStatus, is_public
from citylife.shops.oversight import any_shop, claims_of, every_shop, shops_named
from citylife.shops.possession import TRIES, Claim, pending_claims
from citylife.shops.preparing import once_accepted
from citylife.shops.tables import ClaimStatus, PostedCode, ShopClaim
from citylife.wording import Sentence, say

PAGE: Final = 20
LONGEST_QUERY: Final = 80
STATES: Final = {
    "": (ShopStatus.CLAIMED, Sentence("À vérifier")),
    "verifies": (ShopStatus.VERIFIED, Sentence("Vérifiés")),
    "suspendus": (ShopStatus.SUSPENDED, Sentence("Suspendus")),
    "repertoire": (ShopStatus.LISTED, Sentence("Au répertoire")),
    "fermes": (ShopStatus.CLOSED, Sentence("Fermés")),
}
"""What may be asked for (`?etat=`); what waits for somebody unless something is."""
DONE: Final = {
    "verified": Sentence("C’est fait : le commerce est vérifié, et son commerçant prévenu par courriel."),
    "refused": Sentence("C’est fait : la demande est refusée, et son auteur prévenu par courriel."),
    "suspended": Sentence("C’est fait : le commerce est suspendu."),
    "reinstated": Sentence("C’est fait : la suspension est levée."),
    "stopped": Sentence("C’est fait : plus rien ne part de ce commerce."),
    "resumed": Sentence("C’est fait : les envois de ce commerce reprennent."),
}
CLAIM_OUTCOMES: Final = {
    ClaimStatus.ACCEPTED: Sentence("Acceptée {moment}"),
    ClaimStatus.REFUSED: Sentence("Refusée {moment} : {reason}"),
}


@dataclass(frozen=True, slots=True)
class ShownClaim:
    """A claim that waits: by which number and by whom, since when, and how its possession is proved so far."""

    id: uuid.UUID
    number: str
    kind: str
    register: str
    merchant: str
    since: str
    code: str
    entered: bool


@dataclass(frozen=True, slots=True)
class ShownShop:
    """A shop as staff see it; `claim` where one waits, `stop` where its sending is held."""

    id: uuid.UUID
    name: str
    slug: str
    standing: str
    status: str
    trade: str
    address: str
    latitude: float
    longitude: float
    public: bool
    fictional: bool
    reason: str
    claim: ShownClaim | None


@console_page(StaffRole.WATCH)
def read_shops() -> Response:
    """What waits to be verified, the first claimed first; by state (`?etat=`), or by name (`?q=`)."""
    asked, sought = request.args.get("etat", ""), request.args.get("q", "").strip()[:LONGEST_QUERY]
    state = asked if asked in STATES else ""
    cursor = request.args.get("cursor")
    session = db.session()
    if sought:
        rows = shops_named(session, sought, limit=PAGE + 1)
    else:
        rows = every_shop(session, status=STATES[state][0], after=read_id(cursor), limit=PAGE + 1)
    shown, more = rows[:PAGE], len(rows) > PAGE
    claims = pending_claims(session, [shop.id for shop in shown])
    page = render_template(
        "staff/shops.html",
        states=[(name, say(words, page_locale())) for name, (_, words) in STATES.items()],
        state=None if sought else state,
        sought=sought,
        shops=[show_shop(shop, claims.get(shop.id)) for shop in shown],
        next_cursor=written(shown[-1].id) if more and not sought else None,
        more=more,
    )
    return make_response(page)


@console_page(StaffRole.WATCH)
def read_shop(shop_id: uuid.UUID) -> Response:
    """A shop in any state, and what she may do about it."""
    return shop_page(shop_id)


def shop_page(shop_id: uuid.UUID, failed: Failed = NOTHING_FAILED) -> Response:
    """The page of a shop, with what was refused where something was."""
    session, locale, settings = db.session(), page_locale(), house().settings
    shop = any_shop(session, shop_id)
    stop = stop_of(session, shop.id)
    photo, soon = fronts_for_team(session, [shop]).get(shop.id), once_accepted(session, shop)
    if settings.map_tiles:
        allow_map()
    page = render_template(
        "staff/shop.html",
        shop=show_shop(shop, pending_claims(session, [shop.id]).get(shop.id)),
        decided=[words for claim in claims_of(session, shop.id) if (words := _decided(claim))],
        stopped=None if stop is None else at_words(stop.stopped_at, now=now(), locale=locale),
        stop=stop,
        days=show_days(soon, now=now(), locale=locale),
        closures=show_closures(soon, now=now(), locale=locale),
        photo=None if photo is None else shown_photo(photo),
        today=local_date(now()).isoformat(),
        tiles=settings.map_tiles,
        credit=settings.map_credit,
        said=DONE.get(request.args.get("said", "")),
        failed=failed,
    )
    return make_response(page, failed.status)


def show_shop(shop: Shop, pending: Claim | None) -> ShownShop:
    """The shop in the reader's language, with the claim that waits."""
    locale = page_locale()
    town = f"{shop.postal_code} {communes()[shop.insee_code].name}".strip()
    return ShownShop(
        id=shop.id,
        name=shop.name,
        slug=shop.slug,
        standing=say(STANDING[shop.status], locale),
        status=shop.status.value,
        trade=say(BY_KEY[shop.category].name, locale),
        address=", ".join(line for line in (shop.street, town) if line),
        latitude=shop.latitude,
        longitude=shop.longitude,
        public=is_public(shop),
        fictional=shop.fictional,
        reason=shop.suspended_reason or "" if shop.status is ShopStatus.SUSPENDED else "",
        claim=None if pending is None else _show_claim(pending),
    )


def _show_claim(pending: Claim) -> ShownClaim:
    claim, locale = pending.claim, page_locale()
    siret = claim.siret or ""
    return ShownClaim(
        id=claim.id,
        number=siret or claim.rna or "",
        kind="SIRET" if siret else "RNA",
        register=f"https://annuaire-entreprises.data.gouv.fr/etablissement/{siret}" if siret else "",
        merchant=pending.merchant.email,
        since=at_words(claim.claimed_at, now=now(), locale=locale),
        code=say(_code_words(pending.code), locale),
        entered=pending.code is not None and pending.code.entered_at is not None,
    )


def _code_words(code: PostedCode | None) -> Sentence:
    """How far the letter with the code has come."""
    locale = page_locale()
    if code is None:
        return Sentence("Aucune lettre n’est partie.")
    if code.entered_at is not None:
        moment = at_words(code.entered_at, now=now(), locale=locale)
        return Sentence("Le code de la lettre a été saisi {moment} : la possession est prouvée.", moment=moment)
    if code.failed >= TRIES or code.expires_at <= now():
        return Sentence("Le code de la lettre ne sert plus : il en faut une autre.")
    until = date_words(local_date(code.expires_at), locale)
    return Sentence("Une lettre est partie ; son code n’est pas encore saisi, et sert jusqu’au {until}.", until=until)


def _decided(claim: ShopClaim) -> str:
    """What became of a claim, in words; empty while it waits."""
    if claim.status not in CLAIM_OUTCOMES or claim.decided_at is None:
        return ""
    locale = page_locale()
    moment = at_words(claim.decided_at, now=now(), locale=locale)
    return say(CLAIM_OUTCOMES[claim.status].format(moment=moment, reason=claim.reason or ""), locale)
