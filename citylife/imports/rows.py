"""Rows: what one object of a file says of a shop, before anything of it is believed, and what became of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from citylife.addresses import Address
from citylife.errors import Invalid
from citylife.shops.facts import CategoryRefused, NotInTerritory, check_postal_code
from citylife.text import check_line
from citylife.wording import Sentence

NO_NAME: Final = Sentence("Sans nom ni enseigne.")
NO_POSITION: Final = Sentence("Sans position.")
NOT_UTF_8: Final = Sentence("Ce fichier n’est pas en UTF-8. Enregistrez-le en UTF-8, puis recommencez.")
FORBIDDEN: Final = Sentence(CategoryRefused.sentence)
FAR: Final = Sentence(NotInTerritory.sentence)
BAD_STREET: Final = Sentence("Pris sans sa rue, qui n’est pas lisible.")
BAD_POSTAL_CODE: Final = Sentence("Pris sans son code postal, qui n’est pas valable.")
TWICE: Final = Sentence("Le même identifiant est déjà plus haut dans ce fichier.")

LONGEST_STREET: Final = 160


class FileRefused(Exception):
    """The whole file cannot be read, so that nothing of it is taken; `sentence` says why."""

    def __init__(self, sentence: Sentence) -> None:
        self.sentence = sentence
        super().__init__(str(sentence))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One object of a file: where it stands (a rank from 1, or a line), and its facts as `Listing` names them.

    Without `position` (latitude and longitude, degrees WGS 84), `address` may lead to one. `refusal` says why it
    cannot be taken, `remarks` what is left out of it.
    """

    number: int
    source: str = ""
    name: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    position: tuple[float, float] | None = None
    address: Address | None = None
    refusal: Sentence | None = None
    remarks: tuple[Sentence, ...] = ()


class Verdict(Enum):
    """What became of a row."""

    TAKEN = "taken"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a row, and why; `slug` is the address of the shop's page where it has one."""

    number: int
    source: str
    name: str
    verdict: Verdict
    reason: Sentence | None = None
    remarks: tuple[Sentence, ...] = ()
    slug: str = ""


def refused(row: Row, reason: Sentence) -> Outcome:
    """The row is not taken, for this reason."""
    return Outcome(number=row.number, source=row.source, name=row.name, verdict=Verdict.REFUSED, reason=reason)


def kept_if(check: Callable[[str], str | None], text: str, remark: Sentence, remarks: list[Sentence]) -> str | None:
    """What a rule keeps of a text that a shop can do without; where the rule refuses it, a remark says so."""
    if not text:
        return None
    try:
        return check(text)
    except Invalid:
        remarks.append(remark)
        return None


def street_of(text: str, remarks: list[Sentence]) -> str:
    """A street and its number as the directory keeps them, or nothing and a remark."""
    return kept_if(_check_street, text, BAD_STREET, remarks) or ""


def postal_code_of(text: str, remarks: list[Sentence]) -> str:
    """Five digits, or nothing and a remark."""
    return kept_if(check_postal_code, text, BAD_POSTAL_CODE, remarks) or ""


def _check_street(text: str) -> str:
    return check_line(text, pointer="/street", most=LONGEST_STREET, least=0)
