"""The addresses of merchants: the API, the counter and its forms. Lines of the matrix."""

from typing import Final

from tests.api.addresses_of_everybody import ASKING
from tests.api.doors import (
    CLAIMING,
    EVERYBODY,
    HERS,
    MERCHANTS_BY_FORM,
    MERCHANTS_OR_SENT_AWAY,
    MERCHANTS_THEMSELVES,
    OWNERS,
    OWNERS_BY_FORM,
    OWNERS_OR_SENT_AWAY,
    OWNERS_THEMSELVES,
    PUBLIC_OR_ABSENT,
    TEAM_OFFERING,
    TEAM_READING,
    Line,
    Side,
)
from tests.pictures import a_drawing, saved

DRAFT: Final = {"title": "Tarte au sucre", "ends_at": "2026-11-24T18:00:00+01:00"}
UNDO_OF_FIRST: Final = {"undo": "{declared_undo}"}
UNDO_BY_FORM: Final = {"annuler": "{declared_undo}"}
WEEKLY: Final = {"title": "Brioches", "weekdays": [3], "at": "08:00", "hours": 4}
RENAMED: Final = {"title": "Flans"}
NEXT: Final = {"day": "2026-11-26"}
FILLED_WEEKLY: Final = {
    "title": "Flans",
    "radius": "5000",
    "day_3": "1",
    "at": "08:00",
    "lasts": "tonight",
    "version": "1",
}
ASKED: Final = {"ends_at": "2026-11-24T18:00:00+01:00"}
CLAIM: Final = {
    "siret": "73282932000074",
    "name": "Chez Léon",
    "category": "bakery",
    "latitude": 50.53015,
    "longitude": 2.64035,
}
CLAIM_FORM: Final = {
    "number": "73282932000074",
    "name": "Chez Léon",
    "category": "bakery",
    "address": "12 rue de Lille",
    "commune": "62119",
    "wish": "claim",
}
A_DRAFT: Final = {"offer_id": "draft"}
A_WEEK: Final = {"version": "{shop_version}", "d0_0_from": "09:00", "d0_0_to": "12:30"}
WRITTEN: Final = {"title": "Pain", "until": "2026-11-30T20:00", "radius": "5000", "wish": "keep"}
CORRECTED: Final = WRITTEN | {"version": "2"}
SOLD_OUT: Final = {"offer_id": "sold_out"}
LATER: Final = {"starts_at": "2026-11-24T12:00:00Z"}
A_PICTURE: Final = saved(a_drawing(), "PNG")
OF_MERCHANTS: Final = (
    Line("GET /api/v1/merchant/shops", TEAM_READING),
    Line("POST /api/v1/merchant/shops", CLAIMING, 201, json=CLAIM),
    Line("GET /api/v1/merchant/shops/<uuid:shop_id>", TEAM_READING, there=HERS),
    Line("PATCH /api/v1/merchant/shops/<uuid:shop_id>", OWNERS, there=HERS, json={"street": "1 rue Sadi-Carnot"}),
    Line("GET /api/v1/merchant/shops/<uuid:shop_id>/poster.pdf", TEAM_READING, there=HERS, sides=PUBLIC_OR_ABSENT),
    Line("GET /api/v1/merchant/shops/<uuid:shop_id>/offers", TEAM_READING, there=HERS),
    Line("POST /api/v1/merchant/shops/<uuid:shop_id>/offers", TEAM_OFFERING, 201, HERS, json=DRAFT),
    Line("POST /api/v1/merchant/shops/<uuid:shop_id>/audience", TEAM_OFFERING, there=HERS, json=ASKED),
    Line("GET /api/v1/merchant/shops/<uuid:shop_id>/results", TEAM_READING, there=HERS),
    Line("GET /api/v1/merchant/shops/<uuid:shop_id>/team", MERCHANTS_THEMSELVES, there=HERS),
    Line("GET /api/v1/merchant/shops/<uuid:shop_id>/journal", OWNERS_THEMSELVES, there=HERS),
    Line("POST /api/v1/merchant/shops/<uuid:shop_id>/team", OWNERS_THEMSELVES, 201, HERS, json=ASKING),
    Line("DELETE /api/v1/merchant/shops/<uuid:shop_id>/team/<uuid:member_id>", OWNERS_THEMSELVES, 204, HERS),
    Line("GET /api/v1/merchant/keys", MERCHANTS_THEMSELVES),
    Line("POST /api/v1/merchant/keys", MERCHANTS_THEMSELVES, 201, json={"label": "Caisse", "scopes": ["read"]}),
    Line("DELETE /api/v1/merchant/keys/<uuid:key_id>", MERCHANTS_THEMSELVES, 204, HERS, personal=True),
    Line("POST /api/v1/merchant/redemptions", TEAM_OFFERING, 201, HERS, json={"code": "{till_code}"}),
    Line("GET /api/v1/merchant/offers/<uuid:offer_id>", TEAM_READING, there=HERS),
    Line("GET /api/v1/merchant/offers/<uuid:offer_id>/results", TEAM_READING, there=HERS),
    Line("PATCH /api/v1/merchant/offers/<uuid:offer_id>", TEAM_OFFERING, there=HERS, json={"title": "Autre"}),
    Line("DELETE /api/v1/merchant/offers/<uuid:offer_id>", TEAM_OFFERING, 204, HERS),
    Line("POST /api/v1/merchant/offers/<uuid:offer_id>/publish", TEAM_OFFERING, there=HERS, uses=A_DRAFT),
    Line("POST /api/v1/merchant/offers/<uuid:offer_id>/schedule", TEAM_OFFERING, there=HERS, uses=A_DRAFT, json=LATER),
    Line("POST /api/v1/merchant/offers/<uuid:offer_id>/withdraw", TEAM_OFFERING, there=HERS),
    Line(
        "POST /api/v1/merchant/offers/<uuid:offer_id>/declared-uses", TEAM_OFFERING, 201, HERS, sides=PUBLIC_OR_ABSENT
    ),
    Line(
        "POST /api/v1/merchant/offers/<uuid:offer_id>/declared-uses/undo",
        TEAM_OFFERING,
        there=HERS,
        json=UNDO_OF_FIRST,
        sides=(Side.FIRST, Side.ABSENT),
    ),
    Line("POST /api/v1/merchant/offers/<uuid:offer_id>/sold-out", TEAM_OFFERING, there=HERS),
    Line("POST /api/v1/merchant/offers/<uuid:offer_id>/sold-out/undo", TEAM_OFFERING, there=HERS, uses=SOLD_OUT),
    Line("GET /api/v1/merchant/shops/<uuid:shop_id>/recurring-offers", TEAM_READING, there=HERS),
    Line(
        "POST /api/v1/merchant/shops/<uuid:shop_id>/recurring-offers",
        TEAM_OFFERING,
        201,
        HERS,
        json=WEEKLY,
        sides=PUBLIC_OR_ABSENT,
    ),
    Line("GET /api/v1/merchant/recurring-offers/<uuid:recurring_id>", TEAM_READING, there=HERS),
    Line("PATCH /api/v1/merchant/recurring-offers/<uuid:recurring_id>", TEAM_OFFERING, there=HERS, json=RENAMED),
    Line("DELETE /api/v1/merchant/recurring-offers/<uuid:recurring_id>", TEAM_OFFERING, 204, HERS),
    Line("POST /api/v1/merchant/recurring-offers/<uuid:recurring_id>/skip", TEAM_OFFERING, there=HERS, json=NEXT),
    Line("POST /api/v1/merchant/recurring-offers/<uuid:recurring_id>/skip/undo", TEAM_OFFERING, there=HERS, json=NEXT),
    Line("GET /commerce/series/<uuid:recurring_id>/modifier", MERCHANTS_OR_SENT_AWAY, there=HERS),
    Line("POST /commerce/series/<uuid:recurring_id>/modifier", MERCHANTS_BY_FORM, 303, HERS, FILLED_WEEKLY),
    Line("POST /commerce/series/<uuid:recurring_id>/passer", MERCHANTS_BY_FORM, 303, HERS, NEXT),
    Line("POST /commerce/series/<uuid:recurring_id>/passer/annuler", MERCHANTS_BY_FORM, 303, HERS, NEXT),
    Line("GET /commerce/series/<uuid:recurring_id>/arreter", MERCHANTS_OR_SENT_AWAY, there=HERS),
    Line("POST /commerce/series/<uuid:recurring_id>/arreter", MERCHANTS_BY_FORM, 303, HERS, {}),
    Line("POST /api/v1/merchant/shops/<uuid:shop_id>/photos", TEAM_OFFERING, 201, HERS, A_PICTURE),
    Line("POST /api/v1/merchant/proposals/addresses", CLAIMING, json={"words": "12 rue de Lille Béthune"}),
    Line("POST /api/v1/merchant/proposals/company", CLAIMING, json={"siret": "73282932000074"}),
    Line("GET /commerce", MERCHANTS_OR_SENT_AWAY),
    Line("GET /commerce/nouveau", EVERYBODY),
    Line("POST /commerce/nouveau", MERCHANTS_BY_FORM, 303, form=CLAIM_FORM),
    Line("GET /commerce/<uuid:shop_id>", MERCHANTS_OR_SENT_AWAY, there=HERS),
    Line("GET /commerce/<uuid:shop_id>/horaires", OWNERS_OR_SENT_AWAY, there=HERS),
    Line("POST /commerce/<uuid:shop_id>/horaires", OWNERS_BY_FORM, 303, HERS, A_WEEK),
    Line("GET /commerce/<uuid:shop_id>/equipe", MERCHANTS_OR_SENT_AWAY, there=HERS),
    Line("POST /commerce/<uuid:shop_id>/equipe", OWNERS_BY_FORM, 303, HERS, {"email": ASKING["email"]}),
    Line("GET /commerce/<uuid:shop_id>/equipe/<uuid:member_id>/role", OWNERS_OR_SENT_AWAY, there=HERS),
    Line("POST /commerce/<uuid:shop_id>/equipe/<uuid:member_id>/role", OWNERS_BY_FORM, 303, HERS, {"role": "owner"}),
    Line("GET /commerce/<uuid:shop_id>/equipe/<uuid:member_id>/retirer", OWNERS_OR_SENT_AWAY, there=HERS),
    Line("POST /commerce/<uuid:shop_id>/equipe/<uuid:member_id>/retirer", OWNERS_BY_FORM, 303, HERS, {}),
    Line("GET /commerce/<uuid:shop_id>/journal", OWNERS_OR_SENT_AWAY, there=HERS),
    Line("GET /commerce/cles", MERCHANTS_OR_SENT_AWAY),
    Line("POST /commerce/cles", MERCHANTS_BY_FORM, form={"label": "Caisse", "scopes": "read"}),
    Line("GET /commerce/cles/<uuid:key_id>/revoquer", MERCHANTS_OR_SENT_AWAY, there=HERS, personal=True),
    Line("POST /commerce/cles/<uuid:key_id>/revoquer", MERCHANTS_BY_FORM, 303, HERS, {}, personal=True),
    Line("GET /commerce/<uuid:shop_id>/annonce", MERCHANTS_OR_SENT_AWAY, there=HERS),
    Line("POST /commerce/<uuid:shop_id>/annonce", MERCHANTS_BY_FORM, 303, HERS, WRITTEN),
    Line("POST /commerce/<uuid:shop_id>/photo", OWNERS_BY_FORM, 303, HERS, {"photo": A_PICTURE}),
    Line("POST /commerce/<uuid:shop_id>/photo/retirer", OWNERS_BY_FORM, 303, HERS, {}),
    Line("POST /commerce/<uuid:shop_id>/photo/remettre", OWNERS_BY_FORM, 303, HERS, {"photo": "{photo_id}"}),
    Line("POST /commerce/offres/<uuid:offer_id>/utilise", MERCHANTS_BY_FORM, 303, HERS, {}, PUBLIC_OR_ABSENT),
    Line(
        "POST /commerce/offres/<uuid:offer_id>/utilise/annuler",
        MERCHANTS_BY_FORM,
        303,
        HERS,
        UNDO_BY_FORM,
        (Side.FIRST, Side.ABSENT),
    ),
    Line("POST /commerce/offres/<uuid:offer_id>/parti", MERCHANTS_BY_FORM, 303, HERS, {}),
    Line("POST /commerce/offres/<uuid:offer_id>/parti/annuler", MERCHANTS_BY_FORM, 303, HERS, {}, uses=SOLD_OUT),
    Line("GET /commerce/offres/<uuid:offer_id>/corriger", MERCHANTS_OR_SENT_AWAY, there=HERS, sides=PUBLIC_OR_ABSENT),
    Line(
        "POST /commerce/offres/<uuid:offer_id>/corriger",
        MERCHANTS_BY_FORM,
        303,
        HERS,
        CORRECTED,
        sides=PUBLIC_OR_ABSENT,
    ),
    Line("GET /commerce/offres/<uuid:offer_id>/retirer", MERCHANTS_OR_SENT_AWAY, there=HERS),
    Line("POST /commerce/offres/<uuid:offer_id>/retirer", MERCHANTS_BY_FORM, 303, HERS, {}),
    Line("GET /commerce/offres/<uuid:offer_id>/resultats", MERCHANTS_OR_SENT_AWAY, there=HERS),
    Line("GET /commerce/offres/<uuid:offer_id>/resultats.csv", MERCHANTS_OR_SENT_AWAY, there=HERS),
    Line("GET /commerce/<uuid:shop_id>/resultats", MERCHANTS_OR_SENT_AWAY, there=HERS),
    Line("GET /commerce/<uuid:shop_id>/resultats.csv", MERCHANTS_OR_SENT_AWAY, there=HERS),
)
