"""« Clés d’API »: for a program of hers, such as a till: made, shown once, listed, and revoked once confirmed."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Final

from flask import Response, make_response, redirect, render_template, request, url_for

from blueprints import api_keys, guards
from blueprints.house import house, now
from blueprints.pages.language import page_locale
from blueprints.pages.merchant.asking import by_our_form, merchant_here
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.merchants import MOST_KEYS, MerchantKey, Scope, keys_of
from citylife.clock import local_date
from citylife.errors import Absent, Refusal
from citylife.moments import date_words
from citylife.wording import Sentence, say

OK: Final = 200
LONGEST: Final = 80
SCOPES: Final = {
    Scope.READ: Sentence("Lire : vos commerces, vos annonces, leurs résultats"),
    Scope.OFFERS: Sentence("Agir : publier, corriger, « Tout est parti », utiliser un code en caisse"),
    Scope.SHOP: Sentence("Changer ce qui est dit de vos commerces"),
}
LIVES: Final = {
    "90": (dt.timedelta(days=90), Sentence("Trois mois")),
    "365": (dt.timedelta(days=365), Sentence("Un an")),
    "": (None, Sentence("Jusqu’à ce que vous la révoquiez")),
}
"""How long a key may be for, as the form says it."""
USUAL: Final = "365"
HEADER: Final = "Authorization: Bearer clk_…"
"""How a program shows its key."""
REVOKED: Final = Sentence("La clé est révoquée : elle n’ouvre plus rien.")


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A key in words, never its token; `over` once it has expired."""

    id: uuid.UUID
    label: str
    scopes: list[str]
    made: str
    used: str
    ends: str
    over: bool


@dataclass(frozen=True, slots=True)
class Wish:
    """What was written of a key to make."""

    label: str = ""
    scopes: tuple[str, ...] = (Scope.OFFERS.value,)
    life: str = USUAL


@merchant_here
def read_keys() -> Response:
    """Her keys, and the form that makes one."""
    return _page(said=REVOKED if request.args.get("said") == "revoked" else None)


@by_our_form
@merchant_here
@transaction()
def make_key() -> Response:
    """Make a key, and show its token: this once."""
    form = request.form
    wish = Wish(form.get("label", "")[: 2 * LONGEST].strip(), tuple(form.getlist("scopes")), form.get("life", USUAL))
    life = LIVES.get(wish.life, LIVES[USUAL])[0]
    scopes = [scope for scope in Scope if scope.value in wish.scopes]
    try:
        key, token = api_keys.make(wish.label, scopes, None if life is None else now() + life)
    except Refusal as refusal:
        db.session().rollback()
        return _page(refusal.status, wish=wish, problem=(refusal.pointer or "", say(refusal.detail, page_locale())))
    documents = f"{house().settings.base_url}/api/docs"
    page = render_template("merchant/key_made.html", key=_shown(key), token=token, header=HEADER, documents=documents)
    return make_response(page)


@merchant_here
def read_revoking(key_id: uuid.UUID) -> Response:
    """What revoking a key does, before it is done."""
    return make_response(render_template("merchant/key_revoking.html", key=_shown(_mine(key_id))))


@by_our_form
@merchant_here
@transaction()
def revoke(key_id: uuid.UUID) -> Response:
    """Revoke a key, once it was confirmed; a second time changes nothing."""
    api_keys.revoke(key_id)
    return make_response(redirect(url_for("merchant.read_keys", said="revoked"), 303))


def _mine(key_id: uuid.UUID) -> MerchantKey:
    """A key of hers that she has not revoked.

    Raises:
        Absent: there is none such, or it is another's.
    """
    for key in keys_of(db.session(), guards.merchant_id()):
        if key.id == key_id:
            return key
    raise Absent


def _page(
    status: int = OK, *, said: Sentence | None = None, wish: Wish | None = None, problem: tuple[str, str] | None = None
) -> Response:
    keys = [_shown(key) for key in keys_of(db.session(), guards.merchant_id())]
    page = render_template(
        "merchant/keys.html",
        keys=keys,
        left=MOST_KEYS - len(keys),
        most=MOST_KEYS,
        scopes=[(scope.value, words) for scope, words in SCOPES.items()],
        lives=[(value, words) for value, (_, words) in LIVES.items()],
        wish=wish or Wish(),
        said=said,
        problem=problem,
    )
    return make_response(page, status)


def _shown(key: MerchantKey) -> ShownKey:
    locale = page_locale()
    used = Sentence("Pas encore utilisée.")
    if key.used_on is not None:
        used = Sentence("Utilisée pour la dernière fois le {day}.", day=date_words(key.used_on, locale))
    over = key.expires_at is not None and key.expires_at <= now()
    ends = Sentence("Sans date de fin.")
    if key.expires_at is not None:
        day = date_words(local_date(key.expires_at), locale)
        ends = Sentence("Expirée depuis le {day}.", day=day) if over else Sentence("Expire le {day}.", day=day)
    return ShownKey(
        id=key.id,
        label=key.label,
        scopes=[say(SCOPES[Scope(scope)], locale) for scope in key.scopes],
        made=say(Sentence("Créée le {day}.", day=date_words(local_date(key.created_at), locale)), locale),
        used=say(used, locale),
        ends=say(ends, locale),
        over=over,
    )
