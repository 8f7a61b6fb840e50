"""The facts of a shop, each read by its own rule before it is kept: name, numbers, place, hours, ways to reach it."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from stdnum.exceptions import ValidationError
from stdnum.fr import siret as siret_number

from citylife.categories import BY_KEY, Policy
from citylife.errors import Invalid
from citylife.geography import cell_at, communes, haversine
from citylife.text import check_line
from citylife.wording import Sentence

_RNA: Final = re.compile(r"W[0-9]{9}")
_POSTAL_CODE: Final = re.compile(r"[0-9]{5}")
_TELEPHONE: Final = re.compile(r"\+?[0-9](?:[ .\-/()]{0,2}[0-9]){2,14}")
_WEB_HOST: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?\.[a-z0-9-]{2,}")
LONGEST_ADDRESS: Final = 300
POLE: Final = 90
ANTIMERIDIAN: Final = 180


class SiretRefused(Invalid):
    """No SIRET number: fourteen digits with their check digits."""

    slug = "siret-refused"
    title = "SIRET refusé"
    sentence = "Ce numéro SIRET n’est pas valable : il a 14 chiffres, dont des chiffres de contrôle."


class RnaRefused(Invalid):
    """No number of the national register of associations."""

    slug = "rna-refused"
    title = "Numéro RNA refusé"
    sentence = "Ce numéro RNA n’est pas valable : un W, puis 9 chiffres."


class CategoryRefused(Invalid):
    """The trade is unknown here, or the law forbids to advertise it."""

    slug = "category-refused"
    title = "Catégorie refusée"
    sentence = "Cette catégorie n’est pas admise."


class NotInTerritory(Invalid):
    """The place lies in none of the 100 communes, or not in the commune that was named."""

    slug = "not-in-territory"
    title = "Hors du territoire"
    sentence = "Cette adresse n’est pas dans l’agglomération de Béthune-Bruay, Artois-Lys Romane."


class ContactRefused(Invalid):
    """No postal code, telephone number or web address."""

    slug = "contact-refused"
    title = "Coordonnées refusées"
    sentence = "Ces coordonnées ne sont pas valables."


@dataclass(frozen=True, slots=True)
class Place:
    """A point of the territory, degrees WGS 84, and its commune."""

    insee_code: str
    latitude: float
    longitude: float


def check_siret(text: str) -> str:
    """The fourteen digits of a SIRET; La Poste's exception is known.

    Raises:
        SiretRefused: wrong length, or wrong check digits.
    """
    try:
        number = siret_number.validate(text)
    except ValidationError:
        raise SiretRefused(pointer="/siret") from None
    return str(number)


def check_rna(text: str) -> str:
    """A number of the national register of associations: W and nine digits.

    Raises:
        RnaRefused: anything else.
    """
    number = text.strip().upper().replace(" ", "")
    if not number.isascii() or not _RNA.fullmatch(number):
        raise RnaRefused(pointer="/rna")
    return number


def check_category(key: str) -> str:
    """The key of a category that may have a page here.

    Raises:
        CategoryRefused: an unknown one, or one the law keeps out (tobacco, gambling).
    """
    category = BY_KEY.get(key)
    if category is None:
        raise CategoryRefused(Sentence("Cette catégorie n’existe pas."), pointer="/category")
    if category.policy is Policy.REFUSED:
        raise CategoryRefused(pointer="/category")
    return key


def check_place(latitude: float, longitude: float, insee_code: str | None = None, *, postal_code: str = "") -> Place:
    """The commune of a point: the one named, or else the nearest centre among those whose cells hold the point.

    Raises:
        NotInTerritory: the point is in none of the 100 communes, or far from the one named.
    """
    if not (abs(latitude) <= POLE and abs(longitude) <= ANTIMERIDIAN):  # NaN is refused too
        raise NotInTerritory(Sentence("Cette position n’existe pas sur Terre."), pointer="/latitude")
    cell = cell_at(latitude, longitude)
    if insee_code is not None:
        facts = communes().get(insee_code)
        if facts is None:
            raise NotInTerritory(pointer="/insee_code")
        if cell not in facts.cells:
            raise NotInTerritory(Sentence("Cette position n’est pas dans la commune indiquée."), pointer="/latitude")
        return Place(insee_code, latitude, longitude)
    around = [facts for facts in communes().values() if cell in facts.cells]
    if not around:
        raise NotInTerritory(pointer="/latitude")
    named = [facts for facts in around if postal_code in facts.postal_codes] or around
    nearest = min(named, key=lambda facts: haversine(latitude, longitude, facts.latitude, facts.longitude))
    return Place(nearest.insee_code, latitude, longitude)


def check_postal_code(text: str) -> str:
    """Five digits, or nothing.

    Raises:
        ContactRefused: anything else.
    """
    code = text.strip()
    if code and not (code.isascii() and _POSTAL_CODE.fullmatch(code)):
        raise ContactRefused(Sentence("Un code postal a 5 chiffres."), pointer="/postal_code")
    return code


def check_telephone(text: str | None) -> str | None:
    """A telephone number as it was written, up to fifteen digits (ITU-T E.164); None for none.

    Raises:
        ContactRefused: anything else.
    """
    number = (text or "").strip()
    if not number:
        return None
    if len(number) > 24 or not number.isascii() or not _TELEPHONE.fullmatch(number):  # noqa: PLR2004 - the column
        raise ContactRefused(Sentence("Ce numéro de téléphone n’est pas valable."), pointer="/telephone")
    return number


def check_website(text: str | None) -> str | None:
    """The http(s) address of a site with a public-looking name; None for none.

    Raises:
        ContactRefused: another scheme, a user name, a port, or an address nobody could follow.
    """
    address = (text or "").strip()
    if not address:
        return None
    refusal = ContactRefused(
        Sentence("L’adresse d’un site commence par https:// et porte un nom de domaine."), pointer="/website"
    )
    check_line(address, pointer="/website", most=LONGEST_ADDRESS)
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").encode("idna").decode()
        plain = parts.port is None and parts.username is None and parts.password is None
    except ValueError:
        raise refusal from None
    blank = any(mark.isspace() or mark in '<>"\\^`{|}' for mark in address)
    if parts.scheme not in {"http", "https"} or not plain or blank or not _WEB_HOST.fullmatch(host):
        raise refusal
    return address
