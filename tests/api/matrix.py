"""Who may do what: every address and verb of the application, and whom it answers. The proof derives the rest.

A line names a rule of the URL map as Flask knows it, who is let in, what she is answered, and which things are there
for her. Whoever adds an address adds its line; `test_who_may_do_what.py` fails until then.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from citylife.accounts.merchants import Role, Scope
from citylife.accounts.staff import StaffRole
from tests.pictures import a_drawing, saved

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
VERBS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW")
"""Every verb that is tried; the last is nobody's."""


class Realm(Enum):
    """Whom a token speaks for."""

    CITIZEN = "citizen"
    MERCHANT = "merchant"
    STAFF = "staff"


class Side(Enum):
    """Whose thing a request is about: one of two owners', the second owner's that is not public, or nobody's."""

    FIRST = "first"
    SECOND = "second"
    HIDDEN = "hidden"
    ABSENT = "absent"


@dataclass(frozen=True)
class Caller:
    """Somebody who asks. `realm` is None where nothing she shows is good (any more); `of` says whose things are hers.

    `ours` says that a page of ours asks, `elsewhere` that another site's page does with her cookie.
    """

    name: str
    headers: Mapping[str, str] = field(default_factory=dict)
    realm: Realm | None = None
    of: Side | None = None
    role: Role | StaffRole | None = None
    scopes: frozenset[Scope] = frozenset(Scope)
    by_key: bool = False
    ours: bool = False
    elsewhere: bool = False

    def __str__(self) -> str:
        return self.name

    def owns(self, side: Side) -> bool:
        """Whether a thing of this side is hers."""
        return self.of is side or (self.of is Side.SECOND and side is Side.HIDDEN)


@dataclass(frozen=True)
class Door:
    """Who is let in: nobody in particular, or a realm and in it a scope, an ownership, a session, a role of staff.

    `form` asks that a page of ours sends the request, whoever is there; `a_key` is what an API key is answered where it
    does not do, and `unknown` what nobody is. `beside` is the realm whose cookie nobody may send along from another
    site's page, since it would be ended.
    """

    realms: tuple[Realm, ...] = ()
    scope: Scope | None = None
    owner: bool = False
    a_key: int | None = None
    role: StaffRole | None = None
    form: bool = False
    unknown: int = 401
    beside: Realm | None = None

    def refuses(self, caller: Caller, verb: str) -> int | None:
        """The status of who is not let in, whatever she asks about; None for who is."""
        if self.form and not caller.ours:
            return 403
        if self.beside is not None and caller.elsewhere and caller.realm is self.beside:
            return 403
        if not self.realms:
            return None
        if caller.realm not in self.realms:
            return self.unknown
        if self.a_key is not None and caller.by_key:
            return self.a_key
        may = (
            not caller.elsewhere or verb in SAFE,
            self.scope is None or self.scope in caller.scopes,
            self.role is None or (isinstance(caller.role, StaffRole) and caller.role.may(self.role)),
        )
        return None if all(may) else 403


EVERYBODY: Final = Door()
CITIZENS: Final = Door((Realm.CITIZEN,))
EVERYBODY_BY_FORM: Final = Door(form=True)
CITIZENS_BY_FORM: Final = Door((Realm.CITIZEN,), form=True)
TEAM_READING: Final = Door((Realm.MERCHANT,), Scope.READ)
TEAM_OFFERING: Final = Door((Realm.MERCHANT,), Scope.OFFERS)
CLAIMING: Final = Door((Realm.MERCHANT,), Scope.SHOP)
OWNERS: Final = Door((Realm.MERCHANT,), Scope.SHOP, owner=True)
MERCHANTS_THEMSELVES: Final = Door((Realm.MERCHANT,), a_key=403)
OWNERS_THEMSELVES: Final = Door((Realm.MERCHANT,), a_key=403, owner=True)
SIGNED_IN: Final = Door((Realm.MERCHANT, Realm.STAFF), a_key=401)
SIGNED_IN_BY_FORM: Final = Door((Realm.MERCHANT, Realm.STAFF), a_key=303, form=True, unknown=303)
MERCHANTS_BY_FORM: Final = Door((Realm.MERCHANT,), a_key=303, form=True, unknown=303)
OWNERS_BY_FORM: Final = Door((Realm.MERCHANT,), a_key=303, form=True, unknown=303, owner=True)
MERCHANTS_OR_SENT_AWAY: Final = Door((Realm.MERCHANT,), a_key=303, unknown=303)
OWNERS_BY_FORM: Final = Door((Realm.MERCHANT,), a_key=303, form=True, unknown=303, owner=True)
OWNERS_OR_SENT_AWAY: Final = Door((Realm.MERCHANT,), a_key=303, unknown=303, owner=True)
SIGNED_IN_OR_SENT_AWAY: Final = Door((Realm.MERCHANT, Realm.STAFF), a_key=303, unknown=303)

CONSOLE_OR_SENT_AWAY: Final = Door((Realm.STAFF,), a_key=303, unknown=303, role=StaffRole.WATCH)
MODERATORS_OR_SENT_AWAY: Final = Door((Realm.STAFF,), a_key=303, unknown=303, role=StaffRole.MODERATE)
ADMINISTRATORS_OR_SENT_AWAY: Final = Door((Realm.STAFF,), a_key=303, unknown=303, role=StaffRole.ADMINISTER)
MODERATORS_BY_FORM: Final = Door((Realm.STAFF,), a_key=303, form=True, unknown=303, role=StaffRole.MODERATE)
ADMINISTRATORS_BY_FORM: Final = Door((Realm.STAFF,), a_key=303, form=True, unknown=303, role=StaffRole.ADMINISTER)
WATCHING: Final = Door((Realm.STAFF,), role=StaffRole.WATCH)
MODERATING: Final = Door((Realm.STAFF,), role=StaffRole.MODERATE)
ADMINISTERING: Final = Door((Realm.STAFF,), role=StaffRole.ADMINISTER)

