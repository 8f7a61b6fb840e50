"""Which letters a merchant wants beside those she asks for: chosen on her account's page."""

from flask import Response, make_response, redirect, request, url_for

from blueprints import guards
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.sessions import AccountKind
from citylife.merchant_mail.confirming import want_confirmations
from citylife.merchant_mail.mondays import want_mondays


@transaction()
def choose() -> Response:
    """Keep what is ticked; the way in for whoever is no merchant here."""
    guards.check_same_origin()
    if guards.standing_session(AccountKind.MERCHANT) is None:
        return make_response(redirect(url_for("account.read_form"), 303))
    who = guards.merchant_id()
    want_confirmations(db.session(), who, wanted="confirmations" in request.form)
    want_mondays(db.session(), who, wanted="mondays" in request.form)
    return make_response(redirect(url_for("account.read_account", said="saved"), 303))
