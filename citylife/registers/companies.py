"""Companies by their SIRET: the name and address that « recherche d’entreprises » gives, to be proposed.

Whoever is in partial diffusion (article A123-96 of the Code de commerce) is not told of: the service then writes
`[NON-DIFFUSIBLE]`, and we propose nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from citylife.errors import Invalid
from citylife.registers.enquiry import Register, Unanswered
from citylife.text import check_line
from citylife.wording import Sentence

NOT_FOUND: Final = Sentence(
    "Aucun établissement ne porte ce SIRET dans l’annuaire public. Vous pouvez continuer quand même."
)
HIDDEN: Final = Sentence("Cet établissement ne publie pas son nom ni son adresse. Écrivez-les vous-même.")
ENDED: Final = Sentence(
    "L’annuaire public dit cet établissement fermé. Vérifiez le SIRET ; vous pouvez continuer quand même."
)
NO_ANSWER: Final = Sentence("L’annuaire public des entreprises ne répond pas. Écrivez le nom et l’adresse vous-même.")
LONGEST_NAME: Final = 120
LONGEST_ADDRESS: Final = 200
_PUBLIC: Final = "O"
_ACTIVE: Final = "A"


@dataclass(frozen=True, slots=True)
class ProposedCompany:
    """What a register says of an establishment: its sign or its firm's name, its address on one line; or nothing."""

    name: str
    address: str


class CompanyRegister:
    """The establishments of France."""

    def __init__(self, register: Register) -> None:
        self._register = register

    def find(self, siret: str) -> ProposedCompany | Sentence:
        """The establishment of a SIRET (fourteen digits), or why nothing can be proposed."""
        try:
            said = self._register.ask("/search", q=siret, page=1, per_page=1)
        except Unanswered:
            return NO_ANSWER
        results = said.get("results") if isinstance(said, dict) else None
        if not isinstance(results, list):
            return NO_ANSWER
        for firm, place in _establishments(results):
            if place.get("siret") == siret:
                return _proposed(firm, place)
        return NOT_FOUND


def _establishments(results: list[Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Every firm that was answered with each of its establishments."""
    for firm in results:
        if isinstance(firm, dict):
            matching = firm.get("matching_etablissements")
            for place in (*(matching if isinstance(matching, list) else ()), firm.get("siege")):
                if isinstance(place, dict):
                    yield firm, place


def _proposed(firm: Mapping[str, Any], place: Mapping[str, Any]) -> ProposedCompany | Sentence:
    if (
        place.get("statut_diffusion_etablissement", _PUBLIC) != _PUBLIC
        or firm.get("statut_diffusion", _PUBLIC) != _PUBLIC
    ):
        return HIDDEN
    if place.get("etat_administratif", _ACTIVE) != _ACTIVE:
        return ENDED
    signs = place.get("liste_enseignes")
    names = (
        *(signs if isinstance(signs, list) else ()),
        place.get("nom_commercial"),
        firm.get("nom_raison_sociale"),
        firm.get("nom_complet"),
    )
    name = next((kept for each in names if (kept := _line(each, LONGEST_NAME))), "")
    return ProposedCompany(name, _line(place.get("adresse"), LONGEST_ADDRESS))


def _line(said: object, most: int) -> str:
    """A line that may be shown and written into a field; empty for anything else."""
    if not isinstance(said, str) or said.startswith("["):
        return ""
    try:
        return check_line(" ".join(said.split()), pointer="", most=most, least=0)
    except Invalid:
        return ""
