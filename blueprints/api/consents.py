"""Consents: what a citizen agreed to; each answer is added, none is changed."""

from typing import Any, Final

from flask import Response

from blueprints import cursors, guards, problems
from blueprints.api.contract import ApiBlueprint
from blueprints.api.lists import cut, page
from blueprints.house import now
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.consent import Consent, consents_of, record_consent
from schemas.consents import ConsentSchema, NewConsentSchema
from schemas.lists import ListQuery, page_of

blueprint: Final = ApiBlueprint("consents", "What a citizen agreed to, and withdrew")


@blueprint.route("/me/consents")
@guards.citizen_required
@blueprint.response(200, page_of(ConsentSchema))
@blueprint.arguments(ListQuery, location="query")
def list_consents(wanted: dict[str, Any]) -> Response:
    """Your answers, the latest first."""
    after = cursors.read_id(wanted["cursor"])
    citizen = guards.current_citizen()
    rows = consents_of(db.session(), citizen.id, after=after, limit=wanted["limit"] + 1)
    shown, more = cut(rows, wanted["limit"])
    return page(ConsentSchema, shown, shown[-1].id if more else None)


@blueprint.route("/me/consents", methods=("POST",))
@guards.citizen_required
@transaction(idempotent=True)
@blueprint.response(201, ConsentSchema)
@blueprint.arguments(NewConsentSchema)
def answer_consent(given: dict[str, Any]) -> Consent:
    """Agree, or withdraw: what is withdrawn is not sent any more from this moment."""
    return record_consent(
        db.session(),
        guards.current_citizen(),
        given["purpose"],
        granted=given["granted"],
        text_version=given["text_version"],
        locale=given["locale"] or problems.locale(),
        now=now(),
    )
