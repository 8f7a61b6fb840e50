"""What a merchant writes into the form of an offer: read into a draft, each fault at its field, and shown again."""

import datetime as dt
import re
import uuid
from collections.abc import Mapping
from typing import Any, Final

from citylife.clock import PARIS
from citylife.moments import until_words
from citylife.offers import Offer, OfferDraft, OfferKind
from citylife.offers.drafts import FARTHEST, NEAREST
from citylife.photos import PhotoUnknown
from citylife.wording import Sentence, say

OTHER: Final = "autre"
"""The choice of an end by its date and hour."""
CLOSING: Final = 20
LATE: Final = 19
"""From this hour on, this evening ends at midnight."""
SUNDAY: Final = 6
AMOUNT: Final = re.compile(r"(\d{1,7})(?:[.,](\d{1,2}))?", re.ASCII)
LONGEST_WORD: Final = 40
LONGEST_TEXT: Final = 2000
DEFAULT_RADIUS: Final = "5000"
LABELS: Final = {
    "kind": Sentence("C’est"),
    "title": Sentence("Titre"),
    "until": Sentence("Jusqu’à quand"),
    "ends_at": Sentence("Date et heure de fin"),
    "price": Sentence("Prix en euros"),
    "prior_price": Sentence("Prix le plus bas des 30 derniers jours, en euros"),
    "reduction": Sentence("C’est une réduction"),
    "perishable": Sentence("Denrée périssable : sans prix antérieur"),
    "description": Sentence("Détails"),
    "quantity": Sentence("Quantité"),
    "radius": Sentence("Rayon, en mètres"),
    "starts_at": Sentence("Paraît le"),
    "photo_id": Sentence("Photo"),
}
"""The fields of the form, as their names in the domain."""
TEXTS: Final = {"title", "description"}
DAYS: Final = tuple(f"day_{weekday}" for weekday in range(7))
"""The boxes of the days on which an announcement comes again, from Monday on."""
OF_RHYTHM: Final = (*DAYS, "at", "lasts", "hours", "until_time", "last_day")
"""The fields of the form that say when an announcement comes again, and for how long each time."""
USUAL_RHYTHM: Final = {"at": "08:00", "lasts": "tonight"}


class Faults(Exception):
    """Fields that cannot be read: what to say, by the field's name."""

    def __init__(self, said: dict[str, str]) -> None:
        super().__init__()
        self.said = said


def evenings(now: dt.datetime, locale: str) -> list[tuple[str, str]]:
    """This evening, tomorrow's and Sunday's, where they differ: a value (Paris's own time) and its words."""
    here = now.astimezone(PARIS)
    tonight = dt.datetime.combine(here.date(), dt.time(CLOSING), tzinfo=PARIS)
    if here.hour >= LATE:
        tonight = dt.datetime.combine(here.date() + dt.timedelta(days=1), dt.time(0), tzinfo=PARIS)
    days = [1]
    if (to_sunday := SUNDAY - here.weekday()) > 1:
        days.append(to_sunday)
    later = [
        dt.datetime.combine(here.date() + dt.timedelta(days=ahead), dt.time(CLOSING), tzinfo=PARIS) for ahead in days
    ]
    return [(moment_written(end), until_words(end, now=now, locale=locale)) for end in (tonight, *later)]


def written_in(form: Mapping[str, str]) -> dict[str, str]:
    """What was written, to be shown again; an empty form has its defaults."""
    written = {name: form.get(name, "")[: LONGEST_TEXT if name in TEXTS else LONGEST_WORD] for name in LABELS}
    written["kind"] = written["kind"] or OfferKind.OFFER.value
    written["radius"] = written["radius"] or DEFAULT_RADIUS
    written["photo_id"] = photo_in(form)
    written |= {name: form.get(name, "")[:LONGEST_WORD] for name in ("draft", "version", *OF_RHYTHM)}
    return written | {name: written[name] or usual for name, usual in USUAL_RHYTHM.items()}


def written_of(offer: Offer) -> dict[str, str]:
    """An offer done again: all but its dates, and the prior price, which thirty other days decide.

    Nor the photo of one that staff withdrew: what they took away does not come back by itself.
    """
    photo_id = None if offer.withdrawn_reason is not None else offer.photo_id
    return written_in(
        {
            "kind": offer.kind.value,
            "title": offer.title,
            "description": offer.description,
            "price": "" if offer.price is None else price_written(offer.price),
            "reduction": "1" if offer.reduction else "",
            "perishable": "1" if offer.perishable else "",
            "quantity": "" if offer.quantity is None else str(offer.quantity),
            "radius": str(offer.radius),
            "photo_id": "" if photo_id is None else str(photo_id),
        }
    )


def written_back(offer: Offer, *, now: dt.datetime) -> dict[str, str]:
    """An offer that was withdrawn wrongly, for its merchant to publish again: until when it was to last, if to come.

    Of a reduction that goes on, the prior price is that before the first one (article L112-1-1 of the Code de la
    consommation).
    """
    whole = written_whole(offer, now=now)
    return written_of(offer) | {name: whole[name] for name in ("until", "ends_at", "prior_price")}


def written_whole(offer: Offer, *, now: dt.datetime) -> dict[str, str]:
    """An offer that is written on: also its dates, where they are to come, its prior price, and its version."""
    begins = offer.starts_at if offer.starts_at is not None and offer.starts_at > now else None
    ends = offer.ends_at if offer.ends_at > now else None
    return written_of(offer) | {
        "until": moment_written(ends),
        "ends_at": moment_written(ends),
        "starts_at": moment_written(begins),
        "prior_price": "" if offer.prior_price is None else price_written(offer.prior_price),
        "draft": str(offer.id),
        "version": str(offer.version),
    }


