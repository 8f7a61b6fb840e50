"""Passkeys of merchants and staff: made, listed, taken away; and the way in by one."""

import uuid
from typing import Any, Final

from flask import Response

from blueprints import conditions, entrance, guards, problems
from blueprints.api.contract import ApiBlueprint
from blueprints.api.lists import page
from blueprints.api.sign_in import let_in
from blueprints.house import house, now
from blueprints.limits import limited
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.passkeys import (
    Passkey,
    PasskeyRefused,
    begin_passkey,
    begin_sign_in,
    passkeys_of,
    remove_passkey,
    site_of,
    use_passkey,
)
from citylife.accounts.sessions import Account, AccountKind
from citylife.accounts.sign_in import PER_NETWORK
from citylife.errors import Absent
from schemas.accounts import NewSessionSchema
from schemas.lists import page_of
from schemas.passkeys import (
    NewPasskeySchema,
    PasskeyAccountSchema,
    PasskeyCreationSchema,
    PasskeyRequestSchema,
    PasskeySchema,
    PasskeySignInSchema,
    creation,
    request,
)

blueprint: Final = ApiBlueprint("passkeys", "Passkeys, for merchants and staff")


@blueprint.route("/passkeys/options", methods=("POST",))
@guards.session_required
@transaction()
@blueprint.response(200, PasskeyCreationSchema)
@blueprint.arguments(PasskeyAccountSchema)
def begin(wanted: dict[str, Any]) -> Response:
    """Begin to make a passkey: what the browser's `navigator.credentials.create` is given."""
    account, site = _own(wanted["kind"]), site_of(house().settings.base_url)
    entrance.check_passkeys_are_hers(account)
    begun = begin_passkey(db.session(), account, now=now())
    body = PasskeyCreationSchema().dump(creation(begun, site, email=entrance.address_of(account)))
    return conditions.answer(conditions.json_bytes(body), 200, cache=conditions.NEVER)


@blueprint.route("/passkeys", methods=("POST",))
@guards.session_required
@transaction(rings=True)
@blueprint.response(201, PasskeySchema)
@blueprint.arguments(NewPasskeySchema)
def keep(said: dict[str, Any]) -> Response:
    """Keep the passkey that the device has made; a letter says so to the account's address."""
    try:
        passkey = entrance.keep_passkey(_own(said["kind"]), said["credential"])
    except PasskeyRefused as refusal:
        return problems.refused(refusal)  # not raised: the challenge it used up is committed
    body = PasskeySchema().dump(shown(passkey))
    return conditions.answer(conditions.json_bytes(body), 201, cache=conditions.NEVER)


@blueprint.route("/passkeys")
@guards.session_required
@blueprint.response(200, page_of(PasskeySchema))
def list_passkeys() -> Response:
    """The passkeys of your account; ten at most, so always one page."""
    found = [passkey for own in guards.own_sessions() for passkey in passkeys_of(db.session(), own.account)]
    return page(PasskeySchema, [shown(passkey) for passkey in found], None)


@blueprint.route("/passkeys/<uuid:passkey_id>", methods=("DELETE",))
@guards.session_required
@transaction()
@blueprint.response(204)
def remove(passkey_id: uuid.UUID) -> Response:
    """Take a passkey away: it opens nothing any more."""
    for own in guards.own_sessions():
        try:
            entrance.check_passkeys_are_hers(own.account)
            remove_passkey(db.session(), own.account, passkey_id)
        except Absent:
            continue
        entrance.note_removal(own.account, passkey_id)
        return Response(status=204)
    raise Absent


@blueprint.route("/passkeys/sign-in/options", methods=("POST",))
@limited(PER_NETWORK)
@transaction()
@blueprint.response(200, PasskeyRequestSchema)
def begin_to_sign_in() -> Response:
    """Begin to sign in: what the browser's `navigator.credentials.get` is given, whoever is asking."""
    challenge = begin_sign_in(db.session(), now=now())
    body = PasskeyRequestSchema().dump(request(challenge, site_of(house().settings.base_url)))
    return conditions.answer(conditions.json_bytes(body), 200, cache=conditions.NEVER)


@blueprint.route("/passkeys/sign-in", methods=("POST",))
@limited(PER_NETWORK)
@transaction()
@blueprint.response(201, NewSessionSchema)
@blueprint.arguments(PasskeySignInSchema)
def sign_in(said: dict[str, Any]) -> Response:
    """Sign in with a passkey.

    The token is said once; with `cookie` it goes into an HttpOnly cookie, which no script reads.
    """
    if said["cookie"]:
        guards.check_same_origin()
    try:
        account = use_passkey(db.session(), said["credential"], site=site_of(house().settings.base_url), now=now())
    except PasskeyRefused as refusal:
        return problems.refused(refusal)  # not raised: the challenge it used up is committed
    return let_in(account, cookie=said["cookie"], by_passkey=True)


def shown(passkey: Passkey) -> dict[str, Any]:
    """A passkey as its account reads it."""
    return {
        "id": passkey.id,
        "kind": passkey.account.kind,
        "browser": passkey.browser,
        "created_at": passkey.created_at,
        "used_at": passkey.used_at,
    }


def _own(kind: AccountKind | None) -> Account:
    """The account that is meant: the first this browser is signed in to, where none is named.

    Raises:
        SignInNeeded: it is not signed in to that one.
    """
    own = [standing.account for standing in guards.own_sessions() if kind in {None, standing.account.kind}]
    if not own:
        raise guards.SignInNeeded
    return own[0]
