"""A merchant's API keys: listed, made, revoked, by herself and signed in."""

import uuid
from typing import Any, Final

from flask import Response

from blueprints import api_keys, conditions, guards
from blueprints.api.contract import ApiBlueprint
from blueprints.api.lists import page
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.merchants import keys_of
from schemas.accounts import KeySchema, MadeKeySchema, NewKeySchema
from schemas.lists import page_of

blueprint: Final = ApiBlueprint("merchant-keys", "API keys, for the programs of a merchant")


@blueprint.route("/merchant/keys")
@guards.merchant_session_required
@blueprint.response(200, page_of(KeySchema))
def list_keys() -> Response:
    """Your keys, those that have expired too, until you revoke them; twenty at most, so always one page."""
    return page(KeySchema, keys_of(db.session(), guards.merchant_id()), None)


@blueprint.route("/merchant/keys", methods=("POST",))
@guards.merchant_session_required
@transaction(idempotent=True, secret=True)
@blueprint.response(201, MadeKeySchema)
@blueprint.arguments(NewKeySchema)
def make_key(wanted: dict[str, Any]) -> Response:
    """Make a key with the scopes it needs; its token is said once."""
    key, token = api_keys.make(wanted["label"], wanted["scopes"], wanted["expires_at"])
    body = {**KeySchema().dump(key), "token": token}
    return conditions.answer(conditions.json_bytes(body), 201, cache=conditions.NEVER)


@blueprint.route("/merchant/keys/<uuid:key_id>", methods=("DELETE",))
@guards.merchant_session_required
@transaction()
@blueprint.response(204)
def revoke_my_key(key_id: uuid.UUID) -> None:
    """Revoke a key: whatever uses it is refused from now on."""
    api_keys.revoke(key_id)
