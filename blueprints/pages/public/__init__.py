"""Pages for everybody: those a public service owes, and a commune's, for those without a smartphone too.

Nothing on them depends on who reads, but for her language: anybody on the way may keep them for a while.
"""

from typing import Final

from flask import Blueprint, Flask

from blueprints.pages.public import commune, legal, pilot, screen

blueprint: Final = Blueprint("public", __name__, template_folder="../templates")
blueprint.add_url_rule("/accessibilite", view_func=legal.read_accessibility)
blueprint.add_url_rule("/mentions-legales", view_func=legal.read_legal_notice)
blueprint.add_url_rule("/confidentialite", view_func=legal.read_privacy)
blueprint.add_url_rule("/credits", view_func=legal.read_credits)
blueprint.add_url_rule("/c/<insee_code>", view_func=commune.read_commune)
blueprint.add_url_rule("/c/<insee_code>/semaine.pdf", view_func=commune.read_sheet)
blueprint.add_url_rule("/c/<insee_code>/ecran", view_func=screen.read_screen)
blueprint.add_url_rule("/pilote", view_func=pilot.read_latest)
blueprint.add_url_rule("/pilote/rapports.atom", view_func=pilot.read_atom)
blueprint.add_url_rule("/pilote/<period>", view_func=pilot.read_report)
blueprint.add_url_rule("/pilote/<period>/chiffres.csv", view_func=pilot.read_csv)
blueprint.add_url_rule("/pilote/<period>/chiffres.json", view_func=pilot.read_json)


def init_app(app: Flask) -> None:
    """Answer the pages, and let the foot of every page say how accessible the service is."""
    app.jinja_env.globals["conformity_words"] = legal.conformity_words
    app.register_blueprint(blueprint)
