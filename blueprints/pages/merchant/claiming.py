"""« Ajouter votre commerce »: one of the directory, or a new one; filled in, then confirmed with its place.

Without scripts the second page proposes the addresses that the first one's may mean. Registers that are away refuse
nobody: she then chooses the commune, and the shop stands at its centre until the pin is moved.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import Response, make_response, redirect, render_template, request, url_for
from sqlalchemy import select

from blueprints import guards
from blueprints.claims import counted_claim
from blueprints.headers import allow_map
from blueprints.house import house, now
from blueprints.pages.account.way_in import begin_page
from blueprints.pages.contact import contact_of
from blueprints.pages.language import page_locale
from blueprints.pages.merchant.asking import by_our_form, merchant_here
from blueprints.pages.merchant.claim_sheet import (
    LONGEST,
    Sheet,
    confirmed_address,
    guess_place,
    sent_spot,
    spot_of,
)
from blueprints.pages.positions import by_name
from blueprints.proposing import proposed_addresses, proposed_company
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.merchants import membership
from citylife.accounts.sessions import AccountKind
from citylife.categories import BY_KEY, CATEGORIES, REFUSED, Category, Policy
from citylife.errors import Invalid, Refusal
from citylife.geography import communes
from citylife.limits import TooFast
from citylife.registers import ProposedAddress, ProposedCompany
from citylife.search import find_shops, sought
from citylife.shops import Listing, Shop, ShopStatus, claim_listed_shop, claim_shop
from citylife.shops.claims import (
    NumberElsewhere,
    ShopAlreadyClaimed,
    already_there,
    shop_of_number,
)
from citylife.shops.directory import IS_PUBLIC
from citylife.shops.facts import NotInTerritory, check_category
from citylife.shops.listing import LONGEST_SLUG
from citylife.text import check_line
from citylife.wording import Sentence, say

OK: Final = 200
UNPROCESSABLE: Final = 422
LONGEST_SEARCH: Final = 80
MOST_FOUND: Final = 8
POLICIES: Final = {
    Policy.ADMITTED: Sentence("Une page, et vos abonnés sont prévenus de vos offres."),
    Policy.PAGE_ONLY: Sentence(
        "Une page, sans notification : la loi encadre la publicité de l’alcool et des pharmacies. Vos "
        "offres se lisent sur votre page et dans son fil."
    ),
    Policy.SENSITIVE: Sentence(
        "Une page, et vos abonnés sont prévenus ; rien n’est proposé à d’autres, pour ne révéler ni santé ni croyance."
    ),
    Policy.REFUSED: Sentence("Pas de page : la loi en interdit la publicité, ou ce n’est pas pour tous."),
}
GROUPS: Final = {
    Policy.ADMITTED: Sentence("Avec notifications"),
    Policy.PAGE_ONLY: Sentence("Page sans notification"),
    Policy.SENSITIVE: Sentence("Abonnés seulement"),
}
AWAY: Final = Sentence(
    "Le service d’adresses ne répond pas. Choisissez la commune : le repère est à son centre, et vous "
    "pouvez le déplacer sur la carte."
)
UNKNOWN: Final = Sentence(
    "Cette adresse est introuvable. Corrigez-la, ou choisissez la commune : le repère est à son centre, "
    "et vous pouvez le déplacer sur la carte."
)
CHOOSE: Final = Sentence("Choisissez la commune.")
PROPOSED: Final = Sentence("Voici ce que dit l’annuaire public. Corrigez ce qui ne convient pas.")
HERE_ALREADY: Final = Sentence("Ce commerce est déjà dans l’annuaire : votre demande portera sur lui.")


@dataclass(frozen=True, slots=True)
class FoundShop:
    """A shop of the directory that may be hers: where it is, and whether it is nobody's."""

    slug: str
    name: str
    place: str
    listed: bool
    hers: bool


def read_claim() -> Response:
    """The form, and the shops of the directory that some words (`q`) find, or the one that was chosen (`commerce`).

    Whoever is nobody yet is asked for her address first.
    """
    if guards.standing_session(AccountKind.MERCHANT) is None:
        return begin_page(request.args.get("commerce", ""))
    chosen = _chosen(request.args.get("commerce", ""))
    if chosen is not None:
        return _chosen_page(chosen, Sheet())
    return _form(Sheet(), words=request.args.get("q", "")[:LONGEST_SEARCH].strip())


