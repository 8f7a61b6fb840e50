"""Signing in without a password, and the sessions it opens: asked for by mail, listed, ended."""

import uuid
from typing import Any, Final

from flask import Response

from blueprints import conditions, entrance, guards, problems
from blueprints.api.contract import ApiBlueprint
from blueprints.api.lists import page
from blueprints.house import house, now
from blueprints.limits import count_from_here, limited
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.sessions import Account, AccountSession, end_session, end_sessions, sessions_of
from citylife.accounts.sign_in import BEGINNING_NETWORK, PER_NETWORK, SignInRefused, use_code
from citylife.errors import Absent
from schemas.accounts import NewSessionSchema, SessionSchema, SignInAskedSchema, SignInCodeSchema, SignInSchema
from schemas.lists import page_of

blueprint: Final = ApiBlueprint("sign-in", "Signing in without a password, for merchants and staff")


@blueprint.route("/sign-in", methods=("POST",))
@limited(PER_NETWORK)
@transaction(idempotent=True, rings=True)
@blueprint.response(202, SignInAskedSchema)
@blueprint.arguments(SignInSchema)
def ask_to_sign_in(wanted: dict[str, Any]) -> Response:
    """Ask for a letter with a link and a six-digit code.

    The answer is the same, whether somebody has the address or not. Both are good once, for fifteen minutes.
    """
    if wanted["begin"]:
        count_from_here(BEGINNING_NETWORK)
    asked = entrance.ask_for_letter(
        wanted["kind"], wanted["email"], locale=problems.locale(), beginning=wanted["begin"]
    )
    body = SignInAskedSchema().dump({"request_id": asked.id, "expires_at": asked.expires_at})
    return conditions.answer(conditions.json_bytes(body), 202, cache=conditions.NEVER)


@blueprint.route("/sign-in/code", methods=("POST",))
@limited(PER_NETWORK)
@transaction(idempotent=True, secret=True, rings=True)
@blueprint.response(201, NewSessionSchema)
@blueprint.arguments(SignInCodeSchema)
def sign_in_by_code(typed: dict[str, Any]) -> Response:
    """Sign in with the six-digit code of a letter, within five tries.

    The token is said once; with `cookie` it goes into an HttpOnly cookie, which no script reads.
    """
    if typed["cookie"]:
        guards.check_same_origin()
    try:
        account = use_code(
            db.session(),
            typed["request_id"],
            typed["code"],
            secret_key=house().keys.secret_key,
            locale=problems.locale(),
            now=now(),
        )
    except SignInRefused as refusal:
        return problems.refused(refusal)  # not raised: the try it counted is committed
    entrance.tell_where_a_passkey_was_not_used(account)
    return let_in(account, cookie=typed["cookie"])


def let_in(account: Account, *, cookie: bool, by_passkey: bool = False) -> Response:
    """A new session of an account's, as NewSessionSchema: its token in the answer, or in a cookie."""
    opened, token = entrance.come_in(account, by_passkey=by_passkey)
    said = {"id": opened.id, "kind": account.kind, "expires_at": opened.expires_at}
    body = NewSessionSchema().dump(said if cookie else {**said, "token": token})
    response = conditions.answer(conditions.json_bytes(body), 201, cache=conditions.NEVER)
    if cookie:
        guards.set_session_cookie(response, account.kind, token)
    return response


@blueprint.route("/sessions")
@guards.session_required
@blueprint.response(200, page_of(SessionSchema))
def list_sessions() -> Response:
    """The sessions of your account; twenty at most, so always one page."""
    current = guards.own_sessions()
    mine = {standing.id for standing in current}
    standing = [each for one in current for each in sessions_of(db.session(), one.account, now=now())]
    return page(SessionSchema, [shown_session(each, current=each.id in mine) for each in standing], None)


@blueprint.route("/sessions", methods=("DELETE",))
@guards.session_required
@transaction()
@blueprint.response(204)
def end_every_session() -> Response:
    """Sign out everywhere, here too."""
    response = Response(status=204)
    for standing in guards.own_sessions():
        end_sessions(db.session(), standing.account, now=now())
        guards.clear_session_cookie(response, standing.account.kind)
    return response


@blueprint.route("/sessions/<uuid:session_id>", methods=("DELETE",))
@guards.session_required
@transaction()
@blueprint.response(204)
def end_one_session(session_id: uuid.UUID) -> Response:
    """Sign one browser or program out; the one that asks too, by its own id."""
    response = Response(status=204)
    for standing in guards.own_sessions():
        try:
            end_session(db.session(), standing.account, session_id, now=now())
        except Absent:
            continue
        if standing.id == session_id:
            guards.clear_session_cookie(response, standing.account.kind)
        return response
    raise Absent


def shown_session(standing: AccountSession, *, current: bool) -> dict[str, Any]:
    """A session as its account reads it."""
    return {
        "id": standing.id,
        "kind": standing.account.kind,
        "browser": standing.browser,
        "created_at": standing.created_at,
        "seen_at": standing.seen_at,
        "expires_at": standing.expires_at,
        "current": current,
    }
