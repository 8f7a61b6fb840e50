"""A merchant's poster: a PDF to print and to hang in the window."""

import uuid
from typing import Any, Final

from flask import Response

from blueprints import conditions, guards
from blueprints.api.contract import ApiBlueprint
from blueprints.documented import A_PDF
from blueprints.pages.window import poster, window_of
from citylife.accounts.merchants import Scope
from citylife.shops.posters import check_has_poster
from schemas.posters import PosterFormat, PosterQuery

PDF: Final = "application/pdf"
blueprint: Final = ApiBlueprint("merchant-posters", "What a shop hangs in its window")


@blueprint.route("/merchant/shops/<uuid:shop_id>/poster.pdf")
@guards.merchant_required(Scope.READ)
@blueprint.response(200, A_PDF, content_type=PDF, description="The poster, on one page")
@blueprint.arguments(PosterQuery, location="query")
def print_my_poster(wanted: dict[str, Any], shop_id: uuid.UUID) -> Response:
    """The poster of a shop you run, with the QR code of its page; in French, black on white, on A4 or A5."""
    shop = guards.my_shop(shop_id)
    check_has_poster(shop)
    window = window_of(shop)
    size = wanted["format"]
    named = {"Content-Disposition": f"inline; filename=citylife-{shop.slug}-{size.value}.pdf"}
    drawn = poster(window, reduced=size is PosterFormat.A5)
    return conditions.answer(drawn, headers=named, content_type=PDF)