@by_our_form
@merchant_here
def claim() -> Response:
    """Propose by the SIRET, show what was understood, go back to the form, or claim: what the button says."""
    sheet = Sheet.of(request.form)
    chosen = _chosen(request.form.get("commerce", ""))
    wish = request.form.get("wish", "")
    if chosen is not None:
        return _claim_chosen(chosen, sheet)
    act = {"siret": _propose, "edit": _form, "claim": _claim}.get(wish, _confirm)
    return act(sheet)


def _chosen(slug: str) -> Shop | None:
    """The shop of the directory that an address or a form names; None where it names none that can be claimed."""
    if not slug or not slug.isprintable():
        return None
    named = Shop.slug == slug[:LONGEST_SLUG], IS_PUBLIC, Shop.category.not_in(REFUSED)
    return db.session.scalar(select(Shop).where(*named))


def _propose(sheet: Sheet) -> Response:
    """Fill in what « recherche d’entreprises » says of the SIRET; where it says nothing, what was written stays."""
    try:
        found = proposed_company(sheet.number)
    except Invalid as refusal:
        sheet.blame(refusal)
        return _form(sheet, status=UNPROCESSABLE)
    if not isinstance(found, ProposedCompany):
        return _form(sheet, told=found)
    sheet.name, sheet.address = found.name or sheet.name, found.address or sheet.address
    return _form(sheet, told=PROPOSED)


def _confirm(sheet: Sheet) -> Response:
    """What was understood, with the addresses it may be; the form again where something is wrong."""
    numbers = _checked(sheet)
    if sheet.faults:
        return _form(sheet, status=UNPROCESSABLE)
    proposals = proposed_addresses(sheet.address)
    if proposals is not None and proposals.elsewhere:
        sheet.faults["address"] = say(NotInTerritory().detail, page_locale())
        return _form(sheet, status=UNPROCESSABLE)
    addresses = () if proposals is None else proposals.addresses
    known = _there_already(sheet, numbers, addresses)
    if known is not None:
        return _chosen_page(known, sheet, told=HERE_ALREADY)
    return _confirmation(sheet, addresses, told=None if addresses else AWAY if proposals is None else UNKNOWN)


def _checked(sheet: Sheet) -> dict[str, str | None]:
    """The numbers of a sheet whose fields were looked at one by one; what is wrong is noted in it."""
    numbers: dict[str, str | None] = {}
    checks: tuple[Callable[[], object], ...] = (
        lambda: numbers.update(sheet.numbers()),
        lambda: check_line(sheet.name, pointer="/name", most=LONGEST["name"]),
        lambda: check_category(sheet.category),
    )
    for check in checks:
        try:
            check()
        except Invalid as refusal:
            sheet.blame(refusal)
    try:
        check_line(sheet.address, pointer="", most=LONGEST["address"])
    except Invalid as refusal:
        sheet.faults["address"] = say(refusal.detail, page_locale())
    return numbers


def _there_already(
    sheet: Sheet, numbers: Mapping[str, str | None], addresses: Sequence[ProposedAddress]
) -> Shop | None:
    """The shop of the directory that the claim would match, at the likeliest address."""
    session = db.session()
    known = shop_of_number(session, **numbers)
    if known is None and addresses:
        first = addresses[0]
        listing = Listing(
            name=sheet.name,
            category=sheet.category,
            latitude=first.latitude,
            longitude=first.longitude,
            insee_code=first.insee_code,
        )
        known = already_there(session, listing)
    return known


@transaction()
def _claim(sheet: Sheet) -> Response:
    """Claim what was confirmed; what is refused is said on the page where it can be mended."""
    numbers = _checked(sheet)
    if sheet.faults:
        return _form(sheet, status=UNPROCESSABLE)
    spot = spot_of(sheet)
    if spot is None:
        sheet.faults["commune"] = say(CHOOSE, page_locale())
        return _confirmation(sheet, (), status=UNPROCESSABLE)
    facts = {"name": sheet.name, "category": sheet.category, **numbers, **spot}

    def act() -> Shop:
        return claim_shop(db.session(), guards.current_merchant(), **facts, now=now())

    return _done(act, sheet, lambda status: _confirmation(sheet, confirmed_address(sheet), status=status))


