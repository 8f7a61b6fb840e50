"""What is written of a shop that is claimed, field by field, and the places it may be: as forms send them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from blueprints.pages.language import page_locale
from citylife.errors import Refusal
from citylife.geography import communes
from citylife.registers import ProposedAddress
from citylife.shops.claims import NumberNeeded
from citylife.shops.facts import check_rna, check_siret
from citylife.text import plainly
from citylife.wording import say

LONGEST: Final = {"number": 24, "name": 120, "category": 24, "address": 200, "street": 160, "postal_code": 5}
"""Characters that each field of the form takes."""
FIELDS: Final = {"/siret": "number", "/rna": "number", "/number": "number", "/name": "name", "/category": "category"}
"""The field of the form that a refusal points at; what points elsewhere is about the place."""


@dataclass
class Sheet:
    """What was written, as it was, and what is wrong with it, by field."""

    number: str = ""
    name: str = ""
    category: str = ""
    address: str = ""
    street: str = ""
    postal_code: str = ""
    commune: str = ""
    at: str = ""
    pin: str = ""
    faults: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, form: Mapping[str, str]) -> "Sheet":
        """The sheet of a form; what is too long to be kept is cut."""
        texts: dict[str, Any] = {name: form.get(name, "").strip()[:longest] for name, longest in LONGEST.items()}
        return cls(
            **texts, commune=form.get("commune", "")[:5], at=form.get("at", "")[:600], pin=form.get("pin", "")[:40]
        )

    def numbers(self) -> dict[str, str | None]:
        """The number as a SIRET, or as an association's RNA.

        Raises:
            NumberNeeded, SiretRefused, RnaRefused: it is neither.
        """
        if not self.number:
            raise NumberNeeded(pointer="/siret")
        if self.number[0] in "Ww":
            return {"siret": None, "rna": check_rna(self.number)}
        return {"siret": check_siret(self.number), "rna": None}

    def blame(self, refusal: Refusal) -> None:
        """Write a refusal beside the field that it is about."""
        self.faults[FIELDS.get(refusal.pointer or "", "place")] = say(refusal.detail, page_locale())


@dataclass(frozen=True, slots=True)
class Spot:
    """A place that may be the shop's: what the button says, what it sends, and where it is, degrees WGS 84."""

    label: str
    value: str
    latitude: float
    longitude: float


def spot_of(sheet: Sheet) -> dict[str, Any] | None:
    """Where the shop is, as it was confirmed: an address, or a commune; the pin's place where it was moved."""
    spot = _written(sheet.at)
    if spot is None:
        commune = communes().get(sheet.commune)
        if commune is None:
            return None
        spot = {
            "street": sheet.street or sheet.address[: LONGEST["street"]],
            "postal_code": sheet.postal_code,
            "insee_code": commune.insee_code,
            "latitude": commune.latitude,
            "longitude": commune.longitude,
        }
    moved = _pin(sheet.pin)
    return spot | moved


def _written(at: str) -> dict[str, Any] | None:
    """An address as its button sends it; None where none was chosen, or where what was sent cannot be read."""
    try:
        said = orjson.loads(at)
        return {
            "street": str(said["street"])[: LONGEST["street"]],
            "postal_code": str(said["postal_code"])[: LONGEST["postal_code"]],
            "insee_code": str(said["insee_code"]),
            "latitude": float(said["latitude"]),
            "longitude": float(said["longitude"]),
        }
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None


def _pin(text: str) -> dict[str, float]:
    """Where the pin was moved to; nothing where it was not, or where what was sent is no place."""
    try:
        latitude, longitude = (float(part) for part in text.split(","))
    except ValueError:
        return {}
    return {"latitude": latitude, "longitude": longitude}


def confirmed_address(sheet: Sheet) -> Sequence[ProposedAddress]:
    """The address that was confirmed, to be shown again without asking for it once more."""
    spot = _written(sheet.at)
    if spot is None or spot["insee_code"] not in communes():
        return ()
    label = " ".join(f"{spot['street']} {spot['postal_code']} {communes()[spot['insee_code']].name}".split())
    return (ProposedAddress(label=label, **spot),)


def sent_spot(address: ProposedAddress) -> Spot:
    """An address as a button of the form."""
    value = {
        "street": address.street,
        "postal_code": address.postal_code,
        "insee_code": address.insee_code,
        "latitude": address.latitude,
        "longitude": address.longitude,
    }
    return Spot(address.label, orjson.dumps(value).decode(), address.latitude, address.longitude)


def guess_place(sheet: Sheet) -> None:
    """Fill in the commune, the postal code and the street that the address seems to say, where none was chosen."""
    words = plainly(sheet.address).split()
    code = next((word for word in words if len(word) == LONGEST["postal_code"] and word.isdigit()), "")
    sheet.postal_code = sheet.postal_code or code
    sheet.street = sheet.street or sheet.address[: LONGEST["street"]]
    if sheet.commune:
        return
    said = f" {' '.join(words)} "
    named = [facts for facts in communes().values() if f" {plainly(facts.name)} " in said]
    under = [facts for facts in communes().values() if code in facts.postal_codes]
    if named:  # « rue de Béthune, Bruay-la-Buissière »: the commune is named last
        sheet.commune = max(named, key=lambda facts: said.rfind(f" {plainly(facts.name)} ")).insee_code
    elif len(under) == 1:
        sheet.commune = under[0].insee_code
