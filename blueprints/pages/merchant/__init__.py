"""The pages of merchants who are signed in: behind the counter, on a phone, and before a printer.

Each form acts only when one of our own pages sent it, and nothing of these pages is kept by any cache.
"""

from typing import Final

from flask import Blueprint, Response

from blueprints import conditions
from blueprints.pages.merchant import (
    acts,
    appealing,
    claiming,
    correcting,
    journal,
    keys,
    month,
    opening_hours,
    photo,
    poster,
    posting,
    proving,
    recurring,
    results,
    shops,
    team,
    till,
)

blueprint: Final = Blueprint("merchant", __name__, template_folder="../templates")
blueprint.add_url_rule("/commerce", view_func=shops.read_shops)
blueprint.add_url_rule("/commerce/nouveau", view_func=claiming.read_claim)
blueprint.add_url_rule("/commerce/nouveau", view_func=claiming.claim, methods=["POST"])
blueprint.add_url_rule("/commerce/<uuid:shop_id>", view_func=shops.read_shop)
blueprint.add_url_rule("/commerce/<uuid:shop_id>/annonce", view_func=posting.read_form)
blueprint.add_url_rule("/commerce/<uuid:shop_id>/annonce", view_func=posting.post, methods=["POST"])
blueprint.add_url_rule("/commerce/<uuid:shop_id>/code", view_func=proving.enter, methods=["POST"])
blueprint.add_url_rule("/commerce/<uuid:shop_id>/photo", view_func=photo.show_photo, methods=["POST"])
blueprint.add_url_rule("/commerce/<uuid:shop_id>/photo/retirer", view_func=photo.take_down, methods=["POST"])
blueprint.add_url_rule("/commerce/<uuid:shop_id>/photo/remettre", view_func=photo.put_back, methods=["POST"])
blueprint.add_url_rule("/commerce/offres/<uuid:offer_id>/parti", view_func=acts.sell_out, methods=["POST"])
blueprint.add_url_rule("/commerce/offres/<uuid:offer_id>/parti/annuler", view_func=acts.undo, methods=["POST"])
blueprint.add_url_rule("/commerce/offres/<uuid:offer_id>/corriger", view_func=correcting.read_correction)
blueprint.add_url_rule("/commerce/offres/<uuid:offer_id>/corriger", view_func=correcting.correct, methods=["POST"])
blueprint.add_url_rule("/commerce/offres/<uuid:offer_id>/retirer", view_func=acts.read_withdrawing)
blueprint.add_url_rule("/commerce/offres/<uuid:offer_id>/retirer", view_func=acts.take_away, methods=["POST"])
blueprint.add_url_rule("/commerce/offres/<uuid:offer_id>/contester", view_func=appealing.read_appeal)
blueprint.add_url_rule("/commerce/offres/<uuid:offer_id>/contester", view_func=appealing.send_appeal, methods=["POST"])
DECLARED: Final = "/commerce/offres/<uuid:offer_id>/utilise"
blueprint.add_url_rule(DECLARED, view_func=acts.declare, methods=["POST"])
blueprint.add_url_rule(f"{DECLARED}/annuler", view_func=acts.take_declared_back, methods=["POST"])
AGAIN: Final = "/commerce/series/<uuid:recurring_id>"
blueprint.add_url_rule(f"{AGAIN}/modifier", view_func=recurring.read_recurring_form)
blueprint.add_url_rule(f"{AGAIN}/modifier", view_func=recurring.change, methods=["POST"])
blueprint.add_url_rule(f"{AGAIN}/passer", view_func=recurring.skip, methods=["POST"])
blueprint.add_url_rule(f"{AGAIN}/passer/annuler", view_func=recurring.take_skip_back, methods=["POST"])
blueprint.add_url_rule(f"{AGAIN}/arreter", view_func=recurring.read_stopping)
blueprint.add_url_rule(f"{AGAIN}/arreter", view_func=recurring.stop, methods=["POST"])
blueprint.add_url_rule("/commerce/<uuid:shop_id>/resultats", view_func=month.read_month_results)
blueprint.add_url_rule("/commerce/<uuid:shop_id>/resultats.csv", view_func=month.read_month_file)
blueprint.add_url_rule("/commerce/offres/<uuid:offer_id>/resultats", view_func=results.read_offer_results)
blueprint.add_url_rule("/commerce/offres/<uuid:offer_id>/resultats.csv", view_func=results.read_offer_file)
blueprint.add_url_rule("/commerce/<uuid:shop_id>/horaires", view_func=opening_hours.read_hours)
blueprint.add_url_rule("/commerce/<uuid:shop_id>/horaires", view_func=opening_hours.keep_hours, methods=["POST"])
blueprint.add_url_rule("/commerce/<uuid:shop_id>/equipe", view_func=team.read_team)
blueprint.add_url_rule("/commerce/<uuid:shop_id>/equipe", view_func=team.invite, methods=["POST"])
blueprint.add_url_rule("/commerce/<uuid:shop_id>/equipe/<uuid:member_id>/role", view_func=team.read_role)
blueprint.add_url_rule(
    "/commerce/<uuid:shop_id>/equipe/<uuid:member_id>/role", view_func=team.change_role, methods=["POST"]
)
blueprint.add_url_rule("/commerce/<uuid:shop_id>/equipe/<uuid:member_id>/retirer", view_func=team.read_leaving)
blueprint.add_url_rule(
    "/commerce/<uuid:shop_id>/equipe/<uuid:member_id>/retirer", view_func=team.leave, methods=["POST"]
)
blueprint.add_url_rule("/commerce/<uuid:shop_id>/journal", view_func=journal.read_journal)
blueprint.add_url_rule("/commerce/cles", view_func=keys.read_keys)
blueprint.add_url_rule("/commerce/cles", view_func=keys.make_key, methods=["POST"])
blueprint.add_url_rule("/commerce/cles/<uuid:key_id>/revoquer", view_func=keys.read_revoking)
blueprint.add_url_rule("/commerce/cles/<uuid:key_id>/revoquer", view_func=keys.revoke, methods=["POST"])
blueprint.add_url_rule("/commerce/caisse", view_func=till.read_till)
blueprint.add_url_rule("/commerce/caisse", view_func=till.use_code, methods=["POST"])
blueprint.add_url_rule("/commerce/<uuid:shop_id>/affiche", view_func=poster.read_poster)
blueprint.add_url_rule("/commerce/<uuid:shop_id>/affiche.svg", view_func=poster.read_picture)
blueprint.add_url_rule("/commerce/<uuid:shop_id>/vitrine.svg", view_func=poster.read_sticker)


@blueprint.after_request
def keep_nothing(response: Response) -> Response:
    """Neither a browser's history nor a cache on the way keeps what is shown."""
    response.headers["Cache-Control"] = conditions.NEVER
    return response