@transaction()
def _claim_chosen(chosen: Shop, sheet: Sheet) -> Response:
    """Claim the shop of the directory that was chosen."""

    def act() -> Shop:
        return claim_listed_shop(db.session(), guards.current_merchant(), chosen.id, **sheet.numbers(), now=now())

    return _done(act, sheet, functools.partial(_refused_chosen, chosen.id, sheet))


def _refused_chosen(shop_id: Any, sheet: Sheet, status: int) -> Response:
    return _chosen_page(db.session().get_one(Shop, shop_id), sheet, status=status)


def _done(act: Callable[[], Shop], sheet: Sheet, refused: Callable[[int], Response]) -> Response:
    """To the page of the shop once it is claimed; the page again, with the reason, where it is not."""
    try:
        shop = counted_claim(act)
    except TooFast:
        raise
    except Refusal as refusal:
        if isinstance(refusal, ShopAlreadyClaimed):
            sheet.faults["shop"] = say(refusal.detail, page_locale())
        elif isinstance(refusal, NumberElsewhere):
            return _chosen_page(refusal.shop, sheet, told=HERE_ALREADY)
        else:
            sheet.blame(refusal)
        return refused(refusal.status)
    return make_response(redirect(url_for("merchant.read_shop", shop_id=shop.id, said="claimed"), 303))


def _form(sheet: Sheet, *, words: str = "", told: Sentence | None = None, status: int = OK) -> Response:
    page = render_template(
        "merchant/claim.html",
        sheet=sheet,
        words=words,
        found=_found(words),
        groups=[(say(words, page_locale()), _trades(policy)) for policy, words in GROUPS.items()],
        policies=_policies(),
        told=told,
        longest=LONGEST,
    )
    return make_response(page, status)


def _trades(policy: Policy) -> list[Category]:
    return [category for category in CATEGORIES if category.policy is policy]


def _policies() -> list[tuple[str, str]]:
    """The trades of each policy, and what it means for them."""
    locale = page_locale()
    return [
        (" · ".join(say(category.name, locale) for category in _trades(policy)), say(words, locale))
        for policy, words in POLICIES.items()
    ]


def _found(words: str) -> list[FoundShop] | None:
    """What the directory has under these words; None where none were said."""
    if sought(words) is None:
        return None
    found = find_shops(db.session(), q=words, limit=MOST_FOUND, now=now()).things
    return [_shown(shop) for shop in found]


def _shown(shop: Shop) -> FoundShop:
    town = f"{shop.postal_code} {communes()[shop.insee_code].name}".strip()
    return FoundShop(
        slug=shop.slug,
        name=shop.name,
        place=", ".join(part for part in (shop.street, town) if part),
        listed=shop.status is ShopStatus.LISTED,
        hers=membership(db.session(), guards.merchant_id(), shop.id) is not None,
    )


def _chosen_page(chosen: Shop, sheet: Sheet, *, told: Sentence | None = None, status: int = OK) -> Response:
    """A shop of the directory and the number it is claimed with; her own at once, another's with whom to ask."""
    shown = _shown(chosen)
    if shown.hers:
        return make_response(redirect(url_for("merchant.read_shop", shop_id=chosen.id), 303))
    page = render_template(
        "merchant/claim_listed.html",
        shop=shown,
        trade=say(BY_KEY[chosen.category].name, page_locale()),
        policy=say(POLICIES[BY_KEY[chosen.category].policy], page_locale()),
        sheet=sheet,
        told=told,
        contact=contact_of(house().settings.public_contact),
        longest=LONGEST,
    )
    return make_response(page, status)


def _confirmation(
    sheet: Sheet, addresses: Sequence[ProposedAddress], *, told: Sentence | None = None, status: int = OK
) -> Response:
    """What was understood, before it is claimed; a map where there are tiles."""
    settings = house().settings
    if settings.map_tiles:
        allow_map()
    if not addresses:
        guess_place(sheet)
    category = BY_KEY[sheet.category]
    page = render_template(
        "merchant/claim_confirm.html",
        sheet=sheet,
        trade=say(category.name, page_locale()),
        policy=say(POLICIES[category.policy], page_locale()),
        spots=[sent_spot(address) for address in addresses],
        communes=by_name(),
        told=told,
        tiles=settings.map_tiles,
        credit=settings.map_credit,
        contact=contact_of(settings.public_contact),
        longest=LONGEST,
    )
    return make_response(page, status)
