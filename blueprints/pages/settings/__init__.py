"""« Réglages »: how she is told, why she was, her places, what is kept of her, and her phones; all of it by forms."""

from typing import Final

from flask import Blueprint, Response

from blueprints import conditions
from blueprints.pages.settings import answers, by_mail, history, kept, phone, places, wishes

blueprint: Final = Blueprint("settings", __name__, template_folder="../templates")
blueprint.add_app_template_global(answers.described)
blueprint.add_url_rule("/reglages", view_func=wishes.read_settings)
blueprint.add_url_rule("/reglages", view_func=wishes.save_settings, methods=["POST"])
blueprint.add_url_rule("/reglages/pourquoi", view_func=history.read_history)
blueprint.add_url_rule("/reglages/lieux", view_func=places.read_places)
blueprint.add_url_rule("/reglages/lieux", view_func=places.choose_place, methods=["POST"])
blueprint.add_url_rule("/reglages/lieux/<uuid:place_id>/forget", view_func=places.forget_place, methods=["POST"])
blueprint.add_url_rule("/reglages/courriel", view_func=by_mail.read_by_mail)
blueprint.add_url_rule("/reglages/courriel", view_func=by_mail.ask, methods=["POST"])
blueprint.add_url_rule("/reglages/courriel/stop", view_func=by_mail.stop, methods=["POST"])
blueprint.add_url_rule("/reglages/donnees", view_func=kept.read_kept)
blueprint.add_url_rule("/reglages/donnees/withdraw", view_func=kept.withdraw, methods=["POST"])
blueprint.add_url_rule("/reglages/donnees/citylife.json", view_func=kept.export)
blueprint.add_url_rule("/reglages/donnees/effacer", view_func=kept.read_erasing)
blueprint.add_url_rule("/reglages/donnees/effacer", view_func=kept.erase, methods=["POST"])
blueprint.add_url_rule("/reglages/recu/<uuid:receipt_id>", view_func=kept.read_receipt)
blueprint.add_url_rule("/reglages/telephone", view_func=phone.read_phone)
blueprint.add_url_rule("/reglages/telephone", view_func=phone.enter_code, methods=["POST"])
blueprint.add_url_rule("/reglages/telephone/code", view_func=phone.show_code, methods=["POST"])
blueprint.add_url_rule("/reglages/telephone/secours", view_func=phone.print_recovery, methods=["POST"])
blueprint.add_url_rule("/reglages/telephone/secours/revoke", view_func=phone.revoke_recovery, methods=["POST"])
# A code is shown once: whoever asks for its page again, or in the other language, is where codes are made.
blueprint.add_url_rule("/reglages/telephone/code", "read_phone_after_code", phone.read_phone)
blueprint.add_url_rule("/reglages/telephone/secours", "read_phone_after_recovery", phone.read_phone)


@blueprint.after_request
def keep_nothing(response: Response) -> Response:
    """Whoever borrows the phone finds none of it by the « back » button; it depends on who asks, in which language."""
    response.headers["Cache-Control"] = conditions.NEVER
    response.vary.update(("Accept-Language", "Cookie"))
    return response
