"""Her places: a commune of the list, or about where she is just now; with her consent, and forgotten at a tap.

Where she is comes rounded by her browser, is rounded again and made coarse here, before any table sees it.
"""

import uuid
from dataclasses import dataclass
from typing import Final

from flask import Response, make_response, redirect, render_template, request, url_for

from blueprints.guards import check_same_origin, citizen_or_none, current_citizen
from blueprints.house import now
from blueprints.pages.language import page_locale
from blueprints.pages.positions import by_name, rounded_position
from blueprints.pages.settings.answers import Fault, agreed_to, fault_of
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.citizens import Citizen
from citylife.consent import TEXTS, Purpose
from citylife.errors import Absent, Refusal
from citylife.moments import date_words, until_words
from citylife.places import (
    COARSENED,
    MOST_LASTING,
    Area,
    NoLocationConsent,
    Place,
    PlaceKind,
    area_of_commune,
    area_of_point,
    communes_about,
    places_of,
    remove_place,
    set_place,
)
from citylife.wording import Sentence, say

LIST: Final = "mes-lieux"
"""The part of the page that changes."""
SAID: Final = {
    "added": Sentence("C’est noté."),
    "coarsened": COARSENED,
    "forgotten": Sentence("Ce lieu est oublié."),
    "withdrawn": Sentence("Votre accord est retiré, et vos lieux sont oubliés."),
}


@dataclass(frozen=True, slots=True)
class ShownPlace:
    """A place in words: what is kept, and for how long."""

    id: uuid.UUID
    name: str
    kept: str


def read_places() -> str:
    """Her places, and the choice of another while there is room."""
    return _page(citizen_or_none(), said=SAID.get(request.args.get("said", "")))


@transaction()
def choose_place() -> Response:
    """Keep a commune, or the cell or commune that a rounded position lies in; what is refused keeps nothing."""
    check_same_origin()
    citizen = current_citizen()
    try:
        if not citizen.location_consented:
            agreed_to(citizen, Purpose.LOCATION, otherwise=NoLocationConsent)
        area = _area()
        set_place(db.session(), citizen, area, PlaceKind.LASTING, now=now())
    except Refusal as refusal:
        db.session().rollback()
        fault = fault_of(refusal, ("commune",), {"commune": request.form.get("commune", "")})
        return make_response(_page(citizen, fault=fault), refusal.status)
    return _back(said="coarsened" if area.coarsened else "added")


@transaction()
def forget_place(place_id: uuid.UUID) -> Response:
    """Forget a place; nothing is kept of it."""
    check_same_origin()
    if not remove_place(db.session(), current_citizen().id, place_id, now=now()):
        raise Absent
    return _back(said="forgotten")


def show_place(place: Place, locale: str) -> ShownPlace:
    """The place in the words of `locale`."""
    names = ", ".join(facts.name for facts in communes_about(place))
    if place.cell is not None:
        names = say(Sentence("Environ 4,5 km² à {communes}", communes=names), locale)
    return ShownPlace(place.id, names, _kept(place, locale))


def _kept(place: Place, locale: str) -> str:
    if place.expires_at is None:
        return say(Sentence("Gardé tant que vous ne l’oubliez pas."), locale)
    if place.kind is PlaceKind.NOW:
        return until_words(place.expires_at, now=now(), locale=locale)
    day = date_words(place.expires_at.date(), locale)
    return say(Sentence("Gardé jusqu’au {day}, et plus longtemps si vous revenez.", day=day), locale)


def _area() -> Area:
    """What may be kept of what the form says."""
    if "latitude" in request.form:
        return area_of_point(*rounded_position(request.form))
    return area_of_commune(request.form.get("commune", ""))


def _page(citizen: Citizen | None, *, said: Sentence | None = None, fault: Fault | None = None) -> str:
    places = [] if citizen is None else places_of(db.session(), citizen.id, now=now())
    return render_template(
        "settings/places.html",
        citizen=citizen,
        places=[show_place(place, page_locale()) for place in places],
        room=sum(place.kind is PlaceKind.LASTING for place in places) < MOST_LASTING,
        most=MOST_LASTING,
        communes=by_name(),
        consent=TEXTS[Purpose.LOCATION],
        said=said,
        fault=fault,
    )


def _back(*, said: str) -> Response:
    return make_response(redirect(url_for("settings.read_places", said=said, _anchor=LIST), 303))
