"""« Votre clé d’accès »: what a member of staff who came in by a letter needs before the console opens."""

from flask import Response, make_response, redirect, render_template, url_for

from blueprints import guards
from blueprints.storage import db
from citylife.accounts.passkeys import passkeys_of
from citylife.accounts.sessions import AccountKind


def read_key() -> Response:
    """Make the first passkey, or use the one she has; the console itself where she did."""
    standing = guards.standing_session(AccountKind.STAFF)
    home = url_for("console.read_today")
    if standing is None:
        return make_response(redirect(url_for("account.read_form", vers=home), 303))
    if standing.by_passkey:
        return make_response(redirect(home, 303))
    known = bool(passkeys_of(db.session(), standing.account))
    return make_response(render_template("staff/key.html", known=known))
