"""What staff print, and their console: pages for those of the cluster who came in by a passkey.

`console_page` and `console_form` (`asking.py`) guard each page by role; its template extends `staff/frame.html`,
and `sections` is the way between pages. Nothing of the console is kept by any cache.
"""

from typing import Final

from flask import Blueprint, Response

from blueprints import conditions
from blueprints.pages.staff import (
    aiming,
    comparing,
    deciding,
    entering,
    journal,
    letters,
    mapping,
    measuring,
    reporting,
    reports,
    sections,
    sending,
    shops,
    spending,
    team,
    today,
)

blueprint: Final = Blueprint("staff", __name__, template_folder="../templates")
blueprint.add_url_rule("/s/<slug>/claim.svg", view_func=letters.read_claim_mark)

console: Final = Blueprint("console", __name__, template_folder="../templates")
console.add_url_rule("/console", view_func=today.read_today)
console.add_url_rule("/console/cle", view_func=entering.read_key)
console.add_url_rule("/console/mesures", view_func=measuring.read_measures)
console.add_url_rule("/console/mesures/de/<key>", view_func=measuring.read_measure)
console.add_url_rule("/console/mesures/de/<key>/courbe.svg", view_func=measuring.read_curve)
console.add_url_rule("/console/mesures/secteurs", view_func=mapping.read_map)
console.add_url_rule("/console/mesures/secteurs/carte.svg", view_func=mapping.read_map_picture)
console.add_url_rule("/console/mesures/comparer", view_func=comparing.read_comparison)
console.add_url_rule("/console/mesures/objectifs", view_func=aiming.read_targets)
console.add_url_rule("/console/mesures/objectifs", view_func=aiming.propose, methods=["POST"])
console.add_url_rule(
    "/console/mesures/objectifs/<uuid:target_id>/approuver", view_func=aiming.approve, methods=["POST"]
)
console.add_url_rule("/console/mesures/depenses", view_func=spending.read_costs)
console.add_url_rule("/console/mesures/depenses", view_func=spending.enter, methods=["POST"])
console.add_url_rule("/console/mesures/rapports/<period>", view_func=reporting.read_printed)
console.add_url_rule("/console/mesures/rapports/<period>/rapport.pdf", view_func=reporting.read_pdf)
console.add_url_rule("/console/mesures/rapports/<period>/entites.jsonld", view_func=reporting.read_entities)
console.add_url_rule("/console/mesures/envois", view_func=reporting.read_deliveries)
console.add_url_rule("/console/mesures/envois/<period>/renvoyer", view_func=reporting.send_once_more, methods=["POST"])
console.add_url_rule("/console/commerces", view_func=shops.read_shops)
SHOP: Final = "/console/commerces/<uuid:shop_id>"
console.add_url_rule(SHOP, view_func=shops.read_shop)
console.add_url_rule(f"{SHOP}/verifier", view_func=deciding.verify, methods=["POST"])
console.add_url_rule(f"{SHOP}/refuser", view_func=deciding.refuse, methods=["POST"])
console.add_url_rule(f"{SHOP}/lettre", view_func=deciding.print_code, methods=["POST"])
console.add_url_rule(f"{SHOP}/suspendre", view_func=deciding.suspend, methods=["POST"])
console.add_url_rule(f"{SHOP}/retablir", view_func=deciding.reinstate, methods=["POST"])
console.add_url_rule(f"{SHOP}/arreter", view_func=deciding.stop, methods=["POST"])
console.add_url_rule(f"{SHOP}/reprendre", view_func=deciding.resume, methods=["POST"])
console.add_url_rule("/console/signalements", view_func=reports.read_reports)
REPORT: Final = "/console/signalements/<uuid:report_id>"
console.add_url_rule(REPORT, view_func=reports.read_report)
console.add_url_rule(f"{REPORT}/retenir", view_func=reports.uphold_report, methods=["POST"])
console.add_url_rule(f"{REPORT}/ecarter", view_func=reports.dismiss_report, methods=["POST"])
console.add_url_rule(f"{REPORT}/recours/accepter", view_func=reports.grant_appeal, methods=["POST"])
console.add_url_rule(f"{REPORT}/recours/refuser", view_func=reports.dismiss_appeal, methods=["POST"])
console.add_url_rule("/console/envois", view_func=sending.read_sending)
console.add_url_rule("/console/envois", view_func=sending.hold_or_resume, methods=["POST"])
console.add_url_rule("/console/envois/regle", view_func=sending.set_rule, methods=["POST"])
console.add_url_rule("/console/journal", view_func=journal.read_acts)
console.add_url_rule("/console/equipe", view_func=team.read_team)
console.add_url_rule("/console/equipe", view_func=team.invite, methods=["POST"])
MEMBER: Final = "/console/equipe/<uuid:member_id>"
console.add_url_rule(f"{MEMBER}/role", view_func=team.change_role, methods=["POST"])
console.add_url_rule(f"{MEMBER}/retirer", view_func=team.read_leaving)
console.add_url_rule(f"{MEMBER}/retirer", view_func=team.let_go, methods=["POST"])
console.add_app_template_global(sections.sections, "console_sections")
console.add_app_template_global(sections.is_invented, "console_is_invented")
console.add_app_template_global(sections.may, "console_may")


@console.after_request
def keep_nothing(response: Response) -> Response:
    """Neither a browser's history nor a cache on the way keeps what is shown."""
    response.headers["Cache-Control"] = conditions.NEVER
    return response
