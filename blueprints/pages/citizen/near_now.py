"""« Près de moi, maintenant » on the page « Autour »: what her tap brought, or why nothing, in plain words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from blueprints.house import house, now
from blueprints.limits import count_of
from blueprints.pages.settings.answers import Fault, agreed_to
from blueprints.storage import db
from citylife.accounts.citizens import Citizen
from citylife.audience.near_me_now import TAPS, Told, tell_near
from citylife.consent import TEXTS, ConsentText, Purpose
from citylife.devices import devices_of
from citylife.ledger.sending import TOLD_HER, Sending, sending_now
from citylife.places import COARSENED, Area, NoLocationConsent
from citylife.wording import Sentence

NOTHING: Final = Sentence(
    "Rien de nouveau pour l’instant : aucun commerce que vous suivez n’a près de là une offre en cours dont Citylife "
    "ne vous ait pas déjà parlé."
)


@dataclass(frozen=True, slots=True)
class NearNow:
    """The part of the page: whether a device of hers would show it, what is left to agree to, and what was answered."""

    hears: bool
    consent: ConsentText | None
    said: Sequence[Sentence] = ()
    fault: Fault | None = None


def near_now(citizen: Citizen | None, *, said: Sequence[Sentence] = (), fault: Fault | None = None) -> NearNow | None:
    """The part as it stands for her; none for whoever is nobody yet."""
    if citizen is None:
        return None
    return NearNow(
        hears=citizen.notifications_consented and bool(devices_of(db.session(), citizen.id)),
        consent=None if citizen.location_consented else TEXTS[Purpose.LOCATION],
        said=said,
        fault=fault,
    )


def ask_near_now(citizen: Citizen, area: Area) -> Sequence[Sentence]:
    """Tell her at once of what is live in the area, which becomes her « now »; what the page says of it.

    Raises:
        NoLocationConsent: she has not agreed that a place is kept, nor does by this form.
        TextUnknown: she read other words than today's.
        NoConsent: she has not agreed to notifications.
        TooFast: she asked too often.
    """
    if not citizen.location_consented:
        agreed_to(citizen, Purpose.LOCATION, otherwise=NoLocationConsent)
    count_of(TAPS, str(citizen.id))
    sending = sending_now(db.session(), house().settings.aipd_date)
    told = tell_near(db.session(), citizen, area, now=now(), sending=sending)
    words = _words(told, sending)
    return [words, COARSENED] if area.coarsened else [words]


def _words(told: Told, sending: Sending) -> Sentence:
    if sending in TOLD_HER:
        return Sentence(TOLD_HER[sending])
    if told.offers == 0:
        return NOTHING
    if told.offers == 1:
        return Sentence("C’est parti : une notification vous dit ce qui est en cours, une offre.")
    return Sentence("C’est parti : une notification vous dit ce qui est en cours, {count} offres.", count=told.offers)
