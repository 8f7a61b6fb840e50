"""The pages of those who sign in, merchants and staff: the way in, the sessions and the passkeys of their account.

Each form acts only when one of our own pages sent it, and nothing of these pages is kept by any cache.
"""

from typing import Final

from flask import Blueprint, Response

from blueprints import conditions
from blueprints.pages.account import letters, passkeys, sessions, way_in

blueprint: Final = Blueprint("account", __name__, template_folder="../templates")
blueprint.add_url_rule("/connexion", view_func=way_in.read_form)
blueprint.add_url_rule("/connexion", view_func=way_in.ask, methods=["POST"])
blueprint.add_url_rule("/connexion/nouveau", view_func=way_in.begin, methods=["POST"])
blueprint.add_url_rule("/connexion/code/<uuid:request_id>", view_func=way_in.read_code)
blueprint.add_url_rule("/connexion/code/<uuid:request_id>", view_func=way_in.try_code, methods=["POST"])
blueprint.add_url_rule("/connexion/lien/<token>", view_func=way_in.read_link)
blueprint.add_url_rule("/connexion/lien/<token>", view_func=way_in.follow_link, methods=["POST"])
blueprint.add_url_rule("/connexion/cle", view_func=passkeys.read_offer)
blueprint.add_url_rule("/compte/cles/<uuid:passkey_id>/retirer", view_func=passkeys.ask_removal)
blueprint.add_url_rule(
    "/compte/cles/<uuid:passkey_id>/retirer", "remove_passkey", view_func=passkeys.remove, methods=["POST"]
)
blueprint.add_url_rule("/compte", view_func=sessions.read_account)
blueprint.add_url_rule("/compte/courriels", view_func=letters.choose, methods=["POST"])
blueprint.add_url_rule("/compte/sessions/<uuid:session_id>/fermer", view_func=sessions.end, methods=["POST"])
blueprint.add_url_rule("/compte/deconnexion", view_func=sessions.sign_out, methods=["POST"])


@blueprint.after_request
def keep_nothing(response: Response) -> Response:
    """Neither a browser's history nor a cache on the way keeps what is shown."""
    response.headers["Cache-Control"] = conditions.NEVER
    return response
