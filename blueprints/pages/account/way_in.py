"""The way in: ask for a letter, then open its link and tap, or type its code. A GET never signs anybody in."""

import uuid
from typing import Final

from flask import Response, make_response, redirect, render_template, request, url_for

from blueprints import entrance, guards
from blueprints.house import house, now
from blueprints.limits import limited
from blueprints.pages.account.onward import for_staff, onward, to_claim
from blueprints.pages.account.passkeys import at_home
from blueprints.pages.language import page_locale
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.emails import LONGEST, EmailRefused
from citylife.accounts.passkeys import passkeys_of
from citylife.accounts.sessions import Account, AccountKind
from citylife.accounts.sign_in import (
    BEGINNING_NETWORK,
    PER_NETWORK,
    SignInRefused,
    link_opens,
    newcomer_of,
    use_code,
    use_link,
)
from citylife.errors import Refusal
from citylife.shop_journal import ROLES
from citylife.shops.directory import invitations_of
from citylife.shops.listing import LONGEST_SLUG
from citylife.wording import say

OK: Final = 200
GONE: Final = 410


def read_form() -> str:
    """Who is it: an address, and whether for a shop or for the cluster."""
    return render_template("account/sign_in.html", email="", staff=for_staff(), problem=None)


@limited(PER_NETWORK)
@transaction(rings=True)
def ask() -> Response:
    """Have a letter written, and go where its code is typed: the same, whoever has the address."""
    guards.check_same_origin()
    email = request.form.get("email", "")[: 2 * LONGEST]
    staff = request.form.get("for") == AccountKind.STAFF.value
    kind = AccountKind.STAFF if staff else AccountKind.MERCHANT
    try:
        asked = entrance.ask_for_letter(kind, email, locale=page_locale())
    except EmailRefused as refusal:
        page = render_template("account/sign_in.html", email=email, staff=staff, problem=_said(refusal))
        return make_response(page, refusal.status)
    return make_response(redirect(url_for("account.read_code", request_id=asked.id), 303))


@limited(BEGINNING_NETWORK)
@transaction(rings=True)
def begin() -> Response:
    """Have a letter written to any address, and go where its code is typed: the same, whoever has the address."""
    guards.check_same_origin()
    email = request.form.get("email", "")[: 2 * LONGEST]
    page = to_claim(request.form.get("commerce", ""))
    try:
        asked = entrance.ask_for_letter(AccountKind.MERCHANT, email, locale=page_locale(), beginning=True, onward=page)
    except EmailRefused as refusal:
        return begin_page(request.form.get("commerce", ""), email, problem=refusal)
    return make_response(redirect(url_for("account.read_code", request_id=asked.id, vers=page), 303))


def begin_page(slug: str, email: str = "", *, problem: Refusal | None = None) -> Response:
    """What whoever is nobody yet reads before she claims a shop; `slug` names the one she came for."""
    page = render_template(
        "account/begin.html", slug=slug[:LONGEST_SLUG], email=email, problem=problem and _said(problem)
    )
    return make_response(page, OK if problem is None else problem.status)


def read_code(request_id: uuid.UUID) -> str:
    """Where the code is typed; the page is the same for any request, also for none."""
    return render_template("account/code.html", request_id=request_id, onward=onward(), problem=None)


@limited(PER_NETWORK)
@transaction(rings=True)
def try_code(request_id: uuid.UUID) -> Response:
    """Sign in by the code of the letter."""
    guards.check_same_origin()
    typed = request.form.get("code", "")[:40]
    try:
        account = use_code(
            db.session(),
            request_id,
            typed,
            secret_key=house().keys.secret_key,
            locale=page_locale(),
            now=now(),
        )
    except SignInRefused as refusal:
        page = render_template("account/code.html", request_id=request_id, onward=onward(), problem=_said(refusal))
        return make_response(page, refusal.status)  # not raised: the try it counted is committed
    return _let_in(account)


def read_link(token: str) -> Response:
    """What a letter's link opens: a button. Whoever only looks (a scanner, a preview) uses nothing up."""
    account = link_opens(db.session(), token, now=now())
    if account is None:
        newcomer = newcomer_of(db.session(), token, now=now())
        if newcomer is None:
            return make_response(render_template("account/link_spent.html"), GONE)
        page = render_template("account/link.html", token=token, email=newcomer, onward=onward(), invited=[], new=True)
        return make_response(page)
    email = entrance.address_of(account)
    invited = []
    if account.kind is AccountKind.MERCHANT:
        places = invitations_of(db.session(), account.id)
        invited = [(shop.name, say(ROLES[role], page_locale())) for shop, role in places]
    return make_response(
        render_template("account/link.html", token=token, email=email, onward=onward(), invited=invited)
    )


@limited(PER_NETWORK)
@transaction(rings=True)
def follow_link(token: str) -> Response:
    """Sign in by the link of the letter, once."""
    guards.check_same_origin()
    try:
        account = use_link(db.session(), token, locale=page_locale(), now=now())
    except SignInRefused:
        return make_response(render_template("account/link_spent.html"), GONE)
    return _let_in(account)


def _let_in(account: Account) -> Response:
    """Let in who came by a letter; a merchant without a passkey is offered one, the console asks staff for theirs."""
    entrance.tell_where_a_passkey_was_not_used(account)
    _, token = entrance.come_in(account)
    known = account.kind is AccountKind.STAFF or passkeys_of(db.session(), account)
    page = onward()
    there = page or url_for(at_home(account))
    response = make_response(redirect(there if known else url_for("account.read_offer", vers=page or None), 303))
    guards.set_session_cookie(response, account.kind, token)
    return response


def _said(refusal: Refusal) -> str:
    return say(refusal.detail, page_locale())
