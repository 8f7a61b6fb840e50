"""The pages that the links of letters open: one confirms an address, one stops the letters. A GET never does either.

Stopping takes a POST from anywhere (RFC 8058: a mail program sends it, without a cookie or a page of ours); the secret
in the address is all it needs, and all it can do. Its answer is the same for a link that nobody was sent.
"""

from typing import Final

from flask import Blueprint, Response, make_response, render_template

from blueprints import conditions, guards
from blueprints.house import now
from blueprints.limits import limited
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.email_digest.asking import (
    CONFIRM_PATH,
    PER_NETWORK,
    STOP_PATH,
    address_to_confirm,
    confirm_address,
    stop_by_link,
)

GONE: Final = 410

blueprint: Final = Blueprint("email_digest", __name__, template_folder="templates")


@blueprint.route(f"{CONFIRM_PATH}<token>")
def read_confirmation(token: str) -> Response:
    """A button, and the address it confirms. Whoever only looks (a scanner, a preview) uses nothing up."""
    email = address_to_confirm(db.session(), token, now=now())
    if email is None:
        return make_response(render_template("email_digest/spent.html"), GONE)
    return make_response(render_template("email_digest/confirm.html", token=token, email=email))


@blueprint.route(f"{CONFIRM_PATH}<token>", methods=["POST"])
@limited(PER_NETWORK)
@transaction()
def confirm(token: str) -> Response:
    """Confirm the address that the link was sent to, once."""
    guards.check_same_origin()
    if confirm_address(db.session(), token, now=now()) is None:
        return make_response(render_template("email_digest/spent.html"), GONE)
    return make_response(render_template("email_digest/confirmed.html"))


@blueprint.route(f"{STOP_PATH}<token>")
def read_stop(token: str) -> str:
    """A button; the page is the same for any link, also for one that stops nothing any more."""
    return render_template("email_digest/stop.html", token=token)


@blueprint.route(f"{STOP_PATH}<token>", methods=["POST"])
@transaction()
def stop(token: str) -> Response:
    """Stop the letters that the link came with, and forget the address; however often it is sent."""
    stop_by_link(db.session(), token, now=now())
    return make_response(render_template("email_digest/stopped.html"))


@blueprint.after_request
def keep_nothing(response: Response) -> Response:
    """Neither a browser's history nor a cache on the way keeps what is shown."""
    response.headers["Cache-Control"] = conditions.NEVER
    return response
