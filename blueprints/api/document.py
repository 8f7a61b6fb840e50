"""The API on an application: its resources, and the OpenAPI 3.1 document generated from their views."""

from importlib.metadata import version
from typing import Final

from flask import Flask

from blueprints.api import (
    around,
    audience,
    citizens,
    consents,
    deliveries,
    devices,
    docs,
    email_digest,
    export,
    feed,
    follows,
    merchant_journal,
    merchant_keys,
    merchant_offers,
    merchant_photos,
    merchant_posters,
    merchant_proposals,
    merchant_results,
    merchant_shops,
    merchant_team,
    moving,
    passkeys,
    pilot,
    places,
    recurring_offers,
    redemptions,
    reports,
    sending_rules,
    shops,
    sign_in,
    staff_shops,
    staff_watch,
    territory,
)
from blueprints.api.completing import complete
from blueprints.api.contract import Api, ApiBlueprint, Slug

RESOURCES: Final[tuple[ApiBlueprint, ...]] = (
    territory.blueprint,
    shops.blueprint,
    around.blueprint,
    citizens.blueprint,
    moving.blueprint,
    export.blueprint,
    consents.blueprint,
    follows.blueprint,
    places.blueprint,
    email_digest.blueprint,
    feed.blueprint,
    devices.blueprint,
    deliveries.blueprint,
    merchant_shops.blueprint,
    merchant_proposals.blueprint,
    merchant_photos.blueprint,
    merchant_posters.blueprint,
    merchant_results.blueprint,
    merchant_offers.blueprint,
    recurring_offers.blueprint,
    audience.blueprint,
    merchant_keys.blueprint,
    merchant_team.blueprint,
    merchant_journal.blueprint,
    sign_in.blueprint,
    passkeys.blueprint,
    redemptions.blueprint,
    reports.blueprint,
    pilot.blueprint,
    staff_shops.blueprint,
    staff_watch.blueprint,
    sending_rules.blueprint,
)
ABOUT: Final = (
    "Citizens follow shops, merchants post offers. Errors are RFC 9457 problems in the caller's language; lists go on "
    "by an opaque cursor; every reading has an ETag; a POST that says so takes an Idempotency-Key; what is unknown is "
    "refused."
)
SCHEMES: Final = {
    "citizenToken": {"type": "http", "scheme": "bearer", "description": "A citizen's token, never in a URL"},
    "citizenCookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-citylife",
        "description": "From our pages",
    },
    "merchantKey": {"type": "http", "scheme": "bearer", "description": "A merchant's API key: clk_…"},
    "merchantSession": {"type": "http", "scheme": "bearer", "description": "A merchant signed in: cls_…"},
    "merchantCookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-citylife-merchant",
        "description": "A merchant signed in, from our pages",
    },
    "staffSession": {"type": "http", "scheme": "bearer", "description": "A member of staff signed in: cls_…"},
    "staffCookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-citylife-staff",
        "description": "A member of staff signed in, from our pages",
    },
}


def init_app(app: Flask) -> Api:
    """Register every resource of the API, and `/api/openapi.json`."""
    app.url_map.converters["slug"] = Slug
    app.config.update(
        API_TITLE="Citylife",
        API_VERSION=version("citylife"),
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/api",
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS={"info": {"description": ABOUT}},
    )
    api = Api(app, complete)
    api.register_converter(Slug, lambda _: {"type": "string", "pattern": f"^{Slug.regex}$"})
    for name, scheme in SCHEMES.items():
        api.spec.components.security_scheme(name, scheme)
    for blueprint in RESOURCES:
        api.register_blueprint(blueprint)
    docs.init_app(app, api)
    return api
