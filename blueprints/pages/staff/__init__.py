"""What staff print: letters to shops, and the QR code that one of them carries."""

from typing import Final

from flask import Blueprint

from blueprints.pages.staff import letters

blueprint: Final = Blueprint("staff", __name__, template_folder="../templates")
blueprint.add_url_rule("/s/<slug>/claim.svg", view_func=letters.read_claim_mark)
