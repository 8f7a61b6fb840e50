"""« Équipe »: who runs a shop together; for its owners, inviting, changing a role, letting go, each asked for first."""

import uuid
from dataclasses import dataclass
from typing import Final

from flask import Response, make_response, redirect, render_template, request, url_for

from blueprints import guards, teams
from blueprints.pages.language import page_locale
from blueprints.pages.merchant.asking import by_our_form, merchant_here
from blueprints.pages.merchant.showing import show_shop
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.emails import LONGEST
from citylife.accounts.merchants import Membership, Merchant, Role, is_last_owner, member_of, team_of
from citylife.clock import local_date
from citylife.errors import Absent, Refusal
from citylife.moments import date_words
from citylife.shop_journal import ROLES
from citylife.shops import Shop
from citylife.wording import Sentence, say

OK: Final = 200
SAID: Final = {
    "invited": Sentence("Le courriel d’invitation part à l’instant."),
    "role": Sentence("Le rôle est changé. Un courriel l’annonce."),
    "removed": Sentence("Cette personne n’est plus de l’équipe."),
    "withdrawn": Sentence("L’invitation est annulée."),
}
SINCE: Final = {False: Sentence("Depuis le {day}"), True: Sentence("Invitation du {day}")}
ROLE_WORDS: Final = {
    Role.OWNER: Sentence("Tout : annonces, caisse, horaires, photo, équipe, journal."),
    Role.SELLER: Sentence("Annonces, caisse et résultats."),
}
OTHER: Final = {Role.OWNER: Role.SELLER, Role.SELLER: Role.OWNER}
"""The role that somebody may have instead."""


@dataclass(frozen=True, slots=True)
class ShownMember:
    """A member of a team in words; `last` where the team would be without an owner, `other` the role she may have."""

    id: uuid.UUID
    email: str
    role: str
    since: str
    pending: bool
    mine: bool
    last: bool
    other: Role


@merchant_here
def read_team(shop_id: uuid.UUID) -> Response:
    """Who is in the team, and what was just done."""
    return _page(shop_id, said=SAID.get(request.args.get("said", "")))


@by_our_form
@merchant_here
@transaction(rings=True)
def invite(shop_id: uuid.UUID) -> Response:
    """Take in whoever has the address that was written; what is wrong with it stands at its field."""
    shop = guards.my_shop(shop_id, owner=True)
    email = request.form.get("email", "")[: 2 * LONGEST].strip()
    role = Role.OWNER if request.form.get("role") == Role.OWNER.value else Role.SELLER
    try:
        teams.take_in(shop, email, role)
    except Refusal as refusal:
        db.session().rollback()
        problem = say(refusal.detail, page_locale())
        return _page(shop_id, refusal.status, problem=problem, written=(email, role))
    return _back(shop_id, "invited")


@merchant_here
def read_role(shop_id: uuid.UUID, member_id: uuid.UUID) -> Response:
    """What another role changes for somebody, before it is given."""
    return make_response(_role_page(guards.my_shop(shop_id, owner=True), member_id))


@by_our_form
@merchant_here
@transaction(rings=True)
def change_role(shop_id: uuid.UUID, member_id: uuid.UUID) -> Response:
    """Give somebody the other role, once it was confirmed; the same role twice changes nothing."""
    shop = guards.my_shop(shop_id, owner=True)
    member = _member(shop, member_id)
    role = Role.OWNER if request.form.get("role") == Role.OWNER.value else Role.SELLER
    if role is not member.role:
        try:
            teams.take_in(shop, db.session().get_one(Merchant, member.merchant_id).email, role)
        except Refusal as refusal:
            db.session().rollback()
            return make_response(_role_page(shop, member_id, say(refusal.detail, page_locale())), refusal.status)
    return _back(shop_id, "role")


@merchant_here
def read_leaving(shop_id: uuid.UUID, member_id: uuid.UUID) -> Response:
    """What ends with somebody's place, before it is ended; one's own too."""
    shop, member = teams.place_to_end(shop_id, member_id)
    return make_response(_leaving_page(shop, member))


@by_our_form
@merchant_here
@transaction()
def leave(shop_id: uuid.UUID, member_id: uuid.UUID) -> Response:
    """End somebody's place, once it was confirmed."""
    shop, member = teams.place_to_end(shop_id, member_id)
    mine, pending = member.merchant_id == guards.merchant_id(), member.pending
    try:
        teams.let_go(shop_id, member_id)
    except Refusal as refusal:
        db.session().rollback()
        return make_response(_leaving_page(shop, member, say(refusal.detail, page_locale())), refusal.status)
    if mine:
        return make_response(redirect(url_for("merchant.read_shops"), 303))
    return _back(shop_id, "withdrawn" if pending else "removed")


def _back(shop_id: uuid.UUID, said: str) -> Response:
    return make_response(redirect(url_for("merchant.read_team", shop_id=shop_id, said=said), 303))


def _page(
    shop_id: uuid.UUID,
    status: int = OK,
    *,
    said: Sentence | None = None,
    problem: str | None = None,
    written: tuple[str, Role] = ("", Role.SELLER),
) -> Response:
    shop, mine, rows = teams.team_seen(shop_id)
    shown = [_shown(member, merchant, [each for each, _ in rows]) for member, merchant in rows]
    page = render_template(
        "merchant/team.html",
        shop=show_shop(shop, page_locale()),
        members=[each for each in shown if not each.pending],
        invited=[each for each in shown if each.pending],
        owner=mine.role is Role.OWNER,
        roles=[
            (role, say(ROLES[role], page_locale()).capitalize(), ROLE_WORDS[role]) for role in (Role.SELLER, Role.OWNER)
        ],
        left=teams.letters_left(shop),
        most=teams.most_letters(shop),
        said=said,
        problem=problem,
        email=written[0],
        role=written[1],
    )
    return make_response(page, status)


def _role_page(shop: Shop, member_id: uuid.UUID, problem: str | None = None) -> str:
    shown = _shown_one(shop, _member(shop, member_id))
    return render_template(
        "merchant/team_role.html",
        shop=show_shop(shop, page_locale()),
        member=shown,
        wanted=say(ROLES[shown.other], page_locale()),
        meaning=ROLE_WORDS[shown.other],
        promoted=shown.other is Role.OWNER,
        left=teams.letters_left(shop),
        problem=problem,
    )


def _leaving_page(shop: Shop, member: Membership, problem: str | None = None) -> str:
    shown = _shown_one(shop, member)
    return render_template(
        "merchant/team_leaving.html", shop=show_shop(shop, page_locale()), member=shown, problem=problem
    )


def _member(shop: Shop, member_id: uuid.UUID) -> Membership:
    """Somebody of the team.

    Raises:
        Absent: nobody has this place now.
    """
    member = member_of(db.session(), shop.id, member_id)
    if member is None:
        raise Absent
    return member


def _shown_one(shop: Shop, member: Membership) -> ShownMember:
    everybody = [each for each, _ in team_of(db.session(), shop.id)]
    return _shown(member, db.session().get_one(Merchant, member.merchant_id), everybody)


def _shown(member: Membership, merchant: Merchant, team: list[Membership]) -> ShownMember:
    locale = page_locale()
    day = date_words(local_date(member.begun_at), locale)
    return ShownMember(
        id=member.id,
        email=merchant.email,
        role=say(ROLES[member.role], locale),
        since=say(SINCE[member.pending].format(day=day), locale),
        pending=member.pending,
        mine=merchant.id == guards.merchant_id(),
        last=is_last_owner(member, team),
        other=OTHER[member.role],
    )
