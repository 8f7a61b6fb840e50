"""Places: where a citizen wants to hear of what is near. A point is coarsened here, before anything else sees it."""

import uuid
from collections.abc import Mapping
from typing import Any, Final

from flask import Response

from blueprints import conditions, guards, problems
from blueprints.api.contract import ApiBlueprint
from blueprints.api.lists import page
from blueprints.house import house, now
from blueprints.limits import count_of
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.audience.near_me_now import TAPS, tell_near
from citylife.errors import Absent
from citylife.ledger.sending import TOLD_HER, sending_now
from citylife.places import (
    COARSENED,
    Area,
    Place,
    area_of_cell,
    area_of_commune,
    area_of_point,
    communes_about,
    places_of,
    remove_place,
    set_place,
)
from citylife.wording import Sentence, say
from schemas.lists import page_of
from schemas.places import KeptPlaceSchema, NearMeNowSchema, NewPlaceSchema, PlaceSchema, WhereSchema

blueprint: Final = ApiBlueprint("places", "Where a citizen wants to hear of what is near")


def shown_place(place: Place) -> dict[str, Any]:
    """A place with the names of its communes."""
    return {
        "id": place.id,
        "kind": place.kind,
        "insee_code": place.insee_code,
        "cell": place.cell,
        "communes": communes_about(place),
        "set_on": place.set_on,
        "expires_at": place.expires_at,
    }


def area_of(where: Mapping[str, Any]) -> Area:
    """What may be kept of where somebody says she is."""
    if "insee_code" in where:
        return area_of_commune(where["insee_code"])
    if "cell" in where:
        return area_of_cell(where["cell"])
    return area_of_point(where["position"]["latitude"], where["position"]["longitude"])


@blueprint.route("/me/places")
@guards.citizen_required
@blueprint.response(200, page_of(PlaceSchema))
def list_places() -> Response:
    """Your places; two at most, and « now »: so always one page."""
    places = places_of(db.session(), guards.current_citizen().id, now=now())
    return page(PlaceSchema, [shown_place(place) for place in places], None)


# No Idempotency-Key: to know the same request again, a digest of its body would be kept, from which a point can be
# guessed. The same place twice is one place anyway.
@blueprint.route("/me/places", methods=("POST",))
@guards.citizen_required
@transaction()
@blueprint.response(201, KeptPlaceSchema)
@blueprint.also(200, KeptPlaceSchema, "It was yours already and is renewed, or « now » is overwritten")
@blueprint.arguments(NewPlaceSchema)
def choose_place(where: dict[str, Any]) -> Response:
    """Choose a commune, a cell or where you are. A commune needs no permission of the browser; all need your consent.

    A point is coarsened to its cell of about 4.5 km², or to its commune where too few people live. The same again is
    safe without an Idempotency-Key.
    """
    area = area_of(where)
    place, new = set_place(db.session(), guards.current_citizen(), area, where["kind"], now=now())
    note = say(COARSENED, problems.locale()) if area.coarsened else None
    body = conditions.json_bytes(KeptPlaceSchema().dump({**shown_place(place), "note": note}))
    return conditions.answer(body, 201 if new else 200, vary="Authorization, Cookie, Accept-Language")


@blueprint.route("/me/near-me-now", methods=("POST",))
@guards.citizen_required
@transaction(rings=True)
@blueprint.response(200, NearMeNowSchema)
@blueprint.arguments(WhereSchema)
def tell_me_near(where: dict[str, Any]) -> Response:
    """Say where you are, and be told at once of live offers there, of shops you follow, that nothing has told you of.

    One notification of three offers at most: outside your budgets, and in your quiet hours too, since you ask. While
    nothing may be sent you are told of none, and `held` says why. What you send is coarsened as a place is, kept as
    your « now », and lapses. At most six times an hour.
    """
    citizen = guards.current_citizen()
    count_of(TAPS, str(citizen.id))
    area = area_of(where)
    sending, language = sending_now(db.session(), house().settings.aipd_date), problems.locale()
    told = tell_near(db.session(), citizen, area, now=now(), sending=sending)
    note = say(COARSENED, language) if area.coarsened else None
    body = {
        "place": {**shown_place(told.place), "note": note},
        "offers": told.offers,
        "devices": told.devices,
        "held": say(Sentence(TOLD_HER[sending]), language) if sending in TOLD_HER else None,
    }
    return conditions.answer(
        conditions.json_bytes(NearMeNowSchema().dump(body)), vary="Authorization, Cookie, Accept-Language"
    )


@blueprint.route("/me/places/<uuid:place_id>", methods=("DELETE",))
@guards.citizen_required
@transaction()
@blueprint.response(204)
def forget_place(place_id: uuid.UUID) -> None:
    """Forget a place. Nothing is kept of it."""
    if not remove_place(db.session(), guards.current_citizen().id, place_id, now=now()):
        raise Absent
