"""What the public registers propose to a merchant who claims a shop; they refuse nobody, there or away."""

from typing import Any, Final

from flask import Response

from blueprints import conditions, guards, problems
from blueprints.api.contract import ApiBlueprint
from blueprints.proposing import proposed_addresses, proposed_company
from citylife.accounts.merchants import Scope
from citylife.geography import communes
from citylife.registers import Proposals, ProposedCompany
from citylife.wording import say
from schemas.proposals import (
    AddressWordsSchema,
    CompanySiretSchema,
    ProposedAddressesSchema,
    ProposedCompanySchema,
)

blueprint: Final = ApiBlueprint("merchant-proposals", "What public registers propose to whoever claims a shop")


@blueprint.route("/merchant/proposals/addresses", methods=("POST",))
@guards.merchant_required(Scope.SHOP)
@blueprint.response(200, ProposedAddressesSchema)
@blueprint.arguments(AddressWordsSchema)
def propose_addresses(typed: dict[str, Any]) -> Response:
    """Addresses of the territory that some words may mean, from the Base Adresse Nationale; nothing of it is kept."""
    found = proposed_addresses(typed["words"])
    known = found or Proposals()
    body = ProposedAddressesSchema().dump(
        {
            "items": [
                {
                    "label": address.label,
                    "street": address.street,
                    "postal_code": address.postal_code,
                    "commune": communes()[address.insee_code],
                    "latitude": address.latitude,
                    "longitude": address.longitude,
                }
                for address in known.addresses
            ],
            "answered": found is not None,
            "elsewhere": known.elsewhere,
        }
    )
    return conditions.answer(conditions.json_bytes(body), cache=conditions.NEVER)


@blueprint.route("/merchant/proposals/company", methods=("POST",))
@guards.merchant_required(Scope.SHOP)
@blueprint.response(200, ProposedCompanySchema)
@blueprint.arguments(CompanySiretSchema)
def propose_company(typed: dict[str, Any]) -> Response:
    """The name and the address of a SIRET, from « recherche d’entreprises »; nothing of it is kept."""
    found = proposed_company(typed["siret"])
    if isinstance(found, ProposedCompany):
        said = {"name": found.name, "address": found.address, "note": None}
    else:
        said = {"name": "", "address": "", "note": say(found, problems.locale())}
    body = ProposedCompanySchema().dump(said)
    return conditions.answer(conditions.json_bytes(body), cache=conditions.NEVER)
