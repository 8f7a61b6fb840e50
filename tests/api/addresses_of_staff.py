"""The addresses of staff: the API and the console. Lines of the matrix."""

from typing import Final

from tests.api.doors import (
    ADMINISTERING,
    ADMINISTRATORS_BY_FORM,
    ADMINISTRATORS_OR_SENT_AWAY,
    CLAIMING,
    CONSOLE_OR_SENT_AWAY,
    EVERYBODY,
    EXISTING,
    HERS,
    MERCHANTS_BY_FORM,
    MERCHANTS_OR_SENT_AWAY,
    MODERATING,
    MODERATORS_BY_FORM,
    OWNERS,
    OWNERS_BY_FORM,
    PUBLISHED,
    WATCHING,
    Line,
)

CLAIMED: Final = {"shop_id": "claimed_shop"}
SUSPENDED: Final = {"shop_id": "suspended_shop"}
LISTED: Final = {"shop_id": "listed_shop"}
CLOSED: Final = {"shop_id": "closed_shop"}
WHY: Final = {"reason": "Parce que"}
A_COST: Final = {
    "first": "2026-11-01",
    "last": "2026-11-30",
    "amount": {"amount": "900.00", "currency": "EUR"},
    "source": "Délibération du 3 novembre",
}
A_TARGET: Final = {"measure": "active-merchants", "since": "2026-W50", "value": 40, "reason": "Assez"}
VISIT: Final = {"proof": "visit", "visit": {"date": "2026-11-24", "seen_by": "Karima"}}
READ: Final = {"claim": "{claim_id}"}
SURE: Final = {"confirm": "yes", **WHY}
SEEN: Final = {"proof": "visit", "date": "2026-11-24", "seen_by": "Karima", "confirm": "yes"}
ANSWER: Final = {"words": "C’était le bon prix."}
AT_SHOP: Final = "/console/commerces/<uuid:shop_id>"
AT_REPORT: Final = "/console/signalements/<uuid:report_id>"
AT_MEMBER: Final = "/console/equipe/<uuid:member_id>"
APPEALED: Final = {"report_id": "appealed_report"}
WITHHELD: Final = {"offer_id": "withheld_offer"}
OF_THE_STAFF: Final = {"member_id": "colleague"}
OF_STAFF: Final = (
    Line(
        "POST /api/v1/merchant/shops/<uuid:shop_id>/claim",
        CLAIMING,
        201,
        EXISTING,
        uses=LISTED,
        json={"siret": "73282932000074"},
    ),
    Line("POST /api/v1/merchant/shops/<uuid:shop_id>/prove", OWNERS, there=HERS, uses=CLAIMED, json={"code": "K7QF"}),
    Line("POST /commerce/<uuid:shop_id>/code", OWNERS_BY_FORM, 303, HERS, {"code": "K7QF"}, uses=CLAIMED),
    Line("GET /console", CONSOLE_OR_SENT_AWAY),
    Line("GET /console/cle", CONSOLE_OR_SENT_AWAY, 303),
    Line("GET /console/mesures", CONSOLE_OR_SENT_AWAY),
    Line("GET /console/mesures/de/<key>", CONSOLE_OR_SENT_AWAY, there=PUBLISHED, uses={"key": "measure"}),
    Line("GET /console/mesures/de/<key>/courbe.svg", CONSOLE_OR_SENT_AWAY, there=PUBLISHED, uses={"key": "measure"}),
    Line("GET /console/mesures/secteurs", CONSOLE_OR_SENT_AWAY),
    Line("GET /console/mesures/secteurs/carte.svg", CONSOLE_OR_SENT_AWAY),
    Line("GET /console/mesures/comparer", CONSOLE_OR_SENT_AWAY),
    Line("GET /console/mesures/objectifs", CONSOLE_OR_SENT_AWAY),
    Line("POST /console/mesures/objectifs", MODERATORS_BY_FORM, 303, form={**A_TARGET, "value": "40"}),
    Line(
        "POST /console/mesures/objectifs/<uuid:target_id>/approuver",
        ADMINISTRATORS_BY_FORM,
        303,
        there=EXISTING,
        form={"confirm": "yes"},
    ),
    Line("GET /console/mesures/depenses", CONSOLE_OR_SENT_AWAY),
    Line("POST /console/mesures/depenses", ADMINISTRATORS_BY_FORM, 303, form={**A_COST, "amount": "900,00"}),
    Line("GET /console/mesures/rapports/<period>", CONSOLE_OR_SENT_AWAY, there=PUBLISHED),
    Line("GET /console/mesures/rapports/<period>/rapport.pdf", CONSOLE_OR_SENT_AWAY, there=PUBLISHED),
    Line("GET /console/mesures/rapports/<period>/entites.jsonld", CONSOLE_OR_SENT_AWAY, there=PUBLISHED),
    Line("GET /console/mesures/envois", CONSOLE_OR_SENT_AWAY),
    Line(
        "POST /console/mesures/envois/<period>/renvoyer",
        ADMINISTRATORS_BY_FORM,
        303,
        there=PUBLISHED,
        form={"confirm": "yes"},
    ),
    Line("GET /console/commerces", CONSOLE_OR_SENT_AWAY),
    Line(f"GET {AT_SHOP}", CONSOLE_OR_SENT_AWAY, there=EXISTING),
    Line(f"POST {AT_SHOP}/verifier", MODERATORS_BY_FORM, 303, EXISTING, {**SEEN, **READ}, uses=CLAIMED),
    Line(f"POST {AT_SHOP}/refuser", MODERATORS_BY_FORM, 303, EXISTING, {**SURE, **READ}, uses=CLAIMED),
    Line(f"POST {AT_SHOP}/lettre", MODERATORS_BY_FORM, 200, EXISTING, READ, uses=CLAIMED),
    Line(f"POST {AT_SHOP}/suspendre", MODERATORS_BY_FORM, 303, EXISTING, WHY),
    Line(f"POST {AT_SHOP}/retablir", MODERATORS_BY_FORM, 303, EXISTING, WHY, uses=SUSPENDED),
    Line(f"POST {AT_SHOP}/arreter", MODERATORS_BY_FORM, 303, EXISTING, WHY),
    Line(f"POST {AT_SHOP}/reprendre", MODERATORS_BY_FORM, 303, EXISTING, WHY, uses={"shop_id": "stopped_shop"}),
    Line("GET /console/signalements", CONSOLE_OR_SENT_AWAY),
    Line(f"GET {AT_REPORT}", CONSOLE_OR_SENT_AWAY, there=EXISTING),
    Line(f"POST {AT_REPORT}/retenir", MODERATORS_BY_FORM, 303, EXISTING, SURE),
    Line(f"POST {AT_REPORT}/ecarter", MODERATORS_BY_FORM, 303, EXISTING, WHY),
    Line(f"POST {AT_REPORT}/recours/accepter", MODERATORS_BY_FORM, 303, EXISTING, WHY, uses=APPEALED),
    Line(f"POST {AT_REPORT}/recours/refuser", MODERATORS_BY_FORM, 303, EXISTING, WHY, uses=APPEALED),
    Line("GET /console/envois", CONSOLE_OR_SENT_AWAY),
    Line("POST /console/envois", ADMINISTRATORS_BY_FORM, 303, form={"act": "stop", "word": "tout", **WHY}),
    Line("POST /console/envois/regle", ADMINISTRATORS_BY_FORM, 303, form={"slug": "", "most": "2", **WHY}),
    Line("GET /console/journal", CONSOLE_OR_SENT_AWAY),
    Line("GET /console/equipe", ADMINISTRATORS_OR_SENT_AWAY),
    Line("POST /console/equipe", ADMINISTRATORS_BY_FORM, 303, form={"email": "lou@cluster.example", "role": "watch"}),
    Line(f"POST {AT_MEMBER}/role", ADMINISTRATORS_BY_FORM, 303, EXISTING, {"role": "moderate"}, uses=OF_THE_STAFF),
    Line(f"GET {AT_MEMBER}/retirer", ADMINISTRATORS_OR_SENT_AWAY, there=EXISTING, uses=OF_THE_STAFF),
    Line(f"POST {AT_MEMBER}/retirer", ADMINISTRATORS_BY_FORM, 303, EXISTING, {"confirm": "yes"}, uses=OF_THE_STAFF),
    Line("GET /commerce/offres/<uuid:offer_id>/contester", MERCHANTS_OR_SENT_AWAY, there=HERS, uses=WITHHELD),
    Line("POST /commerce/offres/<uuid:offer_id>/contester", MERCHANTS_BY_FORM, 303, HERS, ANSWER, uses=WITHHELD),
    Line("GET /api/v1/staff/shops", WATCHING),
    Line("GET /api/v1/staff/shops/<uuid:shop_id>", WATCHING, there=EXISTING),
    Line("POST /api/v1/staff/shops/<uuid:shop_id>/verify", MODERATING, there=EXISTING, uses=CLAIMED, json=VISIT),
    Line("POST /api/v1/staff/shops/<uuid:shop_id>/refuse", MODERATING, there=EXISTING, uses=CLAIMED, json=WHY),
    Line("POST /api/v1/staff/shops/<uuid:shop_id>/code", MODERATING, 201, EXISTING, uses=CLAIMED),
    Line("POST /api/v1/staff/shops/<uuid:shop_id>/suspend", MODERATING, there=EXISTING, json=WHY),
    Line("POST /api/v1/staff/shops/<uuid:shop_id>/reinstate", MODERATING, there=EXISTING, uses=SUSPENDED, json=WHY),
    Line("POST /api/v1/staff/shops/<uuid:shop_id>/close", MODERATING, there=EXISTING, uses=LISTED, json=WHY),
    Line("POST /api/v1/staff/shops/<uuid:shop_id>/reopen", MODERATING, there=EXISTING, uses=CLOSED, json=WHY),
    Line("GET /api/v1/staff/reports", WATCHING),
    Line("POST /api/v1/staff/reports/<uuid:report_id>/uphold", MODERATING, there=EXISTING, json=WHY),
    Line("POST /api/v1/staff/reports/<uuid:report_id>/dismiss", MODERATING, there=EXISTING, json=WHY),
    Line("GET /api/v1/pilot/reports", EVERYBODY),
    Line("POST /api/v1/pilot/reports/<period>/send", ADMINISTERING, there=PUBLISHED),
    Line("GET /api/v1/staff/pilot/targets", WATCHING),
    Line("POST /api/v1/staff/pilot/targets", MODERATING, 201, json=A_TARGET),
    Line("POST /api/v1/staff/pilot/targets/<uuid:target_id>/approve", ADMINISTERING, there=EXISTING),
    Line("GET /api/v1/staff/pilot/costs", WATCHING),
    Line("POST /api/v1/staff/pilot/costs", ADMINISTERING, 201, json=A_COST),
    Line("GET /api/v1/staff/sending", WATCHING),
    Line("POST /api/v1/staff/sending/stop", MODERATING, json={"shop_id": "{shop_id}", **WHY}),
    Line("POST /api/v1/staff/sending/resume", MODERATING, json={"shop_id": "{stopped_shop}", **WHY}),
    Line("GET /api/v1/staff/sending/rules", WATCHING),
    Line(
        "PUT /api/v1/staff/sending/rules",
        ADMINISTERING,
        json={"shop_id": "{shop_id}", "announcements_a_day": 2, **WHY},
    ),
    Line("GET /api/v1/staff/audit", ADMINISTERING),
    Line("GET /api/v1/staff/demand", WATCHING),
    Line("GET /api/v1/staff/demand/<uuid:awaited_id>/letter", WATCHING, there=EXISTING),
)
