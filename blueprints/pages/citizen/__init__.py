"""The citizen's app: the welcome, her shops, what is around, the search, a shop, an offer."""

from typing import Final

from flask import Blueprint, Response

from blueprints.pages.citizen import around, kept, mine, offer, report, search, shop, welcome

PRIVATE: Final = "private, no-cache"
"""A page says what this citizen follows: no shared cache keeps it, and her own asks again."""

blueprint: Final = Blueprint("citizen", __name__, template_folder="../templates")
blueprint.add_url_rule("/", view_func=welcome.read_welcome)
blueprint.add_url_rule("/mes-commerces", view_func=mine.read_mine)
blueprint.add_url_rule("/mes-commerces/<slug>/level", view_func=mine.set_level, methods=["POST"])
blueprint.add_url_rule("/mes-commerces/<slug>/leave", view_func=mine.leave_shop, methods=["POST"])
blueprint.add_url_rule("/mes-commerces/<slug>/take-back", view_func=mine.take_shop_back, methods=["POST"])
blueprint.add_url_rule("/chercher", view_func=search.read_search)
blueprint.add_url_rule("/s/<slug>", view_func=shop.read_shop)
blueprint.add_url_rule("/s/<slug>/follow", view_func=shop.follow_shop, methods=["POST"])
blueprint.add_url_rule("/s/<slug>/unfollow", view_func=shop.unfollow_shop, methods=["POST"])
blueprint.add_url_rule("/autour", view_func=around.read_around)
blueprint.add_url_rule("/autour", view_func=around.read_around_her, methods=["POST"])
blueprint.add_url_rule("/autour/maintenant", view_func=around.tell_her_now, methods=["POST"])
# Whoever asks for the answer again, or in the other language, is where she may ask anew.
blueprint.add_url_rule("/autour/maintenant", "read_around_after_telling", around.read_around)
blueprint.add_url_rule("/o/<uuid:offer_id>", view_func=offer.read_offer)
blueprint.add_url_rule("/o/<uuid:offer_id>/code", view_func=offer.take_till_code, methods=["POST"])
blueprint.add_url_rule("/o/<uuid:offer_id>/signaler", view_func=report.read_report)
blueprint.add_url_rule("/o/<uuid:offer_id>/signaler", view_func=report.send_report, methods=["POST"])
blueprint.add_url_rule("/hors-ligne", view_func=kept.read_without_network)


@blueprint.after_request
def keep_private(response: Response) -> Response:
    """What is shown depends on who asks and in which language; a problem has already said that nobody keeps it."""
    response.headers.setdefault("Cache-Control", PRIVATE)
    response.vary.update(("Accept-Language", "Cookie"))
    kept.tell_worker(response)
    return response