def moment_written(moment: dt.datetime | None) -> str:
    """A moment as browsers write it, in Paris's own time; nothing where there is none."""
    return "" if moment is None else f"{moment.astimezone(PARIS):%Y-%m-%dT%H:%M}"


def read_draft(form: Mapping[str, str], locale: str, *, begins: bool) -> OfferDraft:
    """The draft that was written; `begins` heeds the beginning, where there is one.

    Raises:
        Faults: fields that cannot be read; what breaks a rule of the house is for the domain to say.
    """
    words, said = words_in(form, locale)
    ends_at = end_in(form)
    if ends_at is None:
        at = "ends_at" if form.get("until") == OTHER else "until"
        said[at] = say(Sentence("Choisissez jusqu’à quand, avec une date et une heure."), locale)
    starts_at = None
    if begins:
        try:
            starts_at = start_of(form, locale, needed=False)
        except Faults as faults:
            said |= faults.said
    prior_price = _cents(form, "prior_price", said, locale)
    if said or ends_at is None:
        raise Faults(said)
    return OfferDraft(**words, ends_at=ends_at, starts_at=starts_at, prior_price=prior_price)


def words_in(form: Mapping[str, str], locale: str) -> tuple[dict[str, Any], dict[str, str]]:
    """What an announcement says but its dates and its prior price, by the names of the domain; what cannot be read."""
    said: dict[str, str] = {}
    price = _cents(form, "price", said, locale)
    numbers = {name: _whole(form.get(name, "").strip()) for name in ("quantity", "radius")}
    said |= {
        name: say(Sentence("Écrivez un nombre entier, comme 5."), locale)
        for name, number in numbers.items()
        if number is None and (form.get(name, "").strip() or name == "radius")
    }
    kind = next((kind for kind in OfferKind if kind.value == form.get("kind", OfferKind.OFFER.value)), None)
    if kind is None:
        said["kind"] = say(Sentence("Choisissez ce que c’est."), locale)
    photo_id = None
    try:
        photo_id = uuid.UUID(photo_in(form)) if photo_in(form) else None
    except ValueError:
        said["photo_id"] = say(Sentence(PhotoUnknown.sentence), locale)
    words = {
        "kind": kind,
        "title": form.get("title", ""),
        "description": form.get("description", ""),
        "price": price,
        "reduction": form.get("reduction") == "1",
        "perishable": form.get("perishable") == "1",
        "quantity": numbers["quantity"],
        "radius": numbers["radius"] or 0,
        "photo_id": photo_id,
    }
    return words, said


def photo_in(form: Mapping[str, str]) -> str:
    """The id of the photo that was chosen; nothing where there is none, or it was taken off again."""
    return "" if form.get("without_photo") == "1" else form.get("photo_id", "")[:LONGEST_WORD]


def start_of(form: Mapping[str, str], locale: str, *, needed: bool) -> dt.datetime | None:
    """When it is to appear; None where nothing is written and nothing is needed.

    Raises:
        Faults: it cannot be read, or is needed.
    """
    moment = start_in(form)
    if moment is None and (form.get("starts_at", "").strip() or needed):
        raise Faults({"starts_at": say(Sentence("Pour programmer, dites quel jour et à quelle heure."), locale)})
    return moment


def end_in(form: Mapping[str, str]) -> dt.datetime | None:
    """Until when, of the choice that was made; None where it cannot be read."""
    choice = form.get("until", "")
    return _moment(form.get("ends_at", "") if choice == OTHER else choice)


def start_in(form: Mapping[str, str]) -> dt.datetime | None:
    """When it is to appear; None where nothing that can be read is written."""
    return _moment(form.get("starts_at", "").strip())


def radius_in(form: Mapping[str, str]) -> int | None:
    """How far it is proposed, in metres; None where it is no distance that an offer may have."""
    radius = _whole(form.get("radius", "").strip())
    return radius if radius is not None and NEAREST <= radius <= FARTHEST else None


def cents_in(written: str) -> int | None:
    """A price in euros as cents; None where it is none."""
    found = AMOUNT.fullmatch(written.strip().removesuffix("€").strip())
    return None if found is None else int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0"))


def price_written(cents: int) -> str:
    """A price as the form shows it: « 4,50 »."""
    return f"{cents // 100},{cents % 100:02}"


def _cents(form: Mapping[str, str], name: str, said: dict[str, str], locale: str) -> int | None:
    """A price of the form as cents; where it cannot be read, `said` is told."""
    cents = cents_in(form.get(name, ""))
    if cents is None and form.get(name, "").strip():
        said[name] = say(Sentence("Écrivez un prix en euros, comme 4,50."), locale)
    return cents


def _moment(written: str) -> dt.datetime | None:
    """A moment as browsers write it, in Paris's own time."""
    try:
        moment = dt.datetime.strptime(written[:16], "%Y-%m-%dT%H:%M")  # noqa: DTZ007 - Paris's, which is said next
    except ValueError:
        return None
    return moment.replace(tzinfo=PARIS)


def _whole(written: str) -> int | None:
    return int(written) if written.isascii() and written.isdigit() and len(written) <= len("1000000") else None
