"""Addresses as one types them: what the Base Adresse Nationale proposes in the 100 communes, the likeliest first.

An import asks the same service through `citylife.addresses`, at leisure and several times; here somebody waits.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from citylife.errors import Invalid
from citylife.geography import communes
from citylife.registers.enquiry import Register, Unanswered
from citylife.shops.facts import check_place, check_postal_code
from citylife.text import check_line

SHORTEST_QUESTION: Final = 3
"""Characters; the service refuses shorter ones, and those that begin with neither a letter nor a digit."""
LONGEST_QUESTION: Final = 200
"""The service refuses longer ones."""
SURE_ENOUGH: Final = 0.6
"""The least score (0 to 1) of an answer that is believed."""
PRECISE: Final = frozenset({"housenumber", "street", "locality"})
"""Kinds of answers that place a shop; « municipality » would put it before the town hall."""
MOST_ASKED: Final = 15
MOST_PROPOSED: Final = 6
TOWARDS: Final = (50.53, 2.64)
"""Degrees WGS 84: of two streets of one name, the one nearer to Béthune comes first."""
LONGEST_LABEL: Final = 200
LONGEST_STREET: Final = 160


@dataclass(frozen=True, slots=True)
class ProposedAddress:
    """An address of the territory, on one line and in its parts, and where it stands, degrees WGS 84."""

    label: str
    street: str
    postal_code: str
    insee_code: str
    latitude: float
    longitude: float

    @property
    def commune(self) -> str:
        """The name of its commune."""
        return communes()[self.insee_code].name


@dataclass(frozen=True, slots=True)
class Proposals:
    """The addresses that words may mean; `elsewhere` says that they surely mean one outside the territory."""

    addresses: tuple[ProposedAddress, ...] = ()
    elsewhere: bool = False


class AddressRegister:
    """The addresses of France."""

    def __init__(self, register: Register) -> None:
        self._register = register

    def propose(self, words: str) -> Proposals:
        """What some words may mean; nothing where they are too few.

        Raises:
            Unanswered: the service did not say.
        """
        asked = " ".join(words.split()).lstrip("'’-,.;:!?/()«»\"*#& ")[:LONGEST_QUESTION]
        if len(asked) < SHORTEST_QUESTION or not asked[0].isalnum():
            return Proposals()
        latitude, longitude = TOWARDS
        said = self._register.ask("/search", q=asked, limit=MOST_ASKED, lat=latitude, lon=longitude)
        features = said.get("features") if isinstance(said, dict) else None
        if not isinstance(features, list):
            raise Unanswered
        found = list(_read(features))
        inside = tuple(dict.fromkeys(address for address, _ in found if address is not None))
        sure = any(address is None and score >= SURE_ENOUGH for address, score in found)
        return Proposals(inside[:MOST_PROPOSED], elsewhere=sure and not inside)


def _read(features: list[Any]) -> Iterator[tuple[ProposedAddress | None, float]]:
    """Each answer that can be read, with how sure it is; None for one of another territory."""
    for feature in features:
        try:
            said = feature["properties"]
            if str(said["type"]) not in PRECISE:
                continue
            score = float(said["score"])
            if str(said["citycode"]) not in communes():
                yield None, score
                continue
            longitude, latitude = feature["geometry"]["coordinates"]
            yield _address(said, float(latitude), float(longitude)), score
        except (Invalid, KeyError, TypeError, ValueError):
            continue  # what cannot be read is not proposed


def _address(said: Mapping[str, Any], latitude: float, longitude: float) -> ProposedAddress:
    insee_code = str(said["citycode"])
    place = check_place(round(latitude, 6), round(longitude, 6), insee_code)
    return ProposedAddress(
        label=check_line(str(said["label"]), pointer="", most=LONGEST_LABEL),
        street=check_line(str(said["name"]), pointer="", most=LONGEST_STREET),
        postal_code=check_postal_code(str(said.get("postcode", ""))),
        insee_code=insee_code,
        latitude=place.latitude,
        longitude=place.longitude,
    )
