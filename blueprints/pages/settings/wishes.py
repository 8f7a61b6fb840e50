"""How she is told: quiet hours, budget, digest, discovery and language, a form each; and the rules in plain words."""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from flask import Response, make_response, redirect, render_template, request, url_for

from blueprints.guards import check_same_origin, citizen_or_none, current_citizen
from blueprints.house import house, now
from blueprints.pages.language import NAMES, page_locale
from blueprints.pages.settings.answers import Fault, agreed_to, fault_of
from blueprints.storage import db
from blueprints.transactions import transaction
from citylife.accounts.citizens import MOST_A_DAY, MOST_A_WEEK, Citizen, Wishes, WishRefused, change_wishes
from citylife.audience.promises import Rule, promises
from citylife.consent import TEXTS, Purpose
from citylife.errors import Absent, Refusal
from citylife.follows import MOST_ALWAYS, always_of
from citylife.ledger.sending import sending_now
from citylife.places import NoLocationConsent, places_of
from citylife.wording import Sentence, say


class Part(Enum):
    """A form of the page; its value is the anchor where its reader comes back."""

    QUIET = "heures-calmes"
    BUDGET = "budget"
    DIGEST = "recapitulatif"
    DISCOVERY = "decouverte"
    LANGUAGE = "langue"


@dataclass(frozen=True, slots=True)
class Way:
    """A page that the settings lead to."""

    endpoint: str
    title: Sentence
    about: Sentence


WAYS: Final = (
    Way(
        "settings.read_history",
        Sentence("Pourquoi ai‑je reçu ceci ?"),
        Sentence("Chaque offre de vos commerces : annoncée ou non, et pour quelle raison."),
    ),
    Way(
        "settings.read_places",
        Sentence("Mes lieux"),
        Sentence("Deux communes ou secteurs au plus, pour ce qui est proche."),
    ),
    Way(
        "settings.read_by_mail",
        Sentence("Par courriel, une fois par semaine"),
        Sentence("Les offres que rien ne vous a dites, dans une lettre le vendredi."),
    ),
    Way(
        "settings.read_phone",
        Sentence("Changer de téléphone"),
        Sentence("Emmener vos commerces, ou préparer le jour où ce téléphone se perd."),
    ),
    Way(
        "settings.read_kept",
        Sentence("Mes données"),
        Sentence("Vos accords, tout emporter, tout effacer."),
    ),
)
"""In the order they are shown."""
ALWAYS: Final = "toujours"
OTHERS: Final = "regles"
TOLD_IN: Final = {
    Rule.QUIET_HOURS: Part.QUIET.value,
    Rule.SUNDAYS: Part.QUIET.value,
    Rule.BUDGET: Part.BUDGET.value,
    Rule.DRAW: Part.BUDGET.value,
    Rule.DIGEST: Part.DIGEST.value,
    Rule.ALWAYS: ALWAYS,
    Rule.NEARNESS: ALWAYS,
    Rule.DISCOVERY: Part.DISCOVERY.value,
}
"""In which part of the page a rule is told; the others stand together at its end."""
LONGEST_WORD: Final = 40


def read_settings() -> str:
    """Her settings and what they mean; whoever is nobody yet reads how to begin."""
    saved = request.args.get("saved")
    return _page(citizen_or_none(), saved=next((part for part in Part if part.value == saved), None))


@transaction()
def save_settings() -> Response:
    """Save one form whole, or nothing of it: what is refused stays written, with the reason at its field."""
    check_same_origin()
    citizen = current_citizen()
    part = _part(request.form.get("part", ""))
    try:
        wishes = _wishes(part, request.form)
        if part is Part.DISCOVERY and wishes.discover_nearby and not citizen.location_consented:
            agreed_to(citizen, Purpose.LOCATION, otherwise=NoLocationConsent)
        change_wishes(db.session(), citizen, wishes, now=now())
    except Refusal as refusal:
        db.session().rollback()
        fault = fault_of(refusal, FIELDS[part], _written(part, request.form))
        return make_response(_page(citizen, fault=fault), refusal.status)
    lang = request.form["locale"] if part is Part.LANGUAGE else None
    address = url_for("settings.read_settings", saved=part.value, lang=lang, _anchor=part.value)
    return make_response(redirect(address, 303))


