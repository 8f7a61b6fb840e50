"""Where somebody says she is: a commune of the list, or a position, rounded by her browser and here once more."""

from collections.abc import Mapping, Sequence
from typing import Final

from citylife.errors import Invalid
from citylife.geography import CommuneFacts, communes
from citylife.text import folded

DECIMALS: Final = 2
"""Of a degree: what is left of a position is the same within a kilometre or so."""


class UnreadablePosition(Invalid):
    """What was sent is no position on Earth."""

    slug = "unreadable-position"
    title = "Position illisible"
    sentence = "Cette position ne se lit pas : choisissez plutôt une commune."


def rounded_position(said: Mapping[str, str]) -> tuple[float, float]:
    """Where her browser says she is, within a kilometre or so: latitude and longitude, degrees.

    Raises:
        UnreadablePosition: there are no two numbers, or they are no degrees.
    """
    try:
        latitude, longitude = (round(float(said.get(name, "")), DECIMALS) for name in ("latitude", "longitude"))
    except (ValueError, OverflowError):
        raise UnreadablePosition from None
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):  # noqa: PLR2004 - the Earth's
        raise UnreadablePosition
    return latitude, longitude


def by_name() -> Sequence[CommuneFacts]:
    """The communes as a list offers them."""
    return sorted(communes().values(), key=lambda facts: folded(facts.name))