PUBLISHED: Final = frozenset({Side.FIRST, Side.SECOND})
ANYTHING: Final = frozenset(Side)
EXISTING: Final = ANYTHING - {Side.ABSENT}
HERS: Final[frozenset[Side] | None] = None


@dataclass(frozen=True)
class Line:
    """One verb of one rule: who is let in, the status she is answered, and what is there for her (None: what is hers).

    `uses` names, for an argument of the rule, another thing of the side than the one of its name; `sides` are those
    that mean something here. A value of `json` such as "{transfer_code}" is the first owner's thing of that name. A
    `personal` thing is its owner's alone, not her team's; `absent` is what is answered of nothing;
    of what is `overseen` staff see all that exists.
    """

    address: str
    door: Door
    status: int = 200
    there: frozenset[Side] | None = ANYTHING
    form: Any = None
    sides: tuple[Side, ...] = tuple(Side)
    json: Any = None
    uses: Mapping[str, str] = field(default_factory=dict)
    personal: bool = False
    absent: int = 404
    overseen: bool = False

    @property
    def verb(self) -> str:
        return self.address.partition(" ")[0]

    @property
    def rule(self) -> str:
        return self.address.partition(" ")[2]

    def finds(self, caller: Caller, side: Side) -> bool:
        """Whether a thing of this side is there for the caller."""
        if self.overseen and caller.realm is Realm.STAFF and side in EXISTING:
            return True
        if self.there is not None:
            return side in self.there
        return caller.owns(side) and (not self.personal or caller.role is Role.OWNER)

    def expected(self, caller: Caller, verb: str, side: Side) -> int:
        """The status this caller is answered about a thing of this side."""
        refused = self.door.refuses(caller, verb)
        if refused is not None:
            return refused
        if not self.finds(caller, side):
            return self.absent
        return 403 if self.door.owner and caller.role is not Role.OWNER else self.status


DRAFT: Final = {"title": "Tarte au sucre", "ends_at": "2026-11-24T18:00:00+01:00"}
UNDO_OF_FIRST: Final = {"undo": "{declared_undo}"}
UNDO_BY_FORM: Final = {"annuler": "{declared_undo}"}
WEEKLY: Final = {"title": "Brioches", "weekdays": [3], "at": "08:00", "hours": 4}
RENAMED: Final = {"title": "Flans"}
NEXT: Final = {"day": "2026-11-26"}
FILLED_WEEKLY: Final = {
    "title": "Flans",
    "radius": "5000",
    "day_3": "1",
    "at": "08:00",
    "lasts": "tonight",
    "version": "1",
}
ASKED: Final = {"ends_at": "2026-11-24T18:00:00+01:00"}
CONSENT: Final = {"purpose": "notifications", "granted": True, "text_version": "2026-11", "locale": "fr"}
SUBSCRIPTION: Final = {
    "endpoint": "https://updates.push.services.mozilla.com/wpush/v2/of-the-matrix",
    "keys": {
        "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "auth": "BTBZMqHH6r4Tts7J_aSIgg",
    },
}
CLAIM: Final = {
    "siret": "73282932000074",
    "name": "Chez Léon",
    "category": "bakery",
    "latitude": 50.53015,
    "longitude": 2.64035,
}
CLAIM_FORM: Final = {
    "number": "73282932000074",
    "name": "Chez Léon",
    "category": "bakery",
    "address": "12 rue de Lille",
    "commune": "62119",
    "wish": "claim",
}