def _page(citizen: Citizen | None, *, saved: Part | None = None, fault: Fault | None = None) -> str:
    session, locale = db.session(), page_locale()
    values: dict[str, Any] = {} if citizen is None else _kept(citizen)
    return render_template(
        "settings/settings.html",
        citizen=citizen,
        values=values | (fault.written if fault else {}),
        told={} if citizen is None else _told(citizen, locale),
        always=[] if citizen is None else always_of(session, citizen.id),
        most_always=MOST_ALWAYS,
        most={"weekly_budget": MOST_A_WEEK, "daily_budget": MOST_A_DAY},
        places=0 if citizen is None else len(places_of(session, citizen.id, now=now())),
        consent=TEXTS[Purpose.LOCATION],
        languages=NAMES,
        part=Part,
        saved=saved,
        fault=fault,
        ways=WAYS,
    )


def _kept(citizen: Citizen) -> dict[str, Any]:
    """Her settings as the fields show them."""
    return {
        "quiet_from": f"{citizen.quiet_from:%H:%M}",
        "quiet_until": f"{citizen.quiet_until:%H:%M}",
        "quiet_sundays": citizen.quiet_sundays,
        "weekly_budget": citizen.weekly_budget,
        "daily_budget": citizen.daily_budget,
        "digest": citizen.digest,
        "digest_at": f"{citizen.digest_at:%H:%M}",
        "discover_nearby": citizen.discover_nearby,
        "locale": citizen.locale,
    }


FIELDS: Final[Mapping[Part, Sequence[str]]] = {
    Part.QUIET: ("quiet_from", "quiet_until", "quiet_sundays"),
    Part.BUDGET: ("weekly_budget", "daily_budget"),
    Part.DIGEST: ("digest", "digest_at"),
    Part.DISCOVERY: ("discover_nearby",),
    Part.LANGUAGE: ("locale",),
}
CHECKED: Final = frozenset({"quiet_sundays", "digest", "discover_nearby"})
TIMES: Final = frozenset({"quiet_from", "quiet_until", "digest_at"})
NUMBERS: Final = frozenset({"weekly_budget", "daily_budget"})


def _wishes(part: Part, form: Mapping[str, str]) -> Wishes:
    """What a form wishes; a box that is not ticked is not sent, and means no.

    Raises:
        WishRefused: an hour or a number cannot be read.
    """
    return Wishes(**{name: _read(name, form.get(name, "").strip()) for name in FIELDS[part]})


def _read(name: str, written: str) -> Any:
    if name in CHECKED:
        return written == "1"
    if name in TIMES:
        return _time(name, written)
    if name in NUMBERS:
        if not (written.isascii() and written.isdigit() and len(written) < LONGEST_WORD):
            raise WishRefused(Sentence("Écrivez un nombre entier, comme 5."), pointer=f"/{name}")
        return int(written)
    return written[:LONGEST_WORD]


def _time(name: str, written: str) -> dt.time:
    hour, colon, minute = written[:5].partition(":")
    if colon and hour.isascii() and minute.isascii() and hour.isdigit() and minute.isdigit():
        try:
            return dt.time(int(hour), int(minute))
        except ValueError:
            pass
    raise WishRefused(Sentence("Écrivez une heure, comme 20:00."), pointer=f"/{name}")


def _written(part: Part, form: Mapping[str, str]) -> dict[str, Any]:
    """What was written in a form, to be shown again."""
    said = {name: form.get(name, "")[:LONGEST_WORD] for name in FIELDS[part]}
    return {name: value == "1" if name in CHECKED else value for name, value in said.items()}


def _told(citizen: Citizen, locale: str) -> Mapping[str, Sequence[str]]:
    """The rules as they stand for her, by the part of the page that tells them."""
    told: dict[str, list[str]] = defaultdict(list)
    sending = sending_now(db.session(), house().settings.aipd_date)
    for promise in promises(db.session(), citizen, sending, now=now()):
        told[TOLD_IN.get(promise.rule, OTHERS)].append(say(promise.sentence, locale))
    return told


def _part(said: str) -> Part:
    """The form that was sent.

    Raises:
        Absent: it is none of this page.
    """
    try:
        return Part(said)
    except ValueError:
        raise Absent from None
