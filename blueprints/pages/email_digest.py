"""The pages that the links of letters open: one confirms an address, one stops the letters. A GET never does either.

Stopping is as `mail_links` says.
"""

from typing import Final

from flask import Blueprint, Response, make_response, render_template, url_for

from blueprints import guards
from blueprints.house import now
from blueprints.limits import limited
from blueprints.pages import mail_links
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
from citylife.wording import Sentence

SPENT: Final = Sentence(
    "Il a déjà servi, il est trop ancien, ou une autre adresse a été donnée depuis. Pour recommencer, donnez de "
    "nouveau votre adresse à Citylife."
)
WHAT: Final = Sentence(
    "Touchez le bouton : les courriels s’arrêtent, et votre adresse est oubliée aussitôt. Vous suivez toujours vos "
    "commerces."
)
STOPPED: Final = Sentence(
    "Vous ne recevrez plus ce courriel, et votre adresse est oubliée. Un courriel déjà parti peut encore arriver."
)

blueprint: Final = Blueprint("email_digest", __name__, template_folder="templates")
blueprint.after_request(mail_links.keep_nothing)


@blueprint.route(f"{CONFIRM_PATH}<token>")
def read_confirmation(token: str) -> Response:
    """A button, and the address it confirms. Whoever only looks (a scanner, a preview) uses nothing up."""
    email = address_to_confirm(db.session(), token, now=now())
    if email is None:
        return mail_links.spent(SPENT)
    return make_response(render_template("email_digest/confirm.html", token=token, email=email))


@blueprint.route(f"{CONFIRM_PATH}<token>", methods=["POST"])
@limited(PER_NETWORK)
@transaction()
def confirm(token: str) -> Response:
    """Confirm the address that the link was sent to, once."""
    guards.check_same_origin()
    if confirm_address(db.session(), token, now=now()) is None:
        return mail_links.spent(SPENT)
    return make_response(render_template("email_digest/confirmed.html"))


@blueprint.route(f"{STOP_PATH}<token>")
def read_stop(token: str) -> str:
    """A button; the page is the same for any link, also for one that stops nothing any more."""
    return mail_links.stopping(url_for("email_digest.stop", token=token), WHAT)


@blueprint.route(f"{STOP_PATH}<token>", methods=["POST"])
@transaction()
def stop(token: str) -> Response:
    """Stop the letters that the link came with, and forget the address; however often it is sent."""
    stop_by_link(db.session(), token, now=now())
    return mail_links.stopped(STOPPED)