PUBLIC: Final = (
    Line("GET /", EVERYBODY),
    Line("GET /healthz", EVERYBODY),
    Line("GET /readyz", EVERYBODY),
    Line("GET /metrics", EVERYBODY),
    Line("GET /manifest.webmanifest", EVERYBODY),
    Line("GET /service-worker.js", EVERYBODY),
    Line("GET /assets/<edition>/<path:name>", EVERYBODY, there=PUBLISHED),
    Line("GET /problems/<slug>", EVERYBODY, there=PUBLISHED, uses={"slug": "problem"}),
    Line("GET /accessibilite", EVERYBODY),
    Line("GET /mentions-legales", EVERYBODY),
    Line("GET /confidentialite", EVERYBODY),
    Line("GET /credits", EVERYBODY),
    Line("GET /pilote", EVERYBODY),
    Line("GET /pilote/rapports.atom", EVERYBODY),
    Line("GET /pilote/<period>", EVERYBODY, there=PUBLISHED),
    Line("GET /pilote/<period>/chiffres.csv", EVERYBODY, there=PUBLISHED),
    Line("GET /pilote/<period>/chiffres.json", EVERYBODY, there=PUBLISHED),
    Line("GET /autour", EVERYBODY),
    Line("POST /autour", EVERYBODY_BY_FORM, form={"latitude": "50.53", "longitude": "2.64"}),
    Line("GET /autour/maintenant", EVERYBODY),
    Line("POST /autour/maintenant", CITIZENS_BY_FORM, form={"commune": "62119"}),
    Line("GET /chercher", EVERYBODY),
    Line("GET /mes-commerces", EVERYBODY),
    Line("GET /hors-ligne", EVERYBODY),
    Line("POST /mes-commerces/<slug>/level", CITIZENS_BY_FORM, 303, PUBLISHED, {}),
    Line("POST /mes-commerces/<slug>/leave", CITIZENS_BY_FORM, 303, PUBLISHED, {}),
    Line("POST /mes-commerces/<slug>/take-back", CITIZENS_BY_FORM, 303, PUBLISHED, {}),
    Line("GET /reglages", EVERYBODY),
    Line("POST /reglages", CITIZENS_BY_FORM, 303, form={"part": "langue", "locale": "fr"}),
    Line("GET /reglages/pourquoi", EVERYBODY),
    Line("GET /reglages/lieux", EVERYBODY),
    Line("POST /reglages/lieux", CITIZENS_BY_FORM, 303, form={"commune": "62119"}),
    Line("POST /reglages/lieux/<uuid:place_id>/forget", CITIZENS_BY_FORM, 303, HERS, {}),
    Line("GET /reglages/courriel", EVERYBODY),
    Line("POST /reglages/courriel", CITIZENS_BY_FORM, 303, form={"email": "marie@courrier.example"}),
    Line("POST /reglages/courriel/stop", CITIZENS_BY_FORM, 303, form={}),
    Line("GET /reglages/donnees", EVERYBODY),
    Line("POST /reglages/donnees/withdraw", CITIZENS_BY_FORM, 303, form={"purpose": "notifications"}),
    Line("GET /reglages/donnees/citylife.json", CITIZENS),
    Line("GET /reglages/donnees/effacer", EVERYBODY),
    Line("POST /reglages/donnees/effacer", CITIZENS_BY_FORM, 303, form={"sure": "1"}),
    Line("GET /reglages/telephone", EVERYBODY),
    Line("POST /reglages/telephone", EVERYBODY_BY_FORM, 303, form={"code": "{transfer_code}"}),
    Line("GET /reglages/telephone/code", EVERYBODY),
    Line("POST /reglages/telephone/code", CITIZENS_BY_FORM, form={}),
    Line("GET /reglages/telephone/secours", EVERYBODY),
    Line("POST /reglages/telephone/secours", CITIZENS_BY_FORM, form={}),
    Line("POST /reglages/telephone/secours/revoke", CITIZENS_BY_FORM, 303, form={}),
    Line("GET /reglages/recu/<uuid:receipt_id>", EVERYBODY, there=PUBLISHED),
    Line("GET /s/<slug>", EVERYBODY, there=PUBLISHED),
    Line("POST /s/<slug>/follow", EVERYBODY_BY_FORM, 303, PUBLISHED, {}),
    Line("POST /s/<slug>/unfollow", CITIZENS_BY_FORM, 303, PUBLISHED, {}),
    Line("GET /s/<slug>/offers.atom", EVERYBODY, there=PUBLISHED),
    Line("GET /s/<slug>/offers.ics", EVERYBODY, there=PUBLISHED),
    Line("GET /c/<insee_code>", EVERYBODY, there=PUBLISHED),
    Line("GET /c/<insee_code>/semaine.pdf", EVERYBODY, there=PUBLISHED),
    Line("GET /c/<insee_code>/ecran", EVERYBODY, there=PUBLISHED),
    Line("GET /c/<insee_code>/offers.atom", EVERYBODY, there=PUBLISHED),
    Line("GET /o/<uuid:offer_id>", EVERYBODY, there=PUBLISHED),
    Line("POST /o/<uuid:offer_id>/code", EVERYBODY_BY_FORM, 303, PUBLISHED, {}),
    Line("GET /o/<uuid:offer_id>/offer.ics", EVERYBODY, there=PUBLISHED),
    Line("GET /o/<uuid:offer_id>/signaler", EVERYBODY, there=PUBLISHED),
    Line("POST /o/<uuid:offer_id>/signaler", EVERYBODY_BY_FORM, 303, PUBLISHED, {"reason": "other"}),
    Line("GET /photos/<uuid:photo_id>/large.webp", EVERYBODY, there=PUBLISHED, overseen=True),
    Line("GET /photos/<uuid:photo_id>/small.webp", EVERYBODY, there=PUBLISHED, overseen=True),
    Line("GET /api/docs", EVERYBODY),
    Line("GET /api/openapi.json", EVERYBODY),
    Line("GET /api/v1/categories", EVERYBODY),
    Line("GET /api/v1/communes", EVERYBODY),
    Line("GET /api/v1/shops", EVERYBODY),
    Line("GET /api/v1/shops/<slug:slug>", EVERYBODY, there=PUBLISHED),
    Line("GET /api/v1/shops/<slug:slug>/offers", EVERYBODY, there=PUBLISHED),
    Line("GET /api/v1/offers", EVERYBODY),
    Line("POST /api/v1/nearby", EVERYBODY, json={"insee_code": "62119"}),
    Line("GET /api/v1/offers/<uuid:offer_id>", EVERYBODY, there=PUBLISHED),
    Line("GET /api/v1/push/key", EVERYBODY),
    Line("GET /api/v1/erasures/<uuid:receipt_id>", EVERYBODY, there=PUBLISHED),
    Line("GET /s/<slug>/claim.svg", EVERYBODY, there=PUBLISHED),
    Line("POST /api/v1/reports", EVERYBODY, 202, json={"offer_id": "{offer_id}", "reason": "other"}),
    Line("POST /api/v1/citizens", EVERYBODY, 201, json={}),
    Line("POST /api/v1/citizens/transfer", EVERYBODY, 201, json={"code": "{transfer_code}", "old_phones": "keep"}),
)
KNOWN: Final = (Side.FIRST, Side.ABSENT)
PUBLIC_OR_ABSENT: Final = (Side.FIRST, Side.SECOND, Side.ABSENT)
FIRST_ONLY: Final = frozenset({Side.FIRST})
ASKING: Final = {"email": "camille@boulangerie.example"}
TYPED: Final = {"code": "{code}"}
NEW_PASSKEY: Final = {"credential": "{new_passkey}"}
TO_CONFIRM: Final = {"token": "confirm_token"}
TO_STOP: Final = {"token": "stop_token"}
TO_SELL_OUT: Final = {"token": "sell_out_link"}
SOLD_OUT_BY_LINK: Final = {"token": "sold_out_link"}
NO_CONFIRMATIONS: Final = {"token": "stop_link"}
THE_WAY_IN: Final = (
    Line("GET /connexion", EVERYBODY),
    Line("POST /connexion", EVERYBODY_BY_FORM, 303, form=ASKING),
    Line("POST /connexion/nouveau", EVERYBODY_BY_FORM, 303, form=ASKING),
    Line("GET /connexion/code/<uuid:request_id>", EVERYBODY, sides=KNOWN),
    Line("POST /connexion/code/<uuid:request_id>", EVERYBODY_BY_FORM, 303, FIRST_ONLY, TYPED, KNOWN, absent=422),
    Line("GET /connexion/lien/<token>", EVERYBODY, there=PUBLISHED, absent=410),
    Line("POST /connexion/lien/<token>", EVERYBODY_BY_FORM, 303, PUBLISHED, {}, absent=410),
    Line("GET /courriel/confirmer/<token>", EVERYBODY, there=PUBLISHED, uses=TO_CONFIRM, absent=410),
    Line("POST /courriel/confirmer/<token>", EVERYBODY_BY_FORM, 200, PUBLISHED, {}, uses=TO_CONFIRM, absent=410),
    Line("GET /courriel/arreter/<token>", EVERYBODY, uses=TO_STOP),
    Line("GET /courriel/parti/<token>", EVERYBODY, there=EXISTING, uses=TO_SELL_OUT, absent=410),
    Line("POST /courriel/parti/<token>", EVERYBODY_BY_FORM, 303, EXISTING, {}, uses=TO_SELL_OUT, absent=410),
    Line(
        "POST /courriel/parti/<token>/annuler", EVERYBODY_BY_FORM, 303, EXISTING, {}, uses=SOLD_OUT_BY_LINK, absent=410
    ),
    Line("GET /courriel/annonces/arreter/<token>", EVERYBODY, uses=NO_CONFIRMATIONS),
    Line(
        "POST /courriel/annonces/arreter/<token>",
        EVERYBODY,
        form={"List-Unsubscribe": "One-Click"},
        uses=NO_CONFIRMATIONS,
    ),
    Line("GET /courriel/refaire/<token>", EVERYBODY, there=EXISTING, uses={"token": "again_link"}, absent=410),
    Line(
        "POST /courriel/refaire/<token>",
        EVERYBODY_BY_FORM,
        303,
        EXISTING,
        {},
        uses={"token": "again_link"},
        absent=410,
    ),
    Line("GET /courriel/lundi/arreter/<token>", EVERYBODY, uses={"token": "no_mondays_link"}),
    Line(
        "POST /courriel/lundi/arreter/<token>",
        EVERYBODY,
        form={"List-Unsubscribe": "One-Click"},
        uses={"token": "no_mondays_link"},
    ),
    Line("POST /compte/courriels", MERCHANTS_BY_FORM, 303, form={}),
    Line("POST /courriel/arreter/<token>", EVERYBODY, form={"List-Unsubscribe": "One-Click"}, uses=TO_STOP),
    Line("GET /connexion/cle", SIGNED_IN_OR_SENT_AWAY),
    Line("GET /compte", SIGNED_IN_OR_SENT_AWAY),
    Line("GET /compte/cles/<uuid:passkey_id>/retirer", SIGNED_IN_OR_SENT_AWAY, there=HERS, personal=True),
    Line("POST /compte/cles/<uuid:passkey_id>/retirer", SIGNED_IN_BY_FORM, 303, HERS, {}, personal=True),
    Line("POST /compte/deconnexion", EVERYBODY_BY_FORM, 303, form={}),
    Line("POST /compte/sessions/<uuid:session_id>/fermer", SIGNED_IN_BY_FORM, 303, HERS, {}, personal=True),
    Line("GET /commerce/<uuid:shop_id>/affiche", MERCHANTS_OR_SENT_AWAY, there=HERS),
    Line("GET /commerce/<uuid:shop_id>/affiche.svg", MERCHANTS_OR_SENT_AWAY, there=HERS, sides=PUBLIC_OR_ABSENT),
    Line("GET /commerce/<uuid:shop_id>/vitrine.svg", MERCHANTS_OR_SENT_AWAY, there=HERS, sides=PUBLIC_OR_ABSENT),
    Line("GET /commerce/caisse", MERCHANTS_OR_SENT_AWAY),
    Line("POST /commerce/caisse", MERCHANTS_BY_FORM, 200, HERS, form={"code": "{till_code}"}),
    Line("POST /api/v1/sign-in", EVERYBODY, 202, json=ASKING),
    Line(
        "POST /api/v1/sign-in/code",
        Door(beside=Realm.MERCHANT),
        201,
        json={"request_id": "{request_id}", "code": "{code}"},
    ),
    Line("GET /api/v1/passkeys", SIGNED_IN),
    Line("POST /api/v1/passkeys/options", SIGNED_IN, json={}),
    Line("POST /api/v1/passkeys", SIGNED_IN, 201, HERS, json=NEW_PASSKEY, personal=True, absent=422),
    Line("DELETE /api/v1/passkeys/<uuid:passkey_id>", SIGNED_IN, 204, HERS, personal=True),
    Line("POST /api/v1/passkeys/sign-in/options", EVERYBODY),
    Line("POST /api/v1/passkeys/sign-in", Door(beside=Realm.MERCHANT), 201, json={"credential": "{passkey_proof}"}),
    Line("GET /api/v1/sessions", SIGNED_IN),
    Line("DELETE /api/v1/sessions", SIGNED_IN, 204),
    Line("DELETE /api/v1/sessions/<uuid:session_id>", SIGNED_IN, 204, HERS, personal=True),
)
OF_CITIZENS: Final = (
    Line("GET /api/v1/me", CITIZENS),
    Line("PATCH /api/v1/me", CITIZENS, json={"locale": "en"}),
    Line("DELETE /api/v1/me", CITIZENS),
    Line("GET /api/v1/me/consents", CITIZENS),
    Line("POST /api/v1/me/consents", CITIZENS, 201, json=CONSENT),
    Line("GET /api/v1/me/deliveries", CITIZENS),
    Line("GET /api/v1/me/devices", CITIZENS),
    Line("POST /api/v1/me/devices", CITIZENS, 201, json=SUBSCRIPTION),
    Line("DELETE /api/v1/me/devices/<uuid:device_id>", CITIZENS, 204, HERS),
    Line("GET /api/v1/me/email-digest", CITIZENS),
    Line("PUT /api/v1/me/email-digest", CITIZENS, json={"email": "marie@courrier.example"}),
    Line("DELETE /api/v1/me/email-digest", CITIZENS, 204),
    Line("GET /api/v1/me/export", CITIZENS),
    Line("GET /api/v1/me/feed", CITIZENS),
    Line("GET /api/v1/me/follows", CITIZENS),
    Line("PUT /api/v1/me/follows/<uuid:shop_id>", CITIZENS, 201, PUBLISHED, json={"level": "normal"}),
    Line("DELETE /api/v1/me/follows/<uuid:shop_id>", CITIZENS, 204),
    Line("POST /api/v1/me/offers/<uuid:offer_id>/opened", CITIZENS, 204, PUBLISHED),
    Line("POST /api/v1/me/offers/<uuid:offer_id>/till-code", CITIZENS, 201, PUBLISHED),
    Line("GET /api/v1/me/places", CITIZENS),
    Line("POST /api/v1/me/places", CITIZENS, 201, json={"insee_code": "62119"}),
    Line("POST /api/v1/me/near-me-now", CITIZENS, json={"insee_code": "62119"}),
    Line("DELETE /api/v1/me/places/<uuid:place_id>", CITIZENS, 204, HERS),
    Line("GET /api/v1/me/rules", CITIZENS),
    Line("GET /api/v1/me/recovery", CITIZENS),
    Line("POST /api/v1/me/recovery", CITIZENS, 201),
    Line("DELETE /api/v1/me/recovery", CITIZENS, 204),
    Line("POST /api/v1/me/transfer", CITIZENS, 201),
)
A_DRAFT: Final = {"offer_id": "draft"}
A_WEEK: Final = {"version": "{shop_version}", "d0_0_from": "09:00", "d0_0_to": "12:30"}
WRITTEN: Final = {"title": "Pain", "until": "2026-11-30T20:00", "radius": "5000", "wish": "keep"}
CORRECTED: Final = WRITTEN | {"version": "2"}
SOLD_OUT: Final = {"offer_id": "sold_out"}
LATER: Final = {"starts_at": "2026-11-24T12:00:00Z"}
A_PICTURE: Final = saved(a_drawing(), "PNG")
OF_MERCHANTS: Final = (
    Line("GET /api/v1/merchant/shops", TEAM_READING),
    Line("POST /api/v1/merchant/shops", CLAIMING, 201, json=CLAIM),
    Line("GET /api/v1/merchant/shops/<uuid:shop_id>", TEAM_READING, there=HERS),
    Line("PATCH /api/v1/merchant/shops/<uuid:shop_id>", OWNERS, there=HERS, json={"street": "1 rue Sadi-Carnot"}),
    Line("GET /api/v1/merchant/shops/<uuid:shop_id>/poster.pdf", TEAM_READING, there=HERS, sides=PUBLIC_OR_ABSENT),
    Line("GET /api/v1/merchant/shops/<uuid:shop_id>/offers", TEAM_READING, there=HERS),
    Line("POST /api/v1/merchant/shops/<uuid:shop_id>/offers", TEAM_OFFERING, 201, HERS, json=DRAFT),
    Line("POST /api/v1/merchant/shops/<uuid:shop_id>/audience", TEAM_OFFERING, there=HERS, json=ASKED),
    Line("GET /api/v1/merchant/shops/<uuid:shop_id>/results", TEAM_READING, there=HERS),
    Line("GET /api/v1/merchant/shops/<uuid:shop_id>/team", MERCHANTS_THEMSELVES, there=HERS),
    Line("GET /api/v1/merchant/shops/<uuid:shop_id>/journal", OWNERS_THEMSELVES, there=HERS),
    Line("POST /api/v1/merchant/shops/<uuid:shop_id>/team", OWNERS_THEMSELVES, 201, HERS, json=ASKING),
    Line("DELETE /api/v1/merchant/shops/<uuid:shop_id>/team/<uuid:member_id>", OWNERS_THEMSELVES, 204, HERS),
    Line("GET /api/v1/merchant/keys", MERCHANTS_THEMSELVES),
    Line("POST /api/v1/merchant/keys", MERCHANTS_THEMSELVES, 201, json={"label": "Caisse", "scopes": ["read"]}),
    Line("DELETE /api/v1/merchant/keys/<uuid:key_id>", MERCHANTS_THEMSELVES, 204, HERS, personal=True),
    Line("POST /api/v1/merchant/redemptions", TEAM_OFFERING, 201, HERS, json={"code": "{till_code}"}),
    Line("GET /api/v1/merchant/offers/<uuid:offer_id>", TEAM_READING, there=HERS),
    Line("GET /api/v1/merchant/offers/<uuid:offer_id>/results", TEAM_READING, there=HERS),
    Line("PATCH /api/v1/merchant/offers/<uuid:offer_id>", TEAM_OFFERING, there=HERS, json={"title": "Autre"}),
    Line("DELETE /api/v1/merchant/offers/<uuid:offer_id>", TEAM_OFFERING, 204, HERS),
    Line("POST /api/v1/merchant/offers/<uuid:offer_id>/publish", TEAM_OFFERING, there=HERS, uses=A_DRAFT),
    Line("POST /api/v1/merchant/offers/<uuid:offer_id>/schedule", TEAM_OFFERING, there=HERS, uses=A_DRAFT, json=LATER),
    Line("POST /api/v1/merchant/offers/<uuid:offer_id>/withdraw", TEAM_OFFERING, there=HERS),
    Line(
        "POST /api/v1/merchant/offers/<uuid:offer_id>/declared-uses", TEAM_OFFERING, 201, HERS, sides=PUBLIC_OR_ABSENT
    ),
    Line(
        "POST /api/v1/merchant/offers/<uuid:offer_id>/declared-uses/undo",
        TEAM_OFFERING,
        there=HERS,
        json=UNDO_OF_FIRST,
        sides=(Side.FIRST, Side.ABSENT),
    ),
    Line("POST /api/v1/merchant/offers/<uuid:offer_id>/sold-out", TEAM_OFFERING, there=HERS),
    Line("POST /api/v1/merchant/offers/<uuid:offer_id>/sold-out/undo", TEAM_OFFERING, there=HERS, uses=SOLD_OUT),
    Line("GET /api/v1/merchant/shops/<uuid:shop_id>/recurring-offers", TEAM_READING, there=HERS),
    Line(
        "POST /api/v1/merchant/shops/<uuid:shop_id>/recurring-offers",
        TEAM_OFFERING,
        201,
        HERS,
        json=WEEKLY,
        sides=PUBLIC_OR_ABSENT,
    ),
    Line("GET /api/v1/merchant/recurring-offers/<uuid:recurring_id>", TEAM_READING, there=HERS),
    Line("PATCH /api/v1/merchant/recurring-offers/<uuid:recurring_id>", TEAM_OFFERING, there=HERS, json=RENAMED),
    Line("DELETE /api/v1/merchant/recurring-offers/<uuid:recurring_id>", TEAM_OFFERING, 204, HERS),
    Line("POST /api/v1/merchant/recurring-offers/<uuid:recurring_id>/skip", TEAM_OFFERING, there=HERS, json=NEXT),
    Line("POST /api/v1/merchant/recurring-offers/<uuid:recurring_id>/skip/undo", TEAM_OFFERING, there=HERS, json=NEXT),
    Line("GET /commerce/series/<uuid:recurring_id>/modifier", MERCHANTS_OR_SENT_AWAY, there=HERS),
    Line("POST /commerce/series/<uuid:recurring_id>/modifier", MERCHANTS_BY_FORM, 303, HERS, FILLED_WEEKLY),
    Line("POST /commerce/series/<uuid:recurring_id>/passer", MERCHANTS_BY_FORM, 303, HERS, NEXT),
    Line("POST /commerce/series/<uuid:recurring_id>/passer/annuler", MERCHANTS_BY_FORM, 303, HERS, NEXT),
    Line("GET /commerce/series/<uuid:recurring_id>/arreter", MERCHANTS_OR_SENT_AWAY, there=HERS),
    Line("POST /commerce/series/<uuid:recurring_id>/arreter", MERCHANTS_BY_FORM, 303, HERS, {}),
    Line("POST /api/v1/merchant/shops/<uuid:shop_id>/photos", TEAM_OFFERING, 201, HERS, A_PICTURE),
    Line("POST /api/v1/merchant/proposals/addresses", CLAIMING, json={"words": "12 rue de Lille Béthune"}),
    Line("POST /api/v1/merchant/proposals/company", CLAIMING, json={"siret": "73282932000074"}),
    Line("GET /commerce", MERCHANTS_OR_SENT_AWAY),
    Line("GET /commerce/nouveau", EVERYBODY),
    Line("POST /commerce/nouveau", MERCHANTS_BY_FORM, 303, form=CLAIM_FORM),
    Line("GET /commerce/<uuid:shop_id>", MERCHANTS_OR_SENT_AWAY, there=HERS),
    Line("GET /commerce/<uuid:shop_id>/horaires", OWNERS_OR_SENT_AWAY, there=HERS),
    Line("POST /commerce/<uuid:shop_id>/horaires", OWNERS_BY_FORM, 303, HERS, A_WEEK),
    Line("GET /commerce/<uuid:shop_id>/equipe", MERCHANTS_OR_SENT_AWAY, there=HERS),
    Line("POST /commerce/<uuid:shop_id>/equipe", OWNERS_BY_FORM, 303, HERS, {"email": ASKING["email"]}),
    Line("GET /commerce/<uuid:shop_id>/equipe/<uuid:member_id>/role", OWNERS_OR_SENT_AWAY, there=HERS),
    Line("POST /commerce/<uuid:shop_id>/equipe/<uuid:member_id>/role", OWNERS_BY_FORM, 303, HERS, {"role": "owner"}),
    Line("GET /commerce/<uuid:shop_id>/equipe/<uuid:member_id>/retirer", OWNERS_OR_SENT_AWAY, there=HERS),
    Line("POST /commerce/<uuid:shop_id>/equipe/<uuid:member_id>/retirer", OWNERS_BY_FORM, 303, HERS, {}),
    Line("GET /commerce/<uuid:shop_id>/journal", OWNERS_OR_SENT_AWAY, there=HERS),
    Line("GET /commerce/cles", MERCHANTS_OR_SENT_AWAY),
    Line("POST /commerce/cles", MERCHANTS_BY_FORM, form={"label": "Caisse", "scopes": "read"}),
    Line("GET /commerce/cles/<uuid:key_id>/revoquer", MERCHANTS_OR_SENT_AWAY, there=HERS, personal=True),
    Line("POST /commerce/cles/<uuid:key_id>/revoquer", MERCHANTS_BY_FORM, 303, HERS, {}, personal=True),
    Line("GET /commerce/<uuid:shop_id>/annonce", MERCHANTS_OR_SENT_AWAY, there=HERS),
    Line("POST /commerce/<uuid:shop_id>/annonce", MERCHANTS_BY_FORM, 303, HERS, WRITTEN),
    Line("POST /commerce/<uuid:shop_id>/photo", OWNERS_BY_FORM, 303, HERS, {"photo": A_PICTURE}),
    Line("POST /commerce/<uuid:shop_id>/photo/retirer", OWNERS_BY_FORM, 303, HERS, {}),
    Line("POST /commerce/<uuid:shop_id>/photo/remettre", OWNERS_BY_FORM, 303, HERS, {"photo": "{photo_id}"}),
    Line("POST /commerce/offres/<uuid:offer_id>/utilise", MERCHANTS_BY_FORM, 303, HERS, {}, PUBLIC_OR_ABSENT),
    Line(
        "POST /commerce/offres/<uuid:offer_id>/utilise/annuler",
        MERCHANTS_BY_FORM,
        303,
        HERS,
        UNDO_BY_FORM,
        (Side.FIRST, Side.ABSENT),
    ),
    Line("POST /commerce/offres/<uuid:offer_id>/parti", MERCHANTS_BY_FORM, 303, HERS, {}),
    Line("POST /commerce/offres/<uuid:offer_id>/parti/annuler", MERCHANTS_BY_FORM, 303, HERS, {}, uses=SOLD_OUT),
    Line("GET /commerce/offres/<uuid:offer_id>/corriger", MERCHANTS_OR_SENT_AWAY, there=HERS, sides=PUBLIC_OR_ABSENT),
    Line(
        "POST /commerce/offres/<uuid:offer_id>/corriger",
        MERCHANTS_BY_FORM,
        303,
        HERS,
        CORRECTED,
        sides=PUBLIC_OR_ABSENT,
    ),
    Line("GET /commerce/offres/<uuid:offer_id>/retirer", MERCHANTS_OR_SENT_AWAY, there=HERS),
    Line("POST /commerce/offres/<uuid:offer_id>/retirer", MERCHANTS_BY_FORM, 303, HERS, {}),
    Line("GET /commerce/offres/<uuid:offer_id>/resultats", MERCHANTS_OR_SENT_AWAY, there=HERS),
    Line("GET /commerce/offres/<uuid:offer_id>/resultats.csv", MERCHANTS_OR_SENT_AWAY, there=HERS),
    Line("GET /commerce/<uuid:shop_id>/resultats", MERCHANTS_OR_SENT_AWAY, there=HERS),
    Line("GET /commerce/<uuid:shop_id>/resultats.csv", MERCHANTS_OR_SENT_AWAY, there=HERS),
)
CLAIMED: Final = {"shop_id": "claimed_shop"}
SUSPENDED: Final = {"shop_id": "suspended_shop"}
LISTED: Final = {"shop_id": "listed_shop"}
CLOSED: Final = {"shop_id": "closed_shop"}
WHY: Final = {"reason": "Parce que"}
A_COST: Final = {
    "first": "2026-11-01",
    "last": "2026-11-30",
    "amount": {"amount": "900.00", "currency": "EUR"},
    "source": "Délibération du 3 novembre",
}
A_TARGET: Final = {"measure": "active-merchants", "since": "2026-W50", "value": 40, "reason": "Assez"}
VISIT: Final = {"proof": "visit", "visit": {"date": "2026-11-24", "seen_by": "Karima"}}
READ: Final = {"claim": "{claim_id}"}
SURE: Final = {"confirm": "yes", **WHY}
SEEN: Final = {"proof": "visit", "date": "2026-11-24", "seen_by": "Karima", "confirm": "yes"}
ANSWER: Final = {"words": "C’était le bon prix."}
AT_SHOP: Final = "/console/commerces/<uuid:shop_id>"
AT_REPORT: Final = "/console/signalements/<uuid:report_id>"
AT_MEMBER: Final = "/console/equipe/<uuid:member_id>"
APPEALED: Final = {"report_id": "appealed_report"}
WITHHELD: Final = {"offer_id": "withheld_offer"}
OF_THE_STAFF: Final = {"member_id": "colleague"}
OF_STAFF: Final = (
    Line(
        "POST /api/v1/merchant/shops/<uuid:shop_id>/claim",
        CLAIMING,
        201,
        EXISTING,
        uses=LISTED,
        json={"siret": "73282932000074"},
    ),
    Line("POST /api/v1/merchant/shops/<uuid:shop_id>/prove", OWNERS, there=HERS, uses=CLAIMED, json={"code": "K7QF"}),
    Line("POST /commerce/<uuid:shop_id>/code", OWNERS_BY_FORM, 303, HERS, {"code": "K7QF"}, uses=CLAIMED),
    Line("GET /console", CONSOLE_OR_SENT_AWAY),
    Line("GET /console/cle", CONSOLE_OR_SENT_AWAY, 303),
    Line("GET /console/mesures", CONSOLE_OR_SENT_AWAY),
    Line("GET /console/mesures/de/<key>", CONSOLE_OR_SENT_AWAY, there=PUBLISHED, uses={"key": "measure"}),
    Line("GET /console/mesures/de/<key>/courbe.svg", CONSOLE_OR_SENT_AWAY, there=PUBLISHED, uses={"key": "measure"}),
    Line("GET /console/mesures/secteurs", CONSOLE_OR_SENT_AWAY),
    Line("GET /console/mesures/secteurs/carte.svg", CONSOLE_OR_SENT_AWAY),
    Line("GET /console/mesures/comparer", CONSOLE_OR_SENT_AWAY),
    Line("GET /console/mesures/objectifs", CONSOLE_OR_SENT_AWAY),
    Line("POST /console/mesures/objectifs", MODERATORS_BY_FORM, 303, form={**A_TARGET, "value": "40"}),
    Line(
        "POST /console/mesures/objectifs/<uuid:target_id>/approuver",
        ADMINISTRATORS_BY_FORM,
        303,
        there=EXISTING,
        form={"confirm": "yes"},
    ),
    Line("GET /console/mesures/depenses", CONSOLE_OR_SENT_AWAY),
    Line("POST /console/mesures/depenses", ADMINISTRATORS_BY_FORM, 303, form={**A_COST, "amount": "900,00"}),
    Line("GET /console/mesures/rapports/<period>", CONSOLE_OR_SENT_AWAY, there=PUBLISHED),
    Line("GET /console/mesures/rapports/<period>/rapport.pdf", CONSOLE_OR_SENT_AWAY, there=PUBLISHED),
    Line("GET /console/mesures/rapports/<period>/entites.jsonld", CONSOLE_OR_SENT_AWAY, there=PUBLISHED),
    Line("GET /console/mesures/envois", CONSOLE_OR_SENT_AWAY),
    Line(
        "POST /console/mesures/envois/<period>/renvoyer",
        ADMINISTRATORS_BY_FORM,
        303,
        there=PUBLISHED,
        form={"confirm": "yes"},
    ),
    Line("GET /console/commerces", CONSOLE_OR_SENT_AWAY),
    Line(f"GET {AT_SHOP}", CONSOLE_OR_SENT_AWAY, there=EXISTING),
    Line(f"POST {AT_SHOP}/verifier", MODERATORS_BY_FORM, 303, EXISTING, {**SEEN, **READ}, uses=CLAIMED),
    Line(f"POST {AT_SHOP}/refuser", MODERATORS_BY_FORM, 303, EXISTING, {**SURE, **READ}, uses=CLAIMED),
    Line(f"POST {AT_SHOP}/lettre", MODERATORS_BY_FORM, 200, EXISTING, READ, uses=CLAIMED),
    Line(f"POST {AT_SHOP}/suspendre", MODERATORS_BY_FORM, 303, EXISTING, WHY),
    Line(f"POST {AT_SHOP}/retablir", MODERATORS_BY_FORM, 303, EXISTING, WHY, uses=SUSPENDED),
    Line(f"POST {AT_SHOP}/arreter", MODERATORS_BY_FORM, 303, EXISTING, WHY),
    Line(f"POST {AT_SHOP}/reprendre", MODERATORS_BY_FORM, 303, EXISTING, WHY, uses={"shop_id": "stopped_shop"}),
    Line("GET /console/signalements", CONSOLE_OR_SENT_AWAY),
    Line(f"GET {AT_REPORT}", CONSOLE_OR_SENT_AWAY, there=EXISTING),
    Line(f"POST {AT_REPORT}/retenir", MODERATORS_BY_FORM, 303, EXISTING, SURE),
    Line(f"POST {AT_REPORT}/ecarter", MODERATORS_BY_FORM, 303, EXISTING, WHY),
    Line(f"POST {AT_REPORT}/recours/accepter", MODERATORS_BY_FORM, 303, EXISTING, WHY, uses=APPEALED),
    Line(f"POST {AT_REPORT}/recours/refuser", MODERATORS_BY_FORM, 303, EXISTING, WHY, uses=APPEALED),
    Line("GET /console/envois", CONSOLE_OR_SENT_AWAY),
    Line("POST /console/envois", ADMINISTRATORS_BY_FORM, 303, form={"act": "stop", "word": "tout", **WHY}),
    Line("POST /console/envois/regle", ADMINISTRATORS_BY_FORM, 303, form={"slug": "", "most": "2", **WHY}),
    Line("GET /console/journal", CONSOLE_OR_SENT_AWAY),
    Line("GET /console/equipe", ADMINISTRATORS_OR_SENT_AWAY),
    Line("POST /console/equipe", ADMINISTRATORS_BY_FORM, 303, form={"email": "lou@cluster.example", "role": "watch"}),
    Line(f"POST {AT_MEMBER}/role", ADMINISTRATORS_BY_FORM, 303, EXISTING, {"role": "moderate"}, uses=OF_THE_STAFF),
    Line(f"GET {AT_MEMBER}/retirer", ADMINISTRATORS_OR_SENT_AWAY, there=EXISTING, uses=OF_THE_STAFF),
    Line(f"POST {AT_MEMBER}/retirer", ADMINISTRATORS_BY_FORM, 303, EXISTING, {"confirm": "yes"}, uses=OF_THE_STAFF),
    Line("GET /commerce/offres/<uuid:offer_id>/contester", MERCHANTS_OR_SENT_AWAY, there=HERS, uses=WITHHELD),
    Line("POST /commerce/offres/<uuid:offer_id>/contester", MERCHANTS_BY_FORM, 303, HERS, ANSWER, uses=WITHHELD),
    Line("GET /api/v1/staff/shops", WATCHING),
    Line("GET /api/v1/staff/shops/<uuid:shop_id>", WATCHING, there=EXISTING),
    Line("POST /api/v1/staff/shops/<uuid:shop_id>/verify", MODERATING, there=EXISTING, uses=CLAIMED, json=VISIT),
    Line("POST /api/v1/staff/shops/<uuid:shop_id>/refuse", MODERATING, there=EXISTING, uses=CLAIMED, json=WHY),
    Line("POST /api/v1/staff/shops/<uuid:shop_id>/code", MODERATING, 201, EXISTING, uses=CLAIMED),
    Line("POST /api/v1/staff/shops/<uuid:shop_id>/suspend", MODERATING, there=EXISTING, json=WHY),
    Line("POST /api/v1/staff/shops/<uuid:shop_id>/reinstate", MODERATING, there=EXISTING, uses=SUSPENDED, json=WHY),
    Line("POST /api/v1/staff/shops/<uuid:shop_id>/close", MODERATING, there=EXISTING, uses=LISTED, json=WHY),
    Line("POST /api/v1/staff/shops/<uuid:shop_id>/reopen", MODERATING, there=EXISTING, uses=CLOSED, json=WHY),
    Line("GET /api/v1/staff/reports", WATCHING),
    Line("POST /api/v1/staff/reports/<uuid:report_id>/uphold", MODERATING, there=EXISTING, json=WHY),
    Line("POST /api/v1/staff/reports/<uuid:report_id>/dismiss", MODERATING, there=EXISTING, json=WHY),
    Line("GET /api/v1/pilot/reports", EVERYBODY),
    Line("POST /api/v1/pilot/reports/<period>/send", ADMINISTERING, there=PUBLISHED),
    Line("GET /api/v1/staff/pilot/targets", WATCHING),
    Line("POST /api/v1/staff/pilot/targets", MODERATING, 201, json=A_TARGET),
    Line("POST /api/v1/staff/pilot/targets/<uuid:target_id>/approve", ADMINISTERING, there=EXISTING),
    Line("GET /api/v1/staff/pilot/costs", WATCHING),
    Line("POST /api/v1/staff/pilot/costs", ADMINISTERING, 201, json=A_COST),
    Line("GET /api/v1/staff/sending", WATCHING),
    Line("POST /api/v1/staff/sending/stop", MODERATING, json={"shop_id": "{shop_id}", **WHY}),
    Line("POST /api/v1/staff/sending/resume", MODERATING, json={"shop_id": "{stopped_shop}", **WHY}),
    Line("GET /api/v1/staff/sending/rules", WATCHING),
    Line(
        "PUT /api/v1/staff/sending/rules",
        ADMINISTERING,
        json={"shop_id": "{shop_id}", "announcements_a_day": 2, **WHY},
    ),
    Line("GET /api/v1/staff/audit", ADMINISTERING),
    Line("GET /api/v1/staff/demand", WATCHING),
    Line("GET /api/v1/staff/demand/<uuid:awaited_id>/letter", WATCHING, there=EXISTING),
)
TABLE: Final = (*PUBLIC, *THE_WAY_IN, *OF_CITIZENS, *OF_MERCHANTS, *OF_STAFF)
