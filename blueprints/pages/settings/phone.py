"""Another phone: a code for it with its QR, a code to print for the day this one is lost, and entering either here.

The QR carries the code after the `#` of the address, which no browser sends: no log on the way knows it.
"""

from typing import Final

from flask import Response, make_response, redirect, render_template, request, url_for

from blueprints.arriving import PRINT_ANEW, arrive
from blueprints.guards import check_same_origin, citizen_or_none, current_citizen, set_citizen_cookie
from blueprints.house import house, now
from blueprints.pages.language import page_locale
from blueprints.pages.marks import mark
from blueprints.pages.settings.answers import Fault, fault_of
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.citizens import Citizen
from citylife.accounts.moving import (
    CodeRefused,
    OldPhones,
    TooManyTries,
    make_recovery_code,
    make_transfer_code,
    recovery_since,
    revoke_recovery_code,
)
from citylife.clock import PARIS
from citylife.moments import clock_words, date_words
from citylife.wording import Sentence, say

LONGEST: Final = 60
"""Characters of a code as somebody may type it, blanks and hyphens too."""
MOVED: Final = "moved"
SAID: Final = {
    MOVED: Sentence("C’est fait : vos commerces et vos réglages sont sur ce téléphone."),
    "revoked": Sentence("Votre code de secours ne sert plus."),
}


def read_phone() -> str:
    """A code for another phone, one to print, and entering one; for whoever is nobody here yet, only the last."""
    return _page(citizen_or_none(), said=request.args.get("said", ""))


@transaction()
def show_code() -> Response:
    """A code to type or scan on another phone within ten minutes: it is shown once."""
    check_same_origin()
    code, until = make_transfer_code(db.session(), current_citizen(), secret=house().keys.secret_key, now=now())
    time = say(clock_words(until.astimezone(PARIS).time()), page_locale())
    page = render_template("settings/code.html", code=code, mark=mark(_leads_to(code)), time=time, address=_leads_to())
    return make_response(page)


@transaction()
def print_recovery() -> Response:
    """A code to print and put away, in the place of the one before: it is shown once."""
    check_same_origin()
    moment = now()
    code = make_recovery_code(db.session(), current_citizen(), now=moment)
    page = render_template(
        "settings/recovery.html",
        code=code,
        mark=mark(_leads_to(code)),
        day=date_words(moment.astimezone(PARIS).date(), page_locale()),
        address=_leads_to(),
    )
    return make_response(page)


@transaction()
def revoke_recovery() -> Response:
    """Let the printed code work no longer."""
    check_same_origin()
    revoke_recovery_code(db.session(), current_citizen())
    return make_response(redirect(url_for("settings.read_phone", said="revoked"), 303))


@transaction()
def enter_code() -> Response:
    """Make this phone hers by a code, which is spent; a code that is refused stays written, and is counted."""
    check_same_origin()
    written = request.form.get("code", "")[:LONGEST]
    signs_out = request.form.get("old_phones") == OldPhones.SIGN_OUT.value
    try:
        moved = arrive(written, OldPhones.SIGN_OUT if signs_out else OldPhones.KEEP)
    except (CodeRefused, TooManyTries) as refusal:
        fault = fault_of(refusal, ("code",), {"code": written, "signs_out": signs_out})
        response = make_response(_page(citizen_or_none(), fault=fault), refusal.status)
        response.headers.update(getattr(refusal, "headers", {}))
        return response
    response = make_response(redirect(url_for("settings.read_phone", said=MOVED), 303))
    set_citizen_cookie(response, moved.token)
    return response


def _page(citizen: Citizen | None, *, said: str = "", fault: Fault | None = None) -> str:
    since = None if citizen is None else recovery_since(db.session(), citizen.id)
    locale = page_locale()
    return render_template(
        "settings/phone.html",
        citizen=citizen,
        since=None if since is None else date_words(since.astimezone(PARIS).date(), locale),
        said=None if citizen is None else SAID.get(said),
        moved=citizen is not None and said == MOVED,
        print_anew=PRINT_ANEW,
        old_phones=OldPhones,
        written=fault.written if fault else {},
        fault=fault,
    )


def _leads_to(code: str | None = None) -> str:
    """The address where a code is entered; with the code, what its QR says."""
    return house().settings.base_url + url_for("settings.read_phone", _anchor=code)
