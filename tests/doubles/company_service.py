"""« Recherche d’entreprises » on loopback: it speaks as the public service does, and takes nothing it would not take.

It checks the path, the names and values of the query and the User-Agent; what breaks a rule is answered 400 and kept
in `faults`. A search finds a firm by the SIRET of its seat or of another establishment, as the real one does.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from tests.doubles.address_service import Trouble, listening

PATH: Final = "/search"
PARAMETERS: Final = {"q", "page", "per_page", "minimal", "include", "code_postal", "code_commune"}
MOST: Final = 25
HIDDEN: Final = "[NON-DIFFUSIBLE]"


@dataclass(frozen=True, slots=True)
class Establishment:
    """An establishment: its SIRET, its firm's name, its sign, its address, whether it is told of and open."""

    siret: str
    firm: str = "SARL LEON ET FILS"
    sign: str | None = "CHEZ LEON"
    address: str = "12 RUE DE LILLE 62400 BETHUNE"
    told_of: bool = True
    open: bool = True
    seat: bool = True


@dataclass
class PlayedCompanyService:
    """What it knows, what it was asked, and what was wrong with that."""

    known: list[Establishment] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    always: Trouble | None = None
    asked: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, target: str, agent: str) -> Trouble:
        """What a GET is answered."""
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        self.asked.append(query.get("q", ""))
        fault = self._fault(parts.path, query, agent)
        if fault is not None:
            self.faults.append(fault)
            return Trouble(400, body=json.dumps({"erreur": fault}).encode())
        trouble = self.troubles.pop(0) if self.troubles else self.always
        if trouble is not None and (trouble.body is not None or trouble.status != 200):
            return trouble
        found = [one for one in self.known if one.siret == query["q"]]
        body = {
            "results": [_firm(one) for one in found],
            "total_results": len(found),
            "page": int(query.get("page", "1")),
            "per_page": int(query.get("per_page", "10")),
            "total_pages": 1,
        }
        return Trouble(body=json.dumps(body).encode(), seconds=trouble.seconds if trouble is not None else 0.0)

    @staticmethod
    def _fault(path: str, query: dict[str, str], agent: str) -> str | None:
        if path != PATH:
            return f"path {path}"
        if not {"q"} <= query.keys() <= PARAMETERS:
            return f"query {sorted(query)}"
        if len(query["q"]) < 3:
            return "q of less than 3 characters"
        for name, most in (("page", 1000), ("per_page", MOST)):
            if not query.get(name, "1").isdigit() or not 1 <= int(query.get(name, "1")) <= most:
                return f"{name} {query[name]}"
        if not re.fullmatch(r"Citylife \((?:mailto:|https://)\S+\)", agent):
            return f"User-Agent {agent!r}"
        return None


def _firm(one: Establishment) -> dict[str, Any]:
    """A firm in the service's own shape; of whoever is in partial diffusion, the shape alone."""
    place = {
        "siret": one.siret,
        "adresse": one.address if one.told_of else HIDDEN,
        "code_postal": one.address.split()[-2] if one.told_of else HIDDEN,
        "libelle_commune": one.address.split()[-1] if one.told_of else HIDDEN,
        "commune": "62119",
        "liste_enseignes": [one.sign] if one.sign and one.told_of else None,
        "nom_commercial": None,
        "est_siege": one.seat,
        "etat_administratif": "A" if one.open else "F",
        "statut_diffusion_etablissement": "O" if one.told_of else "P",
        "latitude": "50.5301",
        "longitude": "2.6403",
    }
    seat = place if one.seat else {**place, "siret": one.siret[:9] + "00017", "adresse": "1 RUE DU SIEGE 59000 LILLE"}
    return {
        "siren": one.siret[:9],
        "nom_complet": one.firm if one.told_of else HIDDEN,
        "nom_raison_sociale": one.firm if one.told_of else None,
        "etat_administratif": "A",
        "statut_diffusion": "O" if one.told_of else "P",
        "siege": seat,
        "matching_etablissements": [place],
    }


@contextmanager
def a_company_service(*known: Establishment) -> Iterator[PlayedCompanyService]:
    """Listen on a free port of loopback until the block ends."""
    played = PlayedCompanyService(known=list(known))
    with listening(played.answer) as origin:
        played.url = origin
        yield played
